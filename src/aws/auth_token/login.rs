//! What a token logs in to: one description for the side that issues and the side that verifies.

use super::{
    fields::Proof,
    sign::PreparedToken,
    verify::{PresentedToken, SignedLogin},
};
use crate::{
    aws::{Credential, Expect, KeyRing, OnShortCredential, Region, Request, SigV4, TokenPlacement, UrlRequest},
    clock::Timestamp,
    error::{IssueError, VerifyError},
    grant::{Justification, Lifetime},
    origin::Origin,
    token::{BearerToken, Verified},
};
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::fmt;

/// The longest token that is written or read, in bytes. A long session token takes a few KiB of it.
pub(super) const MAX_TOKEN: usize = 16 << 10;
/// The longest user or cluster name in bytes.
const MAX_TEXT: usize = 255;

/// How a signed URL is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    /// Without its scheme.
    Password,
    /// With the scheme of a WebSocket.
    WebSocket,
    /// In base64url without padding, behind a prefix.
    Base64 { prefix: &'static str, limit: usize },
    /// Its fields as a JSON object.
    Json,
}

/// What a token logs in to, and as whom.
///
/// The client issues a token for it; the server holds a token to it. Nothing in a token that is not in its login is
/// accepted, and nothing that is in the login may be missing.
///
/// ```
/// use valet_key::{aws::{StaticKey, auth_token::Login}, clock::Timestamp};
///
/// let now = Timestamp::parse_iso_basic("20261124T120000Z")?;
/// let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
/// let login = Login::rds("db.example", 5432, "jane", "eu-west-1")?;
///
/// let password = login.issue(&key, now)?;
/// assert!(password.expose().starts_with("db.example:5432/?Action=connect&DBUser=jane&X-Amz-Algorithm="));
/// assert_eq!(password.expires_at().to_string(), "2026-11-24T12:15:00Z");
///
/// // The server knows its own name and port, and who wants to log in.
/// let verified = login.verify(password.expose(), &key, now)?;
/// assert_eq!(verified.access_key_id(), "AKIAIOSFODNN7EXAMPLE");
/// let other = Login::rds("db.example", 5432, "root", "eu-west-1")?;
/// assert!(other.verify(password.expose(), &key, now).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Login {
    pub(super) carrier: Carrier,
    request: Request,
    pub(super) path: &'static str,
    /// The parameters of the request, which a token must have, once each.
    pub(super) params: Vec<(&'static str, String)>,
    /// A signed header that the token itself does not carry.
    pub(super) header: Option<(&'static str, String)>,
    /// Whom the client logs in as, for families that say so.
    pub(super) user: Option<String>,
    /// What the client calls itself, unsigned, for families that want it.
    pub(super) user_agent: Option<String>,
    lifetime: Lifetime,
    maximum: Lifetime,
    /// What the client is told at most, in seconds, if that is less than how long the token really lives.
    told: Option<u32>,
    on_short_credential: OnShortCredential,
    pub(super) expect: Expect,
}

impl Login {
    pub(super) fn new(
        carrier: Carrier,
        origin: Origin,
        region: &Region,
        service: &str,
        path: &'static str,
    ) -> Result<Self, IssueError> {
        let expect = Expect::new(region.as_str(), service).host(origin.host()).max_lifetime(Lifetime::DEFAULT);
        let request = Request::to("GET", origin, region.clone(), service)?.path(path);
        Ok(Self {
            carrier,
            request,
            path,
            params: Vec::new(),
            header: None,
            user: None,
            user_agent: None,
            lifetime: Lifetime::DEFAULT,
            maximum: Lifetime::DEFAULT,
            told: None,
            on_short_credential: OnShortCredential::Refuse,
            expect,
        })
    }

    pub(super) fn param(mut self, name: &'static str, value: &str) -> Self {
        self.request = self.request.query(name, value);
        self.params.push((name, value.to_owned()));
        self
    }

    pub(super) fn signed_header(mut self, name: &'static str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self.header = Some((name, value.to_owned()));
        self
    }

    pub(super) fn with_user(self, name: &'static str, user: &str) -> Result<Self, IssueError> {
        check_text("user", user)?;
        let mut login = self.param(name, user);
        login.user = Some(user.to_owned());
        Ok(login)
    }

    pub(super) fn at_most(mut self, maximum: Lifetime) -> Self {
        self.maximum = maximum;
        self.expect = self.expect.max_lifetime(maximum);
        self
    }

    pub(super) fn says(mut self, lifetime: Lifetime, told: u32) -> Self {
        self.lifetime = lifetime;
        self.told = Some(told);
        self
    }

    pub(super) fn session_token(mut self, placement: TokenPlacement) -> Self {
        self.request = self.request.session_token(placement);
        self.expect = self.expect.session_token(placement);
        self
    }

    pub(super) fn host(&self) -> &str {
        self.request.origin.host()
    }

    pub(super) fn service(&self) -> &str {
        &self.request.service
    }

    /// Lives this long. No family takes more than 900 s but Aurora DSQL, where more needs [`because`](Self::because).
    /// A token for EKS lives for 15 minutes whatever it says.
    #[must_use]
    pub const fn lives(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// What to do when the credential ends before the token.
    #[must_use]
    pub const fn on_short_credential(mut self, choice: OnShortCredential) -> Self {
        self.on_short_credential = choice;
        self
    }

    /// Says why a token for Aurora DSQL has to live for more than 15 minutes.
    #[must_use]
    pub fn because(mut self, why: Justification) -> Self {
        self.request = self.request.because(why);
        self
    }

    /// For verifying: how far the clocks may differ, in seconds. It never extends the life of a token.
    #[must_use]
    pub fn skew(mut self, seconds: u32) -> Self {
        self.expect = self.expect.skew(seconds);
        self
    }

    /// For verifying: the longest lifetime that is accepted, at most that of the family.
    #[must_use]
    pub fn max_lifetime(mut self, lifetime: Lifetime) -> Self {
        self.expect = self.expect.max_lifetime(lifetime.min(self.maximum));
        self
    }

    /// What a generic verifier of requests expects of this login: for a server that sees the request itself, such as
    /// the WebSocket upgrade of [`Login::iot`].
    #[must_use]
    pub const fn expect(&self) -> &Expect {
        &self.expect
    }

    /// Prepares the token: no secret, no I/O.
    ///
    /// # Errors
    /// [`IssueError::LifetimeTooLong`] beyond what the family allows, [`IssueError::Unjustified`] for more than 15
    /// minutes without a reason, [`IssueError::OutlivesCredential`] if the credential ends first, and
    /// [`IssueError::Invalid`] if the token would be longer than servers read, because of a long session token.
    pub fn prepare(&self, credential: &Credential, now: Timestamp) -> Result<PreparedToken, IssueError> {
        if self.lifetime > self.maximum {
            return Err(IssueError::LifetimeTooLong {
                requested: self.lifetime.seconds(),
                maximum: self.maximum.seconds(),
                service: self.service().to_owned(),
            });
        }
        let url =
            UrlRequest::new(self.request.clone()).lives(self.lifetime).on_short_credential(self.on_short_credential);
        PreparedToken::new(self, url.prepare(credential, now)?, self.told.and_then(|told| now.checked_add(told)))
    }

    /// Makes the token, good from `now`.
    ///
    /// # Errors
    /// Those of [`prepare`](Self::prepare), and [`IssueError::Key`].
    pub fn issue(&self, key: &(impl SigV4 + ?Sized), now: Timestamp) -> Result<BearerToken, IssueError> {
        let prepared = self.prepare(key.credential(), now)?;
        let signature = key.sign(prepared.scope(), prepared.string_to_sign())?;
        Ok(prepared.finish(&signature))
    }

    /// Reads a token for this login. Tells the access key id and the scope, so that the caller can look the key up.
    ///
    /// # Errors
    /// [`VerifyError::TooLarge`] past 16 KiB (4,096 bytes for EKS), [`VerifyError::Malformed`] for a text that is no such
    /// token or has a parameter too many, [`VerifyError::Host`], [`VerifyError::FieldCount`] for a parameter that is missing
    /// or repeated, [`VerifyError::NotCovered`] for one that says something else, and those of
    /// [`Presented::parse`](crate::aws::Presented::parse).
    pub fn parse<'l>(&'l self, text: &str) -> Result<PresentedToken<'l>, VerifyError> {
        PresentedToken::new(self, Proof::read(self, text)?)
    }

    /// Checks a token against this key.
    ///
    /// # Errors
    /// Those of [`parse`](Self::parse), [`PresentedToken::check`] and [`PendingToken::accept`](super::PendingToken::accept).
    pub fn verify(
        &self,
        text: &str,
        key: &(impl SigV4 + ?Sized),
        now: Timestamp,
    ) -> Result<Verified<SignedLogin>, VerifyError> {
        Proof::read(self, text)?.verified(self, |presented| key.verify(presented, &self.expect, now))
    }

    /// Checks a token against the key that it names.
    ///
    /// # Errors
    /// Those of [`verify`](Self::verify), and [`VerifyError::UnknownKey`].
    pub fn verify_among(
        &self,
        text: &str,
        keys: &KeyRing,
        now: Timestamp,
    ) -> Result<Verified<SignedLogin>, VerifyError> {
        Proof::read(self, text)?.verified(self, |presented| keys.verify(presented, &self.expect, now))
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("service", &self.service())
            .field("host", &self.host())
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// A text that goes into a parameter or a header as it is.
pub(super) fn check_text(what: &'static str, text: &str) -> Result<(), IssueError> {
    if text.is_empty() || text.len() > MAX_TEXT || text.chars().any(char::is_control) {
        return Err(IssueError::Invalid { what, why: "it must be 1 to 255 bytes without control characters" });
    }
    Ok(())
}

/// The origin of a DNS name, which a token names without a port.
pub(super) fn https(host: &str) -> Result<Origin, IssueError> {
    if host.contains([':', '/']) {
        return Err(IssueError::Invalid { what: "host", why: "it must be a DNS name without scheme, port or path" });
    }
    Origin::parse(&alloc::format!("https://{host}"))
}
