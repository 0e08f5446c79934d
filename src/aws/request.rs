//! One HTTP request to an AWS service, and signing it in its headers.

use super::{
    canonical::{
        self, Algorithm, Amz, CONTENT_SHA256, PathRule, REGION_SET, S3_EXPRESS, S3_SESSION_TOKEN, SECURITY_TOKEN,
        StringToSign, must_sign,
    },
    endpoint::Region,
    key::{Credential, Scope, Signature, TokenKind, is_name},
    region_set::RegionSet,
    stream::{ChunkSigner, Seed, Stream, check_encoding},
};
use crate::{
    clock::Timestamp,
    encode::{self, Spelling},
    error::IssueError,
    grant::Justification,
    mac::Sha256,
    origin::Origin,
    secret::Secret,
    target::has_dot_segment,
    v4::{
        Dialect,
        canonical::{CanonicalRequest, Lines, Pair, Query, SignedNames, Sorted, pair, push_pairs},
        checks::{check_header, check_method},
        payload::{Payload, PayloadLine},
    },
    view::HEADER_LINES_CEILING,
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

/// Headers that belong to the signer.
pub(super) const RESERVED_HEADERS: [&str; 7] =
    ["authorization", "host", "x-amz-date", CONTENT_SHA256, SECURITY_TOKEN, S3_SESSION_TOKEN, REGION_SET];

/// Where the session token of temporary credentials goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenPlacement {
    /// Signed with the rest. The default.
    #[default]
    Signed,
    /// Added after signing, which a few services want (AWS `IoT` over WebSocket).
    AfterSigning,
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
#[derive(Clone)]
pub struct Request {
    pub(super) method: String,
    pub(super) origin: Origin,
    pub(super) region: Region,
    /// Where a signature of `SigV4a` is good, unless it is in `region` alone.
    region_set: Option<RegionSet>,
    pub(super) service: String,
    path: Path,
    pub(super) rule: PathRule,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) payload: Option<Payload>,
    pub(super) stream: Option<Stream>,
    pub(super) content_sha256_header: bool,
    pub(super) token_placement: TokenPlacement,
    pub(super) dot_segments: bool,
    pub(super) justification: Option<Justification>,
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
        check_method(method)?;
        if !is_name(service) {
            return Err(IssueError::Invalid { what: "service", why: "it must be 1 to 40 letters, digits, `-` or `_`" });
        }
        Ok(Self {
            method: method.into(),
            origin,
            region,
            region_set: None,
            service: service.into(),
            path: Path::Text("/".into()),
            rule: PathRule::of_service(service),
            query: Vec::new(),
            headers: Vec::new(),
            payload: None,
            stream: None,
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

    /// Announces a body in chunks, which [`SignedHeaders::chunk_signer`] then frames. For S3, and for a request
    /// that is signed in its headers: a presigned URL cannot announce one.
    #[must_use]
    pub const fn stream(mut self, stream: Stream) -> Self {
        self.stream = Some(stream);
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

    /// Where the request is good, in place of its one region. Only a key of `SigV4a` signs such a request.
    #[must_use]
    pub fn region_set(mut self, regions: RegionSet) -> Self {
        self.region_set = Some(regions);
        self
    }

    /// Says why the request is broader than the default: a long life, or plain HTTP.
    #[must_use]
    pub fn because(mut self, why: Justification) -> Self {
        self.justification = Some(why);
        self
    }

    /// The path as it goes on the wire.
    pub(super) fn wire_path(&self) -> Result<String, IssueError> {
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
    pub(super) fn checked_headers(&self) -> Result<Vec<(&str, &[u8])>, IssueError> {
        let mut lines = Vec::with_capacity(self.headers.len() + 4);
        for (name, value) in &self.headers {
            check_header::<Amz>(name, value, &RESERVED_HEADERS)?;
            lines.push((name.as_str(), value.as_slice()));
        }
        // Room for the four that the signer adds.
        if lines.len() > HEADER_LINES_CEILING - 4 {
            return Err(IssueError::Invalid { what: "headers", why: "at most 252 can be signed" });
        }
        Ok(lines)
    }

    pub(super) fn pairs(&self) -> Result<Vec<Pair>, IssueError> {
        let mut pairs = Vec::with_capacity(self.query.len() + 6);
        for (name, value) in &self.query {
            if Amz::PARAMS.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
                return Err(IssueError::Reserved { name: name.clone() });
            }
            if Amz::is_foreign(name) {
                return Err(IssueError::Invalid {
                    what: "query",
                    why: "a parameter belongs to another signature scheme, so that servers would find two",
                });
            }
            pairs.push(pair(name, value));
        }
        Ok(pairs)
    }

    pub(super) fn scope(&self, algorithm: Algorithm, now: Timestamp) -> Result<Scope, IssueError> {
        Ok(match algorithm {
            Algorithm::HmacSha256 => Scope::new(now, self.region.as_str(), &self.service)?,
            Algorithm::EcdsaP256Sha256 => Scope::without_region(now, &self.service)?,
        })
    }

    /// The session token that goes with the request, if the credential is one for its service.
    pub(super) fn token_of<'a>(&self, credential: &'a Credential) -> Result<Option<(TokenKind, &'a str)>, IssueError> {
        let token = credential.token();
        if token.is_some_and(|(kind, _)| kind == TokenKind::S3Session) {
            check_s3_session(&self.service)?;
            if self.token_placement == TokenPlacement::AfterSigning {
                return Err(IssueError::Invalid {
                    what: "session token",
                    why: "that of S3 Express One Zone is signed with the rest",
                });
            }
        }
        Ok(token)
    }

    /// The region set that goes into the request, if it is signed by an algorithm that has one.
    pub(super) fn signed_region_set(&self, algorithm: Algorithm) -> Result<Option<&str>, IssueError> {
        match (algorithm, &self.region_set) {
            (Algorithm::HmacSha256, None) => Ok(None),
            (Algorithm::HmacSha256, Some(_)) => Err(IssueError::Invalid {
                what: "region set",
                why: "Signature Version 4 is good in one region: sign with a key of SigV4a",
            }),
            (Algorithm::EcdsaP256Sha256, Some(regions)) => Ok(Some(regions.as_str())),
            (Algorithm::EcdsaP256Sha256, None) => Ok(Some(self.region.as_str())),
        }
    }

    pub(super) fn check_scheme(&self) -> Result<(), IssueError> {
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
        self.prepare_headers_as(Algorithm::HmacSha256, credential, now)
    }

    pub(super) fn prepare_headers_as(
        &self,
        algorithm: Algorithm,
        credential: &Credential,
        now: Timestamp,
    ) -> Result<PreparedHeaders, IssueError> {
        self.check_scheme()?;
        check_alive(credential, now)?;
        let path = self.wire_path()?;
        let mut pairs = self.pairs()?;
        pairs.sort_unstable();
        let mut query = String::new();
        push_pairs(&mut query, &pairs);
        let mut lines = self.checked_headers()?;

        let scope = self.scope(algorithm, now)?;
        let region_set = self.signed_region_set(algorithm)?;
        if region_set.is_some() && lines.len() > HEADER_LINES_CEILING - 5 {
            return Err(IssueError::Invalid { what: "headers", why: "at most 251 can be signed with a region set" });
        }
        let amz_date = now.iso_basic();
        let (payload, mut announced) = self.payload_and_headers(&mut lines)?;
        if algorithm == Algorithm::EcdsaP256Sha256 && self.stream.is_some() {
            return Err(IssueError::Invalid { what: "stream", why: "its chunks are not signed by SigV4a here" });
        }
        let token = self.token_of(credential)?;
        let signed_token = token.filter(|_| self.token_placement == TokenPlacement::Signed);
        let mut added: Vec<(&str, &[u8])> =
            Vec::from([("host", self.origin.host().as_bytes()), ("x-amz-date", &amz_date[..])]);
        if self.content_sha256_header {
            added.push(("x-amz-content-sha256", payload.as_str().as_bytes()));
        }
        added.extend(signed_token.map(|(kind, token)| (kind.header(), token.as_bytes())));
        added.extend(region_set.map(|regions| (REGION_SET, regions.as_bytes())));
        added.extend(announced.iter().map(|(name, value)| (*name, value.as_bytes())));

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
        headers.extend(region_set.map(|regions| (REGION_SET, regions.into())));
        headers.extend(token.map(|(kind, token)| (kind.header(), token.into())));
        headers.append(&mut announced);
        let mut target = path;
        if !query.is_empty() {
            target.push('?');
            target.push_str(&query);
        }
        let seed = self.stream.map(|stream| Seed { stream, amz_date });
        Ok(PreparedHeaders { authorization, headers, target, canonical_request, string_to_sign, scope, seed })
    }

    /// The payload line, and the headers that announce a stream, which takes the place of the caller's encoding.
    #[expect(clippy::type_complexity, reason = "two things that depend on the same choice")]
    fn payload_and_headers(
        &self,
        lines: &mut Vec<(&str, &[u8])>,
    ) -> Result<(PayloadLine, Vec<(&'static str, String)>), IssueError> {
        let invalid = |why| Err(IssueError::Invalid { what: "stream", why });
        let Some(stream) = self.stream else {
            let payload = self.payload.unwrap_or(Payload::Empty);
            check_payload(payload, self.content_sha256_header)?;
            return Ok((payload.line(), Vec::new()));
        };
        // An unsigned body is no promise that a stream could break.
        if !matches!(self.payload, None | Some(Payload::Unsigned)) {
            return invalid("it says itself what is signed of the body, so `payload` must not");
        }
        if !canonical::is_s3(&self.service) {
            return invalid("only S3 takes a body in chunks");
        }
        // Room for three more than the signer adds anyway.
        if lines.len() > HEADER_LINES_CEILING - 7 {
            return Err(IssueError::Invalid { what: "headers", why: "at most 249 can be signed with a stream" });
        }
        let encoding = check_encoding(stream, lines)?;
        lines.retain(|(name, _)| !name.eq_ignore_ascii_case("content-encoding"));
        let mut headers = Vec::from([("content-encoding", encoding)]);
        headers.extend(stream.announce()?.into_iter().flatten());
        Ok((PayloadLine::Stream(stream.mode().literal()), headers))
    }

    /// The canonical request of what will be sent.
    pub(super) fn canonical<'a>(
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
            must_sign: must_sign(true, true),
            payload: payload.as_bytes(),
            host: None,
        }
    }
}

impl fmt::Debug for Request {
    /// Header values may hold a customer's encryption key, and parameters a message or a one-time code, so neither is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        let params: Vec<&str> = self.query.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("origin", &self.origin)
            .field("path", &self.path)
            .field("param_names", &params)
            .field("header_names", &names)
            .field("justification", &self.justification)
            .finish_non_exhaustive()
    }
}

pub(super) fn authorization_prefix(credential: &Credential, scope: &Scope, names: &str) -> String {
    let id = credential.access_key_id();
    let algorithm = scope.algorithm().as_str();
    alloc::format!("{algorithm} Credential={id}/{scope}, SignedHeaders={names}, Signature=")
}

pub(super) fn text_of(ascii: &[u8]) -> String {
    String::from_utf8_lossy(ascii).into_owned()
}

/// Only S3 takes an unsigned payload for granted; others have to be told, in a signed header.
pub(super) fn check_payload(payload: Payload, says_so: bool) -> Result<(), IssueError> {
    if payload == Payload::Unsigned && !says_so {
        return Err(IssueError::Invalid {
            what: "payload",
            why: "only S3 assumes an unsigned one: see `with_content_sha256`",
        });
    }
    Ok(())
}

pub(super) fn check_s3_session(service: &str) -> Result<(), IssueError> {
    if service == S3_EXPRESS {
        Ok(())
    } else {
        Err(IssueError::Invalid {
            what: "session token",
            why: "one of S3 Express One Zone signs for the service `s3express` alone",
        })
    }
}

pub(super) fn check_alive(credential: &Credential, now: Timestamp) -> Result<(), IssueError> {
    match credential.expires_at() {
        Some(credential_ends) if credential_ends < now => {
            Err(IssueError::OutlivesCredential { token_ends: now, credential_ends })
        }
        _ => Ok(()),
    }
}

pub(super) fn unlisted_header() -> IssueError {
    IssueError::Invalid { what: "headers", why: "the signed list does not match" }
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
    seed: Option<Seed>,
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
    pub fn finish(self, signature: &Signature) -> SignedHeaders {
        let chunks = self.seed.as_ref().map(|seed| ChunkSigner::new(seed, &self.scope, signature));
        SignedHeaders { chunks, ..self.finish_with(&signature.hex()) }
    }

    /// The same for a request whose body does not come in chunks.
    pub(super) fn finish_with(mut self, hex: &[u8]) -> SignedHeaders {
        self.authorization.push_str(core::str::from_utf8(hex).unwrap_or_default());
        SignedHeaders {
            authorization: Secret::new(self.authorization),
            headers: self.headers.into_iter().map(|(name, value)| (name, Secret::new(value))).collect(),
            target: self.target,
            chunks: None,
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
    chunks: Option<ChunkSigner>,
}

impl SignedHeaders {
    /// The value of `Authorization`. Do not log it.
    #[must_use]
    pub fn authorization(&self) -> &str {
        self.authorization.expose()
    }

    /// Every header to add, by lower-case name, `authorization` last. Do not log them.
    ///
    /// With a [stream](Request::stream) the `content-encoding` among them takes the place of the caller's.
    pub fn expose(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let first = self.headers.iter().map(|(name, value)| (*name, value.expose().as_str()));
        first.chain(core::iter::once(("authorization", self.authorization())))
    }

    /// The request target that was signed: path and query, encoded.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// What frames and signs the body, if the request announces a [stream](Request::stream).
    #[must_use]
    pub fn chunk_signer(&self) -> Option<ChunkSigner> {
        self.chunks.clone()
    }
}
