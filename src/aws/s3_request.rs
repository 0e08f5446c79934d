//! What a verified request asks of S3.
//!
//! Everything here comes from what the signature covers: method, host, path, query and signed headers.

use super::{
    Endpoint, Operation, PathRule, SignedRequest,
    copy_source::{self, COPY_SOURCE, COPY_SOURCE_RANGE},
    operations::{self, Level, is_extension, number},
    s3::check_object_name,
};
use crate::{encode, error::VerifyError, grant::CopySource};
use alloc::{string::String, vec::Vec};
use core::fmt;

/// What a verified request asks S3 to do, and on what. It is made by [`SignedRequest::s3_request`].
///
/// ```
/// use valet_key::aws::{Endpoint, Expect, Operation, Presented, Region, SigV4, StaticKey, UrlRequest};
/// use valet_key::{clock::Timestamp, grant::{Action, Grant, Justification}, view::RequestView};
///
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
/// let endpoint = Endpoint::aws(Region::new("eu-west-1")?);
/// let part = Grant::upload_part("videos", "42/a b.mp4", "upload-1", 7).any_size();
/// let url = key.presign(&UrlRequest::at(&endpoint, &part)?, now)?;
///
/// let host = "videos.s3.eu-west-1.amazonaws.com";
/// let target = url.expose().strip_prefix("https://").and_then(|url| url.strip_prefix(host)).unwrap();
/// let headers: [(&str, &[u8]); 1] = [("host", host.as_bytes())];
/// let presented = Presented::parse(&RequestView::new("PUT", target, &headers))?;
/// let verified = key.verify(presented, &Expect::new("eu-west-1", "s3"), now)?;
///
/// let request = verified.s3_request(&endpoint)?;
/// assert_eq!(request.operation(), Operation::UploadPart);
/// assert_eq!((request.bucket(), request.key()), (Some("videos"), Some("42/a b.mp4")));
/// assert_eq!((request.upload_id(), request.part_number()), (Some("upload-1"), Some(7)));
///
/// // Is it within what this user may do?
/// let uploads = |prefix| {
///     let why = Justification::new("upload session 42")?;
///     let parts = Grant::under("videos", prefix, Action::UploadPart).because(why).any_size().any_content_type();
///     Ok::<_, Box<dyn std::error::Error>>(parts)
/// };
/// assert!(request.covered_by(&uploads("42/")?).is_ok());
/// assert!(request.covered_by(&uploads("4/")?).is_err());
/// assert!(request.covered_by(&Grant::read("videos", "42/a b.mp4")).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct S3Request<'a> {
    pub(super) signed: &'a SignedRequest<'a>,
    pub(super) endpoint: &'a Endpoint,
    operation: Operation,
    bucket: Option<String>,
    key: Option<String>,
    /// Decoded, sorted, each name once.
    pub(super) params: Vec<(String, String)>,
    source: Option<CopySource>,
}

impl SignedRequest<'_> {
    /// What the request asks S3 to do, and on what, if `endpoint` is where it was sent.
    ///
    /// # Errors
    /// [`VerifyError::Host`] if the host is not one of the endpoint, and for that of an access point which spans regions: it
    /// has an alias, and not the account that the access point's ARN names; [`VerifyError::Operation`] for a request that is
    /// not signed for S3 (for S3 Express One Zone if its bucket is a directory) or that S3 does not know, and for one that
    /// servers could take for two; [`VerifyError::FieldForm`] and
    /// [`VerifyError::FieldCount`] for an unreadable source of a copy; [`VerifyError::Malformed`] for a name or
    /// parameter that is not UTF-8.
    pub fn s3_request<'a>(&'a self, endpoint: &'a Endpoint) -> Result<S3Request<'a>, VerifyError> {
        if self.finding.rule != PathRule::AsSent {
            return Err(refused("the path is not the one that was sent, as it is for S3"));
        }
        S3Request::read(self, endpoint)
    }
}

/// The headers beginning with `x-amz-` that S3 knows of a request, without that beginning.
const HEADERS: [&str; 28] = [
    "acl",
    "bucket-object-lock-enabled",
    "bypass-governance-retention",
    "checksum-algorithm",
    "checksum-mode",
    "checksum-type",
    "content-sha256",
    "copy-source",
    "copy-source-range",
    "date",
    "decoded-content-length",
    "expected-bucket-owner",
    "max-parts",
    "metadata-directive",
    "mfa",
    "mp-object-size",
    "object-attributes",
    "object-ownership",
    "optional-object-attributes",
    "part-number-marker",
    "request-payer",
    "sdk-checksum-algorithm",
    "security-token",
    "server-side-encryption",
    "storage-class",
    "tagging",
    "tagging-directive",
    "user-agent",
];

/// How others of them begin, or are called in full.
const HEADER_FAMILIES: [&str; 11] = [
    "checksum-",
    "copy-source-if-",
    "copy-source-server-side-encryption-customer-",
    "grant-",
    "if-match-",
    "meta-",
    "object-lock-",
    "server-side-encryption-",
    "source-expected-bucket-owner",
    "trailer",
    "website-redirect-location",
];

fn refused(why: &'static str) -> VerifyError {
    VerifyError::Operation { why }
}

/// What stands behind `x-amz-` in a lower-case name.
pub(super) fn amz(name: &str) -> Option<&str> {
    name.strip_prefix("x-amz-")
}

fn is_known(name: &str) -> bool {
    HEADERS.contains(&name) || HEADER_FAMILIES.iter().any(|family| name.starts_with(family))
}

impl<'a> S3Request<'a> {
    fn read(signed: &'a SignedRequest<'a>, endpoint: &'a Endpoint) -> Result<Self, VerifyError> {
        let path = signed.path();
        let (bucket, name) = endpoint.find(signed.host(), &path)?;
        // SPEC: S3 and S3 Express One Zone refuse what is signed for the other.
        if signed.scope().service_bytes() != endpoint.service_of(bucket.as_deref().unwrap_or_default()).as_bytes() {
            return Err(refused("the request is not signed for the service of its bucket"));
        }
        let not_text = VerifyError::Malformed { what: "path", why: "it is not UTF-8" };
        let key = Some(encode::decode(name).ok_or(not_text)?).filter(|key| !key.is_empty());
        if key.as_ref().is_some_and(|key| check_object_name(key).is_err()) {
            return Err(refused("the name is longer than 1024 bytes or holds NUL"));
        }
        let mut params: Vec<(String, String)> = signed.params().collect::<Result<_, _>>()?;
        params.sort_unstable();
        if params.windows(2).any(|pair| matches!(pair, [(first, _), (second, _)] if first == second)) {
            return Err(refused("a parameter is there twice"));
        }
        let level = match (&bucket, &key) {
            (None, _) => Level::Service,
            (Some(_), None) => Level::Bucket,
            (Some(_), Some(_)) => Level::Object,
        };
        let pairs = params.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let operation = operations::find(level, signed.method(), pairs)?;
        let mut request = Self { signed, endpoint, operation, bucket, key, params, source: None };
        request.read_source()?;
        request.check_extensions()?;
        Ok(request)
    }

    /// The one line of a signed header.
    fn header(&self, name: &'static str) -> Result<Option<&'a [u8]>, VerifyError> {
        let mut lines = self.signed.header(name);
        match (lines.next(), lines.next()) {
            (line, None) => Ok(line),
            (_, Some(_)) => Err(VerifyError::FieldCount { field: name, found: self.signed.header(name).count() }),
        }
    }

    fn read_source(&mut self) -> Result<(), VerifyError> {
        let names_source = self.signed.header_names("x-amz-copy-source").next().is_some();
        let Some(value) = self.header(COPY_SOURCE)? else {
            return if names_source {
                Err(refused("a condition on the source of a copy, without the source"))
            } else {
                Ok(())
            };
        };
        self.operation = self.operation.copying().ok_or(refused("only an object or a part is made by a copy"))?;
        let source = copy_source::read(value, self.signed.finding.dot_segments)?;
        self.source = Some(match self.header(COPY_SOURCE_RANGE)? {
            None => source,
            Some(range) if self.operation == Operation::UploadPartCopy => source.bytes(copy_source::read_range(range)?),
            Some(_) => return Err(refused("only the copy of a part reads a range of its source")),
        });
        Ok(())
    }

    /// Headers of S3, as headers and in the query, where it takes some of them too.
    fn check_extensions(&self) -> Result<(), VerifyError> {
        for name in self.signed.header_names("x-amz-") {
            if !amz(&name).is_some_and(is_known) {
                return Err(refused("an `x-amz-` header is none of S3, and may change what it does"));
            }
        }
        for (name, value) in self.params.iter().filter(|(name, _)| is_extension(name)) {
            let lower = name.to_ascii_lowercase();
            if lower == "x-id" && value != self.operation.name() {
                return Err(refused("`x-id` names another operation"));
            }
            let Some(header) = amz(&lower) else { continue };
            if header.starts_with("copy-source") {
                return Err(refused("the source of a copy must be a signed header, not a parameter"));
            }
            let payload = header == "content-sha256";
            if !(is_known(header) && (payload || *name == lower)) {
                return Err(refused("an `x-amz-` parameter is none of S3, and may change what it does"));
            }
            if !payload && self.signed.header_names(&lower).any(|other| other == lower) {
                return Err(refused("a parameter is there as a header too, and servers may obey either"));
            }
        }
        Ok(())
    }

    /// The operation.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        self.operation
    }

    /// The bucket, or the ARN of the access point; nothing for [`Operation::ListBuckets`].
    #[must_use]
    pub fn bucket(&self) -> Option<&str> {
        self.bucket.as_deref()
    }

    /// The raw name of the object, decoded once; nothing for an operation on a bucket.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// A parameter of the operation, decoded once, such as `max-keys`.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The version of the object.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.param("versionId")
    }

    /// The multipart upload.
    #[must_use]
    pub fn upload_id(&self) -> Option<&str> {
        self.param("uploadId")
    }

    /// The part of a multipart upload, or the part of an object that is read: 1 to 10000.
    #[must_use]
    pub fn part_number(&self) -> Option<u16> {
        self.param("partNumber").and_then(number).and_then(|number| u16::try_from(number).ok())
    }

    /// What the names of a listing begin with; nothing is the same as an empty text, which all names begin with.
    #[must_use]
    pub fn prefix(&self) -> Option<&str> {
        self.param("prefix")
    }

    /// What a copy reads.
    #[must_use]
    pub const fn source(&self) -> Option<&CopySource> {
        self.source.as_ref()
    }

    /// Whether a signed header, or the parameter that stands for it, is there.
    fn says(&self, name: &str) -> bool {
        self.param(name).is_some() || self.signed.header_names(name).any(|known| known == name)
    }

    fn says_any(&self, prefix: &str) -> bool {
        let in_query = self.params.iter().any(|(name, _)| name.starts_with(prefix));
        in_query || self.signed.header_names(prefix).next().is_some()
    }

    /// The IAM actions that it needs on what its path names: that of the operation, then those of its signed headers.
    #[must_use]
    pub fn permissions(&self) -> Vec<&'static str> {
        let operation = self.operation;
        let own = if self.version().is_some() { operation.versioned_permission() } else { operation.permission() };
        let mut needed = Vec::new();
        if operation == Operation::GetObjectAttributes {
            needed.push(if self.version().is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" });
        }
        needed.push(own);
        // An operation on an ACL says it in these headers, and has its own permission already.
        let acl = match operation {
            Operation::PutBucketAcl | Operation::PutObjectAcl => own,
            Operation::CreateBucket => "s3:PutBucketAcl",
            _ => "s3:PutObjectAcl",
        };
        let locks = self.says("x-amz-bucket-object-lock-enabled");
        for (said, permission) in [
            (self.says("x-amz-acl") || self.says_any("x-amz-grant-"), acl),
            (locks, "s3:PutBucketObjectLockConfiguration"),
            (locks, "s3:PutBucketVersioning"),
            (self.says("x-amz-object-ownership"), "s3:PutBucketOwnershipControls"),
            (self.says("x-amz-tagging"), "s3:PutObjectTagging"),
            (
                self.says("x-amz-object-lock-mode") || self.says("x-amz-object-lock-retain-until-date"),
                "s3:PutObjectRetention",
            ),
            (self.says("x-amz-object-lock-legal-hold"), "s3:PutObjectLegalHold"),
            (self.says("x-amz-bypass-governance-retention"), "s3:BypassGovernanceRetention"),
        ] {
            if said && !needed.contains(&permission) {
                needed.push(permission);
            }
        }
        needed
    }

    /// The IAM actions that it needs on what a copy reads; `s3:GetObjectTagging` only if that has tags.
    #[must_use]
    pub fn source_permissions(&self) -> &'static [&'static str] {
        let versioned = self.source.as_ref().map(|source| source.version.is_some());
        match (versioned, self.operation) {
            (None, _) => &[],
            (Some(false), Operation::CopyObject) => &["s3:GetObject", "s3:GetObjectTagging"],
            (Some(true), Operation::CopyObject) => &["s3:GetObjectVersion", "s3:GetObjectVersionTagging"],
            (Some(false), _) => &["s3:GetObject"],
            (Some(true), _) => &["s3:GetObjectVersion"],
        }
    }
}

impl fmt::Debug for S3Request<'_> {
    /// Parameters may hold what an upload is found by, so they are not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Request")
            .field("operation", &self.operation)
            .field("bucket", &self.bucket)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
