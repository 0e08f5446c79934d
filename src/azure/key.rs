//! Keys: the public half, the secret half, and what they make.

use super::{Expect, Presented, Sas, SignedRequest, StringToSign, time::Moment, version::Version};
use crate::{
    clock::Timestamp,
    encode,
    error::{KeyError, VerifyError},
    mac,
    secret::Secret,
    token::Verified,
};
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::fmt;

/// A user delegation key lives for a week at most.
pub(super) const WEEK: u32 = 7 * 24 * 60 * 60;

/// Whose key signs: a storage account, and if the key is a delegated one, whom it speaks for. Never the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    account: String,
    delegation: Option<Delegation>,
}

/// The public half of a user delegation key, as the service wrote it: its texts are part of what is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    pub(super) oid: String,
    pub(super) tid: String,
    pub(super) start: String,
    pub(super) expiry: String,
    pub(super) service: String,
    pub(super) version: String,
    pub(super) delegated_user_tid: Option<String>,
    pub(super) starts_at: Timestamp,
    pub(super) expires_at: Timestamp,
}

impl Credential {
    /// A storage account with its account key.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] unless the name is 3 to 24 ASCII letters and digits.
    pub fn account(name: impl Into<String>) -> Result<Self, KeyError> {
        let account = name.into();
        if !is_account(&account) {
            return Err(KeyError::Invalid { what: "account name", why: "it must be 3 to 24 letters and digits" });
        }
        Ok(Self { account, delegation: None })
    }

    /// A storage account with a user delegation key.
    ///
    /// # Errors
    /// As [`account`](Self::account).
    pub fn delegated(account: impl Into<String>, delegation: Delegation) -> Result<Self, KeyError> {
        Ok(Self { delegation: Some(delegation), ..Self::account(account)? })
    }

    /// The storage account.
    #[must_use]
    pub fn account_name(&self) -> &str {
        &self.account
    }

    /// Whom a user delegation key speaks for; nothing for an account key.
    #[must_use]
    pub const fn delegation(&self) -> Option<&Delegation> {
        self.delegation.as_ref()
    }

    /// The last second at which the key is good, if it ends.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.delegation.as_ref().map(|delegation| delegation.expires_at)
    }
}

pub(super) fn is_account(name: &str) -> bool {
    (3..=24).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl Delegation {
    /// From the fields of an answer to Get User Delegation Key: object id and tenant id of who asked, the two ends of
    /// the key's life, the service (`b`, `q`, `t` or `f`) and the version.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for ids that are no GUIDs, times in no form that the service writes, an end that is not
    /// after the start or more than seven days after it, or an unknown service or version.
    pub fn new(ids: [&str; 2], window: [&str; 2], service: &str, version: &str) -> Result<Self, KeyError> {
        let invalid = |what, why| KeyError::Invalid { what, why };
        let ([oid, tid], [start, expiry]) = (ids, window);
        if ![oid, tid].into_iter().all(is_guid) {
            return Err(invalid("user delegation key", "its object and tenant id must be GUIDs"));
        }
        let moment = |text: &str| Moment::parse(text.as_bytes());
        let (Some(starts), Some(expires)) = (moment(start), moment(expiry)) else {
            return Err(invalid("user delegation key", "its start and expiry must be times in ISO 8601"));
        };
        let life = expires.second.seconds_since(starts.ceil());
        if !(1..=i64::from(WEEK)).contains(&life) {
            return Err(invalid("user delegation key", "it must live for more than no time and at most seven days"));
        }
        if !matches!(service, "b" | "q" | "t" | "f") {
            return Err(invalid("user delegation key", "its service must be `b`, `q`, `t` or `f`"));
        }
        if Version::parse(version).is_none_or(|version| version < Version::V2018_11_09) {
            return Err(invalid("user delegation key", "its version must be a known one from 2018-11-09 on"));
        }
        Ok(Self {
            oid: oid.to_owned(),
            tid: tid.to_owned(),
            start: start.to_owned(),
            expiry: expiry.to_owned(),
            service: service.to_owned(),
            version: version.to_owned(),
            delegated_user_tid: None,
            starts_at: starts.ceil(),
            expires_at: expires.second,
        })
    }

    /// The tenant of the user that tokens of this key can be tied to (`SignedDelegatedUserTid`).
    ///
    /// # Errors
    /// [`KeyError::Invalid`] unless it is a GUID.
    pub fn for_users_of(mut self, tid: &str) -> Result<Self, KeyError> {
        if !is_guid(tid) {
            return Err(KeyError::Invalid { what: "user delegation key", why: "its delegated tenant must be a GUID" });
        }
        self.delegated_user_tid = Some(tid.to_owned());
        Ok(self)
    }

    /// The object id of who asked for the key.
    #[must_use]
    pub fn object_id(&self) -> &str {
        &self.oid
    }

    /// The tenant of who asked for the key.
    #[must_use]
    pub fn tenant_id(&self) -> &str {
        &self.tid
    }

    /// The first second at which the key is good.
    #[must_use]
    pub const fn starts_at(&self) -> Timestamp {
        self.starts_at
    }

    /// The last second at which the key is good.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

/// Whether this is a GUID with its four hyphens.
pub(super) fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// A signature: 32 bytes of HMAC-SHA256, written in base64.
///
/// A signature is the secret part of a token, so it prints as `[redacted]` and is compared in constant time by
/// [`Pending::accept`](super::Pending::accept) alone.
#[derive(Clone)]
pub struct Signature(Secret<[u8; 32]>);

impl Signature {
    /// The signature that a holder elsewhere made.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes))
    }

    pub(super) const fn bytes(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Reads the base64 of a key.
fn key_bytes(text: &Secret<String>) -> Result<Secret<Vec<u8>>, KeyError> {
    let bytes = encode::from_base64(text.expose()).map(Secret::new);
    bytes.filter(|bytes| (1..=1 << 10).contains(&bytes.expose().len())).ok_or(KeyError::Invalid {
        what: "key",
        why: "it must be padded base64 of 1 to 1024 bytes, as the portal shows it",
    })
}

/// The key of a storage account: it can do everything, so what it signs is as narrow as its holder makes it.
///
/// ```
/// use valet_key::azure::{AccountKey, Sas, UrlRequest};
/// use valet_key::{clock::Timestamp, grant::Grant};
///
/// let key = AccountKey::new("myaccount", "c2VjcmV0")?;
/// let url = key.issue(&UrlRequest::storage(&Grant::read("photos", "cat.jpg"))?, Timestamp::from_unix(1_700_000_000)?)?;
/// assert!(url.expose().starts_with("https://myaccount.blob.core.windows.net/photos/cat.jpg?"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct AccountKey {
    credential: Credential,
    key: mac::HmacKey,
}

impl AccountKey {
    /// One of the two keys of an account, in base64 as the portal shows it.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for a name that is none, or a key that is not padded base64.
    pub fn new(account: impl Into<String>, base64: impl Into<Secret<String>>) -> Result<Self, KeyError> {
        let bytes = key_bytes(&base64.into())?;
        Ok(Self { credential: Credential::account(account)?, key: mac::HmacKey::new(bytes.expose()) })
    }

    pub(super) const fn hmac(&self) -> &mac::HmacKey {
        &self.key
    }
}

impl Sas for AccountKey {
    fn credential(&self) -> &Credential {
        &self.credential
    }

    fn sign(&self, message: &StringToSign) -> Result<Signature, KeyError> {
        Ok(Signature::new(self.key.mac(message.as_bytes())))
    }

    fn prepared_key(&self) -> Option<PreparedKey> {
        Some(PreparedKey(self.key.clone()))
    }

    fn verify<'r>(
        &self,
        presented: Presented<'r>,
        expect: &Expect,
        now: Timestamp,
    ) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        verify_with(&self.credential, &[&self.key], presented, expect, now)
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountKey").field("account", &self.credential.account).finish_non_exhaustive()
    }
}

/// Both keys of an account: the first signs, either verifies. That is how keys are rotated without a gap: put the new
/// key first, wait until the last token of the old one is over, then renew that one.
#[derive(Debug)]
pub struct AccountKeys {
    signing: AccountKey,
    other: AccountKey,
}

impl AccountKeys {
    /// The key that signs, and the other one.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if they are keys of two accounts.
    pub fn new(signing: AccountKey, other: AccountKey) -> Result<Self, KeyError> {
        if signing.credential != other.credential {
            return Err(KeyError::Invalid { what: "account keys", why: "both must belong to one account" });
        }
        Ok(Self { signing, other })
    }

    /// The other key signs from now on.
    #[must_use]
    pub fn swap(self) -> Self {
        Self { signing: self.other, other: self.signing }
    }

    pub(super) const fn hmacs(&self) -> [&mac::HmacKey; 2] {
        [self.signing.hmac(), self.other.hmac()]
    }
}

impl Sas for AccountKeys {
    fn credential(&self) -> &Credential {
        &self.signing.credential
    }

    fn sign(&self, message: &StringToSign) -> Result<Signature, KeyError> {
        self.signing.sign(message)
    }

    fn prepared_key(&self) -> Option<PreparedKey> {
        self.signing.prepared_key()
    }

    /// With either key, in the same time whichever it is.
    fn verify<'r>(
        &self,
        presented: Presented<'r>,
        expect: &Expect,
        now: Timestamp,
    ) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        verify_with(self.credential(), &self.hmacs(), presented, expect, now)
    }
}

/// A user delegation key: good for a week at most, and for no more than its owner may do.
///
/// ```
/// use valet_key::azure::{Delegation, Sas, UrlRequest, UserDelegationKey};
/// use valet_key::{clock::Timestamp, error::IssueError, grant::Grant};
///
/// let delegation = Delegation::new(
///     ["11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"],
///     ["2023-11-14T00:00:00Z", "2023-11-14T22:20:00Z"],
///     "b",
///     "2020-12-06",
/// )?;
/// let key = UserDelegationKey::new("myaccount", delegation, "c2VjcmV0")?;
/// let request = UrlRequest::storage(&Grant::read("photos", "cat.jpg"))?;
/// // 22:13:20 and fifteen minutes: the key would be over before.
/// let refused = key.issue(&request, Timestamp::from_unix(1_700_000_000)?);
/// assert!(matches!(refused, Err(IssueError::OutlivesCredential { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct UserDelegationKey {
    credential: Credential,
    key: mac::HmacKey,
}

impl UserDelegationKey {
    /// A key with its public half and its `Value` in base64.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for an account name that is none, or a value that is not padded base64.
    pub fn new(
        account: impl Into<String>,
        delegation: Delegation,
        value: impl Into<Secret<String>>,
    ) -> Result<Self, KeyError> {
        let bytes = key_bytes(&value.into())?;
        Ok(Self { credential: Credential::delegated(account, delegation)?, key: mac::HmacKey::new(bytes.expose()) })
    }

    pub(super) const fn hmac(&self) -> &mac::HmacKey {
        &self.key
    }
}

impl Sas for UserDelegationKey {
    fn credential(&self) -> &Credential {
        &self.credential
    }

    fn sign(&self, message: &StringToSign) -> Result<Signature, KeyError> {
        Ok(Signature::new(self.key.mac(message.as_bytes())))
    }

    fn prepared_key(&self) -> Option<PreparedKey> {
        Some(PreparedKey(self.key.clone()))
    }

    fn verify<'r>(
        &self,
        presented: Presented<'r>,
        expect: &Expect,
        now: Timestamp,
    ) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        verify_with(&self.credential, &[&self.key], presented, expect, now)
    }
}

impl fmt::Debug for UserDelegationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserDelegationKey").field("credential", &self.credential).finish_non_exhaustive()
    }
}

/// The key of a holder, for a signer that makes many tokens with it.
#[derive(Clone)]
pub struct PreparedKey(mac::HmacKey);

impl PreparedKey {
    pub(super) const fn hmac(&self) -> &mac::HmacKey {
        &self.0
    }
}

impl fmt::Debug for PreparedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PreparedKey([redacted])")
    }
}

/// Checks a request with keys at hand, without writing down what was signed.
fn verify_with<'r>(
    credential: &Credential,
    keys: &[&mac::HmacKey],
    presented: Presented<'r>,
    expect: &Expect,
    now: Timestamp,
) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
    presented.names(credential)?;
    if credential.account != expect.account {
        return Err(VerifyError::OtherKey);
    }
    let finding = presented.examine(expect, now)?;
    presented.judge(&finding, expect, keys)?;
    let facts = presented.conclude(&finding, expect, now)?;
    Ok(presented.verified(facts))
}
