use crate::{our_key, our_verdict};
use std::sync::Mutex;
use valet_key::{
    aws::{Request, SigV4 as _, UrlRequest},
    clock::Timestamp,
    error::VerifyError,
    grant::{Justification, Lifetime},
};
use valet_key_peers::{
    agree::param,
    aws::url_at,
    aws_verify::{Keys, SERVICE},
    work::{HOST, PATH, REGION, SECONDS, SECRET, now},
};

fn signed(life: u32) -> String {
    let why = Justification::new("a test of lifetimes").unwrap();
    let request = Request::new("GET", &format!("https://{HOST}"), REGION, SERVICE).unwrap().path(PATH).because(why);
    let request = UrlRequest::new(request).lives(Lifetime::from_seconds(life).unwrap());
    our_key().presign(&request, now()).unwrap().expose().to_owned()
}

fn request(url: &str, lines: &[(&str, &str)]) -> http::Request<()> {
    let target = url.strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap();
    let mut request = http::Request::get(target).header("host", HOST);
    for (name, value) in lines {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

fn accepts(url: &str, lines: &[(&str, &str)], seconds: i64) -> bool {
    Keys::kept(SERVICE).at(seconds).accepts(&request(url, lines))
}

fn later(seconds: u32) -> Timestamp {
    now().saturating_add(seconds)
}

#[test]
fn scratchstack_accepts_an_honest_request_and_refuses_a_forged_one() {
    let url = signed(900);
    assert!(accepts(&url, &[], SECONDS));
    assert!(!accepts(&url.replace("cat-1", "cat-2"), &[], SECONDS));
}

#[test]
fn scratchstack_refuses_presigned_urls_of_s3() {
    // It hashes the body, where S3 signs that the payload is not signed.
    let url = url_at(now());
    assert!(!Keys::kept("s3").accepts(&request(&url, &[])));
    assert_eq!(our_verdict("s3", &url, &[], now()), Ok(()));
}

#[test]
fn scratchstack_accepts_a_url_after_its_end() {
    let url = signed(60);
    assert!(accepts(&url, &[], SECONDS + 14 * 60));
    assert!(matches!(our_verdict(SERVICE, &url, &[], later(14 * 60)), Err(VerifyError::Expired { .. })));
}

#[test]
fn scratchstack_refuses_a_url_before_its_end() {
    let url = signed(3600);
    assert!(!accepts(&url, &[], SECONDS + 16 * 60));
    assert_eq!(our_verdict(SERVICE, &url, &[], later(16 * 60)), Ok(()));
}

#[test]
fn scratchstack_takes_the_first_of_two_signatures() {
    let twice = format!("{}&X-Amz-Signature={}", signed(900), "0".repeat(64));
    assert!(accepts(&twice, &[], SECONDS));
    assert!(our_verdict(SERVICE, &twice, &[], now()).is_err());
}

#[test]
fn scratchstack_accepts_unsigned_amz_headers_unless_told() {
    let lines = [("x-amz-meta-added", "by someone else")];
    let url = signed(900);
    assert!(accepts(&url, &lines, SECONDS));
    assert!(matches!(our_verdict(SERVICE, &url, &lines, now()), Err(VerifyError::UnsignedHeader { .. })));
}

#[test]
fn scratchstack_refuses_two_mechanisms_at_once() {
    let lines = [("authorization", "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=b")];
    assert!(!accepts(&signed(900), &lines, SECONDS));
}

#[test]
fn scratchstack_hides_the_expected_signature_in_its_errors() {
    let url = signed(900);
    let error = Keys::kept(SERVICE).check(&request(&url.replace("cat-1", "cat-2"), &[])).unwrap_err();
    let honest = param(&url.replace("cat-1", "cat-2"), "X-Amz-Signature");
    assert!(!format!("{error} {error:?}").contains(&honest));
    assert!(!format!("{error} {error:?}").contains(SECRET));
}

/// What was logged by this thread.
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
    log::set_logger(&Collect).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    // The signature that the forger lacks is the one of the honest URL for what it asks.
    let wanted = param(&signed(900), "X-Amz-Signature");
    let forged = signed(900).replace(&wanted, &"0".repeat(64));
    assert!(!accepts(&forged, &[], SECONDS));
    log::set_max_level(log::LevelFilter::Off);
    let me = std::thread::current().id();
    let logged = LOGGED.lock().unwrap();
    assert!(logged.iter().any(|(thread, line)| *thread == me && line.contains(&wanted)));
}
