//! What a copy reads: one object of a bucket, which need not be that of the target.

use alloc::string::String;
use core::ops::RangeInclusive;

/// The object that a copy reads.
///
/// A copy reads one object and writes another, so that a grant for it is broader than one action on one object and
/// needs a [`Justification`](super::Justification).
///
/// ```
/// use valet_key::grant::{CopySource, Grant, Justification};
///
/// let scan = CopySource::new("quarantine", "42/report.pdf").version("3HL4kqtJlcpXrof3vjVBH40Nrjfkd");
/// let grant = Grant::copy(scan, "documents", "42/report.pdf").because(Justification::new("virus scan passed")?);
/// assert_eq!(grant.source().map(CopySource::name), Some("42/report.pdf"));
/// # Ok::<(), valet_key::error::GrantError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct CopySource {
    pub(crate) container: String,
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    pub(crate) range: Option<RangeInclusive<u64>>,
}

impl CopySource {
    /// An object by its raw name, never percent-encoded: as it is when the copy is made.
    #[must_use]
    pub fn new(container: impl Into<String>, name: impl Into<String>) -> Self {
        Self { container: container.into(), name: name.into(), version: None, range: None }
    }

    /// Only this version of it.
    #[must_use]
    pub fn version(mut self, id: impl Into<String>) -> Self {
        self.version = Some(id.into());
        self
    }

    /// Only these bytes of it, from 0, both ends included. It applies to the copy of a part alone.
    #[must_use]
    pub const fn bytes(mut self, range: RangeInclusive<u64>) -> Self {
        self.range = Some(range);
        self
    }

    /// The bucket or container that is read.
    #[must_use]
    pub fn container(&self) -> &str {
        &self.container
    }

    /// The name of the object that is read.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version that is read, if not the current one.
    #[must_use]
    pub fn version_id(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The bytes that are read, if not all.
    #[must_use]
    pub const fn range(&self) -> Option<&RangeInclusive<u64>> {
        self.range.as_ref()
    }
}
