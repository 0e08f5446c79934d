//! The keys that a verifier trusts: the id picks the key, and no other is tried.

use super::{Credential, Expect, Presented, PublicKey, SignedRequest, key::of_kind};
use crate::{
    clock::Timestamp,
    error::{KeyError, VerifyError},
    token::Verified,
    view::{Limits, RequestView},
};
use alloc::{borrow::ToOwned, collections::BTreeMap, string::String};
use core::fmt;

/// The most keys that a cache behaviour trusts: 4 key groups with 5 keys each.
///
/// Source: CloudFront Developer Guide, "Quotas on signed URLs, signed cookies and key groups".
const MOST_KEYS: usize = 20;

/// The public keys of trusted key groups, by key pair id.
///
/// A token that names an unknown id, or whose signature is of another kind than the key, is checked against a decoy, so that it
/// costs what a wrong signature costs.
///
/// ```
/// # #[cfg(feature = "rsa")] {
/// use valet_key::aws::cloudfront::{Credential, KeyRing, PublicKey};
///
/// # let pem = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/gcs/keys/dummy-public.pem"));
/// let key = PublicKey::from_rsa_pem(pem)?;
/// let ring = KeyRing::new().with(Credential::rsa("K2JCJMDEHXQW5F")?, key.clone())?;
/// assert_eq!(ring.len(), 1);
/// assert!(ring.with(Credential::ecdsa("K3EXAMPLE")?, key).is_err()); // that is an RSA key
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct KeyRing {
    keys: BTreeMap<String, (Credential, PublicKey)>,
    decoy: Option<PublicKey>,
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
        Self { keys: BTreeMap::new(), decoy: PublicKey::decoy() }
    }

    /// Adds a key.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub fn with(mut self, credential: Credential, key: PublicKey) -> Result<Self, KeyError> {
        self.insert(credential, key)?;
        Ok(self)
    }

    /// Adds a key.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if the credential is that of a key of another kind, a key of that id is there, or it is the
    /// 21st.
    pub fn insert(&mut self, credential: Credential, key: PublicKey) -> Result<(), KeyError> {
        of_kind(&credential, key.kind())?;
        let invalid = |why| Err(KeyError::Invalid { what: "key pair id", why });
        if self.keys.contains_key(credential.key_pair_id()) {
            return invalid("a key of that id is there");
        }
        if self.keys.len() >= MOST_KEYS {
            return invalid("there are 20 others");
        }
        self.keys.insert(credential.key_pair_id().to_owned(), (credential, key));
        Ok(())
    }

    /// Takes a key out, to revoke every token that names it. Returns whether it was there.
    pub fn remove(&mut self, key_pair_id: &str) -> bool {
        self.keys.remove(key_pair_id).is_some()
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Checks a request with the key that it names.
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
        presented.examine(expect, now)?;
        let policy = presented.string_to_sign();
        let named = self.keys.get(presented.key_pair_id()).ok_or(VerifyError::UnknownKey);
        let usable = named.and_then(|(credential, key)| presented.agrees(credential).map(|()| (credential, key)));
        let (credential, key) = usable.inspect_err(|_| {
            if let Some(decoy) = &self.decoy {
                // Whatever it says is not told.
                let _ = decoy.verify(super::Hash::Sha256, &policy, presented.signature());
            }
        })?;
        key.verify(credential.hash(), &policy, presented.signature())?;
        presented.verified(credential.expires_at(), now)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.values().map(|(credential, _)| credential)).finish()
    }
}

/// A key ring with what it expects: one call from a request to its verdict.
///
/// ```
/// # #[cfg(feature = "rsa")] {
/// use valet_key::aws::cloudfront::{Credential, Expect, KeyRing, PolicyRequest, SigningKey, Verifier};
/// use valet_key::{clock::Timestamp, grant::Grant, view::RequestView};
///
/// # let file = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/gcs/keys/dummy-pkcs1.pem"));
/// let key = SigningKey::from_rsa_pem(Credential::rsa("K2JCJMDEHXQW5F")?, file)?;
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let url = key.signed_url(&PolicyRequest::new(&Grant::read("cdn.example.com", "a/cat.jpg"))?, now)?;
///
/// let ring = KeyRing::new().with(key.credential().clone(), key.public_key())?;
/// let verifier = Verifier::new(ring, Expect::new("cdn.example.com"));
/// let headers: [(&str, &[u8]); 1] = [("host", b"cdn.example.com")];
/// let target = url.expose().strip_prefix("https://cdn.example.com").unwrap();
/// let view = RequestView::new("GET", target, &headers).over_https();
/// assert_eq!(verifier.verify(&view, now)?.target(), "/a/cat.jpg");
/// assert!(verifier.verify(&RequestView::new("DELETE", target, &headers).over_https(), now).is_err());
/// # }
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
    /// Those of [`Presented::parse`] and [`KeyRing::verify`].
    pub fn verify<'r>(
        &self,
        view: &RequestView<'r>,
        now: Timestamp,
    ) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        self.ring.verify(Presented::parse_within(view, &self.limits)?, &self.expect, now)
    }
}
