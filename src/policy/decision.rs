//! What bounds say to a grant, and why.

use super::union::Pattern;
use crate::grant::{Action, Actions, Classification, ContentType, Lifetime};
use alloc::{boxed::Box, string::String, vec::Vec};
use core::{fmt, ops::RangeInclusive};

/// Whether a grant lies within bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a refusal that nobody looks at refuses nothing"]
pub enum Decision {
    /// It does.
    Allowed,
    /// It does not.
    Refused(Refusal),
}

impl Decision {
    /// Whether it is allowed.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed)
    }

    /// The refusal as an error, for `?`.
    ///
    /// # Errors
    /// The [`Refusal`], if that is what it is.
    pub fn into_result(self) -> Result<(), Refusal> {
        match self {
            Self::Allowed => Ok(()),
            Self::Refused(why) => Err(why),
        }
    }

    /// A stable name for metrics and audit records: `allowed`, or that of the refusal.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused(why) => why.code(),
        }
    }
}

impl From<Result<(), Refusal>> for Decision {
    fn from(result: Result<(), Refusal>) -> Self {
        match result {
            Ok(()) => Self::Allowed,
            Err(why) => Self::Refused(why),
        }
    }
}

/// Why a grant lies outside bounds: what was asked for, and what the limit is.
///
/// The names in it are those of the grant and of the bounds, which an operator may know and a stranger may not: the
/// peer gets a status and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A container that is not in the bounds.
    #[error("container {asked:?} was asked for, allowed {}", List(allowed))]
    Container {
        /// The container of the grant.
        asked: String,
        /// All that are in the bounds.
        allowed: Vec<String>,
    },
    /// Names that lie outside the prefixes and names of this container, or not wholly within one of them.
    #[error("{asked} in container {container:?} was asked for, allowed {}", Shown(allowed))]
    Name {
        /// The container of the grant.
        container: String,
        /// An object, or all that begin like this.
        asked: Pattern,
        /// What is in the bounds.
        allowed: Vec<Pattern>,
    },
    /// A name with `.` or `..` for a segment, which clients fold so that another object is asked for.
    #[error("{asked} has a segment that is `.` or `..`, which the bounds do not allow")]
    DotSegments {
        /// An object, or all that begin like this.
        asked: Pattern,
    },
    /// An action that is not allowed on these names.
    #[error("to {asked} was asked for, allowed {}", Shown(&allowed.iter().collect::<Vec<_>>()))]
    Action {
        /// The action.
        asked: Action,
        /// All that is allowed on these names.
        allowed: Actions,
    },
    /// What a copy reads may not be read.
    #[error("the source of the copy: {0}")]
    Source(Box<Self>),
    /// Data that is said to be less sensitive than the bounds take it to be.
    #[error("the class {asked:?} was asked for, allowed {least:?} and what is more sensitive")]
    Classification {
        /// The class of the grant.
        asked: Classification,
        /// The least sensitive one that is allowed.
        least: Classification,
    },
    /// A lifetime that is too long for its class.
    #[error("a lifetime of {} s was asked for, the limit for the class {classification:?} is {} s", asked.seconds(), limit.seconds())]
    Lifetime {
        /// The lifetime of the grant.
        asked: Lifetime,
        /// The class of the grant.
        classification: Classification,
        /// The longest that is allowed.
        limit: Lifetime,
    },
    /// No client address where one is needed, one outside the networks, or one that cannot be read.
    #[error("{} was asked for, allowed the client addresses {}", Address(asked.as_deref()), List(allowed))]
    ClientAddress {
        /// That of the grant: none is any address.
        asked: Option<String>,
        /// All that is allowed: addresses, networks `a/n`, ranges `a-b`.
        allowed: Vec<String>,
    },
    /// An upload that may be larger than the limit.
    #[error("an upload of {} was asked for, the limit is {limit} bytes", Bytes(asked.as_ref()))]
    Size {
        /// In bytes; none is any size.
        asked: Option<RangeInclusive<u64>>,
        /// In bytes.
        limit: u64,
    },
    /// An upload that may have another media type than those of the bounds.
    #[error("{} was asked for, allowed the content types {}", Media(asked.as_ref()), Shown(allowed))]
    ContentType {
        /// That of the grant; none is any.
        asked: Option<ContentType>,
        /// What is allowed.
        allowed: Vec<Pattern>,
    },
    /// Something that needs a justification and has none.
    #[error("{what} needs a justification, and there is none")]
    Unjustified {
        /// What is so broad.
        what: Broad,
    },
    /// Plain HTTP was asked for.
    #[error("plain HTTP was asked for, allowed HTTPS only")]
    PlainHttp,
}

impl Refusal {
    /// A stable name for metrics and audit records.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Container { .. } => "bounds_container",
            Self::Name { .. } => "bounds_name",
            Self::DotSegments { .. } => "bounds_dot_segments",
            Self::Action { .. } => "bounds_action",
            Self::Source(_) => "bounds_source",
            Self::Classification { .. } => "bounds_classification",
            Self::Lifetime { .. } => "bounds_lifetime",
            Self::ClientAddress { .. } => "bounds_client_address",
            Self::Size { .. } => "bounds_size",
            Self::ContentType { .. } => "bounds_content_type",
            Self::Unjustified { .. } => "bounds_unjustified",
            Self::PlainHttp => "bounds_plain_http",
        }
    }
}

/// What is broader than need be, so that a grant may need a [`Justification`](crate::grant::Justification) for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
#[repr(u16)]
pub enum Broad {
    /// All names that begin alike. Always needs one.
    ManyObjects = 1,
    /// A prefix that ends within a name. Always needs one.
    OpenPrefix = 1 << 1,
    /// More than one action. Always needs one.
    ManyActions = 1 << 2,
    /// A copy, which reads as well as writes. Always needs one.
    Copy = 1 << 3,
    /// A lifetime beyond [`Classification::cap`]. Always needs one.
    LongLifetime = 1 << 4,
    /// No client address.
    AnyAddress = 1 << 5,
    /// An upload of any size.
    AnySize = 1 << 6,
    /// An upload of any media type.
    AnyContentType = 1 << 7,
    /// Overwriting: an upload that is not create-only.
    Overwrite = 1 << 8,
    /// Deleting objects, versions or tags.
    Delete = 1 << 9,
}

impl Broad {
    pub(super) const ALL: [(Self, &'static str); 10] = [
        (Self::ManyObjects, "more than one object"),
        (Self::OpenPrefix, "a prefix that ends within a name"),
        (Self::ManyActions, "more than one action"),
        (Self::Copy, "a copy"),
        (Self::LongLifetime, "a lifetime beyond the default of its class"),
        (Self::AnyAddress, "a client from any address"),
        (Self::AnySize, "an upload of any size"),
        (Self::AnyContentType, "an upload of any content type"),
        (Self::Overwrite, "overwriting"),
        (Self::Delete, "deleting"),
    ];
}

impl fmt::Display for Broad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|(what, _)| what == self).map_or("", |(_, name)| name))
    }
}

/// Texts in quotes, escaped, with commas between them, or `nothing`.
struct List<'a>(&'a [String]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        for (at, one) in self.0.iter().enumerate() {
            write!(f, "{}{one:?}", if at > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

/// The same of what shows itself.
struct Shown<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for Shown<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        for (at, one) in self.0.iter().enumerate() {
            write!(f, "{}{one}", if at > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

struct Address<'a>(Option<&'a str>);

impl fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(text) => write!(f, "the client address {text:?}"),
            None => f.write_str("a client from any address"),
        }
    }
}

struct Bytes<'a>(Option<&'a RangeInclusive<u64>>);

impl fmt::Display for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(range) => write!(f, "{} to {} bytes", range.start(), range.end()),
            None => f.write_str("any size"),
        }
    }
}

struct Media<'a>(Option<&'a ContentType>);

impl fmt::Display for Media<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(ContentType::Exact(text)) => write!(f, "the content type {text:?}"),
            Some(ContentType::Prefix(text)) => write!(f, "a content type that begins with {text:?}"),
            Some(ContentType::Any) | None => f.write_str("any content type"),
        }
    }
}
