//! What signing and verifying cost, beside the floor: the SHA-256 compressions that the same operation
//! needs, with everything laid out before.
//!
//! After the criterion run the ratios to the floor are printed from one interleaved measurement, since
//! times from different moments do not compare on a machine that others use too.

#[cfg(all(feature = "rsa", feature = "ecdsa"))]
#[path = "common/cloudfront.rs"]
mod cloudfront;
#[path = "common/floor.rs"]
mod floor;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use floor::{compressions, floor, mac_compressions};
use sha2::{Digest, Sha256};
use std::hint::black_box;
use valet_key::{
    aws::{
        Checksum, Endpoint, Expect, ExpectForm, FormView, HeaderSigner, KeyRing, Payload, PostPolicy, Presented,
        PresentedForm, Presigner, Region, Request, SigV4, SignedHeaders, StaticKey, Stream, UrlRequest, Verifier,
        auth_token::{EksAuthenticator, Login},
        sts::StsEndpoint,
    },
    clock::Timestamp,
    error::VerifyError,
    grant::Grant,
    view::{Limits, RequestView},
};

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const REGION: &str = "us-east-1";
const BUCKET: &str = "examplebucket";
const HOST: &str = "examplebucket.s3.us-east-1.amazonaws.com";
/// 24 bytes, as in the budgets.
const OBJECT: &str = "photos/2026/11/cat-1.jpg";
const DIRECTORY: &str = "photos/2026/11/";

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn key() -> StaticKey {
    StaticKey::new(ID, SECRET).unwrap()
}

fn presigner() -> Presigner<StaticKey> {
    let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
    Presigner::new(key(), &endpoint, &Grant::read(BUCKET, OBJECT)).unwrap()
}

fn verifier() -> Verifier {
    Verifier::new(KeyRing::new().with(key()), Expect::new(REGION, "s3"))
}

struct Presigned {
    target: String,
    blocks: usize,
    cold_blocks: usize,
}

fn presigned() -> Presigned {
    let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
    let request = UrlRequest::at(&endpoint, &Grant::read(BUCKET, OBJECT)).unwrap();
    let key = key();
    let prepared = request.prepare(key.credential(), now()).unwrap();
    let (creq, sts) = (prepared.canonical_request().len(), prepared.string_to_sign().as_bytes().len());
    let url = key.presign(&request, now()).unwrap();
    let target = url.expose().strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap().to_owned();
    Presigned { target, blocks: compressions(creq, sts, false), cold_blocks: compressions(creq, sts, true) }
}

struct HeaderSigned {
    target: &'static str,
    given: Vec<(String, Vec<u8>)>,
    sent: Vec<(String, Vec<u8>)>,
    blocks: usize,
}

/// A PUT with eight header lines, `host` and the signer's own included.
fn header_signed() -> HeaderSigned {
    let target = "/photos/2026/11/cat-1.jpg";
    let given: Vec<(String, Vec<u8>)> = [
        ("host", HOST),
        ("content-type", "image/jpeg"),
        ("content-length", "48213"),
        ("cache-control", "max-age=3600"),
        ("x-amz-meta-user", "42"),
        ("x-amz-storage-class", "STANDARD"),
    ]
    .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
    .into();
    let mut request = Request::new("PUT", &format!("https://{HOST}"), REGION, "s3").unwrap().path(target);
    for (name, value) in given.iter().filter(|(name, _)| name != "host") {
        request = request.header(name.as_str(), value.as_slice());
    }
    let key = key();
    let prepared = request.prepare_headers(key.credential(), now()).unwrap();
    let blocks = compressions(prepared.canonical_request().len(), prepared.string_to_sign().as_bytes().len(), false);
    let signed = key.sign_headers(&request, now()).unwrap();
    let mut sent = given.clone();
    sent.extend(signed.expose().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())));
    HeaderSigned { target, given, sent, blocks }
}

fn lines(owned: &[(String, Vec<u8>)]) -> Vec<(&str, &[u8])> {
    owned.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect()
}

/// Runs `f` with every operation that has a floor: its name, the blocks of its floor, and the operation.
fn with_operations(f: floor::Visit<'_>) {
    let url = presigned();
    let mut signer = presigner();
    let mut out = String::with_capacity(1024);
    signer.presign_into(OBJECT, now(), &mut out).unwrap();
    assert!(out.ends_with(&url.target), "the presigner and the trait must agree");
    f("aws/presign/warm", url.blocks, &mut || {
        signer.presign_into(black_box(OBJECT), now(), &mut out).unwrap();
        black_box(&out);
    });
    f("aws/presign/fresh", url.blocks, &mut || {
        // A token of its own.
        black_box(signer.presign(black_box(OBJECT), now()).unwrap());
    });
    // Names of the same length, so that the floor is the same.
    let names: Vec<String> = (0..10_000).map(|number| format!("photos/2026/11/ca-{number:04}.j")).collect();
    let mut urls = signer.presign_many(names.iter().cycle(), now()).unwrap();
    f("aws/presign_many", url.blocks, &mut || {
        black_box(urls.next_url().unwrap().1.unwrap());
    });
    let mut urls = signer
        .presign_many_under(DIRECTORY, black_box(&names).iter().map(|name| &name[DIRECTORY.len()..]).cycle(), now())
        .unwrap();
    f("aws/presign_many_under", url.blocks, &mut || {
        black_box(urls.next_url().unwrap().1.unwrap());
    });
    let mut days = [now(), now().saturating_add(86_400)];
    f("aws/presign/cold", url.cold_blocks, &mut || {
        // Another day each time, so that the key is derived again.
        days.swap(0, 1);
        signer.presign_into(black_box(OBJECT), days[0], &mut out).unwrap();
        black_box(&out);
    });
    let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
    f("aws/presign/from_nothing", url.cold_blocks, &mut || {
        // From the secret and the names on: no derived key, no template.
        let request = UrlRequest::at(&endpoint, &Grant::read(BUCKET, black_box(OBJECT))).unwrap();
        black_box(key().presign(&request, now()).unwrap());
    });

    let put = header_signed();
    let given = lines(&put.given);
    let sent = lines(&put.sent);
    let mut header_signer = HeaderSigner::new(key(), REGION, "s3").unwrap();
    let mut sign = |out: &mut String| {
        header_signer.sign_into("PUT", put.target, black_box(&given), Payload::Empty, now(), out).unwrap();
    };
    sign(&mut out);
    assert_eq!(out.as_bytes(), sent.last().unwrap().1, "the signer and the trait must agree");
    f("aws/sign_headers/8", put.blocks, &mut || sign(&mut out));

    let verifier = verifier();
    let host = [("host", HOST.as_bytes())];
    let view = RequestView::new("GET", &url.target, &host);
    verifier.verify(&view, now()).unwrap();
    f("aws/verify/presigned/accept", url.blocks, &mut || {
        black_box(verifier.verify(black_box(&view), now()).unwrap());
    });
    let mut forged = url.target.clone();
    let last = if forged.pop() == Some('0') { '1' } else { '0' };
    forged.push(last);
    let forged = RequestView::new("GET", &forged, &host);
    f("aws/verify/presigned/refuse", url.blocks, &mut || {
        black_box(verifier.verify(black_box(&forged), now()).unwrap_err());
    });
    let later = now().saturating_add(901);
    f("aws/verify/presigned/refuse_expired", url.blocks, &mut || {
        black_box(verifier.verify(black_box(&view), later).unwrap_err());
    });
    let bare = RequestView::new("GET", "/photos/2026/11/cat-1.jpg", &host);
    f("aws/verify/presigned/refuse_not_signed", url.blocks, &mut || {
        black_box(verifier.verify(black_box(&bare), now()).unwrap_err());
    });
    let view = RequestView::new("PUT", put.target, &sent);
    verifier.verify(&view, now()).unwrap();
    f("aws/verify/header/accept", put.blocks, &mut || {
        black_box(verifier.verify(black_box(&view), now()).unwrap());
    });
    let forged = RequestView::new("POST", put.target, &sent);
    f("aws/verify/header/refuse", put.blocks, &mut || {
        black_box(verifier.verify(black_box(&forged), now()).unwrap_err());
    });
    with_large_requests(f);
    with_forms(f);
    with_tokens(f);
}

/// Requests near the limits, the honest ones beside the worst that are as large: what the worst cost more is a number to be
/// held to, not a surprise. The floor of each is that of its own canonical request.
fn with_large_requests(f: floor::Visit<'_>) {
    let verifier = verifier();
    let host = ("host", HOST.as_bytes());
    let url = presigned().target;
    let (path, query) = url.split_once('?').unwrap();
    let judge = |view: &RequestView<'_>| verifier.verify(view, now()).map(|_| ()).unwrap_err();
    let blocks = |view: &RequestView<'_>| {
        let presented = Presented::parse(view).unwrap();
        let pending = presented.check(key().credential(), &Expect::new(REGION, "s3"), now()).unwrap();
        compressions(pending.canonical_request().len(), pending.string_to_sign().as_bytes().len(), false)
    };
    // 250 parameters of 60 bytes that differ where they end, so that a comparison has to read them.
    let param = |at: usize, name: &str| format!("a{name}{at:03}={}", "v".repeat(19));
    let in_order: Vec<String> = (0..250).map(|at| param(at, &"abc".repeat(12))).collect();
    let reversed: Vec<String> = in_order.iter().rev().cloned().collect();
    // The same names in two spellings, which differ in every letter.
    let spelled =
        |at: usize| (at..at + 18).map(|it| if it.is_multiple_of(2) { "b" } else { "%62" }).collect::<String>();
    let spelled: Vec<String> = (0..250).rev().map(|at| param(at, &spelled(at))).collect();
    for (name, params) in [
        ("aws/verify/large/params", in_order),
        ("aws/verify/large/params_reversed", reversed),
        ("aws/verify/large/params_respelled", spelled),
    ] {
        let target = format!("{path}?{query}&{}", params.join("&"));
        let lines = [host];
        let view = RequestView::new("GET", &target, &lines);
        assert_eq!(judge(&view), VerifyError::SignatureMismatch);
        f(name, blocks(&view), &mut || {
            black_box(judge(black_box(&view)));
        });
    }
    let escapes = format!("{path}?{query}&a={}", "%7e".repeat(5_000));
    let lines = [host];
    let view = RequestView::new("GET", &escapes, &lines);
    f("aws/verify/large/escapes", blocks(&view), &mut || {
        black_box(judge(black_box(&view)));
    });
    // 120 lines whose names differ where they end, of which 60 are signed.
    let names: Vec<String> = (0..120).map(|at| format!("a-header-with-a-long-name-{at:03}")).collect();
    let signed: Vec<&str> = names.iter().step_by(2).map(String::as_str).collect();
    let target = url.replace("SignedHeaders=host", &format!("SignedHeaders={}%3Bhost", signed.join("%3B")));
    let tidy = b"a value of forty bytes, with six blanks.".as_slice();
    let blank = b"  a   b\t c  d   e  f   g    h   i  j    ".as_slice();
    let in_order: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), tidy)).chain([host]).collect();
    let upper: Vec<String> = names.iter().map(|name| name.to_uppercase()).collect();
    let reversed: Vec<(&str, &[u8])> = [host].into_iter().chain(upper.iter().rev().map(|it| (&**it, blank))).collect();
    for (name, lines) in [("aws/verify/large/headers", in_order), ("aws/verify/large/headers_reversed", reversed)] {
        let view = RequestView::new("GET", &target, &lines);
        assert_eq!(judge(&view), VerifyError::SignatureMismatch);
        f(name, blocks(&view), &mut || {
            black_box(judge(black_box(&view)));
        });
    }
}

/// A form of ten fields, whose policy has a condition for each and a size.
fn with_forms(f: floor::Visit<'_>) {
    let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
    let grant = Grant::upload(BUCKET, OBJECT).content_type("image/jpeg").size(0..=1 << 20).metadata("user", "42");
    let policy = PostPolicy::at(&endpoint, &grant).unwrap().field("acl", "private").success_status(201);
    let key = key();
    let form = policy.sign(&key, now()).unwrap();
    let prepared = policy.prepare(key.credential(), now()).unwrap();
    let blocks = mac_compressions(prepared.string_to_sign().as_bytes().len());
    f("aws/post policy", blocks, &mut || {
        black_box(black_box(&policy).sign(&key, now()).unwrap());
    });
    let fields: Vec<(&str, &str)> = form.fields().collect();
    let ring = KeyRing::new().with(key);
    let expect = ExpectForm::new(REGION);
    let check = |fields: &[(&str, &str)]| {
        let presented = PresentedForm::parse(&FormView::new(BUCKET, fields)).unwrap();
        ring.verify_form(presented, &expect, now()).map(|form| form.key().len())
    };
    assert_eq!(check(&fields), Ok(OBJECT.len()));
    f("aws/post policy/verify/accept", blocks, &mut || {
        black_box(check(black_box(&fields)).unwrap());
    });
    let signature = "0".repeat(64);
    let mut forged = fields.clone();
    forged.last_mut().unwrap().1 = &signature;
    f("aws/post policy/verify/refuse", blocks, &mut || {
        black_box(check(black_box(&forged)).unwrap_err());
    });
}

/// Tokens of EKS and of RDS, with a key that has signed for their scope before. Their floor leaves out base64.
fn with_tokens(f: floor::Visit<'_>) {
    let endpoint = StsEndpoint::regional(Region::new(REGION).unwrap());
    let (eks, rds) = (Login::eks("my-cluster", &endpoint), Login::rds("db.example", 5432, "jane", REGION));
    let (eks, rds, key) = (eks.unwrap(), rds.unwrap(), key());
    let blocks = |login: &Login| {
        let prepared = login.prepare(key.credential(), now()).unwrap();
        compressions(prepared.canonical_request().len(), prepared.string_to_sign().as_bytes().len(), false)
    };
    let token = eks.issue(&key, now()).unwrap();
    let authenticator = EksAuthenticator::new("my-cluster", [endpoint]).unwrap();
    authenticator.verify(token.expose(), &key, now()).unwrap();
    f("aws/token/eks/issue", blocks(&eks), &mut || {
        black_box(eks.issue(black_box(&key), now()).unwrap());
    });
    f("aws/token/eks/verify/accept", blocks(&eks), &mut || {
        black_box(authenticator.verify(black_box(token.expose()), &key, now()).unwrap());
    });
    let forged = eks.issue(&StaticKey::new(ID, "another secret").unwrap(), now()).unwrap();
    let forged = forged.expose();
    let refused = authenticator.verify(forged, &key, now()).unwrap_err();
    assert_eq!(refused, VerifyError::SignatureMismatch);
    f("aws/token/eks/verify/refuse", blocks(&eks), &mut || {
        black_box(authenticator.verify(black_box(forged), &key, now()).unwrap_err());
    });
    authenticator.check(token.expose(), now()).unwrap();
    f("aws/token/eks/check", blocks(&eks), &mut || {
        black_box(authenticator.check(black_box(token.expose()), now()).unwrap());
    });
    let token = rds.issue(&key, now()).unwrap();
    rds.verify(token.expose(), &key, now()).unwrap();
    f("aws/token/rds/verify/accept", blocks(&rds), &mut || {
        black_box(rds.verify(black_box(token.expose()), &key, now()).unwrap());
    });
}

/// A P-256 signature and its check, beside which hashing is nothing: the floor is the bare operation of the `p256` crate.
#[cfg(feature = "sigv4a")]
fn asymmetric(c: &mut Criterion) {
    use p256::ecdsa::{
        Signature, SigningKey,
        signature::hazmat::{PrehashSigner, PrehashVerifier},
    };
    use valet_key::aws::v4a;
    let key = v4a::StaticKey::new(ID, SECRET).unwrap();
    let bare = SigningKey::from_slice(&[0x5a; 32]).unwrap();
    let digest = black_box([0x77; 32]);
    let signature: Signature = bare.sign_prehash(&digest).unwrap();
    let request = UrlRequest::s3(&Grant::read(BUCKET, OBJECT), REGION).unwrap();
    let url = key.presign(&request, now()).unwrap();
    let target = url.expose().strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap().to_owned();
    let ring = v4a::KeyRing::new().with(key.credential().clone(), key.public_key());
    let host = [("host", HOST.as_bytes())];
    let expect = Expect::new(REGION, "s3");
    let verify = |target: &str, now: Timestamp| {
        let presented = v4a::Presented::parse(&RequestView::new("GET", target, &host)).unwrap();
        ring.verify(presented, &expect, now).is_ok()
    };
    let forged = target.replace("cat-1", "cat-2");
    let later = now().saturating_add(901);
    assert!(verify(&target, now()) && !verify(&forged, now()) && !verify(&target, later));

    let mut group = c.benchmark_group("aws/v4a");
    group.bench_function("derive", |b| b.iter(|| v4a::StaticKey::new(ID, black_box(SECRET)).unwrap()));
    group.bench_function("presign", |b| b.iter(|| key.presign(black_box(&request), now()).unwrap()));
    group.bench_function("presign/floor", |b| {
        b.iter(|| PrehashSigner::<Signature>::sign_prehash(&bare, black_box(&digest)).unwrap());
    });
    group.bench_function("verify/accept", |b| b.iter(|| verify(black_box(&target), now())));
    group.bench_function("verify/refuse", |b| b.iter(|| verify(black_box(&forged), now())));
    group.bench_function("verify/refuse_expired", |b| b.iter(|| verify(black_box(&target), later)));
    group.bench_function("verify/floor", |b| {
        b.iter(|| bare.verifying_key().verify_prehash(black_box(&digest), &signature).unwrap());
    });
    group.finish();
}

#[cfg(not(feature = "sigv4a"))]
fn asymmetric(_: &mut Criterion) {}

fn operations(c: &mut Criterion) {
    with_operations(&mut |name, blocks, operation| {
        let mut group = c.benchmark_group(name);
        group.bench_function("ours", |b| b.iter(&mut *operation));
        group.bench_function(BenchmarkId::new("floor", blocks), |b| b.iter(|| floor(blocks)));
        group.finish();
    });
}

/// Cost against the number of signed headers and of query parameters, to be seen to grow in a line.
fn growth(c: &mut Criterion) {
    let limits = Limits::DEFAULT.params(512).header_lines(256).signed_headers(256).target(60 << 10);
    let key = key();
    let mut group = c.benchmark_group("aws/growth/headers");
    for count in [2usize, 20, 200] {
        let request = (0..count)
            .fold(Request::new("GET", &format!("https://{HOST}"), REGION, "s3").unwrap(), |r, at| {
                r.header(format!("x-amz-meta-{at:03}"), "value")
            });
        let signed = key.sign_headers(&request, now()).unwrap();
        let mut sent = vec![("host".to_owned(), HOST.as_bytes().to_vec())];
        sent.extend((0..count).map(|at| (format!("x-amz-meta-{at:03}"), b"value".to_vec())));
        sent.extend(signed.expose().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())));
        let sent = lines(&sent);
        let verifier = verifier().limits(limits);
        let view = RequestView::new("GET", "/", &sent);
        verifier.verify(&view, now()).unwrap();
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::new("verify", count), |b| {
            b.iter(|| verifier.verify(black_box(&view), now()).is_ok());
        });
    }
    group.finish();
    let mut group = c.benchmark_group("aws/growth/params");
    for count in [2usize, 20, 200] {
        let request = (0..count)
            .fold(Request::new("GET", &format!("https://{HOST}"), REGION, "s3").unwrap(), |r, at| {
                r.query(format!("param-{at:03}"), "value")
            });
        let url = key.presign(&UrlRequest::new(request), now()).unwrap();
        let target = url.expose().strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap();
        // In reverse, so that the verifier has to sort.
        let (path, query) = target.split_once('?').unwrap();
        let reversed: Vec<&str> = query.split('&').rev().collect();
        let reversed = format!("{path}?{}", reversed.join("&"));
        let host = [("host", HOST.as_bytes())];
        let verifier = verifier().limits(limits);
        for (order, target) in [("sorted", target), ("reversed", &reversed)] {
            let view = RequestView::new("GET", target, &host);
            verifier.verify(&view, now()).unwrap();
            group.throughput(Throughput::Elements(count as u64));
            group.bench_function(BenchmarkId::new(order, count), |b| {
                b.iter(|| verifier.verify(black_box(&view), now()).is_ok());
            });
        }
    }
    group.finish();
}

/// A body in chunks of 64 KiB, which is what clients send, and the head before it.
struct Chunked {
    body: Vec<u8>,
    head: SignedHeaders,
    sent: Vec<(String, Vec<u8>)>,
    framed: Vec<u8>,
}

fn chunked(stream: Stream) -> Chunked {
    let body: Vec<u8> = (0..stream.length()).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect();
    let request = Request::new("PUT", &format!("https://{HOST}"), REGION, "s3").unwrap().path("/k").stream(stream);
    let head = key().sign_headers(&request, now()).unwrap();
    let mut sent = vec![("host".to_owned(), HOST.as_bytes().to_vec())];
    sent.extend(head.expose().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())));
    let mut framed = Vec::new();
    let mut chunks = head.chunk_signer().unwrap();
    for data in body.chunks(64 << 10) {
        let frame = chunks.chunk(&key(), data).unwrap();
        framed.extend([frame.before(), data, frame.after()].concat());
    }
    framed.extend(chunks.finish(&key()).unwrap());
    Chunked { body, head, sent, framed }
}

/// Runs `f` with every operation on a body: its name, the body, and the operation. The body is of 1 MiB and arrives in
/// pieces of 16 KiB, as from a socket, unless the name says otherwise.
fn with_bodies(mut f: impl FnMut(&'static str, &[u8], &mut dyn FnMut())) {
    const LENGTH: u64 = 1 << 20;
    let verifier = Verifier::new(KeyRing::new().with(key()), Expect::new(REGION, "s3").allow_unsigned_trailers());
    let signed = Stream::signed(LENGTH);
    for (name, stream, pieces) in [
        ("aws/chunk verify", signed, 16 << 10),
        ("aws/chunk verify/in one piece", signed, usize::MAX),
        ("aws/chunk verify/crc32", signed.trailer(Checksum::Crc32), 16 << 10),
        ("aws/chunk verify/crc64nvme", signed.trailer(Checksum::Crc64Nvme), 16 << 10),
    ] {
        let it = chunked(stream);
        let sent = lines(&it.sent);
        let head = verifier.verify(&RequestView::new("PUT", it.head.target(), &sent), now()).unwrap();
        let read = |look: &mut dyn FnMut(&[u8])| {
            let mut chunks = head.chunks().unwrap();
            for piece in it.framed.chunks(pieces) {
                let mut piece = piece;
                while let Some(bytes) = chunks.next(&mut piece).unwrap() {
                    look(bytes);
                }
            }
            chunks.finish().unwrap();
        };
        let mut whole = Vec::new();
        read(&mut |bytes| whole.extend_from_slice(bytes));
        assert!(whole == it.body, "what is read must be what was sent");
        f(name, &it.body, &mut || {
            read(&mut |bytes| {
                black_box(bytes);
            });
        });
    }
    let it = chunked(signed);
    let scoped = key().scoped(&valet_key::aws::Scope::new(now(), REGION, "s3").unwrap()).unwrap();
    f("aws/chunk sign", &it.body, &mut || {
        let mut chunks = it.head.chunk_signer().unwrap();
        for data in it.body.chunks(64 << 10) {
            black_box(chunks.chunk(&scoped, black_box(data)).unwrap());
        }
        black_box(chunks.finish(&scoped).unwrap());
    });
}

fn bodies(c: &mut Criterion) {
    with_bodies(|name, body, operation| {
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function("ours", |b| b.iter(&mut *operation));
        group.bench_function("sha256", |b| b.iter(|| Sha256::digest(black_box(body))));
        group.finish();
    });
}

/// Prints how many bytes per second go through, as a part of those of SHA-256 alone.
fn throughput() {
    const ROUNDS: u32 = 60;
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    println!(
        "\nbodies                                        throughput to that of SHA-256 (best of {ROUNDS} interleaved rounds)"
    );
    with_bodies(|name, body, operation| {
        let slower = floor::ratio(ROUNDS, 4, operation, &mut || {
            black_box(Sha256::digest(black_box(body)));
        });
        println!("{name:<45} {:>6.2}   ({} bytes)", 1.0 / slower, body.len());
    });
}

/// Prints how many times as many URLs two threads make as one does, each with a clone of the presigner and its share of the names.
fn two_threads() {
    const ROUNDS: u32 = 200;
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let names: Vec<String> = (0..2_000).map(|number| format!("{DIRECTORY}{number:04}.ts")).collect();
    let share = |mut signer: Presigner<&StaticKey>| {
        let mut urls = signer.presign_many(&names, now()).unwrap();
        while let Some((_, url)) = urls.next_url() {
            black_box(url.unwrap());
        }
    };
    let key = key();
    let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
    let mut signer = Presigner::new(&key, &endpoint, &Grant::read(BUCKET, OBJECT)).unwrap();
    signer.move_to(now()).unwrap();
    let on_threads = |threads: u32| {
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| share(signer.clone()));
            }
        });
    };
    let longer = floor::ratio(ROUNDS, 1, &mut || on_threads(2), &mut || on_threads(1));
    println!(
        "\naws/presign_many on two threads makes {:.2} times as many URLs as on one (best of {ROUNDS} interleaved rounds)",
        2.0 / longer
    );
}

/// Encoding, measured through what the public interface does with a name of 1,000 bytes.
fn encode(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode");
    for (kind, text) in [("plain", "a".repeat(1000)), ("escaped", "\u{fc}".repeat(500))] {
        let mut signer = presigner();
        let mut out = String::new();
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(kind, |b| b.iter(|| signer.presign_into(black_box(&text), now(), &mut out).unwrap()));
    }
    group.finish();
}

criterion_group!(benches, operations, asymmetric, growth, encode, bodies);

fn main() {
    if floor::is_count(with_operations) {
        return;
    }
    benches();
    #[cfg(all(feature = "rsa", feature = "ecdsa"))]
    cloudfront::benches();
    Criterion::default().configure_from_args().final_summary();
    floor::ratios(with_operations);
    throughput();
    two_threads();
    #[cfg(all(feature = "rsa", feature = "ecdsa"))]
    cloudfront::ratios();
}
