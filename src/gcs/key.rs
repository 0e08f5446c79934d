//! Keys: the public half, the secret half, the half derived for one day, and what they make.

use super::{Expect, GoogV4, PendingForm, Presented, SignedForm, SignedRequest, StringToSign};
use crate::{
    clock::Timestamp,
    encode::{self, Inline},
    error::{KeyError, VerifyError},
    mac::BegunMac,
    secret::Secret,
    token::Verified,
    v4::{
        checks::{is_key_id, is_name},
        derived::{DerivedKey, KeptKeys},
    },
};
use alloc::{string::String, vec::Vec};
use core::fmt;

/// The longest id and location that are read or written.
pub(super) const MAX_ID: usize = 254;
const MAX_LOCATION: usize = 40;
const SCOPE_END: &str = "/storage/goog4_request";
pub(super) const SCOPE_CAPACITY: usize = 8 + 1 + MAX_LOCATION + SCOPE_END.len();

/// How a token is signed. It belongs to the key: a token never chooses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `GOOG4-RSA-SHA256`: the private key of a service account, RSA PKCS #1 v1.5 over SHA-256.
    RsaSha256,
    /// `GOOG4-HMAC-SHA256`: the secret of an HMAC key.
    HmacSha256,
}

impl Algorithm {
    /// As `X-Goog-Algorithm` names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RsaSha256 => "GOOG4-RSA-SHA256",
            Self::HmacSha256 => "GOOG4-HMAC-SHA256",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::RsaSha256, Self::HmacSha256].into_iter().find(|algorithm| algorithm.as_str() == text)
    }
}

/// What a token signed with a key names, and how it is signed. Never the secret.
#[derive(Clone, Debug)]
pub struct Credential {
    id: String,
    algorithm: Algorithm,
    expires_at: Option<Timestamp>,
}

impl Credential {
    /// A service account, by its e-mail address.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] unless it is an address of at most 254 visible ASCII characters without `/`.
    pub fn service_account(email: impl Into<String>) -> Result<Self, KeyError> {
        let id = email.into();
        if !is_id(&id) || id.split('@').filter(|part| !part.is_empty()).count() != 2 {
            return Err(KeyError::Invalid {
                what: "service account",
                why: "it must be an e-mail address of at most 254 visible ASCII characters without `/`",
            });
        }
        Ok(Self { id, algorithm: Algorithm::RsaSha256, expires_at: None })
    }

    /// An HMAC key, by its access id.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] unless it begins with `GOOG` and holds at most 254 letters and digits.
    pub fn hmac_key(access_id: impl Into<String>) -> Result<Self, KeyError> {
        let id = access_id.into();
        if !id.starts_with("GOOG") || id.len() > MAX_ID || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(KeyError::Invalid {
                what: "access id",
                why: "that of an HMAC key begins with `GOOG` and holds letters and digits",
            });
        }
        Ok(Self { id, algorithm: Algorithm::HmacSha256, expires_at: None })
    }

    /// The last second at which the key itself is good. No token made with it lives longer.
    #[must_use]
    pub const fn expiring(mut self, at: Timestamp) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// The e-mail address or access id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How its key signs.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The last second at which the key is good, if it ends.
    #[must_use]
    pub const fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }
}

/// What the part of a credential before its scope may be.
pub(super) fn is_id(text: &str) -> bool {
    is_key_id(text, MAX_ID)
}

/// A credential scope: the day and a location.
///
/// Written `20190201/auto/storage/goog4_request`. Cloud Storage does not hold the location to the
/// bucket's, and everybody writes `auto`.
#[derive(Clone, Copy)]
pub struct Scope {
    text: Inline<SCOPE_CAPACITY>,
    location_end: u8,
}

impl Scope {
    /// The scope of the day of `at`.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] unless the location is 1 to 40 letters, digits, `-` or `_`.
    pub fn new(at: Timestamp, location: &str) -> Result<Self, KeyError> {
        let date = at.iso_basic();
        Self::from_parts(date.first_chunk().copied().unwrap_or([b'0'; 8]), location)
            .ok_or(KeyError::Invalid { what: "scope", why: "a location is 1 to 40 letters, digits, `-` or `_`" })
    }

    pub(super) fn from_parts(date: [u8; 8], location: &str) -> Option<Self> {
        if !is_name(location, MAX_LOCATION) || encode::any(&date, |byte| !byte.is_ascii_digit()) {
            return None;
        }
        let mut text = Inline::new();
        text.push(&date)?;
        text.push(b"/")?;
        text.push(location.as_bytes())?;
        let location_end = u8::try_from(text.bytes().len()).ok()?;
        text.push(SCOPE_END.as_bytes())?;
        Some(Self { text, location_end })
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.text.bytes()
    }

    pub(super) fn date_bytes(&self) -> &[u8] {
        self.as_bytes().get(..8).unwrap_or_default()
    }

    fn location_bytes(&self) -> &[u8] {
        self.as_bytes().get(9..usize::from(self.location_end)).unwrap_or_default()
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

    /// The location.
    #[must_use]
    pub fn location(&self) -> &str {
        core::str::from_utf8(self.location_bytes()).unwrap_or_default()
    }
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

/// A signature: 32 bytes of HMAC, or as many bytes as the modulus of an RSA key has.
///
/// A signature is the secret part of a token, so it prints as `[redacted]` and is compared in constant
/// time by [`Pending::accept`](super::Pending::accept) alone.
#[derive(Clone)]
pub struct Signature(Bytes);

#[derive(Clone)]
enum Bytes {
    Hmac(Secret<[u8; 32]>),
    Rsa(Secret<Vec<u8>>),
    /// Of V2 alone.
    #[cfg(feature = "legacy")]
    HmacSha1(Secret<[u8; 20]>),
}

const OTHER_ALGORITHM: KeyError =
    KeyError::Invalid { what: "signature", why: "it was made by another algorithm than the credential's" };

/// The sizes of an RSA signature: keys of 2,048 to 4,096 bits.
pub(super) const RSA_BYTES: core::ops::RangeInclusive<usize> = 256..=512;

impl Signature {
    /// The signature of an HMAC key.
    #[must_use]
    pub const fn hmac(bytes: [u8; 32]) -> Self {
        Self(Bytes::Hmac(Secret::new(bytes)))
    }

    /// The signature of an RSA key, as `signBlob`, a KMS or an HSM returns it: big-endian bytes.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] unless there are 256 to 512 of them.
    pub fn rsa(bytes: impl Into<Vec<u8>>) -> Result<Self, KeyError> {
        let bytes = Secret::new(bytes.into());
        if !RSA_BYTES.contains(&bytes.expose().len()) {
            return Err(KeyError::Invalid { what: "signature", why: "that of an RSA key has 256 to 512 bytes" });
        }
        Ok(Self(Bytes::Rsa(bytes)))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match &self.0 {
            Bytes::Hmac(bytes) => bytes.expose(),
            Bytes::Rsa(bytes) => bytes.expose(),
            #[cfg(feature = "legacy")]
            Bytes::HmacSha1(bytes) => bytes.expose(),
        }
    }

    /// The signature, if it is one of this algorithm.
    pub(super) const fn of(&self, algorithm: Algorithm) -> Result<&Self, KeyError> {
        match (&self.0, algorithm) {
            (Bytes::Hmac(_), Algorithm::HmacSha256) | (Bytes::Rsa(_), Algorithm::RsaSha256) => Ok(self),
            _ => Err(OTHER_ALGORITHM),
        }
    }

    /// The signature, if it is one that V2 makes with a key of this algorithm.
    #[cfg(feature = "legacy")]
    pub(super) const fn of_legacy(&self, algorithm: Algorithm) -> Result<&Self, KeyError> {
        match (&self.0, algorithm) {
            (Bytes::HmacSha1(_), Algorithm::HmacSha256) | (Bytes::Rsa(_), Algorithm::RsaSha256) => Ok(self),
            _ => Err(OTHER_ALGORITHM),
        }
    }

    /// The signature that an HMAC key makes in V2: HMAC with SHA-1.
    #[cfg(feature = "legacy")]
    #[must_use]
    pub const fn legacy_hmac_sha1(bytes: [u8; 20]) -> Self {
        Self(Bytes::HmacSha1(Secret::new(bytes)))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// An HMAC key in this process's memory.
///
/// The secret is used as the text that the console shows. (Some programs base64-decode it first; what
/// they sign is refused.) The key derived for a day is kept, so that only the first token of a day pays
/// for the derivation.
///
/// ```
/// use valet_key::{clock::Timestamp, gcs::{GoogV4, HmacKey, UrlRequest}, grant::Grant};
///
/// let key = HmacKey::new("GOOG1EXAMPLE", "secret")?;
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let url = key.signed_url(&UrlRequest::storage(&Grant::read("photos", "cat.jpg"))?, now)?;
/// assert!(url.expose().starts_with("https://storage.googleapis.com/photos/cat.jpg?X-Goog-Algorithm=GOOG4-HMAC-SHA256&"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct HmacKey {
    credential: Credential,
    secret: Secret<String>,
    derived: KeptKeys<Scope>,
}

impl HmacKey {
    /// An HMAC key.
    ///
    /// # Errors
    /// [`KeyError::Invalid`], see [`Credential::hmac_key`], or if the secret is empty or longer than 1 KiB.
    pub fn new(access_id: impl Into<String>, secret: impl Into<Secret<String>>) -> Result<Self, KeyError> {
        Self::from_credential(Credential::hmac_key(access_id)?, secret)
    }

    /// An HMAC key with an end.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if the credential is not that of an HMAC key, or the secret is empty or longer
    /// than 1 KiB.
    pub fn from_credential(credential: Credential, secret: impl Into<Secret<String>>) -> Result<Self, KeyError> {
        let secret = secret.into();
        if credential.algorithm != Algorithm::HmacSha256 {
            return Err(KeyError::Invalid { what: "credential", why: "it must be that of an HMAC key" });
        }
        if !(1..=1 << 10).contains(&secret.expose().len()) {
            return Err(KeyError::Invalid { what: "secret", why: "it must be 1 to 1024 bytes" });
        }
        Ok(Self { credential, secret, derived: KeptKeys::new() })
    }

    fn derive(&self, scope: &Scope) -> DerivedKey<Scope> {
        let parts = [scope.date_bytes(), scope.location_bytes(), b"storage", b"goog4_request"];
        DerivedKey::chain(*scope, "GOOG4", self.secret.expose(), parts)
    }

    /// Signs a text of V2.
    #[cfg(feature = "legacy")]
    pub(super) fn sign_legacy(&self, message: &StringToSign) -> Result<Signature, KeyError> {
        crate::v2::hmac_sha1(self.secret.expose(), message.as_bytes()).map(Signature::legacy_hmac_sha1)
    }

    /// The key of one scope, for a signer that makes many tokens in it.
    pub(super) fn scoped(&self, scope: &Scope) -> ScopedKey {
        ScopedKey(self.derive(scope))
    }

    /// Judges a request that was examined without a key, and keeps the derived key once it was accepted.
    /// Tells whether it was accepted in a scope that is new to this key.
    pub(super) fn judge(
        &self,
        presented: &Presented<'_>,
        string_to_sign: &StringToSign,
        now: Timestamp,
    ) -> Result<bool, VerifyError> {
        let (scope, message) = (presented.scope(), string_to_sign.as_bytes());
        if let Some(mac) = self.derived.mac(scope, message) {
            return presented.judge(&Signature::hmac(mac), &self.credential, now).map(|()| false);
        }
        let derived = self.derive(scope);
        presented.judge(&Signature::hmac(derived.key.mac(message)), &self.credential, now)?;
        self.derived.keep(derived);
        Ok(true)
    }

    /// The same for a form. What it returns is the verified form.
    pub(super) fn accept_form<'r>(
        &self,
        pending: PendingForm<'r>,
    ) -> Result<(Verified<SignedForm<'r>>, bool), VerifyError> {
        let scope = *pending.scope();
        let message = pending.string_to_sign().as_bytes();
        if let Some(mac) = self.derived.mac(&scope, message) {
            return pending.accept(&Signature::hmac(mac)).map(|form| (form, false));
        }
        let derived = self.derive(&scope);
        let signature = Signature::hmac(derived.key.mac(message));
        let form = pending.accept(&signature)?;
        self.derived.keep(derived);
        Ok((form, true))
    }

    /// Derives and keeps the key of a scope ahead of its use.
    pub(super) fn prepare_for(&self, scope: &Scope) {
        self.derived.keep(self.derive(scope));
    }
}

/// The key of one scope.
#[derive(Clone)]
pub struct ScopedKey(DerivedKey<Scope>);

impl ScopedKey {
    /// Begins the MAC of a message of this scope: all that stands before its digest. One that is over gives it
    /// its memory.
    pub(super) fn begin(&self, message: &StringToSign, over: Option<BegunMac>) -> BegunMac {
        self.0.key.begin(message.before_digest(), over)
    }
}

impl fmt::Debug for ScopedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedKey").field("scope", &self.0.scope).finish_non_exhaustive()
    }
}

impl GoogV4 for HmacKey {
    fn credential(&self) -> &Credential {
        &self.credential
    }

    fn sign(&self, scope: &Scope, message: &StringToSign) -> Result<Signature, KeyError> {
        if let Some(mac) = self.derived.mac(scope, message.as_bytes()) {
            return Ok(Signature::hmac(mac));
        }
        let derived = self.derive(scope);
        let signature = Signature::hmac(derived.key.mac(message.as_bytes()));
        self.derived.keep(derived);
        Ok(signature)
    }

    fn scoped(&self, scope: &Scope) -> Option<ScopedKey> {
        Some(Self::scoped(self, scope))
    }

    /// As for every holder, but a derived key is kept only once a signature was accepted with it: what
    /// a peer sends must not push out the keys in use.
    fn verify<'r>(
        &self,
        presented: Presented<'r>,
        expect: &Expect,
        now: Timestamp,
    ) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        presented.names(&self.credential)?;
        let finding = presented.examine(expect, now)?;
        self.judge(&presented, &presented.string_to_sign(&finding), now)?;
        Ok(presented.verified(finding))
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HmacKey").field("credential", &self.credential).finish_non_exhaustive()
    }
}

/// Reads `<id>/<YYYYMMDD>/<location>/storage/goog4_request`, as it stands in a form.
pub(super) fn read_credential(text: &str) -> Option<(&str, Scope)> {
    let scope = text.strip_suffix(SCOPE_END)?;
    let mut parts = scope.split('/');
    let (id, date, location) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || !is_id(id) {
        return None;
    }
    Some((id, Scope::from_parts(date.as_bytes().try_into().ok()?, location)?))
}

/// Writes bytes as lower-case hex.
pub(super) fn push_hex(text: &mut String, bytes: &[u8]) {
    let (chunks, rest) = bytes.as_chunks::<32>();
    for chunk in chunks {
        text.push_str(core::str::from_utf8(&encode::hex_lower(chunk)).unwrap_or_default());
    }
    text.push_str(&hex::encode(rest));
}
