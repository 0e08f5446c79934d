//! Google Cloud Storage V4.

use super::{is_cause, mismatch, refusal};
use valet_key::{
    clock::Timestamp,
    explain::{Answer, Cause, Signed},
    gcs::{Endpoint, Expect, GoogV4, HmacKey, Plus, Prepared, Presented, UrlRequest},
    view::RequestView,
};

const HOST: &str = "storage.googleapis.com";

fn now() -> Timestamp {
    Timestamp::parse_iso_basic("20260102T030405Z").unwrap()
}

fn key() -> HmacKey {
    HmacKey::new("GOOG1EXAMPLE", "bGoa+V7g/yqDXvKRqq+JTFn4uQZbPiQJo4pf9RzJ").unwrap()
}

fn request(object: &str) -> UrlRequest {
    UrlRequest::new("GET", &Endpoint::google(), "photos", object).unwrap()
}

fn prepared(request: &UrlRequest) -> Prepared {
    request.prepare(key().credential(), now()).unwrap()
}

/// What the server signs for a target that came to it.
#[track_caller]
fn serve(method: &str, target: &str, host: &str) -> (Vec<u8>, Vec<u8>) {
    let headers: [(&str, &[u8]); 1] = [("host", host.as_bytes())];
    let view = RequestView::new(method, target, &headers);
    let expect = Expect::new().host(host).plus(Plus::Literal).recode_path();
    let pending = Presented::parse(&view).unwrap().check(key().credential(), &expect, now()).unwrap();
    (pending.canonical_request(), pending.string_to_sign().as_bytes().to_vec())
}

fn target(request: &UrlRequest) -> String {
    let url = key().signed_url(request, now()).unwrap();
    url.expose().split_once(HOST).unwrap().1.to_owned()
}

#[test]
fn changed_requests() {
    let wanted = request("a b.jpg").query("alt", "media");
    for (method, from, to, cause) in [
        ("HEAD", "", "", Cause::HeadForGet),
        ("GET", "a%20b", "a+b", Cause::PlusForBlank),
        ("GET", "a%20b", "a%2520b", Cause::EncodedTwice),
        ("GET", "alt=media", "alt=json", Cause::ParameterChanged),
        ("GET", "&alt=media", "", Cause::ParameterDropped),
        ("GET", "?", "?cache=1&", Cause::ParameterAdded),
    ] {
        let sent = target(&wanted);
        let changed = sent.replacen(from, to, 1);
        assert!(changed != sent || from == to);
        let (canonical, message) = serve(method, &changed, HOST);
        let explanation = is_cause(&Signed::from(&prepared(&wanted)), &mismatch(&canonical, &message), cause);
        assert!(explanation.difference().is_some());
    }
    let (canonical, message) = serve("GET", &target(&wanted), "cdn.example");
    is_cause(&Signed::from(&prepared(&wanted)), &mismatch(&canonical, &message), Cause::HostChanged);
    let (canonical, message) = serve("GET", &target(&wanted), HOST);
    is_cause(&Signed::from(&prepared(&wanted)), &mismatch(&canonical, &message), Cause::Secret);
}

#[test]
fn google_signs_no_port() {
    let emulator = Endpoint::custom("https://localhost:4443").unwrap();
    let url = key().signed_url(&UrlRequest::new("GET", &emulator, "photos", "a").unwrap(), now()).unwrap();
    for (host, cause) in
        [("localhost:4443", Cause::Secret), ("localhost", Cause::Secret), ("elsewhere:4443", Cause::HostChanged)]
    {
        let target = url.expose().strip_prefix("https://localhost:4443").unwrap();
        let (canonical, message) = serve("GET", target, host);
        is_cause(&Signed::url("GET", url.expose()), &mismatch(&canonical, &message), cause);
    }
}

#[test]
fn a_location_for_auto() {
    let wanted = request("a");
    let theirs = prepared(&request("a").location("europe-west4"));
    let answer = Answer::forms(theirs.canonical_request(), theirs.string_to_sign().as_bytes()).unwrap();
    let explanation = is_cause(&Signed::from(&prepared(&wanted)), &answer, Cause::RegionAuto);
    let difference = explanation.difference().unwrap();
    assert_eq!((difference.field(), difference.ours(), difference.theirs()), ("region", "auto", "europe-west4"));
}

#[test]
fn what_google_says_outright() {
    let wanted = prepared(&request("a"));
    let says =
        |code: &str, message: &str, cause: Cause| is_cause(&Signed::from(&wanted), &refusal(code, message, ""), cause);
    says("ExpiredToken", "The provided token has expired.", Cause::SessionExpired);
    says("AccessDenied", "Access denied.", Cause::Denied);
    says("AccessDenied", "Request has expired", Cause::Expired);
    says("RequestTimeTooSkewed", "The difference is too large.", Cause::ClockSkew);
}
