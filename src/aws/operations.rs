//! Which operation of S3 a request is: a table of what the path names, method and sub-resource.
//!
//! What is not in the table is refused, and so is a parameter that its row does not know: S3 overlooks some of them, and
//! other servers route by them.
//!
//! Source: Amazon S3 API Reference, "Actions"; Service Authorization Reference, "Actions, resources, and condition keys
//! for Amazon S3".

use crate::{error::VerifyError, grant::Action};
use core::fmt;

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// The service itself.
    Service,
    Bucket,
    Object,
}

macro_rules! operations {
    ($($name:ident $permission:literal $(or $versioned:literal)?,)*) => {
        /// An operation of S3, by the name that S3 gives it.
        ///
        /// ```
        /// use valet_key::aws::Operation;
        ///
        /// assert_eq!(Operation::UploadPart.name(), "UploadPart");
        /// assert_eq!(Operation::UploadPart.permission(), "s3:PutObject");
        /// assert_eq!(Operation::CopyObject.to_string(), "CopyObject");
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Operation {
            $(
                #[doc = concat!("`", stringify!($name), "`, which `", $permission, "` allows.")]
                $name,
            )*
        }

        impl Operation {
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// The IAM action that it needs on what its path names; see
            /// [`S3Request::permissions`](super::S3Request::permissions) for what else a request may need.
            #[must_use]
            pub const fn permission(self) -> &'static str {
                match self {
                    $(Self::$name => $permission,)*
                }
            }

            /// The IAM action that it needs if the request names a version.
            pub(super) const fn versioned_permission(self) -> &'static str {
                match self {
                    $($(Self::$name => $versioned,)?)*
                    _ => self.permission(),
                }
            }
        }
    };
}

operations! {
    ListBuckets "s3:ListAllMyBuckets",

    ListObjects "s3:ListBucket",
    ListObjectsV2 "s3:ListBucket",
    ListObjectVersions "s3:ListBucketVersions",
    ListMultipartUploads "s3:ListBucketMultipartUploads",
    HeadBucket "s3:ListBucket",
    CreateBucket "s3:CreateBucket",
    DeleteBucket "s3:DeleteBucket",
    DeleteObjects "s3:DeleteObject",
    GetBucketAccelerateConfiguration "s3:GetAccelerateConfiguration",
    PutBucketAccelerateConfiguration "s3:PutAccelerateConfiguration",
    GetBucketAcl "s3:GetBucketAcl",
    PutBucketAcl "s3:PutBucketAcl",
    GetBucketCors "s3:GetBucketCORS",
    PutBucketCors "s3:PutBucketCORS",
    DeleteBucketCors "s3:PutBucketCORS",
    GetBucketEncryption "s3:GetEncryptionConfiguration",
    PutBucketEncryption "s3:PutEncryptionConfiguration",
    DeleteBucketEncryption "s3:PutEncryptionConfiguration",
    GetBucketLifecycleConfiguration "s3:GetLifecycleConfiguration",
    PutBucketLifecycleConfiguration "s3:PutLifecycleConfiguration",
    DeleteBucketLifecycle "s3:PutLifecycleConfiguration",
    GetBucketLocation "s3:GetBucketLocation",
    GetBucketLogging "s3:GetBucketLogging",
    PutBucketLogging "s3:PutBucketLogging",
    GetBucketNotificationConfiguration "s3:GetBucketNotification",
    PutBucketNotificationConfiguration "s3:PutBucketNotification",
    GetObjectLockConfiguration "s3:GetBucketObjectLockConfiguration",
    PutObjectLockConfiguration "s3:PutBucketObjectLockConfiguration",
    GetBucketOwnershipControls "s3:GetBucketOwnershipControls",
    PutBucketOwnershipControls "s3:PutBucketOwnershipControls",
    DeleteBucketOwnershipControls "s3:PutBucketOwnershipControls",
    GetBucketPolicy "s3:GetBucketPolicy",
    PutBucketPolicy "s3:PutBucketPolicy",
    DeleteBucketPolicy "s3:DeleteBucketPolicy",
    GetBucketPolicyStatus "s3:GetBucketPolicyStatus",
    GetPublicAccessBlock "s3:GetBucketPublicAccessBlock",
    PutPublicAccessBlock "s3:PutBucketPublicAccessBlock",
    DeletePublicAccessBlock "s3:PutBucketPublicAccessBlock",
    GetBucketReplication "s3:GetReplicationConfiguration",
    PutBucketReplication "s3:PutReplicationConfiguration",
    DeleteBucketReplication "s3:PutReplicationConfiguration",
    GetBucketRequestPayment "s3:GetBucketRequestPayment",
    PutBucketRequestPayment "s3:PutBucketRequestPayment",
    GetBucketTagging "s3:GetBucketTagging",
    PutBucketTagging "s3:PutBucketTagging",
    DeleteBucketTagging "s3:PutBucketTagging",
    GetBucketVersioning "s3:GetBucketVersioning",
    PutBucketVersioning "s3:PutBucketVersioning",
    GetBucketWebsite "s3:GetBucketWebsite",
    PutBucketWebsite "s3:PutBucketWebsite",
    DeleteBucketWebsite "s3:DeleteBucketWebsite",

    GetObject "s3:GetObject" or "s3:GetObjectVersion",
    HeadObject "s3:GetObject" or "s3:GetObjectVersion",
    PutObject "s3:PutObject",
    CopyObject "s3:PutObject",
    DeleteObject "s3:DeleteObject" or "s3:DeleteObjectVersion",
    GetObjectAcl "s3:GetObjectAcl" or "s3:GetObjectVersionAcl",
    PutObjectAcl "s3:PutObjectAcl" or "s3:PutObjectVersionAcl",
    GetObjectAttributes "s3:GetObjectAttributes" or "s3:GetObjectVersionAttributes",
    GetObjectLegalHold "s3:GetObjectLegalHold",
    PutObjectLegalHold "s3:PutObjectLegalHold",
    GetObjectRetention "s3:GetObjectRetention",
    PutObjectRetention "s3:PutObjectRetention",
    GetObjectTagging "s3:GetObjectTagging" or "s3:GetObjectVersionTagging",
    PutObjectTagging "s3:PutObjectTagging" or "s3:PutObjectVersionTagging",
    DeleteObjectTagging "s3:DeleteObjectTagging" or "s3:DeleteObjectVersionTagging",
    GetObjectTorrent "s3:GetObjectTorrent" or "s3:GetObjectVersionTorrent",
    RestoreObject "s3:RestoreObject",
    SelectObjectContent "s3:GetObject",
    CreateMultipartUpload "s3:PutObject",
    UploadPart "s3:PutObject",
    UploadPartCopy "s3:PutObject",
    CompleteMultipartUpload "s3:PutObject",
    AbortMultipartUpload "s3:AbortMultipartUpload",
    ListParts "s3:ListMultipartUploadParts",
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Operation {
    /// The action of a grant that it is, if a grant can be for it.
    #[must_use]
    pub const fn action(self) -> Option<Action> {
        Some(match self {
            Self::GetObject => Action::Read,
            Self::HeadObject => Action::Head,
            Self::PutObject => Action::Upload,
            Self::DeleteObject => Action::Delete,
            Self::GetObjectTagging => Action::ReadTags,
            Self::PutObjectTagging => Action::WriteTags,
            Self::DeleteObjectTagging => Action::DeleteTags,
            Self::CopyObject | Self::UploadPartCopy => Action::Copy,
            Self::CreateMultipartUpload => Action::StartMultipart,
            Self::UploadPart => Action::UploadPart,
            Self::CompleteMultipartUpload => Action::CompleteMultipart,
            Self::AbortMultipartUpload => Action::Abort,
            Self::ListParts => Action::ListParts,
            Self::ListObjects | Self::ListObjectsV2 => Action::List,
            Self::ListObjectVersions => Action::ListVersions,
            Self::ListMultipartUploads => Action::ListUploads,
            _ => return None,
        })
    }

    /// The same with a source to copy from, if there is such an operation.
    pub(super) const fn copying(self) -> Option<Self> {
        match self {
            Self::PutObject => Some(Self::CopyObject),
            Self::UploadPart => Some(Self::UploadPartCopy),
            _ => None,
        }
    }
}

/// The parameters of which one alone says what a request is about.
const SUB_RESOURCES: [&str; 31] = [
    "accelerate",
    "acl",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "legal-hold",
    "lifecycle",
    "list-type",
    "location",
    "logging",
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
    "uploadId",
    "uploads",
    "versioning",
    "versions",
    "website",
    // Two that are known only to be in nobody's row.
    "append",
    "renameObject",
];

/// Says that an object is meant by its version.
const VERSION: &[&str] = &["versionId"];
const READ: &[&str] = &[
    "versionId",
    "partNumber",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
];

/// The row of a request: its operation, and the other parameters that it may have.
fn row(level: Level, method: &str, sub: &str) -> Option<(Operation, &'static [&'static str])> {
    use Level::{Bucket as B, Object as O, Service as S};
    use Operation as Op;
    const NONE: &[&str] = &[];
    Some(match (level, method, sub) {
        (S, "GET", "") => (Op::ListBuckets, &["bucket-region", "continuation-token", "max-buckets", "prefix"]),

        (B, "GET", "") => (Op::ListObjects, &["delimiter", "encoding-type", "marker", "max-keys", "prefix"]),
        (B, "GET", "list-type") => (
            Op::ListObjectsV2,
            &["continuation-token", "delimiter", "encoding-type", "fetch-owner", "max-keys", "prefix", "start-after"],
        ),
        (B, "GET", "versions") => (
            Op::ListObjectVersions,
            &["delimiter", "encoding-type", "key-marker", "max-keys", "prefix", "version-id-marker"],
        ),
        (B, "GET", "uploads") => (
            Op::ListMultipartUploads,
            &["delimiter", "encoding-type", "key-marker", "max-uploads", "prefix", "upload-id-marker"],
        ),
        (B, "HEAD", "") => (Op::HeadBucket, NONE),
        (B, "PUT", "") => (Op::CreateBucket, NONE),
        (B, "DELETE", "") => (Op::DeleteBucket, NONE),
        (B, "POST", "delete") => (Op::DeleteObjects, NONE),
        (B, _, _) => (configuration(method, sub)?, NONE),

        (O, "GET", "") => (Op::GetObject, READ),
        (O, "HEAD", "") => (Op::HeadObject, READ),
        (O, "PUT", "") => (Op::PutObject, NONE),
        (O, "DELETE", "") => (Op::DeleteObject, VERSION),
        (O, "GET", "acl") => (Op::GetObjectAcl, VERSION),
        (O, "PUT", "acl") => (Op::PutObjectAcl, VERSION),
        (O, "GET", "attributes") => (Op::GetObjectAttributes, VERSION),
        (O, "GET", "legal-hold") => (Op::GetObjectLegalHold, VERSION),
        (O, "PUT", "legal-hold") => (Op::PutObjectLegalHold, VERSION),
        (O, "GET", "retention") => (Op::GetObjectRetention, VERSION),
        (O, "PUT", "retention") => (Op::PutObjectRetention, VERSION),
        (O, "GET", "tagging") => (Op::GetObjectTagging, VERSION),
        (O, "PUT", "tagging") => (Op::PutObjectTagging, VERSION),
        (O, "DELETE", "tagging") => (Op::DeleteObjectTagging, VERSION),
        (O, "GET", "torrent") => (Op::GetObjectTorrent, NONE),
        (O, "POST", "restore") => (Op::RestoreObject, VERSION),
        (O, "POST", "select") => (Op::SelectObjectContent, &["select-type"]),
        (O, "POST", "uploads") => (Op::CreateMultipartUpload, NONE),
        (O, "PUT", "uploadId") => (Op::UploadPart, &["partNumber"]),
        (O, "POST", "uploadId") => (Op::CompleteMultipartUpload, NONE),
        (O, "DELETE", "uploadId") => (Op::AbortMultipartUpload, NONE),
        (O, "GET", "uploadId") => (Op::ListParts, &["max-parts", "part-number-marker"]),
        _ => return None,
    })
}

/// Operations on what a bucket is set to.
fn configuration(method: &str, sub: &str) -> Option<Operation> {
    use Operation as Op;
    Some(match (method, sub) {
        ("GET", "accelerate") => Op::GetBucketAccelerateConfiguration,
        ("PUT", "accelerate") => Op::PutBucketAccelerateConfiguration,
        ("GET", "acl") => Op::GetBucketAcl,
        ("PUT", "acl") => Op::PutBucketAcl,
        ("GET", "cors") => Op::GetBucketCors,
        ("PUT", "cors") => Op::PutBucketCors,
        ("DELETE", "cors") => Op::DeleteBucketCors,
        ("GET", "encryption") => Op::GetBucketEncryption,
        ("PUT", "encryption") => Op::PutBucketEncryption,
        ("DELETE", "encryption") => Op::DeleteBucketEncryption,
        ("GET", "lifecycle") => Op::GetBucketLifecycleConfiguration,
        ("PUT", "lifecycle") => Op::PutBucketLifecycleConfiguration,
        ("DELETE", "lifecycle") => Op::DeleteBucketLifecycle,
        ("GET", "location") => Op::GetBucketLocation,
        ("GET", "logging") => Op::GetBucketLogging,
        ("PUT", "logging") => Op::PutBucketLogging,
        ("GET", "notification") => Op::GetBucketNotificationConfiguration,
        ("PUT", "notification") => Op::PutBucketNotificationConfiguration,
        ("GET", "object-lock") => Op::GetObjectLockConfiguration,
        ("PUT", "object-lock") => Op::PutObjectLockConfiguration,
        ("GET", "ownershipControls") => Op::GetBucketOwnershipControls,
        ("PUT", "ownershipControls") => Op::PutBucketOwnershipControls,
        ("DELETE", "ownershipControls") => Op::DeleteBucketOwnershipControls,
        ("GET", "policy") => Op::GetBucketPolicy,
        ("PUT", "policy") => Op::PutBucketPolicy,
        ("DELETE", "policy") => Op::DeleteBucketPolicy,
        ("GET", "policyStatus") => Op::GetBucketPolicyStatus,
        ("GET", "publicAccessBlock") => Op::GetPublicAccessBlock,
        ("PUT", "publicAccessBlock") => Op::PutPublicAccessBlock,
        ("DELETE", "publicAccessBlock") => Op::DeletePublicAccessBlock,
        ("GET", "replication") => Op::GetBucketReplication,
        ("PUT", "replication") => Op::PutBucketReplication,
        ("DELETE", "replication") => Op::DeleteBucketReplication,
        ("GET", "requestPayment") => Op::GetBucketRequestPayment,
        ("PUT", "requestPayment") => Op::PutBucketRequestPayment,
        ("GET", "tagging") => Op::GetBucketTagging,
        ("PUT", "tagging") => Op::PutBucketTagging,
        ("DELETE", "tagging") => Op::DeleteBucketTagging,
        ("GET", "versioning") => Op::GetBucketVersioning,
        ("PUT", "versioning") => Op::PutBucketVersioning,
        ("GET", "website") => Op::GetBucketWebsite,
        ("PUT", "website") => Op::PutBucketWebsite,
        ("DELETE", "website") => Op::DeleteBucketWebsite,
        _ => return None,
    })
}

fn refused(why: &'static str) -> VerifyError {
    VerifyError::Operation { why }
}

/// The operation that a method and decoded parameters ask for.
///
/// Parameters that begin with `x-` are not looked at: those that S3 knows are headers in disguise, for the caller to
/// judge, and it overlooks the others.
pub(super) fn find<'p>(
    level: Level,
    method: &str,
    params: impl Iterator<Item = (&'p str, &'p str)> + Clone,
) -> Result<Operation, VerifyError> {
    let params = params.filter(|(name, _)| !is_extension(name));
    let mut subs = params.clone().filter(|(name, _)| SUB_RESOURCES.contains(name));
    let sub = subs.next();
    if subs.next().is_some() {
        return Err(refused("two sub-resources at once, of which servers might check one and obey the other"));
    }
    let is_named = sub.is_some();
    let (sub, value) = sub.unwrap_or_default();
    let (operation, others) =
        row(level, method, sub).ok_or(refused("S3 has no such method for what the path and the query name"))?;
    for (name, _) in params.clone().filter(|(name, _)| !(is_named && *name == sub)) {
        if !others.contains(&name) {
            return Err(refused("a parameter is none of this operation"));
        }
    }
    let good = match sub {
        "uploadId" => !value.is_empty(),
        "list-type" => value == "2",
        _ => value.is_empty(),
    };
    if !good {
        return Err(refused("a sub-resource has another value than it must have"));
    }
    for (name, value) in params.clone() {
        let good = match name {
            "partNumber" => number(value).is_some_and(|number| (1..=10_000).contains(&number)),
            "max-keys" | "max-parts" | "max-uploads" | "max-buckets" | "part-number-marker" => number(value).is_some(),
            "encoding-type" => value == "url",
            "fetch-owner" => matches!(value, "true" | "false"),
            "select-type" => value == "2",
            "versionId" => !value.is_empty(),
            _ => true,
        };
        if !good {
            return Err(refused("a parameter has a value that it cannot have"));
        }
    }
    let has = |wanted: &str| params.clone().any(|(name, _)| name == wanted);
    match operation {
        Operation::UploadPart if !has("partNumber") => Err(refused("a part without its `partNumber`")),
        Operation::SelectObjectContent if !has("select-type") => Err(refused("a selection without its `select-type`")),
        _ => Ok(operation),
    }
}

/// A plain number of at most ten digits.
pub(super) fn number(text: &str) -> Option<u64> {
    let plain = (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

/// Whether a parameter begins with `x-`, in any letter case.
pub(super) fn is_extension(name: &str) -> bool {
    name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{collections::BTreeSet, vec::Vec};

    fn of(level: Level, method: &str, query: &str) -> Option<Operation> {
        let params: Vec<(&str, &str)> = query
            .split('&')
            .filter(|param| !param.is_empty())
            .map(|param| param.split_once('=').unwrap_or((param, "")))
            .collect();
        find(level, method, params.iter().copied()).ok()
    }

    #[test]
    fn operations_have_the_documented_requests() {
        use Level::{Bucket as B, Object as O, Service as S};
        use Operation as Op;
        for (level, method, query, expected) in [
            (S, "GET", "", Op::ListBuckets),
            (B, "GET", "", Op::ListObjects),
            (B, "GET", "list-type=2&prefix=a", Op::ListObjectsV2),
            (B, "GET", "versions&prefix=a&delimiter=/", Op::ListObjectVersions),
            (B, "GET", "uploads", Op::ListMultipartUploads),
            (B, "GET", "lifecycle", Op::GetBucketLifecycleConfiguration),
            (B, "PUT", "tagging", Op::PutBucketTagging),
            (O, "GET", "versionId=1&response-expires=x", Op::GetObject),
            (O, "GET", "partNumber=17", Op::GetObject),
            (O, "PUT", "", Op::PutObject),
            (O, "PUT", "tagging", Op::PutObjectTagging),
            (O, "POST", "uploads=", Op::CreateMultipartUpload),
            (O, "PUT", "partNumber=10000&uploadId=a", Op::UploadPart),
            (O, "POST", "uploadId=a", Op::CompleteMultipartUpload),
            (O, "DELETE", "uploadId=a", Op::AbortMultipartUpload),
            (O, "GET", "uploadId=a&max-parts=10", Op::ListParts),
            (O, "GET", "x-id=GetObject&X-Anything=1", Op::GetObject),
        ] {
            assert_eq!(of(level, method, query), Some(expected), "{level:?} {method} {query}");
        }
    }

    #[test]
    fn whatever_is_in_no_row_is_refused() {
        use Level::{Bucket as B, Object as O, Service as S};
        for (level, method, query) in [
            (S, "PUT", ""),
            (S, "GET", "uploads"),
            (B, "GET", "uploads&tagging"),
            (B, "GET", "list-type=1"),
            (B, "GET", "list-type"),
            (B, "GET", "restore"),
            (B, "GET", "inventory"),
            (B, "GET", "Versions"),
            (B, "POST", ""),
            (O, "get", ""),
            (O, "PATCH", ""),
            (O, "POST", ""),
            (O, "GET", "uploads"),
            (O, "POST", "uploads&tagging"),
            (O, "POST", "uploads&uploadId=a"),
            (O, "POST", "uploads=1"),
            (O, "PUT", "uploadId=a"),
            (O, "PUT", "partNumber=1"),
            (O, "PUT", "partNumber=0&uploadId=a"),
            (O, "PUT", "partNumber=10001&uploadId=a"),
            (O, "PUT", "partNumber=+1&uploadId=a"),
            (O, "PUT", "partNumber=1&uploadId="),
            (O, "PUT", "partNumber=1&UploadId=a"),
            (O, "DELETE", "uploadId="),
            (O, "DELETE", "versionId="),
            (O, "PUT", "versionId=1"),
            (O, "PUT", "renameObject"),
            (O, "PUT", "response-content-type=a"),
            (O, "GET", "unknown"),
            (O, "GET", "="),
            (O, "GET", "=1"),
            (O, "GET", "prefix=a"),
        ] {
            assert_eq!(of(level, method, query), None, "{level:?} {method} {query}");
        }
    }

    #[test]
    fn every_row_can_be_reached_and_is_a_sub_resource_of_the_list() {
        let mut found = BTreeSet::new();
        for level in [Level::Service, Level::Bucket, Level::Object] {
            for method in ["GET", "HEAD", "PUT", "POST", "DELETE"] {
                for sub in SUB_RESOURCES.iter().chain(&[""]) {
                    if let Some((operation, others)) = row(level, method, sub) {
                        assert!(found.insert(operation), "{operation} twice");
                        assert!(others.iter().all(|name| !SUB_RESOURCES.contains(name)), "{operation}");
                    }
                }
            }
        }
        // All but the two that a header makes.
        found.extend(found.clone().into_iter().filter_map(Operation::copying));
        assert!(found.iter().eq(Operation::ALL), "an operation without a row");
    }
}
