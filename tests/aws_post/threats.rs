//! The rules of a verifier and of a generator, by their numbers: each refuses, and accepts its neighbour.

use crate::case::encode;
use hmac::{Hmac, KeyInit, Mac};
use valet_key::aws::{
    Credential, Endpoint, ExpectForm, FormView, KeyRing, OnShortCredential, PayloadCheck, PostPolicy, PresentedForm,
    Region, S3Error, Scope, ScopedKey, SigV4, StaticKey,
};
use valet_key::clock::Timestamp;
use valet_key::error::{IssueError, VerifyError};
use valet_key::grant::{
    Action, Actions, Classification, Constraint, ContentDisposition, Encryption, Grant, Justification, Lifetime,
};

const ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const DATE: &str = "20260102T030405Z";
const CREDENTIAL: &str = "AKIDEXAMPLE/20260102/eu-west-1/s3/aws4_request";
const END: &str = "2026-01-02T03:19:05Z";

const POLICY: (u16, &str) = (403, "AccessDenied");
const DOCUMENT: (u16, &str) = (400, "InvalidPolicyDocument");
const ARGUMENT: (u16, &str) = (400, "InvalidArgument");
const MISMATCH: (u16, &str) = (403, "SignatureDoesNotMatch");

fn now() -> Timestamp {
    Timestamp::parse_iso_basic(DATE).unwrap()
}

fn later(seconds: i64) -> Timestamp {
    Timestamp::from_unix(now().unix() + seconds).unwrap()
}

fn key() -> StaticKey {
    StaticKey::new(ID, SECRET).unwrap()
}

fn endpoint() -> Endpoint {
    Endpoint::aws(Region::new("eu-west-1").unwrap())
}

fn why() -> Justification {
    Justification::new("a test").unwrap()
}

/// A form as it is sent: any policy, signed as if the holder had, and any fields.
#[derive(Clone)]
struct Sent {
    bucket: String,
    policy: String,
    /// The policy as it stands in its field, unless that is its base64.
    text: Option<String>,
    fields: Vec<(String, String)>,
    signature: Option<String>,
    file_name: Option<String>,
    expect: ExpectForm,
    holder: Credential,
    at: Timestamp,
}

/// What the signer of every form says about itself.
fn signer() -> String {
    format!(
        "{{\"bucket\":\"photos\"}},{{\"x-amz-date\":\"{DATE}\"}},{{\"x-amz-credential\":\"{CREDENTIAL}\"}},\
         {{\"x-amz-algorithm\":\"AWS4-HMAC-SHA256\"}}"
    )
}

fn policy(conditions: &str) -> String {
    format!("{{\"conditions\":[{conditions}{}],\"expiration\":\"{END}\"}}", signer())
}

/// A form for `cat.jpg` with these conditions in front of the usual ones.
fn form(conditions: &str) -> Sent {
    Sent::of(policy(&format!("{conditions}{{\"key\":\"cat.jpg\"}},")))
}

/// A form for any key that begins like this.
fn under(prefix: &str, key: &str) -> Sent {
    Sent::of(policy(&format!("[\"starts-with\",\"$key\",\"{prefix}\"],"))).set("key", key)
}

impl Sent {
    fn of(policy: String) -> Self {
        let fields = [
            ("key", "cat.jpg"),
            ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
            ("x-amz-credential", CREDENTIAL),
            ("x-amz-date", DATE),
        ];
        Self {
            bucket: "photos".to_owned(),
            policy,
            text: None,
            fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            signature: None,
            file_name: Some("C:\\photos\\dog.jpg".to_owned()),
            expect: ExpectForm::new("eu-west-1"),
            holder: Credential::new(ID).unwrap(),
            at: now(),
        }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(field, _)| field != name);
        self
    }

    fn set(self, name: &str, value: &str) -> Self {
        self.without(name).with(name, value)
    }

    fn at(mut self, seconds: i64) -> Self {
        self.at = later(seconds);
        self
    }

    fn bucket(mut self, bucket: &str) -> Self {
        bucket.clone_into(&mut self.bucket);
        self
    }

    /// Changes the text of the policy, as its signer would.
    fn replace(mut self, from: &str, to: &str) -> Self {
        assert!(self.policy.contains(from), "{from} in {}", self.policy);
        self.policy = self.policy.replace(from, to);
        self
    }

    fn check_with<T>(&self, f: impl FnOnce(&valet_key::aws::SignedForm<'_>) -> T) -> Result<T, VerifyError> {
        let text = self.text.clone().unwrap_or_else(|| encode(&self.policy));
        let signature = self.signature.clone().unwrap_or_else(|| sign(&text));
        let mut fields = self.fields.clone();
        for (name, value) in [("policy", text), ("x-amz-signature", signature)] {
            if !fields.iter().any(|(field, _)| field == name) {
                fields.push((name.to_owned(), value));
            }
        }
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .filter(|(_, value)| value != "(absent)")
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let mut view = FormView::new(&self.bucket, &fields);
        if let Some(name) = &self.file_name {
            view = view.file_name(name);
        }
        let ring = KeyRing::new().with(StaticKey::from_credential(self.holder.clone(), SECRET).unwrap());
        let form = ring.verify_form(PresentedForm::parse(&view)?, &self.expect, self.at)?;
        Ok(f(&form))
    }

    fn check(&self) -> Result<String, VerifyError> {
        self.check_with(|form| form.key().to_owned())
    }

    #[expect(clippy::redundant_closure_for_method_calls, reason = "the method itself is of one lifetime only")]
    fn payload_check(&self) -> PayloadCheck {
        self.check_with(|form| form.payload_check()).unwrap()
    }

    #[track_caller]
    fn is_accepted(&self) {
        self.check().unwrap_or_else(|error| panic!("{error}"));
    }

    #[track_caller]
    fn is_accepted_as(&self, key: &str) {
        assert_eq!(self.check().as_deref(), Ok(key));
    }

    #[track_caller]
    fn is_refused(&self, code: &str, told: (u16, &str)) {
        let error = self.check().expect_err("it was accepted");
        assert_eq!(error.code(), code, "{error}");
        let answer = S3Error::from(&error);
        assert_eq!((answer.status, answer.code), told, "{error}");
    }
}

/// The signature of a policy by the definition of the scheme.
fn sign(text: &str) -> String {
    let mac = |key: &[u8], message: &str| {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
        mac.update(message.as_bytes());
        mac.finalize().into_bytes().to_vec()
    };
    let parts = ["20260102", "eu-west-1", "s3", "aws4_request"];
    let key = parts.iter().fold(format!("AWS4{SECRET}").into_bytes(), |key, part| mac(&key, part));
    hex::encode(mac(&key, text))
}

#[test]
fn r01_one_mechanism_signs_a_form() {
    form("").is_accepted();
    for field in ["AWSAccessKeyId", "awsaccesskeyid", "signature", "GoogleAccessId", "x-goog-signature"] {
        form("").with(field, "1").is_refused("two_mechanisms", ARGUMENT);
    }
    let anonymous = Sent { fields: vec![("key".to_owned(), "cat.jpg".to_owned())], ..form("") };
    anonymous
        .with("policy", "(absent)")
        .with("x-amz-signature", "(absent)")
        .is_refused("not_signed", (403, "AccessDenied"));
}

#[test]
fn r02_a_field_of_a_form_is_there_once() {
    for (name, value) in
        [("KEY", "cat.jpg"), ("Policy", "e30="), ("X-Amz-Signature", "0"), ("X-AMZ-DATE", DATE), ("x-ignore-A", "2")]
    {
        form("").with("x-ignore-a", "1").with(name, value).is_refused("malformed", ARGUMENT);
    }
    let acl = form("{\"acl\":\"a\"},");
    acl.clone().with("acl", "a").is_accepted();
    acl.with("acl", "a").with("ACL", "a").is_refused("malformed", ARGUMENT);
    form("").with("file", "").is_refused("malformed", ARGUMENT);
    for field in ["key", "policy", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"] {
        form("").set(field, "(absent)").is_refused("form_field", ARGUMENT);
    }
}

#[test]
fn r04_the_policy_is_read_in_its_one_base64() {
    let sent = form("");
    let text = encode(&sent.policy);
    let as_text = |text: String| Sent { text: Some(text), ..sent.clone() };
    as_text(text.clone()).is_accepted();
    let blank = encode(&format!("{} ", sent.policy));
    let blanks = encode(&format!("{}  ", sent.policy));
    let padded = [text, blank, blanks].into_iter().find(|text| text.ends_with('=')).unwrap();
    as_text(padded.clone()).is_accepted();
    // What is signed is the text, so only reading it can find fault with it.
    for other in [
        padded.trim_end_matches('=').to_owned(),
        format!("{padded}="),
        format!("{} {}", &padded[..8], &padded[8..]),
        padded.replace('e', "-"),
        String::new(),
    ] {
        as_text(other).is_refused("policy_document", DOCUMENT);
    }
    for text in [encode(&sent.policy).replace('0', "\r\n"), format!("{padded}\0")] {
        as_text(text).is_refused("malformed", ARGUMENT);
    }
    let not_text = <base64ct::Base64 as base64ct::Encoding>::encode_string(b"{\"\xff\":1}");
    as_text(not_text).is_refused("policy_document", DOCUMENT);
}

#[test]
fn r06_a_field_of_a_form_stays_on_its_line() {
    form("{\"x-amz-meta-a\":\"1 2\"},").with("x-amz-meta-a", "1 2").is_accepted();
    for value in ["1\n2", "1\r2", "1\x002", "\r\n"] {
        let json = serde_json::to_string(value).unwrap();
        form(&format!("{{\"x-amz-meta-a\":{json}}},")).with("x-amz-meta-a", value).is_refused("malformed", ARGUMENT);
        let policy = PostPolicy::new(&endpoint(), "photos", "a").unwrap().size(0..=1).field("x-amz-meta-a", value);
        assert!(matches!(policy.sign(&key(), now()), Err(IssueError::Invalid { .. })));
        assert!(PostPolicy::new(&endpoint(), "photos", value).is_err() || value == "\x00");
    }
    form("").with("x-ignore-\n", "").is_refused("malformed", ARGUMENT);
    let hostile = Sent { file_name: Some("a\r\nb".to_owned()), ..under("a/", "a/${filename}") };
    hostile.is_refused("malformed", ARGUMENT);
}

#[test]
fn r15_r16_the_time_of_a_form_is_a_calendar_time() {
    for date in ["20260230T030405Z", "20260102T030460Z", "20260102T030405", "2026-01-02T03:04:05Z", "", "20260102"] {
        form("").set("x-amz-date", date).is_refused("form_field", ARGUMENT);
    }
    for end in [
        "2026-01-02T03:19:05+00:00",
        "2026-01-02 03:19:05Z",
        "2026-01-02T03:19:05.5Z",
        "2026-01-02T03:19:05z",
        "2026-13-02T03:19:05Z",
        "2026-01-02",
        "",
        "tomorrow",
    ] {
        form("").replace(END, end).is_refused("policy_document", DOCUMENT);
    }
    form("").replace(END, "2026-01-02T03:19:05.000Z").is_accepted();
    form("").replace(&format!("\"{END}\""), "1767324000").is_refused("policy_document", DOCUMENT);
}

#[test]
fn r17_r18_a_form_lives_from_its_date_to_its_end() {
    for (seconds, accepted) in [(-901, false), (-900, true), (0, true), (900, true), (901, false)] {
        assert_eq!(form("").at(seconds).check().is_ok(), accepted, "{seconds}");
    }
    form("").at(901).is_refused("expired", POLICY);
    form("").at(-901).is_refused("not_yet_valid", POLICY);
    // A smaller skew does not make the life longer, and neither does a larger one.
    let strict = Sent { expect: ExpectForm::new("eu-west-1").skew(0), ..form("") };
    strict.clone().at(-1).is_refused("not_yet_valid", POLICY);
    strict.is_accepted();
    let lax = Sent { expect: ExpectForm::new("eu-west-1").skew(u32::MAX), ..form("") };
    lax.at(901).is_refused("expired", POLICY);
    form("").replace(END, "2026-01-09T03:04:05Z").is_accepted();
    form("").replace(END, "2026-01-09T03:04:06Z").is_refused("policy", POLICY);
    form("").replace(END, "2026-01-02T03:04:05Z").is_refused("policy", POLICY);
    let short = ExpectForm::new("eu-west-1").max_lifetime(Lifetime::from_seconds(900).unwrap());
    let short = Sent { expect: short, ..form("") };
    short.is_accepted();
    short.replace(END, "2026-01-02T03:19:06Z").is_refused("policy", POLICY);
}

#[test]
fn r19_r22_the_scope_is_that_of_the_day_the_region_and_the_service() {
    let other = |credential: &str| form("").set("x-amz-credential", credential).replace(CREDENTIAL, credential);
    other(&CREDENTIAL.replace("20260102", "20260103")).is_refused("scope_date", ARGUMENT);
    for (from, to) in
        [("eu-west-1", "eu-west-2"), ("eu-west-1", "EU-WEST-1"), ("/s3/", "/sts/"), ("/s3/", "/s3express/")]
    {
        other(&CREDENTIAL.replace(from, to)).is_refused("scope", ARGUMENT);
    }
    for bad in
        ["AKIDEXAMPLE", "AKIDEXAMPLE/20260102/eu-west-1/s3/aws4_request/", "AKIDEXAMPLE/20260102/eu-west-1/s3/aws4"]
    {
        other(bad).is_refused("field_form", ARGUMENT);
    }
    let encoded = CREDENTIAL.replace('/', "%2F");
    other(&encoded).is_refused("field_form", ARGUMENT);
}

#[test]
fn r20_r24_a_form_is_no_better_than_its_credential() {
    let temporary = |token: &str| Credential::new(ID).unwrap().with_session_token(token).unwrap();
    let token = |holder: Credential| Sent {
        holder,
        ..form("{\"x-amz-security-token\":\"a token of a session\"},")
            .with("x-amz-security-token", "a token of a session")
    };
    token(temporary("a token of a session")).is_accepted();
    token(temporary("a token of a sessioN")).is_refused("session_token", MISMATCH);
    token(Credential::new(ID).unwrap()).is_refused("session_token", MISMATCH);
    Sent { holder: temporary("a token of a session"), ..form("") }.is_refused("session_token", MISMATCH);
    // The token too is covered, by a condition that fixes it.
    let open = token(temporary("a token of a session"));
    open.clone().replace("{\"x-amz-security-token\":\"a token of a session\"},", "").is_refused("policy", POLICY);
    open.replace(
        "{\"x-amz-security-token\":\"a token of a session\"}",
        "[\"starts-with\",\"$x-amz-security-token\",\"\"]",
    )
    .is_refused("policy", POLICY);

    let ends = |seconds| Credential::new(ID).unwrap().expiring(later(seconds));
    Sent { holder: ends(10), ..form("") }.at(10).is_accepted();
    Sent { holder: ends(10), ..form("") }.at(11).is_refused("credential_expired", MISMATCH);
    let policy = PostPolicy::new(&endpoint(), "photos", "a").unwrap().size(0..=1);
    assert!(matches!(policy.prepare(&ends(899), now()), Err(IssueError::OutlivesCredential { .. })));
    assert_eq!(policy.prepare(&ends(900), now()).map(|_| ()), Ok(()));
    let clamped = policy.on_short_credential(OnShortCredential::Clamp);
    let holder = StaticKey::from_credential(ends(60), SECRET).unwrap();
    assert_eq!(clamped.sign(&holder, now()).unwrap().expires_at(), later(60));
}

#[test]
fn r21_r23_the_algorithm_and_the_signature_are_whole() {
    for algorithm in ["AWS4-HMAC-SHA1", "AWS4-HMAC-SHA256-PAYLOAD", "aws4-hmac-sha256", "AWS4-ECDSA-P256-SHA256", ""] {
        let sent = form("").set("x-amz-algorithm", algorithm).replace("AWS4-HMAC-SHA256", algorithm);
        sent.is_refused("algorithm", ARGUMENT);
    }
    let signature = sign(&encode(&form("").policy));
    for other in [
        signature.to_uppercase(),
        signature[..63].to_owned(),
        format!("{signature}0"),
        format!(" {signature}"),
        String::new(),
    ] {
        if other != signature {
            Sent { signature: Some(other), ..form("") }.is_refused("form_field", ARGUMENT);
        }
    }
    Sent { signature: Some("0".repeat(64)), ..form("") }.is_refused("signature_mismatch", MISMATCH);
    Sent { signature: Some(signature), ..form("") }.is_accepted();
}

#[test]
fn r25_an_unknown_key_is_told_like_a_wrong_signature() {
    let unknown = "AKIDOTHER/20260102/eu-west-1/s3/aws4_request";
    let sent = form("").set("x-amz-credential", unknown).replace(CREDENTIAL, unknown);
    sent.is_refused("unknown_key", MISMATCH);
    let error = sent.check().unwrap_err();
    assert_eq!(S3Error::detailed(&error).code, "InvalidAccessKeyId");
    // A policy that nobody can read is not looked at before its signature is right.
    let unreadable = Sent { text: Some("!".to_owned()), signature: Some("0".repeat(64)), ..form("") };
    unreadable.is_refused("signature_mismatch", MISMATCH);
}

#[test]
fn r31_every_field_is_covered_and_every_condition_is_met() {
    form("").is_accepted_as("cat.jpg");
    form("").with("X-Ignore-Note", "1").is_accepted();
    form("{\"ACL\":\"private\"},").with("acl", "private").is_accepted();
    form("[\"eq\",\"$Acl\",\"private\"],").with("aCL", "private").is_accepted();
    form("[\"starts-with\",\"$x-amz-meta-tag\",\"\"],").with("x-amz-meta-tag", "").is_accepted();
    form("[\"starts-with\",\"$acl\",\"p\"],{\"acl\":\"private\"},").with("acl", "private").is_accepted();
    form("{\"bucket\":\"photos\"},").with("bucket", "photos").is_accepted();
    for (conditions, name, value) in [
        ("", "acl", "public-read"),
        ("", "x-amz-meta-a", "1"),
        ("", "x-amz-server-side-encryption-customer-key", "1"),
        ("", "success_action_redirect", "https://evil.example"),
        ("", "content-type", "text/html"),
        ("", "submit", "Upload"),
        ("", "x-ignor-a", "1"),
        ("{\"acl\":\"private\"},", "acl", "Private"),
        ("[\"eq\",\"$acl\",\"private\"],", "acl", "private "),
        ("[\"starts-with\",\"$acl\",\"p\"],{\"acl\":\"private\"},", "acl", "public-read"),
        ("[\"starts-with\",\"$Content-Type\",\"image/\"],", "Content-Type", "text/html"),
        ("[\"starts-with\",\"$Content-Type\",\"image/\"],", "Content-Type", "image/png,text/html"),
        ("[\"starts-with\",\"$Content-Type\",\"image/\"],", "Content-Type", ""),
        // A blank is a byte of the value like any other.
        ("[\"starts-with\",\"$Content-Type\",\"image/\"],", "Content-Type", " image/png"),
        ("[\"starts-with\",\"$Content-Type\",\"image/\"],", "Content-Type", "image/png, image/gif"),
        // Fields that no form has, and prefixes of fields that are compared as a whole only.
        ("{\"note\":\"1\"},", "note", "1"),
        ("{\"x-goog-acl\":\"1\"},", "x-ignore-a", "1"),
        ("[\"starts-with\",\"$success_action_status\",\"2\"],", "success_action_status", "201"),
        ("[\"starts-with\",\"$x-amz-storage-class\",\"\"],", "x-amz-storage-class", "STANDARD"),
        // Without the `$` it names nothing.
        ("[\"starts-with\",\"acl\",\"p\"],", "acl", "private"),
        ("[\"eq\",\"$$acl\",\"private\"],", "acl", "private"),
        ("[\"content-length-range\",\"a\",\"b\"],", "x-ignore-a", "1"),
    ] {
        form(conditions).with(name, value).is_refused("policy", POLICY);
    }
    // A condition on a field that is not there is not met, whatever it asks.
    for conditions in [
        "{\"acl\":\"private\"},",
        "{\"acl\":\"\"},",
        "[\"starts-with\",\"$acl\",\"\"],",
        "[\"starts-with\",\"$Content-Type\",\"\"],",
    ] {
        form(conditions).is_refused("policy", POLICY);
    }
    form("[\"starts-with\",\"$Content-Type\",\"image/\"],").with("content-type", "image/png,image/gif").is_accepted();
    form("").set("key", "dog.jpg").is_refused("policy", POLICY);
    // What is exempt is exempt by its whole name.
    for field in ["policy2", "x-amz-signature2", "filename"] {
        form("").with(field, "1").is_refused("policy", POLICY);
    }
}

#[test]
fn r31_the_name_of_the_file_is_put_in_before_the_conditions_are_looked_at() {
    under("users/42/", "users/42/${filename}").is_accepted_as("users/42/dog.jpg");
    under("users/42/", "users/42/a").is_accepted_as("users/42/a");
    under("users/42/", "users/42/${filename}/${filename}").is_accepted_as("users/42/dog.jpg/dog.jpg");
    for key in ["${filename}/users/42/", "users/43/${filename}", "users/4", "Users/42/a", "/users/42/a"] {
        under("users/42/", key).is_refused("policy", POLICY);
    }
    let named = |name: Option<&str>| Sent {
        file_name: name.map(ToOwned::to_owned),
        ..under("users/42/", "users/42/${filename}")
    };
    for (name, key) in [
        ("/etc/passwd", "users/42/passwd"),
        ("..\\..\\a", "users/42/a"),
        ("", "users/42/"),
        ("a/", "users/42/"),
        ("${filename}", "users/42/${filename}"),
        ("\u{e9}", "users/42/\u{e9}"),
    ] {
        named(Some(name)).is_accepted_as(key);
    }
    named(None).is_refused("malformed", ARGUMENT);
    let long = "a".repeat(1025 - "users/42/".len());
    named(Some(&long)).is_refused("malformed", ARGUMENT);
    named(Some(&"a".repeat(1025))).is_refused("malformed", ARGUMENT);
    named(Some(&long[1..])).is_accepted_as(&format!("users/42/{}", &long[1..]));
    // It is put into every field, and an exact condition sees what comes out.
    let meta =
        |value: &str| form(&format!("{{\"x-amz-meta-name\":\"{value}\"}},")).with("x-amz-meta-name", "${filename}");
    meta("dog.jpg").is_accepted();
    assert_eq!(
        meta("dog.jpg").check_with(|form| form.field("X-Amz-Meta-Name").map(ToOwned::to_owned)),
        Ok(Some("dog.jpg".to_owned()))
    );
    meta("${filename}").is_refused("policy", POLICY);
    form("")
        .replace("{\"key\":\"cat.jpg\"}", "{\"key\":\"${filename}\"}")
        .set("key", "${filename}")
        .is_refused("policy", POLICY);
    let many = form("[\"starts-with\",\"$x-amz-meta-a\",\"\"],").with("x-amz-meta-a", &"${filename}".repeat(1500));
    Sent { file_name: Some("a".repeat(1000)), ..many }.is_refused("malformed", ARGUMENT);
}

#[test]
fn r05_a_key_that_stores_fold_is_refused() {
    for key in ["users/42/../43/a", "users/42/..", "users/42/./a"] {
        let sent = under("users/42/", key);
        sent.is_refused("malformed", ARGUMENT);
        Sent { expect: ExpectForm::new("eu-west-1").allow_dot_segments(), ..sent }.is_accepted_as(key);
    }
    for key in ["users/42/..a", "users/42/...", "users/42//a", "users/42/%2e%2e/a"] {
        under("users/42/", key).is_accepted_as(key);
    }
    let up = Sent { file_name: Some("..".to_owned()), ..under("users/42/", "users/42/${filename}") };
    up.is_refused("malformed", ARGUMENT);
    let policy = PostPolicy::new(&endpoint(), "photos", "a/../b").unwrap().size(0..=1);
    assert!(matches!(policy.sign(&key(), now()), Err(IssueError::Invalid { .. })));
    assert!(policy.allow_dot_segments().sign(&key(), now()).is_ok());
}

#[test]
fn r32_the_bucket_of_the_url_decides() {
    form("").is_accepted();
    form("").bucket("invoices").is_refused("policy", POLICY);
    // A field of that name changes nothing, and says the same or is refused.
    form("").bucket("invoices").with("bucket", "photos").is_refused("policy", POLICY);
    form("").with("bucket", "invoices").is_refused("policy", POLICY);
    form("").with("bucket", "photos").is_accepted();
    form("").replace("{\"bucket\":\"photos\"}", "[\"starts-with\",\"$bucket\",\"\"]").is_refused("policy", POLICY);
    form("").replace("{\"bucket\":\"photos\"},", "").is_refused("policy", POLICY);
    form("").bucket("../photos").is_refused("malformed", ARGUMENT);
    form("").bucket("Photos").is_refused("policy", POLICY);
    assert_eq!(form("").check_with(|form| form.bucket().to_owned()), Ok("photos".to_owned()));
}

#[test]
fn r33_whoever_signed_is_fixed_by_the_policy() {
    for (field, value, other) in [
        ("x-amz-date", DATE, "20260102T030406Z"),
        ("x-amz-credential", CREDENTIAL, "AKIDEXAMPLE/20260102/eu-west-1/s3/aws4_reques"),
        ("x-amz-algorithm", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512"),
    ] {
        let exact = format!("{{\"{field}\":\"{value}\"}}");
        form("").replace(&exact, &format!("[\"eq\",\"${field}\",\"{value}\"]")).is_accepted();
        for open in [
            format!("[\"starts-with\",\"${field}\",\"\"]"),
            format!("[\"starts-with\",\"${field}\",\"{value}\"]"),
            format!("{{\"{field}\":\"{other}\"}}"),
            format!("{{\"x-amz-meta-a\":\"{value}\"}}"),
        ] {
            form("").replace(&exact, &open).is_refused("policy", POLICY);
        }
        form("").replace(&exact, "{\"key\":\"cat.jpg\"}").is_refused("policy", POLICY);
    }
}

#[test]
fn r34_a_policy_is_read_in_one_way_or_not_at_all() {
    let end = format!("\"expiration\":\"{END}\"");
    for (from, to) in [
        ("{\"conditions\"", "{\"conditions\":[],\"conditions\""),
        ("{\"conditions\"", "{\"statement\":[],\"conditions\""),
        ("\"conditions\"", "\"CONDITIONS\""),
        ("\"expiration\"", "\"Expiration\""),
        ("\"expiration\"", "\"\\u0065xpiration\":\"2027-01-02T03:19:05Z\",\"expiration\""),
        (&end, "\"expiration\":null"),
        ("{\"conditions\"", "[{\"conditions\""),
        ("{\"conditions\"", "\u{feff}{\"conditions\""),
        ("\"}],\"expiration\"", "\"},],\"expiration\""),
        ("{\"bucket\":\"photos\"}", "{\"bucket\":\"photos\",\"bucket\":\"invoices\"}"),
        ("{\"bucket\":\"photos\"}", "{\"bucket\":\"photos\",\"acl\":\"a\"}"),
        ("{\"bucket\":\"photos\"}", "{}"),
        ("{\"bucket\":\"photos\"}", "{\"bucket\":[\"photos\"]}"),
        ("\"cat.jpg\"", "\"cat\\.jpg\""),
        // Escapes of the documentation that are not JSON.
        ("\"cat.jpg\"", "\"\\$cat.jpg\""),
        ("\"cat.jpg\"", "\"cat\\v.jpg\""),
    ] {
        form("").replace(from, to).is_refused("policy_document", DOCUMENT);
    }
    for tail in ["}", "]", " 1", ",", "\0", "//"] {
        Sent { policy: format!("{}{tail}", form("").policy), ..form("") }.is_refused("policy_document", DOCUMENT);
    }
    Sent { policy: format!("\r\n\t {} \r\n", form("").policy), ..form("") }.is_accepted();
    for conditions in [
        "[\"content-length-range\",0,5],[\"content-length-range\",0,50],",
        "[\"content-length-range\",5,0],",
        "[\"content-length-range\",0],",
        "[\"content-length-range\",-1,5],",
        "[\"content-length-range\",0,1e9],",
        "[\"content-length-range\",0,1.5],",
        "[\"content-length-range\",0,99999999999999999999],",
        "[\"Content-Length-Range\",0,5],",
        "[\"EQ\",\"$acl\",\"a\"],",
        "[\"ends-with\",\"$acl\",\"a\"],",
        "[\"eq\",\"$acl\"],",
        "[\"eq\",\"$acl\",\"a\",\"b\"],",
        "[\"eq\",\"$acl\",1],",
        "{\"acl\":1},",
        "{\"acl\":\"a\",\"acl\":\"b\"},",
        "{\"acl\":\"a\",\"ACL\":\"b\"},",
        "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]],",
        "null,",
        "\"eq\",",
        ",",
    ] {
        form(conditions).is_refused("policy_document", DOCUMENT);
    }
    form("[\"content-length-range\",\"1\",\"5\"],").is_accepted();
    let many = |count| form(&"[\"starts-with\",\"$key\",\"c\"],".repeat(count));
    many(100).is_accepted();
    assert_eq!(many(130).check().unwrap_err().code(), "too_large");
}

#[test]
fn r35_a_quote_in_a_name_stays_in_it() {
    let hostile = "a\"},{\"acl\":\"public-read\"},{\"key\":\"b\\";
    let policy = PostPolicy::new(&endpoint(), "photos", hostile).unwrap().size(0..=1).field("x-amz-meta-n", "\",\"");
    let form = policy.sign(&key(), now()).unwrap();
    let fields: Vec<(&str, &str)> = form.fields().collect();
    let check = |fields: &[(&str, &str)]| {
        let presented = PresentedForm::parse(&FormView::new("photos", fields)).unwrap();
        key().verify_form(presented, &ExpectForm::new("eu-west-1"), now()).map(|form| form.key().to_owned())
    };
    assert_eq!(check(&fields).as_deref(), Ok(hostile));
    let mut widened = fields.clone();
    widened.push(("acl", "public-read"));
    assert_eq!(check(&widened).unwrap_err().code(), "policy");
    let mut moved = fields;
    moved.iter_mut().find(|(name, _)| *name == "key").unwrap().1 = "b";
    assert_eq!(check(&moved).unwrap_err().code(), "policy");
    // A `$` is written so that no reader takes it for a name.
    let dollars = PostPolicy::new(&endpoint(), "photos", "$key").unwrap().size(0..=1).starts_with("x-amz-meta-a", "$");
    let prepared = dollars.prepare(key().credential(), now()).unwrap();
    assert!(prepared.expose_policy().contains("[\"starts-with\", \"$x-amz-meta-a\", \"\\u0024\"]"));
    assert!(prepared.expose_policy().contains("{\"key\": \"\\u0024key\"}"));
}

fn told(check: PayloadCheck) -> Option<(u16, &'static str)> {
    check.finish().err().map(|error| {
        let answer = S3Error::from(&error);
        (answer.status, answer.code)
    })
}

#[test]
fn r48_the_file_is_held_to_the_size_that_was_signed() {
    const TOO_SMALL: Option<(u16, &str)> = Some((400, "EntityTooSmall"));
    const TOO_LARGE: Option<(u16, &str)> = Some((400, "EntityTooLarge"));
    let sent = form("[\"content-length-range\",2,4],");
    let check = |length: usize| {
        let mut check = sent.payload_check();
        (0..length).for_each(|_| check.update(b"a"));
        check
    };
    for (length, answer) in [(0, TOO_SMALL), (1, TOO_SMALL), (2, None), (4, None), (5, TOO_LARGE)] {
        assert_eq!(told(check(length)), answer, "{length}");
        assert_eq!(check(length).is_too_long(), length > 4);
    }
    let mut error = check(5);
    error.update(&[0; 100]);
    assert_eq!(error.finish(), Err(VerifyError::Size { field: "content-length-range", found: 105, least: 2, most: 4 }));
    // Without a condition the store's own limit holds, and a wider condition does not lift it.
    let size = |sent: &Sent| sent.check_with(|form| form.size().clone()).unwrap();
    assert_eq!(size(&form("")), 0..=5 << 30);
    let small = |conditions| Sent { expect: ExpectForm::new("eu-west-1").max_size(3), ..form(conditions) };
    assert_eq!(size(&small("")), 0..=3);
    assert_eq!(size(&small("[\"content-length-range\",2,4],")), 2..=3);
    let none = small("[\"content-length-range\",4,9],").payload_check();
    assert_eq!(told(none.clone()), TOO_SMALL);
    let mut none = none;
    none.update(b"12345");
    assert!(none.is_too_long());
    assert_eq!(told(none), TOO_LARGE);
}

#[test]
fn r27_the_file_is_held_to_a_checksum_among_the_fields() {
    let checksum = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let sent =
        |value: &str| form(&format!("{{\"x-amz-checksum-sha256\":\"{value}\"}},")).with("x-amz-checksum-sha256", value);
    let check = || sent(checksum).payload_check();
    assert_eq!(told(check()), None);
    let mut other = check();
    other.update(b"a");
    assert_eq!(told(other), Some((400, "BadDigest")));
    for bad in
        ["", "e3b0c442", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV="]
    {
        sent(bad).is_refused("form_field", ARGUMENT);
    }
}

#[test]
fn r53_a_form_has_limits() {
    const TOO_LONG: (u16, &str) = (400, "MaxPostPreDataLengthExceeded");
    let length = |sent: &Sent| {
        let text = encode(&sent.policy);
        let own = "policy".len() + text.len() + "x-amz-signature".len() + 64;
        own + sent.fields.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>()
    };
    let room = 20_480 - length(&form("")) - "x-ignore-a".len();
    form("").with("x-ignore-a", &"a".repeat(room)).is_accepted();
    form("").with("x-ignore-a", &"a".repeat(room + 1)).is_refused("too_large", TOO_LONG);
    // No form is made that is larger.
    let made = |length: usize| {
        let policy = PostPolicy::new(&endpoint(), "photos", "a").unwrap().size(0..=1);
        let form = policy.field("x-amz-meta-a", "a".repeat(length)).sign(&key(), now())?;
        Ok::<_, IssueError>(form.fields().map(|(name, value)| name.len() + value.len()).sum::<usize>())
    };
    let largest = (8_000..9_000).rev().find(|length| made(*length).is_ok()).unwrap();
    assert!((20_470..=20_480).contains(&made(largest).unwrap()));
    assert!(matches!(made(largest + 1), Err(IssueError::Invalid { what: "form", .. })));
    // Whoever reads the body sees what stands between the fields, too.
    let framed = |bytes| {
        let fields = [("key", "a"), ("policy", "e30=")];
        PresentedForm::parse(&FormView::new("photos", &fields).bytes_before_file(bytes)).unwrap_err().code()
    };
    assert_eq!((framed(20_480), framed(20_481)), ("form_field", "too_large"));
    let many = |count: usize| (0..count).fold(form(""), |sent, at| sent.with(&format!("x-ignore-{at}"), ""));
    many(94).is_accepted();
    many(95).is_refused("too_large", TOO_LONG);
}

#[test]
fn r45_a_prefix_is_a_kind_of_its_own() {
    let sign = |policy: PostPolicy| policy.size(0..=1).sign(&key(), now());
    // An exact name is exact: what would be replaced in it is refused.
    for name in ["a/${filename}", "${filename}", "${filename}/a"] {
        assert!(matches!(PostPolicy::new(&endpoint(), "photos", name), Err(IssueError::Invalid { .. })));
        assert!(matches!(PostPolicy::under(&endpoint(), "photos", name), Err(IssueError::Invalid { .. })));
    }
    let under = |prefix: &str| PostPolicy::under(&endpoint(), "photos", prefix).unwrap();
    assert_eq!(sign(under("a/")).unwrap_err(), IssueError::Unjustified { what: "more than one object" });
    let form = sign(under("a/").because(why())).unwrap();
    assert!(form.fields().any(|field| field == ("key", "a/${filename}")));
    assert!(matches!(PostPolicy::under(&endpoint(), "photos", ""), Err(IssueError::Invalid { .. })));
    assert!(matches!(sign(under("a").because(why())), Err(IssueError::Invalid { what: "prefix", .. })));
    assert!(sign(under("a").because(why()).allow_open_prefix()).is_ok());
    // The same from a grant, which has its reason already.
    let grant = |prefix: &str| {
        let grant = Grant::under("photos", prefix, Action::Upload).because(why());
        grant.any_content_type().size(0..=1)
    };
    let sign = |grant: &Grant| PostPolicy::at(&endpoint(), grant).and_then(|policy| policy.sign(&key(), now()));
    assert!(sign(&grant("a/")).is_ok());
    assert!(sign(&grant("")).is_err());
    assert!(matches!(sign(&grant("a")), Err(IssueError::Invalid { what: "prefix", .. })));
    assert!(sign(&grant("a").allow_open_prefix()).is_ok());
    assert!(sign(&grant("a/../b/")).is_err());
    assert!(sign(&grant("a/../b/").allow_dot_segments()).is_ok());
}

#[test]
fn r48_a_form_says_its_size_and_a_grant_its_type() {
    let bare = PostPolicy::new(&endpoint(), "photos", "a").unwrap();
    assert_eq!(bare.sign(&key(), now()).unwrap_err(), IssueError::Unbounded { constraint: Constraint::Size });
    assert!(bare.clone().size(0..=0).sign(&key(), now()).is_ok());
    let waived = bare.clone().any_size();
    assert_eq!(waived.sign(&key(), now()).unwrap_err(), IssueError::Unjustified { what: "an upload of any size" });
    assert!(waived.clone().because(why()).sign(&key(), now()).is_ok());
    assert!(waived.because(why()).size(0..=1).sign(&key(), now()).is_err());
    for sizes in [bare.clone().size(0..=1).size(0..=1), bare.size(std::ops::RangeInclusive::new(2, 1))] {
        assert!(matches!(sizes.sign(&key(), now()), Err(IssueError::Invalid { what: "size", .. })));
    }
    let upload = Grant::upload("photos", "a");
    let at = |grant: Grant| PostPolicy::at(&endpoint(), &grant).and_then(|policy| policy.sign(&key(), now()));
    let unbounded = |constraint| IssueError::Unbounded { constraint };
    assert_eq!(at(upload.clone()).unwrap_err(), unbounded(Constraint::ContentType));
    assert_eq!(at(upload.clone().content_type("a/b")).unwrap_err(), unbounded(Constraint::Size));
    assert!(at(upload.clone().content_type("a/b").size(0..=1)).is_ok());
    assert!(matches!(at(upload.clone().any_content_type().any_size()), Err(IssueError::Unjustified { .. })));
    assert!(at(upload.any_content_type().any_size().because(why())).is_ok());
}

/// Every constraint of a grant is a condition of the policy, or the form is not made.
#[test]
fn no_constraint_of_a_grant_is_dropped() {
    let upload = || Grant::upload("photos", "a").content_type("text/plain").size(1..=10);
    let conditions = |grant: Grant| {
        let policy = PostPolicy::at(&endpoint(), &grant).unwrap();
        policy.prepare(key().credential(), now()).unwrap().expose_policy().to_owned()
    };
    for (grant, condition) in [
        (upload(), "{\"Content-Type\": \"text/plain\"}"),
        (upload(), "[\"content-length-range\", 1, 10]"),
        (upload().exact_size(7), "[\"content-length-range\", 7, 7]"),
        (upload().content_type_prefix("image/"), "[\"starts-with\", \"$Content-Type\", \"image/\"]"),
        (upload().any_content_type(), "[\"starts-with\", \"$Content-Type\", \"\"]"),
        (upload().sha256([0; 32]), "{\"x-amz-checksum-sha256\": \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}"),
        (upload().encrypted(Encryption::Provider), "{\"x-amz-server-side-encryption\": \"AES256\"}"),
        (upload().encrypted(Encryption::ManagedKey("k".into())), "{\"x-amz-server-side-encryption\": \"aws:kms\"}"),
        (
            upload().encrypted(Encryption::ManagedKey("k".into())),
            "{\"x-amz-server-side-encryption-aws-kms-key-id\": \"k\"}",
        ),
        (upload().storage_class("GLACIER"), "{\"x-amz-storage-class\": \"GLACIER\"}"),
        (upload().metadata("user", "42"), "{\"x-amz-meta-user\": \"42\"}"),
        (upload().lives(Lifetime::minutes(5).unwrap()), "{\"expiration\": \"2026-01-02T03:09:05Z\""),
    ] {
        let policy = conditions(grant);
        assert!(policy.contains(condition), "{condition} in {policy}");
    }
    let refused = |grant: Grant| match PostPolicy::at(&endpoint(), &grant) {
        Err(IssueError::NotEnforceable { constraint, form: "an S3 POST policy", .. }) => constraint,
        other => panic!("{other:?}"),
    };
    for (grant, constraint) in [
        (Grant::read("photos", "a"), Constraint::Action),
        (Grant::create("photos", "a").content_type("a/b").size(0..=1), Constraint::Action),
        (Grant::delete("photos", "a"), Constraint::Action),
        (Grant::under("photos", "a/", Actions::UPLOAD | Actions::READ).because(why()), Constraint::Action),
        (upload().version("1"), Constraint::Resource),
        (upload().client_address("192.0.2.1"), Constraint::ClientAddress),
        (upload().not_before(now()), Constraint::NotBefore),
        (upload().single_use(), Constraint::SingleUse),
        (upload().request_id("req-1"), Constraint::RequestId),
        (upload().disposition(&ContentDisposition::attachment("a")), Constraint::ResponseHeaders),
    ] {
        assert_eq!(refused(grant), constraint);
    }
}

#[test]
fn what_is_broader_than_the_default_has_a_reason() {
    let lives = |seconds| {
        let policy = PostPolicy::new(&endpoint(), "photos", "a").unwrap().size(0..=1);
        policy.lives(Lifetime::from_seconds(seconds).unwrap())
    };
    assert!(lives(900).sign(&key(), now()).is_ok());
    assert!(matches!(lives(901).sign(&key(), now()), Err(IssueError::Unjustified { .. })));
    assert!(lives(604_800).because(why()).sign(&key(), now()).is_ok());
    assert!(matches!(
        lives(604_801).because(why()).sign(&key(), now()),
        Err(IssueError::LifetimeTooLong { maximum: 604_800, .. })
    ));
    let secret = Grant::upload("photos", "a").any_content_type().size(0..=1).classified(Classification::Pii);
    let at = |grant: &Grant| PostPolicy::at(&endpoint(), grant).and_then(|policy| policy.sign(&key(), now()));
    assert!(matches!(at(&secret), Err(IssueError::Unjustified { .. })));
    assert!(at(&secret.lives(Lifetime::minutes(5).unwrap())).is_ok());
    let plain = Endpoint::custom("http://localhost:9000", Region::new("eu-west-1").unwrap()).unwrap();
    let plain = PostPolicy::new(&plain, "photos", "a").unwrap().size(0..=1);
    assert_eq!(plain.sign(&key(), now()).unwrap_err(), IssueError::Unjustified { what: "plain HTTP" });
    assert_eq!(plain.because(why()).sign(&key(), now()).unwrap().url(), "http://localhost:9000/photos");
}

#[test]
fn a_field_that_s3_would_pass_over_or_replace_is_not_made() {
    let policy = || PostPolicy::new(&endpoint(), "photos", "a").unwrap().size(0..=1);
    let is_made = |policy: PostPolicy| policy.sign(&key(), now()).is_ok();
    assert!(is_made(policy().field("Cache-Control", "no-store").success_redirect("https://example.com/done")));
    for reserved in [
        "key",
        "KEY",
        "bucket",
        "file",
        "policy",
        "x-amz-date",
        "X-Amz-Security-Token",
        "x-amz-signature",
        "content-length-range",
    ] {
        let refused = policy().field(reserved, "1").sign(&key(), now()).unwrap_err();
        assert!(matches!(refused, IssueError::Reserved { .. }), "{reserved}");
    }
    for (name, value) in [
        ("x-ignore-a", "1"),
        ("note", "1"),
        ("x-goog-acl", "1"),
        ("x-amz-", "1"),
        ("x-amz-meta-a b", "1"),
        ("x-amz-meta-a", "${filename}"),
        ("success_action_status", "202"),
        ("success_action_status", ""),
        ("success_action_redirect", "/done"),
        ("success_action_redirect", "javascript:alert(1)"),
        ("redirect", "https:///done"),
    ] {
        assert!(!is_made(policy().field(name, value)), "{name}: {value}");
    }
    assert!(!is_made(policy().field("acl", "a").field("ACL", "a")));
    assert!(!is_made(policy().starts_with("x-amz-storage-class", "")));
    assert!(!is_made(policy().prefilled("Content-Type", "image/", "text/html")));
    assert!(is_made(policy().prefilled("Content-Type", "image/", "image/png")));
    for status in [200, 201, 204] {
        assert!(is_made(policy().success_status(status)));
    }
    assert!(!is_made(policy().success_status(303)));
    let tags = |count: usize| (0..count).fold(policy(), |policy, at| policy.tag(format!("k{at}"), "v"));
    assert!(is_made(tags(10)) && !is_made(tags(11)));
    for bad in [
        policy().tag("", "v"),
        policy().tag("k", "v").tag("k", "w"),
        policy().tag("k", "\n"),
        policy().tag("k".repeat(129), "v"),
        policy().tag("k", "v".repeat(257)),
        policy().tag("k", "v").field("tagging", "<Tagging/>"),
    ] {
        assert!(!is_made(bad));
    }
    assert!(is_made(policy().tag("k".repeat(128), "\u{e9}".repeat(256))));
    let access_point = "arn:aws:s3:eu-west-1:123456789012:accesspoint/reader";
    assert!(PostPolicy::new(&endpoint(), access_point, "a").is_err());
}

#[test]
fn every_holder_signs_and_verifies_forms() {
    let policy = PostPolicy::new(&endpoint(), "photos", "a").unwrap().size(0..=1);
    let scope = Scope::new(now(), "eu-west-1", "s3").unwrap();
    let scoped: ScopedKey = key().derive_scoped(&scope);
    let boxed: Box<dyn SigV4> = Box::new(key());
    let shared = std::sync::Arc::new(key());
    let holders: [&dyn SigV4; 4] = [&key(), &scoped, &boxed, &shared];
    for holder in holders {
        let form = policy.sign(holder, now()).unwrap();
        let fields: Vec<(&str, &str)> = form.fields().collect();
        let presented = PresentedForm::parse(&FormView::new("photos", &fields)).unwrap();
        for other in holders {
            let verdict = other.verify_form(presented.clone(), &ExpectForm::new("eu-west-1"), now());
            assert_eq!(verdict.unwrap().key(), "a");
        }
        // In two phases, as a holder elsewhere does it.
        let prepared = policy.prepare(holder.credential(), now()).unwrap();
        let signature = holder.sign(prepared.scope(), prepared.string_to_sign()).unwrap();
        assert!(prepared.finish(&signature).fields().eq(form.fields()));
    }
    let tomorrow = policy.sign(&scoped, later(86_400));
    assert!(matches!(tomorrow, Err(IssueError::Key(_))));
    let other = StaticKey::new("AKIDOTHER", SECRET).unwrap();
    let form = policy.sign(&key(), now()).unwrap();
    let fields: Vec<(&str, &str)> = form.fields().collect();
    let presented = PresentedForm::parse(&FormView::new("photos", &fields)).unwrap();
    assert_eq!(other.verify_form(presented, &ExpectForm::new("eu-west-1"), now()).unwrap_err(), VerifyError::OtherKey);
}
