//! One test for each threat rule that concerns Signature Version 4 requests: what is refused, and the
//! neighbour that is accepted.
//!
//! The numbers are those of the threat list that this crate keeps; SECURITY.md and the manual say what
//! they protect.

use valet_key::aws::{
    Credential, Endpoint, Expect, HeaderSigner, KeyRing, OnShortCredential, Payload, Plus, Presigner, Region, Request,
    S3Error, ScopedKey, SigV4, StaticKey, TokenPlacement, UrlRequest, Verifier,
};
use valet_key::clock::Timestamp;
use valet_key::error::{IssueError, KeyError, VerifyError};
use valet_key::grant::{Action, Actions, Grant, Justification, Lifetime};
use valet_key::view::{Limits, RequestView};

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const REGION: &str = "eu-west-1";
const HOST: &str = "photos.s3.eu-west-1.amazonaws.com";
const ORIGIN: &str = "https://photos.s3.eu-west-1.amazonaws.com";

fn now() -> Timestamp {
    Timestamp::parse_iso_basic("20261124T120000Z").unwrap()
}

fn later(seconds: i64) -> Timestamp {
    Timestamp::from_unix(now().unix() + seconds).unwrap()
}

fn key() -> StaticKey {
    StaticKey::new(ID, SECRET).unwrap()
}

fn temporary() -> StaticKey {
    let credential = Credential::new(ID).unwrap().with_session_token("FwoG/token+with=signs").unwrap();
    StaticKey::from_credential(credential, SECRET).unwrap()
}

fn why() -> Justification {
    Justification::new("a test").unwrap()
}

fn expect() -> Expect {
    Expect::new(REGION, "s3")
}

/// A request as it arrives.
#[derive(Clone, Debug)]
struct Arriving {
    method: &'static str,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
}

impl Arriving {
    fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    fn set(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.without(name).header(name, value)
    }

    fn target(mut self, change: impl FnOnce(&str) -> String) -> Self {
        self.target = change(&self.target);
        self
    }

    fn replace(self, from: &str, to: &str) -> Self {
        assert!(self.target.contains(from), "{from} is not in {}", self.target);
        self.target(|target| target.replacen(from, to, 1))
    }

    fn verify_as(&self, key: &StaticKey, expect: &Expect, now: Timestamp) -> Result<(), VerifyError> {
        self.within(key, expect, &Limits::DEFAULT, now)
    }

    fn within(&self, key: &StaticKey, expect: &Expect, limits: &Limits, now: Timestamp) -> Result<(), VerifyError> {
        use valet_key::aws::Presented;
        let lines: Vec<(&str, &[u8])> = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
        let view = RequestView::new(self.method, &self.target, &lines);
        key.verify(Presented::parse_within(&view, limits)?, expect, now).map(|_| ())
    }

    fn verify(&self) -> Result<(), VerifyError> {
        self.verify_as(&key(), &expect(), now())
    }

    #[track_caller]
    fn is_accepted(&self) {
        assert_eq!(self.verify(), Ok(()), "{}", self.target);
    }

    #[track_caller]
    fn is_refused(&self, is: impl Fn(&VerifyError) -> bool) -> VerifyError {
        let error = self.verify().expect_err(&self.target);
        assert!(is(&error), "{error:?} for {}", self.target);
        error
    }
}

fn presign_with(key: &impl SigV4, request: Request, at: Timestamp) -> Arriving {
    let method = "GET";
    let url = key.presign(&UrlRequest::new(request), at).unwrap();
    let target = url.expose().strip_prefix(ORIGIN).unwrap().to_owned();
    let mut headers = vec![("host".to_owned(), HOST.as_bytes().to_vec())];
    headers.extend(url.required_headers().iter().cloned());
    Arriving { method, target, headers }
}

fn request() -> Request {
    Request::new("GET", ORIGIN, REGION, "s3").unwrap().path("/cat.jpg")
}

/// A presigned GET of `/cat.jpg`, made now, good for 15 minutes.
fn presigned() -> Arriving {
    presign_with(&key(), request(), now())
}

fn presigned_with(request: Request) -> Arriving {
    presign_with(&key(), request, now())
}

fn header_signed_with(key: &impl SigV4, request: &Request, headers: &[(&str, &str)], at: Timestamp) -> Arriving {
    let signed = key.sign_headers(request, at).unwrap();
    let mut arriving = Arriving { method: "GET", target: signed.target().to_owned(), headers: Vec::new() };
    arriving = arriving.header("host", HOST);
    for (name, value) in headers {
        arriving = arriving.header(name, value);
    }
    for (name, value) in signed.expose() {
        arriving = arriving.header(name, value);
    }
    arriving
}

fn header_signed() -> Arriving {
    header_signed_with(&key(), &request(), &[], now())
}

fn authorization(arriving: &Arriving) -> String {
    let (_, value) = arriving.headers.iter().find(|(name, _)| name == "authorization").unwrap();
    String::from_utf8(value.clone()).unwrap()
}

fn is_field(field: &'static str) -> impl Fn(&VerifyError) -> bool {
    move |error| matches!(error, VerifyError::FieldForm { field: found, .. } if *found == field)
}

fn is_count(field: &'static str, count: usize) -> impl Fn(&VerifyError) -> bool {
    move |error| *error == VerifyError::FieldCount { field, found: count }
}

fn is_mismatch(error: &VerifyError) -> bool {
    *error == VerifyError::SignatureMismatch
}

#[test]
fn r01_two_mechanisms_at_once_are_refused() {
    let two = |error: &VerifyError| matches!(error, VerifyError::TwoMechanisms { .. });
    presigned().is_accepted();
    header_signed().is_accepted();
    let both = presigned().header("authorization", authorization(&header_signed()));
    assert_eq!(S3Error::from(&both.is_refused(two)).code, "InvalidArgument");
    header_signed().header("authorization", authorization(&header_signed())).is_refused(is_count("Authorization", 2));
    for other in ["AWSAccessKeyId=a", "Signature=a", "X-Goog-Signature=a", "GoogleAccessId=a", "x-goog-date=a"] {
        presigned().target(|target| format!("{target}&{other}")).is_refused(two);
        header_signed().target(|target| format!("{target}?{other}")).is_refused(two);
    }
    // A parameter of the scheme beside an Authorization header, even one that carries no signature.
    header_signed().target(|target| format!("{target}?X-Amz-Date=20261124T120000Z")).is_refused(two);
}

#[test]
fn r02_a_repeated_reserved_parameter_is_refused_in_any_letter_case() {
    for (name, value) in [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", "a"),
        ("X-Amz-Date", "20261124T120000Z"),
        ("X-Amz-Expires", "900"),
        ("X-Amz-SignedHeaders", "host"),
        ("X-Amz-Signature", "00"),
    ] {
        presigned().target(|target| format!("{target}&{name}={value}")).is_refused(is_count(name, 2));
        for spelling in [name.to_ascii_lowercase(), name.to_ascii_uppercase(), name.replace('-', "%2D")] {
            presigned().target(|target| format!("{target}&{spelling}={value}")).is_refused(is_field(name));
        }
    }
    let components = authorization(&header_signed());
    for component in ["Credential=a", "SignedHeaders=host", "Signature=00"] {
        let name = component.split('=').next().unwrap();
        let twice = header_signed().set("authorization", format!("{components}, {component}"));
        let error = twice.verify().unwrap_err();
        assert!(matches!(error, VerifyError::FieldCount { field, found: 2 } if field == name), "{error:?}");
    }
    // Parameters of the caller may repeat.
    presigned_with(request().query("a", "1").query("a", "2")).is_accepted();
}

#[test]
fn r03_only_the_ampersand_separates_parameters() {
    let semicolon = presigned_with(request().query("a", "1;b=2"));
    semicolon.is_accepted();
    // Raw in the value it is the same parameter, and no second one.
    semicolon.clone().replace("%3B", ";").is_accepted();
    semicolon.replace("%3B", "&").is_refused(is_mismatch);
}

#[test]
fn r04_decoding_is_strict_and_happens_once() {
    let malformed = |error: &VerifyError| matches!(error, VerifyError::Malformed { .. });
    for bad in ["a=%", "a=%2", "a=%GG", "a=%2G", "a=\u{fc}", "a= ", "a=\0", "%=", "a=1#"] {
        presigned().target(|target| format!("{target}&{bad}")).is_refused(malformed);
    }
    for bad in ["/%", "/%2", "/%ZZ", "/a b", "/\u{fc}", "/a#b"] {
        presigned().target(|target| target.replacen("/cat.jpg", bad, 1)).is_refused(malformed);
    }
    presigned_with(request().query("a", "%2")).is_accepted();
    // Decoded twice this would be another credential.
    presigned().replace("%2F", "%252F").is_refused(is_field("X-Amz-Credential"));
}

#[test]
fn r05_two_wire_paths_never_share_a_signature() {
    let ambiguous = |error: &VerifyError| matches!(error, VerifyError::AmbiguousPath { .. });
    for other in
        ["/c%61t.jpg", "/cat%2ejpg", "/cat%2Ejpg", "//cat.jpg", "/./cat.jpg", "/x/../cat.jpg", "/x/%2e%2e/cat.jpg"]
    {
        assert!(presigned().replace("/cat.jpg", other).verify().is_err(), "{other}");
    }
    presigned().replace("/cat.jpg", "/x/%2E%2e/cat.jpg").is_refused(ambiguous);
    let slash = presigned_with(request().path("/a/b"));
    slash.is_accepted();
    slash.clone().replace("/a/b", "/a%2Fb").is_refused(ambiguous);
    assert!(slash.replace("/a/b", "/a%2fb").verify_as(&key(), &expect().recode_path(), now()).is_err());
    // The option that takes other spellings authorises on the decoded path all the same.
    let other = presigned().replace("/cat.jpg", "/c%61t.jpg");
    assert_eq!(other.verify_as(&key(), &expect().recode_path(), now()), Ok(()));
    // Names with empty segments, `.` inside, or a leading slash are names.
    for name in ["/a//b", "//a", "/a.", "/...", "/.a/b..", "/a/"] {
        presigned_with(request().path(name)).is_accepted();
    }
    let dots = presigned_with(request().path("/a/../b").allow_dot_segments());
    dots.is_refused(ambiguous);
    assert_eq!(dots.verify_as(&key(), &expect().allow_dot_segments(), now()), Ok(()));
}

#[test]
fn r05_the_verified_path_is_the_one_that_was_signed() {
    use valet_key::aws::Presented;
    let request = Request::new("GET", ORIGIN, REGION, "execute-api").unwrap().encoded_path("/a//b%20c/");
    let sent = presigned_with(request);
    let lines: Vec<(&str, &[u8])> = sent.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
    let presented = Presented::parse(&RequestView::new("GET", &sent.target, &lines)).unwrap();
    let verified = key().verify(presented, &Expect::new(REGION, "execute-api"), now()).unwrap();
    assert_eq!(verified.path(), "/a/b%20c/");
    assert_eq!(verified.decoded_path().unwrap(), "/a/b c/");
}

#[test]
fn r06_line_breaks_and_nul_are_refused_by_signer_and_verifier() {
    for bad in ["a\rb", "a\nb", "a\0b"] {
        let error = key().sign_headers(&request().header("x-amz-meta-a", bad), now()).unwrap_err();
        assert!(matches!(error, IssueError::Invalid { what: "header value", .. }));
        presigned()
            .header("x-other", bad)
            .is_refused(|e| matches!(e, VerifyError::Malformed { what: "header value", .. }));
    }
    for bad in ["a b", "a:b", "a\r", ""] {
        assert!(key().sign_headers(&request().header(bad, "v"), now()).is_err(), "{bad:?}");
        presigned().header(bad, "v").is_refused(|e| matches!(e, VerifyError::Malformed { what: "header name", .. }));
    }
    presigned().header("x-other", "a\tb").is_accepted();
    for method in ["", "GET\n/other", "GET ", "G3T", "VERYLONGMETHODVERYLONGMETHODVERYLONG"] {
        let sent = Arriving { method, ..presigned() };
        sent.is_refused(|e| matches!(e, VerifyError::Malformed { what: "method", .. }));
        assert!(Request::new(method, ORIGIN, REGION, "s3").is_err());
    }
}

#[test]
fn r07_there_is_one_host_and_it_is_the_one_addressed() {
    presigned().header("Host", HOST).is_refused(is_count("Host", 2));
    presigned().without("host").is_refused(is_count("Host", 0));
    presigned().target(|target| format!("https://{HOST}{target}")).is_accepted();
    presigned().target(|target| format!("https://{}{target}", HOST.to_ascii_uppercase())).is_accepted();
    presigned()
        .target(|target| format!("https://other.example{target}"))
        .is_refused(|e| matches!(e, VerifyError::Malformed { what: "target", .. }));
    presigned().header("x-forwarded-host", "other.example").is_accepted();
    let here = |host: &str| presigned().verify_as(&key(), &expect().host(host), now());
    assert_eq!(here(&HOST.to_ascii_uppercase()), Ok(()));
    assert_eq!(here("photos.example"), Err(VerifyError::Host));
    assert_eq!(here(&format!("{HOST}:8443")), Err(VerifyError::Host));
}

#[test]
fn r08_the_host_must_be_signed() {
    let unsigned = |error: &VerifyError| matches!(error, VerifyError::UnsignedHeader { name } if name == "host");
    let with = presigned_with(request().header("range", "bytes=0-9"));
    with.is_accepted();
    with.replace("host%3Brange", "range").is_refused(unsigned);
    let value = authorization(&header_signed()).replace("host;", "");
    header_signed().set("authorization", value).is_refused(unsigned);
}

#[test]
fn r09_an_unsigned_x_amz_header_is_refused() {
    for name in [
        "x-amz-acl",
        "X-Amz-Copy-Source",
        "x-amz-meta-a",
        "x-amz-decoded-content-length",
        "x-amz-trailer",
        "x-amz-checksum-algorithm",
        "x-amz-security-token",
    ] {
        for sent in [presigned(), header_signed()] {
            let error = sent.header(name, "a").is_refused(
                |error| matches!(error, VerifyError::UnsignedHeader { name: found } if *found == name.to_ascii_lowercase()),
            );
            assert_eq!((S3Error::from(&error).status, S3Error::from(&error).code), (403, "AccessDenied"));
        }
    }
    presigned().header("content-md5", "a").is_refused(|e| matches!(e, VerifyError::UnsignedHeader { .. }));
    presigned().header("x-amz-content-sha256", "UNSIGNED-PAYLOAD").is_accepted();
    presigned().header("x-amzn-trace-id", "Root=1").header("x-amzanything", "a").is_accepted();
    presigned_with(request().header("x-amz-acl", "private")).is_accepted();
}

#[test]
fn r10_every_signed_name_is_a_header_that_arrived() {
    let with = presigned_with(request().header("range", "bytes=0-9"));
    with.clone()
        .without("range")
        .is_refused(|e| matches!(e, VerifyError::SignedHeaderMissing { name } if name == "range"));
    // A parameter of that name does not stand in for it.
    with.clone()
        .without("range")
        .target(|target| format!("{target}&range=bytes%3D0-9"))
        .is_refused(|e| matches!(e, VerifyError::SignedHeaderMissing { .. }));
    for list in
        ["host%3Bhost", "range%3Bhost", "host%3B", "%3Bhost", "Host%3Brange", "host%3B%3Brange", "", "host%20range"]
    {
        with.clone().replace("host%3Brange", list).is_refused(is_field("X-Amz-SignedHeaders"));
    }
}

#[test]
fn r11_every_line_of_a_signed_header_counts_in_arrival_order() {
    let with = presigned_with(request().header("x-list", "a").header("x-list", " b  c "));
    with.is_accepted();
    let lines =
        |values: &[&str]| values.iter().fold(with.clone().without("x-list"), |r, value| r.header("X-List", value));
    lines(&["a", "b c"]).is_accepted();
    // Joined by whoever was on the way: what HTTP allows, and the same text.
    lines(&["a,b c"]).is_accepted();
    lines(&["a"]).is_refused(is_mismatch);
    lines(&["b c", "a"]).is_refused(is_mismatch);
    lines(&["a", "b c", "d"]).is_refused(is_mismatch);
}

#[test]
fn r12_the_canonical_query_leaves_out_nothing_but_the_signature() {
    presigned().target(|target| format!("{target}&versionId=null")).is_refused(is_mismatch);
    header_signed().target(|target| format!("{target}?a=")).is_refused(is_mismatch);
    header_signed()
        .target(|target| format!("{target}?X-Amz-Signature=00"))
        .is_refused(|e| matches!(e, VerifyError::TwoMechanisms { .. }));
    for bad in ["&", "&&a=1", "&a=1&"] {
        presigned()
            .target(|target| format!("{target}{bad}"))
            .is_refused(|e| matches!(e, VerifyError::Malformed { .. }));
    }
}

#[test]
fn r13_parameters_are_sorted_by_encoded_name_then_value() {
    let many = request().query("b", "2").query("b", "1").query("a-", "1").query("a", "1").query("B", "\u{fc}");
    let sent = presigned_with(many);
    sent.is_accepted();
    let reversed = sent.clone().target(|target| {
        let (path, query) = target.split_once('?').unwrap();
        format!("{path}?{}", query.split('&').rev().collect::<Vec<_>>().join("&"))
    });
    assert_ne!(reversed.target, sent.target);
    reversed.is_accepted();
    sent.replace("b=1", "b=2").is_refused(is_mismatch);
}

#[test]
fn r14_what_proxies_do_to_honest_requests_is_accepted() {
    let sent = presigned_with(request().query("name", "a/b c").header("range", "bytes=0-9"));
    sent.clone()
        .header("via", "1.1 proxy")
        .header("x-forwarded-for", "192.0.2.1")
        .header("Accept", "*/*")
        .is_accepted();
    let mut renamed = sent.clone();
    for (name, _) in &mut renamed.headers {
        *name = name.to_ascii_uppercase();
    }
    renamed.is_accepted();
    sent.clone().set("range", "  bytes=0-9\t").is_accepted();
    // Escapes in other letters, or where none are needed.
    sent.clone().replace("%2Fb", "%2fb").is_accepted();
    sent.clone().replace("%2Fb", "/b").is_accepted();
    sent.clone().replace("name=a", "n%61me=%61").is_accepted();
    sent.replace("X-Amz-Credential=AKIA", "X-Amz-Credential=%41KIA").is_accepted();
}

#[test]
fn r15_a_missing_time_is_refused() {
    for (parameter, name) in [("&X-Amz-Date=20261124T120000Z", "X-Amz-Date"), ("&X-Amz-Expires=900", "X-Amz-Expires")] {
        presigned().replace(parameter, "").is_refused(is_count(name, 0));
    }
    let error = header_signed().without("x-amz-date").is_refused(is_count("x-amz-date", 0));
    assert_eq!(S3Error::from(&error).code, "AccessDenied");
    // A `Date` header does not stand in for it.
    header_signed().without("x-amz-date").header("date", "20261124T120000Z").is_refused(is_count("x-amz-date", 0));
}

#[test]
fn r16_times_are_calendar_dates_read_whole() {
    for bad in [
        "20261324T120000Z",
        "20260230T120000Z",
        "20261124T240000Z",
        "20261124T120060Z",
        "20261124T120000",
        "20261124T120000ZZ",
        "20261124120000Z",
        "2026-11-24T12:00:00Z",
        "99991332T999999Z",
        "",
    ] {
        presigned()
            .replace("X-Amz-Date=20261124T120000Z", &format!("X-Amz-Date={bad}"))
            .is_refused(is_field("X-Amz-Date"));
        header_signed().set("x-amz-date", bad).is_refused(is_field("x-amz-date"));
    }
    let end = Timestamp::parse_iso_basic("99991231T235959Z").unwrap();
    let error = key().presign(&UrlRequest::new(request()), end).unwrap_err();
    assert_eq!(error, IssueError::TimeOverflow);
    let last = presign_with(&key(), request(), Timestamp::from_unix(end.unix() - 900).unwrap());
    assert_eq!(last.verify_as(&key(), &expect(), end), Ok(()));
}

#[test]
fn r17_lifetimes_are_plain_digits_within_the_maximum() {
    let with = |expires: &str| presigned().replace("X-Amz-Expires=900", &format!("X-Amz-Expires={expires}"));
    for bad in ["", "-1", "900s", "9e2", "0x10", "900.0", "1234567", "%2B300", "%20300", "%D9%A3"] {
        let error = with(bad).is_refused(is_field("X-Amz-Expires"));
        assert_eq!(S3Error::from(&error).code, "AuthorizationQueryParametersError");
    }
    for bad in ["0", "604801", "999999", "000000"] {
        with(bad).is_refused(|e| matches!(e, VerifyError::Lifetime { maximum: 604_800, .. }));
    }
    let short = expect().max_lifetime(Lifetime::minutes(5).unwrap());
    assert!(matches!(presigned().verify_as(&key(), &short, now()), Err(VerifyError::Lifetime { maximum: 300, .. })));
    let week = UrlRequest::new(request().because(why())).lives(Lifetime::WEEK);
    assert!(key().presign(&week, now()).is_ok());
    let more = UrlRequest::new(request().because(why())).lives(Lifetime::from_seconds(604_801).unwrap());
    assert!(matches!(key().presign(&more, now()), Err(IssueError::LifetimeTooLong { maximum: 604_800, .. })));
}

#[test]
fn r18_a_token_is_good_from_the_skew_before_to_its_last_second() {
    let at = |seconds| presigned().verify_as(&key(), &expect(), later(seconds));
    assert_eq!(at(-900), Ok(()));
    assert!(matches!(at(-901), Err(VerifyError::NotYetValid { .. })));
    assert_eq!(at(900), Ok(()));
    assert!(matches!(at(901), Err(VerifyError::Expired { .. })));
    let strict = expect().skew(0);
    assert!(matches!(presigned().verify_as(&key(), &strict, later(-1)), Err(VerifyError::NotYetValid { .. })));
    // The skew never extends the end.
    assert_eq!(presigned().verify_as(&key(), &strict, later(900)), Ok(()));
    assert!(presigned().verify_as(&key(), &strict, later(901)).is_err());
    let header = |seconds| header_signed().verify_as(&key(), &expect(), later(seconds));
    for seconds in [-900, 0, 900] {
        assert_eq!(header(seconds), Ok(()));
    }
    for seconds in [-901, 901] {
        let error = header(seconds).unwrap_err();
        assert!(matches!(error, VerifyError::Skewed { allowed: 900, .. }));
        assert_eq!(S3Error::from(&error).code, "RequestTimeTooSkewed");
    }
}

#[test]
fn r19_the_scope_is_of_the_day_of_the_request() {
    let other = |error: &VerifyError| matches!(error, VerifyError::ScopeDate { .. });
    presigned().replace("%2F20261124%2F", "%2F20261123%2F").is_refused(other);
    let value = authorization(&header_signed()).replace("/20261124/", "/20261125/");
    header_signed().set("authorization", value).is_refused(other);
}

#[test]
fn r20_no_token_outlives_its_credential() {
    let ending = |seconds| {
        let credential = Credential::new(ID).unwrap().expiring(later(seconds));
        StaticKey::from_credential(credential, SECRET).unwrap()
    };
    let url = UrlRequest::new(request());
    assert!(matches!(ending(899).presign(&url, now()), Err(IssueError::OutlivesCredential { .. })));
    assert_eq!(ending(900).presign(&url, now()).unwrap().expires_at(), later(900));
    let clamped = url.clone().on_short_credential(OnShortCredential::Clamp);
    let token = ending(60).presign(&clamped, now()).unwrap();
    assert_eq!(token.expires_at(), later(60));
    assert!(token.expose().contains("X-Amz-Expires=60&"));
    // Nothing is left to clamp to.
    for over in [0, -1] {
        assert!(matches!(ending(over).presign(&clamped, now()), Err(IssueError::OutlivesCredential { .. })));
    }
    assert!(matches!(ending(-1).sign_headers(&request(), now()), Err(IssueError::OutlivesCredential { .. })));
    // And the verifier that knows the end holds to it.
    assert_eq!(presigned().verify_as(&ending(60), &expect(), later(60)), Ok(()));
    let refused = presigned().verify_as(&ending(60), &expect(), later(61));
    assert!(matches!(refused, Err(VerifyError::CredentialExpired { .. })));
}

#[test]
fn r21_the_algorithm_is_compared_whole() {
    let algorithm = |error: &VerifyError| matches!(error, VerifyError::Algorithm { .. });
    for other in [
        "AWS4-HMAC-SHA256-PAYLOAD",
        "AWS4-ECDSA-P256-SHA256",
        "aws4-hmac-sha256",
        "AWS4-HMAC-SHA1",
        "GOOG4-HMAC-SHA256",
        "",
    ] {
        presigned().replace("=AWS4-HMAC-SHA256", &format!("={other}")).is_refused(algorithm);
    }
    for other in ["AWS4-ECDSA-P256-SHA256", "AWS4-HMAC-SHA256-PAYLOAD", "Bearer", "AWS"] {
        let value = authorization(&header_signed()).replace("AWS4-HMAC-SHA256", other);
        let error = header_signed().set("authorization", value).is_refused(algorithm);
        assert_eq!(S3Error::from(&error).code, "InvalidArgument");
    }
    // The old forms are recognised and refused.
    presigned().target(|_| "/cat.jpg?AWSAccessKeyId=a&Signature=b&Expires=1".to_owned()).is_refused(algorithm);
    // The scheme of a header is a word of HTTP, and those have no letter case.
    let value = authorization(&header_signed()).replace("AWS4-HMAC-SHA256", "aws4-hmac-sha256");
    header_signed().set("authorization", value).is_accepted();
    presigned().target(|t| format!("{t}&X-Amz-Region-Set=*")).is_refused(algorithm);
}

#[test]
fn r22_every_part_of_the_scope_is_compared() {
    for (from, to, part) in [("%2Feu-west-1%2F", "%2Feu-west-2%2F", "region"), ("%2Fs3%2F", "%2Fsqs%2F", "service")] {
        let error =
            presigned().replace(from, to).is_refused(|e| matches!(e, VerifyError::Scope { part: p, .. } if *p == part));
        assert_eq!(S3Error::from(&error).code, "AuthorizationQueryParametersError");
    }
    for (from, to) in
        [("aws4_request", "aws4_request2"), ("%2Faws4_request", ""), ("%2Fs3", "%2Fs3%2Fs3"), ("%2Feu-west-1", "%2F")]
    {
        presigned().replace(from, to).is_refused(is_field("X-Amz-Credential"));
    }
    let value = authorization(&header_signed()).replace("/eu-west-1/", "/us-east-1/");
    let error = header_signed().set("authorization", value).is_refused(|e| matches!(e, VerifyError::Scope { .. }));
    assert_eq!(S3Error::from(&error).code, "AuthorizationHeaderMalformed");
}

#[test]
fn r23_a_signature_is_64_lower_case_hex_digits() {
    let changed = |change: &dyn Fn(&str) -> String| {
        presigned().target(|target| {
            let (head, signature) = target.split_at(target.len() - 64);
            format!("{head}{}", change(signature))
        })
    };
    for change in [
        &(|s: &str| s[..63].to_owned()) as &dyn Fn(&str) -> String,
        &|s| format!("{s}0"),
        &|s| format!("{}A", &s[..63]),
        &|s| format!("{}g", &s[..63]),
        &|s| format!("%{:02X}{}", s.as_bytes()[0], &s[1..]),
        &|_| String::new(),
    ] {
        changed(change).is_refused(is_field("X-Amz-Signature"));
    }
    let flip = |s: &str| format!("{}{}", if s.starts_with('0') { '1' } else { '0' }, &s[1..]);
    changed(&flip).is_refused(is_mismatch);
}

#[test]
fn r24_session_tokens_are_required_of_temporary_keys_and_of_no_other() {
    let token = |error: &VerifyError| matches!(error, VerifyError::SessionToken { .. });
    for sent in [presign_with(&temporary(), request(), now()), header_signed_with(&temporary(), &request(), &[], now())]
    {
        assert_eq!(sent.verify_as(&temporary(), &expect(), now()), Ok(()));
        // The same secret without the token of the session.
        sent.is_refused(token);
        let other = Credential::new(ID).unwrap().with_session_token("another").unwrap();
        let other = StaticKey::from_credential(other, SECRET).unwrap();
        assert!(token(&sent.verify_as(&other, &expect(), now()).unwrap_err()));
    }
    for sent in [presigned(), header_signed()] {
        assert!(token(&sent.verify_as(&temporary(), &expect(), now()).unwrap_err()));
    }
    let after = request().session_token(TokenPlacement::AfterSigning);
    for sent in [presign_with(&temporary(), after.clone(), now()), header_signed_with(&temporary(), &after, &[], now())]
    {
        let expect_after = expect().session_token(TokenPlacement::AfterSigning);
        assert_eq!(sent.verify_as(&temporary(), &expect_after, now()), Ok(()));
        assert!(sent.verify_as(&temporary(), &expect(), now()).is_err());
    }
}

#[test]
fn r25_an_unknown_key_and_a_wrong_signature_get_the_same_answer() {
    let verifier = Verifier::new(KeyRing::new().with(key()), expect());
    let check = |key: &StaticKey| {
        let sent = presign_with(key, request(), now());
        let lines = [("host", HOST.as_bytes())];
        verifier.verify(&RequestView::new("GET", &sent.target, &lines), now()).map(|_| ()).unwrap_err()
    };
    let wrong = check(&StaticKey::new(ID, "another secret").unwrap());
    let unknown = check(&StaticKey::new("AKIAUNKNOWN", SECRET).unwrap());
    let token = check(&temporary());
    assert_eq!((&wrong, &unknown), (&VerifyError::SignatureMismatch, &VerifyError::UnknownKey));
    assert_eq!(S3Error::from(&wrong), S3Error::from(&unknown));
    assert_eq!(S3Error::from(&wrong), S3Error::from(&token));
    assert_eq!(S3Error::detailed(&unknown).code, "InvalidAccessKeyId");
    assert_eq!(S3Error::detailed(&wrong).code, "SignatureDoesNotMatch");
    // What is wrong with a credential is told only to those who hold the key.
    let mut forged = presign_with(&temporary(), request(), now());
    forged = forged.target(|target| format!("{}{}", &target[..target.len() - 1], u8::from(target.ends_with('0'))));
    forged.is_refused(is_mismatch);
    // Two keys of one id, while one replaces the other.
    let ring = KeyRing::new().with(StaticKey::new(ID, "old").unwrap()).with(key());
    let verifier = Verifier::new(ring, expect());
    let sent = presigned();
    let lines = [("host", HOST.as_bytes())];
    assert!(verifier.verify(&RequestView::new("GET", &sent.target, &lines), now()).is_ok());
}

#[test]
fn r27_a_body_is_held_to_its_signed_hash() {
    use valet_key::aws::Presented;
    // SHA-256 of "Welcome to Amazon S3."
    let mut digest = [0; 32];
    hex::decode_to_slice("44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072", &mut digest).unwrap();
    let finish = |sent: &Arriving, body: &[u8]| {
        let lines: Vec<(&str, &[u8])> = sent.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
        let presented = Presented::parse(&RequestView::new("GET", &sent.target, &lines)).unwrap();
        let mut check = key().verify(presented, &expect(), now()).unwrap().payload_check();
        check.update(body);
        check.finish()
    };
    let hashed = header_signed_with(&key(), &request().payload(Payload::Sha256(digest)), &[], now());
    assert_eq!(finish(&hashed, b"Welcome to Amazon S3."), Ok(()));
    let error = finish(&hashed, b"Welcome to Amazon S3!").unwrap_err();
    assert_eq!(S3Error::from(&error).code, "XAmzContentSHA256Mismatch");
    assert_eq!(finish(&header_signed(), b""), Ok(()));
    assert!(finish(&header_signed(), b"x").is_err());
    assert_eq!(finish(&presigned(), b"anything"), Ok(()));
    let checksum =
        presigned_with(request().header("x-amz-checksum-sha256", "RM591nyVng01JP+sF3Hfu6h9K2tLTpnkIDSouAP4sHI="));
    assert_eq!(finish(&checksum, b"Welcome to Amazon S3."), Ok(()));
    assert_eq!(S3Error::from(&finish(&checksum, b"x").unwrap_err()).code, "BadDigest");
}

#[test]
fn r28_the_payload_mode_is_fixed_by_what_was_signed() {
    let plain = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    let mode = |error: &VerifyError| matches!(error, VerifyError::PayloadMode { .. });
    presigned().header("x-amz-content-sha256", "UNSIGNED-PAYLOAD").is_accepted();
    presigned().header("x-amz-content-sha256", plain).is_accepted();
    for streaming in ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"] {
        presigned().header("x-amz-content-sha256", streaming).is_refused(mode);
        header_signed().set("x-amz-content-sha256", streaming).is_refused(mode);
    }
    for bad in ["unsigned-payload", "", "00", &plain.to_ascii_uppercase()] {
        presigned().header("x-amz-content-sha256", bad).is_refused(is_field("x-amz-content-sha256"));
    }
    // A signed hash stands in the canonical request, so another one breaks the signature.
    let mut digest = [0; 32];
    hex::decode_to_slice(plain, &mut digest).unwrap();
    let bound = presigned_with(request().payload(Payload::Sha256(digest)));
    bound.is_accepted();
    bound.clone().set("x-amz-content-sha256", "UNSIGNED-PAYLOAD").is_refused(is_mismatch);
    bound.without("x-amz-content-sha256").is_refused(|e| matches!(e, VerifyError::SignedHeaderMissing { .. }));
    // As a parameter some servers obey it and others do not.
    presigned_with(request().query("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")).is_accepted();
    presigned_with(request().query("X-Amz-Content-Sha256", plain)).is_refused(mode);
    let missing = header_signed().without("x-amz-content-sha256");
    let error = missing.is_refused(is_count("x-amz-content-sha256", 0));
    assert_eq!((S3Error::from(&error).status, S3Error::from(&error).code), (400, "InvalidRequest"));
    // Other services sign the body whatever a header says, unless they were told otherwise.
    let other = Request::new("GET", ORIGIN, REGION, "sqs").unwrap().payload(Payload::Unsigned).with_content_sha256();
    let other = header_signed_with(&key(), &other, &[], now());
    let sqs = Expect::new(REGION, "sqs");
    assert!(mode(&other.verify_as(&key(), &sqs, now()).unwrap_err()));
    assert_eq!(other.verify_as(&key(), &sqs.allow_unsigned_payload(), now()), Ok(()));
}

#[test]
fn r45_a_prefix_or_several_actions_are_not_one_url() {
    let lower = |grant: &Grant| UrlRequest::s3(grant, REGION).map(|_| ());
    let broad = Grant::under("photos", "2026/", Actions::READ | Actions::LIST).because(why());
    assert!(matches!(lower(&broad), Err(IssueError::NotEnforceable { .. })));
    let prefix = Grant::under("photos", "2026/", Action::Read).because(why());
    assert!(matches!(lower(&prefix), Err(IssueError::NotEnforceable { .. })));
    assert_eq!(lower(&Grant::list("photos", "2026/").because(why())), Ok(()));
    assert_eq!(lower(&Grant::read("photos", "2026/cat.jpg")), Ok(()));
    assert!(lower(&Grant::read("photos", "")).is_err());
    assert!(key().presign(&UrlRequest::s3(&Grant::read("photos", "a/../b"), REGION).unwrap(), now()).is_err());
}

#[test]
fn r48_an_upload_says_or_waives_its_bounds() {
    let lower = |grant: &Grant| UrlRequest::s3(grant, REGION).map(|_| ());
    let upload = || Grant::upload("photos", "cat.jpg");
    assert!(matches!(lower(&upload()), Err(IssueError::Unbounded { .. })));
    assert!(matches!(lower(&upload().exact_size(1)), Err(IssueError::Unbounded { .. })));
    assert!(matches!(lower(&upload().size(1..=2).any_content_type()), Err(IssueError::NotEnforceable { .. })));
    assert!(matches!(
        lower(&upload().any_size().content_type_prefix("image/")),
        Err(IssueError::NotEnforceable { .. })
    ));
    assert_eq!(lower(&upload().exact_size(1).content_type("image/png")), Ok(()));
    assert_eq!(lower(&upload().any_size().any_content_type()), Ok(()));
    for grant in [
        Grant::read("photos", "cat.jpg").single_use(),
        Grant::read("photos", "cat.jpg").client_address("192.0.2.1"),
        Grant::read("photos", "cat.jpg").not_before(later(60)),
        Grant::read("photos", "cat.jpg").exact_size(1),
        Grant::read("photos", "cat.jpg").content_type("image/png"),
        Grant::read("photos", "cat.jpg").metadata("a", "b"),
        Grant::delete("photos", "cat.jpg").response_header(valet_key::grant::ResponseHeader::CacheControl, "no-store"),
    ] {
        assert!(matches!(lower(&grant), Err(IssueError::NotEnforceable { .. })), "{grant:?}");
    }
}

#[test]
fn r49_a_derived_key_is_good_for_its_own_scope_only() {
    use valet_key::aws::Scope;
    let scope = Scope::new(now(), REGION, "s3").unwrap();
    let edge: ScopedKey = key().derive_scoped(&scope);
    let url = UrlRequest::new(request());
    assert_eq!(edge.presign(&url, now()).unwrap().expose(), key().presign(&url, now()).unwrap().expose());
    let tomorrow = edge.presign(&url, later(86_400)).unwrap_err();
    assert!(matches!(tomorrow, IssueError::Key(KeyError::OutOfScope { .. })));
    // One holder, many scopes: a kept key never serves another one.
    let one = key();
    for day in 0..30 {
        for region in ["eu-west-1", "us-east-1"] {
            let request = Request::new("GET", ORIGIN, region, "s3").unwrap();
            let url = UrlRequest::new(request);
            let at = later(86_400 * day);
            assert_eq!(one.presign(&url, at).unwrap().expose(), key().presign(&url, at).unwrap().expose());
        }
    }
    // Moving a presigner from day to day and back.
    let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
    let mut presigner = Presigner::new(key(), &endpoint, &Grant::read("photos", "x")).unwrap();
    for at in [0, 86_400, 0, 1, -86_400, 0] {
        let single = UrlRequest::s3(&Grant::read("photos", "cat.jpg"), REGION).unwrap();
        let url = presigner.presign("cat.jpg", later(at)).unwrap();
        assert_eq!(url.expose(), key().presign(&single, later(at)).unwrap().expose());
    }
}

#[test]
fn r53_limits_come_before_work() {
    let large =
        |what: &'static str| move |e: &VerifyError| matches!(e, VerifyError::TooLarge { what: w, .. } if *w == what);
    presigned().target(|t| format!("{t}&a={}", "a".repeat(17_000))).is_refused(large("request target"));
    presigned().target(|t| format!("{t}{}", "&a=1".repeat(251))).is_refused(large("query parameters"));
    presigned().header("x-big", "a".repeat((16 << 10) + 1)).is_refused(large("header value"));
    presigned().header("x-big", "a".repeat(16 << 10)).is_accepted();
    presigned().header(&"x".repeat((16 << 10) + 1), "a").is_refused(large("header name"));
    let lines = |count: usize| (0..count).fold(presigned(), |sent, at| sent.header(&format!("x-{at}"), "a"));
    lines(127).is_accepted();
    lines(128).is_refused(large("header lines"));
    let signed = |count: usize| (0..count).fold(request(), |r, at| r.header(format!("x-{at:03}"), "a"));
    presigned_with(signed(63)).is_accepted();
    presigned_with(signed(64)).is_refused(large("signed headers"));
    let params = |count: usize| (0..count).fold(request(), |r, at| r.query(format!("{at}"), "a"));
    presigned_with(params(250)).is_accepted();
    presigned_with(params(251)).is_refused(large("query parameters"));
    let tight = Limits::DEFAULT.target(64).params(1).header_lines(1);
    assert!(presigned().within(&key(), &expect(), &tight, now()).is_err());
}

#[test]
fn a_bare_plus_is_refused_unless_one_reading_was_chosen() {
    let plus = presigned_with(request().query("q", "a+b"));
    let blank = presigned_with(request().query("q", "a b"));
    plus.is_accepted();
    blank.is_accepted();
    let (bare_plus, bare_blank) = (plus.replace("a%2Bb", "a+b"), blank.replace("a%20b", "a+b"));
    for bare in [&bare_plus, &bare_blank] {
        bare.is_refused(|e| *e == VerifyError::AmbiguousPlus);
    }
    let read = |sent: &Arriving, plus| sent.verify_as(&key(), &expect().plus(plus), now()).is_ok();
    assert!(read(&bare_plus, Plus::Literal) && !read(&bare_plus, Plus::Blank));
    assert!(read(&bare_blank, Plus::Blank) && !read(&bare_blank, Plus::Literal));
}

#[test]
fn a_signer_refuses_what_it_owns_and_what_changes_on_the_way() {
    let sign = |request: Request| key().presign(&UrlRequest::new(request), now()).map(|_| ()).unwrap_err();
    for name in
        ["Authorization", "X-Amz-Date", "x-amz-content-sha256", "x-amz-security-token", "x-amz-region-set", "Host"]
    {
        assert!(matches!(sign(request().header(name, "a")), IssueError::Reserved { .. }), "{name}");
    }
    for name in ["connection", "User-Agent", "x-amzn-trace-id", "transfer-encoding", "Expect", "te", "trailer"] {
        assert!(matches!(sign(request().header(name, "a")), IssueError::NeverSigned { .. }), "{name}");
    }
    for name in ["X-Amz-Date", "x-amz-expires", "X-AMZ-SIGNATURE", "X-Amz-Security-Token", "X-Amz-Region-Set"] {
        assert!(matches!(sign(request().query(name, "a")), IssueError::Reserved { .. }), "{name}");
    }
    let unsigned = Request::new("GET", ORIGIN, REGION, "sqs").unwrap().payload(Payload::Unsigned);
    assert!(matches!(sign(unsigned.clone()), IssueError::Invalid { what: "payload", .. }));
    assert!(key().sign_headers(&unsigned, now()).is_err());
    assert!(key().sign_headers(&unsigned.with_content_sha256(), now()).is_ok());
    let mut signer = HeaderSigner::new(key(), REGION, "s3").unwrap();
    let mut sign_into = |method, target, headers: &[(&str, &[u8])]| {
        signer.sign_into(method, target, headers, Payload::Empty, now(), &mut String::new()).is_ok()
    };
    let host: (&str, &[u8]) = ("host", HOST.as_bytes());
    assert!(sign_into("GET", "/cat.jpg?a=1", &[host]));
    for target in
        ["cat.jpg", "/a/../b", "/a b", "/%2f", "/a?b=%", "/a?b=c+d", "/a?X-Amz-Date=1", "/a?Signature=1", "/a#b"]
    {
        assert!(!sign_into("GET", target, &[host]), "{target}");
    }
    assert!(!sign_into("GET\n", "/", &[host]));
    assert!(!sign_into("GET", "/", &[]) && !sign_into("GET", "/", &[host, host]));
    assert!(!sign_into("GET", "/", &[host, ("x-amz-date", b"a")]));
    let plain = Request::new("GET", "http://minio.example:9000", REGION, "s3").unwrap();
    assert!(matches!(sign(plain.clone()), IssueError::Unjustified { .. }));
    assert!(key().presign(&UrlRequest::new(plain.because(why())), now()).is_ok());
    let long = UrlRequest::new(request()).lives(Lifetime::from_seconds(901).unwrap());
    assert!(matches!(key().presign(&long, now()), Err(IssueError::Unjustified { .. })));
}
