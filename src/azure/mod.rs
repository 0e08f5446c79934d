//! Azure: shared access signatures of storage and of messaging, Shared Key, issued and verified.
//!
//! ```text
//! issue    Grant ──▶ UrlRequest ──prepare(credential, now)──▶ Prepared ──finish(signature)──▶ BearerUrl
//! verify   RequestView ──parse──▶ Presented ──check(credential, expect, now)──▶ Pending ──accept(signature)──▶ Verified<SignedRequest>
//! ```
//!
//! A holder of a key implements [`Sas`]: it names its public half and signs. An account key makes service SAS and account
//! SAS, a [`UserDelegationKey`] makes user delegation SAS. Everything else is written over the two halves above, so that a key
//! that lives elsewhere uses the same steps without the trait.
//!
//! Source: Azure Storage REST reference, "Create an account SAS", "Create a service SAS" and "Create a user delegation SAS".

mod account;
mod address;
mod addressed;
mod canonical;
mod delegation;
mod endpoint;
mod expect;
mod facts;
mod fields;
mod key;
mod lines;
mod messaging;
mod operations;
mod permissions;
pub(crate) mod plan;
mod presigner;
mod reach;
mod read;
mod resource;
mod ring;
mod shared_key;
mod sign;
mod signed;
mod storage;
mod stored_policy;
mod time;
mod url_request;
mod verify;
mod version;

pub(crate) use self::{lines::named as named_lines, shared_key::http_date};
pub use crate::{grant::OnShortCredential, view::Plus};

pub use self::{
    account::{AccountRequest, PreparedAccountSas},
    address::AddressRange,
    canonical::StringToSign,
    delegation::{DelegationKeyCache, KeyRequest},
    endpoint::Endpoint,
    expect::Expect,
    facts::SignedRequest,
    key::{AccountKey, AccountKeys, Credential, Delegation, PreparedKey, Signature, UserDelegationKey},
    messaging::{
        AccessRule, EntityLevel, EventGridKey, ExpectToken, IotHubKey, MessagingEntity, MessagingError,
        MessagingFamily, MessagingOperation, MessagingSas, PendingToken, PreparedToken, PresentedToken, PutToken,
        Right, Rights, RuleKey, RuleRing, ServiceBusKey, SignedToken, TokenCarrier, TokenRequest, TokenSignature,
        TokenToSign, relay_token,
    },
    permissions::{
        AccountPermissions, BlobPermissions, ContainerPermissions, DirectoryPermissions, FilePermissions, Permissions,
        QueuePermissions, ResourceTypes, Services, SharePermissions, TablePermissions,
    },
    presigner::Presigner,
    resource::{KeyRange, Kind, Service},
    ring::{KeyRing, Verifier},
    shared_key::{
        AuthorizedRequest, ExpectSharedKey, PendingRequest, PreparedRequest, PresentedRequest, SharedKeyFacts,
        SharedKeyRequest,
    },
    sign::Prepared,
    storage::StorageError,
    stored_policy::{Inline, NoPolicies, PolicyLookup, Split, Stored, StoredPolicies, StoredPolicy, Terms},
    url_request::{Protocol, UrlRequest},
    verify::{Pending, Presented},
    version::Version,
};

use crate::{
    clock::Timestamp,
    error::{IssueError, KeyError, VerifyError},
    token::{BearerUrl, Verified},
};
use alloc::{boxed::Box, sync::Arc};
use core::fmt::Debug;

/// A holder of a key of Azure Storage.
///
/// Two methods are required; the rest is the same for every holder. `&T`, `Box<T>` and `Arc<T>` of a holder are holders, and
/// so is `Box<dyn Sas>`.
///
/// ```
/// use valet_key::azure::{AccountKey, Expect, Presented, Sas, Service, UrlRequest};
/// use valet_key::{clock::Timestamp, grant::Grant, view::RequestView};
///
/// let key = AccountKey::new("myaccount", "c2VjcmV0")?;
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let url = key.issue(&UrlRequest::storage(&Grant::read("photos", "cat.jpg"))?, now)?;
/// assert_eq!(url.expires_at().to_string(), "2023-11-14T22:28:20Z");
///
/// let headers: [(&str, &[u8]); 1] = [("host", b"myaccount.blob.core.windows.net")];
/// let view = RequestView::new("GET", url.expose(), &headers).over_https();
/// let verified = key.verify(Presented::parse(&view)?, &Expect::new("myaccount", Service::Blob)?, now)?;
/// assert_eq!(verified.permissions(), "r");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Sas: Debug + Send + Sync {
    /// The public half: what a token names, never the secret.
    fn credential(&self) -> &Credential;

    /// Signs `message`: HMAC-SHA256.
    ///
    /// # Errors
    /// [`KeyError`] if this holder failed.
    fn sign(&self, message: &StringToSign) -> Result<Signature, KeyError>;

    /// The key itself, if this holder can part with it: what a signer keeps that makes many tokens.
    fn prepared_key(&self) -> Option<PreparedKey> {
        None
    }

    /// Makes a URL with a service SAS or a user delegation SAS, good from `now`.
    ///
    /// # Errors
    /// Those of [`UrlRequest::prepare`], and [`IssueError::Key`].
    fn issue(&self, request: &UrlRequest, now: Timestamp) -> Result<BearerUrl, IssueError> {
        let prepared = request.prepare(self.credential(), now)?;
        let signature = self.sign(prepared.string_to_sign())?;
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
        let expected = self.sign(pending.string_to_sign())?;
        pending.accept(&expected)
    }
}

macro_rules! holders_behind_a_pointer {
    ($($pointer:ty),*) => {$(
        impl<T: Sas + ?Sized> Sas for $pointer {
            fn credential(&self) -> &Credential {
                (**self).credential()
            }

            fn sign(&self, message: &StringToSign) -> Result<Signature, KeyError> {
                (**self).sign(message)
            }

            fn prepared_key(&self) -> Option<PreparedKey> {
                (**self).prepared_key()
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
