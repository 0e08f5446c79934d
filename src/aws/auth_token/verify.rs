//! Verifying: what was presented, what is pending a signature, what was verified.

use super::{fields::Proof, login::Login};
use crate::{
    aws::{Credential, Scope, Signature, SignedRequest, StringToSign, verify::Finding},
    clock::Timestamp,
    error::VerifyError,
    token::Verified,
};
use alloc::{borrow::ToOwned, string::String};
use core::fmt;

/// A token that claims a signature: shape, size and fields were checked, nothing else.
#[derive(Clone)]
pub struct PresentedToken<'l> {
    login: &'l Login,
    proof: Proof,
    access_key_id: String,
    scope: Scope,
}

impl<'l> PresentedToken<'l> {
    pub(super) fn new(login: &'l Login, proof: Proof) -> Result<Self, VerifyError> {
        let (access_key_id, scope) =
            proof.presented(login, |presented| Ok((presented.access_key_id().to_owned(), *presented.scope())))?;
        Ok(Self { login, proof, access_key_id, scope })
    }

    /// The access key id that the token names. Nobody vouches for it yet.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The scope that the token names. Nobody vouches for it yet.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Checks everything that needs no secret: scope, time, signed headers.
    ///
    /// # Errors
    /// [`VerifyError::OtherKey`] if the token names another key than `credential`, and those of
    /// [`Presented::check`](crate::aws::Presented::check).
    pub fn check(self, credential: &Credential, now: Timestamp) -> Result<PendingToken<'l>, VerifyError> {
        if self.access_key_id != credential.access_key_id() {
            return Err(VerifyError::OtherKey);
        }
        let (finding, string_to_sign) = self.proof.presented(self.login, |presented| {
            let finding = presented.examine(&self.login.expect, now)?;
            let string_to_sign = presented.string_to_sign(&finding);
            Ok((finding, string_to_sign))
        })?;
        Ok(PendingToken { presented: self, finding, string_to_sign, credential: credential.clone(), now })
    }
}

impl fmt::Debug for PresentedToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresentedToken")
            .field("login", &self.login)
            .field("access_key_id", &self.access_key_id)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// A token that lacks only the comparison of its signature.
#[derive(Clone)]
pub struct PendingToken<'l> {
    presented: PresentedToken<'l>,
    finding: Finding,
    string_to_sign: StringToSign,
    credential: Credential,
    now: Timestamp,
}

impl PendingToken<'_> {
    /// The scope that the signature belongs to.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.presented.scope
    }

    /// What the expected signature is made from, with the key derived for [`scope`](Self::scope).
    #[must_use]
    pub const fn string_to_sign(&self) -> &StringToSign {
        &self.string_to_sign
    }

    /// Compares the presented signature with the expected one, in constant time.
    ///
    /// # Errors
    /// [`VerifyError::SignatureMismatch`] if they differ. If they agree, [`VerifyError::SessionToken`] or
    /// [`VerifyError::CredentialExpired`] if the credential does not go with the token.
    pub fn accept(self, expected: &Signature) -> Result<Verified<SignedLogin>, VerifyError> {
        self.presented.proof.verified(self.presented.login, |presented| {
            presented.judge(expected, &self.credential, self.now)?;
            // There is no body, and so none in chunks that would need the key.
            Ok(presented.verified(self.finding, |_| None))
        })
    }
}

impl fmt::Debug for PendingToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingToken").field("presented", &self.presented).finish_non_exhaustive()
    }
}

/// The facts about a token that its signature covers. Inside a [`Verified`], they are true.
#[derive(Clone, Debug)]
pub struct SignedLogin {
    access_key_id: String,
    scope: Scope,
    user: Option<String>,
    signed_at: Timestamp,
    expires_at: Timestamp,
}

impl SignedLogin {
    pub(super) fn new(login: &Login, signed: &Verified<SignedRequest<'_>>) -> Verified<Self> {
        Verified::new(Self {
            access_key_id: signed.access_key_id().to_owned(),
            scope: *signed.scope(),
            user: login.user.clone(),
            signed_at: signed.signed_at(),
            expires_at: signed.expires_at(),
        })
    }

    /// Who signed.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The scope that was signed for.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whom the client logs in as, for families that sign it.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// When it was signed, by the clock of the signer.
    #[must_use]
    pub const fn signed_at(&self) -> Timestamp {
        self.signed_at
    }

    /// The last second at which the same token is accepted again.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}
