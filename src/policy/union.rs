//! Things that cover others, kept without those that are covered: names, media types, addresses.

use crate::network::AddressRange;
use alloc::{collections::BTreeSet, string::String};
use core::fmt;

/// What can cover another of its kind.
pub(crate) trait Extent: Ord + Clone {
    /// Whether all that the other reaches is reached by this.
    fn covers(&self, other: &Self) -> bool;
    /// What both reach. INVARIANT: it covers exactly what both cover.
    fn meet(&self, other: &Self) -> Option<Self>;
}

/// One text, or all that begin like it.
///
/// A beginning covers what starts with its characters and nothing else: `42/` does not cover `421/`, nor `42`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pattern {
    /// This text alone.
    Exact(String),
    /// All that begin like this; the empty text covers everything.
    Prefix(String),
}

impl Pattern {
    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Exact(text) | Self::Prefix(text) => text,
        }
    }

    /// Whether all texts that the other is are among those that this is.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(this), Self::Exact(other)) => this == other,
            (Self::Exact(_), Self::Prefix(_)) => false,
            (Self::Prefix(this), other) => other.text().starts_with(this.as_str()),
        }
    }
}

/// The text in quotes, escaped, and a star behind a beginning.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text())?;
        if matches!(self, Self::Prefix(_)) { f.write_str("*") } else { Ok(()) }
    }
}

impl Extent for Pattern {
    fn covers(&self, other: &Self) -> bool {
        self.covers(other)
    }

    /// One of them, since two beginnings have something in common only if one begins like the other.
    fn meet(&self, other: &Self) -> Option<Self> {
        if self.covers(other) {
            return Some(other.clone());
        }
        other.covers(self).then(|| self.clone())
    }
}

impl Extent for AddressRange {
    fn covers(&self, other: &Self) -> bool {
        self.covers(other)
    }

    fn meet(&self, other: &Self) -> Option<Self> {
        self.meet(other)
    }
}

/// Extents of which none covers another, so that two unions of the same reach are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Union<T>(BTreeSet<T>);

impl<T: Extent> Union<T> {
    pub(super) const fn new() -> Self {
        Self(BTreeSet::new())
    }

    pub(super) fn add(&mut self, new: T) {
        if !self.covers(&new) {
            self.0.retain(|old| !new.covers(old));
            self.0.insert(new);
        }
    }

    pub(super) fn covers(&self, asked: &T) -> bool {
        self.0.iter().any(|one| one.covers(asked))
    }

    /// What both reach. It has no more members than the two together.
    pub(super) fn meet(&self, other: &Self) -> Self {
        let mut both = Self::new();
        for one in self.0.iter().flat_map(|one| other.0.iter().filter_map(|other| one.meet(other))) {
            both.add(one);
        }
        both
    }

    /// The narrower of two limits, either of which may be none at all.
    pub(super) fn meet_limits(one: Option<&Self>, other: Option<&Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => Some(one.meet(other)),
            (one, other) => one.or(other).cloned(),
        }
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &T> {
        self.0.iter()
    }
}
