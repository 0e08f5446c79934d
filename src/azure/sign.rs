//! Signing a token for one resource: prepared without a secret, finished with a signature.

use super::{
    Endpoint,
    address::AddressRange,
    canonical::{Field, StringToSign},
    key::{Credential, Signature, is_guid},
    permissions::{
        BlobPermissions, ContainerPermissions, DirectoryPermissions, FilePermissions, Letters, QueuePermissions,
        SharePermissions, TablePermissions,
    },
    resource::{KeyRange, Kind, Resource, Service, check_directory, check_path},
    stored_policy::{Given, Settled, Terms},
    time,
    version::Version,
};
use crate::{
    clock::Timestamp,
    encode,
    error::IssueError,
    grant::{Constraint, Justification, Lifetime, OnShortCredential, plan::Form},
    target::has_dot_segment,
    token::BearerUrl,
};
use alloc::{
    borrow::{Cow, ToOwned},
    string::{String, ToString},
    vec::Vec,
};
use core::{convert::Infallible, fmt};

/// The form that this crate names in errors.
pub(super) const FORM: &str = "a shared access signature";

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
struct Bound {
    name: String,
    value: String,
    constraint: Constraint,
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
    version: Option<Version>,
    address: Option<AddressRange>,
    /// Further parameters of the token, in the order in which they are written.
    fields: Vec<(Field, String)>,
    headers: Vec<Bound>,
    query: Vec<Bound>,
    /// What the client sends beside the token and nobody signs.
    pub(super) unsigned_headers: Vec<(String, Vec<u8>)>,
    pub(super) unsigned_query: Vec<(&'static str, String)>,
    on_short_credential: OnShortCredential,
    pub(super) cap: Lifetime,
    pub(super) justification: Option<Justification>,
    /// What may be left out if it turns out, with the key, that the token cannot carry it.
    pub(super) given_up: Vec<Constraint>,
    dot_segments: bool,
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

    /// Prepares the token: no secret, no I/O.
    ///
    /// # Errors
    /// [`IssueError::Unjustified`] for what is broader than one permission on one object for fifteen minutes over HTTPS
    /// without a reason; [`IssueError::OutlivesCredential`] if a delegation key ends first;
    /// [`IssueError::NotEnforceable`] for what this kind of token or its version cannot carry; and
    /// [`IssueError::Invalid`] for what the service does not take, or what stands both in the token and in its policy.
    pub fn prepare(&self, credential: &Credential, now: Timestamp) -> Result<Prepared, IssueError> {
        let is_delegated = credential.delegation().is_some();
        let form = if is_delegated { Form::AzureDelegationSas } else { Form::AzureServiceSas };
        self.held_by(is_delegated).prepare_all(credential, now).map_err(|error| error.of(form))
    }

    /// The request without what this kind of token cannot carry and was given up.
    pub(super) fn held_by(&self, is_delegated: bool) -> Cow<'_, Self> {
        if self.given_up.is_empty() {
            return Cow::Borrowed(self);
        }
        let layout = self.resource.kind.layout(is_delegated);
        let stays = |field, constraint| layout.since(field).is_some() || !self.given_up.contains(&constraint);
        let mut held = self.clone();
        held.fields.retain(|(field, _)| stays(*field, self.constraint_of(*field)));
        held.headers.retain(|bound| stays(Field::Headers, bound.constraint));
        Cow::Owned(held)
    }

    fn prepare_all(&self, credential: &Credential, now: Timestamp) -> Result<Prepared, IssueError> {
        let delegation = credential.delegation();
        let layout = self.resource.kind.layout(delegation.is_some());
        let settled = self.settle(credential, now)?;
        let mut fields = self.own_fields(credential, settled)?;
        let version = self.pick_version(credential, &fields, settled)?;
        fields.push((Field::Version, version.as_str().to_owned()));
        let value = |wanted: Field| fields.iter().find(|(field, _)| *field == wanted).map(|(_, text)| text.as_str());

        let canonical = self.resource.canonicalized(credential.account_name());
        let mut text = Vec::new();
        let Ok(_) = layout.put(version, u64::MAX, &mut text, |field, text| {
            self.put_line(field, &canonical, value(field).unwrap_or_default(), text);
            Ok::<_, Infallible>(())
        });

        let mut url = self.endpoint.base(credential.account_name(), self.resource.service);
        url.push_str(&self.wire_path()?);
        let own = self.unsigned_query.iter().map(|(name, value)| (*name, value.as_str()));
        let bound = self.query.iter().map(|it| (it.name.as_str(), it.value.as_str()));
        let token = WRITTEN.iter().filter_map(|field| Some((field.name(), value(*field)?)));
        let mut separator = '?';
        for (name, value) in own.chain(bound).chain(token) {
            url.push(separator);
            url.extend(encode::component(name.as_bytes()));
            url.push('=');
            url.extend(encode::component(value.as_bytes()));
            separator = '&';
        }
        let mut required = self.unsigned_headers.clone();
        required.extend(self.headers.iter().map(|it| (it.name.to_ascii_lowercase(), it.value.clone().into_bytes())));
        required.sort();
        Ok(Prepared(Parts {
            url,
            method: self.method(settled.letters),
            required,
            expires_at: settled.expires_at,
            string_to_sign: StringToSign::new(text),
        }))
    }

    /// Writes what stands on one line; `value` is what the token says for that field.
    fn put_line(&self, field: Field, canonical: &str, value: &str, text: &mut Vec<u8>) {
        match field {
            Field::Canonical => text.extend_from_slice(canonical.as_bytes()),
            Field::Snapshot => text.extend_from_slice(self.resource.snapshot.as_deref().unwrap_or_default().as_bytes()),
            Field::Headers => {
                for it in &self.headers {
                    text.extend_from_slice([&it.name, ":", &it.value, "\n"].concat().as_bytes());
                }
            }
            Field::Query => {
                for it in &self.query {
                    text.extend_from_slice(["\n", &it.name, ":", &it.value].concat().as_bytes());
                }
            }
            _ => text.extend_from_slice(value.as_bytes()),
        }
    }

    /// Holds the request to the narrow default and to the life of the key.
    fn settle(&self, credential: &Credential, now: Timestamp) -> Result<Settled, IssueError> {
        let mut settled = self.terms.settle(&self.resource.kind.orders(), now)?;
        if self.justification.is_none() {
            self.refuse_broad(settled)?;
        }
        let Some(delegation) = credential.delegation() else { return Ok(settled) };
        if self.terms.policy.is_some() {
            return Err(IssueError::Invalid {
                what: "stored access policy",
                why: "a user delegation SAS cannot have one: it is taken back with its key",
            });
        }
        if delegation.service != self.resource.service.letter() {
            return Err(IssueError::Invalid { what: "user delegation key", why: "it is for another service" });
        }
        if settled.expires_at > delegation.expires_at() {
            let clamped = delegation.expires_at();
            if self.on_short_credential == OnShortCredential::Refuse || clamped <= settled.begins {
                return Err(IssueError::OutlivesCredential {
                    token_ends: settled.expires_at,
                    credential_ends: delegation.expires_at(),
                });
            }
            settled.expires_at = clamped;
        }
        Ok(settled)
    }

    fn refuse_broad(&self, settled: Settled) -> Result<(), IssueError> {
        let unjustified = |what| Err(IssueError::Unjustified { what });
        if matches!(self.resource.kind, Kind::Container | Kind::Directory | Kind::Share) {
            return unjustified("more than one object");
        }
        // Creating or overwriting is one action in two letters.
        if !(settled.letters.is_one() || settled.letters == Letters::of("cw")) {
            return unjustified("more than one permission");
        }
        if settled.expires_at.seconds_since(settled.begins) > i64::from(self.cap.seconds()) {
            return unjustified("a lifetime beyond the default");
        }
        if self.protocol != Protocol::Https || !self.endpoint.is_https() {
            return unjustified("plain HTTP");
        }
        Ok(())
    }

    /// Every parameter of the token but its version and signature.
    fn own_fields(&self, credential: &Credential, settled: Settled) -> Result<Vec<(Field, String)>, IssueError> {
        let kind = self.resource.kind;
        let mut fields = self.fields.clone();
        let mut push = |field, value: Option<String>| fields.extend(value.map(|value| (field, value)));
        push(Field::Permissions, self.terms.letters.clone());
        push(Field::Start, self.terms.start.map(time::write));
        push(Field::Expiry, self.terms.lifetime.map(|_| time::write(settled.expires_at)));
        push(Field::Identifier, self.terms.policy.as_ref().map(|policy| policy.id().to_owned()));
        push(Field::Address, self.address.map(|range| range.to_string()));
        push(Field::Protocol, self.protocol.value().map(ToString::to_string));
        push(Field::Resource, kind.sr().map(ToString::to_string));
        push(Field::Depth, self.resource.depth());
        push(Field::Table, (kind == Kind::Table).then(|| self.resource.container.clone()));
        let range = &self.resource.range;
        push(Field::StartPartition, range.start_partition.clone());
        push(Field::StartRow, range.start_row.clone());
        push(Field::EndPartition, range.end_partition.clone());
        push(Field::EndRow, range.end_row.clone());
        if let Some(delegation) = credential.delegation() {
            push(Field::KeyObject, Some(delegation.oid.clone()));
            push(Field::KeyTenant, Some(delegation.tid.clone()));
            push(Field::KeyStart, Some(delegation.start.clone()));
            push(Field::KeyExpiry, Some(delegation.expiry.clone()));
            push(Field::KeyService, Some(delegation.service.clone()));
            push(Field::KeyVersion, Some(delegation.version.clone()));
            push(Field::DelegatedTenant, delegation.delegated_user_tid.clone());
        }
        push(Field::Headers, names(&self.headers)?);
        push(Field::Query, names(&self.query)?);
        check_texts(&fields)?;
        Ok(fields)
    }

    /// The oldest version that carries everything, or the one that was asked for if it does.
    fn pick_version(
        &self,
        credential: &Credential,
        fields: &[(Field, String)],
        settled: Settled,
    ) -> Result<Version, IssueError> {
        let fields = fields.iter().map(|(field, _)| *field);
        let needed = self.version_for(credential.delegation().is_some(), fields)?;
        let needed = needed.max(self.resource.kind.knows(settled.letters));
        match self.version {
            None => Ok(needed.max(Version::V2020_12_06)),
            Some(version) if version >= needed => Ok(version),
            Some(_) => Err(not_enforceable(Constraint::Resource, "a newer signed version can")),
        }
    }

    /// The oldest version in which this kind of token has all these fields.
    fn version_for(&self, is_delegated: bool, fields: impl Iterator<Item = Field>) -> Result<Version, IssueError> {
        let kind = self.resource.kind;
        let no_table = "tables have service SAS only: sign it with the account key";
        let mut needed = kind.since(is_delegated).ok_or(not_enforceable(Constraint::Resource, no_table))?;
        for field in fields.filter(|field| !matches!(field, Field::Resource | Field::Depth | Field::Table)) {
            let instead = if is_delegated {
                "this kind of resource has no such field"
            } else {
                "a user delegation SAS for blobs might carry it"
            };
            let since = kind.layout(is_delegated).since(field);
            needed = needed.max(since.ok_or(not_enforceable(self.constraint_of(field), instead))?);
        }
        Ok(needed)
    }

    /// What of a grant this kind of token carries: fields of its own, and headers that it signs.
    pub(super) fn carried(&self, is_delegated: bool) -> Result<(Vec<Field>, Vec<&str>), IssueError> {
        let start = self.terms.start.map(|_| Field::Start);
        let address = self.address.map(|_| Field::Address);
        let own: Vec<Field> = self.fields.iter().map(|(field, _)| *field).chain(start).chain(address).collect();
        let headers: Vec<&str> = self.headers.iter().map(|bound| bound.name.as_str()).collect();
        let signed = (!headers.is_empty()).then_some(Field::Headers);
        self.version_for(is_delegated, own.iter().copied().chain(signed))?;
        Ok((own, headers))
    }

    fn constraint_of(&self, field: Field) -> Constraint {
        match field {
            Field::EncryptionScope => Constraint::Encryption,
            Field::Correlation => Constraint::RequestId,
            Field::Headers => self.headers.first().map_or(Constraint::Resource, |bound| bound.constraint),
            Field::CacheControl
            | Field::ContentDisposition
            | Field::ContentEncoding
            | Field::ContentLanguage
            | Field::ContentType => Constraint::ResponseHeaders,
            _ => Constraint::Resource,
        }
    }

    /// The path as it goes on the wire.
    fn wire_path(&self) -> Result<String, IssueError> {
        let mut path = String::from("/");
        encode::push_path(&mut path, &self.resource.container);
        match self.resource.kind {
            Kind::Queue => path.push_str("/messages"),
            // Listing a directory is a request to its file system, see `storage.rs`.
            Kind::Directory if self.unsigned_query.iter().any(|(name, _)| *name == "directory") => {}
            _ if self.resource.path.is_empty() => {}
            _ => {
                path.push('/');
                encode::push_path(&mut path, &self.resource.path);
            }
        }
        if !self.dot_segments && has_dot_segment(&path) {
            return Err(dot_segment());
        }
        Ok(path)
    }

    /// The method of the first thing that the token allows.
    fn method(&self, letters: Letters) -> String {
        let is = |others: &str| letters.has_any(Letters::of(others));
        let method = match self.resource.kind {
            Kind::Table if is("r") => "GET",
            Kind::Queue | Kind::Table if is("a") => "POST",
            _ if is("rlpf") => "GET",
            _ if is("cwatu") => "PUT",
            _ => "DELETE",
        };
        method.to_owned()
    }
}

fn not_enforceable(constraint: Constraint, instead: &'static str) -> IssueError {
    IssueError::NotEnforceable { constraint, form: FORM, instead }
}

pub(super) fn dot_segment() -> IssueError {
    IssueError::Invalid {
        what: "blob name",
        why: "a segment is `.` or `..`, which clients fold: see `allow_dot_segments`",
    }
}

/// The order in which parameters are written.
pub(super) const WRITTEN: [Field; 35] = {
    use Field as F;
    [
        F::Version,
        F::Services,
        F::ResourceTypes,
        F::Start,
        F::Expiry,
        F::Resource,
        F::Depth,
        F::Table,
        F::Permissions,
        F::Address,
        F::Protocol,
        F::Identifier,
        F::EncryptionScope,
        F::StartPartition,
        F::StartRow,
        F::EndPartition,
        F::EndRow,
        F::KeyObject,
        F::KeyTenant,
        F::KeyStart,
        F::KeyExpiry,
        F::KeyService,
        F::KeyVersion,
        F::AuthorizedObject,
        F::UnauthorizedObject,
        F::Correlation,
        F::DelegatedTenant,
        F::DelegatedObject,
        F::Headers,
        F::Query,
        F::CacheControl,
        F::ContentDisposition,
        F::ContentEncoding,
        F::ContentLanguage,
        F::ContentType,
    ]
};

/// The names of `srh` and `srq`, each once.
fn names(bound: &[Bound]) -> Result<Option<String>, IssueError> {
    let invalid = |why| Err(IssueError::Invalid { what: "required header or parameter", why });
    for (at, it) in bound.iter().enumerate() {
        let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b',' | b':');
        if it.name.is_empty() || !it.name.bytes().all(plain) {
            return invalid("its name must be visible ASCII without `,` and `:`");
        }
        if Field::of(&it.name.to_ascii_lowercase()).is_some() {
            return invalid("it belongs to the token itself");
        }
        if bound.iter().take(at).any(|other| other.name.eq_ignore_ascii_case(&it.name)) {
            return invalid("it is there twice");
        }
        if it.value.chars().any(char::is_control) {
            return invalid("its value holds a control character");
        }
    }
    let names: Vec<&str> = bound.iter().map(|it| it.name.as_str()).collect();
    Ok((!names.is_empty()).then(|| names.join(",")))
}

/// Holds the texts of a token to what the service takes. No text may hold a line feed, which would shift the lines that are
/// signed.
pub(super) fn check_texts(fields: &[(Field, String)]) -> Result<(), IssueError> {
    let has = |wanted| fields.iter().any(|(field, _)| *field == wanted);
    for (field, text) in fields {
        let invalid = |why| Err(IssueError::Invalid { what: field.name(), why });
        if text.is_empty() || text.len() > 1024 || text.chars().any(char::is_control) {
            return invalid("it must be 1 to 1024 bytes without control characters");
        }
        let is_header = (Field::CacheControl as u8..=Field::ContentType as u8).contains(&(*field as u8));
        if is_header && !text.is_ascii() {
            return invalid("it must be ASCII: see `ContentDisposition` for file names of any kind");
        }
        let is_id = matches!(
            field,
            Field::AuthorizedObject | Field::UnauthorizedObject | Field::Correlation | Field::DelegatedObject
        );
        if is_id && !is_guid(text) {
            return invalid("it must be a GUID");
        }
    }
    if has(Field::AuthorizedObject) && has(Field::UnauthorizedObject) {
        return Err(IssueError::Invalid { what: "suoid", why: "it cannot stand beside `saoid`" });
    }
    Ok(())
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

/// A token that lacks only its signature.
#[derive(Clone)]
pub struct Prepared(Parts);

/// What a token is made of.
#[derive(Clone)]
pub(super) struct Parts {
    pub(super) url: String,
    pub(super) method: String,
    pub(super) required: Vec<(String, Vec<u8>)>,
    pub(super) expires_at: Timestamp,
    pub(super) string_to_sign: StringToSign,
}

impl Prepared {
    /// What has to be signed: HMAC-SHA256 with the account key or the user delegation key, each decoded from base64.
    #[must_use]
    pub const fn string_to_sign(&self) -> &StringToSign {
        &self.0.string_to_sign
    }

    /// The last second at which the token will be good.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.0.expires_at
    }

    /// Makes the URL.
    #[must_use]
    pub fn finish(self, signature: &Signature) -> BearerUrl {
        let Parts { mut url, method, required, expires_at, .. } = self.0;
        push_signature(&mut url, signature);
        BearerUrl::new(url, method, expires_at, required)
    }

    pub(super) fn into_parts(self) -> Parts {
        self.0
    }
}

pub(super) fn push_signature(text: &mut String, signature: &Signature) {
    text.push_str("&sig=");
    encode::push_base64_component(text, signature.bytes());
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("method", &self.0.method)
            .field("resource", &self.0.url.split('?').next().unwrap_or_default())
            .field("expires_at", &self.0.expires_at)
            .finish_non_exhaustive()
    }
}
