//! A queue: where it is, and its name.

use crate::{
    aws::{Expect, Region},
    error::IssueError,
    grant::Grant,
    origin::Origin,
};
use alloc::{borrow::ToOwned, format, string::String};

const FIFO: &str = ".fifo";

fn invalid(what: &'static str, why: &'static str) -> IssueError {
    IssueError::Invalid { what, why }
}

/// A queue: where it is, and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    pub(super) origin: Origin,
    pub(super) region: Region,
    account: String,
    name: String,
}

impl Queue {
    /// The queue of that name in an account and region.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] unless the account is 12 digits and the name 1 to 80 letters, digits, `-` or `_`, of which a
    /// queue with order and without duplicates ends in `.fifo`.
    pub fn new(account: &str, name: &str, region: &str) -> Result<Self, IssueError> {
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid("account", "it must be 12 digits"));
        }
        let stem = name.strip_suffix(FIFO).unwrap_or(name);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if stem.is_empty() || name.len() > 80 || !stem.bytes().all(plain) {
            return Err(invalid(
                "queue name",
                "it must be 1 to 80 letters, digits, `-` or `_`, with `.fifo` at its end if it is one of those",
            ));
        }
        let region = Region::new(region)?;
        let origin = Origin::https(format!("sqs.{}.{}", region.as_str(), region.partition().domain()));
        Ok(Self { origin, region, account: account.to_owned(), name: name.to_owned() })
    }

    /// The queue of an ARN, `arn:<partition>:sqs:<region>:<account>:<name>`.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for anything else, and for a partition that is not that of the region.
    pub fn from_arn(arn: &str) -> Result<Self, IssueError> {
        let mut parts = arn.splitn(6, ':');
        let (Some("arn"), Some(partition), Some("sqs"), Some(region), Some(account), Some(name)) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(invalid("queue ARN", "it must be `arn:<partition>:sqs:<region>:<account>:<name>`"));
        };
        let queue = Self::new(account, name, region)?;
        if queue.region.partition().as_str() != partition {
            return Err(invalid("queue ARN", "its partition must be that of its region"));
        }
        Ok(queue)
    }

    /// The queue that a grant names: `<account>/<name>`, or its ARN.
    pub(in crate::aws) fn of(grant: &Grant, region: &str) -> Result<Self, IssueError> {
        if grant.container.starts_with("arn:") {
            let queue = Self::from_arn(&grant.container)?;
            if queue.region.as_str() != region {
                return Err(invalid("queue ARN", "its region must be the one that is signed for"));
            }
            return Ok(queue);
        }
        let (account, name) = grant
            .container
            .split_once('/')
            .ok_or(invalid("queue", "a grant names it as `<account>/<name>` or by its ARN"))?;
        Self::new(account, name, region)
    }

    /// At another server that speaks the protocol, such as `https://localhost:4566`.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if the origin is not a scheme and a host with an optional port.
    pub fn at(mut self, origin: &str) -> Result<Self, IssueError> {
        self.origin = Origin::parse(origin)?;
        Ok(self)
    }

    /// Its URL, which is also its name in the protocol.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}{}", self.origin, self.path())
    }

    /// What a verifier of signed requests for this queue expects. The path is to be compared with the queue's.
    #[must_use]
    pub fn expect(&self) -> Expect {
        Expect::new(self.region.as_str(), "sqs").host(self.origin.host())
    }

    /// Its ARN, `arn:<partition>:sqs:<region>:<account>:<name>`.
    #[must_use]
    pub fn arn(&self) -> String {
        let (partition, region) = (self.region.partition().as_str(), self.region.as_str());
        format!("arn:{partition}:sqs:{region}:{}:{}", self.account, self.name)
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/{}/{}", self.account, self.name)
    }

    pub(super) fn is_fifo(&self) -> bool {
        self.name.ends_with(FIFO)
    }
}
