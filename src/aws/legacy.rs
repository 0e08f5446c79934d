//! Presigned URLs of Signature Version 2, for those who still need them.
//!
//! ```text
//! METHOD \n Content-MD5 \n Content-Type \n Expires \n (x-amz-name:value \n)* /bucket/object[?sub-resources]
//! ```
//!
//! Version 2 signs little: neither the host nor the region nor most of the query, with SHA-1, and its text has no escapes.
//! Newer regions of S3 refuse it. It has no limit on its life; this crate holds it to that of Signature Version 4.
//!
//! Source: Amazon S3 User Guide, "Signing and authenticating REST requests"; what S3 was seen to sign of each parameter.

use super::{
    BearerUrl, Credential, Endpoint, SigV4, StaticKey,
    canonical::{Amz, SECURITY_TOKEN},
    key::{TokenKind, same_token},
    request::RESERVED_HEADERS,
    s3::check_object_name,
};
use crate::{
    clock::Timestamp,
    encode,
    error::{IssueError, KeyError, VerifyError},
    grant::{Justification, Lifetime, OnShortCredential},
    lifetime::{Bounds, effective},
    mac,
    origin::Origin,
    secret::Secret,
    target::has_dot_segment,
    token::Verified,
    v2::{Arrived, EXPIRES, SHA1_BYTES, SIGNATURE, Scheme, hmac_sha1, is_content, push_head},
    v4::{
        Dialect,
        canonical::{params, trimmed},
        checks::check_header,
    },
    view::{HeaderLine, RequestView},
};
use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use core::fmt;

const ACCESS_ID: &str = "AWSAccessKeyId";

const SCHEME: Scheme = Scheme {
    id: ACCESS_ID,
    is_foreign,
    is_signature: |bytes| bytes == SHA1_BYTES,
    signature_form: "20 bytes of HMAC in padded base64",
};

/// Sub-resources that are signed by their name alone, whatever their value.
const SUB_RESOURCES: [&str; 39] = [
    "abac",
    "accelerate",
    "acl",
    "analytics",
    "annotation",
    "annotationName",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "tagging",
    "torrent",
    "uploads",
    "versioning",
    "versions",
    "website",
    "metadataAnnotationTable",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "metadataTable",
];
/// Those that are signed with their value, decoded.
const WITH_VALUE: [&str; 10] = [
    "partNumber",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "select-type",
    "uploadId",
    "versionId",
];
const METHODS: [&str; 5] = ["DELETE", "GET", "HEAD", "POST", "PUT"];

/// Parameters of Signature Version 4 and of Google's schemes. The session token has the same name in both versions.
fn is_foreign(name: &str) -> bool {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    let of_v4 = Amz::PARAMS.iter().any(|other| is(other)) && name != SECURITY_TOKEN;
    of_v4 || is("GoogleAccessId") || name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("X-Goog-"))
}

fn is_amz(name: &str) -> bool {
    name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-"))
}

fn is_signed(name: &str) -> bool {
    is_amz(name) || is_content(name)
}

/// Whether a value has blanks inside that are signed as they stand by some and as one by others: the documentation folds
/// lines, S3 was seen to leave blanks alone.
fn has_odd_blanks(value: &[u8]) -> bool {
    let value = trimmed(value);
    value.contains(&b'\t') || value.windows(2).any(|pair| pair == b"  ")
}

/// One request to S3, to be signed in its URL by Signature Version 2.
///
/// Prefer [`UrlRequest`](super::UrlRequest): it signs the host, the region and the whole query.
///
/// ```
/// use valet_key::{aws::{Endpoint, LegacyUrlRequest, Region, StaticKey}, clock::Timestamp};
///
/// let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")?;
/// let endpoint = Endpoint::aws(Region::new("eu-west-1")?);
/// let request = LegacyUrlRequest::new("GET", &endpoint, "photos", "cat.jpg")?;
/// let url = key.legacy_presign(&request, Timestamp::from_unix(1_700_000_000)?)?;
/// assert!(url.expose().starts_with(
///     "https://photos.s3.eu-west-1.amazonaws.com/cat.jpg?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=1700000900&Signature="
/// ));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct LegacyUrlRequest {
    method: String,
    origin: Origin,
    prefix: String,
    bucket: String,
    object: String,
    headers: Vec<(String, Vec<u8>)>,
    sub_resources: Vec<(String, Option<String>)>,
    lifetime: Lifetime,
    dot_segments: bool,
    justification: Option<Justification>,
}

impl LegacyUrlRequest {
    /// A request about one object. It lives for 15 minutes unless it is told otherwise.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if S3 has no such method, bucket or object name, or the bucket is one that Version 2 does
    /// not reach: an access point or a directory bucket.
    pub fn new(method: &str, endpoint: &Endpoint, bucket: &str, object: &str) -> Result<Self, IssueError> {
        if !METHODS.contains(&method) {
            return Err(IssueError::Invalid { what: "method", why: "it must be DELETE, GET, HEAD, POST or PUT" });
        }
        check_object_name(object)?;
        if bucket.starts_with("arn:") || endpoint.service_of(bucket) != "s3" {
            return Err(IssueError::Invalid {
                what: "bucket name",
                why: "Signature Version 2 reaches plain buckets alone",
            });
        }
        let (origin, prefix) = endpoint.locate(bucket)?;
        Ok(Self {
            method: method.to_owned(),
            origin,
            prefix,
            bucket: bucket.to_owned(),
            object: object.to_owned(),
            headers: Vec::new(),
            sub_resources: Vec::new(),
            lifetime: Lifetime::DEFAULT,
            dot_segments: false,
            justification: None,
        })
    }

    /// One more header to sign: `content-md5`, `content-type` or `x-amz-*`, since Version 2 signs no other.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// A sub-resource without a value, such as `acl`.
    #[must_use]
    pub fn sub_resource(mut self, name: impl Into<String>) -> Self {
        self.sub_resources.push((name.into(), None));
        self
    }

    /// A sub-resource with a value: `partNumber`, `uploadId`, `versionId`, `select-type`, or a header of the answer, such
    /// as `response-content-type`. Version 2 signs no other parameter.
    #[must_use]
    pub fn sub_resource_value(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.sub_resources.push((name.into(), Some(value.into())));
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
    /// As [`UrlRequest::prepare`](super::UrlRequest::prepare), and [`IssueError::Invalid`] for a header or parameter that
    /// Version 2 does not sign.
    pub fn prepare(&self, credential: &Credential, now: Timestamp) -> Result<LegacyPrepared, IssueError> {
        let justified = self.justification.is_some();
        if !justified && !self.origin.is_https() {
            return Err(IssueError::Unjustified { what: "plain HTTP" });
        }
        let token = match credential.token() {
            Some((TokenKind::S3Session, _)) => {
                let why = "one of S3 Express One Zone signs for the service `s3express` alone";
                return Err(IssueError::Invalid { what: "session token", why });
            }
            token => token.map(|(_, token)| token),
        };
        let bounds = Bounds { cap: Lifetime::DEFAULT, is_justified: justified, maximum: Lifetime::WEEK, service: "S3" };
        let ends = credential.expires_at();
        let (_, expires_at) = effective(self.lifetime, &bounds, ends, OnShortCredential::Refuse, now)?;
        let lines = self.checked_lines()?;
        let path = format!("{}{}", self.prefix, encode::path(self.object.as_bytes()));
        if !self.dot_segments && has_dot_segment(&path) {
            return Err(IssueError::Invalid {
                what: "path",
                why: "a segment is `.` or `..`, which clients fold: see `allow_dot_segments`",
            });
        }
        let resources = self.checked_resources()?;

        let mut signed_lines = lines.clone();
        signed_lines.extend(token.map(|token| (SECURITY_TOKEN, token.as_bytes())));
        let mut text = Vec::new();
        push_head(&mut text, &self.method, &signed_lines, expires_at, is_signed);
        let bucket = (self.prefix == "/").then_some(self.bucket.as_str());
        push_resource(&mut text, bucket, &path, resources.clone());

        let mut query: Vec<String> = resources
            .iter()
            .map(|(name, value)| match value {
                Some(value) => format!("{name}={}", encode::component(value.as_bytes())),
                None => (*name).to_owned(),
            })
            .collect();
        query.push(format!("{ACCESS_ID}={}", encode::component(credential.access_key_id().as_bytes())));
        query.push(format!("{EXPIRES}={}", expires_at.unix()));
        query.extend(token.map(|token| format!("{SECURITY_TOKEN}={}", encode::component(token.as_bytes()))));
        let required = lines.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec())).collect();
        Ok(LegacyPrepared {
            url: format!("{}{path}?{}", self.origin, query.join("&")),
            method: self.method.clone(),
            required,
            expires_at,
            string_to_sign: LegacyStringToSign(text),
        })
    }

    fn checked_lines(&self) -> Result<Vec<HeaderLine<'_>>, IssueError> {
        let mut lines: Vec<HeaderLine<'_>> = Vec::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            check_header::<Amz>(name, value, &RESERVED_HEADERS)?;
            let again = is_content(name) && lines.iter().any(|(other, _)| name.eq_ignore_ascii_case(other));
            if !is_signed(name) || again {
                return Err(IssueError::Invalid {
                    what: "headers",
                    why: "Version 2 signs `content-md5` and `content-type` once, `x-amz-*`, and no other",
                });
            }
            if is_amz(name) && has_odd_blanks(value) {
                return Err(IssueError::Invalid {
                    what: "header value",
                    why: "blanks in a row, or a tab, are signed in two ways by Version 2",
                });
            }
            lines.push((name, value));
        }
        Ok(lines)
    }

    fn checked_resources(&self) -> Result<Vec<(&str, Option<String>)>, IssueError> {
        let invalid = |why| Err(IssueError::Invalid { what: "sub-resource", why });
        let mut resources: Vec<(&str, Option<String>)> = Vec::with_capacity(self.sub_resources.len());
        for (name, value) in &self.sub_resources {
            let known: &[&str] = if value.is_some() { &WITH_VALUE } else { &SUB_RESOURCES };
            if !known.contains(&name.as_str()) {
                return invalid("Version 2 signs no parameter of that name, with a value or without one");
            }
            if resources.iter().any(|(other, _)| other == name) {
                return invalid("it is there twice");
            }
            if value.as_ref().is_some_and(|value| value.chars().any(char::is_control)) {
                return invalid("its value holds a control character");
            }
            resources.push((name, value.clone()));
        }
        Ok(resources)
    }
}

/// SPEC: `/bucket` where the host names it, the path as it is sent, and the sub-resources by name.
fn push_resource(text: &mut Vec<u8>, bucket: Option<&str>, path: &str, mut resources: Vec<(&str, Option<String>)>) {
    for piece in bucket.into_iter().flat_map(|bucket| ["/", bucket]).chain([path]) {
        text.extend_from_slice(piece.as_bytes());
    }
    resources.sort_unstable();
    for (at, (name, value)) in resources.iter().enumerate() {
        text.push(if at == 0 { b'?' } else { b'&' });
        text.extend_from_slice(name.as_bytes());
        if let Some(value) = value {
            text.push(b'=');
            text.extend_from_slice(value.as_bytes());
        }
    }
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

/// The text that Version 2 signs. Only this module makes one.
#[derive(Clone)]
pub struct LegacyStringToSign(Vec<u8>);

impl LegacyStringToSign {
    /// The bytes to sign. Header values may hold any byte.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for LegacyStringToSign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LegacyStringToSign([redacted])")
    }
}

/// A signature of Version 2: the 20 bytes of an HMAC with SHA-1, in base64 on the wire.
#[derive(Clone)]
pub struct LegacySignature(Secret<[u8; SHA1_BYTES]>);

impl LegacySignature {
    /// A signature that a remote holder made.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; SHA1_BYTES]) -> Self {
        Self(Secret::new(bytes))
    }
}

impl fmt::Debug for LegacySignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A URL of Version 2 that lacks only its signature.
#[derive(Clone)]
pub struct LegacyPrepared {
    url: String,
    method: String,
    required: Vec<(String, Vec<u8>)>,
    expires_at: Timestamp,
    string_to_sign: LegacyStringToSign,
}

impl LegacyPrepared {
    /// What to sign, with HMAC-SHA1 and the secret access key.
    #[must_use]
    pub const fn string_to_sign(&self) -> &LegacyStringToSign {
        &self.string_to_sign
    }

    /// Appends the signature.
    #[must_use]
    pub fn finish(mut self, signature: &LegacySignature) -> BearerUrl {
        self.url.push_str("&Signature=");
        self.url.extend(encode::component(encode::base64(signature.0.expose()).as_bytes()));
        BearerUrl::new(self.url, self.method, self.expires_at, self.required)
    }
}

impl fmt::Debug for LegacyPrepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LegacyPrepared").field("method", &self.method).finish_non_exhaustive()
    }
}

impl StaticKey {
    /// Makes a presigned URL of Signature Version 2, good from `now`.
    ///
    /// # Errors
    /// Those of [`LegacyUrlRequest::prepare`], and [`IssueError::Key`].
    pub fn legacy_presign(&self, request: &LegacyUrlRequest, now: Timestamp) -> Result<BearerUrl, IssueError> {
        let prepared = request.prepare(SigV4::credential(self), now)?;
        let signature = self.legacy_sign(prepared.string_to_sign())?;
        Ok(prepared.finish(&signature))
    }

    /// Checks a URL of Signature Version 2 against this key.
    ///
    /// # Errors
    /// Those of [`LegacyPresented::check`] and [`LegacyPending::accept`].
    pub fn legacy_verify<'r>(
        &self,
        presented: LegacyPresented<'r>,
        expect: &LegacyExpect,
        now: Timestamp,
    ) -> Result<Verified<LegacySignedRequest<'r>>, VerifyError> {
        let pending = presented.check(SigV4::credential(self), expect, now)?;
        let expected = self.legacy_sign(pending.string_to_sign())?;
        pending.accept(&expected)
    }

    fn legacy_sign(&self, message: &LegacyStringToSign) -> Result<LegacySignature, KeyError> {
        hmac_sha1(self.secret(), message.as_bytes()).map(LegacySignature::from_bytes)
    }
}

/// What a verifier requires of the URLs of Version 2 that it accepts.
///
/// Version 2 signs neither the host nor most of the query. So the host is said here, and a parameter that is not signed is
/// refused unless it is named here.
#[derive(Clone, Debug)]
pub struct LegacyExpect {
    host: String,
    bucket_in_host: Option<String>,
    unsigned_query: Vec<String>,
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
            unsigned_query: Vec::new(),
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

    /// Accepts one more parameter that Version 2 does not sign, such as `prefix` of a listing. Anybody can change it.
    #[must_use]
    pub fn allow_unsigned_query(mut self, name: impl Into<String>) -> Self {
        self.unsigned_query.push(name.into());
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

/// A URL of Version 2 as it arrived: shape, size and fields were checked, nothing else.
#[derive(Clone)]
pub struct LegacyPresented<'r> {
    arrived: Arrived<'r>,
    /// The session token in a header.
    token_line: Option<&'r [u8]>,
}

impl<'r> LegacyPresented<'r> {
    /// Reads a request within the default [`Limits`](crate::view::Limits).
    ///
    /// # Errors
    /// [`VerifyError::NotSigned`] without a signature, [`VerifyError::TooLarge`] past a limit, and for a request that
    /// cannot be read in one way only: [`VerifyError::TwoMechanisms`], [`VerifyError::FieldCount`],
    /// [`VerifyError::FieldForm`], [`VerifyError::Malformed`].
    pub fn parse(view: &RequestView<'r>) -> Result<Self, VerifyError> {
        let (arrived, head) = Arrived::read::<Amz>(view, &SCHEME)?;
        if head.zonal_token.is_some() {
            return Err(VerifyError::TwoMechanisms { first: ACCESS_ID, second: "x-amz-s3session-token" });
        }
        Ok(Self { arrived, token_line: head.session_token })
    }

    /// The access key id that the request names. Nobody vouches for it yet.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.arrived.id
    }

    /// Checks everything that needs no key: host, time, path, query, and what the text is.
    ///
    /// # Errors
    /// [`VerifyError::OtherKey`] if the request names another key; [`VerifyError::Host`], [`VerifyError::Expired`],
    /// [`VerifyError::Lifetime`], [`VerifyError::AmbiguousPath`], [`VerifyError::AmbiguousPlus`],
    /// [`VerifyError::FieldCount`], and [`VerifyError::Malformed`] for a parameter that is not signed.
    pub fn check(
        self,
        credential: &Credential,
        expect: &LegacyExpect,
        now: Timestamp,
    ) -> Result<LegacyPending<'r>, VerifyError> {
        let Self { arrived, token_line } = self;
        if arrived.id != credential.access_key_id() {
            return Err(VerifyError::OtherKey);
        }
        let maximum = expect.max_lifetime.seconds();
        if now > arrived.expires_at {
            return Err(VerifyError::Expired { expired_at: arrived.expires_at, now });
        }
        let left = arrived.expires_at.seconds_since(now);
        if left > i64::from(maximum) {
            return Err(VerifyError::Lifetime { found: u32::try_from(left).unwrap_or(u32::MAX), maximum });
        }
        if !expect.host.eq_ignore_ascii_case(arrived.host) {
            return Err(VerifyError::Host);
        }
        if !arrived.canonical_path {
            return Err(VerifyError::AmbiguousPath { why: "it is not percent-encoded as it is signed" });
        }
        if !expect.dot_segments && has_dot_segment(arrived.path) {
            return Err(VerifyError::AmbiguousPath { why: "a segment is `.` or `..`, which clients and servers fold" });
        }
        if !METHODS.contains(&arrived.method) {
            return Err(VerifyError::Malformed { what: "method", why: "it must be DELETE, GET, HEAD, POST or PUT" });
        }
        let query = SignedQuery::read(&arrived, expect)?;
        let mut text = Vec::new();
        let mut lines = arrived.headers.to_vec();
        lines.extend(query.lines.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
        if lines.iter().any(|(name, value)| is_amz(name) && has_odd_blanks(value)) {
            return Err(VerifyError::Malformed {
                what: "header value",
                why: "blanks in a row, or a tab, are signed in two ways by Version 2",
            });
        }
        push_head(&mut text, arrived.method, &lines, arrived.expires_at, is_signed);
        push_resource(&mut text, expect.bucket_in_host.as_deref(), arrived.path, query.resources);
        let token_param = query.lines.iter().find(|(name, _)| name == SECURITY_TOKEN);
        let token = token_param.map(|(_, value)| value.as_bytes().to_vec()).or(token_line.map(<[u8]>::to_vec));
        Ok(LegacyPending {
            arrived,
            token: token.map(Secret::new),
            text: LegacyStringToSign(text),
            credential: credential.clone(),
            now,
        })
    }
}

impl fmt::Debug for LegacyPresented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LegacyPresented")
            .field("access_key_id", &self.arrived.id)
            .field("expires_at", &self.arrived.expires_at)
            .finish_non_exhaustive()
    }
}

/// What of a query is signed.
struct SignedQuery<'r> {
    resources: Vec<(&'r str, Option<String>)>,
    /// SPEC: S3 signs an `x-amz-*` parameter as if it were a header.
    lines: Vec<(String, String)>,
}

impl<'r> SignedQuery<'r> {
    fn read(arrived: &Arrived<'r>, expect: &LegacyExpect) -> Result<Self, VerifyError> {
        let malformed = |why| VerifyError::Malformed { what: "query", why };
        let mut query = Self { resources: Vec::new(), lines: Vec::new() };
        for (name, value) in params(arrived.query) {
            if [ACCESS_ID, EXPIRES, SIGNATURE].contains(&name) {
                continue;
            }
            let is = |other: &&&str| **other == name;
            let text = || {
                if value.contains('+') {
                    return Err(VerifyError::AmbiguousPlus);
                }
                let text = encode::decode(value).ok_or(malformed("it is not UTF-8"))?;
                if text.chars().any(char::is_control) {
                    return Err(malformed("a value that is signed holds a control character"));
                }
                Ok(text)
            };
            if let Some(resource) = WITH_VALUE.iter().find(is) {
                query.resources.push((resource, Some(text()?)));
            } else if let Some(resource) = SUB_RESOURCES.iter().find(is) {
                if !value.is_empty() {
                    return Err(malformed("a sub-resource that is signed by its name alone has a value"));
                }
                query.resources.push((resource, None));
            } else if is_amz(name) {
                let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
                let text = text()?;
                // S3 takes the parameter for the header and forgets the header.
                let again = query.lines.iter().any(|(other, _)| other == name)
                    || arrived.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
                if !plain || again || text.trim_matches([' ', '\t']) != text {
                    return Err(malformed("an `x-amz-*` parameter is repeated, or not spelled as it is signed"));
                }
                query.lines.push((name.to_owned(), text));
            } else if !expect.unsigned_query.iter().any(|other| other == name) {
                return Err(malformed("Version 2 does not sign one of its parameters: see `allow_unsigned_query`"));
            }
        }
        let mut names: Vec<&str> = query.resources.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| matches!(pair, [left, right] if left == right)) {
            return Err(malformed("a sub-resource is there twice"));
        }
        Ok(query)
    }
}

/// A URL of Version 2 that lacks only the comparison of its signature.
#[derive(Clone)]
pub struct LegacyPending<'r> {
    arrived: Arrived<'r>,
    token: Option<Secret<Vec<u8>>>,
    text: LegacyStringToSign,
    credential: Credential,
    now: Timestamp,
}

impl<'r> LegacyPending<'r> {
    /// What was signed, if the signature is right.
    #[must_use]
    pub const fn string_to_sign(&self) -> &LegacyStringToSign {
        &self.text
    }

    /// Compares the presented signature with the expected one, in constant time.
    ///
    /// # Errors
    /// [`VerifyError::SignatureMismatch`] if they differ. If they agree, [`VerifyError::SessionToken`] or
    /// [`VerifyError::CredentialExpired`] if the credential does not go with the request.
    pub fn accept(self, expected: &LegacySignature) -> Result<Verified<LegacySignedRequest<'r>>, VerifyError> {
        if !mac::equal(expected.0.expose(), &self.arrived.signature) {
            return Err(VerifyError::SignatureMismatch);
        }
        let problem = match (self.credential.token(), &self.token) {
            (None, None) => None,
            (None, Some(_)) => Some("is not expected with a long-term key"),
            (Some(_), None) => Some("is missing"),
            (Some((kind, ours)), Some(theirs)) => {
                let same = kind == TokenKind::Security && same_token(ours, theirs.expose());
                (!same).then_some("is not that of the key")
            }
        };
        if let Some(problem) = problem {
            return Err(VerifyError::SessionToken { problem });
        }
        match self.credential.expires_at() {
            Some(ended_at) if self.now > ended_at => Err(VerifyError::CredentialExpired { ended_at, now: self.now }),
            _ => Ok(Verified::new(LegacySignedRequest(self.arrived))),
        }
    }
}

impl fmt::Debug for LegacyPending<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LegacyPending")
            .field("access_key_id", &self.arrived.id)
            .field("expires_at", &self.arrived.expires_at)
            .finish_non_exhaustive()
    }
}

/// The facts about a request of Version 2 that its signature covers: not the host, and of the query only what S3 signs.
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

    /// Who signed.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.0.id
    }

    /// The last second at which the same request is accepted again.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.0.expires_at
    }

    /// The signed sub-resources with their decoded values: nothing for those that are signed by their name alone.
    pub fn sub_resources(&self) -> impl Iterator<Item = (&'r str, Option<String>)> {
        params(self.0.query).filter_map(|(name, value)| {
            let is = |other: &&str| *other == name;
            if WITH_VALUE.iter().any(is) {
                encode::decode(value).map(|value| (name, Some(value)))
            } else {
                SUB_RESOURCES.iter().any(is).then_some((name, None))
            }
        })
    }

    /// The signed `x-amz-*` parameters, which count as headers, with their decoded values.
    pub fn header_params(&self) -> impl Iterator<Item = (&'r str, String)> {
        let signed = params(self.0.query).filter(|(name, _)| is_amz(name) && *name != SECURITY_TOKEN);
        signed.filter_map(|(name, value)| encode::decode(value).map(|value| (name, value)))
    }

    /// The lines of a header in arrival order, or nothing if Version 2 does not sign that header.
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
            .field("access_key_id", &self.access_key_id())
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}
