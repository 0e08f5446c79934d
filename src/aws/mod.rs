//! Amazon Web Services: Signature Version 4, issued and verified.
//!
//! ```text
//! issue    Grant ──▶ UrlRequest ──prepare(credential, now)──▶ Prepared ──finish(signature)──▶ BearerUrl
//! verify   RequestView ──parse──▶ Presented ──check(credential, expect, now)──▶ Pending ──accept(signature)──▶ Verified<SignedRequest>
//! ```
//!
//! A browser form that uploads without a URL of its own takes the same two steps: [`PostPolicy`] to [`PostForm`], and
//! [`FormView`] to [`SignedForm`].
//!
//! A holder of a key implements [`SigV4`]: it names its public half and signs. Everything else is
//! written over the two halves above, so that a key that lives elsewhere (an HSM, another process, an
//! asynchronous client) uses the same steps without the trait.
//!
//! A body that is sent to S3 in chunks is announced with [`Request::stream`], framed by a [`ChunkSigner`] and read
//! by a [`ChunkVerifier`].
//!
//! What a verified request asks of S3 is told by [`SignedRequest::s3_request`], and whether a grant allows that by
//! [`S3Request::covered_by`].
//!
//! | beside S3 | where |
//! |---|---|
//! | any other service, and S3 Express One Zone | the same types: the service says which rules hold |
//! | passwords and bearer tokens that are a signed request | [`auth_token`] |
//! | messages of SQS | [`sqs`] |
//! | temporary credentials | [`sts`] |
//! | what a session may do, from grants | [`policy`] |
//! | signed URLs and cookies of CloudFront, another scheme with other keys | [`cloudfront`] |
//! | several regions, with ECDSA | `v4a`, feature `sigv4a` |
//! | Signature Version 2 | `LegacyUrlRequest`, feature `legacy` |
//!
//! Source: Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)"; AWS Identity
//! and Access Management User Guide, "Create a signed AWS API request".

pub mod auth_token;
mod batch;
mod call;
mod canonical;
pub mod cloudfront;
mod copy_source;
mod coverage;
mod endpoint;
mod expect;
mod fields;
mod key;
#[cfg(feature = "legacy")]
mod legacy;
mod operations;
pub(crate) mod plan;
pub mod policy;
mod post;
mod presigner;
mod query;
mod region_set;
mod request;
mod ring;
mod s3;
mod s3_error;
mod s3_request;
mod sign;
mod signed_request;
pub mod sqs;
mod stream;
pub mod sts;
#[cfg(feature = "sigv4a")]
pub mod v4a;
mod verify;

pub use crate::{
    grant::OnShortCredential,
    v4::{
        batch::NameUrls,
        payload::{Payload, PayloadCheck},
    },
    view::Plus,
};

pub use self::{
    batch::PartUrls,
    call::Call,
    canonical::{PathRule, StringToSign},
    endpoint::{Endpoint, Partition, Region},
    expect::Expect,
    key::{Credential, Scope, ScopedKey, Signature, StaticKey},
    operations::Operation,
    post::{ExpectForm, FormView, PendingForm, PostForm, PostPolicy, PreparedForm, PresentedForm, SignedForm},
    presigner::{HeaderSigner, Presigner},
    region_set::RegionSet,
    request::{PreparedHeaders, Request, SignedHeaders, TokenPlacement},
    ring::{KeyRing, Verifier},
    s3_error::S3Error,
    s3_request::S3Request,
    sign::{Prepared, UrlRequest},
    signed_request::SignedRequest,
    stream::{
        Checksum, ChunkFrame, ChunkSigner, ChunkStep, ChunkVerifier, PendingChunk, PreparedChunk, PreparedTrailer,
        Stream, StreamMode,
    },
    verify::{Form, Pending, Presented},
};

#[cfg(feature = "legacy")]
pub use self::legacy::{
    LegacyExpect, LegacyPending, LegacyPrepared, LegacyPresented, LegacySignature, LegacySignedRequest,
    LegacyStringToSign, LegacyUrlRequest,
};

use crate::{
    clock::Timestamp,
    error::{IssueError, KeyError, VerifyError},
    token::{BearerUrl, Verified},
};
use alloc::{boxed::Box, sync::Arc};
use core::fmt::Debug;

/// A holder of an AWS key.
///
/// Two methods are required; the rest is the same for every holder. `&T`, `Box<T>` and `Arc<T>` of a
/// holder are holders, and so is `Box<dyn SigV4>`.
///
/// ```
/// use valet_key::{aws::{self, SigV4}, clock::Timestamp, grant::Grant};
///
/// let key = aws::StaticKey::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")?;
/// let now = Timestamp::parse_iso_basic("20130524T000000Z")?;
/// let url = key.presign(&aws::UrlRequest::s3(&Grant::read("examplebucket", "test.txt"), "us-east-1")?, now)?;
/// assert!(url.expose().starts_with("https://examplebucket.s3.us-east-1.amazonaws.com/test.txt?X-Amz-Algorithm="));
/// assert_eq!(url.expires_at().to_string(), "2013-05-24T00:15:00Z");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait SigV4: Debug + Send + Sync {
    /// The public half: what a token names, never the secret.
    fn credential(&self) -> &Credential;

    /// Signs `message`, which belongs to `scope`.
    ///
    /// # Errors
    /// [`KeyError`] if this holder cannot sign for that scope, or failed.
    fn sign(&self, scope: &Scope, message: &StringToSign) -> Result<Signature, KeyError>;

    /// The key derived for that scope, if this holder can part with it: what a [`Presigner`] keeps from
    /// one signature to the next. A remote holder has none.
    fn scoped(&self, _scope: &Scope) -> Option<ScopedKey> {
        None
    }

    /// Makes a presigned URL, good from `now`.
    ///
    /// # Errors
    /// Those of [`UrlRequest::prepare`], and [`IssueError::Key`].
    fn presign(&self, request: &UrlRequest, now: Timestamp) -> Result<BearerUrl, IssueError> {
        let prepared = request.prepare(self.credential(), now)?;
        let signature = self.sign(prepared.scope(), prepared.string_to_sign())?;
        Ok(prepared.finish(&signature))
    }

    /// Makes the headers that sign a request sent at `now`.
    ///
    /// # Errors
    /// Those of [`Request::prepare_headers`], and [`IssueError::Key`].
    fn sign_headers(&self, request: &Request, now: Timestamp) -> Result<SignedHeaders, IssueError> {
        let prepared = request.prepare_headers(self.credential(), now)?;
        let signature = self.sign(prepared.scope(), prepared.string_to_sign())?;
        Ok(prepared.finish(&signature))
    }

    /// Checks a request against this key.
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
        pending.accept_with(&expected, |scope| self.scoped(scope))
    }

    /// Checks a form against this key.
    ///
    /// # Errors
    /// [`VerifyError`], see [`PresentedForm::check`] and [`PendingForm::accept`].
    fn verify_form<'r>(
        &self,
        presented: PresentedForm<'r>,
        expect: &ExpectForm,
        now: Timestamp,
    ) -> Result<Verified<SignedForm<'r>>, VerifyError> {
        let pending = presented.check(self.credential(), expect, now)?;
        let expected = self.sign(pending.scope(), pending.string_to_sign())?;
        pending.accept(&expected)
    }
}

macro_rules! holders_behind_a_pointer {
    ($($pointer:ty),*) => {$(
        impl<T: SigV4 + ?Sized> SigV4 for $pointer {
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

            fn verify_form<'r>(
                &self,
                presented: PresentedForm<'r>,
                expect: &ExpectForm,
                now: Timestamp,
            ) -> Result<Verified<SignedForm<'r>>, VerifyError> {
                (**self).verify_form(presented, expect, now)
            }
        }
    )*};
}

holders_behind_a_pointer!(&T, Box<T>, Arc<T>);
