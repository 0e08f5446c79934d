//! A holder of a provider's key, and the place where its tokens are good.

use super::{Account, Prepared, Signature, ToSign, Token};
#[cfg(feature = "aws")]
use crate::aws::{self, SigV4};
#[cfg(feature = "azure")]
use crate::azure::{self, Sas};
#[cfg(feature = "gcs")]
use crate::gcs::{self, GoogV4};
use crate::{
    clock::Timestamp,
    error::{IssueError, KeyError},
    grant::Grant,
};
use alloc::sync::Arc;

/// A cloud to issue tokens for.
///
/// It owns its holder or borrows it, as `&T` and `Arc<T>` of a holder are holders too, and a copy of it shares the holder.
///
/// ```
/// # #[cfg(all(feature = "aws", feature = "azure", feature = "gcs"))] {
/// use valet_key::multi::{Cloud, Form};
/// use valet_key::{aws, azure, clock::Timestamp, error::IssueError, gcs, grant::Grant};
///
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let azure = azure::AccountKey::new("account", "c2VjcmV0")?;
/// let clouds = [
///     Cloud::aws(aws::StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?, "eu-west-1")?,
///     Cloud::gcs(gcs::HmacKey::new("GOOG1EXAMPLE", "secret")?),
///     Cloud::azure(&azure),
/// ];
///
/// // Every cloud can let one object be read.
/// let forms = clouds.each_ref().map(|cloud| cloud.issue(&Grant::read("photos", "cat.jpg"), now).map(|it| it.form()));
/// assert_eq!(forms, [Ok(Form::S3PresignedUrl), Ok(Form::GcsSignedUrl), Ok(Form::AzureServiceSas)]);
///
/// // A size range takes another form on S3, a header on Cloud Storage, and nothing of Azure enforces it.
/// let upload = Grant::upload("photos", "cat.jpg").content_type("image/jpeg").size(1..=5 << 20);
/// let forms = clouds.each_ref().map(|cloud| cloud.issue(&upload, now).map(|it| it.form()));
/// assert!(matches!(forms, [Ok(Form::S3PostPolicy), Ok(Form::GcsSignedUrl), Err(IssueError::NotEnforceable { .. })]));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Cloud<'k> {
    /// Amazon S3, or another server that speaks its protocol.
    #[cfg(feature = "aws")]
    Aws {
        /// Who signs.
        key: Arc<dyn SigV4 + 'k>,
        /// Where the tokens are good.
        endpoint: aws::Endpoint,
    },
    /// Google Cloud Storage.
    #[cfg(feature = "gcs")]
    Gcs {
        /// Who signs.
        key: Arc<dyn GoogV4 + 'k>,
        /// Where the tokens are good.
        endpoint: gcs::Endpoint,
    },
    /// Azure Storage.
    #[cfg(feature = "azure")]
    Azure {
        /// Who signs.
        key: Arc<dyn Sas + 'k>,
        /// Where the tokens are good.
        endpoint: azure::Endpoint,
    },
}

impl<'k> Cloud<'k> {
    /// Amazon S3 in this region.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if it is no name of a region.
    #[cfg(feature = "aws")]
    pub fn aws(key: impl SigV4 + 'k, region: &str) -> Result<Self, IssueError> {
        Ok(Self::aws_at(key, aws::Endpoint::aws(aws::Region::new(region)?)))
    }

    /// Another endpoint of S3, or another server that speaks its protocol.
    #[cfg(feature = "aws")]
    #[must_use]
    pub fn aws_at(key: impl SigV4 + 'k, endpoint: aws::Endpoint) -> Self {
        Self::Aws { key: Arc::new(key), endpoint }
    }

    /// Google Cloud Storage.
    #[cfg(feature = "gcs")]
    #[must_use]
    pub fn gcs(key: impl GoogV4 + 'k) -> Self {
        Self::gcs_at(key, gcs::Endpoint::google())
    }

    /// Google Cloud Storage at another endpoint.
    #[cfg(feature = "gcs")]
    #[must_use]
    pub fn gcs_at(key: impl GoogV4 + 'k, endpoint: gcs::Endpoint) -> Self {
        Self::Gcs { key: Arc::new(key), endpoint }
    }

    /// Azure Storage: service SAS with an account key, user delegation SAS with a user delegation key.
    #[cfg(feature = "azure")]
    #[must_use]
    pub fn azure(key: impl Sas + 'k) -> Self {
        Self::azure_at(key, azure::Endpoint::azure())
    }

    /// Azure Storage at another endpoint.
    #[cfg(feature = "azure")]
    #[must_use]
    pub fn azure_at(key: impl Sas + 'k, endpoint: azure::Endpoint) -> Self {
        Self::Azure { key: Arc::new(key), endpoint }
    }

    /// The same without the secret.
    #[must_use]
    pub fn account(&self) -> Account<'_> {
        match self {
            #[cfg(feature = "aws")]
            Self::Aws { key, endpoint } => Account::Aws { credential: key.credential(), endpoint },
            #[cfg(feature = "gcs")]
            Self::Gcs { key, endpoint } => Account::Gcs { credential: key.credential(), endpoint },
            #[cfg(feature = "azure")]
            Self::Azure { key, endpoint } => Account::Azure { credential: key.credential(), endpoint },
        }
    }

    /// Issues the narrowest token that carries every constraint of the grant, good from `now`.
    ///
    /// # Errors
    /// Those of [`Account::prepare`], and [`IssueError::Key`].
    pub fn issue(&self, grant: &Grant, now: Timestamp) -> Result<Token, IssueError> {
        let prepared = self.account().prepare(grant, now)?;
        Ok(self.finish(prepared)?)
    }

    pub(super) fn finish(&self, prepared: Prepared) -> Result<Token, KeyError> {
        let signature = self.sign(prepared.to_sign())?;
        prepared.finish(&signature)
    }

    fn sign(&self, what: ToSign<'_>) -> Result<Signature, KeyError> {
        match (self, what) {
            #[cfg(feature = "aws")]
            (Self::Aws { key, .. }, ToSign::Aws { scope, message }) => key.sign(scope, message).map(Signature::Aws),
            #[cfg(feature = "gcs")]
            (Self::Gcs { key, .. }, ToSign::Gcs { scope, message }) => key.sign(scope, message).map(Signature::Gcs),
            #[cfg(feature = "azure")]
            (Self::Azure { key, .. }, ToSign::Azure { message }) => key.sign(message).map(Signature::Azure),
            #[allow(unreachable_patterns, reason = "with one provider there is no other message")]
            _ => Err(KeyError::Invalid { what: "message", why: "it is for another provider" }),
        }
    }
}
