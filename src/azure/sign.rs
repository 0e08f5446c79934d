//! Signing a token for one resource: prepared without a secret, finished with a signature.

use super::{
    canonical::{Field, StringToSign},
    key::{Credential, Signature, is_guid},
    permissions::Letters,
    resource::Kind,
    stored_policy::Settled,
    time,
    url_request::{Bound, Protocol, UrlRequest},
    version::Version,
};
use crate::{
    clock::Timestamp,
    encode,
    error::IssueError,
    grant::{Constraint, OnShortCredential, plan::Form},
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

impl UrlRequest {
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
