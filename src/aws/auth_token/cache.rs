//! Caches: ElastiCache and MemoryDB.

use super::login::{Carrier, Login, https};
use crate::{aws::Region, error::IssueError};

impl Login {
    /// To a replication group of ElastiCache. The token is the password of `AUTH` or `HELLO`.
    ///
    /// `group` is its id in lower case, and not the name of an endpoint. The user's id and name have to be the same. The
    /// client needs `elasticache:Connect` on the group and on the user.
    ///
    /// ```
    /// use valet_key::{aws::{StaticKey, auth_token::Login}, clock::Timestamp};
    ///
    /// let now = Timestamp::parse_iso_basic("20261124T120000Z")?;
    /// let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
    /// let password = Login::elasticache("sessions", "web", "eu-west-1")?.issue(&key, now)?;
    /// assert!(password.expose().starts_with("sessions/?Action=connect&User=web&X-Amz-Algorithm="));
    ///
    /// // A serverless cache takes another token than a group of the same name.
    /// let serverless = Login::elasticache_serverless("sessions", "web", "eu-west-1")?;
    /// assert!(serverless.verify(password.expose(), &key, now).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`IssueError::Invalid`] unless `group` is 1 to 50 lower-case letters, digits and single hyphens beginning with a
    /// letter, and for a user that is not 1 to 255 bytes without control characters.
    pub fn elasticache(group: &str, user: &str, region: &str) -> Result<Self, IssueError> {
        connect(group, "elasticache", region)?.with_user("User", user)
    }

    /// To a serverless cache of ElastiCache, by its name in lower case. See [`elasticache`](Self::elasticache).
    ///
    /// # Errors
    /// As [`elasticache`](Self::elasticache).
    pub fn elasticache_serverless(cache: &str, user: &str, region: &str) -> Result<Self, IssueError> {
        Ok(Self::elasticache(cache, user, region)?.param("ResourceType", "ServerlessCache"))
    }

    /// To a cluster of MemoryDB, by its name. The token is the password of `AUTH` or `HELLO`.
    ///
    /// The client needs `memorydb:Connect` on the cluster and on the user.
    ///
    /// # Errors
    /// As [`elasticache`](Self::elasticache).
    pub fn memorydb(cluster: &str, user: &str, region: &str) -> Result<Self, IssueError> {
        connect(cluster, "memorydb", region)?.with_user("User", user)
    }
}

fn connect(name: &str, service: &str, region: &str) -> Result<Login, IssueError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let hyphens_are_single = !name.contains("--") && !name.ends_with('-');
    let begins_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    if !(begins_well && name.len() <= 50 && name.bytes().all(plain) && hyphens_are_single) {
        return Err(IssueError::Invalid {
            what: "cache name",
            why: "it must be 1 to 50 lower-case letters, digits and single hyphens, and begin with a letter",
        });
    }
    Ok(Login::new(Carrier::Password, https(name)?, &Region::new(region)?, service, "/")?.param("Action", "connect"))
}
