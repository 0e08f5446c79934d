//! Several keys in one place: rotation, user delegation, and the same work for a key that is not there.

use super::{
    AccountKey, Expect, PolicyLookup, Presented, Sas, SignedRequest, UserDelegationKey, facts::Facts,
    stored_policy::NoPolicies, verify::Finding,
};
use crate::{
    clock::Timestamp,
    error::{KeyError, VerifyError},
    mac::HmacKey,
    token::Verified,
    view::{Limits, RequestView},
};
use alloc::{boxed::Box, vec::Vec};
use core::fmt;

/// An account has two keys.
const ACCOUNT_KEYS: usize = 2;
/// The most user delegation keys that are looked through for one request.
const DELEGATION_KEYS: usize = 64;

/// The keys of one account that a verifier knows: its account keys, and the user delegation keys that are in use.
///
/// A request that names a key which is not there is checked against a decoy, so that it costs what a wrong signature costs.
///
/// ```
/// use valet_key::azure::{AccountKey, KeyRing};
///
/// let mut ring = KeyRing::new();
/// ring.insert(AccountKey::new("myaccount", "Zmlyc3Q=")?)?;
/// ring.insert(AccountKey::new("myaccount", "c2Vjb25k")?)?;
/// assert!(ring.insert(AccountKey::new("myaccount", "dGhpcmQ=")?).is_err()); // an account has two
/// # Ok::<(), valet_key::error::KeyError>(())
/// ```
pub struct KeyRing {
    account: Vec<AccountKey>,
    delegated: Vec<UserDelegationKey>,
    decoy: HmacKey,
}

impl Default for KeyRing {
    fn default() -> Self {
        Self::new()
    }
}

impl KeyRing {
    /// An empty ring, which refuses everything.
    #[must_use]
    pub fn new() -> Self {
        Self {
            account: Vec::new(),
            delegated: Vec::new(),
            decoy: HmacKey::new(b"a decoy signs nothing that is accepted"),
        }
    }

    /// Adds an account key.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if there are two already.
    pub fn insert(&mut self, key: AccountKey) -> Result<(), KeyError> {
        if self.account.len() >= ACCOUNT_KEYS {
            return Err(KeyError::Invalid { what: "account keys", why: "an account has two: remove one first" });
        }
        self.account.push(key);
        Ok(())
    }

    /// Adds a user delegation key, after those that are over at `now` have gone.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if there are 64.
    pub fn insert_delegated(&mut self, key: UserDelegationKey, now: Timestamp) -> Result<(), KeyError> {
        self.delegated.retain(|key| key.credential().expires_at().is_none_or(|end| end >= now));
        if self.delegated.len() >= DELEGATION_KEYS {
            return Err(KeyError::Invalid { what: "user delegation keys", why: "there can be 64 at most" });
        }
        self.delegated.push(key);
        Ok(())
    }

    /// Takes out every account key: what is verified from now on was signed with those that are added afterwards.
    pub fn remove_account_keys(&mut self) -> usize {
        core::mem::take(&mut self.account).len()
    }

    /// Takes out every user delegation key of that object id, as when the keys of its owner were revoked.
    pub fn remove_delegated(&mut self, object_id: &str) -> usize {
        let before = self.delegated.len();
        self.delegated.retain(|key| key.credential().delegation().is_none_or(|it| it.object_id() != object_id));
        before - self.delegated.len()
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.account.len() + self.delegated.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Checks a request against the keys that it names.
    ///
    /// # Errors
    /// Those of [`Presented::check`] and [`Pending::accept`](super::Pending::accept), and [`VerifyError::UnknownKey`].
    pub fn verify<'r>(
        &self,
        presented: Presented<'r>,
        expect: &Expect,
        now: Timestamp,
    ) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        let facts = self.facts(&presented, expect, now)?;
        Ok(presented.verified(facts))
    }

    /// The same of a request that stays where it is.
    fn facts<'r>(&self, presented: &Presented<'r>, expect: &Expect, now: Timestamp) -> Result<Facts<'r>, VerifyError> {
        let finding = presented.examine(expect, now)?;
        self.judge(presented, &finding, expect)?;
        presented.conclude(&finding, expect, now)
    }

    fn judge(&self, presented: &Presented<'_>, finding: &Finding<'_>, expect: &Expect) -> Result<(), VerifyError> {
        let known = |key: &dyn Sas| {
            key.credential().account_name() == expect.account && presented.names(key.credential()).is_ok()
        };
        let mut keys = [None; ACCOUNT_KEYS];
        let account = self.account.iter().filter(|key| known(*key)).map(AccountKey::hmac);
        let delegated = self.delegated.iter().filter(|key| known(*key)).map(UserDelegationKey::hmac);
        for (slot, key) in keys.iter_mut().zip(account.chain(delegated)) {
            *slot = Some(key);
        }
        match keys {
            [Some(one), Some(other)] => presented.judge(finding, expect, &[one, other]),
            [Some(one), None] => presented.judge(finding, expect, &[one]),
            _ => match presented.judge(finding, expect, &[&self.decoy]) {
                // What is wrong with the request itself may be told.
                Err(error) if error != VerifyError::SignatureMismatch => Err(error),
                _ => Err(VerifyError::UnknownKey),
            },
        }
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("account_keys", &self.account.len())
            .field("user_delegation_keys", &self.delegated.len())
            .finish_non_exhaustive()
    }
}

/// A key ring with what it expects: one call from a request to its verdict.
///
/// ```
/// use valet_key::azure::{AccountKey, Expect, KeyRing, Sas, Service, UrlRequest, Verifier};
/// use valet_key::{clock::Timestamp, grant::Grant, view::RequestView};
///
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let key = AccountKey::new("myaccount", "c2VjcmV0")?;
/// let url = key.issue(&UrlRequest::storage(&Grant::read("photos", "cat.jpg"))?, now)?;
///
/// let mut ring = KeyRing::new();
/// ring.insert(key)?;
/// let host = "myaccount.blob.core.windows.net";
/// let verifier = Verifier::new(ring, Expect::new("myaccount", Service::Blob)?.host(host));
/// let target = url.expose().strip_prefix("https://myaccount.blob.core.windows.net").unwrap();
/// let headers: [(&str, &[u8]); 1] = [("host", host.as_bytes())];
/// let verified = verifier.verify(&RequestView::new("GET", target, &headers).over_https(), now)?;
/// assert_eq!((verified.container()?, verified.name()?), ("photos".into(), "cat.jpg".into()));
/// assert!(verifier.verify(&RequestView::new("DELETE", target, &headers).over_https(), now).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Verifier {
    ring: KeyRing,
    expect: Expect,
    limits: Limits,
    policies: Box<dyn PolicyLookup>,
}

impl Verifier {
    /// A verifier with the default limits, and without stored access policies.
    #[must_use]
    pub fn new(ring: KeyRing, expect: Expect) -> Self {
        Self { ring, expect, limits: Limits::DEFAULT, policies: Box::new(NoPolicies) }
    }

    /// With other limits.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// With the stored access policies of the account.
    #[must_use]
    pub fn policies(mut self, policies: impl PolicyLookup + 'static) -> Self {
        self.policies = Box::new(policies);
        self
    }

    /// The account whose requests it checks.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.expect.account
    }

    /// The keys, to add or remove one.
    pub const fn ring_mut(&mut self) -> &mut KeyRing {
        &mut self.ring
    }

    /// Checks a request.
    ///
    /// # Errors
    /// Those of [`Presented::parse`], [`Presented::check`] and [`Pending::accept`](super::Pending::accept), and
    /// [`VerifyError::UnknownKey`].
    pub fn verify<'r>(
        &self,
        view: &RequestView<'r>,
        now: Timestamp,
    ) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        let mut presented = Presented::unread(view);
        presented.read(&self.limits)?;
        presented.policy = presented.find_policy(&*self.policies, &self.expect)?;
        let facts = self.ring.facts(&presented, &self.expect, now)?;
        Ok(presented.verified(facts))
    }
}
