//! How a refusal becomes S3's error.

use super::{
    canonical::{REGION_SET, REGION_SET_PARAM},
    verify::REGION_SET_PART,
};
use crate::{encode, error::VerifyError};
use alloc::{format, string::String};

/// What S3 answers to a request that it refuses.
///
/// By default an unknown key, a wrong signature and a wrong session token get the same answer, so that
/// a peer cannot find out which access key ids exist; [`detailed`](Self::detailed) answers as S3 does.
///
/// ```
/// use valet_key::{aws::S3Error, error::VerifyError};
///
/// let error = S3Error::from(&VerifyError::UnknownKey);
/// assert_eq!((error.status, error.code), (403, "SignatureDoesNotMatch"));
/// assert_eq!(S3Error::detailed(&VerifyError::UnknownKey).code, "InvalidAccessKeyId");
/// assert!(error.to_xml("req-1").contains("<Code>SignatureDoesNotMatch</Code>"));
/// ```
///
/// Source: Amazon S3 API Reference, "Error responses".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct S3Error {
    /// The HTTP status.
    pub status: u16,
    /// The code of the error document.
    pub code: &'static str,
    /// The message of the error document.
    pub message: &'static str,
}

impl S3Error {
    /// An answer of the embedding server's own, such as `NoSuchKey`. The message goes out as it is, so it
    /// must not need escaping.
    #[must_use]
    pub const fn new(status: u16, code: &'static str, message: &'static str) -> Self {
        Self { status, code, message }
    }

    const NO_REGION_SET: Self =
        Self::new(400, "InvalidRequest", "A request signed by SigV4a must name its region set exactly once.");
    const MISMATCH: Self =
        Self::new(403, "SignatureDoesNotMatch", "The signature of the request is not the one expected for it.");

    /// As S3 answers, also where that tells a peer whether an access key id exists.
    #[must_use]
    pub fn detailed(error: &VerifyError) -> Self {
        match error {
            VerifyError::UnknownKey | VerifyError::OtherKey => {
                Self::new(403, "InvalidAccessKeyId", "The access key id is not known here.")
            }
            VerifyError::SessionToken { .. } => Self::new(400, "InvalidToken", "The session token is not valid."),
            VerifyError::CredentialExpired { .. } => {
                Self::new(400, "ExpiredToken", "The credential that signed the request has expired.")
            }
            other => Self::from(other),
        }
    }

    /// The error document.
    #[must_use]
    pub fn to_xml(&self, request_id: &str) -> String {
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message><RequestId>",
            self.code, self.message
        );
        encode::push_xml(&mut xml, request_id.chars().take(128));
        xml.push_str("</RequestId></Error>");
        xml
    }
}

impl From<&VerifyError> for S3Error {
    fn from(error: &VerifyError) -> Self {
        use VerifyError as E;
        match error {
            E::UnknownKey
            | E::OtherKey
            | E::SignatureMismatch
            | E::SessionToken { .. }
            | E::SignedHeaderMissing { .. }
            | E::CredentialExpired { .. } => Self::MISMATCH,
            E::NotSigned => Self::new(403, "AccessDenied", "The request is not signed."),
            E::UnsignedHeader { .. } => {
                Self::new(403, "AccessDenied", "A header was present in the request which was not signed.")
            }
            E::Host => Self::new(403, "AccessDenied", "The host is not served here."),
            E::Expired { .. } => Self::new(403, "AccessDenied", "Request has expired"),
            E::NotYetValid { .. } => Self::new(403, "AccessDenied", "Request is not yet valid"),
            E::Skewed { .. } => {
                Self::new(403, "RequestTimeTooSkewed", "The request time is too far from the server's time.")
            }
            E::TwoMechanisms { .. } => Self::new(400, "InvalidArgument", "Only one auth mechanism allowed"),
            E::FieldForm { field: "x-amz-content-sha256", .. } => {
                Self::new(400, "InvalidArgument", "x-amz-content-sha256 must be UNSIGNED-PAYLOAD or a SHA-256 in hex.")
            }
            E::FieldForm { field: "x-amz-copy-source" | "x-amz-copy-source-range", .. }
            | E::FieldCount { field: "x-amz-copy-source" | "x-amz-copy-source-range", .. } => {
                Self::new(400, "InvalidArgument", "The source of the copy cannot be read in one way only.")
            }
            E::Operation { .. } => {
                Self::new(400, "InvalidArgument", "The path, query and headers are not those of one operation.")
            }
            E::Algorithm { field: "Authorization", .. } => {
                Self::new(400, "InvalidArgument", "The authorization type is not supported.")
            }
            E::Scope { part: REGION_SET_PART, .. } => {
                Self::new(403, "RegionSetMismatch", "The region set does not name the region of this server.")
            }
            E::FieldCount { field: REGION_SET | REGION_SET_PARAM, .. } => Self::NO_REGION_SET,
            E::FieldCount { field, .. }
            | E::FieldForm { field, .. }
            | E::Algorithm { field, .. }
            | E::Scope { field, .. }
            | E::ScopeDate { field, .. } => Self::of_field(field),
            E::Lifetime { .. } => Self::new(
                400,
                "AuthorizationQueryParametersError",
                "X-Amz-Expires must be a number of seconds from 1 to the maximum",
            ),
            E::Malformed { what: "form" | "object key", .. } => {
                Self::new(400, "InvalidArgument", "The form cannot be read in one way only.")
            }
            E::TooLarge { what: "form data" | "form fields", .. } => {
                Self::new(400, "MaxPostPreDataLengthExceeded", "The fields of the form before the file are too large.")
            }
            E::AmbiguousPath { .. } | E::AmbiguousPlus | E::Malformed { .. } => {
                Self::new(400, "InvalidURI", "The request cannot be read in one way only.")
            }
            E::PayloadMode { .. } => Self::new(501, "NotImplemented", "This payload mode is not accepted here."),
            E::PayloadMismatch { what: "x-amz-decoded-content-length" }
            | E::Framing { .. }
            | E::TooLarge { what: "chunk line", .. } => {
                Self::new(400, "IncompleteBody", "The request body terminated unexpectedly")
            }
            E::PayloadMismatch { what } if what.starts_with("x-amz-checksum-") => {
                Self::new(400, "BadDigest", "The checksum is not that of the body.")
            }
            E::ChunkSize { .. } => Self::new(
                400,
                "InvalidChunkSizeError",
                "Only the last chunk is allowed to have a size less than 8192 bytes",
            ),
            E::Trailer { .. } => {
                Self::new(400, "MalformedTrailerError", "The trailer of the body is not the one that was announced.")
            }
            E::TooLarge { what: "chunk", .. } => {
                Self::new(400, "EntityTooLarge", "A chunk of the body is larger than is taken here.")
            }
            E::PayloadMismatch { .. } => {
                Self::new(400, "XAmzContentSHA256Mismatch", "The x-amz-content-sha256 header is not that of the body.")
            }
            E::TooLarge { .. } => Self::new(400, "RequestHeaderSectionTooLarge", "The request head is too large."),
            E::Size { found, least, .. } if found < least => {
                Self::new(400, "EntityTooSmall", "The upload is smaller than the policy allows.")
            }
            E::Size { .. } => Self::new(400, "EntityTooLarge", "The upload is larger than the policy allows."),
            E::FormField { .. } => Self::new(
                400,
                "InvalidArgument",
                "A field of the form is missing or malformed. If it is there, please check the order of the fields.",
            ),
            E::PolicyDocument { .. } => {
                Self::new(400, "InvalidPolicyDocument", "Invalid Policy: it cannot be read in one way only.")
            }
            E::Policy { .. } => Self::new(403, "AccessDenied", "Invalid according to Policy: Policy Condition failed"),
            // What a grant does not allow, and what only tokens of other providers say.
            E::NotCovered { .. }
            | E::Permission { .. }
            | E::ClientAddress { .. }
            | E::PlainHttp
            | E::StoredPolicy { .. } => Self::new(403, "AccessDenied", "Access Denied"),
            E::Key(_) => Self::new(500, "InternalError", "The request could not be checked."),
        }
    }
}

impl S3Error {
    fn of_field(field: &str) -> Self {
        match field {
            "x-amz-content-sha256" => {
                Self::new(400, "InvalidRequest", "x-amz-content-sha256 must be sent exactly once.")
            }
            "x-amz-decoded-content-length" => {
                Self::new(411, "MissingContentLength", "x-amz-decoded-content-length must be sent once, as a number.")
            }
            "x-amz-trailer" => {
                Self::new(400, "InvalidRequest", "x-amz-trailer must name the one checksum that follows the body.")
            }
            "x-amz-credential" | "x-amz-algorithm" => {
                Self::new(400, "InvalidArgument", "A field of the form names another region, service or algorithm.")
            }
            "x-amz-date" => {
                Self::new(403, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
            }
            field if field.starts_with("X-Amz-") => Self::new(
                400,
                "AuthorizationQueryParametersError",
                "An authorization parameter is missing or malformed.",
            ),
            _ => Self::new(400, "AuthorizationHeaderMalformed", "The Authorization header is malformed."),
        }
    }
}
