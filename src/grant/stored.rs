//! A grant as it is stored, in any format of serde.
//!
//! What is read goes through the constructors of [`Grant`], so that nothing comes out that could not have been made. Unknown
//! and repeated members are refused. All members are written, also those that say nothing, since formats that do not name
//! them count them.

use super::{
    Action, Actions, Classification, Constraint, ContentType, CopySource, Encryption, Grant, Justification, Lifetime,
    Listing, Resource, ResponseHeader, Size, listing::Place,
};
use crate::clock::Timestamp;
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::Error as _,
    ser::{Error as _, SerializeSeq},
};

/// The most bytes of one text.
const TEXT: usize = 4096;
/// The most members of a list.
const LIST: usize = 128;

impl Serialize for Actions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.iter().count()))?;
        for action in self.iter() {
            list.serialize_element(&action)?;
        }
        list.end()
    }
}

/// A list of at least one action, each once.
impl<'de> Deserialize<'de> for Actions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = Vec::<Action>::deserialize(deserializer)?;
        let mut actions: Option<Self> = None;
        for action in list {
            if actions.is_some_and(|all| all.contains(action)) {
                return Err(D::Error::custom(format_args!("the action `{action}` is there twice")));
            }
            actions = Some(actions.map_or(action.into(), |all| all | action.into()));
        }
        actions.ok_or_else(|| D::Error::custom("at least one action is needed"))
    }
}

/// In seconds.
impl Serialize for Lifetime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.seconds())
    }
}

impl<'de> Deserialize<'de> for Lifetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_seconds(u32::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Serialize for Justification {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Justification {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// The members of a grant.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Grant", deny_unknown_fields)]
struct Stored {
    actions: Actions,
    container: String,
    resource: Resource,
    #[serde(default = "default_lifetime")]
    lifetime: Lifetime,
    #[serde(default)]
    classification: Classification,
    #[serde(default)]
    justification: Option<Justification>,
    #[serde(default)]
    content_type: Option<ContentType>,
    #[serde(default)]
    size: Option<Size>,
    /// In lower-case hex.
    #[serde(default)]
    sha256: Option<String>,
    #[serde(default)]
    encryption: Option<Encryption>,
    #[serde(default)]
    storage_class: Option<String>,
    #[serde(default)]
    metadata: Vec<(String, String)>,
    #[serde(default)]
    response_headers: Vec<(ResponseHeader, String)>,
    #[serde(default)]
    client_address: Option<String>,
    #[serde(default)]
    not_before: Option<Timestamp>,
    #[serde(default)]
    single_use: bool,
    #[serde(default)]
    request_id: Option<String>,
    #[serde(default)]
    dot_segments: bool,
    #[serde(default)]
    open_prefix: bool,
    #[serde(default)]
    source: Option<CopySource>,
    #[serde(default)]
    listing: Option<Listing>,
    #[serde(default)]
    given_up: Vec<(Constraint, Justification)>,
}

fn default_lifetime() -> Lifetime {
    Lifetime::DEFAULT
}

impl Serialize for Grant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Stored::of(self).map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Grant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Stored::deserialize(deserializer)?.grant().map_err(D::Error::custom)
    }
}

impl Stored {
    fn of(grant: &Grant) -> Result<Self, &'static str> {
        // Every member by its name, so that a new one cannot be forgotten here.
        let Grant {
            actions,
            container,
            resource,
            lifetime,
            classification,
            justification,
            content_type,
            size,
            sha256,
            encryption,
            storage_class,
            metadata,
            response_headers,
            client_address,
            not_before,
            single_use,
            request_id,
            dot_segments,
            open_prefix,
            source,
            listing,
            given_up,
            stray_version,
        } = grant.clone();
        if stray_version.is_some() {
            return Err("a version is of one object: such a grant is refused everywhere");
        }
        let stored = Self {
            actions,
            container,
            resource,
            lifetime,
            classification,
            justification,
            content_type,
            size,
            sha256: sha256.map(hex::encode),
            encryption,
            storage_class,
            metadata,
            response_headers,
            client_address,
            not_before,
            single_use,
            request_id,
            dot_segments,
            open_prefix,
            source,
            listing,
            given_up,
        };
        stored.check_limits()?;
        Ok(stored)
    }

    fn grant(self) -> Result<Grant, String> {
        self.check_limits()?;
        let grant = self.begin()?;
        let sha256 = self.sha256.as_deref().map(read_digest).transpose()?;
        // The rest has no form beyond its type: what it is good for is decided where a token is made of it.
        let grant = Grant {
            resource: self.resource,
            lifetime: self.lifetime,
            classification: self.classification,
            justification: self.justification,
            content_type: self.content_type,
            size: self.size,
            sha256,
            encryption: self.encryption,
            storage_class: self.storage_class,
            metadata: self.metadata,
            response_headers: self.response_headers,
            client_address: self.client_address,
            not_before: self.not_before,
            single_use: self.single_use,
            request_id: self.request_id,
            dot_segments: self.dot_segments,
            open_prefix: self.open_prefix,
            listing: self.listing,
            ..grant
        };
        self.given_up.into_iter().try_fold(grant, |grant, (constraint, why)| {
            if grant.has_given_up(constraint) {
                return Err(format!("`{constraint}` is given up twice"));
            }
            grant.unenforced(constraint, why).map_err(|why| why.to_string())
        })
    }

    /// The grant by the constructor that makes its kind.
    fn begin(&self) -> Result<Grant, String> {
        let container = self.container.as_str();
        let is_copy = self.actions.only() == Some(Action::Copy);
        let broad = match (&self.resource, self.source.clone()) {
            (Resource::Prefix(prefix), None) => Grant::under(container, prefix, self.actions),
            (Resource::Object { name, .. }, Some(source)) if is_copy => Grant::copy(source, container, name),
            (Resource::Part { name, upload_id, number }, Some(source)) if is_copy => {
                Grant::copy_part(source, container, name, upload_id, *number)
            }
            (_, Some(_)) => return Err("a source is for the copy of an object or a part alone".into()),
            (resource, None) => {
                let of = |action| {
                    let why = || format!("the action `{action}` is not for this kind of resource, or lacks its source");
                    one(container, resource, action).ok_or_else(why)
                };
                let grants: Vec<Grant> = self.actions.iter().map(of).collect::<Result<_, _>>()?;
                if let [grant] = grants.as_slice() {
                    return Ok(grant.clone());
                }
                Grant::together(&grants).map_err(|why| why.to_string())?
            }
        };
        let why = self.justification.clone().ok_or("a grant that is broader than one action on one object says why")?;
        Ok(broad.because(why))
    }

    fn check_limits(&self) -> Result<(), &'static str> {
        let (name, id) = match &self.resource {
            Resource::Object { name, version } => (name.as_str(), version.as_deref()),
            Resource::Part { name, upload_id, .. } | Resource::MultipartUpload { name, upload_id } => {
                (name.as_str(), Some(upload_id.as_str()))
            }
            Resource::Prefix(prefix) => (prefix.as_str(), None),
            Resource::Queue => ("", None),
        };
        let media = match &self.content_type {
            Some(ContentType::Exact(text) | ContentType::Prefix(text)) => Some(text.as_str()),
            Some(ContentType::Any) | None => None,
        };
        let key = match &self.encryption {
            Some(Encryption::ManagedKey(key)) => Some(key.as_str()),
            Some(Encryption::Provider) | None => None,
        };
        let texts = [Some(self.container.as_str()), Some(name), id, media, key]
            .into_iter()
            .chain([&self.storage_class, &self.client_address, &self.request_id].map(Option::as_deref))
            .flatten()
            .chain(self.metadata.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]))
            .chain(self.response_headers.iter().map(|(_, value)| value.as_str()))
            .chain(self.source.iter().flat_map(|source| {
                [source.container.as_str(), &source.name].into_iter().chain(source.version.as_deref())
            }))
            .chain(self.listing.iter().flat_map(|listing| {
                listing.delimiter.as_deref().into_iter().chain(
                    match &listing.from {
                        Some(Place::Token(text) | Place::Name(text)) => [Some(text.as_str()), None],
                        Some(Place::Version(name, id)) => [Some(name.as_str()), Some(id.as_str())],
                        Some(Place::Part(_)) | None => [None, None],
                    }
                    .into_iter()
                    .flatten(),
                )
            }));
        if texts.into_iter().any(|text| text.len() > TEXT) {
            return Err("a text of a grant has at most 4096 bytes");
        }
        if self.metadata.len().max(self.response_headers.len()).max(self.given_up.len()) > LIST {
            return Err("a list of a grant has at most 128 members");
        }
        let source = self.source.as_ref().and_then(|source| source.range.as_ref());
        let size = match &self.size {
            Some(Size::Range(range)) => Some(range),
            Some(Size::Any) | None => None,
        };
        if source.into_iter().chain(size).any(|range| range.start() > range.end()) {
            return Err("a range begins where it ends or before");
        }
        Ok(())
    }
}

/// A grant for one action on one resource.
fn one(container: &str, resource: &Resource, action: Action) -> Option<Grant> {
    Some(match (resource, action) {
        (Resource::Object { name, .. }, Action::Read) => Grant::read(container, name),
        (Resource::Object { name, .. }, Action::Head) => Grant::head(container, name),
        (Resource::Object { name, .. }, Action::Upload) => Grant::upload(container, name),
        (Resource::Object { name, .. }, Action::Create) => Grant::create(container, name),
        (Resource::Object { name, .. }, Action::Delete) => Grant::delete(container, name),
        (Resource::Object { name, .. }, Action::StartMultipart) => Grant::start_multipart(container, name),
        (Resource::Object { name, .. }, Action::ReadTags) => Grant::read_tags(container, name),
        (Resource::Object { name, .. }, Action::WriteTags) => Grant::write_tags(container, name),
        (Resource::Object { name, .. }, Action::DeleteTags) => Grant::delete_tags(container, name),
        (Resource::Part { name, upload_id, number }, Action::UploadPart) => {
            Grant::upload_part(container, name, upload_id, *number)
        }
        (Resource::MultipartUpload { name, upload_id }, Action::Abort) => Grant::abort(container, name, upload_id),
        (Resource::MultipartUpload { name, upload_id }, Action::CompleteMultipart) => {
            Grant::complete_multipart(container, name, upload_id)
        }
        (Resource::MultipartUpload { name, upload_id }, Action::ListParts) => {
            Grant::list_parts(container, name, upload_id)
        }
        (Resource::Queue, Action::Send) => Grant::send(container),
        (Resource::Queue, Action::Receive) => Grant::receive(container),
        _ => return None,
    })
}

fn read_digest(text: &str) -> Result<[u8; 32], &'static str> {
    const FORM: &str = "a SHA-256 digest is 64 lower-case hexadecimal digits";
    let mut digest = [0; 32];
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(FORM);
    }
    hex::decode_to_slice(text, &mut digest).map_err(|_| FORM)?;
    Ok(digest)
}
