//! Signature Version 4 against S3.

use super::{TOKEN, is_cause, mismatch, refusal};
use valet_key::{
    aws::{
        Credential, Expect, Payload, Plus, Prepared, PreparedHeaders, Presented, Request, S3Error, SigV4, StaticKey,
        Stream, UrlRequest,
    },
    clock::Timestamp,
    error::VerifyError,
    explain::{Answer, Cause, Signed, explain},
    grant::Grant,
    view::RequestView,
};

const HOST: &str = "photos.s3.eu-west-1.amazonaws.com";
const REGION: &str = "eu-west-1";

fn now() -> Timestamp {
    Timestamp::parse_iso_basic("20261124T120000Z").unwrap()
}

fn later(seconds: i64) -> Timestamp {
    Timestamp::from_unix(now().unix() + seconds).unwrap()
}

fn key() -> StaticKey {
    StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret").unwrap()
}

fn temporary_with(token: &str) -> StaticKey {
    let credential = Credential::new("ASIAIOSFODNN7EXAMPLE").unwrap().with_session_token(token.to_owned()).unwrap();
    StaticKey::from_credential(credential.expiring(later(3600)), "secret").unwrap()
}

fn temporary() -> StaticKey {
    temporary_with(TOKEN)
}

/// A URL, what was signed for it, and the request that comes of it.
struct Url {
    prepared: Prepared,
    text: String,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

impl Url {
    fn of(key: &StaticKey, request: &UrlRequest) -> Self {
        let prepared = request.prepare(key.credential(), now()).unwrap();
        let url = key.presign(request, now()).unwrap();
        let text = url.expose().to_owned();
        let (host, target) = text.split_once("://").unwrap().1.split_once('/').unwrap();
        let mut headers = vec![("host".to_owned(), host.to_owned())];
        for (name, value) in url.required_headers() {
            headers.push((name.clone(), String::from_utf8(value.clone()).unwrap()));
        }
        let (method, target) = (url.method().to_owned(), format!("/{target}"));
        Self { prepared, text, method, target, headers }
    }

    fn read(object: &str) -> Self {
        Self::of(&key(), &UrlRequest::s3(&Grant::read("photos", object), REGION).unwrap())
    }

    fn with(request: Request) -> Self {
        Self::of(&key(), &UrlRequest::new(request))
    }

    fn target(mut self, change: impl FnOnce(String) -> String) -> Self {
        self.target = change(self.target);
        self
    }

    fn method(mut self, method: &str) -> Self {
        self.method = method.into();
        self
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.into(), value.into()));
        self
    }

    fn signed(&self) -> Signed<'_> {
        Signed::from(&self.prepared)
    }

    /// The server's own reading of the request that arrived.
    #[track_caller]
    fn serve(&self, expect: &Expect) -> (String, String) {
        serve(&self.method, &self.target, &self.headers, expect)
    }

    #[track_caller]
    fn mismatches(&self, cause: Cause) {
        self.mismatches_for(&expect(), cause);
    }

    #[track_caller]
    fn mismatches_for(&self, expect: &Expect, cause: Cause) {
        let (canonical, message) = self.serve(expect);
        assert_ne!(canonical.as_bytes(), self.prepared.canonical_request());
        let answer = mismatch(canonical.as_bytes(), message.as_bytes());
        let explanation = is_cause(&self.signed(), &answer, cause);
        assert!(explanation.difference().is_some());
        // The same without a document.
        is_cause(&self.signed(), &Answer::forms(canonical.as_bytes(), message.as_bytes()).unwrap(), cause);
    }

    fn refused(&self, at: Timestamp) -> VerifyError {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (&**name, value.as_bytes())).collect();
        let view = RequestView::new(&self.method, &self.target, &headers);
        Presented::parse(&view).and_then(|it| it.check(key().credential(), &expect(), at)).unwrap_err()
    }
}

fn expect() -> Expect {
    Expect::new(REGION, "s3").plus(Plus::Literal).recode_path().allow_dot_segments()
}

#[track_caller]
fn serve(method: &str, target: &str, headers: &[(String, String)], expect: &Expect) -> (String, String) {
    let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (&**name, value.as_bytes())).collect();
    let view = RequestView::new(method, target, &headers);
    let presented = Presented::parse(&view).unwrap();
    let is_temporary = presented.access_key_id().starts_with("ASIA");
    let own = if is_temporary { temporary() } else { key() };
    let pending = presented.check(own.credential(), expect, now()).unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&pending.canonical_request()), text(pending.string_to_sign().as_bytes()))
}

fn request(method: &str) -> Request {
    Request::new(method, &format!("https://{HOST}"), REGION, "s3").unwrap()
}

#[test]
fn a_url_does_not_tell_the_values_of_headers() {
    let upload = Grant::upload("photos", "cat.jpg").content_type("image/jpeg").exact_size(3);
    let url = Url::of(&key(), &UrlRequest::s3(&upload, REGION).unwrap()).header("content-type", "text/html");
    let (canonical, message) = url.serve(&expect());
    let answer = mismatch(canonical.as_bytes(), message.as_bytes());
    is_cause(&url.signed(), &answer, Cause::ContentType);
    // So nobody can say that everything that was signed is the same.
    is_cause(&Signed::url("PUT", &url.text), &answer, Cause::Unknown);
    let alone = Answer::string_to_sign(message.as_bytes()).unwrap();
    is_cause(&Signed::url("PUT", &url.text), &alone, Cause::Unknown);
}

#[test]
fn another_method() {
    Url::read("cat.jpg").method("HEAD").mismatches(Cause::HeadForGet);
    Url::read("cat.jpg").method("OPTIONS").mismatches(Cause::Preflight);
    Url::with(request("PUT").path("/cat.jpg")).method("POST").mismatches(Cause::Method);
}

#[test]
fn a_path_in_another_spelling() {
    Url::read("a b.jpg").target(|it| it.replace("a%20b", "a+b")).mismatches(Cause::PlusForBlank);
    Url::read("a b.jpg").target(|it| it.replace("a%20b", "a%2520b")).mismatches(Cause::EncodedTwice);
    Url::with(request("GET").path("/a//b")).target(|it| it.replace("a//b", "a/b")).mismatches(Cause::SlashesMerged);
    Url::with(request("GET").path("/a/b/")).target(|it| it.replace("a/b/", "a/b")).mismatches(Cause::TrailingSlash);
    Url::with(request("GET").path("/b")).target(|it| it.replace("/b?", "/s3/b?")).mismatches(Cause::PathPrefix);
    Url::with(request("GET").path("/b")).target(|it| it.replace("/b?", "/c?")).mismatches(Cause::Path);
    let dots =
        Request::new("GET", &format!("https://{HOST}"), REGION, "s3").unwrap().path("/x/../b").allow_dot_segments();
    Url::with(dots).target(|it| it.replace("/x/../b", "/b")).mismatches(Cause::DotSegmentsFolded);
}

#[test]
fn a_server_that_signs_escapes_as_they_came() {
    // Our verifier writes escapes anew, so the text of one that does not is changed here.
    let url = Url::read("ä.jpg");
    let (canonical, message) = url.serve(&expect());
    for (from, to, cause) in
        [("%C3%A4", "%c3%a4", Cause::LowerCaseEscapes), (".jpg", "%2Ejpg", Cause::EscapedDifferently)]
    {
        let changed = canonical.replacen(from, to, 1);
        assert_ne!(changed, canonical);
        is_cause(&url.signed(), &mismatch(changed.as_bytes(), message.as_bytes()), cause);
    }
    let url = Url::with(request("GET").path("/").query("acl", "").query("b", "1"));
    let (canonical, message) = url.serve(&expect());
    let moved = canonical.replacen("&b=1", "", 1).replacen("acl=", "b=1&acl=", 1);
    assert_ne!(moved, canonical);
    // What is left is the order alone.
    is_cause(&url.signed(), &mismatch(moved.as_bytes(), message.as_bytes()), Cause::ParameterOrder);
    let bare = canonical.replacen("acl=", "acl", 1);
    is_cause(&url.signed(), &mismatch(bare.as_bytes(), message.as_bytes()), Cause::EmptyValue);
}

#[test]
fn another_host() {
    let host = |host: &str| Url::read("cat.jpg").header("host", host);
    host(&format!("{HOST}:8443")).mismatches(Cause::PortInHost);
    host("minio.internal").mismatches(Cause::HostChanged);
    let path_style = Request::new("GET", "https://s3.eu-west-1.amazonaws.com", REGION, "s3").unwrap().path("/photos/a");
    Url::with(path_style)
        .header("host", HOST)
        .target(|it| it.replace("/photos/a?", "/a?"))
        .mismatches(Cause::BucketPlacement);
    let url = Url::read("cat.jpg");
    let (canonical, message) = url.serve(&expect());
    let loud = canonical.replace(HOST, &HOST.to_uppercase());
    is_cause(&url.signed(), &mismatch(loud.as_bytes(), message.as_bytes()), Cause::HostSpelling);
}

#[test]
fn another_query() {
    for more in ["&utm_source=mail", "&x-id=GetObject", "&_=1700000000"] {
        Url::read("cat.jpg").target(|it| it + more).mismatches(Cause::ParameterAdded);
    }
    let with_query = || Url::with(request("GET").path("/").query("prefix", "a b").query("list-type", "2"));
    with_query()
        .target(|it| it.replace("list-type=2&", "").replace("&list-type=2", ""))
        .mismatches(Cause::ParameterDropped);
    with_query().target(|it| it.replace("list-type=2", "list-type=1")).mismatches(Cause::ParameterChanged);
    with_query().target(|it| it.replace("a%20b", "a+b")).mismatches(Cause::PlusForBlank);
    with_query().target(|it| it.replace("a%20b", "a%2520b")).mismatches(Cause::EncodedTwice);
    with_query().target(|it| it.replace("&prefix", "&amp;prefix")).mismatches(Cause::AmpersandEscaped);
}

#[test]
fn other_headers() {
    let upload = || {
        Url::with(
            request("PUT")
                .path("/a")
                .header("content-type", "image/png")
                .header("x-amz-meta-a", "One two")
                .header("content-length", "5"),
        )
    };
    upload().header("content-type", "image/png; charset=utf-8").mismatches(Cause::ContentType);
    upload().header("content-length", "6").mismatches(Cause::ContentLength);
    upload().header("x-amz-meta-a", "one two").mismatches(Cause::HeaderCase);
    upload().header("x-amz-meta-a", "Onetwo").mismatches(Cause::HeaderBlanks);
    upload().header("x-amz-meta-a", "three").mismatches(Cause::HeaderChanged);
    upload().header("x-amz-meta-a", "").mismatches(Cause::HeaderNotSent);
    // A header that the server wants signed, in its own words.
    let added = Url::read("cat.jpg").header("x-amz-acl", "public-read");
    let error = S3Error::detailed(&added.refused(now()));
    is_cause(&added.signed(), &Answer::parse(&error.to_xml("1")).unwrap(), Cause::HeaderAdded);
    // Signed by the client's list, and so by the server: a browser that signs a type of its own.
    let url = Url::read("cat.jpg");
    let changed = url.target.replace("SignedHeaders=host", "SignedHeaders=content-type%3Bhost");
    let typed = Url { target: changed, ..url }.header("content-type", "text/plain");
    let (canonical, message) = typed.serve(&expect());
    let explanation = explain(&typed.signed(), &mismatch(canonical.as_bytes(), message.as_bytes())).unwrap();
    for cause in [Cause::ContentType, Cause::SignedHeaders] {
        assert!(explanation.findings().iter().any(|finding| finding.cause() == cause), "{explanation}");
    }
    // The URL alone tells that as well.
    let url = Url::read("cat.jpg");
    let by_url = Signed::url("GET", &url.text);
    let explanation = explain(&by_url, &mismatch(canonical.as_bytes(), message.as_bytes())).unwrap();
    assert!(explanation.findings().iter().any(|finding| finding.cause() == Cause::ContentType), "{explanation}");
    assert!(explanation.to_string().contains("text/plain"));
}

#[test]
fn times() {
    let url = Url::read("cat.jpg");
    let answer = |error: &VerifyError| Answer::parse(&S3Error::detailed(error).to_xml("1")).unwrap();
    is_cause(&url.signed(), &answer(&url.refused(later(901))), Cause::Expired);
    is_cause(&url.signed(), &answer(&url.refused(later(-3600))), Cause::NotYetValid);
    is_cause(
        &url.signed(),
        &answer(&VerifyError::CredentialExpired { ended_at: now(), now: now() }),
        Cause::SessionExpired,
    );
    is_cause(&url.signed(), &answer(&VerifyError::UnknownKey), Cause::KeyId);
    let date = url.target(|it| it.replace("20261124T120000Z", "20261124T120001Z"));
    date.mismatches_for(&expect().skew(60), Cause::DateChanged);
    let sent = Sent::of(&key(), &request("GET").path("/a"));
    let error = sent.refused(later(3600));
    is_cause(&sent.signed(), &answer(&error), Cause::ClockSkew);
}

#[test]
fn other_keys_and_scopes() {
    let url = Url::read("cat.jpg");
    for (region, service, cause) in [("us-east-1", "s3", Cause::Region), (REGION, "execute-api", Cause::Service)] {
        // The server reads a URL that was signed for it, as it would have signed the same request.
        let other = Request::new("GET", &format!("https://{HOST}"), region, service).unwrap().path("/cat.jpg");
        let theirs = UrlRequest::new(other).prepare(key().credential(), now()).unwrap();
        let answer = Answer::string_to_sign(theirs.string_to_sign().as_bytes()).unwrap();
        is_cause(&url.signed(), &answer, cause);
        is_cause(&Signed::url("GET", &url.text), &answer, cause);
    }
    let region = "The authorization header is malformed; the region 'eu-west-1' is wrong; expecting 'us-east-1'";
    let answer = refusal("AuthorizationHeaderMalformed", region, "<Region>us-east-1</Region>");
    assert_eq!(is_cause(&url.signed(), &answer, Cause::Region).difference().unwrap().theirs(), "us-east-1");
    let message = "Error parsing the X-Amz-Credential parameter; incorrect service \"execute-api\".";
    is_cause(&url.signed(), &refusal("AuthorizationQueryParametersError", message, ""), Cause::Service);
    is_cause(&url.signed(), &refusal("PermanentRedirect", "Use another endpoint.", ""), Cause::Redirected);
    is_cause(&url.signed(), &refusal("AccessDenied", "Access Denied", ""), Cause::Denied);
    let other_day = String::from_utf8_lossy(url.prepared.string_to_sign().as_bytes()).replace("20261124/", "20261123/");
    is_cause(&url.signed(), &Answer::string_to_sign(other_day.as_bytes()).unwrap(), Cause::ScopeDate);
    let asymmetric = String::from_utf8_lossy(url.prepared.string_to_sign().as_bytes())
        .replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256");
    is_cause(&url.signed(), &Answer::string_to_sign(asymmetric.as_bytes()).unwrap(), Cause::Algorithm);

    // Everything equal but the key: what the server computed is what was signed.
    let (canonical, message) = url.serve(&expect());
    is_cause(&url.signed(), &mismatch(canonical.as_bytes(), message.as_bytes()), Cause::Secret);
    is_cause(&Signed::url("GET", &url.text), &mismatch(canonical.as_bytes(), message.as_bytes()), Cause::Secret);
    let other = Url::of(&key(), &UrlRequest::s3(&Grant::read("photos", "dog.jpg"), REGION).unwrap());
    let answer = Answer::string_to_sign(other.prepared.string_to_sign().as_bytes()).unwrap();
    is_cause(&url.signed(), &answer, Cause::RequestDiffers);
    is_cause(&url.signed(), &refusal("SignatureDoesNotMatch", "No.", ""), Cause::Unknown);
    is_cause(
        &Signed::url("GET", &url.text[..url.text.len() - 3]),
        &Answer::code("SignatureDoesNotMatch"),
        Cause::SignatureCut,
    );
}

#[test]
fn session_tokens() {
    let url = || Url::of(&temporary(), &UrlRequest::s3(&Grant::read("photos", "a"), REGION).unwrap());
    let (canonical, message) = url().serve(&expect());
    let parameter = format!("&X-Amz-Security-Token={TOKEN}");
    for (to, cause) in [(String::new(), Cause::TokenMissing), (format!("{parameter}x"), Cause::TokenChanged)] {
        let changed = canonical.replace(&parameter, &to);
        assert_ne!(changed, canonical);
        is_cause(&url().signed(), &mismatch(changed.as_bytes(), message.as_bytes()), cause);
    }
    let slashed = temporary_with("PLANTED//token==");
    let url = Url::of(&slashed, &UrlRequest::s3(&Grant::read("photos", "a"), REGION).unwrap());
    let twice = String::from_utf8(url.prepared.canonical_request().to_vec())
        .unwrap()
        .replace("PLANTED%2F%2Ftoken%3D%3D", "PLANTED%252F%252Ftoken%253D%253D");
    is_cause(&url.signed(), &mismatch(twice.as_bytes(), b""), Cause::TokenEncodedTwice);
    is_cause(&url.signed(), &refusal("InvalidToken", "The provided token is malformed.", ""), Cause::TokenChanged);
    is_cause(&url.signed(), &refusal("ExpiredToken", "The provided token has expired.", ""), Cause::SessionExpired);
    let without = StaticKey::new("ASIAIOSFODNN7EXAMPLE", "secret").unwrap();
    let url = Url::of(&without, &UrlRequest::s3(&Grant::read("photos", "a"), REGION).unwrap());
    let more = "<AWSAccessKeyId>ASIAIOSFODNN7EXAMPLE</AWSAccessKeyId>";
    is_cause(&url.signed(), &refusal("InvalidAccessKeyId", "Unknown.", more), Cause::TokenMissing);
}

/// A request with an `Authorization` header.
struct Sent {
    prepared: PreparedHeaders,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

impl Sent {
    fn of(key: &StaticKey, request: &Request) -> Self {
        let prepared = request.prepare_headers(key.credential(), now()).unwrap();
        let signed = key.sign_headers(request, now()).unwrap();
        let canonical = String::from_utf8(prepared.canonical_request().to_vec()).unwrap();
        let method = canonical.split('\n').next().unwrap().to_owned();
        let mut headers: Vec<(String, String)> = canonical
            .split('\n')
            .skip(3)
            .take_while(|line| !line.is_empty())
            .map(|line| line.split_once(':').unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        headers.push(("authorization".into(), signed.authorization().into()));
        Self { prepared, method, target: signed.target().to_owned(), headers }
    }

    fn signed(&self) -> Signed<'_> {
        Signed::from(&self.prepared)
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.into(), value.into()));
        self
    }

    fn refused(&self, at: Timestamp) -> VerifyError {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (&**name, value.as_bytes())).collect();
        let view = RequestView::new(&self.method, &self.target, &headers);
        Presented::parse(&view).and_then(|it| it.check(key().credential(), &expect(), at)).unwrap_err()
    }

    #[track_caller]
    fn mismatches(&self, cause: Cause) {
        let expect = expect().allow_unsigned_payload().allow_streams();
        let (canonical, message) = serve(&self.method, &self.target, &self.headers, &expect);
        is_cause(&self.signed(), &mismatch(canonical.as_bytes(), message.as_bytes()), cause);
    }
}

#[test]
fn other_bodies() {
    const HASH: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let put = |payload: Payload| Sent::of(&key(), &request("PUT").path("/a").payload(payload));
    let hashed = || put(Payload::Sha256([7; 32]));
    let named = "x-amz-content-sha256";
    hashed().header(named, HASH).mismatches(Cause::PayloadHash);
    hashed().header(named, "UNSIGNED-PAYLOAD").mismatches(Cause::UnsignedPayload);
    put(Payload::Empty).header(named, HASH).mismatches(Cause::EmptyPayload);
    // A proxy that takes the body out of its frames.
    let framed = request("PUT").path("/a").stream(Stream::signed(4));
    Sent::of(&key(), &framed).header(named, HASH).mismatches(Cause::ChunkedReframing);
    let answer = refusal("XAmzContentSHA256Mismatch", "The provided header does not match what was computed.", "");
    is_cause(&hashed().signed(), &answer, Cause::PayloadHash);
}
