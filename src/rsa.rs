//! RSA PKCS #1 v1.5 by the `rsa` crate, for every provider that has such keys.

use crate::error::{KeyError, VerifyError};
use alloc::{string::ToString, vec::Vec};
use core::fmt;
use rsa::{
    PrivateKey,
    pkcs1::{DecodeRsaPrivateKey, DecodeRsaPublicKey},
    pkcs1v15::Pkcs1v15Sign,
    pkcs8::{DecodePrivateKey, DecodePublicKey},
    traits::PublicKeyParts,
};
use x509_cert::der::{DecodePem, Encode};

/// The largest key file that is read.
pub(crate) const MAX_FILE: usize = 64 << 10;

/// How large a key may be, with the words for one that is not.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    /// The least and the most bytes of the modulus, which are those of a signature too.
    pub(crate) bytes: [usize; 2],
    pub(crate) why: &'static str,
}

impl Sizes {
    fn check(self, bytes: usize, what: &'static str) -> Result<(), KeyError> {
        let [least, most] = self.bytes;
        if (least..=most).contains(&bytes) { Ok(()) } else { Err(KeyError::Invalid { what, why: self.why }) }
    }
}

/// The scheme for a digest, which is as long as the hash makes it.
fn scheme(digest: &Digest) -> (Pkcs1v15Sign, &[u8]) {
    match digest {
        Digest::Sha256(digest) => (Pkcs1v15Sign::new::<sha2::Sha256>(), digest),
        #[cfg(feature = "legacy")]
        Digest::Sha1(digest) => (Pkcs1v15Sign::new::<sha1::Sha1>(), digest),
    }
}

/// What is signed, hashed.
pub(crate) enum Digest {
    Sha256([u8; 32]),
    #[cfg(feature = "legacy")]
    Sha1([u8; 20]),
}

/// Says at compile time that a key of the library wipes itself.
const fn wipes<T: zeroize::ZeroizeOnDrop>() {}
const _: () = wipes::<PrivateKey>();

/// A private key in memory.
pub(crate) struct Private(PrivateKey);

impl Private {
    /// Reads a private key in PEM: `BEGIN PRIVATE KEY` (PKCS #8) or `BEGIN RSA PRIVATE KEY` (PKCS #1).
    pub(crate) fn from_pem(pem: &str, sizes: Sizes) -> Result<Self, KeyError> {
        let invalid = |why| KeyError::Invalid { what: "private key", why };
        if pem.len() > MAX_FILE {
            return Err(invalid("it is larger than 64 KiB"));
        }
        let pem = pem.trim();
        let key = if pem.starts_with("-----BEGIN PRIVATE KEY-----") {
            PrivateKey::from_pkcs8_pem(pem).map_err(|_| invalid("it is not an RSA key in PKCS #8"))
        } else if pem.starts_with("-----BEGIN RSA PRIVATE KEY-----") {
            PrivateKey::from_pkcs1_pem(pem).map_err(|_| invalid("it is not an RSA key in PKCS #1"))
        } else {
            Err(invalid("it must be PEM that begins with `BEGIN PRIVATE KEY` or `BEGIN RSA PRIVATE KEY`"))
        }?;
        sizes.check(key.size(), "private key")?;
        Ok(Self(key))
    }

    pub(crate) fn public(&self) -> Public {
        Public(self.0.to_public_key())
    }

    pub(crate) fn sign(&self, digest: &Digest) -> Result<Vec<u8>, KeyError> {
        let (scheme, digest) = scheme(digest);
        self.0.sign(scheme, digest).map_err(|_| KeyError::Holder("RSA signing failed".to_string()))
    }
}

/// A public key.
#[derive(Clone)]
pub(crate) struct Public(rsa::PublicKey);

impl Public {
    /// Reads a public key in PEM: `BEGIN CERTIFICATE` (X.509, of which only the key counts), `BEGIN PUBLIC KEY` or
    /// `BEGIN RSA PUBLIC KEY`.
    pub(crate) fn from_pem(pem: &str, sizes: Sizes) -> Result<Self, KeyError> {
        let invalid = |why| KeyError::Invalid { what: "public key", why };
        if pem.len() > MAX_FILE {
            return Err(invalid("it is larger than 64 KiB"));
        }
        let pem = pem.trim();
        let key = if pem.starts_with("-----BEGIN CERTIFICATE-----") {
            let certificate = x509_cert::Certificate::from_pem(pem).ok();
            let info = certificate
                .and_then(|certificate| certificate.tbs_certificate().subject_public_key_info().to_der().ok());
            info.and_then(|der| rsa::PublicKey::from_public_key_der(&der).ok())
                .ok_or(invalid("it is not a certificate with an RSA key"))
        } else if pem.starts_with("-----BEGIN PUBLIC KEY-----") {
            rsa::PublicKey::from_public_key_pem(pem).map_err(|_| invalid("it is not an RSA key"))
        } else if pem.starts_with("-----BEGIN RSA PUBLIC KEY-----") {
            rsa::PublicKey::from_pkcs1_pem(pem).map_err(|_| invalid("it is not an RSA key in PKCS #1"))
        } else {
            Err(invalid("it must be PEM: `BEGIN CERTIFICATE`, `BEGIN PUBLIC KEY` or `BEGIN RSA PUBLIC KEY`"))
        }?;
        sizes.check(key.size(), "public key")?;
        Ok(Self(key))
    }

    pub(crate) fn verify(&self, digest: &Digest, signature: &[u8]) -> Result<(), VerifyError> {
        let (scheme, digest) = scheme(digest);
        self.0.verify(scheme, digest, signature).map_err(|_| VerifyError::SignatureMismatch)
    }

    /// A key of 2,048 bits that belongs to nobody, so that an unknown id costs what a wrong signature costs.
    pub(crate) fn decoy() -> Option<Self> {
        const DECOY: [u8; 256] = [0xc5; 256];
        let modulus = rsa::BoxedUint::from_be_slice(&DECOY, 2048).ok()?;
        rsa::PublicKey::new(modulus, rsa::BoxedUint::from(65_537u32)).ok().map(Self)
    }
}

impl fmt::Debug for Public {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey").field("bits", &(self.0.size() * 8)).finish_non_exhaustive()
    }
}
