//! Several keys in one place: rotation, and the same work for a key that is not there.

use super::{
    Expect, ExpectForm, Presented, PresentedForm, SigV4, SignedForm, SignedRequest, StaticKey, verify::Finding,
};
use crate::{
    clock::Timestamp,
    error::VerifyError,
    token::Verified,
    view::{Limits, RequestView},
};
use alloc::{borrow::ToOwned, collections::BTreeMap, string::String, vec::Vec};
use core::fmt;

/// The keys that a verifier knows, by access key id; several may share an id while one replaces the
/// other.
///
/// A request that names an unknown id is checked against a decoy, so that it costs what a wrong
/// signature costs.
///
/// ```
/// use valet_key::aws::{KeyRing, StaticKey};
///
/// let ring = KeyRing::new()
///     .with(StaticKey::new("AKIAOLD", "old secret")?)
///     .with(StaticKey::new("AKIANEW", "new secret")?);
/// assert_eq!(ring.len(), 2);
/// # Ok::<(), valet_key::error::KeyError>(())
/// ```
pub struct KeyRing {
    keys: BTreeMap<String, Vec<StaticKey>>,
    decoy: Option<StaticKey>,
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
        Self { keys: BTreeMap::new(), decoy: StaticKey::new("DECOY", "a decoy signs nothing that is accepted").ok() }
    }

    /// Adds a key.
    #[must_use]
    pub fn with(mut self, key: StaticKey) -> Self {
        self.insert(key);
        self
    }

    /// Adds a key.
    pub fn insert(&mut self, key: StaticKey) {
        self.keys.entry(key.credential().access_key_id().to_owned()).or_default().push(key);
    }

    /// Takes out every key of that id, with what was derived from them. Returns how many there were.
    pub fn remove(&mut self, access_key_id: &str) -> usize {
        self.keys.remove(access_key_id).map_or(0, |keys| keys.len())
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.values().map(Vec::len).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Checks a request against the key that it names.
    ///
    /// # Errors
    /// Those of [`Presented::check`] and [`Pending::accept`](super::Pending::accept), and
    /// [`VerifyError::UnknownKey`].
    #[inline]
    pub fn verify<'r>(
        &self,
        presented: Presented<'r>,
        expect: &Expect,
        now: Timestamp,
    ) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        let (finding, key) = self.settle(&presented, expect, now)?;
        Ok(presented.verified(finding, |scope| key.scoped(scope)))
    }

    /// Checks a form against the key that it names.
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
        presented.check_scope(expect)?;
        let scope = *presented.scope();
        let keys = self.keys.get(presented.access_key_id()).map(Vec::as_slice).unwrap_or_default();
        let mut refused = VerifyError::UnknownKey;
        for key in keys {
            match presented.clone().check(key.credential(), expect, now).and_then(|pending| key.accept_form(pending)) {
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
            // The same work as for a known key.
            let _ = decoy.accept_form(presented.pending(decoy.credential(), expect, now));
        }
        Err(refused)
    }

    /// Accepts a request or not, and leaves it where it is: it is large, and copying it would cost more
    /// than looking at it. Tells the key that it was accepted with.
    #[inline]
    fn settle(
        &self,
        presented: &Presented<'_>,
        expect: &Expect,
        now: Timestamp,
    ) -> Result<(Finding, &StaticKey), VerifyError> {
        let finding = presented.examine(expect, now)?;
        let string_to_sign = presented.string_to_sign(&finding);
        let known = self.keys.get(presented.access_key_id());
        let mut refused = VerifyError::UnknownKey;
        // One way for both, so that an unknown key takes as long as a wrong signature.
        for key in known.map_or(self.decoy.as_slice(), Vec::as_slice) {
            match key.judge(presented, &string_to_sign, now) {
                Ok(new_scope) if known.is_some() => {
                    if let (true, Some(decoy)) = (new_scope, &self.decoy) {
                        // From here on a wrong signature costs no derivation, so an unknown key must not either.
                        decoy.prepare_for(presented.scope());
                    }
                    return Ok((finding, key));
                }
                Ok(_) => {}
                Err(error) => refused = error,
            }
        }
        // Whatever the decoy says is not told.
        Err(if known.is_some() { refused } else { VerifyError::UnknownKey })
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("access_key_ids", &self.keys.keys()).finish_non_exhaustive()
    }
}

/// A key ring with what it expects: one call from a request to its verdict.
///
/// ```
/// use valet_key::aws::{Expect, KeyRing, SigV4, StaticKey, UrlRequest, Verifier};
/// use valet_key::{clock::Timestamp, grant::Grant, view::RequestView};
///
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
/// let url = key.presign(&UrlRequest::s3(&Grant::read("photos", "cat.jpg"), "eu-west-1")?, now)?;
///
/// let verifier = Verifier::new(KeyRing::new().with(key), Expect::new("eu-west-1", "s3"));
/// let headers: [(&str, &[u8]); 1] = [("host", b"photos.s3.eu-west-1.amazonaws.com")];
/// let target = url.expose().strip_prefix("https://photos.s3.eu-west-1.amazonaws.com").unwrap();
/// let verified = verifier.verify(&RequestView::new("GET", target, &headers), now)?;
/// assert_eq!(verified.path(), "/cat.jpg");
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

    /// The keys, to check a form with them.
    #[must_use]
    pub const fn ring(&self) -> &KeyRing {
        &self.ring
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
        let (finding, key) = self.ring.settle(&presented, &self.expect, now)?;
        Ok(presented.verified(finding, |scope| key.scoped(scope)))
    }
}
