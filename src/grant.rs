//! What to allow, before any provider is known: one action on one object for fifteen minutes.
//!
//! A [`Grant`] is the narrow request that a service makes on behalf of one user. The narrow form needs
//! no ceremony. Whatever is broader (a prefix, several actions, a longer life, plain HTTP) cannot be
//! turned into a token without a [`Justification`], which is a sentence that a reviewer will read.

mod copy;
mod given_up;
mod listing;
mod narrower;
pub mod plan;
mod request_id;
#[cfg(feature = "serde")]
mod stored;
mod together;
mod transfer;

#[cfg(any(feature = "aws", feature = "gcs"))]
pub(crate) use self::listing::Place;
pub(crate) use self::request_id::is_request_id;
pub use self::{copy::CopySource, listing::Listing, request_id::RequestId};

use crate::error::GrantError;
use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};
use core::{
    fmt,
    ops::{BitOr, RangeInclusive},
};

/// One thing that a client may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
#[repr(u32)]
pub enum Action {
    /// Read an object.
    Read = 1,
    /// Read an object's metadata.
    Head = 1 << 1,
    /// Create or overwrite an object.
    Upload = 1 << 2,
    /// Create an object that does not exist yet.
    Create = 1 << 3,
    /// Add to the end of an object.
    Append = 1 << 4,
    /// Delete an object.
    Delete = 1 << 5,
    /// List the names under a prefix.
    List = 1 << 6,
    /// Upload one part of a multipart upload.
    UploadPart = 1 << 7,
    /// Give up a multipart upload.
    Abort = 1 << 8,
    /// Read an object's tags.
    ReadTags = 1 << 9,
    /// Replace an object's tags.
    WriteTags = 1 << 10,
    /// Send to a queue or topic.
    Send = 1 << 11,
    /// Receive from a queue or subscription.
    Receive = 1 << 12,
    /// Administer a queue or topic.
    Manage = 1 << 13,
    /// Begin a multipart upload.
    StartMultipart = 1 << 14,
    /// Make an object of the parts of a multipart upload.
    CompleteMultipart = 1 << 15,
    /// List the parts of a multipart upload.
    ListParts = 1 << 16,
    /// List the multipart uploads under a prefix that are under way.
    ListUploads = 1 << 17,
    /// Create or overwrite an object, or a part, with the content of another object.
    Copy = 1 << 18,
    /// Remove an object's tags.
    DeleteTags = 1 << 19,
    /// List the versions of the objects under a prefix.
    ListVersions = 1 << 20,
}

impl Action {
    const ALL: [(Self, &'static str); 21] = [
        (Self::Read, "read"),
        (Self::Head, "head"),
        (Self::Upload, "upload"),
        (Self::Create, "create"),
        (Self::Append, "append"),
        (Self::Delete, "delete"),
        (Self::List, "list"),
        (Self::UploadPart, "upload part"),
        (Self::Abort, "abort"),
        (Self::ReadTags, "read tags"),
        (Self::WriteTags, "write tags"),
        (Self::Send, "send"),
        (Self::Receive, "receive"),
        (Self::Manage, "manage"),
        (Self::StartMultipart, "start multipart"),
        (Self::CompleteMultipart, "complete multipart"),
        (Self::ListParts, "list parts"),
        (Self::ListUploads, "list uploads"),
        (Self::Copy, "copy"),
        (Self::DeleteTags, "delete tags"),
        (Self::ListVersions, "list versions"),
    ];
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|(action, _)| action == self).map_or("", |(_, name)| name))
    }
}

/// A set of actions, never empty.
///
/// ```
/// use valet_key::grant::{Action, Actions};
///
/// let both = Actions::READ | Actions::LIST;
/// assert!(both.contains(Action::Read) && !both.contains(Action::Delete));
/// assert_eq!(both.only(), None);
/// assert_eq!(Actions::from(Action::Read).only(), Some(Action::Read));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Actions(u32);

impl Actions {
    /// [`Action::Read`] alone.
    pub const READ: Self = Self(Action::Read as u32);
    /// [`Action::Upload`] alone.
    pub const UPLOAD: Self = Self(Action::Upload as u32);
    /// [`Action::Delete`] alone.
    pub const DELETE: Self = Self(Action::Delete as u32);
    /// [`Action::List`] alone.
    pub const LIST: Self = Self(Action::List as u32);

    /// Whether the action is in the set.
    #[must_use]
    pub const fn contains(self, action: Action) -> bool {
        self.0 & action as u32 != 0
    }

    /// The action, if the set has exactly one.
    #[must_use]
    pub fn only(self) -> Option<Action> {
        let mut actions = self.iter();
        actions.next().filter(|_| actions.next().is_none())
    }

    /// The actions that both sets have, if there are any.
    #[must_use]
    pub const fn common(self, other: Self) -> Option<Self> {
        match self.0 & other.0 {
            0 => None,
            both => Some(Self(both)),
        }
    }

    pub(crate) const fn bits(self) -> u32 {
        self.0
    }

    /// The actions of these bits, if there are any and all are known.
    pub(crate) fn from_bits(bits: u32) -> Option<Self> {
        let known = Action::ALL.iter().fold(0, |all, (action, _)| all | *action as u32);
        (bits != 0 && bits & !known == 0).then_some(Self(bits))
    }

    /// The actions, in the order of [`Action`].
    pub fn iter(self) -> impl Iterator<Item = Action> {
        Action::ALL.iter().map(|(action, _)| *action).filter(move |action| self.contains(*action))
    }
}

impl From<Action> for Actions {
    fn from(action: Action) -> Self {
        Self(action as u32)
    }
}

impl BitOr for Actions {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Actions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// How long a token lives, in whole seconds: at least one, and no more than the service allows.
///
/// ```
/// use valet_key::grant::Lifetime;
///
/// assert_eq!(Lifetime::DEFAULT.seconds(), 900);
/// assert_eq!(Lifetime::minutes(5)?.seconds(), 300);
/// assert!(Lifetime::from_seconds(0).is_err());
/// # Ok::<(), valet_key::error::GrantError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lifetime(u32);

impl Lifetime {
    /// Fifteen minutes, the longest that needs no justification.
    pub const DEFAULT: Self = Self(15 * 60);
    /// Seven days, the most that AWS Signature Version 4 and GCS V4 allow.
    pub const WEEK: Self = Self(7 * 24 * 60 * 60);

    /// That many seconds.
    ///
    /// # Errors
    /// [`GrantError::ZeroLifetime`] for zero.
    pub const fn from_seconds(seconds: u32) -> Result<Self, GrantError> {
        if seconds == 0 { Err(GrantError::ZeroLifetime) } else { Ok(Self(seconds)) }
    }

    /// That many minutes, up to 65,535.
    ///
    /// # Errors
    /// [`GrantError::ZeroLifetime`] for zero.
    pub const fn minutes(minutes: u16) -> Result<Self, GrantError> {
        Self::from_seconds(minutes as u32 * 60)
    }

    /// The length in seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

/// What to do when the credential ends before the token would.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnShortCredential {
    /// Refuse to issue. The default.
    #[default]
    Refuse,
    /// Shorten the token. [`BearerUrl::expires_at`](crate::token::BearerUrl::expires_at) tells the effective end.
    Clamp,
}

/// How sensitive the data is, which caps the lifetime that needs no justification. In the order of sensitivity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Classification {
    /// Anyone may know it: one hour.
    Public,
    /// Anyone in the organisation may know it: 30 minutes.
    Internal,
    /// Only some may know it: 15 minutes. The default.
    #[default]
    Confidential,
    /// It is about a person: 5 minutes.
    Pii,
}

impl Classification {
    /// The longest lifetime that needs no justification.
    #[must_use]
    pub const fn cap(self) -> Lifetime {
        Lifetime(match self {
            Self::Public => 60 * 60,
            Self::Internal => 30 * 60,
            Self::Confidential => 15 * 60,
            Self::Pii => 5 * 60,
        })
    }
}

/// Why something broader than the default is right, in words that an auditor will read.
///
/// ```
/// use valet_key::grant::Justification;
///
/// assert_eq!(Justification::new("album download, ticket 4711")?.as_str(), "album download, ticket 4711");
/// assert!(Justification::new("  ").is_err());
/// # Ok::<(), valet_key::error::GrantError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Justification(String);

impl Justification {
    /// One line of at most 500 bytes that says why.
    ///
    /// # Errors
    /// [`GrantError::Justification`] if it is blank, longer, or holds a control character.
    pub fn new(why: &str) -> Result<Self, GrantError> {
        let why = why.trim();
        if why.is_empty() || why.len() > 500 || why.chars().any(char::is_control) {
            return Err(GrantError::Justification);
        }
        Ok(Self(why.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a grant is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case", deny_unknown_fields)
)]
#[non_exhaustive]
pub enum Resource {
    /// One object, by its raw name.
    Object {
        /// The object's name as the application knows it: never percent-encoded.
        name: String,
        /// One version of it.
        version: Option<String>,
    },
    /// One part of a multipart upload.
    Part {
        /// The object's name.
        name: String,
        /// The upload that the part belongs to.
        upload_id: String,
        /// Which part, from 1.
        number: u16,
    },
    /// A multipart upload as a whole.
    MultipartUpload {
        /// The object's name.
        name: String,
        /// The upload.
        upload_id: String,
    },
    /// Every object whose name begins like this: never empty, and with a `/` at its end unless
    /// [`Grant::allow_open_prefix`] says otherwise.
    Prefix(String),
    /// A queue or topic, named by the container of the grant.
    Queue,
}

/// A condition that the token must enforce, or issuing fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Constraint {
    /// One or several actions.
    Action,
    /// The kind of resource.
    Resource,
    /// The media type of an upload.
    ContentType,
    /// The size of an upload.
    Size,
    /// A digest of an upload.
    Checksum,
    /// The addresses that a client may come from.
    ClientAddress,
    /// Not before a time.
    NotBefore,
    /// How an upload is encrypted at rest.
    Encryption,
    /// The storage class of an upload.
    StorageClass,
    /// User metadata of an upload.
    Metadata,
    /// Response headers that a download must come with.
    ResponseHeaders,
    /// One use only.
    SingleUse,
    /// Nothing but HTTPS.
    HttpsOnly,
    /// A correlation id in the provider's logs.
    RequestId,
    /// The lifetime.
    Lifetime,
    /// Which part of a listing is asked for.
    Listing,
}

impl Constraint {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Action,
        Self::Resource,
        Self::ContentType,
        Self::Size,
        Self::Checksum,
        Self::ClientAddress,
        Self::NotBefore,
        Self::Encryption,
        Self::StorageClass,
        Self::Metadata,
        Self::ResponseHeaders,
        Self::SingleUse,
        Self::HttpsOnly,
        Self::RequestId,
        Self::Lifetime,
        Self::Listing,
    ];
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Action => "action",
            Self::Resource => "resource",
            Self::ContentType => "content type",
            Self::Size => "size",
            Self::Checksum => "checksum",
            Self::ClientAddress => "client address",
            Self::NotBefore => "not before",
            Self::Encryption => "encryption",
            Self::StorageClass => "storage class",
            Self::Metadata => "metadata",
            Self::ResponseHeaders => "response headers",
            Self::SingleUse => "single use",
            Self::HttpsOnly => "https only",
            Self::RequestId => "request id",
            Self::Lifetime => "lifetime",
            Self::Listing => "listing",
        })
    }
}

/// Which media type an upload must have.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ContentType {
    /// Exactly this one.
    Exact(String),
    /// Any that begins like this, for example `image/`.
    Prefix(String),
    /// Whatever the client sends.
    Any,
}

/// How large an upload must be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Size {
    /// Between these numbers of bytes, both included.
    Range(RangeInclusive<u64>),
    /// Whatever the client sends.
    Any,
}

/// How a download presents itself: the value of `Content-Disposition`.
///
/// Any file name is safe: quotes and control characters cannot break out of the header, and names
/// outside ASCII get both a fallback and the RFC 8187 form.
///
/// ```
/// use valet_key::grant::ContentDisposition;
///
/// let value = ContentDisposition::attachment("r\u{e9}sum\u{e9} \"final\".pdf");
/// assert_eq!(
///     value.as_str(),
///     "attachment; filename=\"r_sum_ _final_.pdf\"; filename*=UTF-8''r%C3%A9sum%C3%A9%20%22final%22.pdf"
/// );
/// ```
///
/// Source: RFC 6266 section 4, RFC 8187 section 3.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentDisposition(String);

impl ContentDisposition {
    /// Save under this name rather than show.
    #[must_use]
    pub fn attachment(file_name: &str) -> Self {
        Self::with_name("attachment", file_name)
    }

    /// Show in the browser, and save under this name. A stored page or script shown from your own
    /// domain acts as that domain, so keep this for types that cannot run.
    #[must_use]
    pub fn inline(file_name: &str) -> Self {
        Self::with_name("inline", file_name)
    }

    fn with_name(kind: &str, file_name: &str) -> Self {
        let plain = |c: char| c == ' ' || (c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%' | '/' | ';'));
        let fallback: String = file_name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
        let mut value = alloc::format!("{kind}; filename=\"{fallback}\"");
        if fallback != file_name {
            value.push_str("; filename*=UTF-8''");
            value.extend(crate::encode::component(file_name.as_bytes()));
        }
        Self(value)
    }

    /// The header value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What one client may do: an action, a resource, a lifetime, and conditions.
///
/// ```
/// use valet_key::grant::{Action, Actions, Grant, Justification, Lifetime};
///
/// // One action on one object for 15 minutes needs nothing more.
/// let avatar = Grant::upload("media-uploads", "users/42/avatar-1.png")
///     .content_type("image/png")
///     .exact_size(48_213);
/// assert_eq!(avatar.lifetime(), Lifetime::DEFAULT);
///
/// // Anything broader is not a grant until somebody says why.
/// let album = Grant::under("albums", "42/", Actions::READ | Actions::LIST)
///     .because(Justification::new("album download, ticket 4711")?);
/// assert!(album.justification().is_some());
/// # Ok::<(), valet_key::error::GrantError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Grant {
    pub(crate) actions: Actions,
    pub(crate) container: String,
    pub(crate) resource: Resource,
    pub(crate) lifetime: Lifetime,
    pub(crate) classification: Classification,
    pub(crate) justification: Option<Justification>,
    pub(crate) content_type: Option<ContentType>,
    pub(crate) size: Option<Size>,
    pub(crate) sha256: Option<[u8; 32]>,
    pub(crate) encryption: Option<Encryption>,
    pub(crate) storage_class: Option<String>,
    pub(crate) metadata: Vec<(String, String)>,
    pub(crate) response_headers: Vec<(ResponseHeader, String)>,
    pub(crate) client_address: Option<String>,
    pub(crate) not_before: Option<crate::clock::Timestamp>,
    pub(crate) single_use: bool,
    pub(crate) request_id: Option<String>,
    pub(crate) dot_segments: bool,
    pub(crate) open_prefix: bool,
    pub(crate) source: Option<CopySource>,
    pub(crate) listing: Option<Listing>,
    /// A version that was named of what has none.
    stray_version: Option<String>,
    pub(crate) given_up: Vec<(Constraint, Justification)>,
}

/// Encryption at rest that an upload must ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Encryption {
    /// With keys of the provider.
    Provider,
    /// With this key of the provider's key management service.
    ManagedKey(String),
}

/// A header of the answer that a download must come with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ResponseHeader {
    /// `Content-Disposition`
    ContentDisposition,
    /// `Content-Type`
    ContentType,
    /// `Cache-Control`
    CacheControl,
}

impl Grant {
    fn new(actions: Actions, container: impl Into<String>, resource: Resource) -> Self {
        Self {
            actions,
            container: container.into(),
            resource,
            lifetime: Lifetime::DEFAULT,
            classification: Classification::default(),
            justification: None,
            content_type: None,
            size: None,
            sha256: None,
            encryption: None,
            storage_class: None,
            metadata: Vec::new(),
            response_headers: Vec::new(),
            client_address: None,
            not_before: None,
            single_use: false,
            request_id: None,
            dot_segments: false,
            open_prefix: false,
            source: None,
            listing: None,
            stray_version: None,
            given_up: Vec::new(),
        }
    }

    fn on_object(action: Action, container: impl Into<String>, name: impl Into<String>) -> Self {
        Self::new(action.into(), container, Resource::Object { name: name.into(), version: None })
    }

    /// Read one object. Names are raw text; the crate encodes them.
    #[must_use]
    pub fn read(container: impl Into<String>, name: impl Into<String>) -> Self {
        Self::on_object(Action::Read, container, name)
    }

    /// Read the metadata of one object.
    #[must_use]
    pub fn head(container: impl Into<String>, name: impl Into<String>) -> Self {
        Self::on_object(Action::Head, container, name)
    }

    /// Create or overwrite one object. Say its size and type, or waive them by name.
    #[must_use]
    pub fn upload(container: impl Into<String>, name: impl Into<String>) -> Self {
        Self::on_object(Action::Upload, container, name)
    }

    /// Create one object that does not exist yet. Say its size and type, or waive them by name.
    #[must_use]
    pub fn create(container: impl Into<String>, name: impl Into<String>) -> Self {
        Self::on_object(Action::Create, container, name)
    }

    /// Delete one object.
    #[must_use]
    pub fn delete(container: impl Into<String>, name: impl Into<String>) -> Self {
        Self::on_object(Action::Delete, container, name)
    }

    /// Upload part `number` (from 1) of a multipart upload. Say its size, or waive that by name.
    #[must_use]
    pub fn upload_part(
        container: impl Into<String>,
        name: impl Into<String>,
        upload_id: impl Into<String>,
        number: u16,
    ) -> Self {
        let resource = Resource::Part { name: name.into(), upload_id: upload_id.into(), number };
        Self::new(Action::UploadPart.into(), container, resource).any_content_type()
    }

    /// Give up a multipart upload.
    #[must_use]
    pub fn abort(container: impl Into<String>, name: impl Into<String>, upload_id: impl Into<String>) -> Self {
        Self::on_upload(Action::Abort, container, name, upload_id)
    }

    /// Send to a queue or topic.
    #[must_use]
    pub fn send(queue: impl Into<String>) -> Self {
        Self::new(Action::Send.into(), queue, Resource::Queue)
    }

    /// Receive from a queue or subscription.
    #[must_use]
    pub fn receive(queue: impl Into<String>) -> Self {
        Self::new(Action::Receive.into(), queue, Resource::Queue)
    }

    /// Several actions, or everything under a prefix: broader than the default, so it needs a reason.
    pub fn under(container: impl Into<String>, prefix: impl Into<String>, actions: impl Into<Actions>) -> BroadGrant {
        BroadGrant(Self::new(actions.into(), container, Resource::Prefix(prefix.into())))
    }

    /// List the names under a prefix: broader than one object, so it needs a reason.
    pub fn list(container: impl Into<String>, prefix: impl Into<String>) -> BroadGrant {
        Self::under(container, prefix, Action::List)
    }

    /// Says why this grant is broader than the default.
    #[must_use]
    pub fn because(mut self, why: Justification) -> Self {
        self.justification = Some(why);
        self
    }

    /// Lives this long. More than the [`Classification`] allows needs a justification.
    #[must_use]
    pub const fn lives(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// How sensitive the data is.
    #[must_use]
    pub const fn classified(mut self, classification: Classification) -> Self {
        self.classification = classification;
        self
    }

    /// Only this version of the object. No other resource has one: such a grant is
    /// [`NotEnforceable`](crate::error::IssueError::NotEnforceable).
    #[must_use]
    pub fn version(mut self, id: impl Into<String>) -> Self {
        match &mut self.resource {
            Resource::Object { version, .. } => *version = Some(id.into()),
            _ => self.stray_version = Some(id.into()),
        }
        self
    }

    /// The upload has exactly this media type.
    #[must_use]
    pub fn content_type(mut self, exact: impl Into<String>) -> Self {
        self.content_type = Some(ContentType::Exact(exact.into()));
        self
    }

    /// The upload has a media type that begins like this.
    #[must_use]
    pub fn content_type_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.content_type = Some(ContentType::Prefix(prefix.into()));
        self
    }

    /// Waives the media type of an upload.
    #[must_use]
    pub fn any_content_type(mut self) -> Self {
        self.content_type = Some(ContentType::Any);
        self
    }

    /// The upload has a size in this range, in bytes.
    #[must_use]
    pub const fn size(mut self, bytes: RangeInclusive<u64>) -> Self {
        self.size = Some(Size::Range(bytes));
        self
    }

    /// The upload has exactly this size in bytes.
    #[must_use]
    pub const fn exact_size(self, bytes: u64) -> Self {
        self.size(bytes..=bytes)
    }

    /// Waives the size of an upload.
    #[must_use]
    pub fn any_size(mut self) -> Self {
        self.size = Some(Size::Any);
        self
    }

    /// The upload has exactly this content.
    #[must_use]
    pub const fn sha256(mut self, digest: [u8; 32]) -> Self {
        self.sha256 = Some(digest);
        self
    }

    /// The upload is encrypted at rest like this.
    #[must_use]
    pub fn encrypted(mut self, encryption: Encryption) -> Self {
        self.encryption = Some(encryption);
        self
    }

    /// The upload is stored in this class, in the provider's spelling.
    #[must_use]
    pub fn storage_class(mut self, class: impl Into<String>) -> Self {
        self.storage_class = Some(class.into());
        self
    }

    /// The upload carries this user metadata.
    #[must_use]
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.push((name.into(), value.into()));
        self
    }

    /// The download presents itself like this.
    #[must_use]
    pub fn disposition(mut self, disposition: &ContentDisposition) -> Self {
        self.response_headers.push((ResponseHeader::ContentDisposition, disposition.as_str().to_string()));
        self
    }

    /// The download comes with this header. A content type without a disposition is saved rather than shown: say
    /// [`ContentDisposition::inline`] to show it.
    #[must_use]
    pub fn response_header(mut self, header: ResponseHeader, value: impl Into<String>) -> Self {
        self.response_headers.push((header, value.into()));
        self
    }

    /// Only clients from this address, range or network.
    #[must_use]
    pub fn client_address(mut self, address: impl Into<String>) -> Self {
        self.client_address = Some(address.into());
        self
    }

    /// Not before this time.
    #[must_use]
    pub const fn not_before(mut self, time: crate::clock::Timestamp) -> Self {
        self.not_before = Some(time);
        self
    }

    /// One use only. No cloud enforces that, and a [`Gate`](crate::gateway::Gate) does: a URL of S3 or Cloud Storage carries it
    /// where [`aws::Endpoint::behind_gate`](crate::aws::Endpoint::behind_gate) or
    /// [`gcs::Endpoint::behind_gate`](crate::gcs::Endpoint::behind_gate) says that one stands, and no other token does.
    #[must_use]
    pub const fn single_use(mut self) -> Self {
        self.single_use = true;
        self
    }

    /// An id that shows up in the provider's access log beside each use: see [`RequestId`].
    #[must_use]
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.request_id = Some(id.into());
        self
    }

    /// Allows `.` and `..` as whole segments of the name. Browsers and most HTTP clients fold them, so
    /// that another object is asked for; only a client that is known not to can use such a token.
    #[must_use]
    pub const fn allow_dot_segments(mut self) -> Self {
        self.dot_segments = true;
        self
    }

    /// Allows a prefix that ends within a name: `2026` also covers `20260-private/`.
    #[must_use]
    pub const fn allow_open_prefix(mut self) -> Self {
        self.open_prefix = true;
        self
    }

    /// What is allowed.
    #[must_use]
    pub const fn actions(&self) -> Actions {
        self.actions
    }

    /// The bucket, container or namespace.
    #[must_use]
    pub fn container(&self) -> &str {
        &self.container
    }

    /// What it is allowed on.
    #[must_use]
    pub const fn resource(&self) -> &Resource {
        &self.resource
    }

    /// For how long.
    #[must_use]
    pub const fn lifetime(&self) -> Lifetime {
        self.lifetime
    }

    /// What is copied, if that is what is allowed.
    #[must_use]
    pub const fn source(&self) -> Option<&CopySource> {
        self.source.as_ref()
    }

    /// Why it is broader than the default, if somebody said so.
    #[must_use]
    pub const fn justification(&self) -> Option<&Justification> {
        self.justification.as_ref()
    }
}

/// A grant that is broader than the default, and not yet usable.
#[derive(Clone, Debug)]
#[must_use = "a broad grant is nothing until `because` says why it is right"]
pub struct BroadGrant(Grant);

impl BroadGrant {
    /// Says why, and thereby makes it a grant.
    #[must_use]
    pub fn because(self, why: Justification) -> Grant {
        self.0.because(why)
    }
}
