//! Public keys in one place: rotation, and the same work for a key that is not there.

use super::{Presented, PublicKey, StaticKey};
use crate::{
    aws::{Credential, Expect, SignedRequest},
    clock::Timestamp,
    error::VerifyError,
    token::Verified,
};
use alloc::{borrow::ToOwned, collections::BTreeMap, string::String, vec::Vec};
use core::fmt;

/// The public keys that a verifier knows, by access key id; several may share an id while one replaces the other.
///
/// A request that names an unknown id is checked against a decoy, so that it costs what a wrong signature costs.
///
/// ```
/// use valet_key::aws::v4a::{KeyRing, StaticKey};
///
/// let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
/// let ring = KeyRing::new().with(key.credential().clone(), key.public_key());
/// assert_eq!(ring.len(), 1);
/// # Ok::<(), valet_key::error::KeyError>(())
/// ```
pub struct KeyRing {
    keys: BTreeMap<String, Vec<(Credential, PublicKey)>>,
    decoy: Option<(Credential, PublicKey)>,
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
        let decoy = StaticKey::new("DECOY", "a decoy signs nothing that is accepted").ok();
        Self { keys: BTreeMap::new(), decoy: decoy.map(|key| (key.credential().clone(), key.public_key())) }
    }

    /// Adds a public key.
    #[must_use]
    pub fn with(mut self, credential: Credential, key: PublicKey) -> Self {
        self.insert(credential, key);
        self
    }

    /// Adds a public key.
    pub fn insert(&mut self, credential: Credential, key: PublicKey) {
        self.keys.entry(credential.access_key_id().to_owned()).or_default().push((credential, key));
    }

    /// Takes out every key of that id. Returns how many there were.
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
    /// Those of [`Presented::check`] and [`Pending::accept_public`](super::Pending::accept_public), and
    /// [`VerifyError::UnknownKey`].
    pub fn verify<'r>(
        &self,
        presented: Presented<'r>,
        expect: &Expect,
        now: Timestamp,
    ) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        let Presented(presented) = presented;
        let finding = presented.examine(expect, now)?;
        let string_to_sign = presented.string_to_sign(&finding);
        let judge = |credential: &Credential, key: &PublicKey| {
            presented.judge_public(&string_to_sign, credential, now, |message, signature| key.check(message, signature))
        };
        let keys = self.keys.get(presented.access_key_id()).map(Vec::as_slice).unwrap_or_default();
        let mut refused = VerifyError::UnknownKey;
        for (credential, key) in keys {
            match judge(credential, key) {
                Err(error) => refused = error,
                Ok(()) => return Ok(presented.verified(finding, |_| None)),
            }
        }
        if let (true, Some((credential, decoy))) = (keys.is_empty(), &self.decoy) {
            // Whatever it says is not told.
            let _ = judge(credential, decoy);
        }
        Err(refused)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("access_key_ids", &self.keys.keys()).finish_non_exhaustive()
    }
}
