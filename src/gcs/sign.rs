//! Signing a request in its URL: prepared without a secret, finished with a signature.

use super::{
    Endpoint,
    canonical::{CONTENT_SHA256, DATE, Goog, MUST_SIGN, RESUMABLE, StringToSign, is_amazons},
    endpoint::check_object,
    key::{Algorithm, Credential, Scope, Signature, push_hex},
};
use crate::{
    clock::Timestamp,
    encode,
    error::{IssueError, KeyError},
    grant::{Justification, Lifetime, OnShortCredential},
    lifetime::{Bounds, effective},
    mac::Sha256,
    origin::Origin,
    target::has_dot_segment,
    token::BearerUrl,
    v4::{
        Dialect,
        canonical::{Pair, PathRule, pair, trimmed},
        checks::check_header,
        payload::UNSIGNED,
        template::{Parts, UrlTemplate},
    },
    view::HEADER_LINES_CEILING,
};
use alloc::{
    borrow::{Cow, ToOwned},
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

/// The methods that a signed URL can be for. `POST` starts a resumable upload and does nothing else.
///
/// Source: Cloud Storage documentation, "Signed URLs".
pub(super) const METHODS: [&str; 5] = ["DELETE", "GET", "HEAD", "POST", "PUT"];

/// Headers that belong to the signer.
pub(super) const RESERVED_HEADERS: [&str; 2] = ["authorization", "host"];

/// One request to Cloud Storage, to be signed in its URL.
///
/// Every header named here is signed, and the client has to send it exactly. What is not named may be
/// sent unsigned, as long as its name does not begin with `x-goog-`.
///
/// ```
/// use valet_key::gcs::{Endpoint, GoogV4, HmacKey, UrlRequest};
/// use valet_key::{clock::Timestamp, grant::Lifetime};
///
/// let key = HmacKey::new("GOOG1EXAMPLE", "secret")?;
/// let request = UrlRequest::new("PUT", &Endpoint::google(), "photos", "2026/cat.jpg")?
///     .header("Content-Type", "image/jpeg")
///     .header("x-goog-content-length-range", "0,1048576")
///     .lives(Lifetime::minutes(5)?);
/// let url = key.signed_url(&request, Timestamp::from_unix(1_700_000_000)?)?;
/// assert_eq!(url.required_headers().len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct UrlRequest {
    pub(super) method: String,
    pub(super) origin: Origin,
    signed_host: String,
    /// The path of the bucket, and the object in it, as raw text.
    pub(super) bucket_path: String,
    pub(super) object: Option<String>,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    location: String,
    pub(super) lifetime: Lifetime,
    pub(super) cap: Lifetime,
    on_short_credential: OnShortCredential,
    dot_segments: bool,
    pub(super) justification: Option<Justification>,
}

impl UrlRequest {
    /// A request about one object. It lives for 15 minutes unless it is told otherwise.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if Cloud Storage has no such method, bucket or object name.
    pub fn new(method: &str, endpoint: &Endpoint, bucket: &str, object: &str) -> Result<Self, IssueError> {
        check_object(object)?;
        Self::to(method, endpoint, bucket, Some(object.to_owned()))
    }

    /// A request about a bucket, such as the listing of its objects.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn bucket(method: &str, endpoint: &Endpoint, bucket: &str) -> Result<Self, IssueError> {
        Self::to(method, endpoint, bucket, None)
    }

    fn to(method: &str, endpoint: &Endpoint, bucket: &str, object: Option<String>) -> Result<Self, IssueError> {
        if !METHODS.contains(&method) {
            return Err(IssueError::Invalid { what: "method", why: "it must be DELETE, GET, HEAD, POST or PUT" });
        }
        let (origin, bucket_path) = endpoint.locate(bucket)?;
        Ok(Self {
            method: method.to_owned(),
            signed_host: endpoint.signed_host(&origin),
            origin,
            bucket_path,
            object,
            query: Vec::new(),
            headers: Vec::new(),
            location: "auto".to_owned(),
            lifetime: Lifetime::DEFAULT,
            cap: Lifetime::DEFAULT,
            on_short_credential: OnShortCredential::Refuse,
            dot_segments: false,
            justification: None,
        })
    }

    /// One more query parameter, as raw text. A name can be there once.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// One more header to sign. Headers of one name keep their order.
    ///
    /// `x-goog-content-sha256` also becomes the payload line, so that the body is held to it.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The project that pays for the request, for buckets whose requester pays.
    #[must_use]
    pub fn user_project(self, project: impl Into<String>) -> Self {
        self.query("userProject", project)
    }

    /// Another location than `auto` in the credential scope.
    #[must_use]
    pub fn location(mut self, location: impl Into<String>) -> Self {
        self.location = location.into();
        self
    }

    /// Lives this long: 1 s to 604,800 s. More than 15 minutes needs [`because`](Self::because).
    #[must_use]
    pub const fn lives(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// What to do when the key ends first.
    #[must_use]
    pub const fn on_short_credential(mut self, choice: OnShortCredential) -> Self {
        self.on_short_credential = choice;
        self
    }

    /// Allows `.` and `..` as whole segments of the object's name. Most HTTP clients fold them before
    /// sending.
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
    /// [`IssueError::Unjustified`] for a long life or plain HTTP without a reason,
    /// [`IssueError::LifetimeTooLong`] past 604,800 s, [`IssueError::OutlivesCredential`] if the key ends
    /// first, and [`IssueError::Invalid`], [`IssueError::Reserved`] or [`IssueError::NeverSigned`] for what
    /// cannot be signed.
    pub fn prepare(&self, credential: &Credential, now: Timestamp) -> Result<Prepared, IssueError> {
        let mut template = self.template(credential, now)?;
        let expires_at = self.set_time(&mut template, credential, now)?;
        let scope = self.scope(now)?;
        let path = self.wire_path()?;
        let mut canonical_request = Vec::new();
        template.put_canonical(&path, &mut canonical_request);
        let mut url = String::new();
        template.push_url(&path, &mut url);
        let (method, required) = template.into_required();
        let algorithm = credential.algorithm();
        let digest = Sha256::digest(&canonical_request);
        Ok(Prepared {
            url,
            method,
            required,
            expires_at,
            algorithm,
            string_to_sign: StringToSign::of_request(algorithm, &now.iso_basic(), &scope, &digest),
            canonical_request,
            scope,
        })
    }

    pub(super) fn scope(&self, now: Timestamp) -> Result<Scope, IssueError> {
        Ok(Scope::new(now, &self.location)?)
    }

    /// The path as it goes on the wire.
    pub(super) fn wire_path(&self) -> Result<String, IssueError> {
        let wire = match &self.object {
            Some(name) => encode::path(alloc::format!("{}{name}", self.bucket_path).as_bytes()).to_string(),
            // Path style names the bucket without a slash behind it.
            None if self.bucket_path == "/" => "/".to_owned(),
            None => encode::path(self.bucket_path.trim_end_matches('/').as_bytes()).to_string(),
        };
        if !self.dot_segments && has_dot_segment(&wire) {
            return Err(dot_segment());
        }
        Ok(wire)
    }

    /// What of the URL stays the same from one object to the next. Only a caller's own `x-goog-date` ties it
    /// to `now`.
    pub(super) fn template(&self, credential: &Credential, now: Timestamp) -> Result<UrlTemplate<Goog>, IssueError> {
        if !self.origin.is_https() && self.justification.is_none() {
            return Err(IssueError::Unjustified { what: "plain HTTP" });
        }
        let lines = self.checked_headers(now)?;
        let content = lines.iter().find(|(name, _)| name.eq_ignore_ascii_case(CONTENT_SHA256));
        let payload = content.map_or(UNSIGNED.as_bytes(), |(_, value)| trimmed(value));
        UrlTemplate::new(Parts {
            method: &self.method,
            rule: PathRule::AsSent,
            origin: &self.origin,
            host: &self.signed_host,
            algorithm: credential.algorithm().as_str(),
            pairs: self.pairs()?,
            after: None,
            lines: &lines,
            must_sign: MUST_SIGN,
            payload,
        })
    }

    fn checked_headers(&self, now: Timestamp) -> Result<Vec<(&str, &[u8])>, IssueError> {
        let mut lines: Vec<(&str, &[u8])> = Vec::with_capacity(self.headers.len());
        let (mut contents, mut starts) = (0, false);
        for (name, value) in &self.headers {
            check_header::<Goog>(name, value, &RESERVED_HEADERS)?;
            if is_amazons(name) {
                return Err(IssueError::Invalid {
                    what: "headers",
                    why: "a request may not mix `x-amz-*` with `x-goog-*`",
                });
            }
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            if is(DATE) && trimmed(value) != now.iso_basic() {
                return Err(IssueError::Invalid { what: "x-goog-date", why: "it must be the time of signing" });
            }
            contents += usize::from(is(CONTENT_SHA256));
            starts |= is(RESUMABLE) && trimmed(value) == b"start";
            lines.push((name, value));
        }
        if lines.len() >= HEADER_LINES_CEILING {
            return Err(IssueError::Invalid { what: "headers", why: "at most 255 can be signed" });
        }
        if contents > 1 {
            return Err(IssueError::Invalid { what: "x-goog-content-sha256", why: "it can be there once" });
        }
        if self.method == "POST" && !starts {
            return Err(IssueError::Invalid {
                what: "method",
                why: "POST in a signed URL starts a resumable upload: sign `x-goog-resumable: start`",
            });
        }
        Ok(lines)
    }

    pub(super) fn pairs(&self) -> Result<Vec<Pair>, IssueError> {
        let mut pairs: Vec<Pair> = Vec::with_capacity(self.query.len() + 5);
        for (name, value) in &self.query {
            if Goog::PARAMS.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
                return Err(IssueError::Reserved { name: name.clone() });
            }
            let invalid = |why| Err(IssueError::Invalid { what: "query", why });
            if name.is_empty() {
                return invalid("a parameter has no name");
            }
            if Goog::is_foreign(name) {
                return invalid("a parameter belongs to another signature scheme, so that servers would find two");
            }
            let pair = pair(name, value);
            // SPEC: how repeated names are ordered is not written down, and Google's own libraries differ.
            if pairs.iter().any(|(other, _)| *other == pair.0) {
                return invalid("a name is there twice, which servers read in more than one way");
            }
            pairs.push(pair);
        }
        Ok(pairs)
    }

    /// Sets what depends on the time, and tells when a URL made now ends.
    pub(super) fn set_time(
        &self,
        template: &mut UrlTemplate<Goog>,
        credential: &Credential,
        now: Timestamp,
    ) -> Result<Timestamp, IssueError> {
        let bounds = Bounds {
            cap: self.cap,
            is_justified: self.justification.is_some(),
            maximum: Lifetime::WEEK,
            service: SERVICE,
        };
        let ends = credential.expires_at();
        let (seconds, expires_at) = effective(self.lifetime, &bounds, ends, self.on_short_credential, now)?;
        template.set_time(credential.id(), self.scope(now)?.as_str(), &now.iso_basic(), seconds);
        Ok(expires_at)
    }
}

pub(super) fn dot_segment() -> IssueError {
    IssueError::Invalid {
        what: "object name",
        why: "a segment is `.` or `..`, which clients fold: see `allow_dot_segments`",
    }
}

impl fmt::Debug for UrlRequest {
    /// Header values may hold a customer's encryption key, so they are not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("UrlRequest")
            .field("method", &self.method)
            .field("origin", &self.origin)
            .field("bucket_path", &self.bucket_path)
            .field("object", &self.object)
            .field("query", &self.query)
            .field("header_names", &names)
            .field("lifetime", &self.lifetime)
            .field("justification", &self.justification)
            .finish_non_exhaustive()
    }
}

/// What Cloud Storage calls its service in a scope.
pub(super) const SERVICE: &str = "storage";

/// A URL that lacks only its signature.
#[derive(Clone)]
pub struct Prepared {
    url: String,
    method: Cow<'static, str>,
    required: Vec<(String, Vec<u8>)>,
    expires_at: Timestamp,
    algorithm: Algorithm,
    canonical_request: Vec<u8>,
    string_to_sign: StringToSign,
    scope: Scope,
}

impl Prepared {
    /// The scope that the signature belongs to.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// What to sign: with RSA PKCS #1 v1.5 over SHA-256 for a service account, with HMAC-SHA256 and the
    /// derived key for an HMAC key.
    #[must_use]
    pub const fn string_to_sign(&self) -> &StringToSign {
        &self.string_to_sign
    }

    /// The canonical request, to compare with what the service says it computed. Header values may hold
    /// any byte.
    #[must_use]
    pub fn canonical_request(&self) -> &[u8] {
        &self.canonical_request
    }

    /// Appends the signature.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if it was made by another algorithm than the credential's.
    pub fn finish(mut self, signature: &Signature) -> Result<BearerUrl, KeyError> {
        let mut hex = String::with_capacity(512);
        push_hex(&mut hex, signature.of(self.algorithm)?.bytes());
        UrlTemplate::<Goog>::push_signature(&mut self.url, hex.as_bytes());
        Ok(BearerUrl::new(self.url, self.method, self.expires_at, self.required))
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("method", &self.method)
            .field("resource", &self.url.split('?').next().unwrap_or_default())
            .field("scope", &self.scope)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
