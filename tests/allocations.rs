//! Warm signing and every verdict on a request that was signed locally run without an allocation.
//!
//! The counting allocator is that of the `allocation-counter` crate, since an allocator of our own would
//! need `unsafe`.

use allocation_counter::measure;
use std::hint::black_box;
use valet_key::aws::{
    Endpoint, Expect, HeaderSigner, KeyRing, Payload, Presigner, Region, Request, SigV4, StaticKey, UrlRequest,
    Verifier,
};
use valet_key::clock::Timestamp;
use valet_key::grant::Grant;
use valet_key::view::RequestView;

const REGION: &str = "eu-west-1";
const HOST: &str = "photos.s3.eu-west-1.amazonaws.com";

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

fn key() -> StaticKey {
    StaticKey::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").unwrap()
}

fn verifier() -> Verifier {
    Verifier::new(KeyRing::new().with(key()), Expect::new(REGION, "s3"))
}

#[track_caller]
fn allocates_nothing(what: &str, mut f: impl FnMut()) {
    let count = measure(&mut f).count_total;
    assert_eq!(count, 0, "{what}");
}

fn presigned(name: &str) -> String {
    let url = key().presign(&UrlRequest::s3(&Grant::read("photos", name), REGION).unwrap(), now()).unwrap();
    url.expose().strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap().to_owned()
}

#[test]
fn the_counter_counts() {
    assert!(measure(|| drop(black_box(vec![1u8; 10]))).count_total > 0);
}

#[test]
fn presigning_into_a_warm_buffer_allocates_nothing() {
    let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
    let mut presigner = Presigner::new(key(), &endpoint, &Grant::read("photos", "x")).unwrap();
    let mut url = String::new();
    presigner.presign_into("2026/a name with blanks.jpg", now(), &mut url).unwrap();
    allocates_nothing("the same second", || {
        presigner.presign_into("2026/cat.jpg", now(), &mut url).unwrap();
        presigner.presign_into("2026/b c.jpg", now(), &mut url).unwrap();
    });
    allocates_nothing("the next second", || {
        presigner.presign_into("2026/cat.jpg", now().saturating_add(1), &mut url).unwrap();
    });
}

#[test]
fn signing_headers_into_a_warm_buffer_allocates_nothing() {
    let mut signer = HeaderSigner::new(key(), REGION, "s3").unwrap();
    let lines: [(&str, &[u8]); 3] =
        [("host", HOST.as_bytes()), ("X-Amz-Meta-A", b" a  b "), ("content-type", b"image/png")];
    let mut authorization = String::new();
    let mut sign =
        |at| signer.sign_into("PUT", "/cat.jpg?a=1", &lines, Payload::Empty, at, &mut authorization).unwrap();
    sign(now());
    allocates_nothing("the same second", || sign(now()));
    allocates_nothing("the next second", || sign(now().saturating_add(1)));
}

#[test]
fn a_verdict_allocates_nothing() {
    let verifier = verifier();
    let host = [("host", HOST.as_bytes())];
    let target = presigned("2026/cat.jpg");
    let forged = format!("{}{}", &target[..target.len() - 1], u8::from(target.ends_with('0')));
    let unknown = target.replace("AKIAIOSFODNN7EXAMPLE", "AKIAUNKNOWN");
    // The same parameters in another order, so that they have to be sorted.
    let (path, query) = target.split_once('?').unwrap();
    let reversed = format!("{path}?{}", query.split('&').rev().collect::<Vec<_>>().join("&"));
    let check = |target: &str, at| verifier.verify(&RequestView::new("GET", target, &host), at).map(|_| ()).is_ok();
    // The first acceptance keeps the derived key, the first refusal of an unknown id derives a decoy.
    assert!(check(&target, now()));
    allocates_nothing("accepted", || assert!(check(&target, now())));
    allocates_nothing("accepted, unsorted", || assert!(check(&reversed, now())));
    allocates_nothing("wrong signature", || assert!(!check(&forged, now())));
    allocates_nothing("expired", || assert!(!check(&target, now().saturating_add(901))));
    allocates_nothing("not signed", || assert!(!check("/cat.jpg", now())));
    assert!(!check(&unknown, now()));
    let unknown = measure(|| assert!(!check(&unknown, now()))).count_total;
    assert!(unknown <= 1, "an unknown key cost {unknown} allocations");
}

#[test]
fn a_verdict_on_signed_headers_allocates_nothing() {
    let verifier = verifier();
    let request = Request::new("PUT", &format!("https://{HOST}"), REGION, "s3").unwrap().path("/cat.jpg");
    let signed = key().sign_headers(&request.header("x-amz-meta-a", "1"), now()).unwrap();
    let mut lines: Vec<(&str, &[u8])> = vec![("host", HOST.as_bytes()), ("x-amz-meta-a", b"1")];
    lines.extend(signed.expose().map(|(name, value)| (name, value.as_bytes())));
    let check =
        |method: &str| verifier.verify(&RequestView::new(method, "/cat.jpg", &lines), now()).map(|_| ()).is_ok();
    assert!(check("PUT"));
    allocates_nothing("accepted", || assert!(check("PUT")));
    allocates_nothing("refused", || assert!(!check("POST")));
}

#[test]
fn a_verdict_at_the_edge_allocates_nothing() {
    use valet_key::aws::{Presented, Scope};
    let edge = key().derive_scoped(&Scope::new(now(), REGION, "s3").unwrap());
    let expect = Expect::new(REGION, "s3");
    let target = presigned("2026/cat.jpg");
    let host = [("host", HOST.as_bytes())];
    allocates_nothing("accepted", || {
        let presented = Presented::parse(&RequestView::new("GET", &target, &host)).unwrap();
        assert!(edge.verify(presented, &expect, now()).is_ok());
    });
}

#[test]
fn a_hostile_request_allocates_no_more_than_its_refusal_tells() {
    let verifier = verifier();
    let params: Vec<String> = (0..245).rev().map(|at| format!("%41{at}=%7e%7E+")).collect();
    let target = format!("{}&{}", presigned("cat.jpg"), params.join("&"));
    let names: Vec<String> = (0..127).rev().map(|at| format!("X-{at}")).collect();
    let mut lines = vec![("host", HOST.as_bytes())];
    lines.extend(names.iter().map(|name| (name.as_str(), &b"  a  \t b  "[..])));
    let view = RequestView::new("GET", &target, &lines);
    assert!(verifier.verify(&view, now()).is_err());
    let info = measure(|| assert!(verifier.verify(black_box(&view), now()).is_err()));
    // Names in an error are cut at 64 bytes.
    assert!(info.count_total <= 2 && info.bytes_total <= 256, "{info:?}");
}
