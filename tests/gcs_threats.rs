//! The rules that a verifier of Cloud Storage tokens keeps, each under its number, with the answer that the peer
//! gets. The numbers are those of `threats.rs`.

#![cfg(feature = "gcs")]

use valet_key::clock::Timestamp;
use valet_key::error::{IssueError, VerifyError};
use valet_key::gcs::{
    Credential, Endpoint, Expect, ExpectForm, FormView, GoogV4, HmacKey, KeyRing, PostPolicy, PresentedForm,
    StorageError, UrlRequest, Verifier,
};
use valet_key::grant::{
    Action, Actions, Constraint, ContentDisposition, CopySource, Encryption, Grant, Justification, Lifetime, Listing,
    ResponseHeader,
};
use valet_key::view::{Limits, RequestView};

const HOST: &str = "storage.googleapis.com";
const ORIGIN: &str = "https://storage.googleapis.com";
const ID: &str = "GOOG1EXAMPLE";
const SECRET: &str = "bGoa+V7g/yqDXvKRqq+JTFn4uQZbPiQJo4pf9RzJ";
const MISMATCH: (u16, &str) = (403, "SignatureDoesNotMatch");
const MALFORMED: (u16, &str) = (400, "MalformedSecurityHeader");
const DENIED: (u16, &str) = (403, "AccessDenied");
const URI: (u16, &str) = (400, "InvalidURI");
const POLICY: (u16, &str) = (400, "InvalidPolicyDocument");

fn now() -> Timestamp {
    Timestamp::parse_iso_basic("20260102T030405Z").unwrap()
}

fn key() -> HmacKey {
    HmacKey::new(ID, SECRET).unwrap()
}

fn why() -> Justification {
    Justification::new("a test").unwrap()
}

#[derive(Clone)]
struct Sent {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
}

impl Sent {
    fn new(method: &str, target: &str) -> Self {
        Self { method: method.into(), target: target.into(), headers: vec![("host".into(), HOST.into())] }
    }

    fn of(request: &UrlRequest) -> Self {
        let url = key().signed_url(request, now()).unwrap();
        let mut sent = Self::new(url.method(), url.expose().strip_prefix(ORIGIN).unwrap());
        sent.headers.extend(url.required_headers().iter().cloned());
        sent
    }

    fn with(&self, name: &str, value: &str) -> Self {
        let mut sent = self.clone();
        sent.headers.push((name.into(), value.into()));
        sent
    }

    fn without(&self, name: &str) -> Self {
        let mut sent = self.clone();
        sent.headers.retain(|(known, _)| known != name);
        sent
    }

    fn more(&self, text: &str) -> Self {
        Self { target: format!("{}{text}", self.target), ..self.clone() }
    }

    fn replace(&self, from: &str, to: &str) -> Self {
        assert!(self.target.contains(from), "{from}");
        Self { target: self.target.replacen(from, to, 1), ..self.clone() }
    }

    fn method(&self, method: &str) -> Self {
        Self { method: method.into(), ..self.clone() }
    }

    fn check_with(&self, verifier: &Verifier, at: Timestamp) -> Result<(), VerifyError> {
        let lines: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        verifier.verify(&RequestView::new(&self.method, &self.target, &lines), at).map(|_| ())
    }

    fn check(&self) -> Result<(), VerifyError> {
        self.check_with(&verifier(Expect::new()), now())
    }

    #[track_caller]
    fn is_refused(&self, code: &str, told: (u16, &str)) {
        let error = self.check().expect_err("it was accepted");
        assert_eq!(error.code(), code, "{error}");
        let answer = StorageError::from(&error);
        assert_eq!((answer.status, answer.code), told, "{error}");
    }
}

fn verifier(expect: Expect) -> Verifier {
    Verifier::new(KeyRing::new().with(key()), expect)
}

fn get() -> Sent {
    Sent::of(&UrlRequest::storage(&Grant::read("photos", "2026/cat.jpg")).unwrap())
}

fn put() -> Sent {
    Sent::of(&UrlRequest::storage(&Grant::upload("photos", "cat.jpg").size(1..=9).content_type("image/png")).unwrap())
}

#[test]
fn r01_there_is_one_mechanism() {
    assert_eq!(get().check(), Ok(()));
    get().with("authorization", "Bearer ya29.token").is_refused("two_mechanisms", (400, "InvalidArgument"));
    for param in ["&X-Amz-Signature=1", "&x-amz-date=1", "&GoogleAccessId=a", "&Signature=1", "&AWSAccessKeyId=1"] {
        get().more(param).is_refused("two_mechanisms", (400, "InvalidArgument"));
    }
    Sent::new("GET", "/photos/cat.jpg?X-Amz-Signature=1").is_refused("algorithm", MALFORMED);
    Sent::new("GET", "/photos/cat.jpg").with("authorization", "GOOG1 a:b").is_refused("algorithm", MALFORMED);
    Sent::new("GET", "/photos/cat.jpg?a=1").is_refused("not_signed", DENIED);
    Sent::new("GET", "/photos/cat.jpg").is_refused("not_signed", DENIED);
}

#[test]
fn r02_a_reserved_parameter_is_there_once_and_spelled_in_one_way() {
    for name in ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"] {
        let name = format!("X-Goog-{name}");
        get().more(&format!("&{name}=1")).is_refused("field_count", MALFORMED);
        get().more(&format!("&{}=1", name.to_lowercase())).is_refused("field_form", MALFORMED);
        get().more(&format!("&{}=1", name.replace("Goog", "%47oog"))).is_refused("field_form", MALFORMED);
        get().replace(&format!("{name}="), "a=").is_refused("field_count", MALFORMED);
        get().replace(&name, &name.replace('X', "%58")).is_refused("field_form", MALFORMED);
    }
}

#[test]
fn r03_r04_the_query_is_split_at_ampersands_and_decoded_once() {
    for param in ["&a=%", "&a=%4", "&a=%zz", "&a=\u{e9}", "&a= b", "&a=#b", "&"] {
        assert_eq!(get().more(param).check().unwrap_err().code(), "malformed", "{param}");
    }
    let semicolon = Sent::of(&UrlRequest::new("GET", &Endpoint::google(), "photos", "a").unwrap().query("a", "1;b=2"));
    assert_eq!(semicolon.check(), Ok(()));
    semicolon.replace("%3Bb%3D2", "&b=2").is_refused("signature_mismatch", MISMATCH);
    let twice = Sent::of(&UrlRequest::new("GET", &Endpoint::google(), "photos", "a").unwrap().query("a", "%2541"));
    assert_eq!(twice.check(), Ok(()));
    twice.replace("%252541", "%2541").is_refused("signature_mismatch", MISMATCH);
}

#[test]
fn r05_two_paths_never_share_a_signature() {
    get().replace("/2026/", "//2026/").is_refused("signature_mismatch", MISMATCH);
    get().replace("/2026/", "/./2026/").is_refused("ambiguous_path", URI);
    get().replace("/2026/", "/x/../2026/").is_refused("ambiguous_path", URI);
    get().replace("/2026/", "/x/%2e%2E/2026/").is_refused("ambiguous_path", URI);
    get().replace("/2026/", "%2F2026/").is_refused("ambiguous_path", URI);
    get().replace("cat", "%63at").is_refused("ambiguous_path", URI);
    get().replace("cat.jpg", "cat.jpg/").is_refused("signature_mismatch", MISMATCH);
    get().replace("cat.jpg", "cat.jpg;a=1").is_refused("ambiguous_path", URI);
    // Relaxed, a spelling is read as the same path; `%2F` still is not.
    let lenient = verifier(Expect::new().recode_path());
    assert_eq!(get().replace("cat", "%63at").check_with(&lenient, now()), Ok(()));
    assert!(get().replace("/2026/", "%2F2026/").check_with(&lenient, now()).is_err());
    let dots = UrlRequest::new("GET", &Endpoint::google(), "photos", "a/../b").unwrap();
    assert!(matches!(key().signed_url(&dots, now()), Err(IssueError::Invalid { .. })));
    let dots = Sent::of(&dots.allow_dot_segments());
    dots.is_refused("ambiguous_path", URI);
    assert_eq!(dots.check_with(&verifier(Expect::new().allow_dot_segments()), now()), Ok(()));
}

#[test]
fn r06_no_line_feed_gets_into_what_is_signed() {
    for value in ["a\r\nx: y", "a\nb", "a\0b"] {
        put().with("x-other", value).is_refused("malformed", URI);
        let request =
            UrlRequest::new("GET", &Endpoint::google(), "photos", "a").unwrap().header("x-goog-meta-a", value);
        assert!(matches!(key().signed_url(&request, now()), Err(IssueError::Invalid { .. })));
        let policy = PostPolicy::new(&Endpoint::google(), "photos", "a").unwrap().field("x-goog-meta-a", value);
        assert!(matches!(policy.sign(&key(), now()), Err(IssueError::Invalid { .. })));
        assert!(UrlRequest::new("GET", &Endpoint::google(), "photos", value).is_err());
    }
    for name in ["", "a b", "a:b", "a\n", "\u{e9}"] {
        let request = UrlRequest::new("GET", &Endpoint::google(), "photos", "a").unwrap().header(name, "1");
        assert!(key().signed_url(&request, now()).is_err(), "{name:?}");
    }
    put().method("PU\nT").is_refused("malformed", URI);
}

#[test]
fn r07_there_is_one_host_and_it_is_the_one_addressed() {
    get().with("Host", HOST).is_refused("field_count", MALFORMED);
    get().without("host").is_refused("field_count", MALFORMED);
    get().without("host").with("host", "elsewhere.example").is_refused("signature_mismatch", MISMATCH);
    get().without("host").with("host", "a b").is_refused("field_form", MALFORMED);
    let sent = get();
    let absolute = Sent { target: format!("{ORIGIN}{}", sent.target), ..sent.clone() };
    assert_eq!(absolute.check(), Ok(()));
    absolute.replace(HOST, "elsewhere.example").is_refused("malformed", URI);
    let pinned = verifier(Expect::new().host("cdn.example.com"));
    assert_eq!(sent.check_with(&pinned, now()), Err(VerifyError::Host));
    assert_eq!(StorageError::from(&VerifyError::Host).status, 403);
    // Google signs the host without its port, unless it is told otherwise.
    let with_port = sent.without("host").with("host", "storage.googleapis.com:8443");
    assert_eq!(with_port.check(), Ok(()));
    assert!(with_port.check_with(&verifier(Expect::new().sign_port()), now()).is_err());
    assert!(with_port.check_with(&verifier(Expect::new().host(HOST)), now()).is_err());
    let local = Endpoint::custom("https://localhost:8443").unwrap();
    for (endpoint, expect, accepted) in [
        (local.clone().sign_port(), Expect::new().sign_port(), true),
        (local.clone().sign_port(), Expect::new(), false),
        (local, Expect::new().sign_port(), false),
    ] {
        let request = UrlRequest::new("GET", &endpoint, "photos", "a").unwrap();
        let url = key().signed_url(&request, now()).unwrap();
        let target = url.expose().strip_prefix("https://localhost:8443").unwrap();
        let sent = Sent::new("GET", target).without("host").with("host", "localhost:8443");
        assert_eq!(sent.check_with(&verifier(expect), now()).is_ok(), accepted);
    }
}

#[test]
fn r08_r10_the_list_of_signed_headers_is_in_its_one_form() {
    put()
        .replace("SignedHeaders=content-type%3Bhost", "SignedHeaders=content-type")
        .is_refused("unsigned_header", MALFORMED);
    for list in
        ["host%3Bcontent-type", "content-type%3Bhost%3Bhost", "Content-Type%3Bhost", "content-type%3B%3Bhost", ""]
    {
        let sent = put().replace("content-type%3Bhost", list);
        assert!(matches!(sent.check().unwrap_err().code(), "field_form" | "unsigned_header"), "{list}");
    }
    put().without("content-type").is_refused("signed_header_missing", MALFORMED);
    let error = StorageError::from(&put().without("content-type").check().unwrap_err());
    assert_eq!(error.parameter.as_deref(), Some("content-type"));
    assert!(error.to_xml().contains("<ParameterName>content-type</ParameterName>"));
    // A parameter never stands in for a header.
    put().without("content-type").more("&content-type=image%2Fpng").is_refused("signed_header_missing", MALFORMED);
}

#[test]
fn r09_every_header_of_the_provider_is_signed_and_none_of_another() {
    for name in ["x-goog-acl", "X-Goog-Copy-Source", "x-goog-meta-a", "x-goog-content-sha256", "x-goog-resumable"] {
        get().with(name, "1").is_refused("unsigned_header", MALFORMED);
    }
    for name in ["x-amz-acl", "X-Amz-Copy-Source", "x-amz-date"] {
        get().with(name, "1").is_refused("two_mechanisms", (400, "ExcessHeaderValues"));
    }
    let mixed = UrlRequest::new("GET", &Endpoint::google(), "photos", "a").unwrap().header("x-amz-acl", "private");
    assert!(matches!(key().signed_url(&mixed, now()), Err(IssueError::Invalid { .. })));
}

#[test]
fn r11_to_r14_what_proxies_do_to_a_request_does_not_break_it() {
    let request = UrlRequest::new("GET", &Endpoint::google(), "photos", "a").unwrap();
    let sent = Sent::of(
        &request
            .header("X-Goog-Meta-A", " two   words ")
            .header("x-goog-meta-a", "b")
            .query("b", "~ /")
            .query("a-b", "1"),
    );
    assert_eq!(sent.check(), Ok(()));
    assert_eq!(sent.with("via", "1.1 proxy").with("X-Forwarded-For", "192.0.2.1").check(), Ok(()));
    assert_eq!(sent.replace("%2F", "%2f").check(), Ok(()));
    assert_eq!(sent.replace("b=~", "b=%7E").check(), Ok(()));
    let (path, query) = sent.target.split_once('?').unwrap();
    let reversed: Vec<&str> = query.split('&').rev().collect();
    assert_eq!(Sent { target: format!("{path}?{}", reversed.join("&")), ..sent.clone() }.check(), Ok(()));
    let mut swapped = sent.clone();
    swapped.headers.swap(1, 2);
    swapped.is_refused("signature_mismatch", MISMATCH);
    let plus = sent.replace("%20", "+");
    assert_eq!(plus.check(), Err(VerifyError::AmbiguousPlus));
    assert_eq!(plus.check_with(&verifier(Expect::new().plus(valet_key::gcs::Plus::Blank)), now()), Ok(()));
    assert!(plus.check_with(&verifier(Expect::new().plus(valet_key::gcs::Plus::Literal)), now()).is_err());
}

#[test]
fn r15_to_r18_times_are_whole_and_bounded() {
    for date in
        ["20260230T000000Z", "20261301T000000Z", "20260102T030460Z", "20260102T030405", "20260102T030405Zx", "1"]
    {
        get().replace("Date=20260102T030405Z", &format!("Date={date}")).is_refused("field_form", MALFORMED);
    }
    for life in ["%2B900", "-1", "900s", "9e2", "", "1000000", "0x1", "%20900", "90.0"] {
        get().replace("Expires=900", &format!("Expires={life}")).is_refused("field_form", MALFORMED);
    }
    for life in ["0", "604801", "999999"] {
        get().replace("Expires=900", &format!("Expires={life}")).is_refused("lifetime", MALFORMED);
    }
    let check = |at| get().check_with(&verifier(Expect::new()), at);
    let expired = check(now().saturating_add(901)).unwrap_err();
    let told = StorageError::from(&expired);
    assert_eq!((told.status, told.code), (400, "ExpiredToken"));
    assert_eq!(told.details.as_deref(), Some("Request signature expired at: 2026-01-02T03:19:05Z"));
    assert!(matches!(check(now().saturating_sub(901)), Err(VerifyError::NotYetValid { .. })));
    let strict = verifier(Expect::new().skew(5).max_lifetime(Lifetime::minutes(5).unwrap()));
    assert!(matches!(get().check_with(&strict, now()), Err(VerifyError::Lifetime { maximum: 300, .. })));
    // No skew is ever more than 15 minutes, and none extends the life.
    assert!(get().check_with(&verifier(Expect::new().skew(9999)), now().saturating_add(901)).is_err());
    get().with("x-goog-date", "20260102T030406Z").is_refused("field_form", MALFORMED);
    assert!(matches!(
        key().signed_url(
            &UrlRequest::new("GET", &Endpoint::google(), "photos", "a").unwrap(),
            Timestamp::parse_iso_basic("99991231T235959Z").unwrap()
        ),
        Err(IssueError::TimeOverflow)
    ));
}

#[test]
fn r19_r22_the_scope_is_held_to_its_parts() {
    get().replace("%2F20260102%2F", "%2F20260103%2F").is_refused("scope_date", MALFORMED);
    for (from, to) in [
        ("%2Fstorage%2F", "%2Fs3%2F"),
        ("goog4_request", "aws4_request"),
        ("goog4_request", "goog4_request%2Fx"),
        ("%2Fauto%2F", "%2F"),
        ("%2Fauto%2F", "%2F%2F"),
        ("GOOG1EXAMPLE", ""),
    ] {
        get().replace(from, to).is_refused("field_form", MALFORMED);
    }
    get().replace("%2Fauto%2F", "%2Feu%2F").is_refused("signature_mismatch", MISMATCH);
    let elsewhere = UrlRequest::new("GET", &Endpoint::google(), "photos", "a").unwrap().location("us-east1");
    assert_eq!(Sent::of(&elsewhere).check(), Ok(()));
    let pinned = verifier(Expect::new().location("auto"));
    let refused = Sent::of(&elsewhere).check_with(&pinned, now()).unwrap_err();
    assert_eq!(refused.code(), "scope");
}

#[test]
fn r20_no_token_outlives_its_key() {
    let credential = Credential::hmac_key(ID).unwrap().expiring(now().saturating_add(60));
    let ending = HmacKey::from_credential(credential.clone(), SECRET).unwrap();
    let request = UrlRequest::storage(&Grant::read("photos", "a")).unwrap();
    assert!(matches!(ending.signed_url(&request, now()), Err(IssueError::OutlivesCredential { .. })));
    let verifier = Verifier::new(KeyRing::new().with(ending), Expect::new());
    assert_eq!(get().check_with(&verifier, now().saturating_add(60)), Ok(()));
    let ended = get().check_with(&verifier, now().saturating_add(61)).unwrap_err();
    assert_eq!(ended.code(), "credential_expired");
    assert_eq!(StorageError::from(&ended).code, MISMATCH.1);
    assert_eq!(StorageError::detailed(&ended).code, DENIED.1);
    // Only to whom holds it: with a wrong signature it is a wrong signature.
    let forged = get().method("PUT").check_with(&verifier, now().saturating_add(61));
    assert_eq!(forged, Err(VerifyError::SignatureMismatch));
}

#[test]
fn r21_the_key_decides_the_algorithm() {
    get().replace("GOOG4-HMAC-SHA256", "GOOG4-RSA-SHA256").is_refused("field_form", MALFORMED);
    for other in ["GOOG4-HMAC-SHA25", "GOOG4-HMAC-SHA2567", "goog4-hmac-sha256", "AWS4-HMAC-SHA256", "none", ""] {
        get().replace("GOOG4-HMAC-SHA256", other).is_refused("algorithm", MALFORMED);
    }
    // With a signature of the right length the id still belongs to a key of the other kind.
    let signature = get().target.rsplit('=').next().unwrap().to_owned();
    let long = get().replace("GOOG4-HMAC-SHA256", "GOOG4-RSA-SHA256").replace(&signature, &"0".repeat(512));
    long.is_refused("unknown_key", MISMATCH);
}

#[test]
fn r23_a_signature_has_one_spelling() {
    let sent = get();
    let (head, signature) = sent.target.split_at(sent.target.len() - 64);
    for other in [
        signature.to_uppercase(),
        signature[..63].to_owned(),
        format!("{signature}0"),
        format!("{signature}00"),
        String::new(),
        format!("{}%30", &signature[..61]),
        "g".repeat(64),
    ] {
        let changed = Sent { target: format!("{head}{other}"), ..sent.clone() };
        if other != signature {
            assert_eq!(changed.check().unwrap_err().code(), "field_form", "{other}");
        }
    }
    Sent { target: format!("{head}{}", "0".repeat(64)), ..sent.clone() }.is_refused("signature_mismatch", MISMATCH);
}

#[test]
fn r25_an_unknown_key_and_a_wrong_signature_get_one_answer() {
    let unknown = get().replace(ID, "GOOG1UNKNOWN").check().unwrap_err();
    let wrong = get().method("PUT").check().unwrap_err();
    assert_eq!((unknown.code(), wrong.code()), ("unknown_key", "signature_mismatch"));
    assert_eq!(StorageError::from(&unknown), StorageError::from(&wrong));
    assert_ne!(StorageError::detailed(&unknown), StorageError::detailed(&wrong));
}

#[test]
fn r27_r28_a_body_is_held_to_what_was_signed() {
    use sha2::Digest;
    let body = b"hello";
    let grant = Grant::upload("photos", "a").size(1..=9).any_content_type().sha256(sha2::Sha256::digest(body).into());
    let sent = Sent::of(&UrlRequest::storage(&grant).unwrap());
    let judge = |sent: &Sent, body: &[u8]| {
        let lines: Vec<(&str, &[u8])> =
            sent.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let verified = verifier(Expect::new()).verify(&RequestView::new(&sent.method, &sent.target, &lines), now());
        let mut check = verified.unwrap().payload_check();
        for byte in body {
            check.update(&[*byte]);
        }
        check.finish().map_err(|error| StorageError::from(&error).code)
    };
    assert_eq!(judge(&sent, body), Ok(()));
    assert_eq!(judge(&sent, b"hellO"), Err("BadDigest"));
    assert_eq!(judge(&put(), b"123456789"), Ok(()));
    assert_eq!(judge(&put(), b"1234567890"), Err("EntityTooLarge"));
    assert_eq!(judge(&put(), b""), Err("EntityTooSmall"));
    // A digest that is none holds every body off.
    let none =
        UrlRequest::new("PUT", &Endpoint::google(), "photos", "a").unwrap().header("x-goog-content-sha256", "abc");
    assert_eq!(judge(&Sent::of(&none), b""), Err("BadDigest"));
    let free = UrlRequest::new("PUT", &Endpoint::google(), "photos", "a").unwrap();
    assert_eq!(judge(&Sent::of(&free.header("x-goog-content-sha256", "UNSIGNED-PAYLOAD")), b"anything"), Ok(()));
    for range in ["9,1", "1", "1,2,3", "a,b", "-1,5", "1, 5"] {
        let request = UrlRequest::new("PUT", &Endpoint::google(), "photos", "a").unwrap();
        Sent::of(&request.header("x-goog-content-length-range", range)).is_refused("field_form", MALFORMED);
    }
    let twice = UrlRequest::new("PUT", &Endpoint::google(), "photos", "a").unwrap();
    let twice = twice.header("x-goog-content-length-range", "0,9").header("x-goog-content-length-range", "0,99");
    Sent::of(&twice).is_refused("field_count", MALFORMED);
}

/// A form for `photos/cat.jpg` with these conditions in front of the usual ones.
fn form_with(front: &str, tail: &str, fields: &[(&str, &str)]) -> Result<String, VerifyError> {
    check_form(&policy_with(front, tail), "photos", fields)
}

fn policy_with(front: &str, tail: &str) -> String {
    format!(
        "{{\"conditions\":[{front}{{\"bucket\":\"photos\"}},{{\"key\":\"cat.jpg\"}},{{\"x-goog-date\":\"20260102T030405Z\"}},\
         {{\"x-goog-credential\":\"{ID}/20260102/auto/storage/goog4_request\"}},\
         {{\"x-goog-algorithm\":\"GOOG4-HMAC-SHA256\"}}],\"expiration\":\"2026-01-02T03:19:05Z\"{tail}}}"
    )
}

/// Signs any policy as if the holder had, and verifies the form.
fn check_form(policy: &str, bucket: &str, fields: &[(&str, &str)]) -> Result<String, VerifyError> {
    let fields = signed_form(policy, fields);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let presented = PresentedForm::parse(&FormView::new(bucket, &fields).file_name("C:\\photos\\dog.jpg"))?;
    KeyRing::new().with(key()).verify_form(presented, &ExpectForm::new(), now()).map(|form| form.key().to_owned())
}

/// The fields of a form with any policy, signed as if the holder had.
fn signed_form(policy: &str, fields: &[(&str, &str)]) -> Vec<(String, String)> {
    use base64ct::Encoding;
    use hmac::{KeyInit, Mac};
    let encoded = base64ct::Base64::encode_string(policy.as_bytes());
    let mac = |key: &[u8], message: &str| {
        let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
        mac.update(message.as_bytes());
        mac.finalize().into_bytes().to_vec()
    };
    let parts = ["20260102", "auto", "storage", "goog4_request"];
    let key_of_day = parts.iter().fold(format!("GOOG4{SECRET}").into_bytes(), |key, part| mac(&key, part));
    let signature = hex::encode(mac(&key_of_day, &encoded));
    let credential = format!("{ID}/20260102/auto/storage/goog4_request");
    let mut all: Vec<(&str, &str)> = vec![
        ("x-goog-algorithm", "GOOG4-HMAC-SHA256"),
        ("x-goog-credential", &credential),
        ("x-goog-date", "20260102T030405Z"),
        ("policy", &encoded),
        ("x-goog-signature", &signature),
    ];
    if !fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("key")) {
        all.push(("key", "cat.jpg"));
    }
    all.extend_from_slice(fields);
    all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[track_caller]
fn is_no_policy(verdict: Result<String, VerifyError>) {
    let error = verdict.expect_err("it was accepted");
    let told = StorageError::from(&error);
    assert_eq!((told.status, told.code), POLICY, "{error}");
    assert!(told.details.unwrap().starts_with("Invalid condition: "));
}

#[test]
fn r31_every_field_is_covered_and_every_condition_is_met() {
    assert_eq!(form_with("", "", &[]).as_deref(), Ok("cat.jpg"));
    assert_eq!(form_with("{\"acl\":\"private\"},", "", &[("ACL", "private")]).as_deref(), Ok("cat.jpg"));
    assert!(form_with("", "", &[("x-ignore-note", "1")]).is_ok());
    for (front, fields) in [
        ("", &[("acl", "public-read")][..]),
        ("", &[("x-goog-meta-a", "1")]),
        ("", &[("success_action_redirect", "https://evil.example")]),
        ("", &[("bucket", "photos"), ("content-type", "text/html")]),
        ("{\"acl\":\"private\"},", &[]),
        ("{\"acl\":\"private\"},", &[("acl", "Private")]),
        ("[\"eq\",\"$acl\",\"private\"],", &[("acl", "private ")]),
        ("[\"starts-with\",\"$Content-Type\",\"image/\"],", &[("Content-Type", "text/html")]),
        ("[\"starts-with\",\"$Content-Type\",\"image/\"],", &[("Content-Type", "image/png,text/html")]),
        ("[\"starts-with\",\"$Content-Type\",\"image/\"],", &[]),
        ("{\"note\":\"1\"},", &[("note", "1")]),
        ("{\"x-amz-acl\":\"1\"},", &[]),
        ("[\"ends-with\",\"$acl\",\"a\"],", &[("acl", "a")]),
        ("{\"acl\":[\"a\"]},", &[("acl", "a")]),
    ] {
        is_no_policy(form_with(front, "", fields));
    }
    let key = |front: &str, key: &str| form_with(front, "", &[("key", key)]);
    is_no_policy(key("", "dog.jpg"));
    is_no_policy(key("", "${filename}"));
}

#[test]
fn r31_the_name_of_the_file_is_put_in_before_the_conditions_are_looked_at() {
    let prefix = |prefix: &str, key: &str| {
        let policy =
            policy_with("", "").replace("{\"key\":\"cat.jpg\"}", &format!("[\"starts-with\",\"$key\",\"{prefix}\"]"));
        check_form(&policy, "photos", &[("key", key)])
    };
    assert_eq!(prefix("users/42/", "users/42/${filename}").as_deref(), Ok("users/42/dog.jpg"));
    assert_eq!(prefix("users/42/", "users/42/a").as_deref(), Ok("users/42/a"));
    is_no_policy(prefix("users/42/", "${filename}/users/42/"));
    is_no_policy(prefix("users/42/", "users/43/${filename}"));
    let literal = policy_with("", "").replace("cat.jpg", "${filename}");
    is_no_policy(check_form(&literal, "photos", &[("key", "${filename}")]));
}

#[test]
fn r05_a_key_of_a_form_that_clients_fold_is_refused() {
    let policy = policy_with("", "").replace("{\"key\":\"cat.jpg\"}", "[\"starts-with\",\"$key\",\"users/42/\"]");
    for (template, file_name, is_good) in [
        ("users/42/${filename}", "a..b", true),
        ("users/42/.../a", "", true),
        ("users/42/${filename}", "..", false),
        ("users/42/${filename}/b", "a/.", false),
        ("users/42/../43/a", "", false),
    ] {
        let fields = signed_form(&policy, &[("key", template)]);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let view = FormView::new("photos", &fields).file_name(file_name);
        let check = |expect: &ExpectForm| {
            KeyRing::new().with(key()).verify_form(PresentedForm::parse(&view)?, expect, now()).map(|_| ())
        };
        let verdict = check(&ExpectForm::new());
        assert_eq!(verdict.is_ok(), is_good, "{template} {file_name}: {verdict:?}");
        assert!(is_good || matches!(verdict, Err(VerifyError::Malformed { what: "key", .. })), "{verdict:?}");
        assert_eq!(check(&ExpectForm::new().allow_dot_segments()), Ok(()), "{template}");
    }
    let policy = |name| PostPolicy::new(&Endpoint::google(), "photos", name).unwrap().size(0..=9);
    assert!(policy("a/.../b").sign(&key(), now()).is_ok());
    assert!(matches!(policy("a/../b").sign(&key(), now()), Err(IssueError::Invalid { .. })));
    assert!(policy("a/../b").allow_dot_segments().sign(&key(), now()).is_ok());
}

#[test]
fn r32_the_bucket_of_the_url_decides() {
    is_no_policy(check_form(&policy_with("", ""), "invoices", &[]));
    // A field of that name changes nothing, and says the same.
    is_no_policy(check_form(&policy_with("", ""), "invoices", &[("bucket", "photos")]));
    is_no_policy(check_form(&policy_with("", ""), "photos", &[("bucket", "invoices")]));
    assert!(check_form(&policy_with("", ""), "photos", &[("bucket", "photos")]).is_ok());
    let open = policy_with("", "").replace("{\"bucket\":\"photos\"}", "[\"starts-with\",\"$bucket\",\"\"]");
    is_no_policy(check_form(&open, "photos", &[]));
    is_no_policy(check_form(&policy_with("", "").replace("{\"bucket\":\"photos\"},", ""), "photos", &[]));
    assert!(check_form(&policy_with("", ""), "../photos", &[]).is_err());
}

#[test]
fn r33_whoever_signed_is_fixed_by_the_policy() {
    for field in ["x-goog-date", "x-goog-credential", "x-goog-algorithm"] {
        let policy = policy_with("", "");
        let at = policy.find(&format!("{{\"{field}\"")).unwrap();
        let end = at + policy[at..].find('}').unwrap() + 1;
        let open = format!("{}[\"starts-with\",\"${field}\",\"\"]{}", &policy[..at], &policy[end..]);
        is_no_policy(check_form(&open, "photos", &[]));
    }
}

#[test]
fn r34_a_policy_is_read_in_one_way_or_not_at_all() {
    for tail in [",\"conditions\":[]", ",\"expiration\":\"2027-01-02T03:19:05Z\"", ",\"more\":1", "} ", "]"] {
        is_no_policy(form_with("", tail, &[]));
    }
    for front in [
        "{\"acl\":\"a\",\"acl\":\"b\"},",
        "[\"content-length-range\",0,5],[\"content-length-range\",0,50],",
        "[\"content-length-range\",5,0],",
        "[\"content-length-range\",0,1e9],",
        "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]],",
        "null,",
        ",",
    ] {
        is_no_policy(form_with(front, "", &[]));
    }
    let with_end = |end: &str| check_form(&policy_with("", "").replace("2026-01-02T03:19:05Z", end), "photos", &[]);
    assert_eq!(with_end("2026-01-02T03:04:04Z").unwrap_err().code(), "lifetime");
    assert_eq!(with_end("2026-01-09T03:04:06Z").unwrap_err().code(), "lifetime");
    assert!(with_end("2026-01-09T03:04:05Z").is_ok());
    is_no_policy(with_end("tomorrow"));
}

#[test]
fn r02_a_field_of_a_form_is_there_once() {
    for (name, value) in
        [("KEY", "cat.jpg"), ("Policy", "e30="), ("X-Goog-Signature", "0"), ("x-goog-DATE", "20260102T030405Z")]
    {
        let error = form_with("", "", &[("key", "cat.jpg"), (name, value)]).unwrap_err();
        assert!(matches!(error.code(), "field_count" | "malformed"), "{name}: {error}");
    }
    let twice = form_with("{\"acl\":\"a\"},", "", &[("acl", "a"), ("ACL", "a")]);
    assert_eq!(twice.unwrap_err().code(), "malformed");
    for foreign in ["x-amz-signature", "AWSAccessKeyId", "GoogleAccessId", "signature"] {
        assert_eq!(form_with("", "", &[(foreign, "1")]).unwrap_err().code(), "two_mechanisms", "{foreign}");
    }
    let many: Vec<(String, String)> = (0..130).map(|at| (format!("x-ignore-{at}"), String::new())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(form_with("", "", &many).unwrap_err().code(), "too_large");
    let long = "a".repeat(40_000);
    assert_eq!(form_with("", "", &[("x-ignore-a", &long)]).unwrap_err().code(), "too_large");
}

#[test]
fn r06_a_field_of_a_form_stays_on_its_line() {
    let note = |json: &str, value: &str| {
        form_with(&format!("{{\"x-goog-meta-a\":\"{json}\"}},"), "", &[("x-goog-meta-a", value)])
    };
    assert!(note("1 2", "1 2").is_ok());
    for (json, value) in [("1\\n2", "1\n2"), ("1\\r2", "1\r2"), ("1\\u00002", "1\x002")] {
        assert_eq!(note(json, value).unwrap_err().code(), "malformed", "{json}");
    }
    assert_eq!(form_with("", "", &[("x-ignore-\n", "1")]).unwrap_err().code(), "malformed");
}

#[test]
fn r35_a_quote_in_a_name_stays_in_it() {
    let hostile = "a\"},{\"acl\":\"public-read\"},{\"key\":\"b";
    let form =
        PostPolicy::new(&Endpoint::google(), "photos", hostile).unwrap().size(0..=9).sign(&key(), now()).unwrap();
    let fields: Vec<(&str, &str)> = form.fields().collect();
    let check = |fields: &[(&str, &str)]| {
        let presented = PresentedForm::parse(&FormView::new("photos", fields)).unwrap();
        KeyRing::new().with(key()).verify_form(presented, &ExpectForm::new(), now()).map(|form| form.key().to_owned())
    };
    assert_eq!(check(&fields).as_deref(), Ok(hostile));
    let mut widened = fields.clone();
    widened.push(("acl", "public-read"));
    is_no_policy(check(&widened));
}

#[test]
fn r42_a_post_starts_a_resumable_upload_and_does_nothing_else() {
    let grant = Grant::upload("photos", "a").size(1..=9).content_type("image/png");
    let start = Sent::of(&UrlRequest::resumable(&Endpoint::google(), &grant).unwrap());
    assert_eq!((start.method.as_str(), start.check()), ("POST", Ok(())));
    start.without("x-goog-resumable").is_refused("signed_header_missing", MALFORMED);
    for method in ["POST", "PATCH", "OPTIONS", "TRACE", "get"] {
        get().method(method).is_refused("malformed", URI);
    }
    assert!(UrlRequest::new("PATCH", &Endpoint::google(), "photos", "a").is_err());
    let bare = UrlRequest::new("POST", &Endpoint::google(), "photos", "a").unwrap();
    assert!(key().signed_url(&bare, now()).is_err());
    assert!(key().signed_url(&bare.header("x-goog-resumable", "stop"), now()).is_err());
}

#[test]
fn sizes_are_bounded_before_they_are_read() {
    let tight = Verifier::new(KeyRing::new().with(key()), Expect::new())
        .limits(Limits::DEFAULT.target(500).params(7).header_lines(3).signed_headers(1).header_value(100));
    assert_eq!(get().check_with(&tight, now()), Ok(()));
    let too_large = |sent: Sent| assert_eq!(sent.check_with(&tight, now()).unwrap_err().code(), "too_large");
    too_large(get().more(&format!("&a={}", "a".repeat(300))));
    too_large(get().more("&a=1&b=2"));
    too_large(get().with("a", "1").with("b", "2").with("c", "3"));
    too_large(get().with("a", &"a".repeat(101)));
    too_large(put());
}

#[test]
fn a_generator_refuses_what_nobody_could_read_in_one_way() {
    let request = || UrlRequest::new("GET", &Endpoint::google(), "photos", "a").unwrap();
    let refused = |request: UrlRequest| key().signed_url(&request, now()).unwrap_err();
    assert!(matches!(refused(request().query("a", "1").query("a", "2")), IssueError::Invalid { .. }));
    assert!(matches!(refused(request().query("x-goog-expires", "1")), IssueError::Reserved { .. }));
    assert!(matches!(refused(request().query("X-Amz-Date", "1")), IssueError::Invalid { .. }));
    assert!(matches!(refused(request().query("GoogleAccessId", "1")), IssueError::Invalid { .. }));
    assert!(matches!(refused(request().query("", "1")), IssueError::Invalid { .. }));
    assert!(matches!(refused(request().header("Host", "a")), IssueError::Reserved { .. }));
    assert!(matches!(refused(request().header("Authorization", "a")), IssueError::Reserved { .. }));
    assert!(matches!(refused(request().header("User-Agent", "a")), IssueError::NeverSigned { .. }));
    assert!(matches!(refused(request().header("x-goog-date", "20260102T030406Z")), IssueError::Invalid { .. }));
    let twice = request().header("x-goog-content-sha256", "a").header("x-goog-content-sha256", "b");
    assert!(matches!(refused(twice), IssueError::Invalid { .. }));
    assert!(matches!(refused(request().location("a/b")), IssueError::Key(_)));
    let week = Lifetime::from_seconds(604_801).unwrap();
    assert!(matches!(refused(request().lives(week).because(why())), IssueError::LifetimeTooLong { .. }));
    let http = UrlRequest::new("GET", &Endpoint::custom("http://localhost").unwrap(), "photos", "a").unwrap();
    assert!(matches!(refused(http), IssueError::Unjustified { .. }));
    for name in ["", "a\nb", ".well-known/acme-challenge/x"] {
        assert!(UrlRequest::new("GET", &Endpoint::google(), "photos", name).is_err(), "{name:?}");
    }
    let form = || PostPolicy::new(&Endpoint::google(), "photos", "a").unwrap();
    let refused = |policy: PostPolicy| policy.sign(&key(), now()).unwrap_err();
    assert!(matches!(refused(form().field("key", "b")), IssueError::Reserved { .. }));
    assert!(matches!(refused(form().starts_with("bucket", "")), IssueError::Reserved { .. }));
    assert!(matches!(refused(form().field("acl", "a").field("ACL", "b")), IssueError::Invalid { .. }));
    assert!(matches!(refused(form().field("x-amz-acl", "a")), IssueError::Invalid { .. }));
    assert!(matches!(refused(form().field("x-ignore-a", "a")), IssueError::Invalid { .. }));
    assert!(matches!(refused(form().field("note", "a")), IssueError::Invalid { .. }));
    assert!(matches!(refused(form().size(0..=1).size(0..=2)), IssueError::Invalid { .. }));
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
    let empty = form().size(2..=1);
    assert!(matches!(refused(empty), IssueError::Invalid { .. }));
    assert!(PostPolicy::new(&Endpoint::google(), "photos", "a/${filename}").is_err());
    let under = PostPolicy::under(&Endpoint::google(), "photos", "a/").unwrap();
    assert!(matches!(refused(under), IssueError::Unjustified { .. }));
    // A size is said, or waived by name and for a reason.
    assert!(matches!(refused(form()), IssueError::Unbounded { constraint: Constraint::Size }));
    assert!(matches!(refused(form().any_size()), IssueError::Unjustified { .. }));
    assert!(matches!(refused(form().any_size().size(0..=9).because(why())), IssueError::Invalid { .. }));
    assert!(form().any_size().because(why()).sign(&key(), now()).is_ok());
    assert!(form().size(0..=9).sign(&key(), now()).is_ok());
}

#[test]
fn what_a_form_of_token_cannot_hold_is_an_error() {
    let url = |grant: &Grant| UrlRequest::storage(grant).err().map(|error| error.code());
    let post = |grant: &Grant| PostPolicy::at(&Endpoint::google(), grant).err().map(|error| error.code());
    let upload = || Grant::upload("photos", "a").size(1..=9).content_type("image/png");
    let refused = Some("not_enforceable");
    for grant in [
        Grant::read("photos", "a").client_address("192.0.2.0/24"),
        Grant::read("photos", "a").not_before(now()),
        Grant::read("photos", "a").single_use(),
        Grant::read("photos", "a").exact_size(1),
        Grant::read("photos", "a").content_type("image/png"),
        Grant::read("photos", "a").storage_class("COLDLINE"),
        Grant::read("photos", "a").response_header(ResponseHeader::CacheControl, "no-store"),
        upload().content_type_prefix("image/"),
        upload().version("1"),
        Grant::delete("photos", "a").response_header(ResponseHeader::ContentType, "a/b"),
        Grant::under("photos", "a/", Actions::READ).because(why()),
        Grant::under("photos", "a/", Actions::READ | Actions::LIST).because(why()),
    ] {
        assert_eq!(url(&grant), refused, "{grant:?}");
    }
    assert_eq!(url(&Grant::upload("photos", "a").any_size()), Some("unbounded"));
    assert_eq!(url(&Grant::upload("photos", "a").any_content_type()), Some("unbounded"));
    assert_eq!(url(&Grant::read("photos", "a").version("latest")), Some("invalid"));
    for grant in [
        Grant::read("photos", "a"),
        Grant::create("photos", "a").size(1..=9).any_content_type(),
        upload().sha256([0; 32]),
        upload().request_id("r"),
        upload().single_use(),
    ] {
        assert_eq!(post(&grant), refused, "{grant:?}");
    }
    assert_eq!(post(&Grant::upload("photos", "a").any_content_type()), Some("unbounded"));
    assert_eq!(post(&upload().content_type_prefix("image/")), None);
    let resumable = UrlRequest::resumable(&Endpoint::google(), &upload().sha256([0; 32]));
    assert_eq!(resumable.err().map(|error| error.code()), refused);
    assert!(UrlRequest::resumable(&Endpoint::google(), &Grant::read("photos", "a")).is_err());
    let bound = Endpoint::bound("https://cdn.example.com", "photos").unwrap();
    assert!(UrlRequest::at(&bound, &Grant::read("invoices", "a")).is_err());
}

#[test]
fn r48_a_download_of_another_type_is_saved_unless_somebody_says_otherwise() {
    let url = |grant: &Grant| Sent::of(&UrlRequest::storage(grant).unwrap()).target;
    let typed = Grant::read("photos", "a").response_header(ResponseHeader::ContentType, "text/html");
    assert!(url(&typed).contains("&response-content-disposition=attachment&response-content-type=text%2Fhtml"));
    let shown = typed.disposition(&ContentDisposition::inline("a.html"));
    assert!(url(&shown).contains("response-content-disposition=inline%3B") && !url(&shown).contains("=attachment"));
    assert!(!url(&Grant::read("photos", "a")).contains("disposition"));
}

#[test]
fn what_was_asked_for_is_among_the_signed_headers() {
    let grant = Grant::create("photos", "a")
        .size(1..=9)
        .content_type("image/png")
        .sha256([0xab; 32])
        .encrypted(Encryption::ManagedKey("projects/p/locations/l/keyRings/r/cryptoKeys/k".into()))
        .storage_class("NEARLINE")
        .metadata("owner", "42")
        .request_id("req-1");
    let sent = Sent::of(&UrlRequest::storage(&grant).unwrap());
    assert_eq!(sent.check(), Ok(()));
    for name in [
        "content-type",
        "x-goog-content-length-range",
        "x-goog-content-sha256",
        "x-goog-custom-audit-request-id",
        "x-goog-encryption-kms-key-name",
        "x-goog-if-generation-match",
        "x-goog-meta-owner",
        "x-goog-storage-class",
    ] {
        assert!(sent.headers.iter().any(|(known, _)| known == name), "{name}");
        sent.without(name).is_refused("signed_header_missing", MALFORMED);
    }
}

#[cfg(all(feature = "rsa", feature = "legacy"))]
mod legacy {
    use super::{HOST, ORIGIN, now, why};
    use valet_key::clock::Timestamp;
    use valet_key::error::{IssueError, VerifyError};
    use valet_key::gcs::{
        Endpoint, GoogV4, LegacyExpect, LegacyPresented, LegacyUrlRequest, ServiceAccountKey, Signature,
    };
    use valet_key::grant::Lifetime;
    use valet_key::view::RequestView;

    fn key() -> ServiceAccountKey {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/gcs/keys/dummy-service-account.json");
        ServiceAccountKey::from_json(&std::fs::read_to_string(file).unwrap()).unwrap()
    }

    fn request(method: &str) -> LegacyUrlRequest {
        LegacyUrlRequest::new(method, &Endpoint::google(), "photos", "cat.jpg").unwrap()
    }

    fn target(request: &LegacyUrlRequest) -> String {
        key().legacy_signed_url(request, now()).unwrap().expose().strip_prefix(ORIGIN).unwrap().to_owned()
    }

    fn check(
        method: &str,
        target: &str,
        more: &[(&str, &[u8])],
        expect: &LegacyExpect,
        at: Timestamp,
    ) -> Result<(), VerifyError> {
        let mut lines: Vec<(&str, &[u8])> = vec![("host", HOST.as_bytes())];
        lines.extend_from_slice(more);
        let presented = LegacyPresented::parse(&RequestView::new(method, target, &lines))?;
        let pending = presented.check(key().credential(), expect, at)?;
        pending.accept_public(&key().public_key()).map(|_| ())
    }

    #[test]
    fn what_v2_signs_is_held_to_it_and_what_it_does_not_sign_decides_nothing() {
        let (expect, good) = (LegacyExpect::new(HOST), target(&request("GET")));
        let verdict = |target: &str, more: &[(&str, &[u8])]| check("GET", target, more, &expect, now());
        assert_eq!(verdict(&good, &[]), Ok(()));
        let code = |verdict: Result<(), VerifyError>| verdict.expect_err("it was accepted").code();
        assert_eq!(code(verdict(&good, &[("x-goog-acl", b"public-read")])), "signature_mismatch");
        assert_eq!(code(verdict(&good, &[("content-type", b"text/html")])), "signature_mismatch");
        assert_eq!(code(verdict(&good, &[("x-amz-acl", b"private")])), "two_mechanisms");
        assert_eq!(code(verdict(&good, &[("authorization", b"GOOG1 a:b")])), "two_mechanisms");
        assert_eq!(code(verdict(&format!("{good}&X-Goog-Signature=1"), &[])), "two_mechanisms");
        assert_eq!(code(verdict(&format!("{good}&acl"), &[])), "signature_mismatch");
        assert_eq!(code(verdict(&format!("{good}&expires=1"), &[])), "field_form");
        assert_eq!(code(verdict(&format!("{good}&Expires=1"), &[])), "field_count");
        assert_eq!(code(verdict(&good.replace("Expires=", "Expires=9999999"), &[])), "field_form");
        assert_eq!(code(verdict(&good.replace("Expires=", "Expires=-"), &[])), "field_form");
        assert_eq!(code(verdict(&good.replace("Expires=", "Expires=0"), &[])), "field_form");
        assert_eq!(code(verdict(&good.replace("Signature=", "Signature=+"), &[])), "field_form");
        assert_eq!(code(verdict(&good.replace("%3D%3D", ""), &[])), "field_form");
        assert_eq!(code(verdict(&good.replace("/cat", "//cat"), &[])), "signature_mismatch");
        // An escape ends where its parameter ends, whatever comes behind.
        assert_eq!(verdict(&good.replace('?', "?x=%2F&A=1&"), &[]), Ok(()));
        assert_eq!(code(verdict(&good.replace('?', "?x=%2&A=1&"), &[])), "malformed");
        assert_eq!(code(verdict(&good.replace("/cat", "/%63at"), &[])), "ambiguous_path");
        assert_eq!(code(check("DELETE", &good, &[], &expect, now())), "signature_mismatch");
        assert_eq!(code(check("POST", &good, &[], &expect, now())), "malformed");
        assert_eq!(code(check("GET", &good, &[], &LegacyExpect::new("cdn.example.com"), now())), "host");
        assert_eq!(
            code(check("GET", &good, &[], &expect.clone().bucket_in_host("photos"), now())),
            "signature_mismatch"
        );
        assert_eq!(code(check("GET", &good, &[], &expect, now().saturating_add(901))), "expired");
        let short = expect.clone().max_lifetime(Lifetime::minutes(5).unwrap());
        assert_eq!(code(check("GET", &good, &[], &short, now())), "lifetime");
        // Not signed, so anybody may add it, and nothing of it is told.
        assert_eq!(verdict(&format!("{good}&response-content-type=text%2Fhtml"), &[]), Ok(()));
    }

    /// The expected value was computed with another program, by the rules.
    #[test]
    fn an_hmac_key_signs_v2_with_sha_1() {
        fn parse<'r>(method: &'r str, target: &'r str, lines: &'r [(&'r str, &'r [u8])]) -> LegacyPresented<'r> {
            LegacyPresented::parse(&RequestView::new(method, target, lines)).unwrap()
        }
        let request = LegacyUrlRequest::new("PUT", &Endpoint::google(), "photos", "a b/cat.jpg")
            .unwrap()
            .header("Content-MD5", "rmYdCNHKFXam78uCt7xQLw==")
            .header("X-Goog-Meta-A", " two   words ")
            .header("x-goog-meta-a", "b")
            .header("x-goog-acl", "private")
            .header("Content-Type", "image/png")
            .signed_query("A", "1 2");
        let (key, rsa) = (super::key(), key());
        let url = key.legacy_signed_url(&request, now()).unwrap();
        let target = url.expose().strip_prefix(ORIGIN).unwrap();
        assert_eq!(
            target,
            "/photos/a%20b/cat.jpg?a=1+2&GoogleAccessId=GOOG1EXAMPLE&Expires=1767323945&Signature=cU%2B16l6q%2BdgUHuloX0xewNS%2BYYQ%3D"
        );
        let lines: Vec<(&str, &[u8])> = [("host", HOST.as_bytes())]
            .into_iter()
            .chain(url.required_headers().iter().map(|(name, value)| (name.as_str(), value.as_slice())))
            .collect();
        let expect = LegacyExpect::new(HOST).signed_query("a");
        let verdict = |method: &str, target: &str| {
            key.legacy_verify(parse(method, target, &lines), &expect, now()).map(|request| request.path().to_owned())
        };
        assert_eq!(verdict("PUT", target).as_deref(), Ok("/photos/a%20b/cat.jpg"));
        assert_eq!(verdict("DELETE", target), Err(VerifyError::SignatureMismatch));
        assert_eq!(verdict("PUT", &target.replacen("cat", "dog", 1)), Err(VerifyError::SignatureMismatch));
        // Neither kind of key takes the other's signature, whatever the token says.
        let claimed = target.replacen("GOOG1EXAMPLE", &rsa.credential().id().replace('@', "%40"), 1);
        let refused = parse("PUT", &claimed, &lines).check(rsa.credential(), &expect, now()).map(|_| ()).unwrap_err();
        assert_eq!(refused.code(), "algorithm");
        let pending = parse("PUT", target, &lines).check(key.credential(), &expect, now()).unwrap();
        assert!(pending.clone().accept_public(&rsa.public_key()).is_err());
        assert!(pending.accept(&Signature::hmac([0; 32])).is_err());
        assert!(request.prepare(key.credential(), now()).unwrap().finish(&Signature::hmac([0; 32])).is_err());
    }

    #[test]
    fn a_generator_of_v2_refuses_what_would_shift_its_lines_or_not_be_signed() {
        let refused = |request: LegacyUrlRequest| key().legacy_signed_url(&request, now()).unwrap_err();
        for value in ["a\nx-goog-acl:public-read", "a\r\n", "a\0"] {
            assert!(matches!(refused(request("GET").header("content-type", value)), IssueError::Invalid { .. }));
            assert!(matches!(refused(request("GET").header("x-goog-meta-a", value)), IssueError::Invalid { .. }));
        }
        for name in ["range", "if-match", "x-goog-encryption-key", "X-Goog-Encryption-Key-Sha256", "x-amz-acl"] {
            assert!(matches!(refused(request("GET").header(name, "1")), IssueError::Invalid { .. }), "{name}");
        }
        assert!(matches!(refused(request("POST")), IssueError::Invalid { .. }));
        assert!(matches!(refused(request("GET").unsigned_query("expires", "1")), IssueError::Reserved { .. }));
        assert!(matches!(refused(request("GET").unsigned_query("X-Goog-Date", "1")), IssueError::Invalid { .. }));
        let long = request("GET").lives(Lifetime::minutes(16).unwrap());
        assert!(matches!(refused(long.clone()), IssueError::Unjustified { .. }));
        assert!(key().legacy_signed_url(&long.because(why()), now()).is_ok());
        let week = Lifetime::from_seconds(604_801).unwrap();
        assert!(matches!(refused(request("GET").lives(week).because(why())), IssueError::LifetimeTooLong { .. }));
    }
}

#[test]
fn parts_and_pages_have_the_words_of_the_xml_api_and_the_rest_is_refused() {
    let url = |grant: &Grant| UrlRequest::storage(grant).map(|request| Sent::of(&request).target);
    let holds = |grant: &Grant, words: &str| assert!(url(grant).unwrap().contains(words), "{words}");
    holds(&Grant::abort("photos", "a", "u/1"), "uploadId=u%2F1");
    let parts = Grant::list_parts("photos", "a", "u").listing(Listing::new().at_most(5).after_part(2));
    holds(&parts, "max-parts=5&part-number-marker=2&uploadId=u");
    let why = || Justification::new("a test").unwrap();
    let page = Listing::new().delimiter("/").at_most(10).after("42/x");
    holds(
        &Grant::list("photos", "42/").because(why()).listing(page),
        "delimiter=%2F&list-type=2&max-keys=10&prefix=42%2F&start-after=42%2Fx",
    );
    for grant in [
        Grant::copy(CopySource::new("src-bucket", "a"), "photos", "b").because(why()),
        Grant::list_versions("photos", "42/").because(why()),
        Grant::list_uploads("photos", "42/").because(why()),
        Grant::read_tags("photos", "a"),
        Grant::delete_tags("photos", "a"),
        Grant::read("photos", "a").listing(Listing::new()),
        Grant::abort("photos", "a", "u").version("1"),
        Grant::start_multipart("photos", "a").any_content_type(),
        Grant::complete_multipart("photos", "a", "u"),
    ] {
        let error = url(&grant).unwrap_err();
        assert!(matches!(error, IssueError::NotEnforceable { .. }), "{error:?} for {grant:?}");
    }
    assert!(matches!(url(&Grant::abort("photos", "a", "")), Err(IssueError::Invalid { what: "upload id", .. })));
}

/// A form, with a change to its fields, as it arrives with a file of that name.
fn arriving_form(
    change: impl FnOnce(&mut Vec<(String, String)>),
    file_name: &str,
    expect: &ExpectForm,
) -> Result<String, VerifyError> {
    let prefix = policy_with("", "").replace("{\"key\":\"cat.jpg\"}", "[\"starts-with\",\"$key\",\"\"]");
    let mut fields = signed_form(&prefix, &[("key", "a/${filename}"), ("x-ignore-note", "1")]);
    change(&mut fields);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let presented = PresentedForm::parse(&FormView::new("photos", &fields).file_name(file_name))?;
    let form = KeyRing::new().with(key()).verify_form(presented, expect, now())?;
    // What no condition covers is not told.
    assert_eq!((form.field("x-ignore-note"), form.field("x-goog-date")), (None, Some("20260102T030405Z")));
    Ok(form.key().to_owned())
}

fn set_field(fields: &mut [(String, String)], name: &str, value: &str) {
    value.clone_into(&mut fields.iter_mut().find(|(known, _)| known == name).unwrap().1);
}

#[test]
fn r53_what_is_put_into_a_key_has_a_length() {
    let named = |file_name: &str| arriving_form(|_| (), file_name, &ExpectForm::new());
    assert_eq!(named("dog.jpg").as_deref(), Ok("a/dog.jpg"));
    assert!(named(&"n".repeat(1000)).is_ok());
    for file_name in [String::new(), "n".repeat(1025)] {
        assert_eq!(named(&file_name).unwrap_err().code(), "malformed", "{}", file_name.len());
    }
    let long = format!("${{filename}}{}", "k".repeat(1024));
    let key = arriving_form(|fields| set_field(fields, "key", &long), "dog.jpg", &ExpectForm::new());
    assert_eq!(key.unwrap_err().code(), "malformed");
    let policy = "A".repeat((16 << 10) + 4);
    let policy = arriving_form(|fields| set_field(fields, "policy", &policy), "dog.jpg", &ExpectForm::new());
    assert_eq!(policy.unwrap_err().code(), "too_large");
}

#[test]
fn r19_r26_a_form_is_signed_on_the_day_of_its_scope() {
    let changed = |change: fn(&mut Vec<(String, String)>)| arriving_form(change, "dog.jpg", &ExpectForm::new());
    let unsigned = changed(|fields| fields.retain(|(name, _)| name != "policy" && name != "x-goog-signature"));
    assert_eq!(unsigned, Err(VerifyError::NotSigned));
    for field in ["policy", "x-goog-signature"] {
        let without = arriving_form(|fields| fields.retain(|(name, _)| name != field), "dog.jpg", &ExpectForm::new());
        assert_eq!(without.unwrap_err().code(), "field_count", "{field}");
    }
    let other_day = changed(|fields| {
        set_field(fields, "x-goog-credential", &format!("{ID}/20260103/auto/storage/goog4_request"));
    });
    assert_eq!(other_day.unwrap_err().code(), "scope_date");
}

#[test]
fn r18_the_skew_of_a_form_is_fifteen_minutes_at_most() {
    let at = |skew: u32, seconds: i64| {
        let fields = signed_form(&policy_with("", ""), &[]);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let presented = PresentedForm::parse(&FormView::new("photos", &fields)).unwrap();
        let now = Timestamp::from_unix(now().unix() - seconds).unwrap();
        KeyRing::new().with(key()).verify_form(presented, &ExpectForm::new().skew(skew), now).is_ok()
    };
    assert!(at(60, 60) && !at(60, 61));
    assert!(at(5000, 900) && !at(5000, 901));
}

#[test]
fn r21_r24_whoever_checks_alone_holds_the_request_to_the_name_and_the_algorithm_of_the_key() {
    let sent = get();
    let headers = [("host", HOST.as_bytes())];
    let view = RequestView::new("GET", &sent.target, &headers);
    let check = |credential: &Credential| {
        let presented = valet_key::gcs::Presented::parse(&view).unwrap();
        presented.check(credential, &Expect::new(), now()).map(|_| ())
    };
    assert_eq!(check(key().credential()), Ok(()));
    assert_eq!(check(&Credential::hmac_key("GOOG1OTHER").unwrap()), Err(VerifyError::OtherKey));
    assert_eq!(check(&Credential::service_account("a@b.example").unwrap()), Err(VerifyError::OtherKey));
    let fields = signed_form(&policy_with("", ""), &[]);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let check = |credential: &Credential| {
        let presented = PresentedForm::parse(&FormView::new("photos", &fields)).unwrap();
        presented.check(credential, &ExpectForm::new(), now()).map(|_| ())
    };
    assert_eq!(check(key().credential()), Ok(()));
    assert_eq!(check(&Credential::hmac_key("GOOG1OTHER").unwrap()), Err(VerifyError::OtherKey));
}

/// A plus in the query is told as the verifier was told to read it.
#[test]
fn r03_what_is_told_of_a_query_is_what_was_signed() {
    let sent = Sent::of(&UrlRequest::storage(&Grant::read("photos", "cat.jpg")).unwrap().query("a", "b c"));
    let sent = sent.replace("a=b%20c", "a=b+c");
    let headers = [("host", HOST.as_bytes())];
    let view = RequestView::new("GET", &sent.target, &headers);
    let verifier = verifier(Expect::new().plus(valet_key::view::Plus::Blank));
    let request = verifier.verify(&view, now()).unwrap();
    let told: Vec<_> = request.params().map(Result::unwrap).filter(|(name, _)| name == "a").collect();
    assert_eq!(told, [("a".to_owned(), "b c".to_owned())]);
    assert_eq!(sent.check().unwrap_err().code(), "ambiguous_plus");
}

#[cfg(feature = "rsa")]
#[test]
fn r21_a_public_key_accepts_nothing_that_a_shared_one_signed() {
    let pem = include_str!("vectors/gcs/keys/dummy-public.pem");
    let public = valet_key::gcs::PublicKey::from_pem(pem).unwrap();
    let sent = get();
    let headers = [("host", HOST.as_bytes())];
    let presented = valet_key::gcs::Presented::parse(&RequestView::new("GET", &sent.target, &headers)).unwrap();
    let pending = presented.check(key().credential(), &Expect::new(), now()).unwrap();
    assert_eq!(pending.accept_public(&public).err(), Some(VerifyError::SignatureMismatch));
    let fields = signed_form(&policy_with("", ""), &[]);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let presented = PresentedForm::parse(&FormView::new("photos", &fields)).unwrap();
    let pending = presented.check(key().credential(), &ExpectForm::new(), now()).unwrap();
    assert_eq!(pending.accept_public(&public).err(), Some(VerifyError::SignatureMismatch));
    let account = Credential::service_account("a@b.example").unwrap();
    let mut ring = KeyRing::new();
    for count in [0, 17] {
        assert!(ring.set_account(account.clone(), vec![public.clone(); count]).is_err());
    }
    assert!(ring.set_account(account, vec![public; 16]).is_ok());
}

#[test]
fn r45_a_form_of_a_grant_is_for_a_folder_or_has_a_reason() {
    let policy = |grant: &Grant| PostPolicy::at(&Endpoint::google(), grant);
    let under =
        |prefix: &str| Grant::under("photos", prefix, Action::Upload).because(why()).any_size().any_content_type();
    assert!(policy(&under("a/")).is_ok());
    assert!(policy(&under("a")).is_err());
    assert!(policy(&under("a").allow_open_prefix()).is_ok());
    let dots = |grant: Grant| policy(&grant).and_then(|policy| policy.sign(&key(), now())).is_ok();
    assert!(!dots(under("a/../b/")) && dots(under("a/../b/").allow_dot_segments()));
    assert!(PostPolicy::template(&Endpoint::google(), "photos", "a/${filename}").is_ok());
    assert!(PostPolicy::template(&Endpoint::google(), "photos", "a/cat.jpg").is_err());
}

#[test]
fn r21_an_id_of_one_kind_of_key_is_not_checked_as_the_other() {
    let signature = get().target.rsplit('=').next().unwrap().to_owned();
    let long = get().replace("GOOG4-HMAC-SHA256", "GOOG4-RSA-SHA256").replace(&signature, &"0".repeat(512));
    let headers = [("host", HOST.as_bytes())];
    let presented = valet_key::gcs::Presented::parse(&RequestView::new("GET", &long.target, &headers)).unwrap();
    let refused = presented.check(key().credential(), &Expect::new(), now()).map(|_| ());
    assert!(matches!(refused, Err(VerifyError::Algorithm { field: "X-Goog-Algorithm", .. })), "{refused:?}");
    let rsa = policy_with("", "").replace("GOOG4-HMAC-SHA256", "GOOG4-RSA-SHA256");
    let mut fields = signed_form(&rsa, &[]);
    set_field(&mut fields, "x-goog-algorithm", "GOOG4-RSA-SHA256");
    set_field(&mut fields, "x-goog-signature", &"0".repeat(512));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let presented = PresentedForm::parse(&FormView::new("photos", &fields)).unwrap();
    let refused = presented.check(key().credential(), &ExpectForm::new(), now()).map(|_| ());
    assert!(matches!(refused, Err(VerifyError::Algorithm { field: "x-goog-algorithm", .. })), "{refused:?}");
}

#[test]
fn r56_the_name_of_a_field_in_an_error_is_short_and_visible() {
    let name = format!("n\u{e9}me{}", "e".repeat(500));
    let error = form_with("", "", &[(&name, "1")]).unwrap_err().to_string();
    assert!(error.contains("n?me") && error.len() < 300, "{error}");
}
