//! S3: how a grant becomes a request.

use super::{
    Endpoint, Payload, Region, RegionSet, Request, UrlRequest,
    canonical::S3_EXPRESS,
    copy_source::{self, COPY_SOURCE, COPY_SOURCE_RANGE},
};
use crate::{
    encode,
    error::IssueError,
    grant::{Action, Constraint, ContentType, Encryption, Grant, Lifetime, Resource, ResponseHeader, Size, plan::Form},
    v4::{
        checks::{check_id, check_part},
        listing,
        single_use::{ONCE, USE, refuse_single_use},
    },
};
use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec::Vec,
};

/// The name of this token form in errors.
const FORM: &str = Form::S3PresignedUrl.name();
const HEADERS: &str = Form::S3SignedHeaders.name();
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
pub(super) fn lower(endpoint: &Endpoint, grant: &Grant) -> Result<Request, IssueError> {
    grant.lowered(|grant| lower_all(endpoint, grant))
}

fn lower_all(endpoint: &Endpoint, grant: &Grant) -> Result<Request, IssueError> {
    refuse_what_no_url_can_carry(grant, not_enforceable)?;
    if !endpoint.is_behind_gate() {
        refuse_single_use(grant, not_enforceable)?;
    }
    let action = grant.actions.only().ok_or(not_enforceable(
        Constraint::Action,
        "a presigned URL allows one request: issue one for each action, or a session policy",
    ))?;
    let (origin, prefix) = endpoint.locate(&grant.container)?;
    let service = endpoint.service_of(&grant.container);
    if service == S3_EXPRESS {
        refuse_what_directories_lack(grant)?;
    }
    let mut request = Request::to(method(action)?, origin, endpoint.region().clone(), service)?;
    if Endpoint::is_multi_region(&grant.container) {
        request = request.region_set(RegionSet::everywhere());
    }
    request = on_resource(request, grant, action, &prefix)?;
    request = match action {
        Action::ReadTags | Action::WriteTags | Action::DeleteTags => request.query("tagging", ""),
        Action::StartMultipart => request.query("uploads", ""),
        _ => request,
    };
    if grant.single_use {
        request = request.query(USE, ONCE);
    }
    if grant.dot_segments {
        request = request.allow_dot_segments();
    }
    if action == Action::Copy {
        request = with_copy_source(request, grant)?;
    }
    request = with_upload_bounds(request, grant, action)?;
    with_response_headers(request, grant, action)
}

fn method(action: Action) -> Result<&'static str, IssueError> {
    Ok(match action {
        Action::Read
        | Action::List
        | Action::ListVersions
        | Action::ListUploads
        | Action::ListParts
        | Action::ReadTags => "GET",
        Action::Head => "HEAD",
        Action::Upload | Action::Create | Action::UploadPart | Action::Copy | Action::WriteTags => "PUT",
        Action::StartMultipart | Action::CompleteMultipart => "POST",
        Action::Delete | Action::Abort | Action::DeleteTags => "DELETE",
        _ => return Err(not_enforceable(Constraint::Action, "S3 has no such request")),
    })
}

/// Path and parameters: what the request is about.
fn on_resource(request: Request, grant: &Grant, action: Action, prefix: &str) -> Result<Request, IssueError> {
    use Action as A;
    Ok(match (&grant.resource, action) {
        (
            Resource::Object { name, version },
            A::Read | A::Head | A::Delete | A::ReadTags | A::WriteTags | A::DeleteTags,
        ) => {
            let request = request.path(object_path(prefix, name)?);
            match version {
                Some(id) => {
                    check_id("version", id)?;
                    request.query("versionId", id.as_str())
                }
                None => request,
            }
        }
        (Resource::Object { name, version }, A::Upload | A::Create | A::StartMultipart | A::Copy) => {
            if version.is_some() {
                // SPEC: a version names what is there already.
                return Err(not_enforceable(Constraint::Resource, "an upload makes a version of its own"));
            }
            request.path(object_path(prefix, name)?)
        }
        (Resource::Part { name, upload_id, number }, A::UploadPart | A::Copy) => {
            check_id("upload id", upload_id)?;
            check_part(*number)?;
            request
                .path(object_path(prefix, name)?)
                .query("partNumber", number.to_string())
                .query("uploadId", upload_id.as_str())
        }
        (Resource::MultipartUpload { name, upload_id }, A::Abort | A::CompleteMultipart | A::ListParts) => {
            check_id("upload id", upload_id)?;
            let request = request.path(object_path(prefix, name)?).query("uploadId", upload_id.as_str());
            with_listing(request, grant, action)?
        }
        (Resource::Prefix(names), A::List | A::ListVersions | A::ListUploads) => {
            if names.is_empty() || !(names.ends_with('/') || grant.open_prefix) {
                return Err(IssueError::Invalid {
                    what: "prefix",
                    why: "it must not be empty, and must end with `/`: see `allow_open_prefix`",
                });
            }
            check_object_name(names)?;
            // Path style names the bucket without a slash behind it.
            let bucket = if prefix == "/" { "/" } else { prefix.trim_end_matches('/') };
            with_listing(request.path(bucket).query("prefix", names.as_str()), grant, action)?
        }
        _ => {
            return Err(not_enforceable(
                Constraint::Resource,
                "a presigned URL names one object, part, upload or listing: a session policy covers a prefix",
            ));
        }
    })
}

fn with_listing(mut request: Request, grant: &Grant, action: Action) -> Result<Request, IssueError> {
    let Some(words) = listing::words(action) else { return Ok(request) };
    for (name, value) in words.kind {
        request = request.query(*name, *value);
    }
    let Some(wanted) = &grant.listing else { return Ok(request) };
    let params = listing::params(&words, action, wanted).map_err(|why| not_enforceable(Constraint::Listing, why))?;
    Ok(params.into_iter().flatten().fold(request, |request, (name, value)| request.query(name, value)))
}

fn with_copy_source(request: Request, grant: &Grant) -> Result<Request, IssueError> {
    let Some(source) = &grant.source else {
        return Err(not_enforceable(Constraint::Resource, "a copy names its source: see `Grant::copy`"));
    };
    let request = request.header(COPY_SOURCE, copy_source::written(source, grant.dot_segments)?);
    match &source.range {
        None => Ok(request),
        Some(range) if matches!(grant.resource, Resource::Part { .. }) => {
            Ok(request.header(COPY_SOURCE_RANGE, copy_source::written_range(range)?))
        }
        Some(_) => Err(not_enforceable(Constraint::Resource, "only the copy of a part reads a range of its source")),
    }
}

/// SPEC: a directory bucket keeps no versions, and lists by whole directories.
fn refuse_what_directories_lack(grant: &Grant) -> Result<(), IssueError> {
    let lacks = |why| Err(IssueError::Invalid { what: "grant", why });
    match &grant.resource {
        Resource::Object { version: Some(_), .. } => return lacks("a directory bucket keeps no versions"),
        Resource::Prefix(names) if !names.ends_with('/') => {
            return lacks("a directory bucket lists by prefixes that end with `/`");
        }
        _ => {}
    }
    Ok(())
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

pub(super) fn refuse_what_no_url_can_carry(
    grant: &Grant,
    not_enforceable: fn(Constraint, &'static str) -> IssueError,
) -> Result<(), IssueError> {
    grant.refuse_misplaced(not_enforceable)?;
    if grant.client_address.is_some() {
        return Err(not_enforceable(Constraint::ClientAddress, "a session policy with `aws:SourceIp` can"));
    }
    if grant.not_before.is_some() {
        return Err(not_enforceable(Constraint::NotBefore, "a session policy with `aws:CurrentTime` can"));
    }
    Ok(())
}

/// Signs the headers that hold an upload to its bounds; S3 refuses the upload without them.
fn with_upload_bounds(request: Request, grant: &Grant, action: Action) -> Result<Request, IssueError> {
    match (action, &grant.resource) {
        (Action::Upload | Action::Create, _) => {
            let request = with_size(request, grant, "content-length")?;
            let request = with_content_type(request, grant)?;
            let request = if action == Action::Create { request.header("if-none-match", "*") } else { request };
            Ok(with_object_properties(with_checksum(request, grant), grant))
        }
        (Action::UploadPart, _) => {
            let request = with_checksum(with_content_type(with_size(request, grant, "content-length")?, grant)?, grant);
            refuse_object_properties(request, grant)
        }
        (Action::StartMultipart, _) => {
            asked(matches!(grant.size, Some(Size::Range(_))), Constraint::Size, "each part can say its own")?;
            asked(grant.sha256.is_some(), Constraint::Checksum, "each part can say its own")?;
            Ok(with_object_properties(with_content_type(request, grant)?, grant))
        }
        (Action::CompleteMultipart, _) => {
            // SPEC: S3 compares this header with the sum of the parts.
            let request =
                if grant.size.is_some() { with_size(request, grant, "x-amz-mp-object-size")? } else { request };
            refuse_type_and_checksum(grant, "it belongs to the request that starts the upload, or to a part")?;
            refuse_object_properties(request, grant)
        }
        (Action::Copy, Resource::Object { .. }) => with_copy_properties(request, grant),
        _ => {
            const INSTEAD: &str = "it applies to uploads only";
            asked(matches!(grant.size, Some(Size::Range(_))), Constraint::Size, INSTEAD)?;
            refuse_type_and_checksum(grant, INSTEAD)?;
            refuse_object_properties(request, grant)
        }
    }
}

fn asked(asked: bool, constraint: Constraint, instead: &'static str) -> Result<(), IssueError> {
    if asked { Err(not_enforceable(constraint, instead)) } else { Ok(()) }
}

fn with_size(request: Request, grant: &Grant, header: &str) -> Result<Request, IssueError> {
    match &grant.size {
        None => Err(IssueError::Unbounded { constraint: Constraint::Size }),
        Some(Size::Any) => Ok(request),
        Some(Size::Range(bytes)) if bytes.start() == bytes.end() => {
            Ok(request.header(header, bytes.start().to_string()))
        }
        Some(Size::Range(_)) => Err(not_enforceable(
            Constraint::Size,
            "an S3 POST policy can with `content-length-range`; a URL binds an exact size",
        )),
    }
}

fn with_content_type(request: Request, grant: &Grant) -> Result<Request, IssueError> {
    match &grant.content_type {
        None => Err(IssueError::Unbounded { constraint: Constraint::ContentType }),
        Some(ContentType::Any) => Ok(request),
        Some(ContentType::Exact(exact)) => Ok(request.header("content-type", exact.as_str())),
        Some(ContentType::Prefix(_)) => {
            Err(not_enforceable(Constraint::ContentType, "an S3 POST policy can with `starts-with`"))
        }
    }
}

fn with_checksum(request: Request, grant: &Grant) -> Request {
    match &grant.sha256 {
        Some(digest) => request.header("x-amz-checksum-sha256", encode::base64(digest)),
        None => request,
    }
}

fn with_object_properties(request: Request, grant: &Grant) -> Request {
    object_properties(grant).into_iter().fold(request, |request, (name, value)| request.header(name, value))
}

/// What an upload says of the object that it makes: headers of a request, fields of a form.
pub(super) fn object_properties(grant: &Grant) -> Vec<(String, String)> {
    let mut properties = Vec::new();
    let mut say = |name: &str, value: &str| properties.push((name.to_owned(), value.to_owned()));
    match &grant.encryption {
        None => {}
        Some(Encryption::Provider) => say("x-amz-server-side-encryption", "AES256"),
        Some(Encryption::ManagedKey(id)) => {
            say("x-amz-server-side-encryption", "aws:kms");
            say("x-amz-server-side-encryption-aws-kms-key-id", id);
        }
    }
    if let Some(class) = &grant.storage_class {
        say("x-amz-storage-class", class);
    }
    for (name, value) in &grant.metadata {
        say(&format!("x-amz-meta-{name}"), value);
    }
    properties
}

/// A copy takes over what its source says of itself, unless it replaces all of it.
fn with_copy_properties(request: Request, grant: &Grant) -> Result<Request, IssueError> {
    const SOURCE: &str = "it is that of the source: name its version";
    asked(matches!(grant.size, Some(Size::Range(_))), Constraint::Size, SOURCE)?;
    asked(grant.sha256.is_some(), Constraint::Checksum, SOURCE)?;
    let replaces = grant.content_type.is_some() || !grant.metadata.is_empty();
    let request = if replaces {
        with_content_type(request.header("x-amz-metadata-directive", "REPLACE"), grant)?
    } else {
        request
    };
    Ok(with_object_properties(request, grant))
}

fn refuse_type_and_checksum(grant: &Grant, instead: &'static str) -> Result<(), IssueError> {
    let typed = matches!(grant.content_type, Some(ContentType::Exact(_) | ContentType::Prefix(_)));
    asked(typed, Constraint::ContentType, instead)?;
    asked(grant.sha256.is_some(), Constraint::Checksum, instead)
}

fn refuse_object_properties(request: Request, grant: &Grant) -> Result<Request, IssueError> {
    // SPEC: encryption, class and metadata are set when a multipart upload is created, not by its parts.
    const INSTEAD: &str = "it belongs to the request that creates the object";
    asked(grant.encryption.is_some(), Constraint::Encryption, INSTEAD)?;
    asked(grant.storage_class.is_some(), Constraint::StorageClass, INSTEAD)?;
    asked(!grant.metadata.is_empty(), Constraint::Metadata, INSTEAD)?;
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
    if let Some(id) = grant.checked_request_id()? {
        // SPEC: S3 ignores query parameters that begin with `x-`, and writes them to the access log.
        request = request.query("x-request-id", id);
    }
    Ok(request)
}

/// SPEC: nothing in signed headers says how long they live.
pub(super) fn refuse_short_life(grant: &Grant) -> Result<(), IssueError> {
    if grant.lifetime < Lifetime::DEFAULT {
        let instead = "S3 takes signed headers for 15 minutes: a presigned URL has a life of its own";
        return Err(IssueError::NotEnforceable { constraint: Constraint::Lifetime, form: HEADERS, instead });
    }
    Ok(())
}

impl Request {
    /// The header-signed request that does exactly what this grant allows, at that endpoint. It is good for 15 minutes
    /// around its signing, whatever longer life the grant has.
    ///
    /// # Errors
    /// As [`UrlRequest::s3`]; [`IssueError::NotEnforceable`] for a grant that lives for less than 15 minutes, and
    /// [`IssueError::Unjustified`] for one without a reason whose class does not allow that long.
    pub fn at(endpoint: &Endpoint, grant: &Grant, payload: Payload) -> Result<Self, IssueError> {
        refuse_short_life(grant)?;
        if grant.classification.cap() < Lifetime::DEFAULT && grant.justification.is_none() {
            return Err(IssueError::Unjustified { what: "a lifetime beyond the default" });
        }
        let request = lower(endpoint, grant).map_err(|error| error.of(Form::S3SignedHeaders))?.payload(payload);
        Ok(match &grant.justification {
            Some(why) => request.because(why.clone()),
            None => request,
        })
    }
}
