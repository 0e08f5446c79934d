//! Keys: what a token names, what signs it, what checks it, and what comes of that.

#[cfg(any(feature = "rsa", feature = "ecdsa"))]
use super::PolicyToSign;
#[cfg(feature = "ecdsa")]
use super::ecdsa;
#[cfg(any(feature = "rsa", feature = "ecdsa"))]
use crate::error::VerifyError;
#[cfg(feature = "rsa")]
use crate::rsa;
use crate::{clock::Timestamp, error::KeyError, mac::Sha256, secret::Secret};
use alloc::{string::String, vec::Vec};
use core::fmt;

/// The longest id of a key that is read or written.
pub(super) const MAX_ID: usize = 64;
/// The bytes of an RSA signature: CloudFront takes keys of 2,048 bits and no others.
const RSA_BYTES: usize = 256;

#[cfg(feature = "rsa")]
const RSA_SIZES: rsa::Sizes = rsa::Sizes { bytes: [RSA_BYTES; 2], why: "CloudFront takes RSA keys of 2,048 bits" };

/// What kind of key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyKind {
    /// RSA with 2,048 bits, PKCS #1 v1.5.
    Rsa2048,
    /// ECDSA on P-256, with signatures in DER.
    EcdsaP256,
}

/// What is signed: a hash of the policy.
///
/// It belongs to the key and is never taken from a token, which only has to agree: what names it is not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Hash {
    /// SHA-256, which a token names: `Hash-Algorithm=SHA256`.
    Sha256,
    /// SHA-1, for those who still need it. Tokens do not name it.
    #[cfg(feature = "legacy")]
    LegacySha1,
}

impl Hash {
    /// The hash of what is signed, which is what a remote signer may ask for instead: 32 bytes, or 20 of SHA-1.
    #[must_use]
    pub fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(message).to_vec(),
            #[cfg(feature = "legacy")]
            Self::LegacySha1 => sha1(message).to_vec(),
        }
    }

    /// Whether a token has to name it.
    pub(super) const fn is_named(self) -> bool {
        matches!(self, Self::Sha256)
    }
}

#[cfg(feature = "legacy")]
fn sha1(message: &[u8]) -> [u8; 20] {
    use ::sha1::Digest;
    ::sha1::Sha1::digest(message).into()
}

/// What a token signed with a key names, and how it is signed. Never the secret.
///
/// ```
/// use valet_key::aws::cloudfront::{Credential, Hash, KeyKind};
///
/// let credential = Credential::rsa("K2JCJMDEHXQW5F")?;
/// assert_eq!((credential.kind(), credential.hash()), (KeyKind::Rsa2048, Hash::Sha256));
/// assert!(Credential::rsa("K2JC&Policy=").is_err());
/// # Ok::<(), valet_key::error::KeyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    key_pair_id: String,
    kind: KeyKind,
    hash: Hash,
    expires_at: Option<Timestamp>,
}

impl Credential {
    /// An RSA key, by the id that CloudFront gave its public half: `K…` in a key group, `APKA…` of an account.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] unless the id is 1 to 64 letters and digits.
    pub fn rsa(key_pair_id: impl Into<String>) -> Result<Self, KeyError> {
        Self::new(key_pair_id.into(), KeyKind::Rsa2048)
    }

    /// An ECDSA key on P-256.
    ///
    /// # Errors
    /// As [`rsa`](Self::rsa).
    pub fn ecdsa(key_pair_id: impl Into<String>) -> Result<Self, KeyError> {
        Self::new(key_pair_id.into(), KeyKind::EcdsaP256)
    }

    fn new(key_pair_id: String, kind: KeyKind) -> Result<Self, KeyError> {
        if !is_id(&key_pair_id) {
            return Err(KeyError::Invalid { what: "key pair id", why: "it must be 1 to 64 letters and digits" });
        }
        Ok(Self { key_pair_id, kind, hash: Hash::Sha256, expires_at: None })
    }

    /// Signs SHA-1, which is what CloudFront expects unless a token says otherwise. Prefer SHA-256.
    #[cfg(feature = "legacy")]
    #[must_use]
    pub const fn legacy_sha1(mut self) -> Self {
        self.hash = Hash::LegacySha1;
        self
    }

    /// The last second at which the key itself is good. No token made with it lives longer.
    #[must_use]
    pub const fn expiring(mut self, at: Timestamp) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// The id that a token names: `Key-Pair-Id`.
    #[must_use]
    pub fn key_pair_id(&self) -> &str {
        &self.key_pair_id
    }

    /// What kind of key it is.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// What it signs a hash by.
    #[must_use]
    pub const fn hash(&self) -> Hash {
        self.hash
    }

    /// The last second at which the key is good, if it ends.
    #[must_use]
    pub const fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }
}

pub(super) fn is_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// A signature over a policy. It makes a policy a token, so it is not shown.
#[derive(Clone)]
pub struct Signature {
    kind: KeyKind,
    bytes: Secret<Vec<u8>>,
}

impl Signature {
    /// What an RSA key of 2,048 bits made: 256 bytes.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for any other length.
    pub fn rsa(bytes: impl Into<Vec<u8>>) -> Result<Self, KeyError> {
        Self::new(KeyKind::Rsa2048, bytes.into())
    }

    /// What an ECDSA key on P-256 made, in DER as key management services and OpenSSL write it: 8 to 72 bytes.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if it is not a sequence of two positive numbers of at most 256 bits, each in its shortest form.
    pub fn ecdsa(der: impl Into<Vec<u8>>) -> Result<Self, KeyError> {
        Self::new(KeyKind::EcdsaP256, der.into())
    }

    pub(super) fn new(kind: KeyKind, bytes: Vec<u8>) -> Result<Self, KeyError> {
        let bytes = Secret::new(bytes);
        let why = match kind {
            KeyKind::Rsa2048 if bytes.expose().len() != RSA_BYTES => "that of an RSA key of 2,048 bits has 256 bytes",
            KeyKind::EcdsaP256 if !is_der_pair(bytes.expose()) => {
                "that of an ECDSA key is two numbers of at most 256 bits in DER"
            }
            _ => return Ok(Self { kind, bytes }),
        };
        Err(KeyError::Invalid { what: "signature", why })
    }

    /// What kind of key made it.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.expose()
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signature").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Whether this is a DER sequence of two positive integers of at most 256 bits and nothing else.
fn is_der_pair(der: &[u8]) -> bool {
    let [0x30, length, rest @ ..] = der else { return false };
    // At most two times 2 + 33 bytes, which takes one byte of length.
    usize::from(*length) == rest.len() && rest.len() <= 70 && integer(rest).and_then(integer) == Some(&[])
}

/// What is behind a positive integer in its shortest form.
fn integer(der: &[u8]) -> Option<&[u8]> {
    let [0x02, length, rest @ ..] = der else { return None };
    let (number, rest) = rest.split_at_checked(usize::from(*length))?;
    let magnitude = match number {
        // A zero in front is there when the number would be negative without it, and only then.
        [0, magnitude @ ..] if magnitude.first().is_some_and(|first| *first >= 0x80) => magnitude,
        magnitude @ [1..=0x7f, ..] => magnitude,
        _ => return None,
    };
    (magnitude.len() <= 32).then_some(rest)
}

/// The private key of a key pair in this process's memory.
///
/// The key is parsed once. Signing is the work of the `rsa` and `p256` crates; the former has an open advisory about its
/// timing (RUSTSEC-2023-0071), so that a key that others can take the time of is better used through
/// [`PolicyRequest::prepare`](super::PolicyRequest::prepare) and a signer of your own.
///
/// ```no_run
/// use valet_key::aws::cloudfront::{Credential, PolicyRequest, SigningKey};
/// use valet_key::{clock::Timestamp, grant::Grant};
///
/// # #[cfg(feature = "rsa")] {
/// let key = SigningKey::from_rsa_pem(Credential::rsa("K2JCJMDEHXQW5F")?, &std::fs::read_to_string("private.pem")?)?;
/// let request = PolicyRequest::new(&Grant::read("d111111abcdef8.cloudfront.net", "images/cat.jpg"))?;
/// let url = key.signed_url(&request, Timestamp::from_unix(1_700_000_000)?)?;
/// # drop(url);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(any(feature = "rsa", feature = "ecdsa"))]
pub struct SigningKey {
    credential: Credential,
    half: Private,
}

#[cfg(any(feature = "rsa", feature = "ecdsa"))]
enum Private {
    #[cfg(feature = "rsa")]
    Rsa(rsa::Private),
    #[cfg(feature = "ecdsa")]
    Ecdsa(ecdsa::Private),
}

#[cfg(any(feature = "rsa", feature = "ecdsa"))]
impl SigningKey {
    /// Reads an RSA key in PEM: `BEGIN PRIVATE KEY` (PKCS #8) or `BEGIN RSA PRIVATE KEY` (PKCS #1).
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if it is neither, is encrypted, has not 2,048 bits, or the credential is not that of an RSA
    /// key.
    #[cfg(feature = "rsa")]
    pub fn from_rsa_pem(credential: Credential, pem: &str) -> Result<Self, KeyError> {
        of_kind(&credential, KeyKind::Rsa2048)?;
        Ok(Self { credential, half: Private::Rsa(rsa::Private::from_pem(pem, RSA_SIZES)?) })
    }

    /// Reads an ECDSA key on P-256 in PEM: `BEGIN PRIVATE KEY` (PKCS #8) or `BEGIN EC PRIVATE KEY` (SEC 1).
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if it is neither, is encrypted, is on another curve, or the credential is not that of an
    /// ECDSA key.
    #[cfg(feature = "ecdsa")]
    pub fn from_ec_pem(credential: Credential, pem: &str) -> Result<Self, KeyError> {
        of_kind(&credential, KeyKind::EcdsaP256)?;
        Ok(Self { credential, half: Private::Ecdsa(ecdsa::Private::from_pem(pem)?) })
    }

    /// The public half: what a token names, never the secret.
    #[must_use]
    pub const fn credential(&self) -> &Credential {
        &self.credential
    }

    /// The key that checks what this one signs.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey(match &self.half {
            #[cfg(feature = "rsa")]
            Private::Rsa(key) => Public::Rsa(key.public()),
            #[cfg(feature = "ecdsa")]
            Private::Ecdsa(key) => Public::Ecdsa(key.public()),
        })
    }

    /// Signs a policy.
    ///
    /// # Errors
    /// [`KeyError::Holder`] if the key cannot sign.
    pub fn sign(&self, policy: &PolicyToSign) -> Result<Signature, KeyError> {
        let bytes = match &self.half {
            #[cfg(feature = "rsa")]
            Private::Rsa(key) => key.sign(&rsa_digest(self.credential.hash, policy.as_bytes()))?,
            #[cfg(feature = "ecdsa")]
            Private::Ecdsa(key) => key.sign(&self.credential.hash.digest(policy.as_bytes()))?,
        };
        Signature::new(self.credential.kind, bytes)
    }
}

#[cfg(any(feature = "rsa", feature = "ecdsa"))]
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("credential", &self.credential).finish_non_exhaustive()
    }
}

#[cfg(any(feature = "rsa", feature = "ecdsa"))]
pub(super) fn of_kind(credential: &Credential, kind: KeyKind) -> Result<(), KeyError> {
    if credential.kind == kind {
        Ok(())
    } else {
        Err(KeyError::Invalid { what: "credential", why: "it must be that of a key of the same kind" })
    }
}

#[cfg(feature = "rsa")]
fn rsa_digest(hash: Hash, message: &[u8]) -> rsa::Digest {
    match hash {
        Hash::Sha256 => rsa::Digest::Sha256(Sha256::digest(message)),
        #[cfg(feature = "legacy")]
        Hash::LegacySha1 => rsa::Digest::Sha1(sha1(message)),
    }
}

/// The public key of a key pair, as CloudFront has it.
#[cfg(any(feature = "rsa", feature = "ecdsa"))]
#[derive(Clone)]
pub struct PublicKey(Public);

#[cfg(any(feature = "rsa", feature = "ecdsa"))]
#[derive(Clone)]
enum Public {
    #[cfg(feature = "rsa")]
    Rsa(rsa::Public),
    #[cfg(feature = "ecdsa")]
    Ecdsa(ecdsa::Public),
}

#[cfg(any(feature = "rsa", feature = "ecdsa"))]
impl PublicKey {
    /// Reads an RSA key in PEM: `BEGIN PUBLIC KEY`, which is what CloudFront takes, `BEGIN RSA PUBLIC KEY` or
    /// `BEGIN CERTIFICATE`, of which only the key counts.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if it is none of them, or has not 2,048 bits.
    #[cfg(feature = "rsa")]
    pub fn from_rsa_pem(pem: &str) -> Result<Self, KeyError> {
        Ok(Self(Public::Rsa(rsa::Public::from_pem(pem, RSA_SIZES)?)))
    }

    /// Reads an ECDSA key on P-256 in PEM: `BEGIN PUBLIC KEY`.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if it is not that, or is on another curve.
    #[cfg(feature = "ecdsa")]
    pub fn from_ec_pem(pem: &str) -> Result<Self, KeyError> {
        Ok(Self(Public::Ecdsa(ecdsa::Public::from_pem(pem)?)))
    }

    /// What kind of key it is.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        match &self.0 {
            #[cfg(feature = "rsa")]
            Public::Rsa(_) => KeyKind::Rsa2048,
            #[cfg(feature = "ecdsa")]
            Public::Ecdsa(_) => KeyKind::EcdsaP256,
        }
    }

    pub(super) fn verify(&self, hash: Hash, policy: &PolicyToSign, signature: &[u8]) -> Result<(), VerifyError> {
        match &self.0 {
            #[cfg(feature = "rsa")]
            Public::Rsa(key) => key.verify(&rsa_digest(hash, policy.as_bytes()), signature),
            #[cfg(feature = "ecdsa")]
            Public::Ecdsa(key) => key.verify(&hash.digest(policy.as_bytes()), signature),
        }
    }

    /// A key that belongs to nobody, so that an unknown id costs what a wrong signature costs.
    pub(super) fn decoy() -> Option<Self> {
        #[cfg(feature = "rsa")]
        return rsa::Public::decoy().map(|key| Self(Public::Rsa(key)));
        #[cfg(not(feature = "rsa"))]
        return ecdsa::Public::decoy().map(|key| Self(Public::Ecdsa(key)));
    }
}

#[cfg(any(feature = "rsa", feature = "ecdsa"))]
impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey").field("kind", &self.kind()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
        let integer = |bytes: &[u8]| [&[2, u8::try_from(bytes.len()).unwrap()][..], bytes].concat();
        let both = [integer(r), integer(s)].concat();
        [vec![0x30, u8::try_from(both.len()).unwrap()], both].concat()
    }

    /// Without it, how soon the answer comes would tell which ids there are.
    #[cfg(any(feature = "rsa", feature = "ecdsa"))]
    #[test]
    fn an_unknown_id_has_a_key_to_be_checked_with() {
        assert!(PublicKey::decoy().is_some());
    }

    #[test]
    fn a_signature_has_the_shape_of_its_kind() {
        assert!(Signature::rsa([1; 256]).is_ok());
        for length in [0, 255, 257, 512] {
            assert!(Signature::rsa(vec![1; length]).is_err(), "{length}");
        }
        let high = [&[0][..], &[0xff; 32]].concat();
        for good in [der(&[1], &[1]), der(&[0x7f; 32], &[0x7f; 32]), der(&high, &high), der(&[0, 0x80], &[1])] {
            assert!(Signature::ecdsa(good.clone()).is_ok(), "{good:?}");
        }
        let one = der(&[1], &[1]);
        let longer = [&one[..], &[0]].concat();
        for bad in [
            vec![],
            vec![0x30],
            vec![0x30, 0],
            longer,
            one[..7].to_vec(),
            der(&[0], &[1]),
            der(&[1], &[]),
            der(&[0x80], &[1]),
            der(&[0, 1], &[1]),
            der(&[0, 0, 0x80], &[1]),
            der(&[1; 33], &[1]),
            [&[0x30, 0x81, 6][..], &one[2..]].concat(),
            [&[0x31, 6][..], &one[2..]].concat(),
            [&[0x30, 7][..], &one[2..]].concat(),
            vec![0x30, 9, 2, 1, 1, 2, 1, 1, 2, 1, 1],
            vec![0x30, 3, 2, 1, 1],
            vec![1; 64],
        ] {
            assert!(Signature::ecdsa(bad.clone()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_id_cannot_become_anything_else() {
        for id in ["", "K&Policy=x", "K 1", "K\n", "K;x", "K%41", "\u{c9}", "K_1"] {
            assert!(Credential::rsa(id).is_err() && Credential::ecdsa(id).is_err(), "{id}");
        }
        assert!(Credential::rsa("K".repeat(64)).is_ok() && Credential::rsa("K".repeat(65)).is_err());
    }
}
