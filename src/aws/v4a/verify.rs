//! Verifying: what was presented, and what is pending the check of its signature.

use super::PublicKey;
use crate::{
    aws::{self, Credential, Expect, Form, Scope, SignedRequest, StringToSign, canonical::Algorithm},
    clock::Timestamp,
    error::VerifyError,
    token::Verified,
    view::{Limits, RequestView},
};
use alloc::vec::Vec;

/// A request that claims a signature of `SigV4a`: shape, size and fields were checked, nothing else.
///
/// Tells the access key id so that the caller can look the public key up, in whatever way.
#[derive(Clone, Debug)]
pub struct Presented<'r>(pub(super) aws::Presented<'r>);

impl<'r> Presented<'r> {
    /// Reads a request within the default [`Limits`].
    ///
    /// # Errors
    /// As [`aws::Presented::parse`], with [`VerifyError::Algorithm`] for a request that is signed in another way.
    pub fn parse(view: &RequestView<'r>) -> Result<Self, VerifyError> {
        Self::parse_within(view, &Limits::DEFAULT)
    }

    /// Reads a request within other limits.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_within(view: &RequestView<'r>, limits: &Limits) -> Result<Self, VerifyError> {
        aws::Presented::parse_as(Algorithm::EcdsaP256Sha256, view, limits).map(Self)
    }

    /// The access key id that the request names. Nobody vouches for it yet.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        self.0.access_key_id()
    }

    /// The scope that the request names, which has no region. Nobody vouches for it yet.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        self.0.scope()
    }

    /// Where the signature stands.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.0.form()
    }

    /// Checks everything that needs no key: region set, scope, time, host, path, payload mode, signed headers.
    ///
    /// # Errors
    /// As [`aws::Presented::check`]. A region set that does not name the expected region is a [`VerifyError::Scope`] too.
    pub fn check(self, credential: &Credential, expect: &Expect, now: Timestamp) -> Result<Pending<'r>, VerifyError> {
        self.0.check(credential, expect, now).map(Pending)
    }
}

/// A request that lacks only the check of its signature.
#[derive(Clone, Debug)]
pub struct Pending<'r>(aws::Pending<'r>);

impl<'r> Pending<'r> {
    /// The scope of the request: its service is the expected one, its date that of the request, and it has no region.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        self.0.scope()
    }

    /// What was signed, if the signature is right.
    #[must_use]
    pub const fn string_to_sign(&self) -> &StringToSign {
        self.0.string_to_sign()
    }

    /// The canonical request as this verifier reads it. Header values may hold any byte.
    #[must_use]
    pub fn canonical_request(&self) -> Vec<u8> {
        self.0.canonical_request()
    }

    /// Checks the presented signature with the public key. It has to be in strict DER; either of the two signatures that
    /// malleability makes of one is accepted, as AWS does.
    ///
    /// # Errors
    /// [`VerifyError::SignatureMismatch`] if it is wrong. If it is right, [`VerifyError::SessionToken`] or
    /// [`VerifyError::CredentialExpired`] if the credential does not go with the request.
    pub fn accept_public(self, key: &PublicKey) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        self.0.accept_if(|message, signature| key.check(message, signature))
    }
}
