//! Cloud Storage: how a grant becomes a request, and how a refusal becomes the service's error.

use super::{
    Endpoint, UrlRequest,
    canonical::{CONTENT_SHA256, LENGTH_RANGE, RESUMABLE},
    endpoint::check_object,
};
use crate::{
    encode,
    error::{IssueError, VerifyError},
    grant::{Action, Constraint, ContentType, Encryption, Grant, Resource, ResponseHeader, Size, plan::Form},
    v4::{
        checks::{check_id, check_part},
        listing,
        single_use::{ONCE, USE, refuse_single_use},
    },
};
use alloc::{
    format,
    string::{String, ToString},
};

/// The name of this token form in errors.
const FORM: &str = Form::GcsSignedUrl.name();

impl UrlRequest {
    /// The signed URL that allows exactly this grant, at `storage.googleapis.com`.
    ///
    /// # Errors
    /// [`IssueError::NotEnforceable`] for whatever a signed URL cannot enforce, [`IssueError::Unbounded`]
    /// for an upload that neither says nor waives its size and type, and [`IssueError::Invalid`] for names
    /// that Cloud Storage does not take.
    pub fn storage(grant: &Grant) -> Result<Self, IssueError> {
        Self::at(&Endpoint::google(), grant)
    }

    /// The same at another endpoint.
    ///
    /// # Errors
    /// As [`storage`](Self::storage).
    pub fn at(endpoint: &Endpoint, grant: &Grant) -> Result<Self, IssueError> {
        lower(endpoint, grant, Upload::AtOnce).map(|request| request.with_life_of(grant))
    }

    /// The signed URL that starts a resumable upload of what this grant allows: the client posts to it
    /// without a body, and gets a [session URI](super::ResumableSession) to send the bytes to.
    ///
    /// # Errors
    /// As [`storage`](Self::storage); a digest is not enforceable, since the bytes come later.
    pub fn resumable(endpoint: &Endpoint, grant: &Grant) -> Result<Self, IssueError> {
        let request = lower(endpoint, grant, Upload::Resumable).map_err(|error| error.of(Form::GcsResumableStart))?;
        Ok(request.with_life_of(grant))
    }

    fn with_life_of(mut self, grant: &Grant) -> Self {
        self.lifetime = grant.lifetime;
        self.cap = grant.classification.cap();
        self.justification.clone_from(&grant.justification);
        self
    }
}

/// How the bytes of an upload arrive.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Upload {
    AtOnce,
    Resumable,
}

fn not_enforceable(constraint: Constraint, instead: &'static str) -> IssueError {
    IssueError::NotEnforceable { constraint, form: FORM, instead }
}

/// Turns a grant into the one request that it allows. Everything that narrows it becomes part of what is
/// signed, or an error.
fn lower(endpoint: &Endpoint, grant: &Grant, upload: Upload) -> Result<UrlRequest, IssueError> {
    grant.lowered(|grant| lower_all(endpoint, grant, upload))
}

fn lower_all(endpoint: &Endpoint, grant: &Grant, upload: Upload) -> Result<UrlRequest, IssueError> {
    refuse_what_no_url_can_carry(grant, not_enforceable)?;
    // No gate sees what is sent to the session that a resumable upload starts.
    if upload == Upload::Resumable || !endpoint.is_behind_gate() {
        refuse_single_use(grant, not_enforceable)?;
    }
    let action = grant.actions.only().ok_or(not_enforceable(
        Constraint::Action,
        "a signed URL allows one request: issue one for each action, or a downscoped token",
    ))?;
    let method = match action {
        Action::Upload | Action::Create if upload == Upload::Resumable => "POST",
        _ if upload == Upload::Resumable => {
            return Err(not_enforceable(Constraint::Action, "a resumable upload creates or overwrites an object"));
        }
        Action::Read | Action::List | Action::ListParts => "GET",
        Action::Head => "HEAD",
        Action::Upload | Action::Create | Action::UploadPart => "PUT",
        Action::Delete | Action::Abort => "DELETE",
        // SPEC: a signed URL is for no other POST.
        Action::StartMultipart | Action::CompleteMultipart => {
            return Err(not_enforceable(
                Constraint::Action,
                "a signed URL posts nothing but the start of a resumable upload: see `UrlRequest::resumable`",
            ));
        }
        _ => return Err(not_enforceable(Constraint::Action, "Cloud Storage has no such request")),
    };
    let object = |name: &str| UrlRequest::new(method, endpoint, &grant.container, name);
    let mut request = match (&grant.resource, action) {
        (Resource::Object { name, version }, action)
            if !matches!(action, Action::List | Action::ListParts | Action::UploadPart | Action::Abort) =>
        {
            let request = object(name)?;
            match version {
                // A generation names what is there already, not what an upload creates.
                Some(_) if matches!(action, Action::Upload | Action::Create) => {
                    return Err(not_enforceable(Constraint::Resource, "an upload makes a generation of its own"));
                }
                Some(generation) if !generation.is_empty() && generation.bytes().all(|byte| byte.is_ascii_digit()) => {
                    request.query("generation", generation.as_str())
                }
                Some(_) => return Err(IssueError::Invalid { what: "generation", why: "it must be digits" }),
                None => request,
            }
        }
        (Resource::Part { name, upload_id, number }, Action::UploadPart) => {
            check_part(*number)?;
            check_id("upload id", upload_id)?;
            object(name)?.query("partNumber", number.to_string()).query("uploadId", upload_id.as_str())
        }
        (Resource::MultipartUpload { name, upload_id }, Action::Abort | Action::ListParts) => {
            check_id("upload id", upload_id)?;
            with_listing(object(name)?.query("uploadId", upload_id.as_str()), grant, action)?
        }
        (Resource::Prefix(names), Action::List) => {
            if names.is_empty() || !(names.ends_with('/') || grant.open_prefix) {
                return Err(IssueError::Invalid {
                    what: "prefix",
                    why: "it must not be empty, and must end with `/`: see `allow_open_prefix`",
                });
            }
            check_object(names)?;
            let request = UrlRequest::bucket(method, endpoint, &grant.container)?.query("prefix", names.as_str());
            with_listing(request, grant, action)?
        }
        _ => {
            return Err(not_enforceable(
                Constraint::Resource,
                "a signed URL names one object, part, upload or listing: a downscoped token covers a prefix",
            ));
        }
    };
    if upload == Upload::Resumable {
        request = request.header(RESUMABLE, "start");
    }
    if grant.single_use {
        request = request.query(USE, ONCE);
    }
    if grant.dot_segments {
        request = request.allow_dot_segments();
    }
    request = match action {
        Action::Upload | Action::Create | Action::UploadPart => with_upload_bounds(request, grant, action, upload)?,
        _ => refuse_upload_bounds(request, grant)?,
    };
    with_response_headers(request, grant, action)
}

fn with_listing(mut request: UrlRequest, grant: &Grant, action: Action) -> Result<UrlRequest, IssueError> {
    let Some(words) = listing::words(action) else { return Ok(request) };
    for (name, value) in words.kind {
        request = request.query(*name, *value);
    }
    let Some(wanted) = &grant.listing else { return Ok(request) };
    let params = listing::params(&words, action, wanted).map_err(|why| not_enforceable(Constraint::Listing, why))?;
    Ok(params.into_iter().flatten().fold(request, |request, (name, value)| request.query(name, value)))
}

/// Refuses what neither a URL nor a form of Cloud Storage can carry.
pub(super) fn refuse_what_no_url_can_carry(
    grant: &Grant,
    not_enforceable: fn(Constraint, &'static str) -> IssueError,
) -> Result<(), IssueError> {
    grant.refuse_misplaced(not_enforceable)?;
    if grant.client_address.is_some() {
        return Err(not_enforceable(Constraint::ClientAddress, "a VPC Service Controls perimeter or a gateway can"));
    }
    if grant.not_before.is_some() {
        return Err(not_enforceable(
            Constraint::NotBefore,
            "none of Cloud Storage can: issue it when it begins, or a gateway can",
        ));
    }
    Ok(())
}

/// Signs the headers that hold an upload to its bounds; Cloud Storage refuses the upload without them.
fn with_upload_bounds(
    mut request: UrlRequest,
    grant: &Grant,
    action: Action,
    upload: Upload,
) -> Result<UrlRequest, IssueError> {
    request = match &grant.size {
        None => return Err(IssueError::Unbounded { constraint: Constraint::Size }),
        Some(Size::Any) => request,
        Some(Size::Range(bytes)) if bytes.is_empty() => {
            return Err(IssueError::Invalid { what: "size", why: "the range is empty" });
        }
        Some(Size::Range(bytes)) => request.header(LENGTH_RANGE, format!("{},{}", bytes.start(), bytes.end())),
    };
    request = match &grant.content_type {
        None => return Err(IssueError::Unbounded { constraint: Constraint::ContentType }),
        Some(ContentType::Any) => request,
        Some(ContentType::Exact(exact)) => request.header("content-type", exact.as_str()),
        Some(ContentType::Prefix(_)) => {
            return Err(not_enforceable(Constraint::ContentType, "a POST policy can with `starts-with`"));
        }
    };
    if action == Action::Create {
        // SPEC: no generation is there yet.
        request = request.header("x-goog-if-generation-match", "0");
    }
    request = match &grant.sha256 {
        None => request,
        Some(_) if upload == Upload::Resumable => {
            return Err(not_enforceable(Constraint::Checksum, "a signed URL for an upload at once can"));
        }
        Some(digest) => request.header(CONTENT_SHA256, encode::hex_lower(digest)),
    };
    if action == Action::UploadPart {
        // Encryption, class and metadata are set when a multipart upload is created, not by its parts.
        return refuse_object_properties(request, grant);
    }
    request = match &grant.encryption {
        // Whatever is stored is encrypted with Google's keys unless others are named.
        None | Some(Encryption::Provider) => request,
        Some(Encryption::ManagedKey(id)) => request.header("x-goog-encryption-kms-key-name", id.as_str()),
    };
    if let Some(class) = &grant.storage_class {
        request = request.header("x-goog-storage-class", class.as_str());
    }
    for (name, value) in &grant.metadata {
        request = request.header(format!("x-goog-meta-{name}"), value.as_str());
    }
    Ok(request)
}

fn refuse_upload_bounds(request: UrlRequest, grant: &Grant) -> Result<UrlRequest, IssueError> {
    const INSTEAD: &str = "it applies to uploads only";
    let asked = |asked: bool, constraint| if asked { Err(not_enforceable(constraint, INSTEAD)) } else { Ok(()) };
    asked(matches!(grant.size, Some(Size::Range(_))), Constraint::Size)?;
    asked(matches!(grant.content_type, Some(ContentType::Exact(_) | ContentType::Prefix(_))), Constraint::ContentType)?;
    asked(grant.sha256.is_some(), Constraint::Checksum)?;
    refuse_object_properties(request, grant)
}

fn refuse_object_properties(request: UrlRequest, grant: &Grant) -> Result<UrlRequest, IssueError> {
    const INSTEAD: &str = "it belongs to the request that creates the object";
    let asked = |asked: bool, constraint| if asked { Err(not_enforceable(constraint, INSTEAD)) } else { Ok(()) };
    asked(grant.encryption.is_some(), Constraint::Encryption)?;
    asked(grant.storage_class.is_some(), Constraint::StorageClass)?;
    asked(!grant.metadata.is_empty(), Constraint::Metadata)?;
    Ok(request)
}

fn with_response_headers(mut request: UrlRequest, grant: &Grant, action: Action) -> Result<UrlRequest, IssueError> {
    if !grant.response_headers.is_empty() && !matches!(action, Action::Read | Action::Head) {
        return Err(not_enforceable(Constraint::ResponseHeaders, "it applies to reading an object only"));
    }
    for (header, value) in &grant.response_headers {
        let name = match header {
            ResponseHeader::ContentDisposition => "response-content-disposition",
            ResponseHeader::ContentType => "response-content-type",
            // SPEC: the XML API overrides those two and no other.
            ResponseHeader::CacheControl => {
                return Err(not_enforceable(Constraint::ResponseHeaders, "the object's own `Cache-Control` can"));
            }
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
        // SPEC: Cloud Audit Logs keep these headers beside the request.
        request = request.header("x-goog-custom-audit-request-id", id);
    }
    Ok(request)
}

/// What Cloud Storage answers to a request that it refuses.
///
/// By default an unknown key and a wrong signature get the same answer, so that a peer cannot find out
/// which keys exist; [`detailed`](Self::detailed) tells them apart.
///
/// ```
/// use valet_key::{clock::Timestamp, error::VerifyError, gcs::StorageError};
///
/// let expired_at = Timestamp::from_unix(1_700_000_000)?;
/// let error = StorageError::from(&VerifyError::Expired { expired_at, now: expired_at.saturating_add(1) });
/// assert_eq!((error.status, error.code), (400, "ExpiredToken"));
/// assert!(error.to_xml().contains("<Details>Request signature expired at: 2023-11-14T22:13:20Z</Details>"));
/// # Ok::<(), valet_key::error::TimestampError>(())
/// ```
///
/// Source: Cloud Storage documentation, "HTTP status and error codes for XML"; answers of the service that
/// users reported.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StorageError {
    /// The HTTP status.
    pub status: u16,
    /// The code of the error document.
    pub code: &'static str,
    /// The message of the error document.
    pub message: &'static str,
    /// What the document says in `Details`.
    pub details: Option<String>,
    /// What the document says in `ParameterName`.
    pub parameter: Option<String>,
}

impl StorageError {
    /// An answer of the embedding server's own, such as `NoSuchKey`.
    #[must_use]
    pub const fn new(status: u16, code: &'static str, message: &'static str) -> Self {
        Self { status, code, message, details: None, parameter: None }
    }

    fn mismatch() -> Self {
        Self::new(403, "SignatureDoesNotMatch", "Access denied.")
    }

    fn malformed(parameter: &str, details: impl Into<String>) -> Self {
        Self {
            details: Some(details.into()),
            parameter: Some(parameter.to_string()),
            ..Self::new(400, "MalformedSecurityHeader", "Your request has a malformed header.")
        }
    }

    fn unmet(why: &str) -> Self {
        let message = "The content of the form does not meet the conditions specified in the policy document.";
        Self { details: Some(format!("Invalid condition: {why}")), ..Self::new(400, "InvalidPolicyDocument", message) }
    }

    /// As Cloud Storage answers, also where that tells a peer whether a key exists.
    #[must_use]
    pub fn detailed(error: &VerifyError) -> Self {
        match error {
            VerifyError::UnknownKey | VerifyError::OtherKey => {
                Self::new(403, "InvalidAccessKeyId", "The account or access id is not known here.")
            }
            VerifyError::CredentialExpired { .. } => Self::new(403, "AccessDenied", "The key has ended."),
            other => Self::from(other),
        }
    }

    /// The error document.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut xml = String::from("<?xml version='1.0' encoding='UTF-8'?><Error>");
        let mut element = |name: &str, text: &str| {
            xml.extend(["<", name, ">"]);
            crate::encode::push_xml(&mut xml, text.chars());
            xml.extend(["</", name, ">"]);
        };
        element("Code", self.code);
        element("Message", self.message);
        if let Some(parameter) = &self.parameter {
            element("ParameterName", parameter);
        }
        if let Some(details) = &self.details {
            element("Details", details);
        }
        xml.push_str("</Error>");
        xml
    }
}

impl From<&VerifyError> for StorageError {
    fn from(error: &VerifyError) -> Self {
        use VerifyError as E;
        let with = |status, code, message, details: String| Self {
            details: Some(details),
            ..Self::new(status, code, message)
        };
        match error {
            E::UnknownKey
            | E::OtherKey
            | E::SignatureMismatch
            | E::SessionToken { .. }
            | E::CredentialExpired { .. } => Self::mismatch(),
            E::NotSigned
            // What only tokens of other providers say.
            | E::Framing { .. }
            | E::ChunkSize { .. }
            | E::Trailer { .. }
            | E::NotCovered { .. }
            | E::Permission { .. }
            | E::Operation { .. }
            | E::ClientAddress { .. }
            | E::PlainHttp
            | E::StoredPolicy { .. } => Self::new(403, "AccessDenied", "Access denied."),
            E::UnsignedHeader { name } => {
                Self::malformed(name, "Header was included in the request, but not in signedheaders.")
            }
            E::SignedHeaderMissing { name } => {
                Self::malformed(name, "Header was included in signedheaders, but not in the request.")
            }
            E::Host => Self::new(403, "AccessDenied", "The host is not served here."),
            E::Expired { expired_at, .. } => with(
                400,
                "ExpiredToken",
                "The provided token has expired.",
                format!("Request signature expired at: {expired_at}"),
            ),
            E::NotYetValid { valid_from, .. } => with(
                403,
                "AccessDenied",
                "Access denied.",
                format!("Request signature is not valid before: {valid_from}"),
            ),
            E::Skewed { .. } => {
                Self::new(403, "RequestTimeTooSkewed", "The request time is too far from the server's.")
            }
            E::TwoMechanisms { second: "x-amz-* headers", .. } => {
                Self::new(400, "ExcessHeaderValues", "Both x-goog-* and x-amz-* headers are in the request.")
            }
            E::TwoMechanisms { .. } => {
                Self::new(400, "InvalidArgument", "The request is authenticated in more than one way.")
            }
            E::FieldCount { field, .. } => Self::malformed(field, "It must be in the request exactly once."),
            E::FieldForm { field, expected } | E::Algorithm { field, expected } => {
                Self::malformed(field, format!("It must be {expected}."))
            }
            E::Scope { field, .. } => Self::malformed(field, "Its scope is not served here."),
            E::ScopeDate { field, .. } => Self::malformed(field, "Its date must be the day of X-Goog-Date."),
            E::Lifetime { maximum, .. } => {
                Self::malformed("X-Goog-Expires", format!("It must be 1 to {maximum} seconds."))
            }
            E::AmbiguousPath { .. } | E::AmbiguousPlus | E::Malformed { .. } => {
                Self::new(400, "InvalidURI", "The request cannot be read in one way only.")
            }
            E::PayloadMode { .. } => Self::new(501, "NotImplemented", "This payload mode is not accepted here."),
            E::Size { found, least, .. } if found < least => {
                Self::new(400, "EntityTooSmall", "The upload is smaller than the signed range.")
            }
            E::Size { .. } => Self::new(400, "EntityTooLarge", "The upload is larger than the signed range."),
            E::PayloadMismatch { .. } => Self::new(400, "BadDigest", "The digest is not that of the body."),
            E::TooLarge { .. } => Self::new(400, "RequestHeaderSectionTooLarge", "The request head is too large."),
            E::Policy { why } => Self::unmet(why),
            E::PolicyDocument { why } => Self::unmet(why),
            E::FormField { .. } => Self::new(400, "InvalidArgument", "A field of the form is missing or malformed."),
            E::Key(_) => Self::new(500, "InternalError", "The request could not be checked."),
        }
    }
}
