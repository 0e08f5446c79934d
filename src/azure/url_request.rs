//! What a token for one resource is to allow.

use super::{
    Endpoint,
    address::AddressRange,
    canonical::Field,
    permissions::{
        BlobPermissions, ContainerPermissions, DirectoryPermissions, FilePermissions, QueuePermissions,
        SharePermissions, TablePermissions,
    },
    resource::{KeyRange, Kind, Resource, Service, check_directory, check_path},
    stored_policy::{Given, Terms},
    time,
    version::Version,
};
use crate::{
    error::IssueError,
    grant::{Constraint, Justification, Lifetime, OnShortCredential},
};
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::fmt;

/// Which protocols a client may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocol {
    /// `spr=https`. The default.
    #[default]
    Https,
    /// `spr=https,http`, which needs a justification.
    HttpsOrHttp,
    /// No `spr`, which the service reads like `https,http`, and which needs a justification.
    Unstated,
}

impl Protocol {
    pub(super) const fn value(self) -> Option<&'static str> {
        match self {
            Self::Https => Some("https"),
            Self::HttpsOrHttp => Some("https,http"),
            Self::Unstated => None,
        }
    }
}

/// What a client must send exactly so that the service accepts its request.
#[derive(Clone)]
pub(super) struct Bound {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) constraint: Constraint,
}

/// What a service SAS or a user delegation SAS allows: which one it becomes depends on who signs it.
///
/// ```
/// use valet_key::azure::{AccountKey, BlobPermissions, Inline, Sas, UrlRequest};
/// use valet_key::{clock::Timestamp, grant::Lifetime};
///
/// let key = AccountKey::new("myaccount", "c2VjcmV0")?;
/// let terms = Inline::new(BlobPermissions::READ).lives(Lifetime::minutes(5)?);
/// let url = key.issue(&UrlRequest::blob("photos", "2026/cat.jpg", terms)?, Timestamp::from_unix(1_700_000_000)?)?;
/// assert!(url.expose_query().starts_with("sv=2020-12-06&se=2023-11-14T22%3A18%3A20Z&sr=b&sp=r&spr=https&sig="));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct UrlRequest {
    pub(super) endpoint: Endpoint,
    pub(super) resource: Resource,
    pub(super) terms: Given,
    pub(super) protocol: Protocol,
    pub(super) version: Option<Version>,
    pub(super) address: Option<AddressRange>,
    /// Further parameters of the token, in the order in which they are written.
    pub(super) fields: Vec<(Field, String)>,
    pub(super) headers: Vec<Bound>,
    pub(super) query: Vec<Bound>,
    /// What the client sends beside the token and nobody signs.
    pub(super) unsigned_headers: Vec<(String, Vec<u8>)>,
    pub(super) unsigned_query: Vec<(&'static str, String)>,
    pub(super) on_short_credential: OnShortCredential,
    pub(super) cap: Lifetime,
    pub(super) justification: Option<Justification>,
    /// What may be left out if it turns out, with the key, that the token cannot carry it.
    pub(super) given_up: Vec<Constraint>,
    pub(super) dot_segments: bool,
}

impl UrlRequest {
    fn new<P>(resource: Resource, terms: impl Into<Terms<P>>) -> Self {
        Self {
            endpoint: Endpoint::azure(),
            resource,
            terms: terms.into().given,
            protocol: Protocol::Https,
            version: None,
            address: None,
            fields: Vec::new(),
            headers: Vec::new(),
            query: Vec::new(),
            unsigned_headers: Vec::new(),
            unsigned_query: Vec::new(),
            on_short_credential: OnShortCredential::Refuse,
            cap: Lifetime::DEFAULT,
            justification: None,
            given_up: Vec::new(),
            dot_segments: false,
        }
    }

    /// One blob.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for names that the service does not take.
    pub fn blob(container: &str, name: &str, terms: impl Into<Terms<BlobPermissions>>) -> Result<Self, IssueError> {
        check_path(name)?;
        Ok(Self::new(Resource::new(Kind::Blob, Service::Blob, container, name)?, terms))
    }

    /// One snapshot of a blob, by its time as the service wrote it. The snapshot is signed, and goes into the URL beside
    /// the token.
    ///
    /// # Errors
    /// As [`blob`](Self::blob), also for a snapshot time that is none.
    pub fn snapshot(
        container: &str,
        name: &str,
        snapshot: &str,
        terms: impl Into<Terms<BlobPermissions>>,
    ) -> Result<Self, IssueError> {
        Self::part_of_blob(Kind::Snapshot, "snapshot", [container, name, snapshot], terms)
    }

    /// One version of a blob, by its id as the service wrote it. The id is signed, and goes into the URL beside the token.
    ///
    /// # Errors
    /// As [`blob`](Self::blob), also for a version id that is none.
    pub fn blob_version(
        container: &str,
        name: &str,
        version_id: &str,
        terms: impl Into<Terms<BlobPermissions>>,
    ) -> Result<Self, IssueError> {
        Self::part_of_blob(Kind::BlobVersion, "versionid", [container, name, version_id], terms)
    }

    fn part_of_blob(
        kind: Kind,
        param: &'static str,
        [container, name, id]: [&str; 3],
        terms: impl Into<Terms<BlobPermissions>>,
    ) -> Result<Self, IssueError> {
        check_path(name)?;
        if time::Moment::parse(id.as_bytes()).is_none() {
            return Err(IssueError::Invalid { what: "snapshot or version", why: "it must be a time in ISO 8601" });
        }
        let mut resource = Resource::new(kind, Service::Blob, container, name)?;
        resource.snapshot = Some(id.to_owned());
        let mut request = Self::new(resource, terms);
        request.unsigned_query.push((param, id.to_owned()));
        Ok(request)
    }

    /// A directory and everything below it, in an account with a hierarchical namespace. Its depth is counted, never
    /// given. Needs a justification.
    ///
    /// # Errors
    /// As [`blob`](Self::blob), also for a path with empty or dot segments or a `/` at its ends.
    pub fn directory(
        container: &str,
        path: &str,
        terms: impl Into<Terms<DirectoryPermissions>>,
    ) -> Result<Self, IssueError> {
        check_directory(path)?;
        Ok(Self::new(Resource::new(Kind::Directory, Service::DataLake, container, path)?, terms))
    }

    /// Every blob of a container. Needs a justification.
    ///
    /// # Errors
    /// As [`blob`](Self::blob).
    pub fn container(name: &str, terms: impl Into<Terms<ContainerPermissions>>) -> Result<Self, IssueError> {
        Ok(Self::new(Resource::new(Kind::Container, Service::Blob, name, "")?, terms))
    }

    /// Every file of a share. Needs a justification.
    ///
    /// # Errors
    /// As [`blob`](Self::blob).
    pub fn share(name: &str, terms: impl Into<Terms<SharePermissions>>) -> Result<Self, IssueError> {
        Ok(Self::new(Resource::new(Kind::Share, Service::File, name, "")?, terms))
    }

    /// One file of a share.
    ///
    /// # Errors
    /// As [`blob`](Self::blob).
    pub fn file(share: &str, path: &str, terms: impl Into<Terms<FilePermissions>>) -> Result<Self, IssueError> {
        check_path(path)?;
        Ok(Self::new(Resource::new(Kind::File, Service::File, share, path)?, terms))
    }

    /// A queue.
    ///
    /// # Errors
    /// As [`blob`](Self::blob).
    pub fn queue(name: &str, terms: impl Into<Terms<QueuePermissions>>) -> Result<Self, IssueError> {
        Ok(Self::new(Resource::new(Kind::Queue, Service::Queue, name, "")?, terms))
    }

    /// The entities of a table in a range of keys.
    ///
    /// # Errors
    /// As [`blob`](Self::blob), also for a range that makes no sense.
    pub fn table(name: &str, range: KeyRange, terms: impl Into<Terms<TablePermissions>>) -> Result<Self, IssueError> {
        range.check()?;
        let mut resource = Resource::new(Kind::Table, Service::Table, name, "")?;
        resource.range = range;
        Ok(Self::new(resource, terms))
    }

    /// At another endpoint than Azure's public one.
    #[must_use]
    pub fn endpoint(mut self, endpoint: &Endpoint) -> Self {
        self.endpoint = endpoint.clone();
        self
    }

    /// Through another service than the usual one: blobs and containers through Data Lake Storage, directories through
    /// the blob service. Without effect on other resources.
    #[must_use]
    pub fn through(mut self, service: Service) -> Self {
        if service.canonical() == self.resource.service.canonical() {
            self.resource.service = service;
        }
        self
    }

    /// With this service version. By default it is the oldest from 2020-12-06 on that has all that is asked for, so that
    /// servers which lag behind can read it.
    #[must_use]
    pub const fn version(mut self, version: Version) -> Self {
        self.version = Some(version);
        self
    }

    /// Over these protocols.
    #[must_use]
    pub const fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// Only for clients from this address or range.
    #[must_use]
    pub const fn address(mut self, range: AddressRange) -> Self {
        self.address = Some(range);
        self
    }

    fn field(mut self, field: Field, value: impl Into<String>) -> Self {
        self.fields.retain(|(other, _)| *other != field);
        self.fields.push((field, value.into()));
        self
    }

    /// Uploads are encrypted in this scope. Blobs only.
    #[must_use]
    pub fn encryption_scope(self, name: impl Into<String>) -> Self {
        self.field(Field::EncryptionScope, name)
    }

    /// Downloads come with this `Cache-Control`. Blobs and files only, as the other four.
    #[must_use]
    pub fn cache_control(self, value: impl Into<String>) -> Self {
        self.field(Field::CacheControl, value)
    }

    /// Downloads come with this `Content-Disposition`: see [`ContentDisposition`](crate::grant::ContentDisposition) for
    /// file names of any kind.
    #[must_use]
    pub fn content_disposition(self, value: impl Into<String>) -> Self {
        self.field(Field::ContentDisposition, value)
    }

    /// Downloads come with this `Content-Encoding`.
    #[must_use]
    pub fn content_encoding(self, value: impl Into<String>) -> Self {
        self.field(Field::ContentEncoding, value)
    }

    /// Downloads come with this `Content-Language`.
    #[must_use]
    pub fn content_language(self, value: impl Into<String>) -> Self {
        self.field(Field::ContentLanguage, value)
    }

    /// Downloads come with this `Content-Type`.
    #[must_use]
    pub fn content_type(self, value: impl Into<String>) -> Self {
        self.field(Field::ContentType, value)
    }

    /// The object id of a user whom the owner of the delegation key has authorised (`saoid`): the service checks no
    /// access control list. User delegation only, and not beside [`unauthorized_agent`](Self::unauthorized_agent).
    #[must_use]
    pub fn authorized_agent(self, object_id: impl Into<String>) -> Self {
        self.field(Field::AuthorizedObject, object_id)
    }

    /// The object id of a user for whom the service checks access control lists (`suoid`). User delegation only.
    #[must_use]
    pub fn unauthorized_agent(self, object_id: impl Into<String>) -> Self {
        self.field(Field::UnauthorizedObject, object_id)
    }

    /// A GUID that the logs of the service show beside each use (`scid`). User delegation only.
    #[must_use]
    pub fn correlation_id(self, guid: impl Into<String>) -> Self {
        self.field(Field::Correlation, guid)
    }

    /// Only for this user, by object id, who has to present a token of his own as well (`sduoid`). User delegation only.
    #[must_use]
    pub fn delegated_user(self, object_id: impl Into<String>) -> Self {
        self.field(Field::DelegatedObject, object_id)
    }

    /// Every request has to have this header with exactly this value (`srh`). User delegation only.
    #[must_use]
    pub fn required_header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.bind_header(name, value, Constraint::Resource)
    }

    pub(super) fn bind_header(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
        constraint: Constraint,
    ) -> Self {
        self.headers.push(Bound { name: name.into(), value: value.into(), constraint });
        self
    }

    /// Every request has to have this query parameter with exactly this value (`srq`), which goes into the URL. User
    /// delegation only.
    #[must_use]
    pub fn required_query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push(Bound { name: name.into(), value: value.into(), constraint: Constraint::Resource });
        self
    }

    /// What to do when a user delegation key ends first.
    #[must_use]
    pub const fn on_short_credential(mut self, choice: OnShortCredential) -> Self {
        self.on_short_credential = choice;
        self
    }

    /// Allows `.` and `..` as whole segments of the name. Most HTTP clients fold them before sending.
    #[must_use]
    pub const fn allow_dot_segments(mut self) -> Self {
        self.dot_segments = true;
        self
    }

    pub(super) const fn allows_dot_segments(&self) -> bool {
        self.dot_segments
    }

    /// Says why the request is broader than the default: several permissions, more than one object, a long life, or plain
    /// HTTP.
    #[must_use]
    pub fn because(mut self, why: Justification) -> Self {
        self.justification = Some(why);
        self
    }
}

impl fmt::Debug for UrlRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UrlRequest")
            .field("kind", &self.resource.kind)
            .field("container", &self.resource.container)
            .field("terms", &self.terms)
            .finish_non_exhaustive()
    }
}
