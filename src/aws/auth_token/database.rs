//! Databases: RDS and Aurora, and Aurora DSQL.

use super::login::{Carrier, Login, https};
use crate::{aws::Region, error::IssueError, grant::Lifetime, origin::Origin};
use alloc::format;

/// As whom to log in to Aurora DSQL, which is a permission of its own each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DsqlRole {
    /// `DbConnect`: as a role that was made in the database.
    Custom,
    /// `DbConnectAdmin`: as `admin`.
    Admin,
}

impl Login {
    /// To a database of RDS or Aurora, as a user with IAM authentication. The token is the password.
    ///
    /// The client needs `rds-db:connect` on `arn:<partition>:rds-db:<region>:<account>:dbuser:<resource id>/<user>`. The
    /// token lives for 900 s at most; a connection that is open by then stays open. RDS does not evaluate conditions on the
    /// client's address or network (`aws:SourceIp`, `aws:SourceVpc`, `aws:SourceVpce`) for it, so a policy with one narrows
    /// nothing. With a session token it is longer than 1 KiB, and some proxies of databases cut long passwords.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for a host or region that is none, for port 0, for port 443, which some signers leave out of
    /// what they sign and others do not, and for a user that is not 1 to 255 bytes without control characters.
    pub fn rds(host: &str, port: u16, user: &str, region: &str) -> Result<Self, IssueError> {
        https(host)?;
        if port == 443 {
            return Err(IssueError::Invalid { what: "port", why: "signers do not agree on how 443 is signed" });
        }
        let origin = Origin::parse(&format!("https://{host}:{port}"))?;
        Self::new(Carrier::Password, origin, &Region::new(region)?, "rds-db", "/")?
            .param("Action", "connect")
            .with_user("DBUser", user)
    }

    /// To a cluster of Aurora DSQL. The token is the password.
    ///
    /// The client needs `dsql:DbConnect` or `dsql:DbConnectAdmin` on the cluster. The token lives for 900 s unless it is told
    /// otherwise, and for a week at most.
    ///
    /// ```
    /// use valet_key::{aws::{StaticKey, auth_token::{DsqlRole, Login}}, clock::Timestamp};
    ///
    /// let now = Timestamp::parse_iso_basic("20261124T120000Z")?;
    /// let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
    /// let host = "abcdefghijklmnopqrst.dsql.us-east-1.on.aws";
    /// let admin = Login::dsql(host, DsqlRole::Admin, "us-east-1")?.issue(&key, now)?;
    /// assert!(admin.expose().starts_with(&format!("{host}/?Action=DbConnectAdmin&X-Amz-Algorithm=")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for a host or region that is none.
    pub fn dsql(host: &str, role: DsqlRole, region: &str) -> Result<Self, IssueError> {
        let action = match role {
            DsqlRole::Custom => "DbConnect",
            DsqlRole::Admin => "DbConnectAdmin",
        };
        let login = Self::new(Carrier::Password, https(host)?, &Region::new(region)?, "dsql", "/")?;
        Ok(login.param("Action", action).at_most(Lifetime::WEEK))
    }
}
