//! Issuing: `Request` or `UrlRequest`, prepared without a secret, finished with a signature.

use super::{
    canonical::{
        self, ALGORITHM, CanonicalRequest, Lines, MustSign, Pair, PathRule, Query, SignedNames, Sorted, StringToSign,
    },
    endpoint::{Origin, Region},
    key::{Credential, Scope, Signature, is_name},
    payload::{Payload, PayloadLine},
};
use crate::{
    clock::Timestamp,
    encode::{self, Spelling},
    error::IssueError,
    grant::{Justification, Lifetime},
    mac::{Sha256, Sink},
    secret::Secret,
    token::BearerUrl,
    view::HEADER_LINES_CEILING,
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

/// Parameters that belong to the signer, in any letter case.
pub(super) const RESERVED_PARAMS: [&str; 8] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
    "X-Amz-Security-Token",
    "X-Amz-Region-Set",
];

/// Headers that belong to the signer.
const RESERVED_HEADERS: [&str; 6] =
    ["authorization", "host", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token", "x-amz-region-set"];

/// Headers that proxies and HTTP stacks write or change.
///
/// Source: AWS Common Runtime (aws-c-auth), and IAM User Guide, "Create a signed AWS API request".
const NEVER_SIGNED: [&str; 14] = [
    "connection",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "sec-websocket-version",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-amzn-trace-id",
];

/// Where the session token of temporary credentials goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenPlacement {
    /// Signed with the rest. The default.
    #[default]
    Signed,
    /// Added after signing, which a few services want (AWS `IoT` over WebSocket).
    AfterSigning,
}

/// What to do when the credential ends before the token would.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnShortCredential {
    /// Refuse to issue. The default.
    #[default]
    Refuse,
    /// Shorten the token. [`BearerUrl::expires_at`] tells the effective end.
    Clamp,
}

/// One HTTP request to an AWS service, to be signed in its headers or in its URL.
///
/// Every header named here is signed, and the client has to send it exactly. What is not named may
/// be sent unsigned, as long as its name does not begin with `x-amz-`.
///
/// ```
/// use valet_key::aws::{Payload, Request, SigV4, StaticKey};
/// use valet_key::clock::Timestamp;
///
/// // The walk-through of the AWS General Reference.
/// let key = StaticKey::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?;
/// let request = Request::new("GET", "https://iam.amazonaws.com", "us-east-1", "iam")?
///     .query("Action", "ListUsers")
///     .query("Version", "2010-05-08")
///     .header("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
/// let signed = key.sign_headers(&request, Timestamp::parse_iso_basic("20150830T123600Z")?)?;
/// assert!(signed.authorization().ends_with("5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    pub(super) origin: Origin,
    region: Region,
    service: String,
    path: Path,
    rule: PathRule,
    query: Vec<(String, String)>,
    headers: Vec<(String, Vec<u8>)>,
    payload: Option<Payload>,
    content_sha256_header: bool,
    token_placement: TokenPlacement,
    dot_segments: bool,
    justification: Option<Justification>,
}

#[derive(Clone, Debug)]
enum Path {
    /// Raw text, encoded once on the way out.
    Text(String),
    /// As it goes on the wire.
    Wire(String),
}

impl Request {
    /// A request to `origin`, which is a scheme and a host with an optional port, such as
    /// `https://sqs.eu-west-1.amazonaws.com`.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if the method is not an HTTP token, the origin is not one, or region and
    /// service are not 1 to 40 letters, digits, `-` or `_`.
    pub fn new(method: &str, origin: &str, region: &str, service: &str) -> Result<Self, IssueError> {
        Self::to(method, Origin::parse(origin)?, Region::new(region)?, service)
    }

    pub(super) fn to(method: &str, origin: Origin, region: Region, service: &str) -> Result<Self, IssueError> {
        if method.is_empty() || method.len() > 32 || !method.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-') {
            return Err(IssueError::Invalid { what: "method", why: "it must be 1 to 32 letters" });
        }
        if !is_name(service) {
            return Err(IssueError::Invalid { what: "service", why: "it must be 1 to 40 letters, digits, `-` or `_`" });
        }
        Ok(Self {
            method: method.into(),
            origin,
            region,
            service: service.into(),
            path: Path::Text("/".into()),
            rule: PathRule::of_service(service),
            query: Vec::new(),
            headers: Vec::new(),
            payload: None,
            content_sha256_header: canonical::is_s3(service),
            token_placement: TokenPlacement::Signed,
            dot_segments: false,
            justification: None,
        })
    }

    /// The path as raw text beginning with `/`; it is percent-encoded once.
    #[must_use]
    pub fn path(mut self, text: impl Into<String>) -> Self {
        self.path = Path::Text(text.into());
        self
    }

    /// The path as it goes on the wire, percent-encoded already.
    #[must_use]
    pub fn encoded_path(mut self, wire: impl Into<String>) -> Self {
        self.path = Path::Wire(wire.into());
        self
    }

    /// Another rule than that of the service for what is signed of the path.
    #[must_use]
    pub const fn path_rule(mut self, rule: PathRule) -> Self {
        self.rule = rule;
        self
    }

    /// Allows `.` and `..` as whole segments of the path. Most HTTP clients fold them before sending.
    #[must_use]
    pub const fn allow_dot_segments(mut self) -> Self {
        self.dot_segments = true;
        self
    }

    /// One more query parameter, as raw text.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// One more header to sign. Headers of one name keep their order.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// What is signed of the body. Without it a URL for S3 leaves the body free, and anything else signs
    /// an empty one.
    #[must_use]
    pub const fn payload(mut self, payload: Payload) -> Self {
        self.payload = Some(payload);
        self
    }

    /// Sends and signs `x-amz-content-sha256` for a service other than S3 too.
    #[must_use]
    pub const fn with_content_sha256(mut self) -> Self {
        self.content_sha256_header = true;
        self
    }

    /// Where the session token goes.
    #[must_use]
    pub const fn session_token(mut self, placement: TokenPlacement) -> Self {
        self.token_placement = placement;
        self
    }

    /// Says why the request is broader than the default: a long life, or plain HTTP.
    #[must_use]
    pub fn because(mut self, why: Justification) -> Self {
        self.justification = Some(why);
        self
    }

    /// The path as it goes on the wire.
    fn wire_path(&self) -> Result<String, IssueError> {
        let invalid = |why| Err(IssueError::Invalid { what: "path", why });
        let wire = match &self.path {
            Path::Text(text) => encode::path(text.as_bytes()).to_string(),
            Path::Wire(wire) => wire.clone(),
        };
        if !wire.starts_with('/') {
            return invalid("it must begin with `/`");
        }
        if wire.contains(['?', '#']) || encode::spelling(&wire, Some(b'/')) == Spelling::Malformed {
            return invalid("it must hold visible ASCII without `?` and `#`, and `%` with two hex digits");
        }
        if !self.rule.encodes_twice() && encode::spelling(&wire, Some(b'/')) != Spelling::Canonical {
            return invalid(
                "an encoded path must be in canonical spelling: `%XX` in upper case, and only where needed",
            );
        }
        if !self.dot_segments && has_dot_segment(&wire) {
            return invalid("a segment is `.` or `..`, which clients fold: see `allow_dot_segments`");
        }
        Ok(wire)
    }

    /// The signed headers of the caller, checked.
    fn checked_headers(&self) -> Result<Vec<(&str, &[u8])>, IssueError> {
        let mut lines = Vec::with_capacity(self.headers.len() + 4);
        for (name, value) in &self.headers {
            check_header(name, value)?;
            lines.push((name.as_str(), value.as_slice()));
        }
        // Room for the four that the signer adds.
        if lines.len() > HEADER_LINES_CEILING - 4 {
            return Err(IssueError::Invalid { what: "headers", why: "at most 252 can be signed" });
        }
        Ok(lines)
    }

    fn pairs(&self) -> Result<Vec<Pair>, IssueError> {
        let mut pairs = Vec::with_capacity(self.query.len() + 6);
        for (name, value) in &self.query {
            if RESERVED_PARAMS.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
                return Err(IssueError::Reserved { name: name.clone() });
            }
            if [name, value].iter().any(|text| text.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0))) {
                return Err(IssueError::Invalid { what: "query", why: "a parameter holds CR, LF or NUL" });
            }
            pairs.push(canonical::pair(name, value));
        }
        Ok(pairs)
    }

    fn scope(&self, now: Timestamp) -> Result<Scope, IssueError> {
        Ok(Scope::new(now, self.region.as_str(), &self.service)?)
    }

    fn check_scheme(&self) -> Result<(), IssueError> {
        if !self.origin.is_https() && self.justification.is_none() {
            return Err(IssueError::Unjustified { what: "plain HTTP" });
        }
        Ok(())
    }

    /// Prepares the headers that sign this request: no secret, no I/O.
    ///
    /// # Errors
    /// [`IssueError::Invalid`], [`IssueError::Reserved`] or [`IssueError::NeverSigned`] for what cannot
    /// be signed, [`IssueError::Unjustified`] for plain HTTP without a reason, and
    /// [`IssueError::OutlivesCredential`] if the credential has ended.
    pub fn prepare_headers(&self, credential: &Credential, now: Timestamp) -> Result<PreparedHeaders, IssueError> {
        self.check_scheme()?;
        check_alive(credential, now)?;
        let path = self.wire_path()?;
        let mut pairs = self.pairs()?;
        pairs.sort_unstable();
        let mut query = String::new();
        canonical::push_pairs(&mut query, &pairs);
        let lines = self.checked_headers()?;

        let scope = self.scope(now)?;
        let amz_date = now.iso_basic();
        let payload = self.payload.unwrap_or(Payload::Empty).line();
        let token = credential.session_token().map(|token| token.expose().as_str());
        let signed_token = token.filter(|_| self.token_placement == TokenPlacement::Signed);
        let mut added: Vec<(&str, &[u8])> =
            Vec::from([("host", self.origin.host().as_bytes()), ("x-amz-date", &amz_date[..])]);
        if self.content_sha256_header {
            added.push(("x-amz-content-sha256", payload.as_str().as_bytes()));
        }
        added.extend(signed_token.map(|token| ("x-amz-security-token", token.as_bytes())));

        let lines = Lines::new(&lines, &added).sorted();
        let mut names = String::new();
        lines.push_names(&mut names);
        let canonical_request =
            self.canonical(&path, &query, &lines, &names, &payload).to_vec().map_err(|_| unlisted_header())?;
        let string_to_sign = StringToSign::new(&amz_date, &scope, &Sha256::digest(&canonical_request));
        let authorization = authorization_prefix(credential, &scope, &names);
        let mut headers = Vec::from([("x-amz-date", text_of(&amz_date))]);
        if self.content_sha256_header {
            headers.push(("x-amz-content-sha256", payload.as_str().into()));
        }
        headers.extend(token.map(|token| ("x-amz-security-token", token.into())));
        let mut target = path;
        if !query.is_empty() {
            target.push('?');
            target.push_str(&query);
        }
        Ok(PreparedHeaders { authorization, headers, target, canonical_request, string_to_sign, scope })
    }

    /// The canonical request of what will be sent.
    fn canonical<'a>(
        &'a self,
        path: &'a str,
        query: &'a str,
        lines: &'a Sorted<'a>,
        names: &'a str,
        payload: &'a PayloadLine,
    ) -> CanonicalRequest<'a> {
        CanonicalRequest {
            method: &self.method,
            path,
            // INVARIANT: `wire_path` lets nothing else through where it matters.
            path_spelling: Spelling::Canonical,
            rule: self.rule,
            query: Query::Canonical([query, ""]),
            lines,
            signed: SignedNames::written(names),
            // INVARIANT: `names` lists every name of `lines`, so nothing is found missing or unsigned.
            must_sign: MustSign { content_md5: true, session_token: true },
            payload: payload.as_str(),
        }
    }
}

pub(super) fn authorization_prefix(credential: &Credential, scope: &Scope, names: &str) -> String {
    let id = credential.access_key_id();
    alloc::format!("{ALGORITHM} Credential={id}/{scope}, SignedHeaders={names}, Signature=")
}

fn text_of(ascii: &[u8]) -> String {
    String::from_utf8_lossy(ascii).into_owned()
}

/// Whether a segment is `.` or `..`, in any spelling that a client might fold.
pub(super) fn has_dot_segment(path: &str) -> bool {
    let suspicious = path.as_bytes().windows(2).any(|pair| pair == b"/." || pair == b"/%");
    suspicious
        && path.split('/').any(|segment| {
            let mut decoded = encode::Decoded::of(segment);
            decoded.next() == Some(b'.') && matches!((decoded.next(), decoded.next()), (None, _) | (Some(b'.'), None))
        })
}

pub(super) fn check_header(name: &str, value: &[u8]) -> Result<(), IssueError> {
    let is = |other: &&str| name.eq_ignore_ascii_case(other);
    if !is_header_name(name) {
        return Err(IssueError::Invalid { what: "header name", why: "it must be letters, digits, `-`, `_` or `.`" });
    }
    if RESERVED_HEADERS.iter().any(is) {
        return Err(IssueError::Reserved { name: name.into() });
    }
    if NEVER_SIGNED.iter().any(is) {
        return Err(IssueError::NeverSigned { name: name.into() });
    }
    if encode::any(value, |byte| matches!(byte, b'\r' | b'\n' | 0)) {
        return Err(IssueError::Invalid { what: "header value", why: "it holds CR, LF or NUL" });
    }
    Ok(())
}

fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && !encode::any(name.as_bytes(), |byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'-' | b'_' | b'.'))
}

pub(super) fn check_alive(credential: &Credential, now: Timestamp) -> Result<(), IssueError> {
    match credential.expires_at() {
        Some(credential_ends) if credential_ends < now => {
            Err(IssueError::OutlivesCredential { token_ends: now, credential_ends })
        }
        _ => Ok(()),
    }
}

/// When a token that begins now and lives so long ends, given its credential.
pub(super) fn effective_lifetime(
    lifetime: Lifetime,
    credential: &Credential,
    on_short: OnShortCredential,
    now: Timestamp,
) -> Result<(u32, Timestamp), IssueError> {
    let asked = lifetime.seconds();
    let token_ends = now.checked_add(asked).ok_or(IssueError::TimeOverflow)?;
    let Some(credential_ends) = credential.expires_at().filter(|ends| *ends < token_ends) else {
        return Ok((asked, token_ends));
    };
    match u32::try_from(credential_ends.seconds_since(now)) {
        Ok(left @ 1..) if on_short == OnShortCredential::Clamp => Ok((left, credential_ends)),
        _ => Err(IssueError::OutlivesCredential { token_ends, credential_ends }),
    }
}

/// A [`Request`] with a lifetime, to be signed in its URL.
///
/// ```
/// use valet_key::aws::{Request, SigV4, StaticKey, UrlRequest};
/// use valet_key::{clock::Timestamp, grant::{Justification, Lifetime}};
///
/// // The example of the Amazon S3 API Reference.
/// let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")?;
/// let request = Request::new("GET", "https://examplebucket.s3.amazonaws.com", "us-east-1", "s3")?
///     .path("/test.txt")
///     .because(Justification::new("published example")?);
/// let url = UrlRequest::new(request).lives(Lifetime::from_seconds(86_400)?);
/// let url = key.presign(&url, Timestamp::parse_iso_basic("20130524T000000Z")?)?;
/// assert!(url.expose().ends_with("aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct UrlRequest {
    pub(super) request: Request,
    lifetime: Lifetime,
    cap: Lifetime,
    on_short_credential: OnShortCredential,
}

impl UrlRequest {
    /// Lives for 15 minutes unless it is told otherwise.
    #[must_use]
    pub const fn new(request: Request) -> Self {
        Self {
            request,
            lifetime: Lifetime::DEFAULT,
            cap: Lifetime::DEFAULT,
            on_short_credential: OnShortCredential::Refuse,
        }
    }

    /// Lives this long: 1 s to 604,800 s on S3. More than 15 minutes needs [`Request::because`].
    #[must_use]
    pub const fn lives(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// What to do when the credential ends first.
    #[must_use]
    pub const fn on_short_credential(mut self, choice: OnShortCredential) -> Self {
        self.on_short_credential = choice;
        self
    }

    /// The longest lifetime that needs no justification.
    pub(super) const fn capped(mut self, cap: Lifetime) -> Self {
        self.cap = cap;
        self
    }

    pub(super) fn because(mut self, why: Option<Justification>) -> Self {
        self.request.justification = why;
        self
    }

    /// Prepares the URL: no secret, no I/O.
    ///
    /// # Errors
    /// [`IssueError::Unjustified`] for a long life or plain HTTP without a reason,
    /// [`IssueError::LifetimeTooLong`] past 604,800 s, [`IssueError::OutlivesCredential`] if the
    /// credential ends first, and [`IssueError::Invalid`], [`IssueError::Reserved`] or
    /// [`IssueError::NeverSigned`] for what cannot be signed.
    pub fn prepare(&self, credential: &Credential, now: Timestamp) -> Result<Prepared, IssueError> {
        let mut template = UrlTemplate::new(self, credential)?;
        let expires_at = template.set_time(self, credential, now)?;
        let scope = self.request.scope(now)?;
        let path = self.request.wire_path()?;
        let mut canonical_request = Vec::new();
        template.put_canonical(&path, &mut canonical_request);
        let mut url = String::new();
        template.push_url(&path, &mut url);
        Ok(Prepared {
            url,
            method: self.request.method.clone(),
            required: template.required,
            expires_at,
            string_to_sign: StringToSign::new(&now.iso_basic(), &scope, &Sha256::digest(&canonical_request)),
            canonical_request,
            scope,
        })
    }

    /// A payload hash in a URL binds only if the header that carries it is signed.
    fn signs_payload_header(&self) -> bool {
        self.request.content_sha256_header && self.payload() != Payload::Unsigned
    }

    fn payload(&self) -> Payload {
        let default = if canonical::is_s3(&self.request.service) { Payload::Unsigned } else { Payload::Empty };
        self.request.payload.unwrap_or(default)
    }

    /// The lifetime in seconds and the end of the token.
    pub(super) fn effective(&self, credential: &Credential, now: Timestamp) -> Result<(u32, Timestamp), IssueError> {
        if self.lifetime > self.cap && self.request.justification.is_none() {
            return Err(IssueError::Unjustified { what: "a lifetime beyond the default" });
        }
        if self.lifetime > Lifetime::WEEK {
            return Err(IssueError::LifetimeTooLong {
                requested: self.lifetime.seconds(),
                maximum: Lifetime::WEEK.seconds(),
                service: self.request.service.clone(),
            });
        }
        effective_lifetime(self.lifetime, credential, self.on_short_credential, now)
    }
}

/// The parts of a presigned URL that stay the same from one object to the next.
#[derive(Clone)]
pub(super) struct UrlTemplate {
    method: String,
    rule: PathRule,
    origin: String,
    /// Encoded and in canonical order; the values of `DATED` change with the time.
    pairs: Vec<Pair>,
    query: String,
    token_after: Option<Pair>,
    /// The canonical request behind the query.
    tail: Vec<u8>,
    required: Vec<(String, Vec<u8>)>,
}

impl UrlTemplate {
    pub(super) fn new(url: &UrlRequest, credential: &Credential) -> Result<Self, IssueError> {
        let request = &url.request;
        request.check_scheme()?;
        let mut lines = request.checked_headers()?;
        let payload = url.payload().line();
        if url.signs_payload_header() {
            lines.push(("x-amz-content-sha256", payload.as_str().as_bytes()));
        }
        let mut required: Vec<(String, Vec<u8>)> =
            lines.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec())).collect();
        required.sort_by(|left, right| left.0.cmp(&right.0));
        let added = [("host", request.origin.host().as_bytes())];
        let lines = Lines::new(&lines, &added).sorted();
        let mut names = String::new();
        lines.push_names(&mut names);
        let mut tail = Vec::new();
        request.canonical("/", "", &lines, &names, &payload).put_tail(&mut tail).map_err(|_| unlisted_header())?;

        let mut pairs = request.pairs()?;
        pairs.extend([
            canonical::pair("X-Amz-Algorithm", ALGORITHM),
            canonical::pair("X-Amz-Credential", ""),
            canonical::pair("X-Amz-Date", ""),
            canonical::pair("X-Amz-Expires", ""),
            canonical::pair("X-Amz-SignedHeaders", &names),
        ]);
        let token = credential.session_token().map(|token| canonical::pair("X-Amz-Security-Token", token.expose()));
        let mut token_after = None;
        match request.token_placement {
            TokenPlacement::Signed => pairs.extend(token),
            TokenPlacement::AfterSigning => token_after = token,
        }
        pairs.sort_unstable();
        Ok(Self {
            method: request.method.clone(),
            rule: request.rule,
            origin: request.origin.to_string(),
            pairs,
            query: String::new(),
            token_after,
            tail,
            required,
        })
    }

    /// Sets what depends on the time, and tells when a URL made now ends.
    pub(super) fn set_time(
        &mut self,
        url: &UrlRequest,
        credential: &Credential,
        now: Timestamp,
    ) -> Result<Timestamp, IssueError> {
        let (seconds, expires_at) = url.effective(credential, now)?;
        let scope = url.request.scope(now)?;
        let amz_date = now.iso_basic();
        for (name, value) in &mut self.pairs {
            match name.as_str() {
                "X-Amz-Credential" => {
                    value.clear();
                    value.extend(encode::component(credential.access_key_id().as_bytes()));
                    value.push_str("%2F");
                    value.extend(encode::component(scope.as_str().as_bytes()));
                }
                "X-Amz-Date" => {
                    value.clear();
                    value.push_str(core::str::from_utf8(&amz_date).unwrap_or_default());
                }
                "X-Amz-Expires" => {
                    value.clear();
                    push_decimal(value, seconds);
                }
                _ => {}
            }
        }
        self.query.clear();
        canonical::push_pairs(&mut self.query, &self.pairs);
        Ok(expires_at)
    }

    /// The canonical request of one path.
    pub(super) fn put_canonical(&self, path: &str, sink: &mut impl Sink) {
        sink.put(self.method.as_bytes());
        sink.put_byte(b'\n');
        canonical::put_path(sink, path, Spelling::Canonical, self.rule);
        sink.put_byte(b'\n');
        sink.put(self.query.as_bytes());
        sink.put(&self.tail);
    }

    /// The URL of one path, without its signature.
    pub(super) fn push_url(&self, path: &str, url: &mut String) {
        url.push_str(&self.origin);
        url.push_str(path);
        url.push('?');
        url.push_str(&self.query);
        if let Some((name, value)) = &self.token_after {
            for piece in ["&", name, "=", value] {
                url.push_str(piece);
            }
        }
    }

    /// The finished URL as a token.
    pub(super) fn token(&self, url: String, expires_at: Timestamp) -> BearerUrl {
        BearerUrl::new(url, self.method.clone(), expires_at, self.required.clone())
    }
}

fn unlisted_header() -> IssueError {
    IssueError::Invalid { what: "headers", why: "the signed list does not match" }
}

/// Appends a number without an allocation of its own.
fn push_decimal(text: &mut String, number: u32) {
    let mut divisor = 1;
    while number / divisor >= 10 {
        divisor *= 10;
    }
    while divisor > 0 {
        text.push(char::from(b'0' + (number / divisor % 10) as u8));
        divisor /= 10;
    }
}

/// A URL that lacks only its signature.
#[derive(Clone)]
pub struct Prepared {
    url: String,
    method: String,
    required: Vec<(String, Vec<u8>)>,
    expires_at: Timestamp,
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

    /// What to sign, with HMAC-SHA256 and the key derived for [`scope`](Self::scope).
    #[must_use]
    pub const fn string_to_sign(&self) -> &StringToSign {
        &self.string_to_sign
    }

    /// The canonical request, to compare with what a server says it computed. Header values may hold
    /// any byte.
    #[must_use]
    pub fn canonical_request(&self) -> &[u8] {
        &self.canonical_request
    }

    /// Appends the signature.
    #[must_use]
    pub fn finish(mut self, signature: &Signature) -> BearerUrl {
        push_signature(&mut self.url, signature);
        BearerUrl::new(self.url, self.method, self.expires_at, self.required)
    }
}

/// Appends the signature to a URL that has everything else.
pub(super) fn push_signature(url: &mut String, signature: &Signature) {
    url.push_str("&X-Amz-Signature=");
    url.push_str(core::str::from_utf8(&signature.hex()).unwrap_or_default());
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

/// Signing headers that lack only their signature.
#[derive(Clone)]
pub struct PreparedHeaders {
    authorization: String,
    headers: Vec<(&'static str, String)>,
    target: String,
    canonical_request: Vec<u8>,
    string_to_sign: StringToSign,
    scope: Scope,
}

impl PreparedHeaders {
    /// The scope that the signature belongs to.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// What to sign, with HMAC-SHA256 and the key derived for [`scope`](Self::scope).
    #[must_use]
    pub const fn string_to_sign(&self) -> &StringToSign {
        &self.string_to_sign
    }

    /// The canonical request, to compare with what a server says it computed. Header values may hold
    /// any byte.
    #[must_use]
    pub fn canonical_request(&self) -> &[u8] {
        &self.canonical_request
    }

    /// Puts the signature in.
    #[must_use]
    pub fn finish(mut self, signature: &Signature) -> SignedHeaders {
        self.authorization.push_str(core::str::from_utf8(&signature.hex()).unwrap_or_default());
        SignedHeaders {
            authorization: Secret::new(self.authorization),
            headers: self.headers.into_iter().map(|(name, value)| (name, Secret::new(value))).collect(),
            target: self.target,
        }
    }
}

impl fmt::Debug for PreparedHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedHeaders").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// The headers that sign a request. Add them all, send the target as it stands here, and the headers
/// that were signed exactly as they were given.
#[derive(Clone, Debug)]
pub struct SignedHeaders {
    authorization: Secret<String>,
    headers: Vec<(&'static str, Secret<String>)>,
    target: String,
}

impl SignedHeaders {
    /// The value of `Authorization`. Do not log it.
    #[must_use]
    pub fn authorization(&self) -> &str {
        self.authorization.expose()
    }

    /// Every header to add, by lower-case name, `authorization` last. Do not log them.
    pub fn expose(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let first = self.headers.iter().map(|(name, value)| (*name, value.expose().as_str()));
        first.chain(core::iter::once(("authorization", self.authorization())))
    }

    /// The request target that was signed: path and query, encoded.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }
}
