//! Keys: the public half, the secret half, the half derived for one day, and what they make.

use super::{
    Expect, ExpectForm, PendingForm, Presented, PresentedForm, SigV4, SignedForm, SignedRequest, StringToSign,
    canonical::{Algorithm, S3_SESSION_TOKEN, S3_SESSION_TOKEN_PARAM, SECURITY_TOKEN},
};
use crate::{
    clock::Timestamp,
    encode::{self, Inline},
    error::{KeyError, VerifyError},
    mac::{self, BegunMac, HmacKey},
    secret::Secret,
    token::Verified,
    v4::{
        checks::{self, is_key_id},
        derived::{DerivedKey, KeptKeys},
    },
};
use alloc::string::{String, ToString};
use core::fmt;

/// The longest access key id, region and service that are read or written.
pub(super) const MAX_KEY_ID: usize = 128;
pub(super) const MAX_NAME: usize = 40;
const SCOPE_END: &str = "/aws4_request";
pub(super) const SCOPE_CAPACITY: usize = 8 + 1 + MAX_NAME + 1 + MAX_NAME + SCOPE_END.len();

/// What a token signed with a key names: the access key id and, for temporary credentials, the session
/// token. Never the secret.
#[derive(Clone, Debug)]
pub struct Credential {
    access_key_id: String,
    session_token: Option<Secret<String>>,
    token_kind: TokenKind,
    expires_at: Option<Timestamp>,
}

/// Who gave a session token out, which decides by what name it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// The Security Token Service.
    Security,
    /// `CreateSession` of a directory bucket.
    S3Session,
}

impl TokenKind {
    pub(super) const fn header(self) -> &'static str {
        match self {
            Self::Security => SECURITY_TOKEN,
            Self::S3Session => S3_SESSION_TOKEN,
        }
    }

    pub(super) const fn param(self) -> &'static str {
        match self {
            Self::Security => "X-Amz-Security-Token",
            Self::S3Session => S3_SESSION_TOKEN_PARAM,
        }
    }
}

impl Credential {
    /// A long-term credential.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if the id is empty, longer than 128 bytes, or holds anything but visible
    /// ASCII without `/`.
    pub fn new(access_key_id: impl Into<String>) -> Result<Self, KeyError> {
        let access_key_id = access_key_id.into();
        if !is_key_id(&access_key_id, MAX_KEY_ID) {
            return Err(KeyError::Invalid {
                what: "access key id",
                why: "it must be 1 to 128 visible ASCII characters without `/`",
            });
        }
        Ok(Self { access_key_id, session_token: None, token_kind: TokenKind::Security, expires_at: None })
    }

    /// Makes it temporary: the session token that goes with it.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if the token is empty, longer than 8 KiB, begins or ends with a blank, or
    /// holds a control character.
    pub fn with_session_token(mut self, token: impl Into<Secret<String>>) -> Result<Self, KeyError> {
        let token = token.into();
        let text = token.expose();
        let blank_ends = text.starts_with(' ') || text.ends_with(' ');
        if text.is_empty() || text.len() > 8 << 10 || blank_ends || text.bytes().any(|b| b.is_ascii_control()) {
            return Err(KeyError::Invalid {
                what: "session token",
                why: "it must be 1 to 8192 bytes without control characters or blanks around it",
            });
        }
        self.session_token = Some(token);
        self.token_kind = TokenKind::Security;
        Ok(self)
    }

    /// Makes it one of S3 Express One Zone, which `CreateSession` gives out for a directory bucket and for five minutes.
    /// It signs for that service alone, and its token is sent as `x-amz-s3session-token`. Say when it ends with
    /// [`expiring`](Self::expiring).
    ///
    /// # Errors
    /// As [`with_session_token`](Self::with_session_token).
    pub fn with_s3_session_token(self, token: impl Into<Secret<String>>) -> Result<Self, KeyError> {
        let mut credential = self.with_session_token(token)?;
        credential.token_kind = TokenKind::S3Session;
        Ok(credential)
    }

    /// The last second at which the credential itself is good. No token made with it lives longer.
    #[must_use]
    pub const fn expiring(mut self, at: Timestamp) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// The access key id.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The session token of temporary credentials.
    #[must_use]
    pub const fn session_token(&self) -> Option<&Secret<String>> {
        self.session_token.as_ref()
    }

    /// The same with who gave it out.
    pub(super) fn token(&self) -> Option<(TokenKind, &str)> {
        self.session_token.as_ref().map(|token| (self.token_kind, token.expose().as_str()))
    }

    /// The last second at which the credential is good, if it ends.
    #[must_use]
    pub const fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }
}

/// A credential scope: day, region and service, the three things that a derived key is good for.
///
/// Written `20130524/us-east-1/s3/aws4_request`. That of `SigV4a` has no region, `20130524/s3/aws4_request`: its
/// signature is good in a set of regions, which is signed with the request.
#[derive(Clone, Copy)]
pub struct Scope {
    text: Inline<SCOPE_CAPACITY>,
    /// Where the region and the service end in `text`.
    region_end: u8,
    service_end: u8,
}

impl Scope {
    /// The scope of the day of `at`.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] unless region and service are 1 to 40 letters, digits, `-` or `_`.
    pub fn new(at: Timestamp, region: &str, service: &str) -> Result<Self, KeyError> {
        let date = at.iso_basic();
        Self::from_parts(date.first_chunk().copied().unwrap_or([b'0'; 8]), region, service).ok_or(KeyError::Invalid {
            what: "scope",
            why: "region and service are 1 to 40 letters, digits, `-` or `_`",
        })
    }

    pub(super) fn from_parts(date: [u8; 8], region: &str, service: &str) -> Option<Self> {
        if !(is_name(region) && is_name(service)) || encode::any(&date, |byte| !byte.is_ascii_digit()) {
            return None;
        }
        let mut text = Inline::new();
        text.push(&date)?;
        text.push(b"/")?;
        text.push(region.as_bytes())?;
        let region_end = u8::try_from(text.bytes().len()).ok()?;
        text.push(b"/")?;
        text.push(service.as_bytes())?;
        let service_end = u8::try_from(text.bytes().len()).ok()?;
        text.push(SCOPE_END.as_bytes())?;
        Some(Self { text, region_end, service_end })
    }

    /// That of `SigV4a`.
    pub(super) fn without_region(at: Timestamp, service: &str) -> Result<Self, KeyError> {
        let date = at.iso_basic();
        Self::regionless_from_parts(date.first_chunk().copied().unwrap_or([b'0'; 8]), service)
            .ok_or(KeyError::Invalid { what: "scope", why: "a service is 1 to 40 letters, digits, `-` or `_`" })
    }

    pub(super) fn regionless_from_parts(date: [u8; 8], service: &str) -> Option<Self> {
        if !(is_name(service) && date.iter().all(u8::is_ascii_digit)) {
            return None;
        }
        let mut text = Inline::new();
        text.push(&date)?;
        // INVARIANT: an end before its start is an empty region.
        let region_end = u8::try_from(text.bytes().len()).ok()?;
        text.push(b"/")?;
        text.push(service.as_bytes())?;
        let service_end = u8::try_from(text.bytes().len()).ok()?;
        text.push(SCOPE_END.as_bytes())?;
        Some(Self { text, region_end, service_end })
    }

    /// What signs for such a scope.
    pub(super) fn algorithm(&self) -> Algorithm {
        if self.region_bytes().is_empty() { Algorithm::EcdsaP256Sha256 } else { Algorithm::HmacSha256 }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.text.bytes()
    }

    pub(super) fn date_bytes(&self) -> &[u8] {
        self.as_bytes().get(..8).unwrap_or_default()
    }

    pub(super) fn region_bytes(&self) -> &[u8] {
        self.as_bytes().get(9..usize::from(self.region_end)).unwrap_or_default()
    }

    pub(super) fn service_bytes(&self) -> &[u8] {
        self.as_bytes().get(usize::from(self.region_end) + 1..usize::from(self.service_end)).unwrap_or_default()
    }

    /// The whole scope as it is signed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.as_str().unwrap_or_default()
    }

    /// The day, `YYYYMMDD`.
    #[must_use]
    pub fn date(&self) -> &str {
        core::str::from_utf8(self.date_bytes()).unwrap_or_default()
    }

    /// The region; empty in a scope of `SigV4a`.
    #[must_use]
    pub fn region(&self) -> &str {
        core::str::from_utf8(self.region_bytes()).unwrap_or_default()
    }

    /// The service.
    #[must_use]
    pub fn service(&self) -> &str {
        core::str::from_utf8(self.service_bytes()).unwrap_or_default()
    }
}

/// What a region or service may be called.
pub(super) fn is_name(text: &str) -> bool {
    checks::is_name(text, MAX_NAME)
}

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        self.text.bytes() == other.text.bytes()
    }
}

impl Eq for Scope {}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A Signature Version 4 signature: 32 bytes, 64 lower-case hex digits on the wire.
///
/// A signature is the secret part of a token, so it prints as `[redacted]` and is compared in constant
/// time by [`Pending::accept`](super::Pending::accept) alone.
#[derive(Clone)]
pub struct Signature(Secret<[u8; 32]>);

impl Signature {
    /// A signature that a remote holder made.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes))
    }

    /// Reads 64 lower-case hex digits.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for anything else.
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        encode::from_hex_lower(text.as_bytes())
            .map(Self::from_bytes)
            .ok_or(KeyError::Invalid { what: "signature", why: "it must be 64 lower-case hex digits" })
    }

    pub(super) fn hex(&self) -> [u8; 64] {
        encode::hex_lower(self.0.expose())
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A secret access key in this process's memory, with an optional session token.
///
/// The key derived for a day, region and service is kept for the few scopes last used, so that only
/// the first token of a day pays for the derivation. (Without the `std` feature there is no lock to
/// keep it behind: use [`derive_scoped`](Self::derive_scoped).)
///
/// ```
/// use valet_key::{aws::{Credential, StaticKey}, clock::Timestamp, secret::Secret};
///
/// let credential = Credential::new("ASIAEXAMPLE")?
///     .with_session_token("FwoGZXIvYXdzEXAMPLE")?
///     .expiring(Timestamp::parse_iso_basic("20130524T120000Z")?);
/// let key = StaticKey::from_credential(credential, "secret")?;
/// assert!(!format!("{key:?}").contains("secret"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct StaticKey {
    credential: Credential,
    secret: Secret<String>,
    derived: KeptKeys<Scope>,
}

impl StaticKey {
    /// A long-term key.
    ///
    /// # Errors
    /// [`KeyError::Invalid`], see [`Credential::new`], or if the secret is empty or longer than 1 KiB.
    pub fn new(access_key_id: impl Into<String>, secret: impl Into<Secret<String>>) -> Result<Self, KeyError> {
        Self::from_credential(Credential::new(access_key_id)?, secret)
    }

    /// A key with a session token or an end.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if the secret is empty or longer than 1 KiB.
    pub fn from_credential(credential: Credential, secret: impl Into<Secret<String>>) -> Result<Self, KeyError> {
        let secret = secret.into();
        check_secret(&secret)?;
        Ok(Self { credential, secret, derived: KeptKeys::new() })
    }

    /// The key for one day, region and service, to hand to an edge that must not have the secret.
    #[must_use]
    pub fn derive_scoped(&self, scope: &Scope) -> ScopedKey {
        ScopedKey { credential: self.credential.clone(), derived: self.derive(scope) }
    }

    fn derive(&self, scope: &Scope) -> DerivedKey<Scope> {
        let parts = [scope.date_bytes(), scope.region_bytes(), scope.service_bytes(), b"aws4_request"];
        DerivedKey::chain(*scope, "AWS4", self.secret.expose(), parts)
    }

    #[cfg(feature = "legacy")]
    pub(super) fn secret(&self) -> &str {
        self.secret.expose()
    }

    /// Judges a request that was examined without a key, and keeps the derived key once it was accepted.
    /// Tells whether it was accepted in a scope that is new to this key.
    pub(super) fn judge(
        &self,
        presented: &Presented<'_>,
        string_to_sign: &StringToSign,
        now: Timestamp,
    ) -> Result<bool, VerifyError> {
        let scope = presented.scope();
        if let Some(expected) = self.sign_with_kept(scope, string_to_sign) {
            return presented.judge(&expected, &self.credential, now).map(|()| false);
        }
        let derived = self.derive(scope);
        presented.judge(&sign_with(&derived, string_to_sign), &self.credential, now)?;
        self.derived.keep(derived);
        Ok(true)
    }

    /// Judges a form, and keeps the derived key once it was accepted. Tells whether it was accepted in a scope that
    /// is new to this key.
    pub(super) fn accept_form<'r>(
        &self,
        pending: PendingForm<'r>,
    ) -> Result<(Verified<SignedForm<'r>>, bool), VerifyError> {
        if let Some(expected) = self.sign_with_kept(pending.scope(), pending.string_to_sign()) {
            return pending.accept(&expected).map(|form| (form, false));
        }
        let derived = self.derive(pending.scope());
        let expected = sign_with(&derived, pending.string_to_sign());
        let form = pending.accept(&expected)?;
        self.derived.keep(derived);
        Ok((form, true))
    }

    /// Derives and keeps the key of a scope ahead of its use.
    pub(super) fn prepare_for(&self, scope: &Scope) {
        self.derived.keep(self.derive(scope));
    }

    /// Signs with a key that was kept for that scope, if there is one.
    fn sign_with_kept(&self, scope: &Scope, message: &StringToSign) -> Option<Signature> {
        self.derived.mac(scope, message.as_bytes()).map(Signature::from_bytes)
    }
}

pub(super) fn check_secret(secret: &Secret<String>) -> Result<(), KeyError> {
    if secret.expose().is_empty() || secret.expose().len() > 1 << 10 {
        return Err(KeyError::Invalid { what: "secret access key", why: "it must be 1 to 1024 bytes" });
    }
    Ok(())
}

/// Signs with a key that belongs to the message's scope.
fn sign_with(derived: &DerivedKey<Scope>, message: &StringToSign) -> Signature {
    Signature::from_bytes(derived.key.mac(message.as_bytes()))
}

impl SigV4 for StaticKey {
    fn credential(&self) -> &Credential {
        &self.credential
    }

    fn sign(&self, scope: &Scope, message: &StringToSign) -> Result<Signature, KeyError> {
        if let Some(signature) = self.sign_with_kept(scope, message) {
            return Ok(signature);
        }
        if scope.algorithm() != Algorithm::HmacSha256 {
            return Err(KeyError::Invalid { what: "scope", why: "it has no region, so it belongs to SigV4a" });
        }
        let derived = self.derive(scope);
        let signature = sign_with(&derived, message);
        self.derived.keep(derived);
        Ok(signature)
    }

    fn scoped(&self, scope: &Scope) -> Option<ScopedKey> {
        Some(self.derive_scoped(scope))
    }

    /// As for every holder, but a derived key is kept only once a signature was accepted with it: what
    /// a peer sends must not push out the keys in use.
    fn verify<'r>(
        &self,
        presented: Presented<'r>,
        expect: &Expect,
        now: Timestamp,
    ) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        if presented.access_key_id() != self.credential.access_key_id() {
            return Err(VerifyError::OtherKey);
        }
        let finding = presented.examine(expect, now)?;
        self.judge(&presented, &presented.string_to_sign(&finding), now)?;
        Ok(presented.verified(finding, |scope| self.scoped(scope)))
    }

    fn verify_form<'r>(
        &self,
        presented: PresentedForm<'r>,
        expect: &ExpectForm,
        now: Timestamp,
    ) -> Result<Verified<SignedForm<'r>>, VerifyError> {
        let pending = presented.check(&self.credential, expect, now)?;
        self.accept_form(pending).map(|(form, _)| form)
    }
}

impl fmt::Debug for StaticKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticKey").field("credential", &self.credential).finish_non_exhaustive()
    }
}

/// A key for one day, region and service: what an edge may hold.
///
/// Made by [`StaticKey::derive_scoped`], or from the 32 bytes that another process derived.
#[derive(Clone)]
pub struct ScopedKey {
    credential: Credential,
    derived: DerivedKey<Scope>,
}

impl ScopedKey {
    /// From the signing key of that scope, as derived by whoever has the secret.
    #[must_use]
    pub fn from_signing_key(credential: Credential, scope: Scope, signing_key: &Secret<[u8; 32]>) -> Self {
        Self { credential, derived: DerivedKey { scope, key: HmacKey::new(signing_key.expose()) } }
    }

    /// What the key signs for.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.derived.scope
    }

    /// Signs what is known to belong to this key's scope.
    pub(super) fn sign_in_scope(&self, message: &StringToSign) -> Signature {
        sign_with(&self.derived, message)
    }

    /// Begins the MAC of a message that is known to belong to this key's scope: all that stands before its digest. One that is over gives it
    /// its memory.
    pub(super) fn begin(&self, message: &StringToSign, over: Option<BegunMac>) -> BegunMac {
        self.derived.key.begin(message.before_digest(), over)
    }
}

impl SigV4 for ScopedKey {
    fn credential(&self) -> &Credential {
        &self.credential
    }

    fn sign(&self, scope: &Scope, message: &StringToSign) -> Result<Signature, KeyError> {
        if *scope != self.derived.scope {
            return Err(KeyError::OutOfScope { key: self.derived.scope.to_string(), asked: scope.to_string() });
        }
        Ok(sign_with(&self.derived, message))
    }

    fn scoped(&self, scope: &Scope) -> Option<ScopedKey> {
        (*scope == self.derived.scope).then(|| self.clone())
    }

    /// As for every holder, without the copies that handing the two halves over would take.
    fn verify<'r>(
        &self,
        presented: Presented<'r>,
        expect: &Expect,
        now: Timestamp,
    ) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        if presented.access_key_id() != self.credential.access_key_id() {
            return Err(VerifyError::OtherKey);
        }
        let finding = presented.examine(expect, now)?;
        let expected = self.sign(presented.scope(), &presented.string_to_sign(&finding))?;
        presented.judge(&expected, &self.credential, now)?;
        Ok(presented.verified(finding, |scope| self.scoped(scope)))
    }
}

impl fmt::Debug for ScopedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedKey")
            .field("credential", &self.credential)
            .field("scope", &self.derived.scope)
            .finish_non_exhaustive()
    }
}

/// Whether two session tokens are equal, in time that depends on their lengths alone.
pub(super) fn same_token(ours: &str, theirs: &[u8]) -> bool {
    mac::equal(ours.as_bytes(), theirs)
}
