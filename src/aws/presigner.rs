//! Signing at speed: what stays the same from one token to the next is made once.
//!
//! A holder derives a key for the day, a scope and a date are good for the second, and only the object
//! differs from one URL to the next. These types keep the first two, so that a token costs little more
//! than the hashing that it is made of, and no allocation.

use super::{
    Endpoint, SigV4,
    canonical::{self, Algorithm, Amz, PathRule, StringToSign, must_sign},
    endpoint::Region,
    key::{Scope, ScopedKey, TokenKind, is_name},
    request::{RESERVED_HEADERS, check_alive, check_payload, check_s3_session},
    s3::check_object_name,
    sign::{self, UrlRequest},
};
use crate::{
    clock::Timestamp,
    encode::{self, PlusSign, Spelling},
    error::IssueError,
    grant::{Grant, Resource},
    mac::BegunMac,
    target::has_dot_segment,
    token::BearerUrl,
    v4::{
        canonical::{CanonicalRequest, Lines, SignedNames},
        checks::{check_header, check_method},
        fields::RawQuery,
        payload::Payload,
        template::UrlTemplate,
        varied::{PathEnd, Varied},
    },
    view::{HEADER_LINES_CEILING, HeaderLine, Limits},
};
use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
};
use core::fmt;

/// A holder, with its derived key and what the current second looks like.
#[derive(Clone)]
pub(super) struct Stamped<K> {
    holder: K,
    region: Region,
    service: String,
    stamp: Option<Stamp>,
}

#[derive(Clone)]
struct Stamp {
    at: Timestamp,
    /// The same as it is written.
    date: [u8; 16],
    scope: Scope,
    string_to_sign: StringToSign,
    /// The key of the scope, if the holder gives it out, and the string to sign up to its digest.
    key: Option<(ScopedKey, BegunMac)>,
}

impl<K: SigV4> Stamped<K> {
    const fn new(holder: K, region: Region, service: String) -> Self {
        Self { holder, region, service, stamp: None }
    }

    fn is_at(&self, now: Timestamp) -> bool {
        self.stamp.as_ref().is_some_and(|stamp| stamp.at == now)
    }

    /// Moves to another second: a new date, and on another day a new key.
    fn move_to(&mut self, now: Timestamp) -> Result<&Stamp, IssueError> {
        let date = now.iso_basic();
        let day = date.first_chunk().copied().unwrap_or([b'0'; 8]);
        // INVARIANT: region and service have the form that a scope needs since the signer was made.
        let scope = Scope::from_parts(day, self.region.as_str(), &self.service).ok_or(IssueError::TimeOverflow)?;
        let string_to_sign = StringToSign::new(&date, &scope, &[0; 32]);
        let kept = self.stamp.take().filter(|stamp| stamp.scope == scope).and_then(|stamp| stamp.key);
        let (kept, over) = kept.unzip();
        let key = kept.or_else(|| self.holder.scoped(&scope)).map(|key| {
            let begun = key.begin(&string_to_sign, over);
            (key, begun)
        });
        Ok(self.stamp.insert(Stamp { at: now, date, scope, string_to_sign, key }))
    }

    /// Makes one URL of many.
    pub(super) fn write_url(&mut self, varied: &Varied, piece: &str, url: &mut String) -> Result<(), IssueError> {
        let signature = self.sign(&varied.digest(piece))?;
        varied.write_url(piece, signature.len(), url);
        url.push_str(core::str::from_utf8(&signature).unwrap_or_default());
        Ok(())
    }

    /// The signature in hex.
    fn sign(&mut self, canonical_request: &[u8; 32]) -> Result<[u8; 64], IssueError> {
        // INVARIANT: `move_to` ran first.
        let stamp = self.stamp.as_mut().ok_or(IssueError::TimeOverflow)?;
        if let Some((_, begun)) = &stamp.key {
            return Ok(encode::hex_lower(&begun.mac(&encode::hex_lower(canonical_request))));
        }
        stamp.string_to_sign.set_digest(canonical_request);
        Ok(self.holder.sign(&stamp.scope, &stamp.string_to_sign)?.hex())
    }
}

/// Makes presigned URLs for many objects under one grant.
///
/// Give it a grant for one object; each call then makes the same grant for another object of the same
/// bucket. The derived key is kept for the day, the date for the second, the rest for good.
///
/// ```
/// use valet_key::aws::{Endpoint, Presigner, Region, SigV4, StaticKey, UrlRequest};
/// use valet_key::{clock::Timestamp, grant::Grant};
///
/// let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
/// let endpoint = Endpoint::aws(Region::new("eu-west-1")?);
/// let now = Timestamp::from_unix(1_700_000_000)?;
///
/// let mut presigner = Presigner::new(&key, &endpoint, &Grant::read("photos", "any"))?;
/// let mut url = String::new();
/// presigner.presign_into("2026/cat.jpg", now, &mut url)?;
///
/// let one = key.presign(&UrlRequest::at(&endpoint, &Grant::read("photos", "2026/cat.jpg"))?, now)?;
/// assert_eq!(url, one.expose());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Presigner<K> {
    pub(super) stamped: Stamped<K>,
    url: UrlRequest,
    pub(super) template: UrlTemplate<Amz>,
    /// The encoded path before the object's name.
    pub(super) prefix: String,
    name: PathEnd,
    /// The URL of this second without the name.
    varied: Varied,
    dot_segments: bool,
    /// Whether it makes URLs for parts, and not for objects.
    pub(super) for_parts: bool,
    pub(super) expires_at: Timestamp,
}

impl<K: SigV4> Presigner<K> {
    /// Prepares whatever does not depend on the object or the time.
    ///
    /// # Errors
    /// As [`UrlRequest::s3`], and [`IssueError::Invalid`] if the grant is not about one object or the upload of one part,
    /// or names a version or digest, which no two objects share.
    pub fn new(holder: K, endpoint: &Endpoint, grant: &Grant) -> Result<Self, IssueError> {
        let for_parts = match grant.resource() {
            _ if grant.sha256.is_some() => None,
            Resource::Object { version: None, .. } => Some(false),
            Resource::Part { .. } if grant.source().is_none() => Some(true),
            _ => None,
        };
        let for_parts = for_parts.ok_or(IssueError::Invalid {
            what: "grant",
            why: "it must be about any one object or part: no version and no digest, which belong to one alone",
        })?;
        let url = UrlRequest::at(endpoint, grant)?;
        let (_, prefix) = endpoint.locate(grant.container())?;
        let template = sign::template(&url, Algorithm::HmacSha256, holder.credential())?;
        let prefix = encode::path(prefix.as_bytes()).to_string();
        let stamped = Stamped::new(holder, endpoint.region().clone(), url.request.service.clone());
        let (name, varied, expires_at) = (PathEnd::behind(&prefix), Varied::new(), Timestamp::EPOCH);
        let dot_segments = grant.dot_segments;
        Ok(Self { stamped, url, template, prefix, name, varied, dot_segments, for_parts, expires_at })
    }

    /// Makes the URL for one object, and tells its last good second. `url` is overwritten; its memory is
    /// reused.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for a name that S3 does not take, [`IssueError::OutlivesCredential`] if
    /// the credential ends first, and [`IssueError::Key`].
    pub fn presign_into(&mut self, name: &str, now: Timestamp, url: &mut String) -> Result<Timestamp, IssueError> {
        self.refuse_parts()?;
        self.move_to(now)?;
        check_object_name(name)?;
        self.name.set(name);
        self.check_dot_segments(self.name.segments())?;
        self.stamped.write_url(&self.varied, self.name.as_str(), url)?;
        Ok(self.expires_at)
    }

    pub(super) const fn refuse_parts(&self) -> Result<(), IssueError> {
        if self.for_parts {
            return Err(IssueError::Invalid { what: "grant", why: "it is about parts: see `part_urls`" });
        }
        Ok(())
    }

    /// Moves to another second ahead of its first URL: the date is written, and on another day the key derived.
    ///
    /// # Errors
    /// [`IssueError::OutlivesCredential`] if the credential ends first, and [`IssueError::TimeOverflow`].
    pub fn move_to(&mut self, now: Timestamp) -> Result<(), IssueError> {
        if self.stamped.is_at(now) {
            return Ok(());
        }
        let (seconds, expires_at) = self.url.effective(self.stamped.holder.credential(), now)?;
        let &Stamp { date, scope, .. } = self.stamped.move_to(now)?;
        let id = self.stamped.holder.credential().access_key_id();
        self.template.set_time(id, scope.as_str(), &date, seconds);
        self.template.vary_path(&self.prefix, &mut self.varied);
        self.expires_at = expires_at;
        Ok(())
    }

    pub(super) fn check_dot_segments(&self, path: &str) -> Result<(), IssueError> {
        if !self.dot_segments && has_dot_segment(path) {
            return Err(IssueError::Invalid {
                what: "path",
                why: "a segment is `.` or `..`, which clients fold: see `allow_dot_segments`",
            });
        }
        Ok(())
    }

    /// Makes the URL for one object as a token of its own.
    ///
    /// # Errors
    /// As [`presign_into`](Self::presign_into).
    pub fn presign(&mut self, name: &str, now: Timestamp) -> Result<BearerUrl, IssueError> {
        let mut url = String::new();
        self.presign_into(name, now, &mut url)?;
        Ok(self.token(url))
    }

    pub(super) fn token(&self, url: String) -> BearerUrl {
        self.template.token(url, self.expires_at)
    }
}

impl<K: SigV4> fmt::Debug for Presigner<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presigner").field("holder", &self.stamped.holder).finish_non_exhaustive()
    }
}

/// Signs requests in their headers, many to one service in one region.
///
/// It reads the request as an HTTP client is about to send it: header lines borrowed, `host` among
/// them. Every line given is signed.
///
/// ```
/// use valet_key::aws::{HeaderSigner, Payload, StaticKey};
/// use valet_key::clock::Timestamp;
///
/// // The walk-through of the AWS General Reference.
/// let key = StaticKey::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?;
/// let mut signer = HeaderSigner::new(key, "us-east-1", "iam")?;
/// let headers: [(&str, &[u8]); 2] = [
///     ("content-type", b"application/x-www-form-urlencoded; charset=utf-8"),
///     ("host", b"iam.amazonaws.com"),
/// ];
/// let now = Timestamp::parse_iso_basic("20150830T123600Z")?;
/// let mut authorization = String::new();
/// let target = "/?Action=ListUsers&Version=2010-05-08";
/// signer.sign_into("GET", target, &headers, Payload::Empty, now, &mut authorization)?;
/// assert!(authorization.ends_with("5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct HeaderSigner<K> {
    stamped: Stamped<K>,
    rule: PathRule,
    names: String,
}

impl<K: SigV4> HeaderSigner<K> {
    /// A signer for one service in one region.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] unless both are 1 to 40 letters, digits, `-` or `_`.
    pub fn new(holder: K, region: &str, service: &str) -> Result<Self, IssueError> {
        if !is_name(service) {
            return Err(IssueError::Invalid { what: "service", why: "it must be 1 to 40 letters, digits, `-` or `_`" });
        }
        let stamped = Stamped::new(holder, Region::new(region)?, service.to_owned());
        Ok(Self { stamped, rule: PathRule::of_service(service), names: String::new() })
    }

    /// Signs one request, and writes the value of its `Authorization` header, overwriting what is there.
    ///
    /// The client has to send, besides `headers` and `authorization`: `x-amz-date` with the time of
    /// `now`, on S3 `x-amz-content-sha256` with the payload line, and `x-amz-security-token` (of S3 Express One
    /// Zone, `x-amz-s3session-token`) if the credential has one. [`Timestamp::amz_date`] and [`Payload::header_value`] write the first two.
    ///
    /// # Errors
    /// [`IssueError::Invalid`], [`IssueError::Reserved`] or [`IssueError::NeverSigned`] for what cannot
    /// be signed, [`IssueError::OutlivesCredential`] if the credential has ended, [`IssueError::Key`].
    pub fn sign_into(
        &mut self,
        method: &str,
        target: &str,
        headers: &[HeaderLine<'_>],
        payload: Payload,
        now: Timestamp,
        authorization: &mut String,
    ) -> Result<(), IssueError> {
        check_method(method)?;
        check_payload(payload, canonical::is_s3(&self.stamped.service))?;
        check_alive(self.stamped.holder.credential(), now)?;
        if !self.stamped.is_at(now) {
            self.stamped.move_to(now)?;
        }
        if headers.len() > HEADER_LINES_CEILING - 3 {
            return Err(IssueError::Invalid { what: "headers", why: "at most 253 can be signed" });
        }
        let mut hosts = 0usize;
        for (name, value) in headers {
            if name.eq_ignore_ascii_case("host") {
                hosts += 1;
            } else {
                check_header::<Amz>(name, value, &RESERVED_HEADERS)?;
            }
        }
        if hosts != 1 {
            return Err(IssueError::Invalid { what: "headers", why: "`host` must be among them exactly once" });
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path_spelling = encode::spelling(path, Some(b'/'));
        if !path.starts_with('/') || path_spelling == Spelling::Malformed || target.contains('#') {
            return Err(IssueError::Invalid { what: "target", why: "it must be an encoded path and query" });
        }
        if path_spelling != Spelling::Canonical && !self.rule.encodes_twice() {
            return Err(IssueError::Invalid { what: "path", why: "it must be in canonical spelling" });
        }
        if has_dot_segment(path) {
            return Err(IssueError::Invalid { what: "path", why: "a segment is `.` or `..`, which clients fold" });
        }
        let (query, reserved) = RawQuery::read::<Amz>(query, &Limits::DEFAULT)
            .map_err(|_| IssueError::Invalid { what: "query", why: "it is malformed or too large" })?;
        if reserved.any() || reserved.foreign.is_some() || query.has_plus {
            return Err(IssueError::Invalid { what: "query", why: "it holds a bare `+` or a parameter of the signer" });
        }

        let line = payload.line();
        let amz_date = now.iso_basic();
        let mut added: [HeaderLine<'_>; 3] = [("x-amz-date", &amz_date), ("", b""), ("", b"")];
        let mut count = 1;
        let token = self.stamped.holder.credential().token();
        if token.is_some_and(|(kind, _)| kind == TokenKind::S3Session) {
            check_s3_session(&self.stamped.service)?;
        }
        let content =
            canonical::is_s3(&self.stamped.service).then(|| ("x-amz-content-sha256", line.as_str().as_bytes()));
        for extra in content.into_iter().chain(token.map(|(kind, token)| (kind.header(), token.as_bytes()))) {
            if let Some(slot) = added.get_mut(count) {
                *slot = extra;
            }
            count += 1;
        }
        let lines = Lines::new(headers, added.get(..count).unwrap_or_default()).sorted();
        self.names.clear();
        lines.push_names(&mut self.names);
        let request = CanonicalRequest {
            method,
            path,
            path_spelling,
            rule: self.rule,
            query: query.canonical(&[], PlusSign::Plus),
            lines: &lines,
            signed: SignedNames::written(&self.names),
            must_sign: must_sign(true, true),
            payload: line.as_bytes(),
            host: None,
        };
        let digest = request
            .digest()
            .map_err(|_| IssueError::Invalid { what: "headers", why: "the signed list does not match" })?;
        let signature = self.stamped.sign(&digest)?;
        authorization.clear();
        let scope = self.stamped.stamp.as_ref().map(|stamp| stamp.scope.as_str()).unwrap_or_default();
        for piece in [
            canonical::ALGORITHM,
            " Credential=",
            self.stamped.holder.credential().access_key_id(),
            "/",
            scope,
            ", SignedHeaders=",
            &self.names,
            ", Signature=",
            core::str::from_utf8(&signature).unwrap_or_default(),
        ] {
            authorization.push_str(piece);
        }
        Ok(())
    }
}

impl<K: SigV4> fmt::Debug for HeaderSigner<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeaderSigner").field("holder", &self.stamped.holder).finish_non_exhaustive()
    }
}
