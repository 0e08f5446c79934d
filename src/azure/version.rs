//! Service versions: `sv` decides which lines a string to sign has.

use core::fmt;

/// Every version that this crate knows how to sign for, oldest first.
///
/// Source: Azure Storage REST reference, "Versioning for Azure Storage"; the lists that the official clients carry.
const KNOWN: [&str; 42] = [
    "2015-04-05",
    "2015-07-08",
    "2015-12-11",
    "2016-05-31",
    "2017-04-17",
    "2017-07-29",
    "2017-11-09",
    "2018-03-28",
    "2018-11-09",
    "2019-02-02",
    "2019-07-07",
    "2019-10-10",
    "2019-12-12",
    "2020-02-10",
    "2020-04-08",
    "2020-06-12",
    "2020-08-04",
    "2020-10-02",
    "2020-12-06",
    "2021-02-12",
    "2021-04-10",
    "2021-06-08",
    "2021-08-06",
    "2021-10-04",
    "2021-12-02",
    "2022-11-02",
    "2023-01-03",
    "2023-05-03",
    "2023-08-03",
    "2023-11-03",
    "2024-02-04",
    "2024-05-04",
    "2024-08-04",
    "2024-11-04",
    "2025-01-05",
    "2025-05-05",
    "2025-07-05",
    "2025-11-05",
    "2026-02-06",
    "2026-04-06",
    "2026-06-06",
    "2026-10-06",
];

/// The digits of each, which compare as one number.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which refuses an index out of range")]
const DIGITS: [u64; KNOWN.len()] = {
    let mut numbers = [0; KNOWN.len()];
    let mut at = 0;
    while at < KNOWN.len() {
        numbers[at] = match digits(KNOWN[at].as_bytes()) {
            Some(number) => number,
            None => panic!("a version is a date"),
        };
        at += 1;
    }
    numbers
};

const fn digits(text: &[u8]) -> Option<u64> {
    match *text {
        [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] => Some(u64::from_be_bytes([y0, y1, y2, y3, m0, m1, d0, d1])),
        _ => None,
    }
}

/// A version of the storage services, as `sv` and `x-ms-version` name it.
///
/// ```
/// use valet_key::azure::Version;
///
/// assert_eq!(Version::parse("2020-12-06"), Some(Version::V2020_12_06));
/// assert_eq!(Version::NEWEST.as_str(), "2026-10-06");
/// assert!(Version::V2018_11_09 < Version::V2020_12_06);
/// assert_eq!(Version::parse("2020-12-07"), None); // nobody knows how that one signs
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u8);

impl Version {
    /// The oldest: from here on a token can be bound to an address and to HTTPS.
    pub const V2015_04_05: Self = Self(0);
    /// Signs the kind of resource and the snapshot; the first with user delegation keys.
    pub const V2018_11_09: Self = Self(8);
    /// Knows versions of blobs.
    pub const V2019_10_10: Self = Self(11);
    /// Knows tags.
    pub const V2019_12_12: Self = Self(12);
    /// Knows directories, and who is authorised by a user delegation key.
    pub const V2020_02_10: Self = Self(13);
    /// Knows immutability policies.
    pub const V2020_08_04: Self = Self(16);
    /// Signs the encryption scope.
    pub const V2020_12_06: Self = Self(18);
    /// Binds user delegation to one user; the first with user delegation for queues and files.
    pub const V2025_07_05: Self = Self(36);
    /// Signs request headers and query parameters.
    pub const V2026_04_06: Self = Self(39);
    /// The newest.
    pub const NEWEST: Self = Self(41);

    /// The version of that name, if it is one that this crate knows.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::read(text.as_bytes())
    }

    pub(super) fn read(text: &[u8]) -> Option<Self> {
        DIGITS.binary_search(&digits(text)?).ok().and_then(|at| u8::try_from(at).ok()).map(Self)
    }

    /// The name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        KNOWN.get(usize::from(self.0)).copied().unwrap_or_default()
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Version({})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ascending_and_every_constant_is_one() {
        assert!(KNOWN.is_sorted());
        for (version, text) in [
            (Version::V2015_04_05, "2015-04-05"),
            (Version::V2018_11_09, "2018-11-09"),
            (Version::V2019_10_10, "2019-10-10"),
            (Version::V2019_12_12, "2019-12-12"),
            (Version::V2020_02_10, "2020-02-10"),
            (Version::V2020_08_04, "2020-08-04"),
            (Version::V2020_12_06, "2020-12-06"),
            (Version::V2025_07_05, "2025-07-05"),
            (Version::V2026_04_06, "2026-04-06"),
            (Version::NEWEST, "2026-10-06"),
        ] {
            assert_eq!(version.as_str(), text);
            assert_eq!(Version::parse(text), Some(version));
        }
        assert_eq!(KNOWN.last(), Some(&Version::NEWEST.as_str()));
        for text in ["", "2020-12-6", "2020-12-06 ", "2014-02-14", "2027-01-01", "latest"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}
