//! What a verifier requires of the requests that it accepts.

use super::super::{Plus, key::is_account, resource::Service, version::Version};
use crate::error::KeyError;
use alloc::string::String;

/// How far the time of a request may be from that of the service, in seconds.
const SKEW: u32 = 15 * 60;

/// What a verifier requires of the requests that it accepts.
///
/// ```
/// use valet_key::azure::{ExpectSharedKey, Service};
///
/// let expect = ExpectSharedKey::new("myaccount", Service::Blob)?.host("myaccount.blob.core.windows.net").skew(60);
/// # let _ = expect;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each relaxes one reading, and none excludes another")]
pub struct ExpectSharedKey {
    pub(super) account: String,
    pub(super) service: Service,
    pub(super) host: Option<String>,
    pub(super) account_in_path: bool,
    pub(super) oldest: Version,
    pub(super) skew: u32,
    pub(super) plus: Plus,
    pub(super) dot_segments: bool,
    pub(super) escaped_slashes: bool,
    pub(super) blanks_as_sent: bool,
}

impl ExpectSharedKey {
    /// One service of one account, in the strictest reading of everything.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] unless the account is 3 to 24 letters and digits.
    pub fn new(account: impl Into<String>, service: Service) -> Result<Self, KeyError> {
        let account = account.into();
        if !is_account(&account) {
            return Err(KeyError::Invalid { what: "account name", why: "it must be 3 to 24 letters and digits" });
        }
        Ok(Self {
            account,
            service,
            host: None,
            account_in_path: false,
            oldest: Version::V2018_11_09,
            skew: SKEW,
            plus: Plus::Refuse,
            dot_segments: false,
            escaped_slashes: false,
            blanks_as_sent: false,
        })
    }

    /// Requests for this host alone, with its port if it is not the default one; compared without regard to ASCII case.
    /// The host is not part of what is signed, so without this any host is accepted.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// The account is the first segment of the path, as with an emulator.
    #[must_use]
    pub const fn account_in_path(mut self) -> Self {
        self.account_in_path = true;
        self
    }

    /// The oldest service version that a request may name, from 2018-11-09 on, which is the default.
    #[must_use]
    pub fn oldest(mut self, version: Version) -> Self {
        self.oldest = version.max(Version::V2018_11_09);
        self
    }

    /// How far the time of a request may lie before or after now, in seconds: at most 900, which is the default and what
    /// the service allows.
    #[must_use]
    pub const fn skew(mut self, seconds: u32) -> Self {
        self.skew = if seconds < SKEW { seconds } else { SKEW };
        self
    }

    /// How a bare `+` in the query is read.
    #[must_use]
    pub const fn plus(mut self, plus: Plus) -> Self {
        self.plus = plus;
        self
    }

    /// Accepts `.` and `..` as whole segments of the path. Only for a store that takes them as names.
    #[must_use]
    pub const fn allow_dot_segments(mut self) -> Self {
        self.dot_segments = true;
        self
    }

    /// Reads `%2F` in a path as a slash, as the service does: some clients write every slash of a name so.
    #[must_use]
    pub const fn escaped_slashes(mut self) -> Self {
        self.escaped_slashes = true;
        self
    }

    /// Accepts `x-ms-*` headers with two blanks in a row or a tab in their values, and reads them as they were sent, which
    /// is what the official clients sign. The documents say that such runs are folded, so without this they are refused.
    #[must_use]
    pub const fn blanks_as_sent(mut self) -> Self {
        self.blanks_as_sent = true;
        self
    }
}
