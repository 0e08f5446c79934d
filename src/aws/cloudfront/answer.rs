//! What an edge answers to a request that it refuses.

use crate::error::VerifyError;
use alloc::{format, string::String};

/// What CloudFront answers to a request that it refuses.
///
/// By default an unknown key and a wrong signature get the same answer, so that a peer cannot find out which keys are
/// trusted; [`detailed`](Self::detailed) tells them apart.
///
/// ```
/// use valet_key::aws::cloudfront::CloudFrontError;
/// use valet_key::error::VerifyError;
///
/// let error = CloudFrontError::from(&VerifyError::NotSigned);
/// assert_eq!((error.status, error.code), (403, "MissingKey"));
/// assert_eq!(
///     CloudFrontError::from(&VerifyError::UnknownKey),
///     CloudFrontError::from(&VerifyError::SignatureMismatch),
/// );
/// assert!(error.to_xml().contains("<Code>MissingKey</Code>"));
/// ```
///
/// Source: answers of the service that users reported; no guide lists the codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloudFrontError {
    /// The HTTP status.
    pub status: u16,
    /// The code of the error document.
    pub code: &'static str,
    /// The message of the error document.
    pub message: &'static str,
}

impl CloudFrontError {
    const DENIED: Self = Self::new(403, "AccessDenied", "Access denied");

    /// An answer of the embedding server's own. The message goes out as it is, so it must not need escaping.
    #[must_use]
    pub const fn new(status: u16, code: &'static str, message: &'static str) -> Self {
        Self { status, code, message }
    }

    /// As CloudFront answers, also where that tells a peer whether a key is trusted.
    #[must_use]
    pub fn detailed(error: &VerifyError) -> Self {
        match error {
            VerifyError::UnknownKey | VerifyError::OtherKey => Self::new(403, "InvalidKey", "Unknown Key"),
            other => Self::from(other),
        }
    }

    /// The error document.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let Self { code, message, .. } = self;
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        )
    }
}

impl From<&VerifyError> for CloudFrontError {
    fn from(error: &VerifyError) -> Self {
        use VerifyError as E;
        match error {
            E::NotSigned | E::FieldCount { field: "Key-Pair-Id" | "CloudFront-Key-Pair-Id", found: 0 } => {
                Self::new(403, "MissingKey", "Missing Key-Pair-Id query parameter or cookie value")
            }
            E::Policy { .. } | E::FieldForm { field: "Policy" | "CloudFront-Policy", .. } => {
                Self::new(403, "MalformedPolicy", "Malformed Policy")
            }
            E::TooLarge { .. } => Self::new(400, "BadRequest", "The head of the request is too large"),
            E::Malformed { .. } | E::FieldCount { field: "Host", .. } | E::FieldForm { field: "Host", .. } => {
                Self::new(400, "BadRequest", "The request cannot be read in one way only")
            }
            E::Key(_) => Self::new(500, "InternalError", "The request could not be checked"),
            _ => Self::DENIED,
        }
    }
}
