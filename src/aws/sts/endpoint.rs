//! Endpoints of STS.

use crate::{
    aws::{Partition, Region},
    error::IssueError,
    origin::Origin,
};
use alloc::{borrow::ToOwned, format, string::String};

/// An endpoint of STS: a host that belongs to AWS, and the region that requests to it are signed for.
///
/// A token says where its request is to be sent, and an authenticator that believed it would ask a stranger's server
/// who the caller is. So a host is one of a list, and this type is an entry of that list: none but hosts of STS can be
/// written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StsEndpoint {
    host: String,
    region: Region,
}

impl StsEndpoint {
    /// The endpoint of a region, such as `sts.eu-west-1.amazonaws.com`.
    #[must_use]
    pub fn regional(region: Region) -> Self {
        let host = format!("sts.{}.{}", region.as_str(), region.partition().domain());
        Self { host, region }
    }

    /// The endpoint of a region with FIPS 140 validated cryptography.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for regions outside the partition `aws`.
    pub fn fips(region: Region) -> Result<Self, IssueError> {
        if region.partition() != Partition::Aws {
            return Err(IssueError::Invalid {
                what: "STS endpoint",
                why: "this partition has no FIPS host of its own",
            });
        }
        Ok(Self { host: format!("sts-fips.{}.amazonaws.com", region.as_str()), region })
    }

    /// `sts.amazonaws.com`, the endpoint of the partition `aws` as a whole, which is signed for as `us-east-1`.
    ///
    /// # Errors
    /// None in truth: the region's name is a good one.
    pub fn global() -> Result<Self, IssueError> {
        Ok(Self { host: "sts.amazonaws.com".to_owned(), region: Region::new("us-east-1")? })
    }

    pub(super) fn origin(&self) -> Origin {
        Origin::https(self.host.clone())
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The region.
    #[must_use]
    pub const fn region(&self) -> &Region {
        &self.region
    }
}
