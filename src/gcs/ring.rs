//! Several keys in one place: rotation, and the same work for a key that is not there.

#[cfg(feature = "rsa")]
use super::{Credential, rsa::PublicKey, verify::alive};
use super::{
    Expect, ExpectForm, GoogV4, HmacKey, Presented, PresentedForm, SignedForm, SignedRequest, StringToSign,
    key::Algorithm, verify::Finding,
};
use crate::{
    clock::Timestamp,
    error::VerifyError,
    token::Verified,
    view::{Limits, RequestView},
};
use alloc::{borrow::ToOwned, collections::BTreeMap, string::String, vec::Vec};
use core::fmt;

/// The most keys that are tried for one account: a signed URL does not name the key, only the account.
#[cfg(feature = "rsa")]
pub(super) const KEYS_PER_ACCOUNT: usize = 16;

/// The keys that a verifier knows: HMAC keys by access id, and service accounts with their public keys.
///
/// A request that names an unknown id is checked against a decoy, so that it costs what a wrong
/// signature costs.
///
/// ```
/// use valet_key::gcs::{HmacKey, KeyRing};
///
/// let ring = KeyRing::new().with(HmacKey::new("GOOG1EXAMPLE", "secret")?);
/// assert_eq!(ring.len(), 1);
/// # Ok::<(), valet_key::error::KeyError>(())
/// ```
pub struct KeyRing {
    hmac: BTreeMap<String, Vec<HmacKey>>,
    decoy: Option<HmacKey>,
    #[cfg(feature = "rsa")]
    accounts: BTreeMap<String, (Credential, Vec<PublicKey>)>,
    #[cfg(feature = "rsa")]
    decoy_public: Option<PublicKey>,
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
            hmac: BTreeMap::new(),
            decoy: HmacKey::new("GOOGDECOY", "a decoy signs nothing that is accepted").ok(),
            #[cfg(feature = "rsa")]
            accounts: BTreeMap::new(),
            #[cfg(feature = "rsa")]
            decoy_public: PublicKey::decoy(),
        }
    }

    /// Adds an HMAC key.
    #[must_use]
    pub fn with(mut self, key: HmacKey) -> Self {
        self.insert(key);
        self
    }

    /// Adds an HMAC key.
    pub fn insert(&mut self, key: HmacKey) {
        self.hmac.entry(key.credential().id().to_owned()).or_default().push(key);
    }

    /// Sets the public keys of a service account, in place of those that it had: all that are current, 16
    /// at most.
    ///
    /// # Errors
    /// [`KeyError::Invalid`](crate::error::KeyError::Invalid) if the credential is not that of a service
    /// account, or there are more than 16 keys or none.
    #[cfg(feature = "rsa")]
    pub fn set_account(
        &mut self,
        credential: Credential,
        keys: impl Into<Vec<PublicKey>>,
    ) -> Result<(), crate::error::KeyError> {
        let keys = keys.into();
        let invalid = |what, why| Err(crate::error::KeyError::Invalid { what, why });
        if credential.algorithm() != Algorithm::RsaSha256 {
            return invalid("credential", "it must be that of a service account");
        }
        if !(1..=KEYS_PER_ACCOUNT).contains(&keys.len()) {
            return invalid("public keys", "there must be 1 to 16");
        }
        self.accounts.insert(credential.id().to_owned(), (credential, keys));
        Ok(())
    }

    /// Takes out every key of that account or access id, with what was derived from them. Returns how many
    /// there were.
    pub fn remove(&mut self, id: &str) -> usize {
        let removed = self.hmac.remove(id).map_or(0, |keys| keys.len());
        #[cfg(feature = "rsa")]
        let removed = removed + self.accounts.remove(id).map_or(0, |(_, keys)| keys.len());
        removed
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        let count = self.hmac.values().map(Vec::len).sum::<usize>();
        #[cfg(feature = "rsa")]
        let count = count + self.accounts.values().map(|(_, keys)| keys.len()).sum::<usize>();
        count
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Checks a request against the keys of whom it names.
    ///
    /// # Errors
    /// Those of [`Presented::check`] and [`Pending::accept`](super::Pending::accept), and
    /// [`VerifyError::UnknownKey`].
    pub fn verify<'r>(
        &self,
        presented: Presented<'r>,
        expect: &Expect,
        now: Timestamp,
    ) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        let finding = self.settle(&presented, expect, now)?;
        Ok(presented.verified(finding))
    }

    /// Checks a form against the keys of whom it names.
    ///
    /// # Errors
    /// Those of [`PresentedForm::check`] and [`PendingForm::accept`](super::PendingForm::accept), and
    /// [`VerifyError::UnknownKey`].
    pub fn verify_form<'r>(
        &self,
        presented: PresentedForm<'r>,
        expect: &ExpectForm,
        now: Timestamp,
    ) -> Result<Verified<SignedForm<'r>>, VerifyError> {
        let scope = *presented.scope();
        match presented.algorithm() {
            Algorithm::HmacSha256 => {
                let keys = self.hmac.get(presented.id()).map(Vec::as_slice).unwrap_or_default();
                let mut refused = VerifyError::UnknownKey;
                for key in keys {
                    match presented.clone().check(key.credential(), expect, now).and_then(|it| key.accept_form(it)) {
                        Ok((form, new_scope)) => {
                            if let (true, Some(decoy)) = (new_scope, &self.decoy) {
                                decoy.prepare_for(&scope);
                            }
                            return Ok(form);
                        }
                        Err(error) => refused = error,
                    }
                }
                if let (true, Some(decoy)) = (keys.is_empty(), &self.decoy) {
                    // The same work as for a known key; what is wrong with the form itself may be told.
                    let pending = presented.check_as_anybody(expect, now)?;
                    let _ = decoy.accept_form(pending);
                }
                Err(refused)
            }
            #[cfg(feature = "rsa")]
            Algorithm::RsaSha256 => {
                let Some((credential, keys)) = self.accounts.get(presented.id()) else {
                    let pending = presented.check_as_anybody(expect, now)?;
                    if let Some(decoy) = &self.decoy_public {
                        let _ = pending.accept_public(decoy);
                    }
                    return Err(VerifyError::UnknownKey);
                };
                let pending = presented.check(credential, expect, now)?;
                let mut refused = VerifyError::SignatureMismatch;
                for key in keys {
                    match pending.clone().accept_public(key) {
                        Err(VerifyError::SignatureMismatch) => {}
                        Err(error) => refused = error,
                        accepted => return accepted,
                    }
                }
                Err(refused)
            }
            #[cfg(not(feature = "rsa"))]
            Algorithm::RsaSha256 => Err(VerifyError::UnknownKey),
        }
    }

    /// Accepts a request or not, and leaves it where it is: it is large, and copying it would cost more
    /// than looking at it.
    fn settle(&self, presented: &Presented<'_>, expect: &Expect, now: Timestamp) -> Result<Finding, VerifyError> {
        let finding = presented.examine(expect, now)?;
        let string_to_sign = presented.string_to_sign(&finding);
        // INVARIANT: an id belongs to one kind of key, and the kind to one algorithm, so what the token says
        // of its algorithm selects among keys and never weakens one.
        match presented.algorithm() {
            Algorithm::HmacSha256 => self.settle_hmac(presented, &string_to_sign, now)?,
            #[cfg(feature = "rsa")]
            Algorithm::RsaSha256 => self.settle_rsa(presented, &string_to_sign, now)?,
            #[cfg(not(feature = "rsa"))]
            Algorithm::RsaSha256 => return Err(VerifyError::UnknownKey),
        }
        Ok(finding)
    }

    fn settle_hmac(
        &self,
        presented: &Presented<'_>,
        string_to_sign: &StringToSign,
        now: Timestamp,
    ) -> Result<(), VerifyError> {
        let known = self.hmac.get(presented.id());
        let mut refused = VerifyError::UnknownKey;
        // One way for both, so that an unknown key takes as long as a wrong signature.
        for key in known.map_or(self.decoy.as_slice(), Vec::as_slice) {
            match key.judge(presented, string_to_sign, now) {
                Ok(new_scope) if known.is_some() => {
                    if let (true, Some(decoy)) = (new_scope, &self.decoy) {
                        // From here on a wrong signature costs no derivation, so an unknown key must not either.
                        decoy.prepare_for(presented.scope());
                    }
                    return Ok(());
                }
                Ok(_) => {}
                Err(error) => refused = error,
            }
        }
        // Whatever the decoy says is not told.
        Err(if known.is_some() { refused } else { VerifyError::UnknownKey })
    }

    #[cfg(feature = "rsa")]
    fn settle_rsa(
        &self,
        presented: &Presented<'_>,
        string_to_sign: &StringToSign,
        now: Timestamp,
    ) -> Result<(), VerifyError> {
        let Some((credential, keys)) = self.accounts.get(presented.id()) else {
            if let Some(decoy) = &self.decoy_public {
                // Whatever it says is not told.
                let _ = presented.judge_public(string_to_sign, decoy);
            }
            return Err(VerifyError::UnknownKey);
        };
        if keys.iter().any(|key| presented.judge_public(string_to_sign, key).is_ok()) {
            return alive(credential.expires_at(), now);
        }
        Err(VerifyError::SignatureMismatch)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ring = f.debug_struct("KeyRing");
        ring.field("access_ids", &self.hmac.keys());
        #[cfg(feature = "rsa")]
        ring.field("accounts", &self.accounts.keys());
        ring.finish_non_exhaustive()
    }
}

/// A key ring with what it expects: one call from a request to its verdict.
///
/// ```
/// use valet_key::gcs::{Expect, GoogV4, HmacKey, KeyRing, UrlRequest, Verifier};
/// use valet_key::{clock::Timestamp, grant::Grant, view::RequestView};
///
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let key = HmacKey::new("GOOG1EXAMPLE", "secret")?;
/// let url = key.signed_url(&UrlRequest::storage(&Grant::read("photos", "cat.jpg"))?, now)?;
///
/// let verifier = Verifier::new(KeyRing::new().with(key), Expect::new().host("storage.googleapis.com"));
/// let headers: [(&str, &[u8]); 1] = [("host", b"storage.googleapis.com")];
/// let target = url.expose().strip_prefix("https://storage.googleapis.com").unwrap();
/// let verified = verifier.verify(&RequestView::new("GET", target, &headers), now)?;
/// assert_eq!(verified.path(), "/photos/cat.jpg");
/// assert!(verifier.verify(&RequestView::new("PUT", target, &headers), now).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Verifier {
    ring: KeyRing,
    expect: Expect,
    limits: Limits,
}

impl Verifier {
    /// A verifier with the default limits.
    #[must_use]
    pub const fn new(ring: KeyRing, expect: Expect) -> Self {
        Self { ring, expect, limits: Limits::DEFAULT }
    }

    /// With other limits.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The keys, to add or remove one.
    pub const fn ring_mut(&mut self) -> &mut KeyRing {
        &mut self.ring
    }

    /// Checks a request.
    ///
    /// # Errors
    /// Those of [`Presented::parse`], [`Presented::check`] and
    /// [`Pending::accept`](super::Pending::accept), and [`VerifyError::UnknownKey`].
    pub fn verify<'r>(
        &self,
        view: &RequestView<'r>,
        now: Timestamp,
    ) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        let presented = Presented::parse_within(view, &self.limits)?;
        let finding = self.ring.settle(&presented, &self.expect, now)?;
        Ok(presented.verified(finding))
    }
}
