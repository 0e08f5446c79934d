//! ECDSA on P-256 by the `p256` crate, with signatures in DER.
//!
//! Signing is deterministic (RFC 6979), so that the same policy gives the same token. Others' signatures are not, and may
//! have either of two values for `s`; both are accepted, as OpenSSL makes both.

use crate::error::{KeyError, VerifyError};
use alloc::{string::ToString, vec::Vec};
use p256::{
    ecdsa::{
        DerSignature, Signature, SigningKey, VerifyingKey,
        signature::hazmat::{PrehashSigner, PrehashVerifier},
    },
    pkcs8::{DecodePrivateKey, DecodePublicKey, SecretDocument},
};

/// The largest key file that is read.
const MAX_FILE: usize = 64 << 10;

/// Says at compile time that a key of the library wipes itself.
const fn wipes<T: zeroize::ZeroizeOnDrop>() {}
const _: () = wipes::<SigningKey>();

/// A private key in memory.
pub(super) struct Private(SigningKey);

impl Private {
    pub(super) fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let invalid = |why| KeyError::Invalid { what: "private key", why };
        if pem.len() > MAX_FILE {
            return Err(invalid("it is larger than 64 KiB"));
        }
        let pem = pem.trim();
        let key = if pem.starts_with("-----BEGIN PRIVATE KEY-----") {
            p256::SecretKey::from_pkcs8_pem(pem).map_err(|_| invalid("it is not a P-256 key in PKCS #8"))
        } else if pem.starts_with("-----BEGIN EC PRIVATE KEY-----") {
            // Not at once: what the library decodes on the way would be left behind.
            let document = SecretDocument::from_pem(pem).ok().filter(|(label, _)| *label == "EC PRIVATE KEY");
            let key = document.and_then(|(_, der)| p256::SecretKey::from_sec1_der(der.as_bytes()).ok());
            key.ok_or(invalid("it is not a P-256 key in SEC 1"))
        } else {
            Err(invalid("it must be PEM that begins with `BEGIN PRIVATE KEY` or `BEGIN EC PRIVATE KEY`"))
        }?;
        Ok(Self(SigningKey::from(key)))
    }

    pub(super) fn public(&self) -> Public {
        Public(*self.0.verifying_key())
    }

    pub(super) fn sign(&self, digest: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature: Result<Signature, _> = self.0.sign_prehash(digest);
        let signature = signature.map_err(|_| KeyError::Holder("ECDSA signing failed".to_string()))?;
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

/// A public key.
#[derive(Clone)]
pub(super) struct Public(VerifyingKey);

impl Public {
    pub(super) fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let invalid = |why| KeyError::Invalid { what: "public key", why };
        if pem.len() > MAX_FILE {
            return Err(invalid("it is larger than 64 KiB"));
        }
        let key = VerifyingKey::from_public_key_pem(pem.trim());
        key.map(Self).map_err(|_| invalid("it is not a P-256 key in PEM that begins with `BEGIN PUBLIC KEY`"))
    }

    pub(super) fn verify(&self, digest: &[u8], der: &[u8]) -> Result<(), VerifyError> {
        let signature = DerSignature::from_bytes(der).and_then(Signature::try_from);
        let checked = signature.and_then(|signature| self.0.verify_prehash(digest, &signature));
        checked.map_err(|_| VerifyError::SignatureMismatch)
    }

    /// A key that belongs to nobody: the point whose secret is one.
    #[cfg(not(feature = "rsa"))]
    pub(super) fn decoy() -> Option<Self> {
        let mut one = [0; 32];
        if let Some(last) = one.last_mut() {
            *last = 1;
        }
        SigningKey::from_slice(&one).ok().map(|key| Self(*key.verifying_key()))
    }
}
