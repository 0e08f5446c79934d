//! Where a request goes: the account in the host, or in the path.

use super::resource::Service;
use crate::{error::IssueError, origin::Origin};
use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
};

/// Where the services of an account are reached.
///
/// ```
/// use valet_key::azure::{AccountKey, Endpoint, Sas, UrlRequest};
/// use valet_key::{clock::Timestamp, grant::{Grant, Justification}};
///
/// let key = AccountKey::new("myaccount", "c2VjcmV0")?;
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let show = |endpoint: &Endpoint| -> Result<String, Box<dyn std::error::Error>> {
///     let grant = Grant::read("photos", "a b.txt").because(Justification::new("a local emulator")?);
///     let url = key.issue(&UrlRequest::at(endpoint, &grant)?, now)?;
///     Ok(url.expose().split('?').next().unwrap_or_default().to_owned())
/// };
/// assert_eq!(show(&Endpoint::azure())?, "https://myaccount.blob.core.windows.net/photos/a%20b.txt");
/// assert_eq!(show(&Endpoint::cloud("core.usgovcloudapi.net")?)?, "https://myaccount.blob.core.usgovcloudapi.net/photos/a%20b.txt");
/// assert_eq!(show(&Endpoint::bound("https://cdn.example.com")?)?, "https://cdn.example.com/photos/a%20b.txt");
/// assert_eq!(show(&Endpoint::emulator("http://127.0.0.1:10000")?)?, "http://127.0.0.1:10000/myaccount/photos/a%20b.txt");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Source: Azure Storage documentation, "Storage account overview" for hosts, "Use the Azurite emulator" for paths.
#[derive(Clone, Debug)]
pub struct Endpoint(Style);

#[derive(Clone, Debug)]
enum Style {
    /// Account and service in the host, before this suffix.
    Host(String),
    /// A host of its own for one service of one account.
    Bound(Origin),
    /// The account is the first segment of the path.
    Path(Origin),
}

impl Default for Endpoint {
    fn default() -> Self {
        Self::azure()
    }
}

impl Endpoint {
    /// `<account>.<service>.core.windows.net`
    #[must_use]
    pub fn azure() -> Self {
        Self(Style::Host("core.windows.net".to_owned()))
    }

    /// `<account>.<service>.<suffix>`, as in a sovereign cloud.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if the suffix is not a DNS name.
    pub fn cloud(suffix: &str) -> Result<Self, IssueError> {
        let origin = Origin::parse(&format!("https://{suffix}"))?;
        if origin.host() != suffix {
            return Err(IssueError::Invalid { what: "suffix", why: "it must be a DNS name in lower case" });
        }
        Ok(Self(Style::Host(suffix.to_owned())))
    }

    /// A host of your own for one service of one account, such as a custom domain. Plain HTTP needs a justification
    /// when a URL is issued.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if the origin is not a scheme and a host with an optional port.
    pub fn bound(origin: &str) -> Result<Self, IssueError> {
        Ok(Self(Style::Bound(Origin::parse(origin)?)))
    }

    /// A server that has the account as the first segment of the path, such as Azurite. Plain HTTP needs a
    /// justification when a URL is issued.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if the origin is not a scheme and a host with an optional port.
    pub fn emulator(origin: &str) -> Result<Self, IssueError> {
        Ok(Self(Style::Path(Origin::parse(origin)?)))
    }

    /// The address of a service, without a `/` at its end.
    pub(super) fn base(&self, account: &str, service: Service) -> String {
        match &self.0 {
            Style::Host(suffix) => format!("https://{}.{}.{suffix}", account.to_ascii_lowercase(), service.label()),
            Style::Bound(origin) => origin.to_string(),
            Style::Path(origin) => format!("{origin}/{account}"),
        }
    }

    pub(crate) const fn is_https(&self) -> bool {
        match &self.0 {
            Style::Host(_) => true,
            Style::Bound(origin) | Style::Path(origin) => origin.is_https(),
        }
    }
}
