//! The upper limit as it is made, and the intersection of two.

use super::{
    decision::Broad,
    reach::Reach,
    union::{Pattern, Union},
};
use crate::{
    error::IssueError,
    grant::{Actions, Classification, Justification, Lifetime},
    network::AddressRange,
};
use alloc::string::String;

/// The most that an application lets its grants be.
///
/// Nothing is allowed until a container, a prefix or an object is named with the actions on it. All else begins at the
/// defaults of a grant: HTTPS, the lifetimes of [`Classification::cap`], no dot segments. Size, media type and client address
/// have no limit until one is said; then a grant that does not say its own is broader than the limit, and refused.
///
/// ```
/// use valet_key::grant::{Actions, Classification, Grant, Lifetime};
/// use valet_key::policy::{Bounds, Refusal};
///
/// let bounds = Bounds::new()
///     .under("media-uploads", "users/42/", Actions::UPLOAD | Actions::READ)?
///     .largest_upload(5 << 20)
///     .content_type_prefix("image/")
///     .cap(Classification::Confidential, Lifetime::minutes(10)?);
///
/// let avatar = Grant::upload("media-uploads", "users/42/a.png").content_type("image/png").exact_size(48_213);
/// assert_eq!(bounds.permits(&avatar).code(), "bounds_lifetime"); // 15 minutes
/// let avatar = avatar.lives(Lifetime::minutes(10)?);
/// assert!(bounds.permits(&avatar).is_allowed());
///
/// let other = Grant::read("media-uploads", "users/421/a.png").lives(Lifetime::minutes(5)?);
/// let Err(why) = bounds.permits(&other).into_result() else { panic!() };
/// assert_eq!(why.code(), "bounds_name");
/// assert_eq!(
///     why.to_string(),
///     "\"users/421/a.png\" in container \"media-uploads\" was asked for, allowed \"users/42/\"*"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub(crate) reach: Reach,
    pub(super) caps: Caps,
    pub(super) least: Classification,
    pub(crate) addresses: Option<Union<AddressRange>>,
    pub(crate) largest_upload: Option<u64>,
    pub(crate) content_types: Option<Union<Pattern>>,
    pub(super) plain_http: Option<Justification>,
    pub(super) dot_segments: Option<Justification>,
    /// Bits of [`Broad`].
    pub(super) justified: u16,
}

/// What no grant goes without a reason for, whatever the bounds say.
const ALWAYS: u16 = Broad::ManyObjects as u16
    | Broad::OpenPrefix as u16
    | Broad::ManyActions as u16
    | Broad::Copy as u16
    | Broad::LongLifetime as u16;

impl Bounds {
    /// Bounds within which nothing is allowed yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            reach: Reach::new(),
            caps: Caps::new(),
            least: Classification::Public,
            addresses: None,
            largest_upload: None,
            content_types: None,
            plain_http: None,
            dot_segments: None,
            justified: ALWAYS,
        }
    }

    /// These actions on everything in a bucket or container, or on a queue or topic.
    #[must_use]
    pub fn container(mut self, name: impl Into<String>, actions: impl Into<Actions>) -> Self {
        self.reach.add(name.into(), Pattern::Prefix(String::new()), actions.into());
        self
    }

    /// These actions on everything whose name begins like this.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] unless the prefix ends with `/` and has no segment `.` or `..`: `42/` never covers `421/`.
    pub fn under(
        mut self,
        container: impl Into<String>,
        prefix: impl Into<String>,
        actions: impl Into<Actions>,
    ) -> Result<Self, IssueError> {
        let prefix = prefix.into();
        if !prefix.ends_with('/') || has_dot_segment(&prefix) {
            let why = "it must end with `/` and have no segment `.` or `..`";
            return Err(IssueError::Invalid { what: "prefix", why });
        }
        self.reach.add(container.into(), Pattern::Prefix(prefix), actions.into());
        Ok(self)
    }

    /// These actions on one object.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for an empty name and for one with a segment `.` or `..`.
    pub fn object(
        mut self,
        container: impl Into<String>,
        name: impl Into<String>,
        actions: impl Into<Actions>,
    ) -> Result<Self, IssueError> {
        let name = name.into();
        if name.is_empty() || has_dot_segment(&name) {
            let why = "it must not be empty nor have a segment `.` or `..`";
            return Err(IssueError::Invalid { what: "object name", why });
        }
        self.reach.add(container.into(), Pattern::Exact(name), actions.into());
        Ok(self)
    }

    /// Data of this class is open no longer than this; a longer limit than before stays as it was.
    ///
    /// A justification in the grant does not help beyond it.
    #[must_use]
    pub fn cap(mut self, class: Classification, longest: Lifetime) -> Self {
        let limit = self.caps.of_mut(class);
        if longest < limit.longest {
            let why = limit.why.take().filter(|_| longest > class.cap());
            *limit = Cap { longest, why };
        }
        self
    }

    /// Data of this class may be open for as long as this, even where [`Classification::cap`] is less. A grant that makes use
    /// of that still needs a justification of its own.
    #[must_use]
    pub fn cap_because(mut self, class: Classification, longest: Lifetime, why: Justification) -> Self {
        *self.caps.of_mut(class) = Cap { longest, why: Some(why) };
        self
    }

    /// The data is at least so sensitive: a grant that says less is refused, since it would live longer.
    #[must_use]
    pub fn at_least(mut self, class: Classification) -> Self {
        self.least = self.least.max(class);
        self
    }

    /// Clients come from this address, network `a/n` or range `a-b`, or from another one that is named: a grant must be bound to
    /// addresses within one of them.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for what is none of them, and for all addresses of a family.
    pub fn client_address(mut self, addresses: &str) -> Result<Self, IssueError> {
        let range = AddressRange::parse(addresses)
            .ok_or(IssueError::Invalid { what: "client address", why: AddressRange::FORM })?;
        self.addresses.get_or_insert_with(Union::new).add(range);
        Ok(self)
    }

    /// No upload is larger than so many bytes; a larger limit than before stays as it was.
    #[must_use]
    pub fn largest_upload(mut self, bytes: u64) -> Self {
        self.largest_upload = Some(self.largest_upload.map_or(bytes, |before| before.min(bytes)));
        self
    }

    /// Uploads have this media type, or another one that is named.
    #[must_use]
    pub fn content_type(mut self, exact: impl Into<String>) -> Self {
        self.content_types.get_or_insert_with(Union::new).add(Pattern::Exact(exact.into()));
        self
    }

    /// Uploads have a media type that begins like this, or another one that is named.
    #[must_use]
    pub fn content_type_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.content_types.get_or_insert_with(Union::new).add(Pattern::Prefix(prefix.into()));
        self
    }

    /// Tokens may be good without TLS.
    #[must_use]
    pub fn allow_plain_http(mut self, why: Justification) -> Self {
        self.plain_http = Some(why);
        self
    }

    /// Names may have `.` or `..` for a segment, where the grant allows that too.
    #[must_use]
    pub fn allow_dot_segments(mut self, why: Justification) -> Self {
        self.dot_segments = Some(why);
        self
    }

    /// A grant needs a justification for this, too.
    #[must_use]
    pub const fn justify(mut self, what: Broad) -> Self {
        self.justified |= what as u16;
        self
    }

    /// The longest that data of this class may be open.
    #[must_use]
    pub fn longest(&self, class: Classification) -> Lifetime {
        self.caps.of(class).longest
    }

    /// The longest that any data may be open which is as sensitive as [`Self::at_least`] says.
    #[cfg(any(feature = "aws", feature = "gcs"))]
    pub(crate) fn longest_of_all(&self) -> Lifetime {
        let classes =
            [Classification::Public, Classification::Internal, Classification::Confidential, Classification::Pii];
        let allowed = classes.into_iter().filter(|class| *class >= self.least);
        allowed.map(|class| self.longest(class)).max().unwrap_or(Classification::Pii.cap())
    }

    /// Whether tokens must be for HTTPS alone.
    #[must_use]
    pub const fn requires_https(&self) -> bool {
        self.plain_http.is_none()
    }

    /// What both allow: a grant lies within it exactly if it lies within each of the two.
    ///
    /// ```
    /// use valet_key::{grant::{Actions, Grant}, policy::Bounds};
    ///
    /// let application = Bounds::new().container("albums", Actions::READ | Actions::UPLOAD);
    /// let user = Bounds::new().under("albums", "42/", Actions::READ | Actions::DELETE)?.under("mail", "42/", Actions::READ)?;
    ///
    /// let both = application.narrow(&user);
    /// assert!(both.permits(&Grant::read("albums", "42/cat.jpg")).is_allowed());
    /// assert_eq!(both.permits(&Grant::read("albums", "43/cat.jpg")).code(), "bounds_name");
    /// assert_eq!(both.permits(&Grant::delete("albums", "42/cat.jpg")).code(), "bounds_action");
    /// assert_eq!(both.permits(&Grant::read("mail", "42/1")).code(), "bounds_container");
    /// # Ok::<(), valet_key::error::IssueError>(())
    /// ```
    #[must_use]
    pub fn narrow(&self, other: &Self) -> Self {
        let least = |one: Option<u64>, other: Option<u64>| match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let both = |one: &Option<Justification>, other: &Option<Justification>| one.clone().filter(|_| other.is_some());
        Self {
            reach: self.reach.meet(&other.reach),
            caps: self.caps.meet(&other.caps),
            least: self.least.max(other.least),
            addresses: Union::meet_limits(self.addresses.as_ref(), other.addresses.as_ref()),
            largest_upload: least(self.largest_upload, other.largest_upload),
            content_types: Union::meet_limits(self.content_types.as_ref(), other.content_types.as_ref()),
            plain_http: both(&self.plain_http, &other.plain_http),
            dot_segments: both(&self.dot_segments, &other.dot_segments),
            justified: self.justified | other.justified,
        }
    }
}

/// Nothing is allowed.
impl Default for Bounds {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether a segment is `.` or `..`. Some clients and servers take a backslash for a slash.
pub(crate) fn has_dot_segment(name: &str) -> bool {
    name.split(['/', '\\']).any(|segment| matches!(segment, "." | ".."))
}

/// The longest that one class of data may be open, and why, if that is more than its default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cap {
    pub(super) longest: Lifetime,
    pub(super) why: Option<Justification>,
}

/// The longest of each class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caps {
    public: Cap,
    internal: Cap,
    confidential: Cap,
    pii: Cap,
}

impl Caps {
    const fn new() -> Self {
        const fn of(class: Classification) -> Cap {
            Cap { longest: class.cap(), why: None }
        }
        Self {
            public: of(Classification::Public),
            internal: of(Classification::Internal),
            confidential: of(Classification::Confidential),
            pii: of(Classification::Pii),
        }
    }

    pub(super) const fn of(&self, class: Classification) -> &Cap {
        match class {
            Classification::Public => &self.public,
            Classification::Internal => &self.internal,
            Classification::Confidential => &self.confidential,
            Classification::Pii => &self.pii,
        }
    }

    const fn of_mut(&mut self, class: Classification) -> &mut Cap {
        match class {
            Classification::Public => &mut self.public,
            Classification::Internal => &mut self.internal,
            Classification::Confidential => &mut self.confidential,
            Classification::Pii => &mut self.pii,
        }
    }

    fn meet(&self, other: &Self) -> Self {
        let shorter = |class| {
            let (one, other) = (self.of(class), other.of(class));
            if one.longest <= other.longest { one.clone() } else { other.clone() }
        };
        Self {
            public: shorter(Classification::Public),
            internal: shorter(Classification::Internal),
            confidential: shorter(Classification::Confidential),
            pii: shorter(Classification::Pii),
        }
    }
}
