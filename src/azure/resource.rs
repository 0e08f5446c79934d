//! What a token is for, and its names: containers, blobs, directories, shares, files, queues, tables.
//!
//! Source: Azure Storage REST reference, "Naming and referencing containers, blobs, and metadata", "Naming and
//! referencing shares, directories, files, and metadata", "Naming queues and metadata", "Understanding the Table
//! service data model"; "Create a service SAS" for the canonicalized resource.

use super::{canonical::Layout, permissions::Letters, version::Version};
use crate::{encode, error::IssueError};
use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
};

/// A storage service, as the host of an account names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Service {
    /// `blob`
    Blob,
    /// `dfs`: Data Lake Storage, which is another way to the blobs of an account with a hierarchical namespace.
    DataLake,
    /// `file`
    File,
    /// `queue`
    Queue,
    /// `table`
    Table,
}

impl Service {
    /// Its label in a host name.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Blob => "blob",
            Self::DataLake => "dfs",
            Self::File => "file",
            Self::Queue => "queue",
            Self::Table => "table",
        }
    }

    /// The first segment of a canonicalized resource.
    pub(super) const fn canonical(self) -> &'static str {
        match self {
            Self::DataLake => "blob",
            other => other.label(),
        }
    }

    /// Its letter in `ss` and `sks`.
    pub(super) const fn letter(self) -> &'static str {
        match self {
            Self::Blob | Self::DataLake => "b",
            Self::File => "f",
            Self::Queue => "q",
            Self::Table => "t",
        }
    }
}

/// What kind of resource a service SAS is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// `sr=b`
    Blob,
    /// `sr=bs`: one snapshot of a blob.
    Snapshot,
    /// `sr=bv`: one version of a blob.
    BlobVersion,
    /// `sr=d`: a directory with everything below it.
    Directory,
    /// `sr=c`: a container with every blob in it.
    Container,
    /// `sr=s`: a share with every file in it.
    Share,
    /// `sr=f`
    File,
    /// A queue, which has no `sr`.
    Queue,
    /// A table, which has no `sr` but `tn`.
    Table,
}

impl Kind {
    /// The value of `sr`, if tokens of this kind have one.
    pub(super) const fn sr(self) -> Option<&'static str> {
        Some(match self {
            Self::Blob => "b",
            Self::Snapshot => "bs",
            Self::BlobVersion => "bv",
            Self::Directory => "d",
            Self::Container => "c",
            Self::Share => "s",
            Self::File => "f",
            Self::Queue | Self::Table => return None,
        })
    }

    pub(super) const fn layout(self, is_delegated: bool) -> Layout {
        match (self, is_delegated) {
            (Self::Blob | Self::Snapshot | Self::BlobVersion | Self::Directory | Self::Container, false) => {
                Layout::Blob
            }
            (Self::Blob | Self::Snapshot | Self::BlobVersion | Self::Directory | Self::Container, true) => {
                Layout::DelegatedBlob
            }
            (Self::Share | Self::File, false) => Layout::File,
            (Self::Share | Self::File, true) => Layout::DelegatedFile,
            (Self::Queue, false) => Layout::Queue,
            (Self::Queue, true) => Layout::DelegatedQueue,
            (Self::Table, _) => Layout::Table,
        }
    }

    /// The first version that has such tokens, or nothing if there are none.
    pub(super) const fn since(self, is_delegated: bool) -> Option<Version> {
        Some(match (self, is_delegated) {
            (Self::Table, true) => return None,
            (Self::Share | Self::File | Self::Queue, true) => Version::V2025_07_05,
            (Self::BlobVersion, _) => Version::V2019_10_10,
            (Self::Directory, _) => Version::V2020_02_10,
            (Self::Snapshot, _) | (_, true) => Version::V2018_11_09,
            (_, false) => Version::V2015_04_05,
        })
    }

    /// The letters of `sp`, in the orders in which they are read: that of the service, and where it differs that of
    /// the JavaScript client.
    pub(super) const fn orders(self) -> [&'static str; 2] {
        match self {
            Self::Blob | Self::Snapshot | Self::BlobVersion => ["racwdxyltmeopi", "racwdxltmeiy"],
            Self::Directory | Self::Container => ["racwdxyltfmeopi", "racwdxltmeiyf"],
            Self::Share => ["rcwdl", "rcwdl"],
            Self::File => ["rcwd", "rcwd"],
            Self::Queue => ["raup", "raup"],
            Self::Table => ["raud", "raud"],
        }
    }

    /// The first version that knows all of these permissions.
    pub(super) const fn knows(self, letters: Letters) -> Version {
        match self {
            Self::Blob | Self::Snapshot | Self::BlobVersion | Self::Directory | Self::Container => {
                letters.first_on_blobs()
            }
            _ => Version::V2015_04_05,
        }
    }
}

/// The resource of a service SAS: names as the application knows them, never percent-encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resource {
    pub(super) kind: Kind,
    pub(super) service: Service,
    /// The container, share, queue or table.
    pub(super) container: String,
    /// What is in it, or nothing.
    pub(super) path: String,
    /// The snapshot time or version id.
    pub(super) snapshot: Option<String>,
    pub(super) range: KeyRange,
}

impl Resource {
    pub(super) fn new(kind: Kind, service: Service, container: &str, path: &str) -> Result<Self, IssueError> {
        match kind {
            Kind::Table => check_table(container)?,
            _ => check_container(container)?,
        }
        if !path.is_empty() {
            check_path(path)?;
        }
        Ok(Self {
            kind,
            service,
            container: container.to_owned(),
            path: path.to_owned(),
            snapshot: None,
            range: KeyRange::default(),
        })
    }

    /// The canonicalized resource: `/service/account/container[/path]`, not encoded.
    pub(super) fn canonicalized(&self, account: &str) -> String {
        let service = self.service.canonical();
        match self.kind {
            Kind::Table => format!("/{service}/{account}/{}", self.container.to_ascii_lowercase()),
            _ if self.path.is_empty() => format!("/{service}/{account}/{}", self.container),
            _ => format!("/{service}/{account}/{}/{}", self.container, self.path),
        }
    }

    /// The depth of a directory.
    pub(super) fn depth(&self) -> Option<String> {
        (self.kind == Kind::Directory).then(|| self.path.split('/').count().to_string())
    }
}

/// Which entities of a table a token reaches: those between two pairs of partition key and row key, both included.
///
/// ```
/// use valet_key::azure::KeyRange;
///
/// let range = KeyRange::partition("2026");
/// assert!(range.contains("2026", "1") && !range.contains("2027", "1"));
/// let from = KeyRange::new().from("2026").from_row("5");
/// assert!(from.contains("2026", "5") && from.contains("2027", "0") && !from.contains("2026", "4"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRange {
    pub(super) start_partition: Option<String>,
    pub(super) start_row: Option<String>,
    pub(super) end_partition: Option<String>,
    pub(super) end_row: Option<String>,
}

impl KeyRange {
    /// Every entity.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Every entity of one partition.
    #[must_use]
    pub fn partition(key: &str) -> Self {
        Self::new().from(key).to(key)
    }

    /// Not before this partition.
    #[must_use]
    pub fn from(mut self, partition: &str) -> Self {
        self.start_partition = Some(partition.to_owned());
        self
    }

    /// Not before this row of the first partition.
    #[must_use]
    pub fn from_row(mut self, row: &str) -> Self {
        self.start_row = Some(row.to_owned());
        self
    }

    /// Not behind this partition.
    #[must_use]
    pub fn to(mut self, partition: &str) -> Self {
        self.end_partition = Some(partition.to_owned());
        self
    }

    /// Not behind this row of the last partition.
    #[must_use]
    pub fn to_row(mut self, row: &str) -> Self {
        self.end_row = Some(row.to_owned());
        self
    }

    /// Whether an entity lies in the range.
    #[must_use]
    pub fn contains(&self, partition: &str, row: &str) -> bool {
        self.ends().contains(partition, row)
    }

    pub(super) fn check(&self) -> Result<(), IssueError> {
        self.ends().check()
    }

    fn ends(&self) -> Ends<'_> {
        Ends {
            start: (self.start_partition.as_deref(), self.start_row.as_deref()),
            end: (self.end_partition.as_deref(), self.end_row.as_deref()),
        }
    }
}

/// The longest key of a range in bytes.
pub(super) const MAX_RANGE_KEY: usize = 1024;
/// The longest key of an entity in bytes: 1 KiB in UTF-16, of which a unit is three bytes at most.
pub(super) const MAX_KEY: usize = 1536;

/// The two ends of a [`KeyRange`], each a partition and a row.
#[derive(Clone, Copy)]
pub(super) struct Ends<'k> {
    pub(super) start: (Option<&'k str>, Option<&'k str>),
    pub(super) end: (Option<&'k str>, Option<&'k str>),
}

impl Ends<'_> {
    pub(super) fn contains(&self, partition: &str, row: &str) -> bool {
        let from = match self.start {
            (Some(start), Some(start_row)) => (partition, row) >= (start, start_row),
            (Some(start), None) => partition >= start,
            (None, _) => true,
        };
        let to = match self.end {
            (Some(end), Some(end_row)) => (partition, row) <= (end, end_row),
            (Some(end), None) => partition <= end,
            (None, _) => true,
        };
        from && to
    }

    pub(super) fn check(&self) -> Result<(), IssueError> {
        let invalid = |why| Err(IssueError::Invalid { what: "range of keys", why });
        let (start, end) = (self.start, self.end);
        let mut texts = [start.0, start.1, end.0, end.1].into_iter().flatten();
        if texts.any(|text| text.len() > MAX_RANGE_KEY || text.chars().any(char::is_control)) {
            return invalid("keys must be at most 1024 bytes without control characters");
        }
        if [start, end].into_iter().any(|(partition, row)| row.is_some() && partition.is_none()) {
            return invalid("a row needs its partition");
        }
        if let (Some(first), Some(last)) = (start.0, end.0) {
            let rows_cross = first == last && matches!((start.1, end.1), (Some(first), Some(last)) if first > last);
            if first > last || rows_cross {
                return invalid("it ends before it begins");
            }
        }
        Ok(())
    }
}

/// A container, share or queue: 3 to 63 lower-case letters, digits and single hyphens, or one of the special containers.
fn check_container(name: &str) -> Result<(), IssueError> {
    if is_container(name) {
        return Ok(());
    }
    Err(IssueError::Invalid {
        what: "container name",
        why: "it must be 3 to 63 lower-case letters, digits and single hyphens, with a letter or digit at both ends",
    })
}

fn is_container(name: &str) -> bool {
    if matches!(name, "$root" | "$web" | "$logs" | "$blobchangefeed") {
        return true;
    }
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (3..=63).contains(&name.len())
        && name.bytes().all(plain)
        && !(name.starts_with('-') || name.ends_with('-') || name.contains("--"))
}

/// A table: 3 to 63 letters and digits, a letter first.
fn check_table(name: &str) -> Result<(), IssueError> {
    if is_table(name) {
        return Ok(());
    }
    Err(IssueError::Invalid { what: "table name", why: "it must be 3 to 63 letters and digits, with a letter first" })
}

fn is_table(name: &str) -> bool {
    (3..=63).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && !name.eq_ignore_ascii_case("tables")
}

/// The name of a blob or the path of a file: 1 to 1,024 characters, none of them a backslash or control character.
///
/// Some clients turn a backslash into `/` before they sign and some do not, so that it cannot be used safely.
pub(super) fn check_path(path: &str) -> Result<(), IssueError> {
    let is_bad = |c: char| c == '\\' || c.is_control();
    // Plain names are looked at byte by byte, and no name has more characters than bytes.
    let has_bad = if path.is_ascii() {
        encode::any(path.as_bytes(), |byte| byte == b'\\' || byte.is_ascii_control())
    } else {
        path.chars().any(is_bad)
    };
    if path.is_empty() || has_bad || (path.len() > 1024 && path.chars().count() > 1024) {
        return Err(IssueError::Invalid {
            what: "blob name",
            why: "it must be 1 to 1024 characters without backslashes and control characters",
        });
    }
    Ok(())
}

/// The path of a directory: segments that are not empty and not dots, without a `/` at its ends.
pub(super) fn check_directory(path: &str) -> Result<(), IssueError> {
    check_path(path)?;
    if path.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err(IssueError::Invalid {
            what: "directory",
            why: "its segments must not be empty, `.` or `..`, and no `/` may stand at its ends",
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_depth_of_a_directory_is_the_number_of_its_segments() {
        for (path, depth) in [("myfile", "1"), ("mydirectory/myfile", "2"), ("a/b/c/d", "4")] {
            check_directory(path).unwrap();
            let directory = Resource::new(Kind::Directory, Service::Blob, "fsys", path).unwrap();
            assert_eq!(directory.depth().unwrap(), depth);
        }
        for path in ["", "/", "a/", "/a", "a//b", "a/./b", "..", "a\\b", "a\nb"] {
            assert!(check_directory(path).is_err(), "{path}");
        }
    }

    #[test]
    fn names_are_held_to_their_rules() {
        for name in ["abc", "my-container", "$root", "$web", "c0-1-2"] {
            assert!(is_container(name), "{name}");
        }
        for name in ["", "ab", "Abc", "-ab", "ab-", "a--b", "a_b", "$other", "a/b", &"a".repeat(64)] {
            assert!(!is_container(name), "{name}");
        }
        for name in ["abc", "MyTable", "T12"] {
            assert!(is_table(name), "{name}");
        }
        for name in ["", "ab", "1ab", "a-b", "tables", "Tables", &"a".repeat(64)] {
            assert!(!is_table(name), "{name}");
        }
    }

    #[test]
    fn ranges_of_keys_are_held_to_sense() {
        for range in [
            KeyRange::new().from_row("1"),
            KeyRange::new().to_row("1"),
            KeyRange::new().from("b").to("a"),
            KeyRange::partition("a").from_row("2").to_row("1"),
            KeyRange::new().from("a\nb"),
        ] {
            assert!(range.check().is_err(), "{range:?}");
        }
        assert!(KeyRange::partition("a").from_row("1").to_row("1").check().is_ok());
        let range = KeyRange::new().from("b").from_row("2").to("c").to_row("1");
        for (partition, row, inside) in [
            ("a", "9", false),
            ("b", "1", false),
            ("b", "2", true),
            ("b", "9", true),
            ("c", "1", true),
            ("c", "2", false),
            ("d", "0", false),
        ] {
            assert_eq!(range.contains(partition, row), inside, "{partition} {row}");
        }
    }
}
