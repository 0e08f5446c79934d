//! What a verifier requires, whoever signed.

use super::{Plus, key::is_account, resource::Service, version::Version};
use crate::{error::KeyError, grant::Lifetime};
use alloc::string::String;

/// What a verifier requires of the requests that it accepts.
///
/// ```
/// use valet_key::azure::{Expect, Service, Version};
/// use valet_key::grant::Lifetime;
///
/// let expect = Expect::new("myaccount", Service::Blob)?
///     .host("myaccount.blob.core.windows.net")
///     .oldest(Version::V2020_12_06)
///     .max_lifetime(Lifetime::minutes(60)?);
/// # let _ = expect;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own, and none excludes another")]
pub struct Expect {
    pub(super) account: String,
    pub(super) service: Service,
    /// How every canonicalized resource begins: `/service/account/`.
    pub(super) prefix: String,
    pub(super) host: Option<String>,
    pub(super) account_in_path: bool,
    pub(super) oldest: Version,
    pub(super) skew: u32,
    pub(super) max_lifetime: Option<Lifetime>,
    pub(super) plus: Plus,
    pub(super) dot_segments: bool,
    pub(super) escaped_slashes: bool,
    pub(super) identities_are_checked: bool,
}

impl Expect {
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
            prefix: ["/", service.canonical(), "/", &account, "/"].concat(),
            account,
            service,
            host: None,
            account_in_path: false,
            oldest: Version::V2018_11_09,
            skew: 0,
            max_lifetime: None,
            plus: Plus::Refuse,
            dot_segments: false,
            escaped_slashes: false,
            identities_are_checked: false,
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

    /// The oldest service version that a token may name. The default is 2018-11-09, the first that signs what kind of
    /// resource it is for.
    #[must_use]
    pub const fn oldest(mut self, version: Version) -> Self {
        self.oldest = version;
        self
    }

    /// How far the clock of whoever issued a token may be ahead, in seconds: at most 900. The default is 0, since the
    /// service itself allows nothing. It never extends the life of a token.
    #[must_use]
    pub const fn skew(mut self, seconds: u32) -> Self {
        self.skew = if seconds < 900 { seconds } else { 900 };
        self
    }

    /// The longest time that may lie between the start of a token and its end, or for a token without a start between now
    /// and its end. By default there is none, as with the service.
    #[must_use]
    pub const fn max_lifetime(mut self, lifetime: Lifetime) -> Self {
        self.max_lifetime = Some(lifetime);
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

    /// The caller checks what only a directory of users can tell: the own token of the user that `sduoid` names, and the
    /// access control lists for the one that `suoid` names. Without this such tokens are refused.
    #[must_use]
    pub const fn identities_are_checked(mut self) -> Self {
        self.identities_are_checked = true;
        self
    }
}
