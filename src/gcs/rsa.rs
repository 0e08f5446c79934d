//! Service-account keys: the private half that signs, the public half that checks.

use super::{Credential, GoogV4, Scope, Signature, StringToSign};
use crate::{
    error::{KeyError, VerifyError},
    json,
    mac::Sha256,
    rsa::{Digest, MAX_FILE, Private, Public, Sizes},
    secret::Secret,
};
use alloc::vec::Vec;
use core::fmt;

const SIZES: Sizes = Sizes {
    bytes: [*super::key::RSA_BYTES.start(), *super::key::RSA_BYTES.end()],
    why: "it must have 2,048 to 4,096 bits",
};

/// The private key of a service account in this process's memory.
///
/// The key is parsed once. Signing is the work of the `rsa` crate, whose arithmetic does not branch on the
/// key; a key that never leaves Google is used through
/// [`UrlRequest::prepare`](super::UrlRequest::prepare) and [`SignBlob`](super::SignBlob) instead.
///
/// ```no_run
/// use valet_key::{clock::Timestamp, gcs::{GoogV4, ServiceAccountKey, UrlRequest}, grant::Grant};
///
/// let file = std::fs::read_to_string("service-account.json")?;
/// let key = ServiceAccountKey::from_json(&file)?;
/// let request = UrlRequest::storage(&Grant::read("photos", "cat.jpg"))?;
/// let url = key.signed_url(&request, Timestamp::from_unix(1_700_000_000)?)?;
/// # drop(url);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ServiceAccountKey {
    credential: Credential,
    key: Private,
}

impl ServiceAccountKey {
    /// Reads the key file that Google hands out: a JSON object with `"type": "service_account"`,
    /// `client_email` and `private_key`.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] that names the member at fault and never quotes it.
    pub fn from_json(file: &str) -> Result<Self, KeyError> {
        let invalid = |why| KeyError::Invalid { what: "service account file", why };
        if file.len() > MAX_FILE {
            return Err(invalid("it is larger than 64 KiB"));
        }
        let mut account = json::members(file, &["type", "client_email", "private_key"])
            .map_err(|_| invalid("it must be one JSON object whose names are each there once"))?
            .into_iter();
        let mut text = |why| account.next().flatten().ok_or_else(|| invalid(why));
        let kind = text("`type` must be there, as text")?;
        let email = text("`client_email` must be there, as text")?;
        let pem = Secret::new(text("`private_key` must be there, as text")?.into_string());
        if *kind != *"service_account" {
            return Err(invalid("`type` must be `service_account`"));
        }
        Self::from_pem(Credential::service_account(email.into_string())?, pem.expose())
    }

    /// Reads a private key in PEM: `BEGIN PRIVATE KEY` (PKCS #8) or `BEGIN RSA PRIVATE KEY` (PKCS #1).
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if it is neither, is encrypted, or has not 2,048 to 4,096 bits.
    pub fn from_pem(credential: Credential, pem: &str) -> Result<Self, KeyError> {
        if credential.algorithm() != super::Algorithm::RsaSha256 {
            return Err(KeyError::Invalid { what: "credential", why: "it must be that of a service account" });
        }
        let key = Private::from_pem(pem, SIZES)?;
        Ok(Self { credential, key })
    }

    /// The public half, for a verifier.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.key.public())
    }

    /// Signs bytes that this crate made.
    pub(super) fn sign_bytes(&self, message: &[u8]) -> Result<Signature, KeyError> {
        Signature::rsa(self.key.sign(&Digest::Sha256(Sha256::digest(message)))?)
    }
}

impl GoogV4 for ServiceAccountKey {
    fn credential(&self) -> &Credential {
        &self.credential
    }

    fn sign(&self, _scope: &Scope, message: &StringToSign) -> Result<Signature, KeyError> {
        self.sign_bytes(message.as_bytes())
    }
}

impl fmt::Debug for ServiceAccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccountKey").field("credential", &self.credential).finish_non_exhaustive()
    }
}

/// The public half of a service account's key.
///
/// Source: the certificates of an account are published at
/// `https://www.googleapis.com/service_accounts/v1/metadata/x509/<e-mail>`.
#[derive(Clone)]
pub struct PublicKey(Public);

impl PublicKey {
    /// Reads a public key in PEM: `BEGIN CERTIFICATE` (X.509, of which only the key counts: whoever fetched
    /// it vouches for it), `BEGIN PUBLIC KEY` or `BEGIN RSA PUBLIC KEY`.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if it is none of them, or has not 2,048 to 4,096 bits.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        Public::from_pem(pem, SIZES).map(Self)
    }

    /// Reads the JSON object of certificates by key id that Google publishes for an account.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if it is not one, or holds more than 16 keys.
    pub fn from_certificates_json(json: &str) -> Result<Vec<Self>, KeyError> {
        let invalid = |why| KeyError::Invalid { what: "certificates", why };
        if json.len() > MAX_FILE {
            return Err(invalid("they are larger than 64 KiB"));
        }
        let members = json::all_members(json).map_err(|_| invalid("they must be one JSON object of texts"))?;
        if members.len() > super::ring::KEYS_PER_ACCOUNT {
            return Err(invalid("there are more than 16"));
        }
        members.iter().map(|(_, pem)| Self::from_pem(pem)).collect()
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
        self.0.verify(&Digest::Sha256(Sha256::digest(message)), signature)
    }

    /// A key that belongs to nobody, so that an unknown account costs what a wrong signature costs.
    pub(super) fn decoy() -> Option<Self> {
        Public::decoy().map(Self)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
