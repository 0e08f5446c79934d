//! What Cloud Storage tokens cost: HMAC ones beside the floor, RSA ones beside the raw RSA operation of the
//! same library, with the key parsed before.

#[path = "common/floor.rs"]
mod floor;

use criterion::{BenchmarkId, Criterion, criterion_group};
use floor::{compressions, floor};
use rsa::{PrivateKey, PublicKey, pkcs1v15::Pkcs1v15Sign, pkcs8::DecodePrivateKey};
use sha2::Digest;
use std::hint::black_box;
use valet_key::{
    clock::Timestamp,
    gcs::{
        Endpoint, Expect, ExpectForm, FormView, GoogV4, HmacKey, KeyRing, PostPolicy, PresentedForm, Presigner,
        ServiceAccountKey, UrlRequest, Verifier,
    },
    grant::Grant,
    view::RequestView,
};

const HOST: &str = "storage.googleapis.com";
const BUCKET: &str = "examplebucket";
/// 24 bytes, as for S3.
const OBJECT: &str = "photos/2026/11/cat-1.jpg";
const KEY_FILE: &str = include_str!("../tests/vectors/gcs/keys/dummy-service-account.json");

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn hmac() -> HmacKey {
    HmacKey::new("GOOG1EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").unwrap()
}

fn account() -> ServiceAccountKey {
    ServiceAccountKey::from_json(KEY_FILE).unwrap()
}

fn target(url: &str) -> String {
    url.strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap().to_owned()
}

/// Runs `f` with every operation whose floor is a count of compressions.
fn with_operations(f: floor::Visit<'_>) {
    let request = UrlRequest::storage(&Grant::read(BUCKET, OBJECT)).unwrap();
    let prepared = request.prepare(hmac().credential(), now()).unwrap();
    let (creq, sts) = (prepared.canonical_request().len(), prepared.string_to_sign().as_bytes().len());
    let blocks = compressions(creq, sts, false);
    let url = target(hmac().signed_url(&request, now()).unwrap().expose());

    let mut signer = Presigner::new(hmac(), &Endpoint::google(), &Grant::read(BUCKET, OBJECT)).unwrap();
    let mut out = String::with_capacity(1024);
    signer.presign_into(OBJECT, now(), &mut out).unwrap();
    assert!(out.ends_with(&url), "the presigner and the trait must agree");
    f("gcs/hmac/issue", blocks, &mut || {
        signer.presign_into(black_box(OBJECT), now(), &mut out).unwrap();
        black_box(&out);
    });

    f("gcs/hmac/issue_fresh", blocks, &mut || {
        // A token of its own.
        black_box(signer.presign(black_box(OBJECT), now()).unwrap());
    });
    // Names of the same length, so that the floor is the same.
    let names: Vec<String> = (0..10_000).map(|number| format!("photos/2026/11/ca-{number:04}.j")).collect();
    let mut urls = signer.presign_many(names.iter().cycle(), now()).unwrap();
    f("gcs/hmac/presign_many", blocks, &mut || {
        black_box(urls.next_url().unwrap().1.unwrap());
    });

    let verifier = Verifier::new(KeyRing::new().with(hmac()), Expect::new());
    let host = [("host", HOST.as_bytes())];
    let view = RequestView::new("GET", &url, &host);
    verifier.verify(&view, now()).unwrap();
    f("gcs/hmac/verify/accept", blocks, &mut || {
        black_box(verifier.verify(black_box(&view), now()).unwrap());
    });
    let forged = RequestView::new("PUT", &url, &host);
    f("gcs/hmac/verify/refuse", blocks, &mut || {
        black_box(verifier.verify(black_box(&forged), now()).unwrap_err());
    });
    let later = now().saturating_add(901);
    f("gcs/hmac/verify/refuse_expired", blocks, &mut || {
        black_box(verifier.verify(black_box(&view), later).unwrap_err());
    });

    let grant = Grant::upload(BUCKET, OBJECT).content_type_prefix("image/").size(1..=1_048_576);
    let policy = PostPolicy::at(&Endpoint::google(), &grant).unwrap();
    let key = hmac();
    let form = policy.sign(&key, now()).unwrap();
    let fields: Vec<(&str, &str)> = form.fields().chain([("Content-Type", "image/png")]).collect();
    // The policy in base64 is what is hashed, and nothing before it.
    let base64 = fields.iter().find(|(name, _)| *name == "policy").unwrap().1.len();
    let blocks = (64 + base64 + 9).div_ceil(64) - 1 + 1;
    f("gcs/hmac/post_policy/issue", blocks, &mut || {
        black_box(policy.sign(black_box(&key), now()).unwrap());
    });
    let check = || {
        let presented = PresentedForm::parse(black_box(&FormView::new(BUCKET, &fields))).unwrap();
        let pending = presented.check(key.credential(), &ExpectForm::new(), now()).unwrap();
        let expected = key.sign(pending.scope(), pending.string_to_sign()).unwrap();
        pending.accept(&expected).unwrap().expires_at()
    };
    assert_eq!(check(), form.expires_at());
    f("gcs/hmac/post_policy/verify", blocks, &mut || {
        black_box(check());
    });
}

fn operations(c: &mut Criterion) {
    with_operations(&mut |name, blocks, operation| {
        let mut group = c.benchmark_group(name);
        group.bench_function("ours", |b| b.iter(&mut *operation));
        group.bench_function(BenchmarkId::new("floor", blocks), |b| b.iter(|| floor(blocks)));
        group.finish();
    });
}

/// Gets an operation's name, ours and the raw one.
type VisitRsa<'v> = &'v mut dyn FnMut(&'static str, &mut dyn FnMut(), &mut dyn FnMut());

/// Runs `f` with every operation whose floor is the RSA library's own.
fn with_rsa_operations(f: VisitRsa<'_>) {
    let file: serde_json::Value = serde_json::from_str(KEY_FILE).unwrap();
    let raw = PrivateKey::from_pkcs8_pem(file["private_key"].as_str().unwrap()).unwrap();
    let public: PublicKey = raw.to_public_key();
    let scheme = || Pkcs1v15Sign::new::<sha2::Sha256>();
    let digest = sha2::Sha256::digest(b"a string to sign");
    let signature = raw.sign(scheme(), &digest).unwrap();

    let mut signer = Presigner::new(account(), &Endpoint::google(), &Grant::read(BUCKET, OBJECT)).unwrap();
    let mut out = String::with_capacity(1024);
    f(
        "gcs/rsa/issue",
        &mut || {
            signer.presign_into(black_box(OBJECT), now(), &mut out).unwrap();
            black_box(&out);
        },
        &mut || {
            black_box(raw.sign(scheme(), black_box(&digest)).unwrap());
        },
    );
    let mut ring = KeyRing::new();
    ring.set_account(account().credential().clone(), [account().public_key()]).unwrap();
    let verifier = Verifier::new(ring, Expect::new());
    let request = UrlRequest::storage(&Grant::read(BUCKET, OBJECT)).unwrap();
    let url = target(account().signed_url(&request, now()).unwrap().expose());
    let host = [("host", HOST.as_bytes())];
    let view = RequestView::new("GET", &url, &host);
    verifier.verify(&view, now()).unwrap();
    f(
        "gcs/rsa/verify",
        &mut || {
            black_box(verifier.verify(black_box(&view), now()).unwrap());
        },
        &mut || public.verify(scheme(), black_box(&digest), &signature).unwrap(),
    );
}

fn rsa_operations(c: &mut Criterion) {
    with_rsa_operations(&mut |name, ours, raw| {
        let mut group = c.benchmark_group(name);
        group.sample_size(10);
        group.bench_function("ours", |b| b.iter(&mut *ours));
        group.bench_function("raw", |b| b.iter(&mut *raw));
        group.finish();
    });
}

criterion_group!(benches, operations, rsa_operations);

fn main() {
    if floor::is_count(with_operations) {
        return;
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
    floor::ratios(with_operations);
    if !std::env::args().any(|argument| argument == "--test") {
        with_rsa_operations(&mut |name, ours, raw| {
            println!("{name:<45} {:>6.3}   of the raw RSA operation", floor::ratio(200, 3, ours, raw));
        });
    }
}
