//! Signing a request in its URL: prepared without a secret, finished with a signature.

use super::{
    LegacySignature, LegacyStringToSign,
    canonical::{
        ACCESS_ID, METHODS, SUB_RESOURCES, WITH_VALUE, has_odd_blanks, is_amz, is_signed, push_resource,
        stands_for_itself,
    },
};
use crate::{
    aws::{
        BearerUrl, Credential, Endpoint, SigV4, StaticKey,
        canonical::{Amz, SECURITY_TOKEN},
        key::TokenKind,
        request::RESERVED_HEADERS,
        s3::check_object_name,
    },
    clock::Timestamp,
    encode,
    error::{IssueError, KeyError},
    grant::{Justification, Lifetime, OnShortCredential},
    lifetime::{Bounds, effective},
    origin::Origin,
    target::has_dot_segment,
    v2::{EXPIRES, hmac_sha1, is_content, push_head},
    v4::checks::check_header,
    view::HeaderLine,
};
use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use core::fmt;

/// One request to S3, to be signed in its URL by Signature Version 2.
///
/// Prefer [`UrlRequest`](crate::aws::UrlRequest): it signs the host, the region and the whole query.
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
    /// as `response-content-type`. Version 2 signs no other parameter. A value with `&` is refused, since a client could make
    /// another parameter of what stands behind it.
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
    /// As [`UrlRequest::prepare`](crate::aws::UrlRequest::prepare), and [`IssueError::Invalid`] for a header or parameter that
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
            if value.as_ref().is_some_and(|value| !stands_for_itself(value)) {
                return invalid("its value holds `&` or a control character, and Version 2 signs it without escapes");
            }
            resources.push((name, value.clone()));
        }
        Ok(resources)
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

    pub(super) fn legacy_sign(&self, message: &LegacyStringToSign) -> Result<LegacySignature, KeyError> {
        hmac_sha1(self.secret(), message.as_bytes()).map(LegacySignature::from_bytes)
    }
}
