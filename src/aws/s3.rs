//! S3: how a grant becomes a request.

use super::{Endpoint, Payload, Region, Request, UrlRequest};
use crate::{
    encode,
    error::IssueError,
    grant::{Action, Constraint, ContentType, Encryption, Grant, Resource, ResponseHeader, Size},
};
use alloc::{
    format,
    string::{String, ToString},
};

/// The name of this token form in errors.
const FORM: &str = "an S3 presigned URL";
/// The longest object name that S3 takes, in bytes.
const MAX_NAME: usize = 1024;

impl UrlRequest {
    /// The presigned URL that allows exactly this grant on S3 in that region.
    ///
    /// # Errors
    /// [`IssueError::NotEnforceable`] for whatever a presigned URL cannot enforce,
    /// [`IssueError::Unbounded`] for an upload that neither says nor waives its size and type, and
    /// [`IssueError::Invalid`] for names that S3 does not take.
    pub fn s3(grant: &Grant, region: &str) -> Result<Self, IssueError> {
        Self::at(&Endpoint::aws(Region::new(region)?), grant)
    }

    /// The same at another endpoint.
    ///
    /// # Errors
    /// As [`s3`](Self::s3).
    pub fn at(endpoint: &Endpoint, grant: &Grant) -> Result<Self, IssueError> {
        let request = lower(endpoint, grant)?;
        Ok(Self::new(request)
            .lives(grant.lifetime)
            .capped(grant.classification.cap())
            .because(grant.justification.clone()))
    }
}

fn not_enforceable(constraint: Constraint, instead: &'static str) -> IssueError {
    IssueError::NotEnforceable { constraint, form: FORM, instead }
}

/// Turns a grant into the one request that it allows. Everything that narrows it becomes part of what
/// is signed, or an error.
fn lower(endpoint: &Endpoint, grant: &Grant) -> Result<Request, IssueError> {
    refuse_what_no_url_can_carry(grant)?;
    let action = grant.actions.only().ok_or(not_enforceable(
        Constraint::Action,
        "a presigned URL allows one request: issue one for each action, or a session policy",
    ))?;
    let (origin, prefix) = endpoint.locate(&grant.container)?;
    let method = match action {
        Action::Read | Action::List | Action::ReadTags => "GET",
        Action::Head => "HEAD",
        Action::Upload | Action::Create | Action::UploadPart | Action::WriteTags => "PUT",
        Action::Delete | Action::Abort => "DELETE",
        _ => return Err(not_enforceable(Constraint::Action, "S3 has no such request")),
    };
    let mut request = Request::to(method, origin, endpoint.region().clone(), "s3")?;
    request = match (&grant.resource, action) {
        (Resource::Object { name, version }, action)
            if !matches!(action, Action::List | Action::UploadPart | Action::Abort) =>
        {
            let request = request.path(object_path(&prefix, name)?);
            match version {
                Some(id) => request.query("versionId", id.as_str()),
                None => request,
            }
        }
        (Resource::Part { name, upload_id, number }, Action::UploadPart) => {
            if !(1..=10_000).contains(number) {
                return Err(IssueError::Invalid { what: "part number", why: "it must be 1 to 10000" });
            }
            request
                .path(object_path(&prefix, name)?)
                .query("partNumber", number.to_string())
                .query("uploadId", upload_id.as_str())
        }
        (Resource::MultipartUpload { name, upload_id }, Action::Abort) => {
            request.path(object_path(&prefix, name)?).query("uploadId", upload_id.as_str())
        }
        (Resource::Prefix(names), Action::List) => {
            if names.is_empty() || !(names.ends_with('/') || grant.open_prefix) {
                return Err(IssueError::Invalid {
                    what: "prefix",
                    why: "it must not be empty, and must end with `/`: see `allow_open_prefix`",
                });
            }
            // Path style names the bucket without a slash behind it.
            let bucket = if prefix == "/" { "/" } else { prefix.trim_end_matches('/') };
            request.path(bucket).query("list-type", "2").query("prefix", names.as_str())
        }
        _ => {
            return Err(not_enforceable(
                Constraint::Resource,
                "a presigned URL names one object, part, upload or listing: a session policy covers a prefix",
            ));
        }
    };
    if matches!(action, Action::ReadTags | Action::WriteTags) {
        request = request.query("tagging", "");
    }
    if grant.dot_segments {
        request = request.allow_dot_segments();
    }
    request = match action {
        Action::Upload | Action::Create | Action::UploadPart => with_upload_bounds(request, grant, action)?,
        _ => refuse_upload_bounds(request, grant)?,
    };
    with_response_headers(request, grant, action)
}

fn object_path(prefix: &str, name: &str) -> Result<String, IssueError> {
    check_object_name(name)?;
    Ok(format!("{prefix}{name}"))
}

pub(super) fn check_object_name(name: &str) -> Result<(), IssueError> {
    if name.is_empty() || name.len() > MAX_NAME || encode::any(name.as_bytes(), |byte| byte == 0) {
        return Err(IssueError::Invalid { what: "object name", why: "it must be 1 to 1024 bytes without NUL" });
    }
    Ok(())
}

fn refuse_what_no_url_can_carry(grant: &Grant) -> Result<(), IssueError> {
    if grant.client_address.is_some() {
        return Err(not_enforceable(Constraint::ClientAddress, "a session policy with `aws:SourceIp` can"));
    }
    if grant.not_before.is_some() {
        return Err(not_enforceable(Constraint::NotBefore, "a session policy with `aws:CurrentTime` can"));
    }
    if grant.single_use {
        return Err(not_enforceable(Constraint::SingleUse, "a gateway with replay protection can"));
    }
    Ok(())
}

/// Signs the headers that hold an upload to its bounds; S3 refuses the upload without them.
fn with_upload_bounds(mut request: Request, grant: &Grant, action: Action) -> Result<Request, IssueError> {
    request = match &grant.size {
        None => return Err(IssueError::Unbounded { constraint: Constraint::Size }),
        Some(Size::Any) => request,
        Some(Size::Range(bytes)) if bytes.start() == bytes.end() => {
            request.header("content-length", bytes.start().to_string())
        }
        Some(Size::Range(_)) => {
            return Err(not_enforceable(
                Constraint::Size,
                "an S3 POST policy can with `content-length-range`; a URL binds an exact size",
            ));
        }
    };
    request = match &grant.content_type {
        None => return Err(IssueError::Unbounded { constraint: Constraint::ContentType }),
        Some(ContentType::Any) => request,
        Some(ContentType::Exact(exact)) => request.header("content-type", exact.as_str()),
        Some(ContentType::Prefix(_)) => {
            return Err(not_enforceable(Constraint::ContentType, "an S3 POST policy can with `starts-with`"));
        }
    };
    if action == Action::Create {
        request = request.header("if-none-match", "*");
    }
    if let Some(digest) = &grant.sha256 {
        request = request.header("x-amz-checksum-sha256", encode::base64(digest));
    }
    if action == Action::UploadPart {
        // SPEC: encryption, class and metadata are set when a multipart upload is created, not by its parts.
        return refuse_object_properties(request, grant);
    }
    request = match &grant.encryption {
        None => request,
        Some(Encryption::Provider) => request.header("x-amz-server-side-encryption", "AES256"),
        Some(Encryption::ManagedKey(id)) => request
            .header("x-amz-server-side-encryption", "aws:kms")
            .header("x-amz-server-side-encryption-aws-kms-key-id", id.as_str()),
    };
    if let Some(class) = &grant.storage_class {
        request = request.header("x-amz-storage-class", class.as_str());
    }
    for (name, value) in &grant.metadata {
        request = request.header(format!("x-amz-meta-{name}"), value.as_str());
    }
    Ok(request)
}

fn refuse_upload_bounds(request: Request, grant: &Grant) -> Result<Request, IssueError> {
    const INSTEAD: &str = "it applies to uploads only";
    let asked = |asked: bool, constraint| if asked { Err(not_enforceable(constraint, INSTEAD)) } else { Ok(()) };
    asked(matches!(grant.size, Some(Size::Range(_))), Constraint::Size)?;
    asked(matches!(grant.content_type, Some(ContentType::Exact(_) | ContentType::Prefix(_))), Constraint::ContentType)?;
    asked(grant.sha256.is_some(), Constraint::Checksum)?;
    refuse_object_properties(request, grant)
}

fn refuse_object_properties(request: Request, grant: &Grant) -> Result<Request, IssueError> {
    const INSTEAD: &str = "it belongs to the request that creates the object";
    let asked = |asked: bool, constraint| if asked { Err(not_enforceable(constraint, INSTEAD)) } else { Ok(()) };
    asked(grant.encryption.is_some(), Constraint::Encryption)?;
    asked(grant.storage_class.is_some(), Constraint::StorageClass)?;
    asked(!grant.metadata.is_empty(), Constraint::Metadata)?;
    Ok(request)
}

fn with_response_headers(mut request: Request, grant: &Grant, action: Action) -> Result<Request, IssueError> {
    if !grant.response_headers.is_empty() && !matches!(action, Action::Read | Action::Head) {
        return Err(not_enforceable(Constraint::ResponseHeaders, "it applies to reading an object only"));
    }
    for (header, value) in &grant.response_headers {
        let name = match header {
            ResponseHeader::ContentDisposition => "response-content-disposition",
            ResponseHeader::ContentType => "response-content-type",
            ResponseHeader::CacheControl => "response-cache-control",
        };
        if value.chars().any(char::is_control) {
            return Err(IssueError::Invalid { what: "response header", why: "it holds a control character" });
        }
        request = request.query(name, value.as_str());
    }
    let has = |wanted| grant.response_headers.iter().any(|(header, _)| *header == wanted);
    if has(ResponseHeader::ContentType) && !has(ResponseHeader::ContentDisposition) {
        // A stored page or script that is given another type must not run unless somebody says so.
        request = request.query("response-content-disposition", "attachment");
    }
    if let Some(id) = &grant.request_id {
        // SPEC: S3 ignores query parameters that begin with `x-`, and writes them to the access log.
        request = request.query("x-request-id", id.as_str());
    }
    Ok(request)
}

impl Request {
    /// The header-signed request that does exactly what this grant allows, at that endpoint. The grant's
    /// lifetime does not apply: a header-signed request is good for 15 minutes around its signing.
    ///
    /// # Errors
    /// As [`UrlRequest::s3`].
    pub fn at(endpoint: &Endpoint, grant: &Grant, payload: Payload) -> Result<Self, IssueError> {
        let request = lower(endpoint, grant)?.payload(payload);
        Ok(match &grant.justification {
            Some(why) => request.because(why.clone()),
            None => request,
        })
    }
}
