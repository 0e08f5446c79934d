//! Every byte that is signed: which lines a string to sign has, by kind of token and version.
//!
//! ```text
//! signed permissions \n start \n expiry \n canonicalized resource \n … \n
//! ```
//!
//! A line holds the decoded text of a parameter exactly as it is sent, and is empty where there is none.
//!
//! Source: Azure Storage REST reference, "Create an account SAS", "Create a service SAS", "Create a user delegation
//! SAS"; the official clients for Python and JavaScript for what the newest versions sign.

use super::version::Version;
use crate::{mac::Sink, scan};
use alloc::{string::String, vec::Vec};
use core::fmt;

/// What a line of a string to sign holds, or a parameter of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Field {
    Version,
    Services,
    ResourceTypes,
    Permissions,
    Start,
    Expiry,
    Address,
    Protocol,
    EncryptionScope,
    Resource,
    Identifier,
    Depth,
    Table,
    StartPartition,
    StartRow,
    EndPartition,
    EndRow,
    CacheControl,
    ContentDisposition,
    ContentEncoding,
    ContentLanguage,
    ContentType,
    KeyObject,
    KeyTenant,
    KeyStart,
    KeyExpiry,
    KeyService,
    KeyVersion,
    AuthorizedObject,
    UnauthorizedObject,
    Correlation,
    DelegatedTenant,
    DelegatedObject,
    Headers,
    Query,
    Signature,
    /// The account's name: a line, never a parameter.
    Account,
    /// The canonicalized resource: a line, never a parameter.
    Canonical,
    /// A snapshot time or version id: a line, and a parameter of the resource itself.
    Snapshot,
}

/// How many fields are parameters.
pub(super) const PARAMS: usize = Field::Account as usize;

/// The parameters in the order of [`Field`].
const NAMES: [&str; PARAMS] = [
    "sv", "ss", "srt", "sp", "st", "se", "sip", "spr", "ses", "sr", "si", "sdd", "tn", "spk", "srk", "epk", "erk",
    "rscc", "rscd", "rsce", "rscl", "rsct", "skoid", "sktid", "skt", "ske", "sks", "skv", "saoid", "suoid", "scid",
    "skdutid", "sduoid", "srh", "srq", "sig",
];

const FIELDS: [Field; PARAMS] = {
    use Field as F;
    [
        F::Version,
        F::Services,
        F::ResourceTypes,
        F::Permissions,
        F::Start,
        F::Expiry,
        F::Address,
        F::Protocol,
        F::EncryptionScope,
        F::Resource,
        F::Identifier,
        F::Depth,
        F::Table,
        F::StartPartition,
        F::StartRow,
        F::EndPartition,
        F::EndRow,
        F::CacheControl,
        F::ContentDisposition,
        F::ContentEncoding,
        F::ContentLanguage,
        F::ContentType,
        F::KeyObject,
        F::KeyTenant,
        F::KeyStart,
        F::KeyExpiry,
        F::KeyService,
        F::KeyVersion,
        F::AuthorizedObject,
        F::UnauthorizedObject,
        F::Correlation,
        F::DelegatedTenant,
        F::DelegatedObject,
        F::Headers,
        F::Query,
        F::Signature,
    ]
};

/// The name of a parameter as a number, since names of less than eight bytes compare as one.
const fn number(name: &[u8]) -> u64 {
    let (mut number, mut rest) = (0, name);
    while let [before @ .., last] = rest {
        number = number << 8 | *last as u64;
        rest = before;
    }
    number
}

/// Where the name of that number stands in [`SLOTS`].
const fn slot(number: u64) -> usize {
    // Any factor will do that gives each name a place of its own; this one was found by trying.
    (number.wrapping_mul(0xcf7b_7631_ce89_9ca9) >> 58) as usize
}

/// Each parameter with the number of its name, in a place that follows from the number: so a name is found with one look.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which refuses an index out of range")]
const SLOTS: [Option<(Field, u64)>; 64] = {
    let mut slots = [None; 64];
    let mut at = 0;
    while at < PARAMS {
        let number = number(NAMES[at].as_bytes());
        assert!(slots[slot(number)].is_none(), "two names have the same place");
        slots[slot(number)] = Some((FIELDS[at], number));
        at += 1;
    }
    slots
};

impl Field {
    /// The parameter that carries it.
    pub(super) fn name(self) -> &'static str {
        NAMES.get(self as usize).copied().unwrap_or_default()
    }

    /// The field of a parameter.
    pub(super) fn of(name: &str) -> Option<Self> {
        Self::at(name.as_bytes(), 0, name.len())
    }

    /// The field whose name stands there in a text.
    #[inline]
    pub(super) fn at(text: &[u8], start: usize, end: usize) -> Option<Self> {
        let text = text.get(start..)?;
        let length = end.checked_sub(start).filter(|length| (1..8).contains(length))?;
        Self::of_number(number(text.get(..length)?), length)
    }

    /// The field whose name is what stands there before a `=`, and where that is.
    #[inline]
    pub(super) fn before_equals(text: &[u8], start: usize) -> Option<(Self, usize)> {
        let eight = scan::eight(text, start);
        let length = scan::until(eight, b'=');
        let field = Self::of_number(eight & !(u64::MAX << (8 * (length & 7))), length)?;
        Some((field, start + length))
    }

    #[inline]
    fn of_number(number: u64, length: usize) -> Option<Self> {
        let (field, name) = (*SLOTS.get(slot(number))?)?;
        // A NUL at the end of a name does not change its number.
        (name == number && field.name().len() == length).then_some(field)
    }

    /// Every field that is a parameter.
    pub(super) const fn params() -> &'static [Self; PARAMS] {
        &FIELDS
    }

    /// Lines that are no parameters.
    pub(super) const NO_PARAMS: u64 = Self::Account.bit() | Self::Canonical.bit() | Self::Snapshot.bit();

    /// One bit of a set of fields.
    pub(super) const fn bit(self) -> u64 {
        1 << self as u8
    }
}

/// Which lines a string to sign has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    Account,
    Blob,
    DelegatedBlob,
    File,
    DelegatedFile,
    Queue,
    DelegatedQueue,
    Table,
}

type Lines = &'static [(Field, Version)];

const ALWAYS: Version = Version::V2015_04_05;
const BLOBS_KNOW_THEIR_KIND: Version = Version::V2018_11_09;
const KEYS_KNOW_AGENTS: Version = Version::V2020_02_10;
const ENCRYPTION_SCOPES: Version = Version::V2020_12_06;
const KEYS_KNOW_USERS: Version = Version::V2025_07_05;
const REQUESTS_ARE_BOUND: Version = Version::V2026_04_06;

/// The table: each line, and the first version that has it.
const ACCOUNT: Lines = &[
    (Field::Account, ALWAYS),
    (Field::Permissions, ALWAYS),
    (Field::Services, ALWAYS),
    (Field::ResourceTypes, ALWAYS),
    (Field::Start, ALWAYS),
    (Field::Expiry, ALWAYS),
    (Field::Address, ALWAYS),
    (Field::Protocol, ALWAYS),
    (Field::Version, ALWAYS),
    (Field::EncryptionScope, ENCRYPTION_SCOPES),
];

const BLOB: Lines = &[
    (Field::Permissions, ALWAYS),
    (Field::Start, ALWAYS),
    (Field::Expiry, ALWAYS),
    (Field::Canonical, ALWAYS),
    (Field::Identifier, ALWAYS),
    (Field::Address, ALWAYS),
    (Field::Protocol, ALWAYS),
    (Field::Version, ALWAYS),
    (Field::Resource, BLOBS_KNOW_THEIR_KIND),
    (Field::Snapshot, BLOBS_KNOW_THEIR_KIND),
    (Field::EncryptionScope, ENCRYPTION_SCOPES),
    (Field::CacheControl, ALWAYS),
    (Field::ContentDisposition, ALWAYS),
    (Field::ContentEncoding, ALWAYS),
    (Field::ContentLanguage, ALWAYS),
    (Field::ContentType, ALWAYS),
];

const DELEGATED_BLOB: Lines = &[
    (Field::Permissions, ALWAYS),
    (Field::Start, ALWAYS),
    (Field::Expiry, ALWAYS),
    (Field::Canonical, ALWAYS),
    (Field::KeyObject, ALWAYS),
    (Field::KeyTenant, ALWAYS),
    (Field::KeyStart, ALWAYS),
    (Field::KeyExpiry, ALWAYS),
    (Field::KeyService, ALWAYS),
    (Field::KeyVersion, ALWAYS),
    (Field::AuthorizedObject, KEYS_KNOW_AGENTS),
    (Field::UnauthorizedObject, KEYS_KNOW_AGENTS),
    (Field::Correlation, KEYS_KNOW_AGENTS),
    (Field::DelegatedTenant, KEYS_KNOW_USERS),
    (Field::DelegatedObject, KEYS_KNOW_USERS),
    (Field::Address, ALWAYS),
    (Field::Protocol, ALWAYS),
    (Field::Version, ALWAYS),
    (Field::Resource, ALWAYS),
    (Field::Snapshot, ALWAYS),
    (Field::EncryptionScope, ENCRYPTION_SCOPES),
    (Field::Headers, REQUESTS_ARE_BOUND),
    (Field::Query, REQUESTS_ARE_BOUND),
    (Field::CacheControl, ALWAYS),
    (Field::ContentDisposition, ALWAYS),
    (Field::ContentEncoding, ALWAYS),
    (Field::ContentLanguage, ALWAYS),
    (Field::ContentType, ALWAYS),
];

const FILE: Lines = &[
    (Field::Permissions, ALWAYS),
    (Field::Start, ALWAYS),
    (Field::Expiry, ALWAYS),
    (Field::Canonical, ALWAYS),
    (Field::Identifier, ALWAYS),
    (Field::Address, ALWAYS),
    (Field::Protocol, ALWAYS),
    (Field::Version, ALWAYS),
    (Field::CacheControl, ALWAYS),
    (Field::ContentDisposition, ALWAYS),
    (Field::ContentEncoding, ALWAYS),
    (Field::ContentLanguage, ALWAYS),
    (Field::ContentType, ALWAYS),
];

const DELEGATED_FILE: Lines = &[
    (Field::Permissions, ALWAYS),
    (Field::Start, ALWAYS),
    (Field::Expiry, ALWAYS),
    (Field::Canonical, ALWAYS),
    (Field::KeyObject, ALWAYS),
    (Field::KeyTenant, ALWAYS),
    (Field::KeyStart, ALWAYS),
    (Field::KeyExpiry, ALWAYS),
    (Field::KeyService, ALWAYS),
    (Field::KeyVersion, ALWAYS),
    (Field::DelegatedTenant, ALWAYS),
    (Field::DelegatedObject, ALWAYS),
    (Field::Address, ALWAYS),
    (Field::Protocol, ALWAYS),
    (Field::Version, ALWAYS),
    (Field::CacheControl, ALWAYS),
    (Field::ContentDisposition, ALWAYS),
    (Field::ContentEncoding, ALWAYS),
    (Field::ContentLanguage, ALWAYS),
    (Field::ContentType, ALWAYS),
];

const QUEUE: Lines = &[
    (Field::Permissions, ALWAYS),
    (Field::Start, ALWAYS),
    (Field::Expiry, ALWAYS),
    (Field::Canonical, ALWAYS),
    (Field::Identifier, ALWAYS),
    (Field::Address, ALWAYS),
    (Field::Protocol, ALWAYS),
    (Field::Version, ALWAYS),
];

const DELEGATED_QUEUE: Lines = &[
    (Field::Permissions, ALWAYS),
    (Field::Start, ALWAYS),
    (Field::Expiry, ALWAYS),
    (Field::Canonical, ALWAYS),
    (Field::KeyObject, ALWAYS),
    (Field::KeyTenant, ALWAYS),
    (Field::KeyStart, ALWAYS),
    (Field::KeyExpiry, ALWAYS),
    (Field::KeyService, ALWAYS),
    (Field::KeyVersion, ALWAYS),
    (Field::DelegatedTenant, ALWAYS),
    (Field::DelegatedObject, ALWAYS),
    (Field::Address, ALWAYS),
    (Field::Protocol, ALWAYS),
    (Field::Version, ALWAYS),
];

const TABLE: Lines = &[
    (Field::Permissions, ALWAYS),
    (Field::Start, ALWAYS),
    (Field::Expiry, ALWAYS),
    (Field::Canonical, ALWAYS),
    (Field::Identifier, ALWAYS),
    (Field::Address, ALWAYS),
    (Field::Protocol, ALWAYS),
    (Field::Version, ALWAYS),
    (Field::StartPartition, ALWAYS),
    (Field::StartRow, ALWAYS),
    (Field::EndPartition, ALWAYS),
    (Field::EndRow, ALWAYS),
];

impl Layout {
    const fn table(self) -> Lines {
        match self {
            Self::Account => ACCOUNT,
            Self::Blob => BLOB,
            Self::DelegatedBlob => DELEGATED_BLOB,
            Self::File => FILE,
            Self::DelegatedFile => DELEGATED_FILE,
            Self::Queue => QUEUE,
            Self::DelegatedQueue => DELEGATED_QUEUE,
            Self::Table => TABLE,
        }
    }

    /// The first version that signs this field in such a token, if any does.
    pub(super) fn since(self, field: Field) -> Option<Version> {
        self.table().iter().find(|(line, _)| *line == field).map(|(_, since)| *since)
    }

    /// All layouts.
    pub(super) const ALL: [Self; 8] = [
        Self::Account,
        Self::Blob,
        Self::DelegatedBlob,
        Self::File,
        Self::DelegatedFile,
        Self::Queue,
        Self::DelegatedQueue,
        Self::Table,
    ];

    /// What stands on each line of a version, by name; what follows the last line feed has none.
    pub(super) fn names(self, version: Version) -> Vec<&'static str> {
        let lines = self.table().iter().filter(|(_, since)| *since <= version);
        let name = |field: Field| match field {
            Field::Account => "account",
            Field::Canonical => "canonicalized resource",
            Field::Snapshot => "snapshot",
            field => field.name(),
        };
        let last = self.ends_with_line_feed().then_some("");
        lines.map(|(field, _)| name(*field)).chain(last).collect()
    }

    /// Whether every line is followed by a line feed, the last one too.
    const fn ends_with_line_feed(self) -> bool {
        matches!(self, Self::Account)
    }

    /// Writes the lines of a version and tells which ones there are. `line` gives what stands on those of the fields in
    /// `present` (see [`Field::bit`]); the others stay empty.
    #[inline]
    pub(super) fn put<S: Sink, E>(
        self,
        version: Version,
        present: u64,
        sink: &mut S,
        mut line: impl FnMut(Field, &mut S) -> Result<(), E>,
    ) -> Result<u64, E> {
        let (mut signed, mut line_feeds) = (0, 0);
        for &(field, since) in self.table() {
            if since > version {
                continue;
            }
            signed |= field.bit();
            if present & field.bit() != 0 {
                // Most lines are empty: those between two that are not are written at once.
                sink.put_line_feeds(line_feeds);
                line_feeds = 0;
                line(field, sink)?;
            }
            line_feeds += 1;
        }
        sink.put_line_feeds(if self.ends_with_line_feed() { line_feeds } else { line_feeds - 1 });
        Ok(signed)
    }
}

/// The text that a key signs.
///
/// Only this crate makes one, so a holder cannot be asked to sign anything but a token or a request of Azure Storage.
/// It tells an attacker nothing that the token does not, yet it is kept out of `Debug` with the rest.
#[derive(Clone)]
pub struct StringToSign(Vec<u8>);

impl StringToSign {
    pub(super) const fn new(text: Vec<u8>) -> Self {
        Self(text)
    }

    /// The bytes to sign: UTF-8.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The same as text.
    #[must_use]
    pub fn to_text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl fmt::Debug for StringToSign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StringToSign([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::convert::Infallible;

    #[test]
    fn every_parameter_is_found_at_its_place() {
        for (at, field) in Field::params().iter().enumerate() {
            assert_eq!(*field as usize, at);
            assert_eq!(Field::of(field.name()), Some(*field));
            assert_eq!(Field::of(&field.name().to_ascii_uppercase()), None);
            for (query, expected) in [
                ([field.name(), "="].concat(), Some((*field, field.name().len()))),
                ([field.name(), "=2020-12-06"].concat(), Some((*field, field.name().len()))),
                ([field.name(), "\0=2020-12-06"].concat(), None),
                (["\0", field.name(), "=2020-12-06"].concat(), None),
                ([field.name(), "&=2020-12-06"].concat(), None),
                (field.name().into(), None),
            ] {
                assert_eq!(Field::before_equals(query.as_bytes(), 0), expected, "{query:?}");
            }
            assert_eq!(Field::of(&[field.name(), "\0"].concat()), None);
        }
        assert_eq!(Field::Snapshot.name(), "");
        assert_eq!(Field::of("snapshot"), None);
    }

    #[test]
    fn layouts_have_as_many_lines_as_the_clients_sign() {
        let lines = |layout: Layout, version: Version| {
            let mut text = Vec::new();
            let written = layout.put(version, u64::MAX, &mut text, |_, sink| -> Result<(), Infallible> {
                sink.put_byte(b'x');
                Ok(())
            });
            assert_ne!(written, Ok(0));
            String::from_utf8(text).unwrap().split('\n').count()
        };
        for (layout, version, expected) in [
            (Layout::Blob, Version::V2015_04_05, 13),
            (Layout::Blob, Version::V2018_11_09, 15),
            (Layout::Blob, Version::NEWEST, 16),
            (Layout::DelegatedBlob, Version::V2018_11_09, 20),
            (Layout::DelegatedBlob, Version::V2020_02_10, 23),
            (Layout::DelegatedBlob, Version::V2020_12_06, 24),
            (Layout::DelegatedBlob, Version::V2025_07_05, 26),
            (Layout::DelegatedBlob, Version::NEWEST, 28),
            (Layout::Account, Version::V2018_11_09, 10),
            (Layout::Account, Version::V2020_12_06, 11),
            (Layout::Queue, Version::NEWEST, 8),
            (Layout::File, Version::NEWEST, 13),
            (Layout::Table, Version::NEWEST, 12),
        ] {
            assert_eq!(lines(layout, version), expected, "{layout:?} {version:?}");
        }
    }
}
