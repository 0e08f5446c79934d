//! Google Cloud Storage: V4 signed URLs, POST policies and what goes with them, issued and verified.
//!
//! ```text
//! issue    Grant ──▶ UrlRequest ──prepare(credential, now)──▶ Prepared ──finish(signature)──▶ BearerUrl
//! verify   RequestView ──parse──▶ Presented ──check(credential, expect, now)──▶ Pending ──accept(signature)──▶ Verified<SignedRequest>
//!                                                                                └─accept_public(key)──▶
//! ```
//!
//! A holder of a key implements [`GoogV4`]: it names its public half and signs. Everything else is
//! written over the two halves above, so that a key that lives elsewhere (IAM `signBlob`, a KMS, an HSM)
//! uses the same steps without the trait: see [`SignBlob`].
//!
//! With an HMAC key the S3-compatible XML API can be used as well: that is Signature Version 4 with the
//! service `s3`, the region `auto` and a custom endpoint at `https://storage.googleapis.com`.
//!
//! Source: Cloud Storage documentation, "Canonical requests", "Signatures" and "Signed URLs"; Google's
//! conformance tests for Cloud Storage.

mod batch;
mod boundary;
mod canonical;
mod endpoint;
mod exchange;
mod fields;
mod key;
#[cfg(feature = "legacy")]
mod legacy;
mod operations;
pub(crate) mod plan;
mod post;
mod presigner;
mod remote;
mod resumable;
mod ring;
#[cfg(feature = "rsa")]
mod rsa;
mod sign;
mod storage;
mod verify;

pub use crate::{
    grant::OnShortCredential,
    v4::{batch::NameUrls, payload::PayloadCheck},
    view::Plus,
};

#[cfg(feature = "legacy")]
pub use self::legacy::{
    LegacyExpect, LegacyPending, LegacyPrepared, LegacyPresented, LegacySignedRequest, LegacyUrlRequest,
};
#[cfg(feature = "rsa")]
pub use self::rsa::{PublicKey, ServiceAccountKey};
pub use self::{
    boundary::AccessBoundary,
    canonical::StringToSign,
    endpoint::Endpoint,
    exchange::DownscopedToken,
    key::{Algorithm, Credential, HmacKey, Scope, ScopedKey, Signature},
    operations::StorageRequest,
    post::{ExpectForm, FormView, PendingForm, PostForm, PostPolicy, PreparedForm, PresentedForm, SignedForm},
    presigner::Presigner,
    remote::SignBlob,
    resumable::ResumableSession,
    ring::{KeyRing, Verifier},
    sign::{Prepared, UrlRequest},
    storage::StorageError,
    verify::{Expect, Pending, Presented, SignedRequest},
};

use crate::{
    clock::Timestamp,
    error::{IssueError, KeyError, VerifyError},
    token::{BearerUrl, Verified},
};
use alloc::{boxed::Box, sync::Arc};
use core::fmt::Debug;

/// A holder of a Google key.
///
/// Two methods are required; the rest is the same for every holder. `&T`, `Box<T>` and `Arc<T>` of a
/// holder are holders, and so is `Box<dyn GoogV4>`.
///
/// ```
/// use valet_key::{clock::Timestamp, gcs::{self, GoogV4}, grant::Grant};
///
/// let key = gcs::HmacKey::new("GOOG1EXAMPLE", "secret")?;
/// let now = Timestamp::parse_iso_basic("20190201T090000Z")?;
/// let url = key.signed_url(&gcs::UrlRequest::storage(&Grant::read("test-bucket", "test-object"))?, now)?;
/// assert!(url.expose().starts_with("https://storage.googleapis.com/test-bucket/test-object?X-Goog-Algorithm="));
/// assert_eq!(url.expires_at().to_string(), "2019-02-01T09:15:00Z");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait GoogV4: Debug + Send + Sync {
    /// The public half: what a token names, never the secret.
    fn credential(&self) -> &Credential;

    /// Signs `message`, which belongs to `scope`, by the algorithm of the credential.
    ///
    /// # Errors
    /// [`KeyError`] if this holder cannot sign for that scope, or failed.
    fn sign(&self, scope: &Scope, message: &StringToSign) -> Result<Signature, KeyError>;

    /// The key derived for that scope, if this holder can part with it: what a [`Presigner`] keeps from
    /// one signature to the next. Only an HMAC key has one.
    fn scoped(&self, _scope: &Scope) -> Option<ScopedKey> {
        None
    }

    /// Makes a signed URL, good from `now`.
    ///
    /// # Errors
    /// Those of [`UrlRequest::prepare`], and [`IssueError::Key`].
    fn signed_url(&self, request: &UrlRequest, now: Timestamp) -> Result<BearerUrl, IssueError> {
        let prepared = request.prepare(self.credential(), now)?;
        let signature = self.sign(prepared.scope(), prepared.string_to_sign())?;
        Ok(prepared.finish(&signature)?)
    }

    /// Checks a request against this key. (RSA signatures are deterministic, so that the private key can
    /// check them too; a verifier has the [public one](Pending).)
    ///
    /// # Errors
    /// [`VerifyError`], see [`Presented::check`] and [`Pending::accept`].
    fn verify<'r>(
        &self,
        presented: Presented<'r>,
        expect: &Expect,
        now: Timestamp,
    ) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        let pending = presented.check(self.credential(), expect, now)?;
        let expected = self.sign(pending.scope(), pending.string_to_sign())?;
        pending.accept(&expected)
    }
}

macro_rules! holders_behind_a_pointer {
    ($($pointer:ty),*) => {$(
        impl<T: GoogV4 + ?Sized> GoogV4 for $pointer {
            fn credential(&self) -> &Credential {
                (**self).credential()
            }

            fn sign(&self, scope: &Scope, message: &StringToSign) -> Result<Signature, KeyError> {
                (**self).sign(scope, message)
            }

            fn scoped(&self, scope: &Scope) -> Option<ScopedKey> {
                (**self).scoped(scope)
            }

            fn verify<'r>(
                &self,
                presented: Presented<'r>,
                expect: &Expect,
                now: Timestamp,
            ) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
                (**self).verify(presented, expect, now)
            }
        }
    )*};
}

holders_behind_a_pointer!(&T, Box<T>, Arc<T>);
