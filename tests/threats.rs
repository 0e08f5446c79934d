//! One test for each threat rule that concerns Signature Version 4 requests: what is refused, and the
//! neighbour that is accepted.
//!
//! The numbers are those of the threat list that this crate keeps; SECURITY.md and the manual say what
//! they protect.

use valet_key::aws::{
    Credential, Endpoint, Expect, HeaderSigner, KeyRing, OnShortCredential, Payload, Plus, Presented, Presigner,
    Region, Request, S3Error, Scope, ScopedKey, SigV4, SignedRequest, StaticKey, TokenPlacement, UrlRequest, Verifier,
};
use valet_key::clock::Timestamp;
use valet_key::error::{IssueError, KeyError, VerifyError};
use valet_key::grant::{Action, Actions, ContentDisposition, Grant, Justification, Lifetime, ResponseHeader};
use valet_key::token::Verified;
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
        self.is_refused_as(&key(), &expect(), now(), is)
    }

    #[track_caller]
    fn is_refused_as(
        &self,
        key: &StaticKey,
        expect: &Expect,
        now: Timestamp,
        is: impl Fn(&VerifyError) -> bool,
    ) -> VerifyError {
        let error = self.verify_as(key, expect, now).expect_err(&self.target);
        assert!(is(&error), "{error:?} for {}", self.target);
        let answer = S3Error::from(&error);
        assert_eq!((answer.status, answer.code), public_answer(&error), "{error:?}");
        error
    }

    /// What the verified facts say, for a request that is accepted.
    fn facts<T>(&self, expect: &Expect, look: impl FnOnce(&Verified<SignedRequest<'_>>) -> T) -> T {
        let lines: Vec<(&str, &[u8])> = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
        let presented = Presented::parse(&RequestView::new(self.method, &self.target, &lines)).unwrap();
        look(&key().verify(presented, expect, now()).unwrap())
    }

    fn body(&self, pieces: &[&str]) -> Result<(), VerifyError> {
        let mut check = self.facts(&expect(), |verified| verified.payload_check());
        for piece in pieces {
            check.update(piece.as_bytes());
        }
        check.finish()
    }
}

/// What S3 answers to each kind of refusal. Whatever would tell one credential from another is one answer.
#[track_caller]
fn public_answer(error: &VerifyError) -> (u16, &'static str) {
    use VerifyError as E;
    match error {
        E::UnknownKey
        | E::OtherKey
        | E::SignatureMismatch
        | E::SessionToken { .. }
        | E::CredentialExpired { .. }
        | E::SignedHeaderMissing { .. } => (403, "SignatureDoesNotMatch"),
        E::NotSigned
        | E::UnsignedHeader { .. }
        | E::Host
        | E::Expired { .. }
        | E::NotYetValid { .. }
        | E::FieldCount { field: "x-amz-date", .. }
        | E::FieldForm { field: "x-amz-date", .. } => (403, "AccessDenied"),
        E::Skewed { .. } => (403, "RequestTimeTooSkewed"),
        E::TwoMechanisms { .. }
        | E::FieldForm { field: "x-amz-content-sha256", .. }
        | E::Algorithm { field: "Authorization", .. } => (400, "InvalidArgument"),
        E::FieldCount { field: "x-amz-content-sha256", .. } => (400, "InvalidRequest"),
        E::FieldCount { field, .. }
        | E::FieldForm { field, .. }
        | E::Algorithm { field, .. }
        | E::Scope { field, .. }
        | E::ScopeDate { field, .. } => {
            let in_query = field.starts_with("X-Amz-");
            (400, if in_query { "AuthorizationQueryParametersError" } else { "AuthorizationHeaderMalformed" })
        }
        E::Lifetime { .. } => (400, "AuthorizationQueryParametersError"),
        E::AmbiguousPath { .. } | E::AmbiguousPlus | E::Malformed { .. } => (400, "InvalidURI"),
        E::PayloadMode { .. } => (501, "NotImplemented"),
        E::PayloadMismatch { what: "x-amz-checksum-sha256" } => (400, "BadDigest"),
        E::PayloadMismatch { .. } => (400, "XAmzContentSHA256Mismatch"),
        E::TooLarge { .. } => (400, "RequestHeaderSectionTooLarge"),
        other => panic!("no answer is written down for {other:?}"),
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

fn is_malformed(what: &'static str) -> impl Fn(&VerifyError) -> bool {
    move |error| matches!(error, VerifyError::Malformed { what: found, .. } if *found == what)
}

fn is_unsigned(name: &'static str) -> impl Fn(&VerifyError) -> bool {
    move |error| *error == VerifyError::UnsignedHeader { name: name.to_owned() }
}

fn is_missing(name: &'static str) -> impl Fn(&VerifyError) -> bool {
    move |error| *error == VerifyError::SignedHeaderMissing { name: name.to_owned() }
}

/// A header-signed request as a client sends it that writes its own target.
fn header_signed_target(target: &str) -> Arriving {
    let host: (&str, &[u8]) = ("host", HOST.as_bytes());
    let mut signer = HeaderSigner::new(key(), REGION, "s3").unwrap();
    let mut authorization = String::new();
    signer.sign_into("GET", target, &[host], Payload::Empty, now(), &mut authorization).unwrap();
    Arriving { method: "GET", target: target.to_owned(), headers: Vec::new() }
        .header("host", HOST)
        .header("x-amz-date", now().amz_date())
        .header("x-amz-content-sha256", Payload::Empty.header_value())
        .header("authorization", authorization)
}

#[test]
fn r01_two_mechanisms_at_once_are_refused() {
    let two = |error: &VerifyError| matches!(error, VerifyError::TwoMechanisms { .. });
    presigned().is_accepted();
    header_signed().is_accepted();
    for other in [&*authorization(&header_signed()), "AWS AKIAIOSFODNN7EXAMPLE:c2ln", "Bearer a", ""] {
        presigned().header("authorization", other).is_refused(two);
    }
    header_signed().header("authorization", authorization(&header_signed())).is_refused(is_count("Authorization", 2));
    for other in ["AWSAccessKeyId=a", "Signature=a", "X-Goog-Signature=a", "GoogleAccessId=a", "x-goog-date=a"] {
        presigned().target(|target| format!("{target}&{other}")).is_refused(two);
        header_signed().target(|target| format!("{target}?{other}")).is_refused(two);
    }
    // A parameter of the scheme beside an Authorization header, even one that carries no signature.
    header_signed().target(|target| format!("{target}?X-Amz-Date=20261124T120000Z")).is_refused(two);
    // Names that only look alike are the caller's own.
    for own in ["Signature2", "AWSAccessKey", "X-Goo", "X-Amz-Signatures"] {
        presigned_with(request().query(own, "a")).is_accepted();
        header_signed_with(&key(), &request().query(own, "a"), &[], now()).is_accepted();
    }
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
    // Neither may the headers of the scheme, even with the same value twice.
    for (name, value) in [("x-amz-date", now().amz_date()), ("x-amz-content-sha256", Payload::Empty.header_value())] {
        header_signed().header(&name.to_ascii_uppercase(), value).is_refused(is_count(name, 2));
    }
    let token = "FwoG/token+with=signs";
    let sent = header_signed_with(&temporary(), &request(), &[], now()).header("X-Amz-Security-Token", token);
    sent.is_refused_as(&temporary(), &expect(), now(), is_count("x-amz-security-token", 2));
    let sent = presign_with(&temporary(), request(), now()).header("x-amz-security-token", token);
    sent.is_refused_as(&temporary(), &expect(), now(), is_count("X-Amz-Security-Token", 2));
    let twice = request().query("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD");
    presigned_with(twice.clone()).is_accepted();
    presigned_with(twice.query("x-amz-content-sha256", "UNSIGNED-PAYLOAD"))
        .is_refused(is_count("X-Amz-Content-Sha256", 2));
    presigned().header("x-amz-date", "20261124T120001Z").is_refused(is_field("x-amz-date"));
    // Parameters and headers of the caller may repeat.
    presigned_with(request().query("a", "1").query("a", "2")).is_accepted();
    presigned_with(request().header("a", "1").header("A", "2")).is_accepted();
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
    // A NUL ends nothing.
    let nul = header_signed_target("/a%00b?c=%00d");
    nul.is_accepted();
    nul.clone().replace("%00b", "%00c").is_refused(is_mismatch);
    nul.clone().replace("%00d", "%00e").is_refused(is_mismatch);
    nul.facts(&expect(), |facts| {
        assert_eq!(facts.decoded_path().unwrap(), "/a\0b");
        assert_eq!(facts.params().next(), Some(Ok(("c".to_owned(), "\0d".to_owned()))));
    });
    // What is not UTF-8 is told apart, never replaced.
    header_signed_target("/%FF?a=%FF&%C3%BC=1").facts(&expect(), |facts| {
        assert!(is_malformed("path")(&facts.decoded_path().unwrap_err()));
        let mut params = facts.params();
        assert!(is_malformed("query")(&params.next().unwrap().unwrap_err()));
        assert_eq!(params.next(), Some(Ok(("\u{fc}".to_owned(), "1".to_owned()))));
    });
}

#[test]
fn r05_two_wire_paths_never_share_a_signature() {
    let ambiguous = |error: &VerifyError| matches!(error, VerifyError::AmbiguousPath { .. });
    for other in
        ["/c%61t.jpg", "/cat%2ejpg", "/cat%2Ejpg", "//cat.jpg", "/./cat.jpg", "/x/../cat.jpg", "/x/%2e%2e/cat.jpg"]
    {
        assert!(presigned().replace("/cat.jpg", other).verify().is_err(), "{other}");
    }
    for dots in ["/x/%2E%2e/cat.jpg", "/%2e/cat.jpg", "/./cat.jpg", "/x/.%2E", "/.."] {
        presigned().replace("/cat.jpg", dots).is_refused(ambiguous);
    }
    let slash = presigned_with(request().path("/a/b"));
    slash.is_accepted();
    slash.clone().replace("/a/b", "/a%2Fb").is_refused(ambiguous);
    assert!(slash.replace("/a/b", "/a%2fb").verify_as(&key(), &expect().recode_path(), now()).is_err());
    // The option that takes other spellings authorises on the decoded path all the same.
    let other = presigned().replace("/cat.jpg", "/c%61t.jpg");
    assert_eq!(other.verify_as(&key(), &expect().recode_path(), now()), Ok(()));
    // A bare `+` in a path is a plus sign, whose one spelling is `%2B`.
    let plus = presigned_with(request().path("/a+b"));
    plus.is_accepted();
    plus.replace("%2B", "+").is_refused(ambiguous);
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
    let paths = |sent: &Arriving, expect: &Expect| {
        sent.facts(expect, |facts| (facts.path().into_owned(), facts.decoded_path().unwrap()))
    };
    let other = || Request::new("GET", ORIGIN, REGION, "execute-api").unwrap();
    let general = Expect::new(REGION, "execute-api");
    let normalized = presigned_with(other().encoded_path("/a//b%20c/"));
    assert_eq!(paths(&normalized, &general), ("/a/b%20c/".to_owned(), "/a/b c/".to_owned()));
    let folded = presigned_with(other().encoded_path("/x/../a/./b").allow_dot_segments());
    folded.is_refused_as(&key(), &general, now(), |e| matches!(e, VerifyError::AmbiguousPath { .. }));
    assert_eq!(paths(&folded, &general.clone().allow_dot_segments()), ("/a/b".to_owned(), "/a/b".to_owned()));
    // Encoded twice, `%2F` and `/` are different bytes.
    let escaped = presigned_with(other().encoded_path("/a%2Fb"));
    assert_eq!(paths(&escaped, &general), ("/a%2Fb".to_owned(), "/a/b".to_owned()));
    escaped.replace("%2Fb", "/b").is_refused_as(&key(), &general, now(), is_mismatch);
    // S3 takes the path as it stands, and so does the caller.
    let as_sent = presigned_with(request().path("//a//b c/"));
    assert_eq!(paths(&as_sent, &expect()), ("//a//b%20c/".to_owned(), "//a//b c/".to_owned()));
    let absolute = as_sent.target(|target| format!("https://{HOST}{target}"));
    assert_eq!(paths(&absolute, &expect()), ("//a//b%20c/".to_owned(), "//a//b c/".to_owned()));
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
    assert!(Credential::new(ID).unwrap().with_session_token("a\nb").is_err());
    assert!(UrlRequest::s3(&Grant::read("photos", "a\0b"), REGION).is_err());
    // In a name or parameter they are bytes like any other, once they are escaped.
    let escaped = presigned_with(request().path("/a\r\nb").query("c", "d\ne"));
    assert!(escaped.target.contains("/a%0D%0Ab?") && escaped.target.contains("c=d%0Ae"));
    escaped.is_accepted();
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
    for target in
        ["https://u@photos.s3.eu-west-1.amazonaws.com", "https://photos.s3.eu-west-1.amazonaws.com:443", "https://"]
    {
        presigned().target(|rest| format!("{target}{rest}")).is_refused(is_malformed("target"));
    }
    for target in ["*", "cat.jpg", "HTTPS://photos.s3.eu-west-1.amazonaws.com/cat.jpg", "ftp://a/b"] {
        presigned().target(|rest| rest.replacen("/cat.jpg", target, 1)).is_refused(is_malformed("target"));
    }
    for host in ["", " ", "a b", "\u{fc}.example"] {
        presigned().set("host", host).is_refused(is_field("Host"));
    }
    presigned().set("host", "other.example").is_refused(is_mismatch);
    presigned().set("host", format!("{HOST}:8443")).is_refused(is_mismatch);
    // A port that is not the default one is part of the host.
    let local = Request::new("GET", "https://minio.example:9000", REGION, "s3").unwrap().path("/cat.jpg");
    let url = key().presign(&UrlRequest::new(local), now()).unwrap();
    let target = url.expose().strip_prefix("https://minio.example:9000").unwrap().to_owned();
    let local = Arriving { method: "GET", target, headers: Vec::new() }.header("host", "minio.example:9000");
    assert_eq!(local.verify_as(&key(), &expect().host("MinIO.example:9000"), now()), Ok(()));
    let without_port = expect().host("minio.example");
    local.is_refused_as(&key(), &without_port, now(), |error| *error == VerifyError::Host);
    // What a proxy says about the host is an unsigned header like any other.
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
    let value = authorization(&header_signed());
    assert!(value.contains("SignedHeaders=host;x-amz-content-sha256;x-amz-date,"), "{value}");
    header_signed().is_accepted();
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
    // Nor may one be added to a name that is signed already in another way: every name counts by itself.
    presigned_with(request().header("x-amz-meta-a", "1"))
        .header("x-amz-meta-b", "1")
        .is_refused(is_unsigned("x-amz-meta-b"));
    presigned().header("x-amz-", "a").is_refused(is_unsigned("x-amz-"));
    presigned().header("content-md5", "a").is_refused(is_unsigned("content-md5"));
    presigned_with(request().header("content-md5", "a")).is_accepted();
    // The date of a presigned URL stands in its query.
    presigned().header("x-amz-date", now().amz_date()).is_refused(is_unsigned("x-amz-date"));
    presigned().header("x-amz-content-sha256", "UNSIGNED-PAYLOAD").is_accepted();
    presigned().header("x-amzn-trace-id", "Root=1").header("x-amzanything", "a").is_accepted();
    presigned_with(request().header("x-amz-acl", "private")).is_accepted();
    let copied = [("x-amz-copy-source", "/photos/dog.jpg")];
    let copy = request().header("x-amz-copy-source", "/photos/dog.jpg");
    presigned_with(copy.clone()).is_accepted();
    let sent = header_signed_with(&key(), &copy, &copied, now());
    sent.is_accepted();
    sent.set("x-amz-copy-source", "/photos/secret.jpg").is_refused(is_mismatch);
    let both = request().header("x-amz-decoded-content-length", "5").header("x-amz-trailer", "x-amz-checksum-crc32");
    presigned_with(both).is_accepted();
    // The hash itself is on the payload line, so its header need not be in the list.
    let value = authorization(&header_signed());
    assert!(value.contains("x-amz-content-sha256"));
    presigned_with(request()).header("x-amz-content-sha256", "UNSIGNED-PAYLOAD").is_accepted();
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
    with.is_accepted();
    let headers = [("range", "bytes=0-9")];
    let signed = header_signed_with(&key(), &request().header("range", "bytes=0-9"), &headers, now());
    signed.is_accepted();
    signed.clone().without("range").is_refused(is_missing("range"));
    let list = "host;range;x-amz-content-sha256;x-amz-date";
    for other in [
        "range;host;x-amz-content-sha256;x-amz-date",
        "host;host;range;x-amz-content-sha256;x-amz-date",
        "host;;range;x-amz-content-sha256;x-amz-date",
        "Host;range;x-amz-content-sha256;x-amz-date",
        "host%3Brange%3Bx-amz-content-sha256%3Bx-amz-date",
        "host range",
        ";host",
        "host;",
        "",
    ] {
        let value = authorization(&signed).replace(list, other);
        signed.clone().set("authorization", value).is_refused(is_field("SignedHeaders"));
    }
    let value = authorization(&signed).replace(list, "host;range;via;x-amz-content-sha256;x-amz-date");
    signed.set("authorization", value).is_refused(is_missing("via"));
}

#[test]
fn r10_a_signed_checksum_that_did_not_arrive_is_a_missing_header() {
    let sent = presigned_with(request().header("x-amz-checksum-sha256", BODY_SHA256_BASE64));
    sent.is_accepted();
    sent.without("x-amz-checksum-sha256").is_refused(is_missing("x-amz-checksum-sha256"));
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
    presigned_with(request().query("versionId", "null")).is_accepted();
    let with = header_signed_with(&key(), &request().query("versionId", "null"), &[], now());
    with.is_accepted();
    with.replace("?versionId=null", "").is_refused(is_mismatch);
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
    // A header does not stand in for the parameter.
    presigned()
        .replace("&X-Amz-Date=20261124T120000Z", "")
        .header("x-amz-date", now().amz_date())
        .is_refused(is_count("X-Amz-Date", 0));
    presigned().is_accepted();
    header_signed().is_accepted();
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
    for (time, day) in [("99991231T235959Z", "99991231"), ("19700101T000000Z", "19700101")] {
        for lifetime in ["1", "604800"] {
            let sent = presigned()
                .replace("20261124T120000Z", time)
                .replace("%2F20261124%2F", &format!("%2F{day}%2F"))
                .replace("Expires=900", &format!("Expires={lifetime}"));
            sent.is_refused(|e| matches!(e, VerifyError::NotYetValid { .. } | VerifyError::Expired { .. }));
            let then = Timestamp::parse_iso_basic(time).unwrap();
            sent.is_refused_as(&key(), &expect(), then, is_mismatch);
        }
    }
    for bad in ["19691231T235959Z", "00000000T000000Z", "99999999T999999Z", "2026112\u{664}T12000Z"] {
        header_signed().set("x-amz-date", bad).is_refused(is_field("x-amz-date"));
    }
    // The day before a leap year's 29 February is followed by it.
    let leap = Timestamp::parse_iso_basic("20280229T120000Z").unwrap();
    assert_eq!(presign_with(&key(), request(), leap).verify_as(&key(), &expect(), leap), Ok(()));
    let end = Timestamp::parse_iso_basic("99991231T235959Z").unwrap();
    let error = key().presign(&UrlRequest::new(request()), end).unwrap_err();
    assert_eq!(error, IssueError::TimeOverflow);
    let last = presign_with(&key(), request(), Timestamp::from_unix(end.unix() - 900).unwrap());
    assert_eq!(last.verify_as(&key(), &expect(), end), Ok(()));
}

#[test]
fn r17_lifetimes_are_plain_digits_within_the_maximum() {
    let with = |expires: &str| presigned().replace("X-Amz-Expires=900", &format!("X-Amz-Expires={expires}"));
    for bad in ["", "-1", "900s", "9e2", "0x10", "900.0", "1234567", "+300", "%2B300", "%20300", "%D9%A3"] {
        let error = with(bad).is_refused(is_field("X-Amz-Expires"));
        assert_eq!(S3Error::from(&error).code, "AuthorizationQueryParametersError");
    }
    for bad in ["0", "604801", "999999", "000000"] {
        with(bad).is_refused(|e| matches!(e, VerifyError::Lifetime { maximum: 604_800, .. }));
    }
    let one = UrlRequest::new(request()).lives(Lifetime::from_seconds(1).unwrap());
    assert_eq!(key().presign(&one, now()).unwrap().expires_at(), later(1));
    let long = expect().max_lifetime(Lifetime::from_seconds(u32::MAX).unwrap());
    with("604801").is_refused_as(&key(), &long, now(), |e| matches!(e, VerifyError::Lifetime { maximum: 604_800, .. }));
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
    // Nor can it be set to more than a quarter of an hour.
    let lax = expect().skew(u32::MAX);
    assert_eq!(presigned().verify_as(&key(), &lax, later(-900)), Ok(()));
    presigned().is_refused_as(&key(), &lax, later(-901), |e| matches!(e, VerifyError::NotYetValid { .. }));
    header_signed().is_refused_as(&key(), &lax, later(901), |e| matches!(e, VerifyError::Skewed { allowed: 900, .. }));
    let narrow = expect().skew(60);
    for seconds in [-60, 60] {
        assert_eq!(header_signed().verify_as(&key(), &narrow, later(seconds)), Ok(()));
        let beyond = later(seconds + seconds.signum());
        let skewed = |e: &VerifyError| matches!(e, VerifyError::Skewed { allowed: 60, .. });
        header_signed().is_refused_as(&key(), &narrow, beyond, skewed);
    }
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
    // Around midnight the day of the request counts, not that of the check.
    let last = Timestamp::parse_iso_basic("20261124T235959Z").unwrap();
    let next = Timestamp::from_unix(last.unix() + 1).unwrap();
    assert_eq!(presign_with(&key(), request(), last).verify_as(&key(), &expect(), next), Ok(()));
    assert_eq!(header_signed_with(&key(), &request(), &[], last).verify_as(&key(), &expect(), next), Ok(()));
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
    assert!(ending(0).sign_headers(&request(), now()).is_ok());
    // Those that keep what they can from one token to the next look at the end each time.
    let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
    let mut presigner = Presigner::new(ending(901), &endpoint, &Grant::read("photos", "x")).unwrap();
    assert_eq!(presigner.presign("x", later(1)).unwrap().expires_at(), later(901));
    assert!(matches!(presigner.presign("x", later(2)), Err(IssueError::OutlivesCredential { .. })));
    assert!(presigner.presign("x", later(1)).is_ok());
    let mut signer = HeaderSigner::new(ending(1), REGION, "s3").unwrap();
    let host: [(&str, &[u8]); 1] = [("host", HOST.as_bytes())];
    let mut sign_at = |at| signer.sign_into("GET", "/", &host, Payload::Empty, at, &mut String::new());
    assert_eq!(sign_at(later(1)), Ok(()));
    assert!(matches!(sign_at(later(2)), Err(IssueError::OutlivesCredential { .. })));
    // And the verifier that knows the end holds to it.
    assert_eq!(presigned().verify_as(&ending(60), &expect(), later(60)), Ok(()));
    let ended = |error: &VerifyError| *error == VerifyError::CredentialExpired { ended_at: later(60), now: later(61) };
    for sent in [presigned(), header_signed()] {
        let error = sent.is_refused_as(&ending(60), &expect(), later(61), ended);
        assert_eq!((S3Error::detailed(&error).status, S3Error::detailed(&error).code), (400, "ExpiredToken"));
        sent.is_refused_as(&ending(901), &expect(), later(901), |e| {
            matches!(e, VerifyError::Expired { .. } | VerifyError::Skewed { .. })
        });
    }
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
    for (from, to) in [
        ("aws4_request", "aws4_request2"),
        ("aws4_request", "AWS4_REQUEST"),
        ("aws4_request", "goog4_request"),
        ("%2Faws4_request", ""),
        ("%2Faws4_request", "%2Faws4_request%2F"),
        ("%2Fs3", "%2Fs3%2Fs3"),
        ("%2Feu-west-1", "%2F"),
        ("%2Feu-west-1", ""),
        ("%2F20261124", "%2F2026112"),
        ("%2F20261124", "%2F2026112x"),
        ("AKIAIOSFODNN7EXAMPLE", ""),
    ] {
        presigned().replace(from, to).is_refused(is_field("X-Amz-Credential"));
        let (from, to) = (from.replace("%2F", "/"), to.replace("%2F", "/"));
        let value = authorization(&header_signed()).replacen(&from, &to, 1);
        header_signed().set("authorization", value).is_refused(is_field("Credential"));
    }
    for (from, to) in [("eu-west-1", "EU-WEST-1"), ("%2Fs3%2F", "%2FS3%2F")] {
        presigned().target(|t| t.replacen(from, to, 1)).is_refused(|e| matches!(e, VerifyError::Scope { .. }));
    }
    presigned().is_accepted();
    let elsewhere = Expect::new("eu-west-2", "s3");
    presigned().is_refused_as(&key(), &elsewhere, now(), |e| matches!(e, VerifyError::Scope { part: "region", .. }));
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
    for bad in ["0".repeat(63), "0".repeat(65), "A".repeat(64), "g".repeat(64), String::new()] {
        let value = authorization(&header_signed());
        let value = format!("{}{bad}", &value[..value.len() - 64]);
        header_signed().set("authorization", value).is_refused(is_field("Signature"));
    }
    let value = authorization(&header_signed());
    let value = format!("{}{}", &value[..value.len() - 64], "0".repeat(64));
    header_signed().set("authorization", value).is_refused(is_mismatch);
    presigned().is_accepted();
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
        let error = sent.is_refused(token);
        assert_eq!((S3Error::detailed(&error).status, S3Error::detailed(&error).code), (400, "InvalidToken"));
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
        sent.is_refused_as(&temporary(), &expect(), now(), |e| {
            matches!(e, VerifyError::SignatureMismatch | VerifyError::UnsignedHeader { .. })
        });
        // It was not signed, and is compared all the same.
        let other = Arriving {
            target: sent.target.replace("FwoG", "FwoH"),
            headers: sent.headers.iter().map(|(n, v)| (n.clone(), v.clone())).collect(),
            ..sent.clone()
        };
        let other = if other.target == sent.target { other.set("x-amz-security-token", "FwoH/token") } else { other };
        other.is_refused_as(&temporary(), &expect_after, now(), token);
    }
    // Nobody can hang one on a request of a long-term key.
    let expect_after = expect().session_token(TokenPlacement::AfterSigning);
    let appended = presigned().target(|target| format!("{target}&X-Amz-Security-Token=a"));
    appended.is_refused(is_mismatch);
    appended.is_refused_as(&key(), &expect_after, now(), token);
    let added = header_signed().header("x-amz-security-token", "a");
    added.is_refused(is_unsigned("x-amz-security-token"));
    added.is_refused_as(&key(), &expect_after, now(), token);
    for sent in [presigned(), header_signed()] {
        assert_eq!(sent.verify_as(&key(), &expect_after, now()), Ok(()));
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
    let mut forged = presign_with(&temporary(), request(), now());
    forged = forged.target(|target| target.replace("X-Amz-Security-Token=FwoG", "X-Amz-Security-Token=FwoH"));
    forged.is_refused_as(&temporary(), &expect(), now(), is_mismatch);
    // What is wrong before any key is looked at is the same for every id.
    let at = |key: &StaticKey, at| {
        let sent = presign_with(key, request(), now());
        let lines = [("host", HOST.as_bytes())];
        verifier.verify(&RequestView::new("GET", &sent.target, &lines), at).map(|_| ()).unwrap_err()
    };
    let stranger = StaticKey::new("AKIAUNKNOWN", SECRET).unwrap();
    assert_eq!(at(&key(), later(901)), at(&stranger, later(901)));
    assert_eq!(at(&key(), later(-901)), at(&stranger, later(-901)));
    // A key by itself tells that another one was named, but no peer.
    let error = presign_with(&stranger, request(), now()).is_refused(|e| *e == VerifyError::OtherKey);
    assert_eq!((S3Error::detailed(&error).status, S3Error::detailed(&error).code), (403, "InvalidAccessKeyId"));
    // An empty ring knows nobody.
    let sent = presigned();
    let lines = [("host", HOST.as_bytes())];
    let nobody = Verifier::new(KeyRing::new(), expect());
    let refused = nobody.verify(&RequestView::new("GET", &sent.target, &lines), now()).map(|_| ());
    assert_eq!(refused, Err(VerifyError::UnknownKey));
    // Two keys of one id, while one replaces the other.
    for ring in [
        KeyRing::new().with(StaticKey::new(ID, "old").unwrap()).with(key()),
        KeyRing::new().with(key()).with(StaticKey::new(ID, "old").unwrap()),
    ] {
        let mut verifier = Verifier::new(ring, expect());
        assert!(verifier.verify(&RequestView::new("GET", &sent.target, &lines), now()).is_ok());
        // One that was taken out is unknown at once, whatever was derived from it before.
        assert_eq!(verifier.ring_mut().remove(ID), 2);
        let refused = verifier.verify(&RequestView::new("GET", &sent.target, &lines), now()).map(|_| ());
        assert_eq!(refused, Err(VerifyError::UnknownKey));
    }
}

/// A body, and its SHA-256 in hex and in base64.
const BODY: &str = "Welcome to Amazon S3.";
const BODY_SHA256_BASE64: &str = "RM591nyVng01JP+sF3Hfu6h9K2tLTpnkIDSouAP4sHI=";
const BODY_SHA256: &str = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";

fn body_digest() -> [u8; 32] {
    hex::decode(BODY_SHA256).unwrap().try_into().unwrap()
}

#[track_caller]
fn is_not_the_body(result: Result<(), VerifyError>, what: &'static str) {
    let error = result.unwrap_err();
    assert_eq!(error, VerifyError::PayloadMismatch { what });
    assert_eq!((S3Error::from(&error).status, S3Error::from(&error).code), public_answer(&error));
}

#[test]
fn r27_a_body_is_held_to_its_signed_hash() {
    const CONTENT: &str = "x-amz-content-sha256";
    let hashed = request().payload(Payload::Sha256(body_digest()));
    for sent in [header_signed_with(&key(), &hashed, &[], now()), presigned_with(hashed)] {
        assert_eq!(sent.body(&[BODY]), Ok(()));
        assert_eq!(sent.body(&["Welcome to ", "", "Amazon S3."]), Ok(()));
        for other in ["Welcome to Amazon S3!", "Welcome to Amazon S3", ""] {
            is_not_the_body(sent.body(&[other]), CONTENT);
        }
    }
    // The hash of nothing is a hash.
    assert_eq!(header_signed().body(&[]), Ok(()));
    is_not_the_body(header_signed().body(&["x"]), CONTENT);
    let empty = presigned_with(request().payload(Payload::Empty));
    assert_eq!(empty.body(&[]), Ok(()));
    is_not_the_body(empty.body(&["x"]), CONTENT);
    // Where nothing was signed of the body, it is free.
    assert_eq!(presigned().body(&["anything"]), Ok(()));
    let free = header_signed_with(&key(), &request().payload(Payload::Unsigned), &[], now());
    assert_eq!(free.body(&["anything"]), Ok(()));
    // A signed checksum binds as well.
    let checksum = BODY_SHA256_BASE64;
    let sent = presigned_with(request().header("x-amz-checksum-sha256", checksum));
    assert_eq!(sent.body(&[BODY]), Ok(()));
    is_not_the_body(sent.body(&["x"]), "x-amz-checksum-sha256");
    for bad in ["", "RM591nyVng01JP+sF3Hfu6h9K2tLTpnkIDSouAP4sHI", "RM591nyVng01JP", "!"] {
        let sent = presigned_with(request().header("x-amz-checksum-sha256", bad));
        sent.is_refused(is_field("x-amz-checksum-sha256"));
    }
    let twice = request().header("x-amz-checksum-sha256", checksum).header("x-amz-checksum-sha256", checksum);
    presigned_with(twice).is_refused(is_count("x-amz-checksum-sha256", 2));
    // Services that name no hash sign it all the same: the caller brings what arrived.
    let sqs = || Request::new("POST", ORIGIN, REGION, "sqs").unwrap();
    let signed = key().sign_headers(&sqs().payload(Payload::Sha256(body_digest())), now()).unwrap();
    let mut lines = vec![("host", HOST.as_bytes())];
    lines.extend(signed.expose().map(|(name, value)| (name, value.as_bytes())));
    let view = RequestView::new("POST", signed.target(), &lines);
    let check = |view: &RequestView<'_>| {
        key().verify(Presented::parse(view).unwrap(), &Expect::new(REGION, "sqs"), now()).map(|_| ())
    };
    assert_eq!(check(&view.body_sha256(body_digest())), Ok(()));
    assert_eq!(check(&view.body_sha256([0; 32])), Err(VerifyError::SignatureMismatch));
    assert_eq!(check(&view), Err(VerifyError::SignatureMismatch));
}

fn is_mode(error: &VerifyError) -> bool {
    matches!(error, VerifyError::PayloadMode { .. })
}

#[test]
fn r28_the_payload_mode_is_fixed_by_what_was_signed() {
    const CONTENT: &str = "x-amz-content-sha256";
    let with = |value: &str| presigned().header(CONTENT, value);
    // On a presigned URL the header is not signed: it may repeat what was signed, and bind the body further.
    with("UNSIGNED-PAYLOAD").is_accepted();
    assert_eq!(with("UNSIGNED-PAYLOAD").body(&["anything"]), Ok(()));
    with(BODY_SHA256).is_accepted();
    assert_eq!(with(BODY_SHA256).body(&[BODY]), Ok(()));
    is_not_the_body(with(BODY_SHA256).body(&["anything"]), CONTENT);
    for bad in ["unsigned-payload", "", "00", "UNSIGNED-PAYLOAD2", &BODY_SHA256.to_ascii_uppercase()] {
        with(bad).is_refused(is_field(CONTENT));
        header_signed().set(CONTENT, bad).is_refused(is_field(CONTENT));
    }
    // A signed hash stands on the payload line, so another one breaks the signature.
    for (sent, list) in [
        (presigned_with(request().payload(Payload::Sha256(body_digest()))), true),
        (header_signed_with(&key(), &request().payload(Payload::Sha256(body_digest())), &[], now()), false),
    ] {
        sent.is_accepted();
        let lines: Vec<(&str, &[u8])> = sent.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
        let presented = Presented::parse(&RequestView::new("GET", &sent.target, &lines)).unwrap();
        let pending = presented.check(key().credential(), &expect(), now()).unwrap();
        assert!(pending.canonical_request().ends_with(BODY_SHA256.as_bytes()));
        sent.clone().set(CONTENT, "UNSIGNED-PAYLOAD").is_refused(is_mismatch);
        sent.clone().set(CONTENT, Payload::Empty.header_value()).is_refused(is_mismatch);
        sent.clone().set(CONTENT, "STREAMING-UNSIGNED-PAYLOAD-TRAILER").is_refused(is_mode);
        let without = sent.without(CONTENT);
        if list {
            without.is_refused(is_missing(CONTENT));
        } else {
            without.is_refused(is_count(CONTENT, 0));
        }
    }
    // As a parameter some servers obey it and others do not, so it may say only what holds anyway.
    presigned_with(request().query("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")).is_accepted();
    for value in [BODY_SHA256, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", ""] {
        presigned_with(request().query("X-Amz-Content-Sha256", value)).is_refused(is_mode);
        presigned_with(request().query("x-amz-content-sha256", value)).is_refused(is_mode);
    }
    // Other services sign the body whatever a header says, unless they were told otherwise.
    let other = Request::new("GET", ORIGIN, REGION, "sqs").unwrap().payload(Payload::Unsigned).with_content_sha256();
    let other = header_signed_with(&key(), &other, &[], now());
    let sqs = Expect::new(REGION, "sqs");
    other.is_refused_as(&key(), &sqs, now(), is_mode);
    assert_eq!(other.verify_as(&key(), &sqs.allow_unsigned_payload(), now()), Ok(()));
}

#[test]
fn r29_a_body_in_chunks_is_refused_unless_somebody_reads_its_chunks() {
    for mode in [
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-EVENTS",
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
        "STREAMING-UNSIGNED-PAYLOAD",
    ] {
        presigned().header("x-amz-content-sha256", mode).is_refused(is_mode);
        header_signed().set("x-amz-content-sha256", mode).is_refused(is_mode);
    }
    // The framing may be named, since without such a mode nothing decodes it.
    presigned().header("content-encoding", "aws-chunked").is_accepted();
}

#[test]
fn r30_a_trailer_is_refused_unless_somebody_reads_it() {
    for mode in [
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    ] {
        presigned().header("x-amz-content-sha256", mode).is_refused(is_mode);
        header_signed().set("x-amz-content-sha256", mode).is_refused(is_mode);
    }
    presigned().header("x-amz-trailer", "x-amz-checksum-crc32").is_refused(is_unsigned("x-amz-trailer"));
    presigned().header("trailer", "x").is_accepted();
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
    // The name is the whole name: what begins like it is another object.
    let cat = presigned_with(request().path("/cat"));
    cat.is_accepted();
    for other in ["/cat/", "/cat.jpg", "/cat/..", "/ca", "/"] {
        let error = cat.clone().replace("/cat?", &format!("{other}?")).verify().unwrap_err();
        assert!(matches!(error, VerifyError::SignatureMismatch | VerifyError::AmbiguousPath { .. }), "{error:?}");
    }
    assert!(key().presign(&UrlRequest::s3(&Grant::read("photos", "a/../b"), REGION).unwrap(), now()).is_err());
}

#[test]
fn r45_an_empty_prefix_is_refused() {
    let lower = |prefix: &str| UrlRequest::s3(&Grant::list("photos", prefix).because(why()), REGION).map(|_| ());
    assert_eq!(lower("2026/"), Ok(()));
    // It would admit every name there is.
    assert!(lower("").is_err(), "a listing of everything was issued");
}

#[test]
fn r45_a_prefix_that_ends_within_a_name_is_refused() {
    let lower = |prefix: &str| UrlRequest::s3(&Grant::list("photos", prefix).because(why()), REGION).map(|_| ());
    assert_eq!(lower("2026/11/"), Ok(()));
    // It would admit `20260-private/` as well.
    assert!(lower("2026").is_err(), "a listing of every name that begins with 2026 was issued");
    let open = |prefix: &str| Grant::list("photos", prefix).because(why()).allow_open_prefix();
    assert!(UrlRequest::s3(&open("2026"), REGION).is_ok());
    assert!(UrlRequest::s3(&open(""), REGION).is_err());
}

#[test]
fn r48_a_download_of_another_type_is_saved_unless_somebody_says_otherwise() {
    let url =
        |grant: &Grant| key().presign(&UrlRequest::s3(grant, REGION).unwrap(), now()).unwrap().expose().to_owned();
    let typed = Grant::read("photos", "a").response_header(ResponseHeader::ContentType, "text/html");
    assert!(url(&typed).contains("&response-content-disposition=attachment&response-content-type=text%2Fhtml"));
    let shown = typed.disposition(&ContentDisposition::inline("a.html"));
    assert!(url(&shown).contains("response-content-disposition=inline%3B") && !url(&shown).contains("=attachment"));
    assert!(!url(&Grant::read("photos", "a")).contains("disposition"));
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
    assert!(matches!(lower(&Grant::create("photos", "cat.jpg")), Err(IssueError::Unbounded { .. })));
    assert!(matches!(lower(&Grant::upload_part("photos", "cat.jpg", "id", 1)), Err(IssueError::Unbounded { .. })));
    assert_eq!(lower(&Grant::upload_part("photos", "cat.jpg", "id", 1).any_size()), Ok(()));
    for number in [0, 10_001] {
        assert!(lower(&Grant::upload_part("photos", "cat.jpg", "id", number).any_size()).is_err());
    }
    // The bounds are signed, so that an upload without them, or with others, is refused.
    let grant = upload().exact_size(5).content_type("image/png").sha256(body_digest());
    let url = key().presign(&UrlRequest::s3(&grant, REGION).unwrap(), now()).unwrap();
    let target = url.expose().strip_prefix(ORIGIN).unwrap().to_owned();
    let mut sent = Arriving { method: "PUT", target, headers: Vec::new() }.header("host", HOST);
    sent.headers.extend(url.required_headers().iter().cloned());
    sent.is_accepted();
    for (name, other) in [
        ("content-length", "6"),
        ("content-type", "text/html"),
        ("x-amz-checksum-sha256", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    ] {
        sent.clone().set(name, other).is_refused(is_mismatch);
        assert!(sent.clone().without(name).verify().is_err(), "{name}");
    }
    let create = key()
        .presign(&UrlRequest::s3(&Grant::create("photos", "x").any_size().any_content_type(), REGION).unwrap(), now())
        .unwrap();
    assert_eq!(create.required_headers(), [("if-none-match".to_owned(), b"*".to_vec())]);
    // Nothing can be smuggled into the headers of an answer.
    let answer =
        |value: &str| lower(&Grant::read("photos", "cat.jpg").response_header(ResponseHeader::CacheControl, value));
    assert_eq!(answer("no-store"), Ok(()));
    for bad in ["no-store\r\nset-cookie: a", "a\nb", "a\rb", "a\0b", "a\u{85}b"] {
        assert!(matches!(answer(bad), Err(IssueError::Invalid { what: "response header", .. })), "{bad:?}");
    }
    for grant in [
        Grant::read("photos", "cat.jpg").single_use(),
        Grant::read("photos", "cat.jpg").client_address("192.0.2.1"),
        Grant::read("photos", "cat.jpg").not_before(later(60)),
        Grant::read("photos", "cat.jpg").exact_size(1),
        Grant::read("photos", "cat.jpg").content_type("image/png"),
        Grant::read("photos", "cat.jpg").metadata("a", "b"),
        Grant::delete("photos", "cat.jpg").response_header(ResponseHeader::CacheControl, "no-store"),
    ] {
        assert!(matches!(lower(&grant), Err(IssueError::NotEnforceable { .. })), "{grant:?}");
    }
}

#[test]
fn r49_a_derived_key_is_good_for_its_own_scope_only() {
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
    // Two secrets of one id, and one secret of two ids, never share a kept key.
    let rotated = StaticKey::new(ID, "another secret").unwrap();
    let alias = StaticKey::new("AKIAALIAS", SECRET).unwrap();
    let verifier = Verifier::new(KeyRing::new().with(key()).with(alias), expect());
    let check = |key: &StaticKey| {
        let sent = presign_with(key, request(), now());
        let lines = [("host", HOST.as_bytes())];
        verifier.verify(&RequestView::new("GET", &sent.target, &lines), now()).map(|v| v.access_key_id().to_owned())
    };
    for _ in 0..2 {
        assert_eq!(check(&key()), Ok(ID.to_owned()));
        assert_eq!(check(&StaticKey::new("AKIAALIAS", SECRET).unwrap()), Ok("AKIAALIAS".to_owned()));
        assert_eq!(check(&rotated), Err(VerifyError::SignatureMismatch));
    }
    // Regions and services that read the same when they are put together are still two scopes.
    let scoped = |region: &str, service: &str| {
        let request = Request::new("GET", ORIGIN, region, service).unwrap();
        one.presign(&UrlRequest::new(request), now()).unwrap()
    };
    for _ in 0..2 {
        let mut ends: Vec<String> = [("ab", "c"), ("a", "bc"), ("abc", "c"), ("ab", "bc")]
            .map(|(region, service)| scoped(region, service).expose().rsplit('=').next().unwrap().to_owned())
            .into();
        ends.sort();
        ends.dedup();
        assert_eq!(ends.len(), 4);
    }
    // An edge that has the key of one scope refuses every other, and tells nothing of its own.
    let edge_verifies = |sent: &Arriving, expect: &Expect, at: Timestamp| {
        let lines: Vec<(&str, &[u8])> = sent.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
        edge.verify(Presented::parse(&RequestView::new("GET", &sent.target, &lines)).unwrap(), expect, at).map(|_| ())
    };
    assert_eq!(edge_verifies(&presigned(), &expect(), now()), Ok(()));
    let at = later(86_400);
    let refused = edge_verifies(&presign_with(&key(), request(), at), &expect(), at);
    assert!(matches!(refused, Err(VerifyError::Key(KeyError::OutOfScope { .. }))));
    // Moving a presigner from day to day and back.
    let endpoint = Endpoint::aws(Region::new(REGION).unwrap());
    let mut presigner = Presigner::new(key(), &endpoint, &Grant::read("photos", "x")).unwrap();
    for at in [0, 86_400, 0, 1, -86_400, 0] {
        let single = UrlRequest::s3(&Grant::read("photos", "cat.jpg"), REGION).unwrap();
        let url = presigner.presign("cat.jpg", later(at)).unwrap();
        assert_eq!(url.expose(), key().presign(&single, later(at)).unwrap().expose());
    }
}

fn is_large(what: &'static str, limit: usize) -> impl Fn(&VerifyError) -> bool {
    move |e| matches!(e, VerifyError::TooLarge { what: part, limit: most, .. } if (*part, *most) == (what, limit))
}

#[test]
fn r53_limits_come_before_work() {
    let at_most = |bytes: usize| {
        let room = bytes - presigned().target.len() - "a=&".len();
        presigned_with(request().query("a", "a".repeat(room)))
    };
    assert_eq!(at_most(16 << 10).target.len(), 16 << 10);
    at_most(16 << 10).is_accepted();
    at_most((16 << 10) + 1).is_refused(is_large("request target", 16 << 10));
    presigned().target(|t| format!("{t}{}", "&a=1".repeat(251))).is_refused(is_large("query parameters", 256));
    presigned().header("x-big", "a".repeat((16 << 10) + 1)).is_refused(is_large("header value", 16 << 10));
    presigned().header("x-big", "a".repeat(16 << 10)).is_accepted();
    presigned().header(&"x".repeat((16 << 10) + 1), "a").is_refused(is_large("header name", 16 << 10));
    presigned().header(&"x".repeat(16 << 10), "a").is_accepted();
    let lines = |count: usize| (0..count).fold(presigned(), |sent, at| sent.header(&format!("x-{at}"), "a"));
    lines(127).is_accepted();
    lines(128).is_refused(is_large("header lines", 128));
    let signed = |count: usize| (0..count).fold(request(), |r, at| r.header(format!("x-{at:03}"), "a"));
    presigned_with(signed(63)).is_accepted();
    presigned_with(signed(64)).is_refused(is_large("signed headers", 64));
    let params = |count: usize| (0..count).fold(request(), |r, at| r.query(format!("{at}"), "a"));
    presigned_with(params(250)).is_accepted();
    presigned_with(params(251)).is_refused(is_large("query parameters", 256));
    // They come before what they bound: none of these has a signature to look at.
    let unsigned = |target: String| Arriving { method: "GET", target, headers: Vec::new() };
    unsigned(format!("/?{}", "a".repeat(16 << 10))).is_refused(is_large("request target", 16 << 10));
    unsigned("/".to_owned()).header("a", "\0".repeat((16 << 10) + 1)).is_refused(is_large("header value", 16 << 10));
}

#[test]
fn r53_every_limit_can_be_lowered_and_raised_to_its_ceiling() {
    let within = |sent: &Arriving, limits: Limits| sent.within(&key(), &expect(), &limits, now());
    let sent = presigned_with(request().header("x-a", "12345678"));
    let target = sent.target.len();
    let widest = HOST.len();
    for (exact, less, what) in [
        (Limits::DEFAULT.target(target), Limits::DEFAULT.target(target - 1), "request target"),
        (Limits::DEFAULT.params(6), Limits::DEFAULT.params(5), "query parameters"),
        (Limits::DEFAULT.header_lines(2), Limits::DEFAULT.header_lines(1), "header lines"),
        (Limits::DEFAULT.signed_headers(2), Limits::DEFAULT.signed_headers(1), "signed headers"),
        (Limits::DEFAULT.header_value(widest), Limits::DEFAULT.header_value(widest - 1), "header value"),
    ] {
        assert_eq!(within(&sent, exact), Ok(()), "{what}");
        let error = within(&sent, less).unwrap_err();
        assert!(matches!(error, VerifyError::TooLarge { what: part, .. } if part == what), "{error:?}");
    }
    let all = Limits::DEFAULT
        .target(usize::MAX)
        .params(usize::MAX)
        .header_lines(usize::MAX)
        .signed_headers(usize::MAX)
        .header_value(usize::MAX);
    assert_eq!(Limits::default(), Limits::DEFAULT);
    let params = |count: usize| (0..count).fold(request(), |r, at| r.query(format!("{at}"), "a"));
    assert_eq!(within(&presigned_with(params(506)), all), Ok(()));
    assert!(is_large("query parameters", 512)(&within(&presigned_with(params(507)), all).unwrap_err()));
    let headers = |count: usize| (0..count).fold(request(), |r, at| r.header(format!("x-{at:03}"), "a"));
    assert_eq!(within(&presigned_with(headers(252)), all), Ok(()));
    let lines = |count: usize| (0..count).fold(presigned(), |sent, at| sent.header(&format!("x-{at}"), "a"));
    assert_eq!(within(&lines(255), all), Ok(()));
    assert!(is_large("header lines", 256)(&within(&lines(256), all).unwrap_err()));
    let long = |bytes: usize| presigned().header("x-big", "a".repeat(bytes));
    assert_eq!(within(&long(1 << 20), all), Ok(()));
    assert!(is_large("header value", 1 << 20)(&within(&long((1 << 20) + 1), all).unwrap_err()));
    let long = |bytes: usize| presigned_with(request().query("a", "a".repeat(bytes)));
    assert_eq!(within(&long(60_000), all), Ok(()));
    assert!(is_large("request target", 60 << 10)(&within(&long(60 << 10), all).unwrap_err()));
    // No limit at all is no way in.
    let none = Limits::DEFAULT.target(0).params(0).header_lines(0).signed_headers(0).header_value(0);
    assert!(is_large("header lines", 0)(&within(&presigned(), none).unwrap_err()));
}

#[test]
fn r55_no_text_about_a_request_holds_its_signature() {
    let url = key().presign(&UrlRequest::new(request()), now()).unwrap();
    let signature = &url.expose()[url.expose().len() - 64..];
    let shown = format!("{url:?}");
    assert!(shown.contains("photos") && shown.contains("/cat.jpg") && shown.contains("2026-11-24"), "{shown}");
    assert!(!shown.contains(signature) && !shown.contains("X-Amz"), "{shown}");
    let sent = presigned();
    let wrong = sent.clone().header("x-amz-acl", "private");
    for error in [wrong.verify().unwrap_err(), sent.clone().replace("/cat", "/dog").verify().unwrap_err()] {
        let text = format!("{error} {error:?} {error:#?} {}", S3Error::from(&error).to_xml("request-1"));
        assert!(!text.contains(signature) && !text.contains(SECRET), "{text}");
        assert!(text.contains("<RequestId>request-1</RequestId>"), "{text}");
    }
    // A request id of somebody else's making stays text.
    let hostile = S3Error::from(&VerifyError::NotSigned).to_xml(&format!("</RequestId><a>&\u{1}{}", "b".repeat(1000)));
    assert!(hostile.contains("<RequestId>&lt;/RequestId&gt;&lt;a&gt;&amp;?b") && hostile.len() < 500, "{hostile}");
}

#[test]
fn a_bare_plus_is_refused_unless_one_reading_was_chosen() {
    let plus = presigned_with(request().query("q", "a+b"));
    let blank = presigned_with(request().query("q", "a b"));
    plus.is_accepted();
    blank.is_accepted();
    let (bare_plus, bare_blank) = (plus.clone().replace("a%2Bb", "a+b"), blank.clone().replace("a%20b", "a+b"));
    for bare in [&bare_plus, &bare_blank] {
        bare.is_refused(|e| *e == VerifyError::AmbiguousPlus);
    }
    let read = |sent: &Arriving, plus| sent.verify_as(&key(), &expect().plus(plus), now()).is_ok();
    assert!(read(&bare_plus, Plus::Literal) && !read(&bare_plus, Plus::Blank));
    assert!(read(&bare_blank, Plus::Blank) && !read(&bare_blank, Plus::Literal));
    // What the caller reads is what was signed.
    let value =
        |sent: &Arriving, plus| sent.facts(&expect().plus(plus), |facts| facts.params().next().unwrap().unwrap().1);
    assert_eq!((value(&bare_plus, Plus::Literal), value(&bare_blank, Plus::Blank)), ("a+b".into(), "a b".into()));
    for choice in [Plus::Refuse, Plus::Literal, Plus::Blank] {
        assert_eq!((value(&plus, choice), value(&blank, choice)), ("a+b".into(), "a b".into()));
    }
    // In a name it is no less ambiguous.
    let name = presigned_with(request().query("a+b", ""));
    name.is_accepted();
    name.replace("a%2Bb", "a+b").is_refused(|e| *e == VerifyError::AmbiguousPlus);
}

#[test]
fn parameters_and_paths_that_are_hard_to_read_are_refused() {
    for bad in ["&", "&&a=1", "&a=1&"] {
        presigned().target(|target| format!("{target}{bad}")).is_refused(is_malformed("query"));
    }
    presigned().target(|target| target.replacen('?', "?&", 1)).is_refused(is_malformed("query"));
    header_signed().target(|target| format!("{target}?&")).is_refused(is_malformed("query"));
    // No value and no name are two different things, and both are readable.
    presigned_with(request().query("a", "")).is_accepted();
    presigned_with(request().query("a", "")).replace("a=&", "a&").is_accepted();
    presigned_with(request().query("", "a")).is_accepted();
    header_signed().target(|target| format!("{target}?")).is_accepted();
    for bad in ["#", "#a", "\u{fc}", "\u{7f}", "\u{1}", "\t", " ", "\u{feff}"] {
        presigned().target(|target| format!("{target}{bad}")).is_refused(is_malformed("query"));
        presigned().target(|target| target.replacen('?', &format!("{bad}?"), 1)).is_refused(is_malformed("target"));
    }
    // Escaped, each of them is a byte of a name.
    let all = "#\u{fc}\u{7f}\u{1}\t \u{feff}";
    presigned_with(request().path(format!("/{all}")).query(all, all)).is_accepted();
    // Visible bytes that need an escape and were sent without one are the same bytes in a query.
    let raw = presigned_with(request().query("a", "!$'()*,;:@/?[]\"<>\\^`{|}"));
    raw.is_accepted();
    raw.target(|target| target.replace("%21%24%27%28%29%2A%2C%3B%3A%40%2F%3F%5B%5D", "!$'()*,;:@/?[]")).is_accepted();
}

#[test]
fn a_request_without_a_signature_is_not_signed() {
    let plain = |target: &str| Arriving { method: "GET", target: target.to_owned(), headers: Vec::new() };
    for target in ["/", "/cat.jpg", "/cat.jpg?", "/cat.jpg?versionId=1", "https://photos.s3.eu-west-1.amazonaws.com"] {
        let error = plain(target).header("host", HOST).is_refused(|e| *e == VerifyError::NotSigned);
        assert_eq!((S3Error::from(&error).status, S3Error::from(&error).code), (403, "AccessDenied"));
    }
    // With any part of one it is a broken signature, not none.
    plain("/?X-Amz-Signature=00").header("host", HOST).is_refused(is_count("X-Amz-Algorithm", 0));
    plain("/").header("host", HOST).header("authorization", "").is_refused(is_field("Authorization"));
    for component in ["Credential=", "SignedHeaders=", "Signature="] {
        let value = authorization(&header_signed());
        let (head, rest) = value.split_at(value.find(component).unwrap());
        let rest = rest.split_once(", ").map_or("", |(_, rest)| rest);
        let left = format!("{head}{rest}").trim_end_matches(", ").to_owned();
        let field = component.trim_end_matches('=').to_owned();
        let error = header_signed()
            .set("authorization", left)
            .is_refused(|e| matches!(e, VerifyError::FieldCount { found: 0, .. }));
        assert!(matches!(error, VerifyError::FieldCount { field: named, .. } if named == field), "{error:?}");
    }
    for unknown in [", Extra=1", ",", ", ", ", Signature"] {
        let value = format!("{}{unknown}", authorization(&header_signed()));
        header_signed().set("authorization", value).is_refused(is_field("Authorization"));
    }
    // Blanks between the fields, and their order, are free.
    let value = authorization(&header_signed()).replace(", ", ",");
    header_signed().set("authorization", value).is_accepted();
    let value = authorization(&header_signed());
    let (scheme, fields) = value.split_once(' ').unwrap();
    let turned = fields.split(", ").collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join(", ");
    header_signed().set("authorization", format!("{scheme} {turned}")).is_accepted();
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

#[test]
fn r53_a_limit_of_no_signed_headers_lets_none_pass() {
    let within = |count| presigned().within(&key(), &expect(), &Limits::DEFAULT.signed_headers(count), now());
    assert_eq!(within(1), Ok(()));
    assert!(matches!(within(0), Err(VerifyError::TooLarge { .. })));
}

#[test]
fn r27_a_body_that_is_held_to_a_checksum_alone_is_not_free() {
    let free =
        |request: Request| presigned_with(request).facts(&expect(), |verified| verified.payload_check().is_free());
    assert!(free(request()));
    assert!(!free(request().header("x-amz-checksum-sha256", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")));
}

#[cfg(feature = "http")]
#[test]
fn r07_the_authority_of_a_request_without_a_host_line_is_its_host() {
    let url = presigned();
    let get = |uri: &str, host: Option<&str>| {
        let mut request = http::Request::get(uri);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let head = valet_key::view::HttpHead::new(&parts);
        let presented = Presented::parse(&head.view())?;
        key().verify(presented, &expect(), now()).map(|_| ())
    };
    let absolute = format!("{ORIGIN}{}", url.target);
    assert_eq!(get(&absolute, None), Ok(()));
    assert_eq!(get(&absolute, Some(HOST)), Ok(()));
    assert_eq!(get(&url.target, Some(HOST)), Ok(()));
    assert!(get(&absolute, Some("other.example")).is_err());
    assert!(get(&url.target, None).is_err());
}

#[test]
fn r04_an_id_that_looks_like_an_escape_is_encoded_once() {
    let odd = StaticKey::new("AKIA%25", SECRET).unwrap();
    let url = presign_with(&odd, request(), now());
    assert!(url.target.contains("X-Amz-Credential=AKIA%2525%2F"), "{}", url.target);
    assert_eq!(url.verify_as(&odd, &expect(), now()), Ok(()));
}
