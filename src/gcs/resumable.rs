//! Resumable uploads: the session URI as the secret that it is.
//!
//! Source: Cloud Storage documentation, "Resumable uploads" and "XML API resumable uploads".

use crate::{clock::Timestamp, error::VerifyError, secret::Secret};
use alloc::{string::String, string::ToString};
use core::fmt;

/// How long Cloud Storage keeps a session: a week, whatever the signed URL that started it said.
const WEEK: u32 = 7 * 24 * 60 * 60;

/// The URI to which the bytes of a resumable upload are sent.
///
/// Whoever holds it can finish or give up the upload, without any signature, for about a week: the signed
/// URL that started the session may be over long before. So it is treated like a token, and a service that
/// wants it to end sooner has to say so and cancel the session then.
///
/// ```
/// use valet_key::{clock::Timestamp, gcs::ResumableSession};
///
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let location = "https://storage.googleapis.com/photos/cat.jpg?upload_id=ABPtcPo";
/// let session = ResumableSession::from_location(location, now)?;
/// assert!(!format!("{session:?}").contains("ABPtcPo"));
/// assert_eq!(session.expires_at().to_string(), "2023-11-21T22:13:20Z");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ResumableSession {
    uri: Secret<String>,
    expires_at: Timestamp,
}

impl ResumableSession {
    /// From the `Location` header of the answer that started the session at `now`.
    ///
    /// # Errors
    /// [`VerifyError::Malformed`] unless it is a URL of at most 8 KiB with an `upload_id`.
    pub fn from_location(location: &str, now: Timestamp) -> Result<Self, VerifyError> {
        let malformed = |why| VerifyError::Malformed { what: "session URI", why };
        if location.len() > 8 << 10 || !location.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(malformed("it must be at most 8 KiB of visible ASCII"));
        }
        if !location.starts_with("https://") && !location.starts_with("http://") {
            return Err(malformed("it must be a URL"));
        }
        let ids = location.split(['?', '&']).skip(1).filter_map(|param| param.strip_prefix("upload_id="));
        if ids.filter(|id| !id.is_empty()).count() != 1 {
            return Err(malformed("it must have one `upload_id`"));
        }
        Ok(Self { uri: Secret::new(location.to_string()), expires_at: now.saturating_add(WEEK) })
    }

    /// Ends sooner in this service's books, never later. Cloud Storage does not know: cancel the session then.
    #[must_use]
    pub fn ending(mut self, at: Timestamp) -> Self {
        self.expires_at = self.expires_at.min(at);
        self
    }

    /// The URI, for the one client that uploads. Do not log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.uri.expose()
    }

    /// The last second at which the session is of use.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Whether the session is over.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        now > self.expires_at
    }
}

impl fmt::Debug for ResumableSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResumableSession")
            .field("resource", &self.expose().split('?').next().unwrap_or_default())
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_a_url_with_one_upload_id_and_a_week_to_live() {
        let now = Timestamp::from_unix(1_700_000_000).unwrap();
        let session = ResumableSession::from_location("https://h/b/o?upload_id=secret-id&a=1", now).unwrap();
        assert!(!session.is_over(now.saturating_add(604_800)) && session.is_over(now.saturating_add(604_801)));
        let sooner = session.clone().ending(now.saturating_add(60));
        assert!(sooner.is_over(now.saturating_add(61)));
        assert!(!sooner.ending(now.saturating_add(999_999)).is_over(now.saturating_add(60)));
        for location in [
            "",
            "/b/o?upload_id=1",
            "https://h/b/o",
            "https://h/b/o?upload_id=",
            "https://h/b/o?upload_id=1&upload_id=2",
            "https://h/b/o?upload_id=1\r\nx: y",
            "ftp://h/?upload_id=1",
        ] {
            assert!(ResumableSession::from_location(location, now).is_err(), "{location}");
        }
    }
}
