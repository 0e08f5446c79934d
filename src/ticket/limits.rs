//! What a ticket allows, and how each caveat makes that less.

use super::{caveat::Caveat, fields::TextRule};
use crate::{
    clock::Timestamp,
    error::IssueError,
    grant::{Actions, Classification, Constraint, Lifetime},
    network::AddressRange,
    policy::{Pattern, has_dot_segment},
};
use alloc::string::String;
use core::ops::RangeInclusive;

/// One object.
pub(super) fn object(name: String) -> Result<Pattern, &'static str> {
    check_name(&name).map(|()| Pattern::Exact(name))
}

/// All objects whose names begin like this.
pub(super) fn under(prefix: String) -> Result<Pattern, &'static str> {
    check_name(&prefix)?;
    if prefix.ends_with('/') { Ok(Pattern::Prefix(prefix)) } else { Err("a prefix must end with `/`") }
}

/// Clients fold `.` and `..`, so that a name with them is another one for whoever compares beginnings.
fn check_name(name: &str) -> Result<(), &'static str> {
    if !TextRule::NAME.allows(name) {
        return Err(TextRule::NAME.why);
    }
    if has_dot_segment(name) { Err("a segment of a name is `.` or `..`") } else { Ok(()) }
}

/// What a ticket allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) container: String,
    pub(super) names: Pattern,
    pub(super) actions: Actions,
    /// What a second check gives beside that.
    pub(super) after_check: Option<Actions>,
    pub(super) classification: Classification,
    pub(super) lifetime: Lifetime,
    pub(super) expires_at: Timestamp,
    pub(super) not_before: Option<Timestamp>,
    pub(super) addresses: Option<AddressRange>,
    pub(super) media: Option<Pattern>,
    pub(super) size: Option<RangeInclusive<u64>>,
    pub(super) is_single_use: bool,
    /// Which caveat asked that it be swapped once, the first being 0.
    pub(super) once: Option<usize>,
    pub(super) caveats: usize,
}

impl Limits {
    pub(super) const fn new(
        container: String,
        names: Pattern,
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
            Caveat::Object(name) => self.limit_names(object(name.clone()))?,
            Caveat::Under(prefix) => self.limit_names(under(prefix.clone()))?,
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
            Caveat::ContentType(exact) => self.limit_media(Pattern::Exact(exact.clone()))?,
            Caveat::ContentTypePrefix(prefix) => self.limit_media(Pattern::Prefix(prefix.clone()))?,
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
        let all = self.after_check.map_or(self.actions, |after| self.actions | after);
        within(mask.common(all) == Some(mask), Constraint::Action)?;
        // A ticket for nothing but what a second check gives would be none.
        self.actions =
            self.actions.common(mask).ok_or(NotNarrower::Form("one of the actions of a ticket must be left"))?;
        self.after_check = self.after_check.and_then(|after| after.common(mask));
        Ok(())
    }

    fn limit_names(&mut self, names: Result<Pattern, &'static str>) -> Result<(), NotNarrower> {
        let names = names.map_err(NotNarrower::Form)?;
        within(self.names.covers(&names), Constraint::Resource)?;
        self.names = names;
        Ok(())
    }

    fn limit_media(&mut self, media: Pattern) -> Result<(), NotNarrower> {
        if !TextRule::CONTENT_TYPE.allows(media.text()) {
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
