//! Every byte that is signed: Google's names for the canonical request, and the string to sign.
//!
//! ```text
//! GOOG4-RSA-SHA256 | GOOG4-HMAC-SHA256 \n date \n scope \n hex(sha256(canonical request))
//! ```
//!
//! Source: Cloud Storage documentation, "Canonical requests" and "Signatures".

use super::key::{Algorithm, SCOPE_CAPACITY, Scope};
use crate::v4::{Dialect, HeaderField, canonical::MustSign, message::Message};
#[cfg(feature = "legacy")]
use alloc::vec::Vec;
use core::fmt;

pub(super) const CONTENT_SHA256: &str = "x-goog-content-sha256";
pub(super) const LENGTH_RANGE: &str = "x-goog-content-length-range";
pub(super) const RESUMABLE: &str = "x-goog-resumable";
pub(super) const DATE: &str = "x-goog-date";

/// Google's V4.
#[derive(Clone)]
pub(super) enum Goog {}

impl Dialect for Goog {
    const PARAMS: &'static [&'static str] = &[
        "X-Goog-Algorithm",
        "X-Goog-Credential",
        "X-Goog-Date",
        "X-Goog-Expires",
        "X-Goog-SignedHeaders",
        "X-Goog-Signature",
    ];
    const ALGORITHM: &'static str = "GOOG4-HMAC-SHA256";
    const USUAL: [&'static str; 5] = [
        "X-Goog-Algorithm=GOOG4-HMAC-SHA256&X-Goog-Credential=",
        "&X-Goog-Date=",
        "&X-Goog-Expires=",
        "&X-Goog-SignedHeaders=",
        "&X-Goog-Signature=",
    ];
    const CREDENTIAL_END: &'static str = "%2Fgoog4_request";
    const CONTENT_SHA256: &'static str = CONTENT_SHA256;
    const CONTENT_SHA256_PARAM: &'static str = "X-Goog-Content-Sha256";
    // Cloud Storage has no such header; it checks `x-goog-hash`, which is the caller's.
    const CHECKSUM_SHA256: &'static str = "";
    const SLASH_IN_HEADER_NAMES: bool = true;

    fn reserved_index(name: &str) -> Option<usize> {
        Some(match name {
            "X-Goog-Algorithm" => 0,
            "X-Goog-Credential" => 1,
            "X-Goog-Date" => 2,
            "X-Goog-Expires" => 3,
            "X-Goog-SignedHeaders" => 4,
            "X-Goog-Signature" => 5,
            _ => return None,
        })
    }

    /// Parameters of V2 and of Amazon's schemes.
    fn is_foreign(name: &str) -> bool {
        ["GoogleAccessId", "Signature", "AWSAccessKeyId"].iter().any(|other| other.eq_ignore_ascii_case(name))
            || name.get(..6).is_some_and(|prefix| prefix.eq_ignore_ascii_case("X-Amz-"))
    }

    fn header_field(name: &str) -> Option<(HeaderField, &'static str)> {
        if is_amazons(name) {
            return Some((HeaderField::Foreign, "x-amz-*"));
        }
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        Some(match name.len() {
            11 if is(DATE) => (HeaderField::Date, DATE),
            21 if is(CONTENT_SHA256) => (HeaderField::ContentSha256, CONTENT_SHA256),
            _ => return None,
        })
    }
}

/// Whether a header is one of Amazon's: a request may not mix them with Google's.
pub(super) fn is_amazons(name: &str) -> bool {
    name.get(..6).is_some_and(|prefix| prefix.eq_ignore_ascii_case("x-amz-"))
}

/// Which arriving headers must be signed: every `x-goog-*`, without exception.
pub(super) const MUST_SIGN: MustSign =
    MustSign { prefix: "x-goog-", content_sha256: "", unless: None, content_md5: false };

/// The text that a key signs.
///
/// Only this crate makes one, so a holder cannot be asked to sign anything but a request, a form or a
/// legacy URL. It tells an attacker nothing that the token does not, yet it is kept out of `Debug` with
/// the rest.
#[derive(Clone)]
pub struct StringToSign(Message<CAPACITY>);

/// Algorithm, date, scope and digest with the line feeds between them.
const CAPACITY: usize = 17 + 1 + 16 + 1 + SCOPE_CAPACITY + 1 + 64;

impl StringToSign {
    /// Of a request, given the digest of its canonical form.
    pub(super) fn of_request(algorithm: Algorithm, date: &[u8; 16], scope: &Scope, digest: &[u8; 32]) -> Self {
        Self(Message::of_request(algorithm.as_str(), date, scope.as_bytes(), digest))
    }

    /// Puts another canonical request under the same date and scope.
    pub(super) fn set_digest(&mut self, digest: &[u8; 32]) {
        self.0.set_digest(digest);
    }

    /// The text before the digest, which is the same for all canonical requests of one second and scope.
    pub(super) fn before_digest(&self) -> &[u8] {
        self.0.before_digest()
    }

    /// Of a form, whose policy is signed in base64 as it is sent.
    pub(super) fn of_policy(base64: &str) -> Self {
        Self(Message::Long(base64.as_bytes().to_vec()))
    }

    /// Of a legacy URL.
    #[cfg(feature = "legacy")]
    pub(super) const fn of_legacy(text: Vec<u8>) -> Self {
        Self(Message::Long(text))
    }

    /// The bytes to sign.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
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

    #[test]
    fn every_reserved_parameter_is_found_at_its_place() {
        crate::v4::tests::every_reserved_parameter_is_found_at_its_place::<Goog>();
    }
}
