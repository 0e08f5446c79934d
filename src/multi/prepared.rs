//! A token that lacks only its signature, whichever provider it is for.

use super::{Token, token::Body};
#[cfg(feature = "aws")]
use crate::aws;
#[cfg(feature = "azure")]
use crate::azure;
#[cfg(feature = "gcs")]
use crate::gcs;
use crate::{clock::Timestamp, error::KeyError, grant::plan::Form};

/// What a provider prepared.
#[derive(Clone, Debug)]
pub(super) enum Unsigned {
    #[cfg(feature = "aws")]
    S3Url(aws::Prepared),
    #[cfg(feature = "aws")]
    S3Post(aws::PreparedForm),
    #[cfg(feature = "gcs")]
    GcsUrl(gcs::Prepared),
    #[cfg(feature = "gcs")]
    GcsPost(gcs::PreparedForm),
    #[cfg(feature = "azure")]
    Azure(azure::Prepared),
}

/// A token that lacks only its signature. It is made by [`Account::prepare`](super::Account::prepare).
#[derive(Clone, Debug)]
pub struct Prepared {
    pub(super) unsigned: Unsigned,
    pub(super) form: Form,
    pub(super) issued_at: Timestamp,
}

/// What a holder has to sign, in the terms of its provider.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum ToSign<'p> {
    /// HMAC-SHA256 with the key derived for the scope.
    #[cfg(feature = "aws")]
    Aws {
        /// What the signature belongs to.
        scope: &'p aws::Scope,
        /// What to sign.
        message: &'p aws::StringToSign,
    },
    /// RSA PKCS #1 v1.5 over SHA-256 for a service account, HMAC-SHA256 with the derived key for an HMAC key.
    #[cfg(feature = "gcs")]
    Gcs {
        /// What the signature belongs to.
        scope: &'p gcs::Scope,
        /// What to sign.
        message: &'p gcs::StringToSign,
    },
    /// HMAC-SHA256 with the account key or the user delegation key, each decoded from base64.
    #[cfg(feature = "azure")]
    Azure {
        /// What to sign.
        message: &'p azure::StringToSign,
    },
}

/// A signature of one of the providers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Signature {
    /// Amazon's.
    #[cfg(feature = "aws")]
    Aws(aws::Signature),
    /// Google's.
    #[cfg(feature = "gcs")]
    Gcs(gcs::Signature),
    /// Azure's.
    #[cfg(feature = "azure")]
    Azure(azure::Signature),
}

impl Prepared {
    /// The form that was chosen.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }

    /// What to sign.
    #[must_use]
    pub const fn to_sign(&self) -> ToSign<'_> {
        match &self.unsigned {
            #[cfg(feature = "aws")]
            Unsigned::S3Url(it) => ToSign::Aws { scope: it.scope(), message: it.string_to_sign() },
            #[cfg(feature = "aws")]
            Unsigned::S3Post(it) => ToSign::Aws { scope: it.scope(), message: it.string_to_sign() },
            #[cfg(feature = "gcs")]
            Unsigned::GcsUrl(it) => ToSign::Gcs { scope: it.scope(), message: it.string_to_sign() },
            #[cfg(feature = "gcs")]
            Unsigned::GcsPost(it) => ToSign::Gcs { scope: it.scope(), message: it.string_to_sign() },
            #[cfg(feature = "azure")]
            Unsigned::Azure(it) => ToSign::Azure { message: it.string_to_sign() },
        }
    }

    /// Adds the signature.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if it is that of another provider, or was made by another algorithm than the credential's.
    pub fn finish(self, signature: &Signature) -> Result<Token, KeyError> {
        let body = match (self.unsigned, signature) {
            #[cfg(feature = "aws")]
            (Unsigned::S3Url(it), Signature::Aws(signature)) => Body::Url(it.finish(signature)),
            #[cfg(feature = "aws")]
            (Unsigned::S3Post(it), Signature::Aws(signature)) => Body::Form(it.finish(signature)),
            #[cfg(feature = "gcs")]
            (Unsigned::GcsUrl(it), Signature::Gcs(signature)) => Body::Url(it.finish(signature)?),
            #[cfg(feature = "gcs")]
            (Unsigned::GcsPost(it), Signature::Gcs(signature)) => Body::Form(it.finish(signature)?),
            #[cfg(feature = "azure")]
            (Unsigned::Azure(it), Signature::Azure(signature)) => Body::Url(it.finish(signature)),
            #[allow(unreachable_patterns, reason = "with one provider there is no other signature")]
            _ => return Err(KeyError::Invalid { what: "signature", why: "it is that of another provider" }),
        };
        Ok(Token { body, form: self.form, issued_at: self.issued_at })
    }
}
