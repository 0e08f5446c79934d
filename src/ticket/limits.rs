//! What a ticket allows, and how each caveat makes that less.

use super::{caveat::Caveat, fields::TextRule};
use crate::{
    clock::Timestamp,
    error::IssueError,
    grant::{Actions, Classification, Constraint, Lifetime},
    network::AddressRange,
};
use alloc::string::String;
use core::ops::RangeInclusive;

/// One object, or all whose names begin like this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Names {
    Object(String),
    /// INVARIANT: it ends with `/`.
    Under(String),
}

impl Names {
    pub(super) fn object(name: String) -> Result<Self, &'static str> {
        check_name(&name).map(|()| Self::Object(name))
    }

    pub(super) fn under(prefix: String) -> Result<Self, &'static str> {
        check_name(&prefix)?;
        if prefix.ends_with('/') { Ok(Self::Under(prefix)) } else { Err("a prefix must end with `/`") }
    }

    pub(super) fn has_object(&self, name: &str) -> bool {
        match self {
            Self::Object(only) => only == name,
            Self::Under(prefix) => name.starts_with(prefix.as_str()) && !is_folded(name),
        }
    }

    pub(super) fn has_all_under(&self, asked: &str) -> bool {
        matches!(self, Self::Under(prefix) if asked.starts_with(prefix.as_str())) && !is_folded(asked)
    }
}

/// Clients fold `.` and `..`, so that a name with them is another one for whoever compares beginnings.
fn is_folded(name: &str) -> bool {
    name.split('/').any(|segment| matches!(segment, "." | ".."))
}

fn check_name(name: &str) -> Result<(), &'static str> {
    if !TextRule::NAME.allows(name) {
        return Err(TextRule::NAME.why);
    }
    if is_folded(name) { Err("a segment of a name is `.` or `..`") } else { Ok(()) }
}

/// A media type, or all that begin like this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Media {
    Exact(String),
    Prefix(String),
}

impl Media {
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(this), Self::Exact(other)) => this == other,
            (Self::Exact(_), Self::Prefix(_)) => false,
            (Self::Prefix(this), Self::Exact(other) | Self::Prefix(other)) => other.starts_with(this.as_str()),
        }
    }
}

/// What a ticket allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) container: String,
    pub(super) names: Names,
    pub(super) actions: Actions,
    /// What a second check gives beside that.
    pub(super) after_check: Option<Actions>,
    pub(super) classification: Classification,
    pub(super) lifetime: Lifetime,
    pub(super) expires_at: Timestamp,
    pub(super) not_before: Option<Timestamp>,
    pub(super) addresses: Option<AddressRange>,
    pub(super) media: Option<Media>,
    pub(super) size: Option<RangeInclusive<u64>>,
    pub(super) is_single_use: bool,
    /// Which caveat asked that it be swapped once, the first being 0.
    pub(super) once: Option<usize>,
    pub(super) caveats: usize,
}

impl Limits {
    pub(super) const fn new(
        container: String,
        names: Names,
        actions: Actions,
        after_check: Option<Actions>,
        classification: Classification,
        lifetime: Lifetime,
        expires_at: Timestamp,
    ) -> Self {
        Self {
            container,
            names,
            actions,
            after_check,
            classification,
            lifetime,
            expires_at,
            not_before: None,
            addresses: None,
            media: None,
            size: None,
            is_single_use: false,
            once: None,
            caveats: 0,
        }
    }

    /// What is left with this caveat, or what of it is not narrower.
    pub(super) fn narrow(&mut self, caveat: &Caveat) -> Result<(), NotNarrower> {
        match caveat {
            Caveat::Actions(mask) => self.keep(*mask)?,
            Caveat::Object(name) => {
                let names = Names::object(name.clone()).map_err(NotNarrower::Form)?;
                within(self.names.has_object(name), Constraint::Resource)?;
                self.names = names;
            }
            Caveat::Under(prefix) => {
                let names = Names::under(prefix.clone()).map_err(NotNarrower::Form)?;
                within(self.names.has_all_under(prefix), Constraint::Resource)?;
                self.names = names;
            }
            Caveat::ExpiresAt(time) => {
                within(*time <= self.expires_at, Constraint::Lifetime)?;
                self.expires_at = *time;
            }
            Caveat::LivesAtMost(lifetime) => {
                within(*lifetime <= self.lifetime, Constraint::Lifetime)?;
                self.lifetime = *lifetime;
            }
            Caveat::NotBefore(time) => {
                within(self.not_before.is_none_or(|before| before <= *time), Constraint::NotBefore)?;
                self.not_before = Some(*time);
            }
            Caveat::ClientAddress(text) => {
                let range = AddressRange::parse(text).ok_or(NotNarrower::Form(AddressRange::FORM))?;
                within(self.addresses.is_none_or(|all| all.covers(&range)), Constraint::ClientAddress)?;
                self.addresses = Some(range);
            }
            Caveat::ContentType(exact) => self.limit_media(Media::Exact(exact.clone()), exact)?,
            Caveat::ContentTypePrefix(prefix) => self.limit_media(Media::Prefix(prefix.clone()), prefix)?,
            Caveat::Size(bytes) => {
                if bytes.is_empty() {
                    return Err(NotNarrower::Form("a range of sizes is ascending"));
                }
                within(self.size.as_ref().is_none_or(|all| covers(all, bytes)), Constraint::Size)?;
                self.size = Some(bytes.clone());
            }
            Caveat::SingleUse => self.is_single_use = true,
            Caveat::Once => {
                self.once.get_or_insert(self.caveats);
            }
        }
        self.caveats += 1;
        Ok(())
    }

    fn keep(&mut self, mask: Actions) -> Result<(), NotNarrower> {
        let all = self.actions.bits() | self.after_check.map_or(0, Actions::bits);
        within(mask.bits() & !all == 0, Constraint::Action)?;
        // A ticket for nothing but what a second check gives would be none.
        self.actions = Actions::from_bits(self.actions.bits() & mask.bits())
            .ok_or(NotNarrower::Form("one of the actions of a ticket must be left"))?;
        self.after_check = self.after_check.and_then(|after| Actions::from_bits(after.bits() & mask.bits()));
        Ok(())
    }

    fn limit_media(&mut self, media: Media, text: &str) -> Result<(), NotNarrower> {
        if !TextRule::CONTENT_TYPE.allows(text) {
            return Err(NotNarrower::Form(TextRule::CONTENT_TYPE.why));
        }
        within(self.media.as_ref().is_none_or(|all| all.covers(&media)), Constraint::ContentType)?;
        self.media = Some(media);
        Ok(())
    }
}

pub(super) const fn covers(all: &RangeInclusive<u64>, some: &RangeInclusive<u64>) -> bool {
    *all.start() <= *some.start() && *some.end() <= *all.end()
}

const fn within(is_within: bool, constraint: Constraint) -> Result<(), NotNarrower> {
    if is_within { Ok(()) } else { Err(NotNarrower::Wider(constraint)) }
}

/// Why a caveat narrows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotNarrower {
    /// It goes beyond what is allowed.
    Wider(Constraint),
    /// It says nothing that makes sense.
    Form(&'static str),
}

impl NotNarrower {
    /// For whoever adds it.
    pub(super) const fn issue_error(self) -> IssueError {
        match self {
            Self::Form(why) => IssueError::Invalid { what: "caveat", why },
            Self::Wider(_) => IssueError::Invalid { what: "caveat", why: "it goes beyond what the ticket allows" },
        }
    }

    /// For whoever reads it.
    pub(super) const fn why(self) -> &'static str {
        match self {
            Self::Form(why) => why,
            Self::Wider(_) => "a caveat goes beyond what stands before it",
        }
    }
}
