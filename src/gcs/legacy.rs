//! V2 signed URLs, for those who still need them.
//!
//! ```text
//! METHOD \n Content-MD5 \n Content-Type \n Expires \n (x-goog-name:value \n)* /bucket/object[?signed=parameters]
//! ```
//!
//! V2 signs little: neither the host nor most of the query, and its text has no escapes, so that everything
//! that goes into it must be free of line feeds. It has no limit on its life; this crate holds it to that of
//! V4. Signatures are RSA PKCS #1 v1.5 over SHA-256, or HMAC with SHA-1 for an HMAC key.
//!
//! Source: Cloud Storage documentation, "V2 signing process with your own program".

#[cfg(feature = "rsa")]
use super::rsa::{PublicKey, ServiceAccountKey};
use super::{
    Credential, Endpoint, GoogV4, HmacKey, Signature, StringToSign,
    canonical::{Goog, RESUMABLE, is_amazons},
    endpoint::check_object,
    key::Algorithm,
    sign::{METHODS, RESERVED_HEADERS, SERVICE, dot_segment},
    verify::alive,
};
use crate::{
    clock::Timestamp,
    encode,
    error::{IssueError, KeyError, VerifyError},
    grant::{Justification, Lifetime, OnShortCredential},
    lifetime::{Bounds, effective},
    origin::Origin,
    target::has_dot_segment,
    token::{BearerUrl, Verified},
    v2::{Arrived, EXPIRES, SHA1_BYTES, SIGNATURE, Scheme, is_content, push_head},
    v4::{canonical::trimmed, checks::check_header},
    view::{HeaderLine, RequestView},
};
use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

const ACCESS_ID: &str = "GoogleAccessId";
const SCHEME: Scheme = Scheme {
    id: ACCESS_ID,
    is_foreign,
    is_signature: |bytes| bytes == SHA1_BYTES || super::key::RSA_BYTES.contains(&bytes),
    signature_form: "20 bytes of HMAC or 256 to 512 of RSA in padded base64",
};

fn is_foreign(name: &str) -> bool {
    let starts = |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    starts("x-goog-") || starts("x-amz-") || name.eq_ignore_ascii_case("AWSAccessKeyId")
}

/// Sub-resources, which belong to what is signed wherever they appear.
///
/// Source: Cloud Storage documentation, "V2 signing", canonicalized resource.
const SUB_RESOURCES: [&str; 12] = [
    "acl",
    "billing",
    "compose",
    "cors",
    "encryption",
    "lifecycle",
    "location",
    "logging",
    "storageClass",
    "tagging",
    "versioning",
    "websiteConfig",
];

/// One request to Cloud Storage, to be signed in its URL by V2.
///
/// Prefer [`UrlRequest`](super::UrlRequest): it signs the host and the whole query.
#[derive(Clone)]
pub struct LegacyUrlRequest {
    method: String,
    origin: Origin,
    bucket_path: String,
    bucket: String,
    object: String,
    headers: Vec<(String, Vec<u8>)>,
    signed_query: Vec<(String, String)>,
    unsigned_query: Vec<(String, String)>,
    lifetime: Lifetime,
    dot_segments: bool,
    justification: Option<Justification>,
}

impl LegacyUrlRequest {
    /// A request about one object. It lives for 15 minutes unless it is told otherwise.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if Cloud Storage has no such method, bucket or object name.
    pub fn new(method: &str, endpoint: &Endpoint, bucket: &str, object: &str) -> Result<Self, IssueError> {
        if !METHODS.contains(&method) {
            return Err(IssueError::Invalid { what: "method", why: "it must be DELETE, GET, HEAD, POST or PUT" });
        }
        check_object(object)?;
        let (origin, bucket_path) = endpoint.locate(bucket)?;
        Ok(Self {
            method: method.to_owned(),
            origin,
            bucket_path,
            bucket: bucket.to_owned(),
            object: object.to_owned(),
            headers: Vec::new(),
            signed_query: Vec::new(),
            unsigned_query: Vec::new(),
            lifetime: Lifetime::DEFAULT,
            dot_segments: false,
            justification: None,
        })
    }

    /// One more header to sign: `content-md5`, `content-type` or `x-goog-*`, since V2 signs no other.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// A parameter that becomes part of the signed resource. Its name is written in lower case.
    #[must_use]
    pub fn signed_query(mut self, name: &str, value: impl Into<String>) -> Self {
        self.signed_query.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    /// A parameter that anybody can change, such as `response-content-disposition`: V2 does not sign it.
    #[must_use]
    pub fn unsigned_query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.unsigned_query.push((name.into(), value.into()));
        self
    }

    /// Lives this long: 1 s to 604,800 s. More than 15 minutes needs [`because`](Self::because).
    #[must_use]
    pub const fn lives(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Allows `.` and `..` as whole segments of the object's name. Most HTTP clients fold them.
    #[must_use]
    pub const fn allow_dot_segments(mut self) -> Self {
        self.dot_segments = true;
        self
    }

    /// Says why the request is broader than the default: a long life, or plain HTTP.
    #[must_use]
    pub fn because(mut self, why: Justification) -> Self {
        self.justification = Some(why);
        self
    }

    /// Prepares the URL: no secret, no I/O.
    ///
    /// # Errors
    /// As [`UrlRequest::prepare`](super::UrlRequest::prepare), and [`IssueError::Invalid`] for a header that V2
    /// does not sign.
    pub fn prepare(&self, credential: &Credential, now: Timestamp) -> Result<LegacyPrepared, IssueError> {
        let justified = self.justification.is_some();
        if !justified && !self.origin.is_https() {
            return Err(IssueError::Unjustified { what: "plain HTTP" });
        }
        let bounds =
            Bounds { cap: Lifetime::DEFAULT, is_justified: justified, maximum: Lifetime::WEEK, service: SERVICE };
        let ends = credential.expires_at();
        let (_, expires_at) = effective(self.lifetime, &bounds, ends, OnShortCredential::Refuse, now)?;
        let lines = self.checked_lines()?;
        let object = encode::path(self.object.as_bytes()).to_string();
        let path = format!("{}{object}", self.bucket_path);
        if !self.dot_segments && has_dot_segment(&path) {
            return Err(dot_segment());
        }
        let mut signed = self.signed_query.clone();
        signed.sort();
        let pair = |(name, value): &(String, String)| {
            format!("{}={}", encode::component(name.as_bytes()), encode::component(value.as_bytes()))
        };
        // What is signed is the text of the parameter, and Google's libraries write it as HTML forms do.
        let signed: Vec<String> = signed.iter().map(|both| pair(both).replace("%20", "+")).collect();
        for (name, _) in self.signed_query.iter().chain(&self.unsigned_query) {
            let is = |other: &&str| name.eq_ignore_ascii_case(other);
            if [ACCESS_ID, EXPIRES, SIGNATURE].iter().any(is) {
                return Err(IssueError::Reserved { name: name.clone() });
            }
            if is_foreign(name) {
                return Err(IssueError::Invalid {
                    what: "query",
                    why: "a parameter belongs to another signature scheme",
                });
            }
        }

        let mut text = Vec::new();
        push_head(&mut text, &self.method, &lines, expires_at, is_signed);
        text.extend_from_slice(format!("/{}/{object}", self.bucket).as_bytes());
        if !signed.is_empty() {
            text.extend_from_slice(format!("?{}", signed.join("&")).as_bytes());
        }

        let mut query = signed;
        query.push(format!("{ACCESS_ID}={}", encode::component(credential.id().as_bytes())));
        query.push(format!("{EXPIRES}={}", expires_at.unix()));
        query.extend(self.unsigned_query.iter().map(pair));
        let required = lines.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec())).collect();
        Ok(LegacyPrepared {
            url: format!("{}{path}?{}", self.origin, query.join("&")),
            method: self.method.clone(),
            required,
            expires_at,
            algorithm: credential.algorithm(),
            string_to_sign: StringToSign::of_legacy(text),
        })
    }

    fn checked_lines(&self) -> Result<Vec<HeaderLine<'_>>, IssueError> {
        let mut lines: Vec<HeaderLine<'_>> = Vec::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            check_header::<Goog>(name, value, &RESERVED_HEADERS)?;
            if !is_signed(name) {
                return Err(IssueError::Invalid {
                    what: "headers",
                    why: "V2 signs `content-md5`, `content-type` and `x-goog-*` but not an encryption key, and no other",
                });
            }
            let once = is_content(name) && lines.iter().any(|(other, _)| name.eq_ignore_ascii_case(other));
            if once {
                return Err(IssueError::Invalid {
                    what: "headers",
                    why: "`content-md5` and `content-type` can be there once",
                });
            }
            lines.push((name, value));
        }
        if self.method == "POST" && !starts_upload(&lines) {
            let why = "POST in a signed URL starts a resumable upload: sign `x-goog-resumable: start`";
            return Err(IssueError::Invalid { what: "method", why });
        }
        Ok(lines)
    }
}

/// SPEC: a customer's encryption key and its hash are left out of what V2 signs.
fn is_signed(name: &str) -> bool {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    let goog = name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("x-goog-"));
    (goog && !is("x-goog-encryption-key") && !is("x-goog-encryption-key-sha256")) || is_content(name)
}

fn starts_upload(lines: &[HeaderLine<'_>]) -> bool {
    lines.iter().any(|(name, value)| name.eq_ignore_ascii_case(RESUMABLE) && trimmed(value) == b"start")
}

impl fmt::Debug for LegacyUrlRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LegacyUrlRequest")
            .field("method", &self.method)
            .field("bucket", &self.bucket)
            .field("object", &self.object)
            .finish_non_exhaustive()
    }
}

/// A V2 URL that lacks only its signature.
#[derive(Clone)]
pub struct LegacyPrepared {
    url: String,
    method: String,
    required: Vec<(String, Vec<u8>)>,
    expires_at: Timestamp,
    algorithm: Algorithm,
    string_to_sign: StringToSign,
}

impl LegacyPrepared {
    /// What to sign: with RSA PKCS #1 v1.5 over SHA-256 for a service account, with HMAC-SHA1 and the secret for
    /// an HMAC key.
    #[must_use]
    pub const fn string_to_sign(&self) -> &StringToSign {
        &self.string_to_sign
    }

    /// Appends the signature.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if it was made by another algorithm than V2's for the credential.
    pub fn finish(mut self, signature: &Signature) -> Result<BearerUrl, KeyError> {
        let base64 = encode::base64(signature.of_legacy(self.algorithm)?.bytes());
        self.url.push_str("&Signature=");
        self.url.extend(encode::component(base64.as_bytes()));
        Ok(BearerUrl::new(self.url, self.method, self.expires_at, self.required))
    }
}

impl fmt::Debug for LegacyPrepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LegacyPrepared").field("method", &self.method).finish_non_exhaustive()
    }
}

#[cfg(feature = "rsa")]
impl ServiceAccountKey {
    /// Makes a V2 signed URL, good from `now`.
    ///
    /// # Errors
    /// Those of [`LegacyUrlRequest::prepare`], and [`IssueError::Key`].
    pub fn legacy_signed_url(&self, request: &LegacyUrlRequest, now: Timestamp) -> Result<BearerUrl, IssueError> {
        let prepared = request.prepare(self.credential(), now)?;
        let signature = self.sign_bytes(prepared.string_to_sign().as_bytes())?;
        Ok(prepared.finish(&signature)?)
    }
}

impl HmacKey {
    /// Makes a V2 signed URL, good from `now`.
    ///
    /// # Errors
    /// Those of [`LegacyUrlRequest::prepare`], and [`IssueError::Key`].
    pub fn legacy_signed_url(&self, request: &LegacyUrlRequest, now: Timestamp) -> Result<BearerUrl, IssueError> {
        let prepared = request.prepare(self.credential(), now)?;
        let signature = self.sign_legacy(prepared.string_to_sign())?;
        Ok(prepared.finish(&signature)?)
    }

    /// Checks a V2 request against this key.
    ///
    /// # Errors
    /// Those of [`LegacyPresented::check`] and [`LegacyPending::accept`].
    pub fn legacy_verify<'r>(
        &self,
        presented: LegacyPresented<'r>,
        expect: &LegacyExpect,
        now: Timestamp,
    ) -> Result<Verified<LegacySignedRequest<'r>>, VerifyError> {
        let pending = presented.check(self.credential(), expect, now)?;
        let expected = self.sign_legacy(pending.string_to_sign())?;
        pending.accept(&expected)
    }
}

/// What a verifier requires of the V2 requests that it accepts.
///
/// V2 signs neither host nor most of the query, so both are said here.
#[derive(Clone, Debug)]
pub struct LegacyExpect {
    host: String,
    bucket_in_host: Option<String>,
    signed_query: Vec<String>,
    max_lifetime: Lifetime,
    dot_segments: bool,
}

impl LegacyExpect {
    /// Requests for this host, with the bucket in the path.
    #[must_use]
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            bucket_in_host: None,
            signed_query: SUB_RESOURCES.iter().map(ToString::to_string).collect(),
            max_lifetime: Lifetime::WEEK,
            dot_segments: false,
        }
    }

    /// The host serves this bucket, whose name is then not part of the path.
    #[must_use]
    pub fn bucket_in_host(mut self, bucket: impl Into<String>) -> Self {
        self.bucket_in_host = Some(bucket.into());
        self
    }

    /// One more parameter, in lower case, that the signer makes part of the signed resource. By default those
    /// are the sub-resources alone.
    #[must_use]
    pub fn signed_query(mut self, name: impl Into<String>) -> Self {
        self.signed_query.push(name.into());
        self
    }

    /// The longest time that may be left, at most a week, which is the default.
    #[must_use]
    pub fn max_lifetime(mut self, lifetime: Lifetime) -> Self {
        self.max_lifetime = lifetime.min(Lifetime::WEEK);
        self
    }

    /// Accepts `.` and `..` as whole segments of the path.
    #[must_use]
    pub const fn allow_dot_segments(mut self) -> Self {
        self.dot_segments = true;
        self
    }
}

/// A V2 URL as it arrived: shape, size and fields were checked, nothing else.
#[derive(Clone)]
pub struct LegacyPresented<'r>(Arrived<'r>);

impl<'r> LegacyPresented<'r> {
    /// Reads a request within the default [`Limits`](crate::view::Limits).
    ///
    /// # Errors
    /// [`VerifyError::NotSigned`] without a signature, [`VerifyError::TooLarge`] past a limit, and for a
    /// request that cannot be read in one way only: [`VerifyError::TwoMechanisms`],
    /// [`VerifyError::FieldCount`], [`VerifyError::FieldForm`], [`VerifyError::Malformed`].
    pub fn parse(view: &RequestView<'r>) -> Result<Self, VerifyError> {
        let (arrived, head) = Arrived::read::<Goog>(view, &SCHEME)?;
        if head.foreign || view.headers().iter().any(|(name, _)| is_amazons(name)) {
            return Err(VerifyError::TwoMechanisms { first: ACCESS_ID, second: "x-amz-* headers" });
        }
        Ok(Self(arrived))
    }

    /// The account that the request names. Nobody vouches for it yet.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Checks everything that needs no key: host, time, path, and what the canonical text is.
    ///
    /// # Errors
    /// [`VerifyError::OtherKey`] if the request names another key; [`VerifyError::Algorithm`] if its signature is
    /// not one of the credential's kind; [`VerifyError::Host`], [`VerifyError::Expired`],
    /// [`VerifyError::Lifetime`], [`VerifyError::AmbiguousPath`], [`VerifyError::Malformed`].
    pub fn check(
        self,
        credential: &Credential,
        expect: &LegacyExpect,
        now: Timestamp,
    ) -> Result<LegacyPending<'r>, VerifyError> {
        if self.0.id != credential.id() {
            return Err(VerifyError::OtherKey);
        }
        let expected = match credential.algorithm() {
            Algorithm::RsaSha256 => "RSA with SHA-256",
            Algorithm::HmacSha256 => "HMAC with SHA-1",
        };
        if (self.0.signature.len() == SHA1_BYTES) != (credential.algorithm() == Algorithm::HmacSha256) {
            return Err(VerifyError::Algorithm { field: SIGNATURE, expected });
        }
        let maximum = expect.max_lifetime.seconds();
        if now > self.0.expires_at {
            return Err(VerifyError::Expired { expired_at: self.0.expires_at, now });
        }
        let left = self.0.expires_at.seconds_since(now);
        if left > i64::from(maximum) {
            return Err(VerifyError::Lifetime { found: u32::try_from(left).unwrap_or(u32::MAX), maximum });
        }
        if !expect.host.eq_ignore_ascii_case(self.0.host) {
            return Err(VerifyError::Host);
        }
        if !self.0.canonical_path {
            return Err(VerifyError::AmbiguousPath { why: "it is not percent-encoded as it is signed" });
        }
        if !expect.dot_segments && has_dot_segment(self.0.path) {
            return Err(VerifyError::AmbiguousPath { why: "a segment is `.` or `..`, which clients and servers fold" });
        }
        let post = self.0.method != "POST" || starts_upload(self.0.headers);
        if !METHODS.contains(&self.0.method) || !post {
            let why = "a signed URL is for DELETE, GET, HEAD, PUT, or POST to start a resumable upload";
            return Err(VerifyError::Malformed { what: "method", why });
        }
        let mut text = Vec::new();
        push_head(&mut text, self.0.method, self.0.headers, self.0.expires_at, is_signed);
        if let Some(bucket) = &expect.bucket_in_host {
            text.push(b'/');
            text.extend_from_slice(bucket.as_bytes());
        }
        text.extend_from_slice(self.0.path.as_bytes());
        let mut signed: Vec<&str> = self
            .0
            .query
            .split('&')
            .filter(|param| expect.signed_query.iter().any(|name| is_param(param, name)))
            .collect();
        signed.sort_unstable();
        if !signed.is_empty() {
            text.push(b'?');
            text.extend_from_slice(signed.join("&").as_bytes());
        }
        Ok(LegacyPending {
            presented: self,
            text: StringToSign::of_legacy(text),
            algorithm: credential.algorithm(),
            key_ends: credential.expires_at(),
            now,
        })
    }
}

fn is_param(param: &str, name: &str) -> bool {
    param.split('=').next().is_some_and(|found| found == name)
}

impl fmt::Debug for LegacyPresented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LegacyPresented")
            .field("id", &self.0.id)
            .field("expires_at", &self.0.expires_at)
            .finish_non_exhaustive()
    }
}

/// A V2 URL that lacks only the check of its signature.
#[derive(Clone)]
pub struct LegacyPending<'r> {
    presented: LegacyPresented<'r>,
    text: StringToSign,
    algorithm: Algorithm,
    key_ends: Option<Timestamp>,
    now: Timestamp,
}

impl<'r> LegacyPending<'r> {
    /// What was signed, if the signature is right.
    #[must_use]
    pub const fn string_to_sign(&self) -> &StringToSign {
        &self.text
    }

    /// Checks the presented signature with a public key of the account.
    ///
    /// # Errors
    /// [`VerifyError::SignatureMismatch`] if it is wrong, [`VerifyError::CredentialExpired`] if the key has
    /// ended.
    #[cfg(feature = "rsa")]
    pub fn accept_public(self, key: &PublicKey) -> Result<Verified<LegacySignedRequest<'r>>, VerifyError> {
        if self.algorithm != Algorithm::RsaSha256 {
            return Err(VerifyError::SignatureMismatch);
        }
        key.verify(self.text.as_bytes(), &self.presented.0.signature)?;
        alive(self.key_ends, self.now)?;
        Ok(Verified::new(LegacySignedRequest(self.presented.0)))
    }

    /// Compares the presented signature with the expected one, in constant time. RSA signatures are
    /// deterministic, so that they can be checked so too.
    ///
    /// # Errors
    /// [`VerifyError::SignatureMismatch`] if they differ, [`VerifyError::CredentialExpired`] if the key has
    /// ended.
    pub fn accept(self, expected: &Signature) -> Result<Verified<LegacySignedRequest<'r>>, VerifyError> {
        if !crate::mac::equal(expected.of_legacy(self.algorithm)?.bytes(), &self.presented.0.signature) {
            return Err(VerifyError::SignatureMismatch);
        }
        alive(self.key_ends, self.now)?;
        Ok(Verified::new(LegacySignedRequest(self.presented.0)))
    }
}

impl fmt::Debug for LegacyPending<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LegacyPending").field("presented", &self.presented).finish_non_exhaustive()
    }
}

/// The facts about a V2 request that its signature covers: not the host, and not the query.
#[derive(Clone)]
pub struct LegacySignedRequest<'r>(Arrived<'r>);

impl<'r> LegacySignedRequest<'r> {
    /// The method.
    #[must_use]
    pub const fn method(&self) -> &'r str {
        self.0.method
    }

    /// The path that was signed, percent-encoded.
    #[must_use]
    pub const fn path(&self) -> &'r str {
        self.0.path
    }

    /// The account that signed.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The last second at which the same request is accepted again.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.0.expires_at
    }

    /// The lines of a header in arrival order, or nothing if V2 does not sign that header.
    pub fn header(&self, name: &str) -> impl Iterator<Item = &'r [u8]> {
        let signed = is_signed(name);
        let lines = self.0.headers.iter().filter(move |_| signed);
        lines.filter(move |(line, _)| line.eq_ignore_ascii_case(name)).map(|(_, value)| trimmed(value))
    }
}

impl fmt::Debug for LegacySignedRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LegacySignedRequest")
            .field("method", &self.method())
            .field("path", &self.path())
            .field("id", &self.id())
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}
