//! On whose behalf a token is issued.

use crate::{
    error::IssueError,
    mac::{Sha256, Sink},
};
use alloc::{borrow::ToOwned, string::String};

/// The longest name of a tenant or a user, in bytes.
const LONGEST: usize = 256;

/// A user of a tenant, as the application knows them after it has authenticated them.
///
/// ```
/// use valet_key::issuer::Subject;
///
/// let jane = Subject::new("acme", "jane")?;
/// assert_eq!((jane.tenant(), jane.user()), ("acme", "jane"));
/// // No two subjects share a key, however their names are cut.
/// assert_ne!(jane.key(), Subject::new("acm", "ejane")?.key());
/// assert!(Subject::new("acme", "").is_err());
/// # Ok::<(), valet_key::error::IssueError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    tenant: String,
    user: String,
}

impl Subject {
    /// A user of a tenant. The name of the tenant may be empty where there is one alone.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for a name of more than 256 bytes or with a control character, and without a user.
    pub fn new(tenant: &str, user: &str) -> Result<Self, IssueError> {
        let is_plain = |name: &str| name.len() <= LONGEST && !name.chars().any(char::is_control);
        if user.is_empty() || !is_plain(tenant) || !is_plain(user) {
            let why = "tenant and user are at most 256 bytes each without control characters, and there is a user";
            return Err(IssueError::Invalid { what: "subject", why });
        }
        Ok(Self { tenant: tenant.to_owned(), user: user.to_owned() })
    }

    /// The tenant; empty where there is one alone.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The user.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Names the subject in a store of rates: 128 bits of a SHA-256 over both names.
    #[must_use]
    pub fn key(&self) -> [u8; 16] {
        let mut hash = Sha256::new();
        // The length tells where the tenant ends.
        hash.put(&(self.tenant.len() as u64).to_be_bytes());
        hash.put(self.tenant.as_bytes());
        hash.put(self.user.as_bytes());
        hash.finish().first_chunk().copied().unwrap_or_default()
    }
}
