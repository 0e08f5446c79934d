//! Ids that tie a token to the lines that the provider's logs hold about it.

use super::Grant;
use crate::error::{GrantError, IssueError};
use alloc::{borrow::ToOwned, string::String};
use core::fmt;

/// The longest id.
const LONGEST: usize = 64;

/// An id that shows up in the provider's log beside each use of a token: 1 to 64 letters, digits and `-`.
///
/// S3 logs it as the query parameter `x-request-id`, Azure as `scid` of a user delegation SAS (which has to be a GUID), Cloud
/// Storage in its audit logs as the header `x-goog-custom-audit-request-id`. All of them are signed.
///
/// ```
/// use valet_key::grant::{Grant, RequestId};
///
/// // 16 bytes from the random numbers of the operating system.
/// let random = *b"0123456789abcdef";
/// let id = RequestId::from_random(random);
/// assert_eq!(id.as_str(), "30313233-3435-4637-b839-616263646566");
/// let grant = Grant::read("photos", "cat.jpg").request_id(id);
/// assert!(RequestId::new("req 1").is_err());
/// # let _ = grant;
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(String);

impl RequestId {
    /// An id of the application's own.
    ///
    /// # Errors
    /// [`GrantError::RequestId`] unless it is 1 to 64 letters, digits and `-` of ASCII.
    pub fn new(id: &str) -> Result<Self, GrantError> {
        if is_request_id(id) { Ok(Self(id.to_owned())) } else { Err(GrantError::RequestId) }
    }

    /// A GUID of random numbers (version 4), which every provider takes. Nobody can guess an id of 122 bits that the
    /// operating system has drawn.
    ///
    /// Source: RFC 9562 section 5.4.
    #[must_use]
    pub fn from_random(mut bytes: [u8; 16]) -> Self {
        let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
        *version = *version & 0x0f | 0x40;
        *variant = *variant & 0x3f | 0x80;
        let mut id = String::with_capacity(36);
        for (at, byte) in bytes.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                id.push('-');
            }
            id.push_str(&hex::encode([*byte]));
        }
        Self(id)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<RequestId> for String {
    fn from(id: RequestId) -> Self {
        id.0
    }
}

pub(crate) fn is_request_id(id: &str) -> bool {
    (1..=LONGEST).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

impl Grant {
    /// The id that ties the token to the provider's logs, if it is to have one.
    #[must_use]
    pub fn correlation_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// The same for whoever writes it into a token.
    #[cfg(any(feature = "aws", feature = "azure", feature = "gcs"))]
    pub(crate) fn checked_request_id(&self) -> Result<Option<&str>, IssueError> {
        match self.correlation_id() {
            Some(id) if !is_request_id(id) => {
                Err(IssueError::Invalid { what: "request id", why: "it must be 1 to 64 letters, digits and `-`" })
            }
            id => Ok(id),
        }
    }
}
