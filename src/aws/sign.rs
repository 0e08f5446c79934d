//! Signing a request in its URL: prepared without a secret, finished with a signature.

use super::{
    canonical::{self, Algorithm, Amz, CONTENT_SHA256, REGION_SET_PARAM, StringToSign, must_sign},
    key::{Credential, Scope, Signature},
    region_set::RegionSet,
    request::{Request, TokenPlacement, check_payload},
};
use crate::{
    clock::Timestamp,
    error::IssueError,
    grant::{Justification, Lifetime, OnShortCredential},
    lifetime::{Bounds, effective},
    mac::Sha256,
    token::BearerUrl,
    v4::{
        canonical::pair,
        payload::Payload,
        template::{Parts, UrlTemplate},
    },
};
use alloc::{borrow::Cow, string::String, vec::Vec};
use core::fmt;

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
    ///
    /// SQS and STS let every URL live for 900 s after its date, whatever it says: there it may say 1 s to 900 s, and
    /// [`BearerUrl::expires_at`] tells the end of the 900 s.
    #[must_use]
    pub const fn lives(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Where the URL is good, in place of its one region. Only a key of `SigV4a` signs such a URL.
    #[must_use]
    pub fn region_set(mut self, regions: RegionSet) -> Self {
        self.request = self.request.region_set(regions);
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
    /// [`IssueError::LifetimeTooLong`] past 604,800 s (900 s for SQS and STS), [`IssueError::OutlivesCredential`] if the
    /// credential ends first, and [`IssueError::Invalid`], [`IssueError::Reserved`] or
    /// [`IssueError::NeverSigned`] for what cannot be signed.
    pub fn prepare(&self, credential: &Credential, now: Timestamp) -> Result<Prepared, IssueError> {
        self.prepare_as(Algorithm::HmacSha256, credential, now)
    }

    pub(super) fn prepare_as(
        &self,
        algorithm: Algorithm,
        credential: &Credential,
        now: Timestamp,
    ) -> Result<Prepared, IssueError> {
        let mut template = template(self, algorithm, credential)?;
        let scope = self.request.scope(algorithm, now)?;
        let expires_at = set_time(&mut template, self, &scope, credential, now)?;
        let path = self.request.wire_path()?;
        let mut canonical_request = Vec::new();
        template.put_canonical(&path, &mut canonical_request);
        let mut url = String::new();
        template.push_url(&path, &mut url);
        let (method, required) = template.into_required();
        Ok(Prepared {
            url,
            method,
            required,
            expires_at,
            string_to_sign: StringToSign::new(&now.iso_basic(), &scope, &Sha256::digest(&canonical_request)),
            canonical_request,
            scope,
        })
    }

    /// A payload line other than the one that the service assumes binds only if the header that carries
    /// it is signed.
    fn signs_payload_header(&self) -> bool {
        let assumed = canonical::is_s3(&self.request.service) && self.payload() == Payload::Unsigned;
        self.request.content_sha256_header && !assumed
    }

    fn payload(&self) -> Payload {
        let default = if canonical::is_s3(&self.request.service) { Payload::Unsigned } else { Payload::Empty };
        self.request.payload.unwrap_or(default)
    }

    /// The lifetime in seconds and the end of the token.
    pub(super) fn effective(&self, credential: &Credential, now: Timestamp) -> Result<(u32, Timestamp), IssueError> {
        let life = canonical::fixed_life(&self.request.service);
        let bounds = Bounds {
            cap: self.cap,
            is_justified: self.request.justification.is_some(),
            maximum: life.unwrap_or(Lifetime::WEEK),
            service: &self.request.service,
        };
        // What is bounded is how long the URL really lives, and not the number in it.
        let lives = life.map_or(self.lifetime, |life| life.max(self.lifetime));
        let (seconds, ends) = effective(lives, &bounds, credential.expires_at(), self.on_short_credential, now)?;
        Ok((self.lifetime.seconds().min(seconds), ends))
    }
}

/// What of a presigned URL stays the same from one object to the next.
pub(super) fn template(
    url: &UrlRequest,
    algorithm: Algorithm,
    credential: &Credential,
) -> Result<UrlTemplate<Amz>, IssueError> {
    let request = &url.request;
    request.check_scheme()?;
    if request.stream.is_some() {
        // Servers differ on a URL that switches to a framed body, and none has to take one.
        return Err(IssueError::Invalid { what: "stream", why: "only a request signed in its headers announces one" });
    }
    let mut lines = request.checked_headers()?;
    check_payload(url.payload(), request.content_sha256_header)?;
    let payload = url.payload().line();
    if url.signs_payload_header() {
        lines.push((CONTENT_SHA256, payload.as_bytes()));
    }
    let mut pairs = request.pairs()?;
    pairs.extend(request.signed_region_set(algorithm)?.map(|regions| pair(REGION_SET_PARAM, regions)));
    let token = request.token_of(credential)?.map(|(kind, token)| pair(kind.param(), token));
    let mut after = None;
    match request.token_placement {
        TokenPlacement::Signed => pairs.extend(token),
        TokenPlacement::AfterSigning => after = token,
    }
    UrlTemplate::new(Parts {
        method: &request.method,
        rule: request.rule,
        origin: &request.origin,
        host: request.origin.host(),
        algorithm: algorithm.as_str(),
        pairs,
        after,
        lines: &lines,
        must_sign: must_sign(true, true),
        payload: payload.as_bytes(),
    })
}

/// Sets what depends on the time, and tells when a URL made now ends.
pub(super) fn set_time(
    template: &mut UrlTemplate<Amz>,
    url: &UrlRequest,
    scope: &Scope,
    credential: &Credential,
    now: Timestamp,
) -> Result<Timestamp, IssueError> {
    let (seconds, expires_at) = url.effective(credential, now)?;
    template.set_time(credential.access_key_id(), scope.as_str(), &now.iso_basic(), seconds);
    Ok(expires_at)
}

/// A URL that lacks only its signature.
#[derive(Clone)]
pub struct Prepared {
    url: String,
    method: Cow<'static, str>,
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

    /// The length of the finished URL in bytes.
    pub(super) const fn finished_length(&self) -> usize {
        self.url.len() + "&X-Amz-Signature=".len() + 64
    }

    /// Appends the signature.
    #[must_use]
    pub fn finish(self, signature: &Signature) -> BearerUrl {
        self.finish_with(&signature.hex())
    }

    pub(super) fn finish_with(mut self, hex: &[u8]) -> BearerUrl {
        UrlTemplate::<Amz>::push_signature(&mut self.url, hex);
        BearerUrl::new(self.url, self.method, self.expires_at, self.required)
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
