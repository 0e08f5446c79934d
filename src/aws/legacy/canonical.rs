//! Every byte that Version 2 signs: the names that it knows, the resource, and the text.

use crate::{
    aws::canonical::{Amz, SECURITY_TOKEN},
    secret::Secret,
    v2::{SHA1_BYTES, Scheme, is_content},
    v4::{Dialect, canonical::trimmed},
};
use alloc::{string::String, vec::Vec};
use core::fmt;

pub(super) const ACCESS_ID: &str = "AWSAccessKeyId";

pub(super) const SCHEME: Scheme = Scheme {
    id: ACCESS_ID,
    is_foreign,
    is_signature: |bytes| bytes == SHA1_BYTES,
    signature_form: "20 bytes of HMAC in padded base64",
};

/// Sub-resources that are signed by their name alone, whatever their value.
pub(super) const SUB_RESOURCES: [&str; 39] = [
    "abac",
    "accelerate",
    "acl",
    "analytics",
    "annotation",
    "annotationName",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "tagging",
    "torrent",
    "uploads",
    "versioning",
    "versions",
    "website",
    "metadataAnnotationTable",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "metadataTable",
];
/// Those that are signed with their value, decoded.
pub(super) const WITH_VALUE: [&str; 10] = [
    "partNumber",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "select-type",
    "uploadId",
    "versionId",
];
pub(super) const METHODS: [&str; 5] = ["DELETE", "GET", "HEAD", "POST", "PUT"];

/// Parameters of Signature Version 4 and of Google's schemes. The session token has the same name in both versions.
fn is_foreign(name: &str) -> bool {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    let of_v4 = Amz::PARAMS.iter().any(|other| is(other)) && name != SECURITY_TOKEN;
    of_v4 || is("GoogleAccessId") || name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("X-Goog-"))
}

pub(super) fn is_amz(name: &str) -> bool {
    name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-"))
}

pub(super) fn is_signed(name: &str) -> bool {
    is_amz(name) || is_content(name)
}

/// Whether a value has blanks inside that are signed as they stand by some and as one by others: the documentation folds
/// lines, S3 was seen to leave blanks alone.
pub(super) fn has_odd_blanks(value: &[u8]) -> bool {
    let value = trimmed(value);
    value.contains(&b'\t') || value.windows(2).any(|pair| pair == b"  ")
}

/// Whether a value can stand in the text, which has no escapes: with a `&` in it, one value would be two parameters to whoever
/// sends the URL in another way, as in `a&versionId=5`.
pub(super) fn stands_for_itself(value: &str) -> bool {
    !value.chars().any(|c| c.is_control() || c == '&')
}

/// SPEC: `/bucket` where the host names it, the path as it is sent, and the sub-resources by name.
pub(super) fn push_resource(
    text: &mut Vec<u8>,
    bucket: Option<&str>,
    path: &str,
    mut resources: Vec<(&str, Option<String>)>,
) {
    for piece in bucket.into_iter().flat_map(|bucket| ["/", bucket]).chain([path]) {
        text.extend_from_slice(piece.as_bytes());
    }
    resources.sort_unstable();
    for (at, (name, value)) in resources.iter().enumerate() {
        text.push(if at == 0 { b'?' } else { b'&' });
        text.extend_from_slice(name.as_bytes());
        if let Some(value) = value {
            text.push(b'=');
            text.extend_from_slice(value.as_bytes());
        }
    }
}

/// The text that Version 2 signs. Only this module makes one.
#[derive(Clone)]
pub struct LegacyStringToSign(pub(super) Vec<u8>);

impl LegacyStringToSign {
    /// The bytes to sign. Header values may hold any byte.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for LegacyStringToSign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LegacyStringToSign([redacted])")
    }
}

/// A signature of Version 2: the 20 bytes of an HMAC with SHA-1, in base64 on the wire.
#[derive(Clone)]
pub struct LegacySignature(pub(super) Secret<[u8; SHA1_BYTES]>);

impl LegacySignature {
    /// A signature that a remote holder made.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; SHA1_BYTES]) -> Self {
        Self(Secret::new(bytes))
    }
}

impl fmt::Debug for LegacySignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
