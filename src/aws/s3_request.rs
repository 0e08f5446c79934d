//! What a verified request asks of S3, and whether a grant covers it.
//!
//! Everything here comes from what the signature covers: method, host, path, query and signed headers.

use super::{
    Endpoint, Form, Operation, PathRule, SignedRequest,
    canonical::is_s3,
    copy_source::{self, COPY_SOURCE, COPY_SOURCE_RANGE},
    operations::{self, Level, is_extension, number},
    s3::{check_object_name, lower},
};
use crate::{
    encode,
    error::VerifyError,
    grant::{Action, CopySource, Grant, Resource},
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
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
    signed: &'a SignedRequest<'a>,
    endpoint: &'a Endpoint,
    operation: Operation,
    bucket: Option<String>,
    key: Option<String>,
    /// Decoded, sorted, each name once.
    params: Vec<(String, String)>,
    source: Option<CopySource>,
}

impl SignedRequest<'_> {
    /// What the request asks S3 to do, and on what, if `endpoint` is where it was sent.
    ///
    /// # Errors
    /// [`VerifyError::Host`] if the host is not one of the endpoint; [`VerifyError::Operation`] for a request that is not
    /// of S3 or that S3 does not know, and for one that servers could take for two; [`VerifyError::FieldForm`] and
    /// [`VerifyError::FieldCount`] for an unreadable source of a copy; [`VerifyError::Malformed`] for a name or
    /// parameter that is not UTF-8.
    pub fn s3_request<'a>(&'a self, endpoint: &'a Endpoint) -> Result<S3Request<'a>, VerifyError> {
        if self.rule != PathRule::AsSent || !core::str::from_utf8(self.scope().service_bytes()).is_ok_and(is_s3) {
            return Err(VerifyError::Operation { why: "the request is not signed for S3" });
        }
        S3Request::read(self, endpoint)
    }
}

/// The headers beginning with `x-amz-` that S3 knows of a request, without that beginning.
const HEADERS: [&str; 27] = [
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

/// How those begin that say who asks, how the bytes are checked or what must be the case, and change nothing that is
/// stored. What a copy reads is compared for itself.
const HARMLESS: [&str; 14] = [
    "checksum-",
    "content-sha256",
    "copy-source",
    "date",
    "decoded-content-length",
    "expected-bucket-owner",
    "if-match-",
    "mfa",
    "mp-object-size",
    "request-payer",
    "sdk-checksum-algorithm",
    "security-token",
    "source-expected-bucket-owner",
    "trailer",
];

fn refused(why: &'static str) -> VerifyError {
    VerifyError::Operation { why }
}

/// What stands behind `x-amz-` in a lower-case name.
fn amz(name: &str) -> Option<&str> {
    name.strip_prefix("x-amz-")
}

fn is_known(name: &str) -> bool {
    HEADERS.contains(&name) || HEADER_FAMILIES.iter().any(|family| name.starts_with(family))
}

impl<'a> S3Request<'a> {
    fn read(signed: &'a SignedRequest<'a>, endpoint: &'a Endpoint) -> Result<Self, VerifyError> {
        let path = signed.path();
        let (bucket, name) = endpoint.find(signed.host(), &path)?;
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
        let source = copy_source::read(value, self.signed.dot_segments)?;
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
        let mut needed = Vec::new();
        if operation == Operation::GetObjectAttributes {
            needed.push(if self.version().is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" });
        }
        needed.push(if self.version().is_some() { operation.versioned_permission() } else { operation.permission() });
        let acl = if operation == Operation::CreateBucket { "s3:PutBucketAcl" } else { "s3:PutObjectAcl" };
        for (said, permission) in [
            (self.says("x-amz-acl") || self.says_any("x-amz-grant-"), acl),
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

    /// Whether a grant allows this request: the action, what it is about, and every condition.
    ///
    /// Names are compared as raw text, whole, or by the prefix of the grant, which ends with `/` unless the grant says
    /// otherwise. Each operation needs its own action: reading does not include asking for metadata. A version is covered
    /// by a grant for that version alone, and permissions that the headers need (an ACL, tags) by nothing but an action
    /// for them. The conditions of the grant must be signed in the request as they would be in one made from it; one that
    /// a request alone cannot meet (an address, a single use) covers nothing here.
    ///
    /// # Errors
    /// [`VerifyError::Permission`] if the grant lacks the action, and [`VerifyError::NotCovered`] if it is about something
    /// else or has a condition that the request does not meet.
    pub fn covered_by(&self, grant: &Grant) -> Result<(), VerifyError> {
        let action = self.granted_action(grant)?;
        if self.bucket() != Some(grant.container()) {
            return Err(not_covered("bucket"));
        }
        // The same grant, for nothing but what the request is about.
        let mut narrow = grant.clone();
        narrow.actions = action.into();
        narrow.resource = self.resource(grant)?;
        narrow.open_prefix = true;
        if self.source.as_ref() != grant.source() {
            return Err(not_covered("source of a copy"));
        }
        if self.signed.form() == Form::Presigned {
            let lifetime = self.signed.expires_at().seconds_since(self.signed.signed_at());
            if lifetime > i64::from(grant.lifetime().seconds()) {
                return Err(not_covered("lifetime"));
            }
        }
        let condition = |_| not_covered("conditions: no single request can meet them");
        let asked = lower(self.endpoint, &narrow).map_err(condition)?;
        asked.wire_path().map_err(condition)?;
        self.meets_params(&asked.query, grant)?;
        for (name, value) in asked.headers.iter().filter(|(name, _)| !name.starts_with(COPY_SOURCE)) {
            let mut lines = self.signed.header(name);
            if !(lines.next() == Some(value.as_slice()) && lines.next().is_none()) {
                return Err(not_covered("headers"));
            }
        }
        self.meets_headers(&asked.headers, grant)
    }

    /// Holds the headers of S3, and the parameters that stand for them, to those of a request made from the grant.
    fn meets_headers(&self, asked: &[(String, Vec<u8>)], grant: &Grant) -> Result<(), VerifyError> {
        let in_query = self.params.iter().map(|(name, _)| name.to_ascii_lowercase());
        for name in self.signed.header_names("x-amz-").chain(in_query) {
            let Some(header) = amz(&name) else { continue };
            let tags = header == "tagging" && grant.actions().contains(Action::WriteTags);
            let harmless = tags || HARMLESS.iter().any(|family| header.starts_with(family));
            if !harmless && !asked.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
                return Err(not_covered("headers"));
            }
        }
        Ok(())
    }

    /// The action that the operation needs, if the grant has it.
    fn granted_action(&self, grant: &Grant) -> Result<Action, VerifyError> {
        let missing = |needed| VerifyError::Permission { field: "grant", needed };
        let action = self.operation.action().ok_or(missing(self.operation.permission()))?;
        let has = |action| grant.actions().contains(action);
        let action = match action {
            // What may only create must say so, which the conditions below look at.
            Action::Upload if !has(action) && has(Action::Create) => Action::Create,
            action if has(action) => action,
            _ => return Err(missing(self.operation.permission())),
        };
        let base = [self.operation.permission(), self.operation.versioned_permission()];
        for needed in self.permissions().into_iter().filter(|needed| !base.contains(needed)) {
            if !(needed == "s3:PutObjectTagging" && has(Action::WriteTags)) {
                return Err(missing(needed));
            }
        }
        Ok(action)
    }

    /// What the request is about, if the grant reaches so far.
    fn resource(&self, grant: &Grant) -> Result<Resource, VerifyError> {
        let own = match (self.key(), self.upload_id(), self.part_number()) {
            (None, ..) => Resource::Prefix(self.prefix().unwrap_or_default().to_string()),
            (Some(name), None, _) => {
                Resource::Object { name: name.to_string(), version: self.version().map(ToString::to_string) }
            }
            (Some(name), Some(id), None) => {
                Resource::MultipartUpload { name: name.to_string(), upload_id: id.to_string() }
            }
            (Some(name), Some(id), Some(number)) => {
                Resource::Part { name: name.to_string(), upload_id: id.to_string(), number }
            }
        };
        let covered = match (grant.resource(), &own) {
            (Resource::Prefix(prefix), own) => {
                let is_prefix = !prefix.is_empty() && (prefix.ends_with('/') || grant.open_prefix);
                let name = match own {
                    Resource::Object { version: Some(_), .. } | Resource::Queue => return Err(not_covered("version")),
                    Resource::Object { name, .. }
                    | Resource::Part { name, .. }
                    | Resource::MultipartUpload { name, .. }
                    | Resource::Prefix(name) => name,
                };
                is_prefix && name.starts_with(prefix.as_str())
            }
            (granted, own) => granted == own,
        };
        if covered { Ok(own) } else { Err(not_covered("resource")) }
    }

    /// Holds the parameters to those of a request made from the grant.
    fn meets_params(&self, asked: &[(String, String)], grant: &Grant) -> Result<(), VerifyError> {
        // The older listing is asked for by saying nothing.
        let says_itself = |name: &str| name == "list-type" && self.operation == Operation::ListObjects;
        for (name, value) in asked.iter().filter(|(name, _)| !says_itself(name)) {
            if self.param(name) != Some(value.as_str()) {
                return Err(not_covered("parameters"));
            }
        }
        let lists = self.key().is_none() || self.operation == Operation::ListParts;
        for (name, _) in self.params.iter().filter(|(name, _)| !is_extension(name)) {
            // Another page or grouping shows no other names, and one part of an object no more than the whole.
            let harmless = (lists && grant.listing.is_none()) || name == "partNumber";
            if !harmless && asked.iter().all(|(known, _)| known != name) {
                return Err(not_covered("parameters"));
            }
        }
        Ok(())
    }
}

fn not_covered(what: &'static str) -> VerifyError {
    VerifyError::NotCovered { field: "grant", what }
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
