//! Azure Storage: how a grant becomes a request, and how a refusal becomes the service's error.

use super::{
    AddressRange, BlobPermissions, DirectoryPermissions, Endpoint, Inline, QueuePermissions, Service, UrlRequest,
    sign::FORM,
};
use crate::{
    error::{IssueError, VerifyError},
    grant::{Action, Actions, Constraint, ContentType, Encryption, Grant, Resource, ResponseHeader, Size},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

fn not_enforceable(constraint: Constraint, instead: &'static str) -> IssueError {
    IssueError::NotEnforceable { constraint, form: FORM, instead }
}

impl UrlRequest {
    /// The token that allows exactly this grant, at Azure's public endpoint.
    ///
    /// A media type, a storage class and metadata of an upload are enforced by signed request headers, which only a user
    /// delegation SAS has; the size of an upload is enforced by nothing, so that it has to be waived.
    ///
    /// # Errors
    /// [`IssueError::NotEnforceable`] for whatever a token cannot enforce, [`IssueError::Unbounded`] for an upload that
    /// neither says nor waives its size and type, and [`IssueError::Invalid`] for names that the service does not take.
    pub fn storage(grant: &Grant) -> Result<Self, IssueError> {
        Self::at(&Endpoint::azure(), grant)
    }

    /// The same at another endpoint.
    ///
    /// # Errors
    /// As [`storage`](Self::storage).
    pub fn at(endpoint: &Endpoint, grant: &Grant) -> Result<Self, IssueError> {
        let mut request = lower(grant)?.endpoint(endpoint);
        request.cap = grant.classification.cap();
        request.justification.clone_from(&grant.justification);
        request.given_up = grant.given_up().map(|(constraint, _)| constraint).collect();
        Ok(request)
    }
}

/// Turns a grant into the request that it allows. Everything that narrows it becomes part of what is signed, or an error.
fn lower(grant: &Grant) -> Result<UrlRequest, IssueError> {
    grant.lowered(lower_all)
}

fn lower_all(grant: &Grant) -> Result<UrlRequest, IssueError> {
    grant.refuse_misplaced(not_enforceable)?;
    if grant.listing.is_some() {
        return Err(not_enforceable(Constraint::Listing, "a token lets its holder page through a listing at will"));
    }
    if grant.single_use {
        return Err(not_enforceable(Constraint::SingleUse, "a gateway with replay protection can"));
    }
    let mut request = on_resource(grant)?;
    if grant.dot_segments {
        request = request.allow_dot_segments();
    }
    if let Some(start) = grant.not_before {
        request.terms.start = Some(start);
    }
    if let Some(address) = &grant.client_address {
        let range = AddressRange::parse(address).map_err(|_| {
            not_enforceable(
                Constraint::ClientAddress,
                "it must be IPv4: a network rule of the account or a gateway can",
            )
        })?;
        request = request.address(range);
    }
    if let Some(id) = grant.checked_request_id()? {
        request = request.correlation_id(id);
    }
    let uploads = [Action::Upload, Action::Create, Action::Append].into_iter().any(|it| grant.actions.contains(it));
    request = if uploads { with_upload_bounds(request, grant)? } else { refuse_upload_bounds(request, grant)? };
    with_response_headers(request, grant)
}

/// The resource with the permissions that the actions come to.
fn on_resource(grant: &Grant) -> Result<UrlRequest, IssueError> {
    let container = grant.container.as_str();
    match &grant.resource {
        Resource::Object { name, version } => {
            let letters = blob_letters(grant.actions)?;
            let terms = terms(grant, BlobPermissions::parse(&letters))?;
            match version {
                None => UrlRequest::blob(container, name, terms),
                Some(_) if grant.actions.only() == Some(Action::Delete) => {
                    let terms = Inline::new(BlobPermissions::DELETE_VERSION).lives(grant.lifetime);
                    UrlRequest::blob_version(container, name, version.as_deref().unwrap_or_default(), terms)
                }
                Some(version) if grant.actions.only() == Some(Action::Read) => {
                    UrlRequest::blob_version(container, name, version, terms)
                }
                Some(_) => Err(not_enforceable(Constraint::Resource, "a version is there to be read or deleted")),
            }
        }
        Resource::Prefix(prefix) => under(grant, container, prefix),
        Resource::Queue => {
            let terms = terms(grant, QueuePermissions::parse(&queue_letters(grant.actions)?))?;
            UrlRequest::queue(container, terms)
        }
        Resource::Part { .. } | Resource::MultipartUpload { .. } => Err(not_enforceable(
            Constraint::Resource,
            "blocks have no upload of their own: `Grant::upload` covers the blocks of one blob and their list",
        )),
    }
}

fn terms<P: super::Permissions>(grant: &Grant, permissions: Option<P>) -> Result<Inline<P>, IssueError> {
    let permissions =
        permissions.ok_or(not_enforceable(Constraint::Action, "this kind of resource has no such permission"))?;
    Ok(Inline::new(permissions).lives(grant.lifetime))
}

/// Everything under a prefix: a directory of an account with a hierarchical namespace.
fn under(grant: &Grant, container: &str, prefix: &str) -> Result<UrlRequest, IssueError> {
    let Some(directory) = prefix.strip_suffix('/') else {
        return Err(not_enforceable(
            Constraint::Resource,
            "a prefix must be a directory that ends with `/`, in an account with a hierarchical namespace",
        ));
    };
    let mut letters = String::new();
    if grant.actions.contains(Action::List) {
        letters.push('l');
    }
    let others = grant.actions.iter().filter(|action| *action != Action::List);
    for action in others {
        letters.push_str(&blob_letters(action.into())?);
    }
    let letters: String = {
        let mut seen: Vec<char> = letters.chars().collect();
        seen.sort_unstable();
        seen.dedup();
        seen.into_iter().collect()
    };
    let request = UrlRequest::directory(container, directory, terms(grant, DirectoryPermissions::parse(&letters))?)?;
    if grant.actions.only() != Some(Action::List) {
        return Ok(request);
    }
    // SPEC: Data Lake Storage lists a directory as a request to its file system.
    let mut request = request.through(Service::DataLake);
    request.unsigned_query.extend([
        ("resource", "filesystem".to_string()),
        ("recursive", "false".to_string()),
        ("directory", directory.to_string()),
    ]);
    Ok(request)
}

/// The letters of actions on a blob. `r` reads content and metadata alike, and `t` reads and writes tags alike, so that the
/// lesser half alone cannot be given.
fn blob_letters(actions: Actions) -> Result<String, IssueError> {
    let mut letters = String::new();
    for action in actions.iter() {
        letters.push_str(match action {
            Action::Read => "r",
            Action::Head if actions.contains(Action::Read) => "",
            Action::Head => {
                return Err(not_enforceable(Constraint::Action, "`r` reads the content too: ask for `Read`"));
            }
            Action::Upload => "cw",
            Action::Create if actions.contains(Action::Upload) => "",
            Action::Create => "c",
            Action::Append => "a",
            Action::Delete => "d",
            Action::WriteTags => "t",
            Action::ReadTags | Action::DeleteTags if actions.contains(Action::WriteTags) => "",
            Action::ReadTags | Action::DeleteTags => {
                return Err(not_enforceable(Constraint::Action, "`t` writes tags too: ask for `WriteTags`"));
            }
            Action::Copy => {
                return Err(not_enforceable(
                    Constraint::Action,
                    "a copy reads its source with a token of its own: ask for `Upload` here and `Read` there",
                ));
            }
            Action::List => return Err(not_enforceable(Constraint::Action, "a container or directory can be listed")),
            _ => return Err(not_enforceable(Constraint::Action, "a blob knows no such action")),
        });
    }
    Ok(letters)
}

fn queue_letters(actions: Actions) -> Result<String, IssueError> {
    let mut letters = String::new();
    for action in actions.iter() {
        letters.push_str(match action {
            Action::Send => "a",
            Action::Receive => "p",
            _ => {
                return Err(not_enforceable(
                    Constraint::Action,
                    "a queue sends and receives: manage it with an account SAS",
                ));
            }
        });
    }
    Ok(letters)
}

/// Binds what signed request headers can bind.
fn with_upload_bounds(mut request: UrlRequest, grant: &Grant) -> Result<UrlRequest, IssueError> {
    match &grant.size {
        None => return Err(IssueError::Unbounded { constraint: Constraint::Size }),
        Some(Size::Any) => {}
        Some(Size::Range(_)) => {
            return Err(not_enforceable(
                Constraint::Size,
                "nothing of Azure can but a gateway: waive it with `any_size`",
            ));
        }
    }
    if grant.sha256.is_some() {
        return Err(not_enforceable(Constraint::Checksum, "Azure knows no SHA-256: a gateway can"));
    }
    request = match &grant.content_type {
        None => return Err(IssueError::Unbounded { constraint: Constraint::ContentType }),
        Some(ContentType::Any) => request,
        // SPEC: this header prevails over `Content-Type`.
        Some(ContentType::Exact(exact)) => {
            request.bind_header("x-ms-blob-content-type", exact.as_str(), Constraint::ContentType)
        }
        Some(ContentType::Prefix(_)) => {
            return Err(not_enforceable(Constraint::ContentType, "an exact type can be signed"));
        }
    };
    request = match &grant.encryption {
        // Whatever is stored is encrypted with Microsoft's keys unless a scope says otherwise.
        None | Some(Encryption::Provider) => request,
        Some(Encryption::ManagedKey(scope)) => request.encryption_scope(scope.as_str()),
    };
    if let Some(tier) = &grant.storage_class {
        request = request.bind_header("x-ms-access-tier", tier.as_str(), Constraint::StorageClass);
    }
    for (name, value) in &grant.metadata {
        request = request.bind_header(format!("x-ms-meta-{name}"), value.as_str(), Constraint::Metadata);
    }
    if matches!(grant.resource, Resource::Object { .. }) {
        let kind = if grant.actions.only() == Some(Action::Append) { "AppendBlob" } else { "BlockBlob" };
        if kind == "BlockBlob" {
            request.unsigned_headers.push(("x-ms-blob-type".to_string(), kind.as_bytes().to_vec()));
        }
    }
    Ok(request)
}

fn refuse_upload_bounds(request: UrlRequest, grant: &Grant) -> Result<UrlRequest, IssueError> {
    const INSTEAD: &str = "it applies to uploads only";
    let asked = |asked: bool, constraint| if asked { Err(not_enforceable(constraint, INSTEAD)) } else { Ok(()) };
    asked(matches!(grant.size, Some(Size::Range(_))), Constraint::Size)?;
    asked(matches!(grant.content_type, Some(ContentType::Exact(_) | ContentType::Prefix(_))), Constraint::ContentType)?;
    asked(grant.sha256.is_some(), Constraint::Checksum)?;
    asked(grant.encryption.is_some(), Constraint::Encryption)?;
    asked(grant.storage_class.is_some(), Constraint::StorageClass)?;
    asked(!grant.metadata.is_empty(), Constraint::Metadata)?;
    Ok(request)
}

fn with_response_headers(mut request: UrlRequest, grant: &Grant) -> Result<UrlRequest, IssueError> {
    if !grant.response_headers.is_empty() && grant.actions.only() != Some(Action::Read) {
        return Err(not_enforceable(Constraint::ResponseHeaders, "it applies to reading an object only"));
    }
    for (header, value) in &grant.response_headers {
        request = match header {
            ResponseHeader::ContentDisposition => request.content_disposition(value.as_str()),
            ResponseHeader::ContentType => request.content_type(value.as_str()),
            ResponseHeader::CacheControl => request.cache_control(value.as_str()),
        };
    }
    let has = |wanted| grant.response_headers.iter().any(|(header, _)| *header == wanted);
    if has(ResponseHeader::ContentType) && !has(ResponseHeader::ContentDisposition) {
        // A stored page or script that is given another type must not run unless somebody says so.
        request = request.content_disposition("attachment");
    }
    Ok(request)
}

/// What Azure Storage answers to a request that it refuses.
///
/// By default an unknown key and a wrong signature get the same answer, so that a peer cannot find out which keys exist.
///
/// ```
/// use valet_key::{azure::StorageError, error::VerifyError};
///
/// let error = StorageError::from(&VerifyError::Permission { field: "sp", needed: "w" });
/// assert_eq!((error.status, error.code), (403, "AuthorizationPermissionMismatch"));
/// assert!(error.to_xml("req-1").contains("<Code>AuthorizationPermissionMismatch</Code>"));
/// assert_eq!(StorageError::from(&VerifyError::UnknownKey), StorageError::from(&VerifyError::SignatureMismatch));
/// ```
///
/// Source: Azure Storage REST reference, "Status and error codes", "SAS error codes", "Common REST API error codes".
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StorageError {
    /// The HTTP status.
    pub status: u16,
    /// The code of the error document and of `x-ms-error-code`.
    pub code: &'static str,
    /// The message of the error document.
    pub message: &'static str,
    /// What the document says in `AuthenticationErrorDetail`.
    pub detail: Option<String>,
}

impl StorageError {
    /// An answer of the embedding server's own, such as `BlobNotFound`.
    #[must_use]
    pub const fn new(status: u16, code: &'static str, message: &'static str) -> Self {
        Self { status, code, message, detail: None }
    }

    fn unauthenticated(detail: impl Into<String>) -> Self {
        let message = "The server could not authenticate the request: look at the detail.";
        Self { detail: Some(detail.into()), ..Self::new(403, "AuthenticationFailed", message) }
    }

    /// The error document.
    #[must_use]
    pub fn to_xml(&self, request_id: &str) -> String {
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?><Error>");
        let mut element = |name: &str, text: &str| {
            xml.extend(["<", name, ">"]);
            let plain: String = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
            super::stored_policy::push_escaped(&mut xml, &plain);
            xml.extend(["</", name, ">"]);
        };
        element("Code", self.code);
        element("Message", &format!("{} RequestId:{}", self.message, request_id.chars().take(128).collect::<String>()));
        if let Some(detail) = &self.detail {
            element("AuthenticationErrorDetail", detail);
        }
        xml.push_str("</Error>");
        xml
    }
}

impl From<&VerifyError> for StorageError {
    fn from(error: &VerifyError) -> Self {
        use VerifyError as E;
        match error {
            E::UnknownKey | E::OtherKey | E::SignatureMismatch | E::CredentialExpired { .. } => {
                Self::unauthenticated("Signature did not match.")
            }
            E::Expired { .. } | E::NotYetValid { .. } | E::Lifetime { .. } => {
                Self::unauthenticated(format!("Signature not valid in the specified time frame: {error}."))
            }
            E::Skewed { .. } => Self::unauthenticated("Request date header is too far from the server's time."),
            E::FieldForm { field: "x-ms-encryption-scope", .. } => {
                Self::new(400, "InvalidHeaderValue", "The value of one of the headers is not in the correct format.")
            }
            E::FieldCount { .. }
            | E::FieldForm { .. }
            | E::Algorithm { .. }
            | E::Scope { .. }
            | E::ScopeDate { .. }
            | E::SessionToken { .. }
            | E::StoredPolicy { .. }
            | E::SignedHeaderMissing { .. }
            | E::Framing { .. }
            | E::ChunkSize { .. }
            | E::Trailer { .. }
            | E::UnsignedHeader { .. } => Self::unauthenticated(format!("{error}.")),
            E::NotSigned => Self::new(401, "NoAuthenticationInformation", "The request carries no authentication."),
            E::TwoMechanisms { .. } => {
                Self::new(400, "InvalidAuthenticationInfo", "The request is authenticated in more than one way.")
            }
            E::ClientAddress { .. } => {
                Self::new(403, "AuthorizationSourceIPMismatch", "The source address is not one that the token allows.")
            }
            E::PlainHttp => {
                Self::new(403, "AuthorizationProtocolMismatch", "The protocol is not one that the token allows.")
            }
            E::Permission { .. } => Self::new(
                403,
                "AuthorizationPermissionMismatch",
                "The token does not have the permission that the operation needs.",
            ),
            E::NotCovered { field: "ss" | "sks", .. } => {
                Self::new(403, "AuthorizationServiceMismatch", "The token is not for this service.")
            }
            E::NotCovered { field: "srt", .. } => {
                Self::new(403, "AuthorizationResourceTypeMismatch", "The token is not for this kind of resource.")
            }
            E::NotCovered { .. } | E::Operation { .. } | E::Host | E::PolicyDocument { .. } | E::Policy { .. } => {
                Self::new(403, "AuthorizationFailure", "The token does not allow this operation on this resource.")
            }
            E::AmbiguousPath { .. } | E::AmbiguousPlus | E::Malformed { .. } => {
                Self::new(400, "InvalidUri", "The request cannot be read in one way only.")
            }
            E::PayloadMode { .. } => Self::new(501, "NotImplemented", "This payload mode is not accepted here."),
            E::Size { .. } => Self::new(413, "RequestBodyTooLarge", "The size of the body is not an allowed one."),
            E::FormField { .. } => Self::new(400, "InvalidInput", "A field of the form is missing or malformed."),
            E::PayloadMismatch { .. } => Self::new(400, "Md5Mismatch", "The body is not the one that was announced."),
            E::TooLarge { .. } => Self::new(400, "RequestUrlFailedToParse", "The request head is too large."),
            E::Key(_) => Self::new(500, "InternalError", "The request could not be checked."),
        }
    }
}
