//! Every byte that is signed: Amazon's names for the canonical request, and the string to sign.
//!
//! ```text
//! algorithm \n date \n scope \n hex(sha256(canonical request))     a request
//! base64(policy)                                                  a form
//! ```

use super::{
    key::{SCOPE_CAPACITY, Scope},
    stream::StreamMode,
};
use crate::{
    grant::Lifetime,
    head::is_same_name,
    v4::{Dialect, HeaderField, canonical::MustSign, message::Message},
};
use alloc::vec::Vec;
use core::fmt;

pub use crate::v4::canonical::PathRule;

/// The algorithm of Signature Version 4.
pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The algorithm of `SigV4a`.
const ASYMMETRIC_ALGORITHM: &str = "AWS4-ECDSA-P256-SHA256";

/// What a signature is made with. A scope knows its own: that of the asymmetric one has no region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    HmacSha256,
    EcdsaP256Sha256,
}

impl Algorithm {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::HmacSha256 => ALGORITHM,
            Self::EcdsaP256Sha256 => ASYMMETRIC_ALGORITHM,
        }
    }
}

pub(super) const CONTENT_SHA256: &str = "x-amz-content-sha256";
pub(super) const CHECKSUM_SHA256: &str = "x-amz-checksum-sha256";
pub(super) const SECURITY_TOKEN: &str = "x-amz-security-token";
pub(super) const S3_SESSION_TOKEN: &str = "x-amz-s3session-token";
pub(super) const S3_SESSION_TOKEN_PARAM: &str = "X-Amz-S3session-Token";
pub(super) const REGION_SET: &str = "x-amz-region-set";
pub(super) const REGION_SET_PARAM: &str = "X-Amz-Region-Set";

/// Signature Version 4.
#[derive(Clone)]
pub(super) enum Amz {}

pub(super) const P_SECURITY_TOKEN: usize = 6;
pub(super) const P_REGION_SET: usize = 7;
pub(super) const P_S3_SESSION_TOKEN: usize = 8;

impl Dialect for Amz {
    const PARAMS: &'static [&'static str] = &[
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-SignedHeaders",
        "X-Amz-Signature",
        "X-Amz-Security-Token",
        REGION_SET_PARAM,
        S3_SESSION_TOKEN_PARAM,
    ];
    const ALGORITHM: &'static str = ALGORITHM;
    const USUAL: [&'static str; 5] = [
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=",
        "&X-Amz-Date=",
        "&X-Amz-Expires=",
        "&X-Amz-SignedHeaders=",
        "&X-Amz-Signature=",
    ];
    const CREDENTIAL_END: &'static str = "%2Faws4_request";
    const CONTENT_SHA256: &'static str = CONTENT_SHA256;
    const CONTENT_SHA256_PARAM: &'static str = "X-Amz-Content-Sha256";
    const CHECKSUM_SHA256: &'static str = CHECKSUM_SHA256;
    const SLASH_IN_HEADER_NAMES: bool = false;

    fn reserved_index(name: &str) -> Option<usize> {
        Some(match name {
            "X-Amz-Algorithm" => 0,
            "X-Amz-Credential" => 1,
            "X-Amz-Date" => 2,
            "X-Amz-Expires" => 3,
            "X-Amz-SignedHeaders" => 4,
            "X-Amz-Signature" => 5,
            "X-Amz-Security-Token" => P_SECURITY_TOKEN,
            REGION_SET_PARAM => P_REGION_SET,
            S3_SESSION_TOKEN_PARAM => P_S3_SESSION_TOKEN,
            _ => return None,
        })
    }

    /// Parameters of Signature Version 2 and of Google's schemes.
    fn is_foreign(name: &str) -> bool {
        ["AWSAccessKeyId", "Signature", "GoogleAccessId"].iter().any(|other| other.eq_ignore_ascii_case(name))
            || name.get(..7).is_some_and(|prefix| prefix.eq_ignore_ascii_case("X-Goog-"))
    }

    fn stream_mode(value: &[u8]) -> Option<&'static str> {
        StreamMode::of_literal(value).map(StreamMode::literal)
    }

    fn header_field(name: &str) -> Option<(HeaderField, &'static str)> {
        let is = |other: &str| is_same_name(name, other);
        Some(match name.len() {
            10 if is("x-amz-date") => (HeaderField::Date, "x-amz-date"),
            20 if is(SECURITY_TOKEN) => (HeaderField::SessionToken, SECURITY_TOKEN),
            21 if is(S3_SESSION_TOKEN) => (HeaderField::ZonalToken, S3_SESSION_TOKEN),
            20 if is(CONTENT_SHA256) => (HeaderField::ContentSha256, CONTENT_SHA256),
            _ => return None,
        })
    }
}

/// Which arriving headers must be signed: every `x-amz-*`, the session token unless it is added after
/// signing, and `content-md5` where the service acts on it.
pub(super) const fn must_sign(content_md5: bool, session_token: bool) -> MustSign {
    let unless = if session_token { None } else { Some(SECURITY_TOKEN) };
    MustSign { prefix: "x-amz-", content_sha256: CONTENT_SHA256, unless, content_md5 }
}

impl PathRule {
    /// The rule of a service: `s3`, `s3express`, `s3-outposts` and `s3-object-lambda` sign the path as
    /// sent, all others normalise it and encode it twice.
    #[must_use]
    pub fn of_service(service: &str) -> Self {
        if is_s3(service) { Self::AsSent } else { Self::NormalizedEncodedTwice }
    }
}

/// The service of directory buckets, S3 Express One Zone.
pub(super) const S3_EXPRESS: &str = "s3express";

/// Whether a service follows the S3 profile.
pub(crate) fn is_s3(service: &str) -> bool {
    matches!(service, "s3" | S3_EXPRESS | "s3-outposts" | "s3-object-lambda")
}

/// How long a service lets a presigned URL live if it does not go by `X-Amz-Expires`: SQS and STS take every one for
/// fifteen minutes after its date.
pub(super) fn fixed_life(service: &str) -> Option<Lifetime> {
    matches!(service, "sqs" | "sts").then_some(Lifetime::DEFAULT)
}

/// The text that a key signs.
///
/// Only the modules of this name make one, so a holder cannot be asked to sign anything but a request, a piece of
/// its body, or a form. It tells an attacker nothing that the token does not, yet it is kept out of `Debug` with
/// the rest.
#[derive(Clone)]
pub struct StringToSign(Message<STRING_TO_SIGN_CAPACITY>);

/// Algorithm, date, scope and digest with the line feeds between them. The longer algorithm goes with the
/// shorter scope, so that there is room to spare.
const STRING_TO_SIGN_CAPACITY: usize = ASYMMETRIC_ALGORITHM.len() + 1 + 16 + 1 + SCOPE_CAPACITY + 1 + 64;

impl StringToSign {
    pub(super) fn new(amz_date: &[u8; 16], scope: &Scope, canonical_request: &[u8; 32]) -> Self {
        Self(Message::of_request(scope.algorithm().as_str(), amz_date, scope.as_bytes(), canonical_request))
    }

    /// What signs it: the text begins with its name.
    #[cfg(feature = "sigv4a")]
    pub(super) fn algorithm(&self) -> Algorithm {
        let asymmetric = Algorithm::EcdsaP256Sha256;
        if self.as_bytes().starts_with(asymmetric.as_str().as_bytes()) { asymmetric } else { Algorithm::HmacSha256 }
    }

    /// The text of a chunk or a trailer, which ends with a digest too. Made once for a stream of them.
    pub(super) const fn of_piece(text: Vec<u8>) -> Self {
        Self(Message::Long(text))
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        self.0.bytes_mut()
    }

    /// Puts another canonical request, or another chunk, under the same date and scope.
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

    /// The bytes to sign.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The same as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
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
        crate::v4::tests::every_reserved_parameter_is_found_at_its_place::<Amz>();
    }
}
