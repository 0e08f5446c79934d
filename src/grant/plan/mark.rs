//! What a constraint leaves behind in a token, and the stand-ins with which that is found out.

use super::{Enforcement, Form, Provider};
use crate::{
    error::IssueError,
    grant::{
        Classification, Constraint, ContentType, CopySource, Encryption, Grant, Justification, Resource,
        ResponseHeader, Size,
    },
    mac::Sha256,
};
use alloc::{
    borrow::{Cow, ToOwned},
    collections::BTreeSet,
    vec::Vec,
};

/// Something in a token that holds its user to a constraint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    /// Of the constraints that every grant has, the one that it is about. What it is of another is found by comparing.
    pub(super) of: Constraint,
    pub(super) how: Enforcement,
    pub(super) wire: Cow<'static, str>,
}

impl Mark {
    pub(crate) fn new(of: Constraint, how: Enforcement, wire: impl Into<Cow<'static, str>>) -> Self {
        Self { of, how, wire: wire.into() }
    }

    pub(crate) fn header(name: &str) -> Self {
        Self::new(Constraint::Action, Enforcement::SignedHeader, name.to_ascii_lowercase())
    }

    pub(crate) fn param(name: &str) -> Self {
        Self::new(Constraint::Resource, Enforcement::SignedParameter, name.to_owned())
    }

    pub(crate) fn condition(name: &str) -> Self {
        Self::new(Constraint::Action, Enforcement::PolicyCondition, name.to_owned())
    }
}

impl Form {
    /// Lowers a grant to this form, and tells what that put into the token.
    #[cfg_attr(
        not(any(feature = "aws", feature = "azure", feature = "gcs")),
        expect(unused_variables, reason = "a build without providers has no forms")
    )]
    pub(super) fn marks(self, grant: &Grant) -> Result<BTreeSet<Mark>, IssueError> {
        let marks: Result<Vec<Mark>, _> = match self.provider() {
            #[cfg(feature = "aws")]
            Provider::Aws => crate::aws::plan::marks(self, grant),
            #[cfg(feature = "gcs")]
            Provider::Gcs => crate::gcs::plan::marks(self, grant),
            #[cfg(feature = "azure")]
            Provider::Azure => crate::azure::plan::marks(self, grant),
            #[cfg(not(all(feature = "aws", feature = "azure", feature = "gcs")))]
            _ => Err(IssueError::Invalid { what: "form", why: "this build does not have it" }),
        };
        Ok(marks?.into_iter().collect())
    }
}

/// A grant for the same action on the same kind of thing, for as long, with no further constraint, whose names every
/// service takes.
pub(super) fn stand_in(grant: &Grant, form: Form) -> Grant {
    let mut stand_in = grant.clone();
    for constraint in Constraint::ALL {
        stand_in.leave_out(*constraint);
    }
    stand_in.given_up.clear();
    stand_in.classification = Classification::Public;
    stand_in.justification = Justification::new("a plan").ok();
    stand_in.dot_segments = false;
    // What a directory bucket lacks is up to its name.
    if !(form.provider() == Provider::Aws && grant.container.ends_with("--x-s3")) {
        form.container(&grant.resource).clone_into(&mut stand_in.container);
    }
    let (name, upload_id) = ("object".to_owned(), "1".to_owned());
    stand_in.resource = match &grant.resource {
        Resource::Object { version, .. } => {
            Resource::Object { name, version: version.as_ref().map(|_| form.version().to_owned()) }
        }
        Resource::Part { .. } => Resource::Part { name, upload_id, number: 1 },
        Resource::MultipartUpload { .. } => Resource::MultipartUpload { name, upload_id },
        Resource::Prefix(prefix) => {
            Resource::Prefix(if prefix.ends_with('/') { "prefix/" } else { "prefix" }.to_owned())
        }
        Resource::Queue => Resource::Queue,
    };
    if let Some(source) = &mut stand_in.source {
        let version = source.version_id().map(|_| "1".to_owned());
        *source = CopySource { version, range: source.range().cloned(), ..CopySource::new("bucket", "object") };
    }
    stand_in
}

impl Form {
    /// A container that it takes.
    const fn container(self, resource: &Resource) -> &'static str {
        match self {
            Self::SqsRequest => "123456789012/queue",
            Self::SessionPolicy if matches!(resource, Resource::Queue) => "123456789012/queue",
            Self::CloudFrontPolicy => "cdn.example.com",
            _ => "bucket",
        }
    }

    /// A version of an object that it takes.
    const fn version(self) -> &'static str {
        match self.provider() {
            Provider::Azure => "2026-11-24T12:00:00.0000000Z",
            _ => "1",
        }
    }
}

/// The same with one constraint of the original.
pub(super) fn with(stand_in: &Grant, grant: &Grant, constraint: Constraint) -> Grant {
    let mut with = stand_in.clone();
    match constraint {
        Constraint::Action | Constraint::Resource | Constraint::Lifetime | Constraint::HttpsOnly => {}
        Constraint::ContentType => {
            with.content_type = grant.content_type.as_ref().map(|kind| match kind {
                ContentType::Prefix(_) => ContentType::Prefix("text/".to_owned()),
                _ => ContentType::Exact("text/plain".to_owned()),
            });
        }
        Constraint::Size => {
            let is_exact = matches!(&grant.size, Some(Size::Range(bytes)) if bytes.start() == bytes.end());
            with.size = Some(Size::Range(if is_exact { 1..=1 } else { 1..=2 }));
        }
        Constraint::Checksum => with.sha256 = Some(Sha256::digest(MESSAGE.as_bytes())),
        Constraint::ClientAddress => with.client_address.clone_from(&grant.client_address),
        Constraint::NotBefore => with.not_before = grant.not_before,
        Constraint::Encryption => {
            with.encryption = grant.encryption.as_ref().map(|how| match how {
                Encryption::Provider => Encryption::Provider,
                Encryption::ManagedKey(_) => Encryption::ManagedKey("key".to_owned()),
            });
        }
        Constraint::StorageClass => with.storage_class = Some("CLASS".to_owned()),
        Constraint::Metadata => {
            with.metadata = grant.metadata.iter().map(|(name, _)| (name.clone(), "value".to_owned())).collect();
        }
        Constraint::ResponseHeaders => {
            let values = |(header, _): &(ResponseHeader, _)| (*header, "value".to_owned());
            with.response_headers = grant.response_headers.iter().map(values).collect();
        }
        Constraint::SingleUse => with.single_use = true,
        Constraint::RequestId => with.request_id = Some("00000000-0000-4000-8000-000000000000".to_owned()),
        Constraint::Listing => with.listing.clone_from(&grant.listing),
    }
    with
}

/// A message that has the size and digest of the stand-ins.
pub(crate) const MESSAGE: &str = "x";
