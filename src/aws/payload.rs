//! What the signature says about the body, and holding the body to it.

use crate::{
    encode,
    error::VerifyError,
    mac::{self, Sha256, Sink},
};
use core::fmt;

pub(super) const CONTENT_SHA256: &str = "x-amz-content-sha256";
pub(super) const CHECKSUM_SHA256: &str = "x-amz-checksum-sha256";
pub(super) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
pub(super) const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

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
    pub(super) fn digest(self) -> Option<[u8; 32]> {
        match self {
            Self::Unsigned => None,
            Self::Empty => encode::from_hex_lower(EMPTY_SHA256.as_bytes()),
            Self::Sha256(digest) => Some(digest),
        }
    }

    pub(super) fn line(self) -> PayloadLine {
        match self {
            Self::Unsigned => PayloadLine::Unsigned,
            Self::Empty => PayloadLine::Sha256(*EMPTY_SHA256.as_bytes().first_chunk().unwrap_or(&[b'0'; 64])),
            Self::Sha256(digest) => PayloadLine::Sha256(encode::hex_lower(&digest)),
        }
    }
}

/// The same as text.
#[derive(Clone, Copy)]
pub(super) enum PayloadLine {
    Unsigned,
    /// Lower-case hex.
    Sha256([u8; 64]),
}

impl PayloadLine {
    /// Reads the value of `x-amz-content-sha256`.
    ///
    /// Streaming modes frame the body, so they are payload modes of their own and not accepted here.
    pub(super) fn parse(value: &[u8]) -> Result<Self, VerifyError> {
        if value == UNSIGNED.as_bytes() {
            return Ok(Self::Unsigned);
        }
        if value.starts_with(b"STREAMING-") {
            return Err(VerifyError::PayloadMode { mode: "STREAMING" });
        }
        match <&[u8; 64]>::try_from(value) {
            Ok(hex) if !encode::any(hex, |byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'f')) => Ok(Self::Sha256(*hex)),
            _ => Err(VerifyError::FieldForm {
                field: CONTENT_SHA256,
                expected: "`UNSIGNED-PAYLOAD` or 64 lower-case hex digits",
            }),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Unsigned => UNSIGNED,
            Self::Sha256(hex) => core::str::from_utf8(hex).unwrap_or_default(),
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Unsigned => UNSIGNED.as_bytes(),
            Self::Sha256(hex) => hex,
        }
    }

    pub(super) fn payload(self) -> Payload {
        match self {
            Self::Unsigned => Payload::Unsigned,
            Self::Sha256(hex) if hex == *EMPTY_SHA256.as_bytes() => Payload::Empty,
            Self::Sha256(hex) => encode::from_hex_lower(&hex).map_or(Payload::Empty, Payload::Sha256),
        }
    }
}

/// Holds a body to what was signed, piece by piece.
///
/// Nothing may act on the body before [`finish`](Self::finish) has agreed: write it to a temporary
/// place, and commit or drop it then.
///
/// What it checks: the payload hash if there is one, and `x-amz-checksum-sha256` if that header was
/// signed. The length is HTTP's to enforce, and other checksums are the caller's.
#[derive(Clone)]
pub struct PayloadCheck {
    hash: Option<Sha256>,
    content: Option<[u8; 32]>,
    checksum: Option<[u8; 32]>,
}

impl PayloadCheck {
    /// Holds the body to a content hash, to a signed checksum, to both or to neither.
    pub(super) fn new(content: Option<[u8; 32]>, checksum: Option<[u8; 32]>) -> Self {
        let needed = content.is_some() || checksum.is_some();
        Self { hash: needed.then(Sha256::new), content, checksum }
    }

    /// Takes in the next piece of the body.
    pub fn update(&mut self, piece: &[u8]) {
        if let Some(hash) = &mut self.hash {
            hash.put(piece);
        }
    }

    /// Says whether the body was the one that was signed.
    ///
    /// # Errors
    /// [`VerifyError::PayloadMismatch`] if it was not.
    pub fn finish(self) -> Result<(), VerifyError> {
        let Some(hash) = self.hash else { return Ok(()) };
        let found = hash.finish();
        let differs = |signed: Option<[u8; 32]>| signed.is_some_and(|signed| !mac::equal(&signed, &found));
        if differs(self.content) {
            return Err(VerifyError::PayloadMismatch { what: CONTENT_SHA256 });
        }
        if differs(self.checksum) {
            return Err(VerifyError::PayloadMismatch { what: CHECKSUM_SHA256 });
        }
        Ok(())
    }
}

impl fmt::Debug for PayloadCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayloadCheck").field("checks_content", &self.content.is_some()).finish_non_exhaustive()
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
            let mut check = PayloadCheck::new(Some(digest), None);
            for piece in pieces {
                check.update(piece.as_bytes());
            }
            assert_eq!(check.finish().is_ok(), accepted, "{pieces:?}");
        }
        let mut check = PayloadCheck::new(Payload::Empty.digest(), None);
        check.update(b"x");
        assert!(check.finish().is_err());
    }

    #[test]
    fn the_empty_hash_is_the_hash_of_nothing() {
        assert_eq!(encode::hex_lower(&Sha256::digest(b""))[..], *EMPTY_SHA256.as_bytes());
    }
}
