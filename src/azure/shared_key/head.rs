//! The header lines of a request, each read once.

use super::canonical::{CONTENT_LENGTH, CONTENT_MD5, LINES, PREFIX, check_value};
use crate::{
    encode,
    error::VerifyError,
    head::{self, trimmed},
    view::{Limits, RequestView},
};
use alloc::{string::String, vec::Vec};

/// A header that is signed without a line of its own: its name in lower case, and its trimmed value.
type Signed<'r> = (String, &'r [u8]);

/// The header lines that matter, each at most once.
#[derive(Clone)]
pub(super) struct Head<'r> {
    pub(super) host: Option<&'r [u8]>,
    pub(super) hosts: usize,
    pub(super) authorization: Option<&'r [u8]>,
    pub(super) authorizations: usize,
    pub(super) lines: [Option<&'r [u8]>; LINES.len()],
    /// In the order of their names.
    pub(super) signed: Vec<Signed<'r>>,
    pub(super) is_chunked: bool,
    pub(super) foreign: Option<&'static str>,
}

impl<'r> Head<'r> {
    pub(super) fn read(view: &RequestView<'r>, limits: &Limits) -> Result<Self, VerifyError> {
        let mut head = Self {
            host: None,
            hosts: 0,
            authorization: None,
            authorizations: 0,
            lines: [None; LINES.len()],
            signed: Vec::new(),
            is_chunked: false,
            foreign: None,
        };
        for &(name, value) in head::lines(view, limits)? {
            head::check_line(name, value, limits)?;
            head.take(name, trimmed(value))?;
        }
        head.signed.sort_unstable();
        let names = || head.signed.iter().map(|(name, _)| name.as_str());
        if names().zip(names().skip(1)).any(|(name, next)| name == next) {
            return Err(VerifyError::FieldCount { field: "x-ms-*", found: 2 });
        }
        Ok(head)
    }

    fn take(&mut self, name: &str, value: &'r [u8]) -> Result<(), VerifyError> {
        let name = name.to_ascii_lowercase();
        if name.starts_with(PREFIX) {
            self.signed.push((name, value));
        } else if let Some((line, slot)) = LINES.iter().zip(&mut self.lines).find(|(line, _)| **line == name) {
            if slot.replace(value).is_some() {
                return Err(VerifyError::FieldCount { field: line, found: 2 });
            }
        } else if name == "host" {
            self.hosts = self.hosts.saturating_add(1);
            self.host = Some(value);
        } else if name == "authorization" {
            self.authorizations = self.authorizations.saturating_add(1);
            self.authorization = Some(value);
        } else if name == "transfer-encoding" {
            self.is_chunked = true;
        } else if name.starts_with("x-amz-") || name.starts_with("x-goog-") {
            self.foreign = Some("headers of another provider");
        }
        Ok(())
    }

    pub(super) fn signed(&self, name: &str) -> Option<&'r [u8]> {
        let at = self.signed.binary_search_by(|(other, _)| other.as_str().cmp(name)).ok()?;
        self.signed.get(at).map(|(_, value)| *value)
    }

    pub(super) fn line(&self, line: usize) -> Option<&'r [u8]> {
        self.lines.get(line).copied().flatten()
    }

    /// Holds the values that are looked at to their forms.
    pub(super) fn check(&self) -> Result<(), VerifyError> {
        for (field, value) in LINES.iter().zip(&self.lines) {
            if value.is_some_and(|value| check_value(value, false).is_err()) {
                return Err(VerifyError::FieldForm { field, expected: "visible ASCII" });
            }
        }
        let is_md5 = |value: &[u8]| md5(value).is_some();
        if self.line(CONTENT_MD5).is_some_and(|value| !is_md5(value)) {
            return Err(VerifyError::FieldForm { field: "content-md5", expected: "padded base64 of 16 bytes" });
        }
        if self.line(CONTENT_LENGTH).is_some_and(|value| length(value).is_none()) {
            return Err(VerifyError::FieldForm { field: "content-length", expected: "a number of bytes" });
        }
        Ok(())
    }
}

pub(super) fn md5(value: &[u8]) -> Option<[u8; 16]> {
    let bytes = encode::from_base64(core::str::from_utf8(value).ok()?)?;
    bytes.try_into().ok()
}

/// A number in its one spelling.
pub(super) fn length(value: &[u8]) -> Option<u64> {
    let plain = (1..=20).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
    let plain = plain && (value.len() == 1 || !value.starts_with(b"0"));
    plain.then(|| core::str::from_utf8(value).ok()?.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_one_spelling() {
        assert_eq!((length(b"0"), length(b"10")), (Some(0), Some(10)));
        assert_eq!(length(b"18446744073709551615"), Some(u64::MAX));
        for text in ["", "00", "01", "+1", "-1", "1 ", "1,1", "0x1", "18446744073709551616", "\u{661}"] {
            assert_eq!(length(text.as_bytes()), None, "{text}");
        }
    }
}
