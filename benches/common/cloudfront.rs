//! What CloudFront tokens cost, beside the raw operation of the library that signs, with the key parsed before.

use super::floor;
use criterion::{Criterion, criterion_group};
use p256::{
    ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier},
    pkcs8::DecodePrivateKey,
};
use sha2::Digest;
use std::hint::black_box;
use valet_key::{
    aws::cloudfront::{Credential, Expect, KeyRing, PolicyRequest, SigningKey, Verifier},
    clock::Timestamp,
    grant::{Action, Grant, Justification},
    view::RequestView,
};

const HOST: &str = "d111111abcdef8.cloudfront.net";
const ID: &str = "K2JCJMDEHXQW5F";
/// 24 bytes, as for S3.
const OBJECT: &str = "photos/2026/11/cat-1.jpg";
const RSA: &str = include_str!("../../tests/vectors/aws/keys/cloudfront-rsa.pem");
const EC: &str = include_str!("../../tests/vectors/aws/keys/cloudfront-ec.pem");

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

/// Gets an operation's name, ours and the raw one.
type Visit<'v> = &'v mut dyn FnMut(&'static str, &mut dyn FnMut(), &mut dyn FnMut());

fn verifier(key: &SigningKey) -> Verifier {
    let ring = KeyRing::new().with(key.credential().clone(), key.public_key()).unwrap();
    Verifier::new(ring, Expect::new(HOST))
}

fn with_key(
    names: [&'static str; 5],
    key: &SigningKey,
    sign: &mut dyn FnMut(),
    verify: &mut dyn FnMut(),
    f: Visit<'_>,
) {
    let [issue, accept, custom, refuse, expired] = names;
    let object = PolicyRequest::new(&Grant::read(HOST, OBJECT)).unwrap();
    let url = key.signed_url(&object, now()).unwrap();
    let host = [("host", HOST.as_bytes())];
    let target = |url: &str| url.strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap().to_owned();
    let canned = target(url.expose());
    f(
        issue,
        &mut || {
            black_box(key.signed_url(black_box(&object), now()).unwrap());
        },
        sign,
    );
    let verifier = verifier(key);
    let view = RequestView::new("GET", &canned, &host).over_https();
    verifier.verify(&view, now()).unwrap();
    let mut check = |name, view: RequestView<'_>, now: Timestamp, accepted: bool| {
        assert_eq!(verifier.verify(&view, now).is_ok(), accepted, "{name}");
        f(
            name,
            &mut || {
                let _ = black_box(verifier.verify(black_box(&view), now));
            },
            verify,
        );
    };
    check(accept, view, now(), true);
    let why = Justification::new("a benchmark").unwrap();
    let prefix = PolicyRequest::new(&Grant::under(HOST, "photos/", Action::Read).because(why)).unwrap();
    let policy = key.signed_policy(&prefix, now()).unwrap();
    let wild = target(policy.signed_url_for(&format!("https://{HOST}/{OBJECT}")).unwrap().expose());
    check(custom, RequestView::new("GET", &wild, &host).over_https(), now(), true);
    let other = canned.replace("cat-1", "cat-2");
    check(refuse, RequestView::new("GET", &other, &host).over_https(), now(), false);
    check(expired, view, now().saturating_add(900), false);
}

fn with_operations(f: Visit<'_>) {
    let digest = sha2::Sha256::digest(b"a policy");
    let raw = rsa::PrivateKey::from_pkcs8_pem(RSA).unwrap();
    let public = raw.to_public_key();
    let scheme = || rsa::pkcs1v15::Pkcs1v15Sign::new::<sha2::Sha256>();
    let signature = raw.sign(scheme(), &digest).unwrap();
    with_key(
        [
            "aws/cloudfront/rsa/issue",
            "aws/cloudfront/rsa/verify/canned",
            "aws/cloudfront/rsa/verify/custom",
            "aws/cloudfront/rsa/verify/refuse",
            "aws/cloudfront/rsa/verify/refuse_expired",
        ],
        &SigningKey::from_rsa_pem(Credential::rsa(ID).unwrap(), RSA).unwrap(),
        &mut || {
            black_box(raw.sign(scheme(), black_box(&digest)).unwrap());
        },
        &mut || public.verify(scheme(), black_box(&digest), &signature).unwrap(),
        f,
    );
    let raw = p256::ecdsa::SigningKey::from_pkcs8_pem(EC).unwrap();
    let public = *raw.verifying_key();
    let signature: p256::ecdsa::Signature = raw.sign_prehash(&digest).unwrap();
    with_key(
        [
            "aws/cloudfront/ecdsa/issue",
            "aws/cloudfront/ecdsa/verify/canned",
            "aws/cloudfront/ecdsa/verify/custom",
            "aws/cloudfront/ecdsa/verify/refuse",
            "aws/cloudfront/ecdsa/verify/refuse_expired",
        ],
        &SigningKey::from_ec_pem(Credential::ecdsa(ID).unwrap(), EC).unwrap(),
        &mut || {
            let signature: p256::ecdsa::Signature = raw.sign_prehash(black_box(&digest)).unwrap();
            black_box(signature);
        },
        &mut || public.verify_prehash(black_box(&digest), &signature).unwrap(),
        f,
    );
}

fn operations(c: &mut Criterion) {
    with_operations(&mut |name, ours, raw| {
        let mut group = c.benchmark_group(name);
        group.sample_size(10);
        group.bench_function("ours", |b| b.iter(&mut *ours));
        group.bench_function("raw", |b| b.iter(&mut *raw));
        group.finish();
    });
}

criterion_group!(benches, operations);

/// Prints the ratio of every operation to the raw one.
pub(crate) fn ratios() {
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    with_operations(&mut |name, ours, raw| {
        println!("{name:<45} {:>6.3}   of the raw operation", floor::ratio(200, 3, ours, raw));
    });
}
