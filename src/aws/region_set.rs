//! Region sets: where a request signed by `SigV4a` is good.

use super::{endpoint::Region, key::MAX_NAME};
use crate::{encode, error::IssueError};
use alloc::{borrow::ToOwned, string::String};

/// The longest region set that is read or written, in bytes.
const MAX_REGION_SET: usize = 1024;
pub(super) const REGION_SET_FORM: &str =
    "regions separated by `,`: 1 to 1024 bytes, each of 1 to 40 letters, digits, `-`, `_` or `*`";

/// The regions in which a request signed by `SigV4a` is good: names and patterns, separated by commas, in which `*` stands
/// for any run of characters, none included.
///
/// S3 skips empty entries and does not look at letter case. Here an empty entry is an error, and names match as they are
/// written, which is as they are in every document.
///
/// ```
/// use valet_key::aws::RegionSet;
///
/// let two = RegionSet::new("eu-west-1,eu-central-1")?;
/// assert!(two.names("eu-west-1") && !two.names("eu-west-2"));
/// assert!(RegionSet::new("us-*")?.names("us-east-1"));
/// assert!(RegionSet::everywhere().names("ap-south-1"));
/// assert!(RegionSet::new("eu-west-1, eu-west-2").is_err());
/// # Ok::<(), valet_key::error::IssueError>(())
/// ```
///
/// Source: AWS Identity and Access Management User Guide, "AWS Signature Version 4 for API requests", `SigV4a`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionSet(String);

impl RegionSet {
    /// Reads a list.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] unless it has 1 to 1024 bytes, and each entry 1 to 40 letters, digits, `-`, `_` or `*`.
    pub fn new(list: &str) -> Result<Self, IssueError> {
        if is_region_set(list) {
            Ok(Self(list.to_owned()))
        } else {
            Err(IssueError::Invalid {
                what: "region set",
                why: "it must be 1 to 1024 bytes: names of 1 to 40 letters, digits, `-`, `_` or `*`, separated by `,`",
            })
        }
    }

    /// `*`: every region.
    #[must_use]
    pub fn everywhere() -> Self {
        Self("*".to_owned())
    }

    /// That region alone.
    #[must_use]
    pub fn of(region: &Region) -> Self {
        Self(region.as_str().to_owned())
    }

    /// Whether a request is good in that region.
    #[must_use]
    pub fn names(&self, region: &str) -> bool {
        region_set_names(&self.0, region)
    }

    /// The list as it is signed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

pub(super) fn is_region_set(list: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'*');
    list.len() <= MAX_REGION_SET
        && list
            .split(',')
            .all(|entry| (1..=MAX_NAME).contains(&entry.len()) && !encode::any(entry.as_bytes(), |byte| !plain(byte)))
}

pub(super) fn region_set_names(list: &str, region: &str) -> bool {
    list.split(',').any(|entry| matches_whole(entry, region))
}

/// Whether a pattern in which `*` stands for any run of characters is the whole of a name.
fn matches_whole(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(rest) = pieces.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    // What is found first leaves the most for the pieces behind it.
    let rest = pieces.try_fold(rest, |rest, piece| rest.split_once(piece).map(|(_, after)| after));
    rest.is_some_and(|rest| rest.ends_with(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_set_names_what_s3_was_seen_to_take_and_nothing_else() {
        for list in
            ["*", "us-*", "*-1", "u*1", "**", "us-east-1*", "us-west-2,us-east-1", "u*-*-1", "*us-east-1", "us*-*st*"]
        {
            assert!(is_region_set(list) && region_set_names(list, "us-east-1"), "{list}");
        }
        for list in [
            "us-east-10",
            "us-east-",
            "aws-global",
            "us-west-2",
            "US-EAST-1",
            "us-east-1*1",
            "*2",
            "us-*-east-*1",
            "u*1*1",
        ] {
            assert!(is_region_set(list) && !region_set_names(list, "us-east-1"), "{list}");
        }
        for list in [
            "",
            ",us-east-1",
            "us-east-1,",
            "us-east-1,,us-west-1",
            "us-east-?",
            "us-west-2, us-east-1",
            "us-east-1;us-west-2",
            " us-east-1",
            &"a".repeat(41),
            &"a,".repeat(512)[..1023].repeat(2),
        ] {
            assert!(!is_region_set(list), "{list}");
        }
    }
}
