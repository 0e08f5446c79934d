use crate::{our_key, our_verdict};
use scratchstack_aws_signature::SignatureOptions;
use std::sync::Mutex;
use valet_key::{
    aws::{Expect, KeyRing, Request, SigV4 as _, UrlRequest, Verifier},
    clock::Timestamp,
    error::VerifyError,
    view::RequestView,
};
use valet_key_peers::{
    aws::{put, url_at},
    aws_verify::{Keys, request, sent},
    work::{HOST, PATH, REGION, SECONDS, SECRET, now},
};

fn accepts(lines: &[(&str, &str)], seconds: i64) -> bool {
    Keys::kept().at(seconds).accepts(&request(PATH, lines))
}

fn ours(lines: &[(&str, &str)], at: Timestamp) -> Result<(), VerifyError> {
    let lines: Vec<(&str, &[u8])> = lines.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let verifier = Verifier::new(KeyRing::new().with(our_key()), Expect::new(REGION, "s3"));
    verifier.verify(&RequestView::new("PUT", PATH, &lines), at).map(|_| ())
}

#[test]
fn scratchstack_accepts_an_honest_request_and_refuses_a_forged_one() {
    let authorization = put(now()).0;
    assert!(accepts(&sent(&authorization), SECONDS));
    assert!(!Keys::kept().accepts(&request("/photos/2026/11/cat-2.jpg", &sent(&authorization))));
}

#[test]
fn scratchstack_refuses_every_presigned_url() {
    // It reads the credential from the query with its `/` still written as `%2F`, and finds one part where there are five.
    // (And it hashes the body, where S3 signs that the payload is not signed.)
    let request = Request::new("GET", &format!("https://{HOST}"), REGION, "s3").unwrap().path(PATH);
    let hashed = request.clone().payload(valet_key::aws::Payload::Empty);
    let hashed = our_key().presign(&UrlRequest::new(hashed), now()).unwrap().expose().to_owned();
    for url in [url_at(now()), hashed] {
        let target = url.strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap();
        for options in [SignatureOptions::S3, SignatureOptions::default()] {
            let mut request = http::Request::get(target).header("host", HOST);
            if url.contains("x-amz-content-sha256") {
                request = request.header("x-amz-content-sha256", valet_key_peers::aws::EMPTY);
            }
            let error = Keys::kept().check(request.body(()).unwrap(), options).unwrap_err().to_string();
            assert!(error.starts_with("Credential must have exactly 5"), "{error}");
        }
    }
    assert_eq!(our_verdict("s3", &url_at(now()), &[], now()), Ok(()));
}

#[test]
fn scratchstack_holds_a_signed_request_to_a_quarter_of_an_hour() {
    let authorization = put(now()).0;
    let sent = sent(&authorization);
    assert!(accepts(&sent, SECONDS + 900) && accepts(&sent, SECONDS - 900));
    assert!(!accepts(&sent, SECONDS + 901) && !accepts(&sent, SECONDS - 901));
}

#[test]
fn scratchstack_takes_the_last_of_two_signatures_in_one_header() {
    let authorization = put(now()).0;
    let twice = authorization.replacen("Signature=", &format!("Signature={}, Signature=", "0".repeat(64)), 1);
    assert!(accepts(&sent(&twice), SECONDS));
    assert!(ours(&sent(&twice), now()).is_err());
}

#[test]
fn scratchstack_takes_the_first_of_two_authorization_headers() {
    let authorization = put(now()).0;
    let mut lines = sent(&authorization);
    lines.push(("authorization", "Basic bm9ib2R5"));
    assert!(accepts(&lines, SECONDS));
    assert!(ours(&lines, now()).is_err());
}

#[test]
fn scratchstack_accepts_unsigned_amz_headers_unless_told() {
    let authorization = put(now()).0;
    let mut lines = sent(&authorization);
    lines.push(("x-amz-acl", "public-read-write"));
    assert!(accepts(&lines, SECONDS));
    assert!(matches!(ours(&lines, now()), Err(VerifyError::UnsignedHeader { .. })));
}

#[test]
fn scratchstack_refuses_two_mechanisms_at_once() {
    let authorization = put(now()).0;
    let lines = sent(&authorization);
    assert!(!Keys::kept().accepts(&request(&format!("{PATH}?X-Amz-Algorithm=AWS4-HMAC-SHA256"), &lines)));
}

#[test]
fn scratchstack_hashes_the_body_itself() {
    let authorization = put(now()).0;
    let other = request(PATH, &sent(&authorization)).map(|()| b"another body".to_vec());
    assert!(Keys::kept().check(other, SignatureOptions::S3).is_err());
}

/// What a forger who changed the signature would like to know.
fn wanted() -> (String, String) {
    let honest = put(now()).0;
    let signature = honest.rsplit_once('=').unwrap().1.to_owned();
    let forged = honest.replace(&signature, &"0".repeat(64));
    (signature, forged)
}

#[test]
fn scratchstack_hides_the_expected_signature_in_its_errors() {
    let (signature, forged) = wanted();
    let error = Keys::kept().check(request(PATH, &sent(&forged)), SignatureOptions::S3).unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(!text.contains(&signature) && !text.contains(SECRET), "{text}");
}

/// What was logged, and by which thread.
static LOGGED: Mutex<Vec<(std::thread::ThreadId, String)>> = Mutex::new(Vec::new());

struct Collect;

impl log::Log for Collect {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        LOGGED.lock().unwrap().push((std::thread::current().id(), record.args().to_string()));
    }

    fn flush(&self) {}
}

#[test]
fn scratchstack_logs_the_expected_signature_at_trace_level() {
    let (signature, forged) = wanted();
    log::set_logger(&Collect).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    assert!(!accepts(&sent(&forged), SECONDS));
    log::set_max_level(log::LevelFilter::Off);
    let me = std::thread::current().id();
    let logged = LOGGED.lock().unwrap();
    assert!(logged.iter().any(|(thread, line)| *thread == me && line.contains(&signature)));
}
