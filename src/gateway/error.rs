//! Why a request does not pass, and what its sender is told.

use super::{Answer, Provider};
use crate::error::VerifyError;
use std::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};

/// Why a store could not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Every place is taken by an entry that is still needed.
    #[error("every place is taken by a live entry")]
    Full,
    /// It did not answer.
    #[error("the store did not answer")]
    Lost,
}

/// Why a request does not pass a gate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GateError {
    /// It was refused before or at its signature, or asks for what its token does not cover.
    #[error(transparent)]
    Unverified(#[from] VerifyError),
    /// It is verified, and not within what this gate allows at all.
    #[error("outside the bounds of this gateway: {why}")]
    OutOfBounds {
        /// Which bound, by a stable name: that of [`Refusal::code`](crate::policy::Refusal::code), or `out_of_bounds`.
        code: &'static str,
        /// The same in words for the operator.
        why: String,
    },
    /// Its token, its key, its subject or what it is about was revoked.
    #[error("the token was revoked")]
    Revoked,
    /// Its one use is over.
    #[error("the token is for one use, and was used")]
    Replayed,
    /// There were too many requests.
    #[error("too many requests: again in {retry_after} s")]
    RateLimited {
        /// After how many seconds another one is allowed.
        retry_after: u32,
    },
    /// A store could not tell, so that nobody can say that it was not revoked or used.
    #[error("revocation and replay cannot be checked: {0}")]
    Store(StoreError),
}

impl GateError {
    pub(super) const fn of(answer: Answer) -> Result<(), Self> {
        Err(match answer {
            Answer::Clear => return Ok(()),
            Answer::Revoked => Self::Revoked,
            Answer::RateLimited { retry_after } => Self::RateLimited { retry_after },
            Answer::Replayed => Self::Replayed,
            Answer::Full => Self::Store(StoreError::Full),
            Answer::Lost => Self::Store(StoreError::Lost),
        })
    }

    /// A stable name for metrics and audit records.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unverified(error) => error.code(),
            Self::OutOfBounds { code, .. } => code,
            Self::Revoked => "revoked",
            Self::Replayed => "replayed",
            Self::RateLimited { .. } => "rate_limited",
            Self::Store(StoreError::Full) => "store_full",
            Self::Store(StoreError::Lost) => "store_lost",
        }
    }

    /// What the sender is told, in the provider's own form. It says neither what was revoked nor which bound it was.
    ///
    /// | | S3 | Cloud Storage | Azure |
    /// |---|---|---|---|
    /// | unverified | `S3Error` | `StorageError` | `StorageError` |
    /// | bounds, revoked, used | 403 `AccessDenied` | 403 `AccessDenied` | 403 `AuthorizationFailure`, `AuthenticationFailed` |
    /// | rate, store | 503 `SlowDown`, `ServiceUnavailable` | 503 `SlowDown`, `ServiceUnavailable` | 503 `ServerBusy` |
    #[must_use]
    #[cfg_attr(
        not(any(feature = "aws", feature = "azure")),
        expect(unused_variables, reason = "Cloud Storage has no place for it")
    )]
    pub fn answer(&self, provider: Provider, request_id: &str) -> Refusal {
        let mut refusal = match provider {
            #[cfg(feature = "aws")]
            Provider::Aws => self.of_s3(request_id),
            #[cfg(feature = "gcs")]
            Provider::Gcs => self.of_gcs(),
            #[cfg(feature = "azure")]
            Provider::Azure => self.of_azure(request_id),
            #[allow(unreachable_patterns, reason = "a provider that is not built in has no gate")]
            _ => Refusal { status: 403, code: "AccessDenied", headers: Vec::new(), body: String::new() },
        };
        refusal.headers.push(("content-type", "application/xml".to_owned()));
        let retry_after = match self {
            Self::RateLimited { retry_after } => Some((*retry_after).max(1)),
            Self::Store(_) => Some(1),
            _ => None,
        };
        if let Some(seconds) = retry_after {
            refusal.headers.push(("retry-after", seconds.to_string()));
        }
        refusal
    }

    #[cfg(feature = "aws")]
    fn of_s3(&self, request_id: &str) -> Refusal {
        use crate::aws::S3Error;
        let error = match self {
            Self::Unverified(error) => S3Error::from(error),
            Self::OutOfBounds { .. } | Self::Revoked | Self::Replayed => {
                S3Error::new(403, "AccessDenied", "Access Denied")
            }
            Self::RateLimited { .. } => S3Error::new(503, "SlowDown", "Please reduce your request rate."),
            Self::Store(_) => S3Error::new(503, "ServiceUnavailable", "The request cannot be checked now."),
        };
        let headers = Vec::from([("x-amz-request-id", header_value(request_id))]);
        Refusal { status: error.status, code: error.code, headers, body: error.to_xml(request_id) }
    }

    #[cfg(feature = "gcs")]
    fn of_gcs(&self) -> Refusal {
        use crate::gcs::StorageError;
        let error = match self {
            Self::Unverified(error) => StorageError::from(error),
            Self::OutOfBounds { .. } | Self::Revoked | Self::Replayed => {
                StorageError::new(403, "AccessDenied", "Access denied.")
            }
            Self::RateLimited { .. } => StorageError::new(503, "SlowDown", "Please reduce your request rate."),
            Self::Store(_) => StorageError::new(503, "ServiceUnavailable", "The request cannot be checked now."),
        };
        Refusal { status: error.status, code: error.code, headers: Vec::new(), body: error.to_xml() }
    }

    #[cfg(feature = "azure")]
    fn of_azure(&self, request_id: &str) -> Refusal {
        use crate::azure::StorageError;
        let error = match self {
            Self::Unverified(error) => StorageError::from(error),
            Self::OutOfBounds { .. } => StorageError::new(
                403,
                "AuthorizationFailure",
                "This request is not authorized to perform this operation.",
            ),
            Self::Revoked | Self::Replayed => {
                StorageError::new(403, "AuthenticationFailed", "The server could not authenticate the request.")
            }
            Self::RateLimited { .. } => StorageError::new(503, "ServerBusy", "The rate of requests is too high."),
            Self::Store(_) => StorageError::new(503, "ServerBusy", "The request cannot be checked now."),
        };
        let headers =
            Vec::from([("x-ms-error-code", error.code.to_owned()), ("x-ms-request-id", header_value(request_id))]);
        Refusal { status: error.status, code: error.code, headers, body: error.to_xml(request_id) }
    }
}

/// A request id as a header carries it: visible ASCII, at most 128 characters.
#[cfg(any(feature = "aws", feature = "azure"))]
fn header_value(request_id: &str) -> String {
    request_id.chars().filter(char::is_ascii_graphic).take(128).collect()
}

/// An answer that refuses a request, for any HTTP server to send.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The provider's code for it.
    pub code: &'static str,
    /// Header lines, with lower-case names.
    pub headers: Vec<(&'static str, String)>,
    /// The error document.
    pub body: String,
}
