//! What the signature says about the body, and holding the body to it.

use super::Dialect;
use crate::{
    encode,
    error::VerifyError,
    mac::{self, Sha256, Sink},
};
use core::{fmt, ops::RangeInclusive};

pub(crate) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
pub(crate) const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The last line of a canonical request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Payload {
    /// `UNSIGNED-PAYLOAD`: the body is free. S3 only.
    Unsigned,
    /// The body is empty.
    Empty,
    /// The SHA-256 of the body.
    Sha256([u8; 32]),
}

impl Payload {
    /// The value of an `x-amz-content-sha256` header.
    #[must_use]
    pub fn header_value(self) -> alloc::string::String {
        self.line().as_str().into()
    }

    /// The SHA-256 that the body must have, if it must have one.
    pub(crate) fn digest(self) -> Option<[u8; 32]> {
        match self {
            Self::Unsigned => None,
            Self::Empty => encode::from_hex_lower(EMPTY_SHA256.as_bytes()),
            Self::Sha256(digest) => Some(digest),
        }
    }

    pub(crate) fn line(self) -> PayloadLine {
        match self {
            Self::Unsigned => PayloadLine::Unsigned,
            Self::Empty => PayloadLine::Sha256(*EMPTY_SHA256.as_bytes().first_chunk().unwrap_or(&[b'0'; 64])),
            Self::Sha256(digest) => PayloadLine::Sha256(encode::hex_lower(&digest)),
        }
    }
}

/// The same as text.
#[derive(Clone, Copy)]
pub(crate) enum PayloadLine {
    Unsigned,
    /// The body comes in chunks: the name of the mode.
    Stream(&'static str),
    /// Lower-case hex.
    Sha256([u8; 64]),
}

impl PayloadLine {
    /// Reads the value of `x-amz-content-sha256`.
    pub(crate) fn parse<D: Dialect>(value: &[u8]) -> Result<Self, VerifyError> {
        if value == UNSIGNED.as_bytes() {
            return Ok(Self::Unsigned);
        }
        if value.starts_with(b"STREAMING-") {
            return D::stream_mode(value).map(Self::Stream).ok_or(VerifyError::PayloadMode { mode: "STREAMING" });
        }
        match <&[u8; 64]>::try_from(value) {
            Ok(hex) if !encode::any(hex, |byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'f')) => Ok(Self::Sha256(*hex)),
            _ => Err(VerifyError::FieldForm {
                field: D::CONTENT_SHA256,
                expected: "`UNSIGNED-PAYLOAD` or 64 lower-case hex digits",
            }),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Unsigned => UNSIGNED,
            Self::Stream(mode) => mode,
            Self::Sha256(hex) => core::str::from_utf8(hex).unwrap_or_default(),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Unsigned => UNSIGNED.as_bytes(),
            Self::Stream(mode) => mode.as_bytes(),
            Self::Sha256(hex) => hex,
        }
    }

    /// What it says about a body that is sent as it is.
    pub(crate) fn payload(self) -> Option<Payload> {
        match self {
            Self::Unsigned => Some(Payload::Unsigned),
            Self::Stream(_) => None,
            Self::Sha256(hex) if hex == *EMPTY_SHA256.as_bytes() => Some(Payload::Empty),
            Self::Sha256(hex) => Some(encode::from_hex_lower(&hex).map_or(Payload::Empty, Payload::Sha256)),
        }
    }
}

/// Holds a body to what was signed, piece by piece.
///
/// Nothing may act on the body before [`finish`](Self::finish) has agreed: write it to a temporary
/// place, and commit or drop it then.
///
/// What it checks: the payload hash if there is one, a signed SHA-256 checksum, and a signed range of
/// sizes. A signed `content-length` is HTTP's to enforce, and other checksums are the caller's.
#[derive(Clone)]
pub struct PayloadCheck {
    hash: Option<Sha256>,
    held_to: HeldTo,
    length: u64,
}

/// What a body is held to.
#[derive(Clone, Default)]
pub(crate) struct HeldTo {
    /// A digest, and the header that says so.
    pub(crate) content: Option<([u8; 32], &'static str)>,
    pub(crate) checksum: Option<([u8; 32], &'static str)>,
    /// A range of sizes in bytes, and the header that says so.
    pub(crate) size: Option<(RangeInclusive<u64>, &'static str)>,
    /// A header whose value no body can have.
    pub(crate) never: Option<&'static str>,
}

impl PayloadCheck {
    pub(crate) fn new(held_to: HeldTo) -> Self {
        let needed = held_to.content.is_some() || held_to.checksum.is_some();
        Self { hash: needed.then(Sha256::new), held_to, length: 0 }
    }

    /// Whether any body at all is the signed one.
    #[must_use]
    pub const fn is_free(&self) -> bool {
        let HeldTo { content, checksum, size, never } = &self.held_to;
        content.is_none() && checksum.is_none() && size.is_none() && never.is_none()
    }

    /// Takes in the next piece of the body.
    pub fn update(&mut self, piece: &[u8]) {
        self.length = self.length.saturating_add(piece.len() as u64);
        if let Some(hash) = &mut self.hash {
            hash.put(piece);
        }
    }

    /// Whether the body is larger already than it may be, so that the rest need not be read.
    #[must_use]
    pub fn is_too_long(&self) -> bool {
        self.held_to.size.as_ref().is_some_and(|(size, _)| self.length > *size.end())
    }

    /// Says whether the body was the one that was signed.
    ///
    /// # Errors
    /// [`VerifyError::Size`] if it is outside the signed range, and [`VerifyError::PayloadMismatch`] if it is
    /// another one.
    pub fn finish(self) -> Result<(), VerifyError> {
        let HeldTo { content, checksum, size, never } = self.held_to;
        if let Some((size, field)) = size.filter(|(size, _)| !size.contains(&self.length)) {
            let (least, most) = size.into_inner();
            return Err(VerifyError::Size { field, found: self.length, least, most });
        }
        let mut differs = never;
        if let Some(hash) = self.hash {
            let found = hash.finish();
            for (signed, what) in [checksum, content].into_iter().flatten() {
                if !mac::equal(&signed, &found) {
                    differs = Some(what);
                }
            }
        }
        differs.map_or(Ok(()), |what| Err(VerifyError::PayloadMismatch { what }))
    }
}

impl fmt::Debug for PayloadCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayloadCheck").field("checks_content", &self.held_to.content.is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_held_to_its_hash_in_any_pieces() {
        let digest = Sha256::digest(b"Welcome to Amazon S3.");
        for (pieces, accepted) in [
            (&["Welcome to Amazon S3."][..], true),
            (&["Welcome", " to Amazon S3", "", "."], true),
            (&["Welcome to Amazon S3"], false),
            (&[], false),
        ] {
            let mut check = PayloadCheck::new(HeldTo { content: Some((digest, "x")), ..HeldTo::default() });
            for piece in pieces {
                check.update(piece.as_bytes());
            }
            assert_eq!(check.finish().is_ok(), accepted, "{pieces:?}");
        }
        let mut check = PayloadCheck::new(HeldTo {
            content: Payload::Empty.digest().map(|digest| (digest, "x")),
            ..HeldTo::default()
        });
        check.update(b"x");
        assert!(check.finish().is_err());
    }

    #[test]
    fn a_body_is_held_to_its_range_of_sizes() {
        for (length, accepted) in [(0, false), (1, false), (2, true), (3, true), (4, false)] {
            let mut check = PayloadCheck::new(HeldTo { size: Some((2..=3, "x")), ..HeldTo::default() });
            (0..length).for_each(|_| check.update(b"a"));
            assert_eq!(check.is_too_long(), length > 3);
            assert_eq!(check.finish().is_ok(), accepted, "{length}");
        }
        assert!(PayloadCheck::new(HeldTo { never: Some("x"), ..HeldTo::default() }).finish().is_err());
    }

    #[test]
    fn the_empty_hash_is_the_hash_of_nothing() {
        assert_eq!(encode::hex_lower(&Sha256::digest(b""))[..], *EMPTY_SHA256.as_bytes());
    }
}
