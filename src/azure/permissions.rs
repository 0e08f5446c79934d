//! Signed permissions: one type for each kind of resource, so that a letter means one thing.
//!
//! Source: Azure Storage REST reference, "Create a service SAS", "Create a user delegation SAS" and "Create an account
//! SAS"; the orders of the official clients.

use super::version::Version;
use alloc::string::String;
use core::{fmt, ops::BitOr};

/// A set of lower-case letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Letters(u32);

impl Letters {
    pub(super) const NONE: Self = Self(0);

    pub(super) const fn one(letter: u8) -> Self {
        Self(1 << (letter.wrapping_sub(b'a') & 31))
    }

    /// The letters of a text, which the caller knows to be lower-case.
    pub(super) const fn of(text: &str) -> Self {
        let (mut letters, mut rest) = (Self::NONE, text.as_bytes());
        while let [letter, tail @ ..] = rest {
            letters = letters.with(Self::one(*letter));
            rest = tail;
        }
        letters
    }

    /// The letters of a text in which each stands once and in one of these orders.
    pub(super) fn read(text: &[u8], orders: &[&str]) -> Option<Self> {
        let stands = |order: &&str| {
            let mut places = order.bytes();
            text.iter().all(|letter| places.any(|place| place == *letter))
        };
        (!text.is_empty() && orders.iter().any(stands))
            .then(|| text.iter().fold(Self::NONE, |letters, letter| letters.with(Self::one(*letter))))
    }

    /// The letters of a text in any order, each once and each one of `known`.
    pub(super) fn read_any_order(text: &[u8], known: &str) -> Option<Self> {
        let letters = text.iter().try_fold(Self::NONE, |letters, letter| {
            let one = known.as_bytes().contains(letter).then(|| Self::one(*letter))?;
            (!letters.has_any(one)).then(|| letters.with(one))
        })?;
        (letters != Self::NONE).then_some(letters)
    }

    pub(super) const fn has_any(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    pub(super) const fn has_all(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    pub(super) const fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    pub(super) const fn is_one(self) -> bool {
        self.0.is_power_of_two()
    }

    /// The letters in an order.
    pub(super) fn in_order(self, order: &'static str) -> impl Iterator<Item = char> {
        order.bytes().filter(move |letter| self.has_any(Self::one(*letter))).map(char::from)
    }

    /// The first version in which each of these can be given on a blob, directory or container.
    pub(super) const fn first_on_blobs(self) -> Version {
        // Newest first, so that the first that is there decides.
        if self.has_any(Self::of("i")) {
            Version::V2020_08_04
        } else if self.has_any(Self::of("meop")) {
            Version::V2020_02_10
        } else if self.has_any(Self::of("tf")) {
            Version::V2019_12_12
        } else if self.has_any(Self::of("xy")) {
            Version::V2019_10_10
        } else {
            Version::V2015_04_05
        }
    }
}

/// A set of permissions of some kind of resource.
pub trait Permissions: Copy + fmt::Debug + fmt::Display + sealed::Sealed {}

mod sealed {
    pub trait Sealed {}
}

macro_rules! are_permissions {
    ($($name:ident),*) => {$(
        impl sealed::Sealed for $name {}
        impl Permissions for $name {}
    )*};
}

are_permissions!(
    BlobPermissions,
    DirectoryPermissions,
    ContainerPermissions,
    SharePermissions,
    FilePermissions,
    QueuePermissions,
    TablePermissions,
    AccountPermissions
);

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident in $order:literal { $($(#[$of:meta])* $letter:ident = $text:literal),* $(,)? })*) => {$(
        $(#[$doc])*
        ///
        /// There is no empty set: start from one permission and add to it with `|`.
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(Letters);

        impl $name {
            $($(#[$of])* pub const $letter: Self = Self(Letters::of($text));)*

            /// The permissions that these letters give, in any order.
            ///
            /// ```
            #[doc = concat!("use valet_key::azure::", stringify!($name), ";")]
            ///
            #[doc = concat!("assert_eq!(", stringify!($name), "::parse(\"", $order, "\").unwrap().to_string(), \"", $order, "\");")]
            #[doc = concat!("assert_eq!(", stringify!($name), "::parse(\"rr\"), None); // each once")]
            #[doc = concat!("assert_eq!(", stringify!($name), "::parse(\"\"), None); // never empty")]
            /// ```
            #[must_use]
            pub fn parse(letters: &str) -> Option<Self> {
                Letters::read_any_order(letters.as_bytes(), $order).map(Self)
            }

            /// Whether all of these are in the set.
            #[must_use]
            pub const fn contains(self, others: Self) -> bool {
                self.0.has_all(others.0)
            }
        }

        impl BitOr for $name {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                Self(self.0.with(other.0))
            }
        }

        /// The letters, in the order of the service.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0.in_order($order).collect::<String>())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    )*};
}

permissions! {
    /// What a token allows on one blob, one of its snapshots or one of its versions.
    BlobPermissions in "racwdxyltmeopi" {
        /// Read content, properties, metadata and the block list; be the source of a copy.
        READ = "r",
        /// Add a block to an append blob.
        ADD = "a",
        /// Create a blob that is not there yet, snapshot one, copy to a new one.
        CREATE = "c",
        /// Create or overwrite content, properties, metadata, blocks; lease; snapshot.
        WRITE = "w",
        /// Delete it.
        DELETE = "d",
        /// Delete one of its versions.
        DELETE_VERSION = "x",
        /// Delete a soft-deleted snapshot or version for good.
        PERMANENT_DELETE = "y",
        /// Read and write its tags.
        TAGS = "t",
        /// Move it.
        MOVE = "m",
        /// Get its system properties and its access control list.
        EXECUTE = "e",
        /// Set immutability policies and legal holds.
        IMMUTABILITY = "i",
    }

    /// What a token allows on a directory and everything below it, in an account with a hierarchical namespace.
    DirectoryPermissions in "racwdxyltmeopi" {
        /// Read files.
        READ = "r",
        /// Append to files.
        ADD = "a",
        /// Create files and directories that are not there yet.
        CREATE = "c",
        /// Create or overwrite files and directories.
        WRITE = "w",
        /// Delete files and directories.
        DELETE = "d",
        /// List what is in it.
        LIST = "l",
        /// Move files and directories.
        MOVE = "m",
        /// Get system properties and access control lists.
        EXECUTE = "e",
        /// Set owner and owning group.
        OWNERSHIP = "o",
        /// Set permissions and access control lists.
        ACCESS_CONTROL = "p",
    }

    /// What a token allows on every blob of a container.
    ContainerPermissions in "racwdxyltfmeopi" {
        /// Read blobs.
        READ = "r",
        /// Add blocks to append blobs.
        ADD = "a",
        /// Create blobs that are not there yet.
        CREATE = "c",
        /// Create or overwrite blobs.
        WRITE = "w",
        /// Delete blobs.
        DELETE = "d",
        /// Delete versions of blobs.
        DELETE_VERSION = "x",
        /// Delete soft-deleted snapshots and versions for good.
        PERMANENT_DELETE = "y",
        /// List blobs.
        LIST = "l",
        /// Read and write tags of blobs.
        TAGS = "t",
        /// Find blobs by their tags.
        FIND = "f",
        /// Move blobs and directories.
        MOVE = "m",
        /// Get system properties and access control lists.
        EXECUTE = "e",
        /// Set owner and owning group.
        OWNERSHIP = "o",
        /// Set permissions and access control lists.
        ACCESS_CONTROL = "p",
        /// Set immutability policies and legal holds.
        IMMUTABILITY = "i",
    }

    /// What a token allows on every file of a share.
    SharePermissions in "rcwdl" {
        /// Read files; be the source of a copy.
        READ = "r",
        /// Create files that are not there yet.
        CREATE = "c",
        /// Create or overwrite files, properties and metadata.
        WRITE = "w",
        /// Delete files.
        DELETE = "d",
        /// List files and directories.
        LIST = "l",
    }

    /// What a token allows on one file of a share.
    FilePermissions in "rcwd" {
        /// Read it; be the source of a copy.
        READ = "r",
        /// Create it if it is not there yet.
        CREATE = "c",
        /// Create or overwrite it, its properties and metadata.
        WRITE = "w",
        /// Delete it.
        DELETE = "d",
    }

    /// What a token allows on a queue.
    QueuePermissions in "raup" {
        /// Peek at messages, read metadata and properties.
        READ = "r",
        /// Add messages.
        ADD = "a",
        /// Update messages.
        UPDATE = "u",
        /// Get and delete messages.
        PROCESS = "p",
    }

    /// What a token allows on the entities of a table.
    TablePermissions in "raud" {
        /// Query entities.
        READ = "r",
        /// Add entities. Inserting or replacing needs [`UPDATE`](Self::UPDATE) too.
        ADD = "a",
        /// Update entities.
        UPDATE = "u",
        /// Delete entities.
        DELETE = "d",
    }

    /// What an account SAS allows, on the services and kinds of resources that it names.
    AccountPermissions in "rwdxylacuptfi" {
        /// Read.
        READ = "r",
        /// Write.
        WRITE = "w",
        /// Delete.
        DELETE = "d",
        /// Delete versions of blobs.
        DELETE_VERSION = "x",
        /// Delete soft-deleted blobs for good.
        PERMANENT_DELETE = "y",
        /// List.
        LIST = "l",
        /// Add messages, entities, and blocks of append blobs.
        ADD = "a",
        /// Create blobs and files that are not there yet.
        CREATE = "c",
        /// Update messages and entities.
        UPDATE = "u",
        /// Get and delete messages.
        PROCESS = "p",
        /// Read and write tags of blobs.
        TAGS = "t",
        /// Find blobs by their tags.
        FIND = "f",
        /// Set immutability policies and legal holds.
        IMMUTABILITY = "i",
    }

    /// The services that an account SAS is for.
    Services in "btqf" {
        /// Blobs, and Data Lake Storage.
        BLOB = "b",
        /// Queues.
        QUEUE = "q",
        /// Tables.
        TABLE = "t",
        /// File shares.
        FILE = "f",
    }

    /// The kinds of resources that an account SAS is for.
    ResourceTypes in "sco" {
        /// Operations on the service itself, such as listing containers.
        SERVICE = "s",
        /// Operations on containers, shares, queues and tables.
        CONTAINER = "c",
        /// Operations on blobs, files, messages and entities.
        OBJECT = "o",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn letters_are_written_in_the_order_of_the_service_whatever_the_caller_says() {
        assert_eq!((BlobPermissions::WRITE | BlobPermissions::CREATE).to_string(), "cw");
        assert_eq!(AccountPermissions::parse("trwlapdixfycu").unwrap().to_string(), "rwdxylacuptfi");
        assert_eq!(ContainerPermissions::parse("ctpwxfmreodail").unwrap().to_string(), "racwdxltfmeopi");
        assert_eq!(BlobPermissions::parse("apwecxrdlmyiot").unwrap().to_string(), "racwdxyltmeopi");
        for unknown in ["rz", "R", "r ", "rf"] {
            assert_eq!(BlobPermissions::parse(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn letters_are_read_once_each_and_in_order() {
        let order = ["racwd", "rdw"];
        for good in ["r", "rw", "cd", "dw", "racwd"] {
            assert!(Letters::read(good.as_bytes(), &order).is_some(), "{good}");
        }
        for bad in ["", "rr", "wr", "rx", "dwc", "R", "r\n"] {
            assert!(Letters::read(bad.as_bytes(), &order).is_none(), "{bad}");
        }
    }
}
