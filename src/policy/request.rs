//! Whether what a verified request does lies within bounds.

use super::{
    bounds::Bounds,
    decision::{Decision, Refusal},
    permits::{BRINGS_CONTENT, SETS_CONTENT_TYPE},
    union::Pattern,
};
use crate::{
    grant::{Action, Actions, Classification, ContentType, Lifetime},
    network::AddressRange,
};
use alloc::{
    borrow::ToOwned,
    boxed::Box,
    string::{String, ToString},
    vec::Vec,
};
use core::net::IpAddr;

/// What a request does. A request does one thing, by one token that lives so long, from one place.
pub(crate) struct Asked<'a> {
    pub(crate) container: &'a str,
    pub(crate) names: Pattern,
    pub(crate) actions: Actions,
    /// Container and name of what a copy reads.
    pub(crate) source: Option<(&'a str, &'a str)>,
    /// From the beginning of the token to its end, or from now on if it does not say when it began.
    pub(crate) lifetime: Lifetime,
    pub(crate) address: Option<IpAddr>,
    pub(crate) over_https: bool,
    /// What an upload says of itself: nothing if it does not say, or not in one way.
    pub(crate) content_type: Option<&'a str>,
    /// It decides the media type of an object, which its action alone does not tell.
    pub(crate) sets_type: bool,
    pub(crate) brings: Brings,
}

/// How much content a request brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Brings {
    /// What its body holds.
    Body,
    /// That much at most, now or in requests that come by another way.
    AtMost(u64),
    /// More than its body holds, and nothing says how much.
    Unknown,
}

impl Bounds {
    /// Whether a request lies within these bounds, and if not, why.
    ///
    /// A token does not say how sensitive its data is, so that the longest of the classes counts that are allowed at all. Why something
    /// broad is right was asked when the token was issued.
    pub(crate) fn permits_request(&self, asked: &Asked<'_>) -> Decision {
        self.check_request(asked).into()
    }

    /// The most bytes that a request with this action may bring.
    pub(crate) fn largest_body(&self, action: Action) -> Option<u64> {
        self.largest_upload.filter(|_| BRINGS_CONTENT.contains(&action))
    }

    fn check_request(&self, asked: &Asked<'_>) -> Result<(), Refusal> {
        // Where the bounds allow `.` and `..`, the verifier has said whether it takes them.
        self.check_reach(asked.container, &asked.names, asked.actions, true)?;
        if asked.actions.contains(Action::Copy) {
            // Nobody vouches for a source that the signature does not cover.
            let (container, name) = asked.source.unwrap_or_default();
            let read = Pattern::Exact(name.to_owned());
            self.check_reach(container, &read, Actions::READ, true).map_err(|why| Refusal::Source(Box::new(why)))?;
        }
        self.check_life(asked.lifetime)?;
        self.check_client(asked.address)?;
        if self.requires_https() && !asked.over_https {
            return Err(Refusal::PlainHttp);
        }
        self.check_content(asked)
    }

    fn check_life(&self, asked: Lifetime) -> Result<(), Refusal> {
        let classes =
            [Classification::Public, Classification::Internal, Classification::Confidential, Classification::Pii];
        let allowed = classes.into_iter().filter(|class| *class >= self.least);
        let limits = allowed.map(|class| (self.longest(class), class));
        match limits.max_by_key(|(limit, _)| *limit) {
            Some((limit, classification)) if asked > limit => Err(Refusal::Lifetime { asked, classification, limit }),
            _ => Ok(()),
        }
    }

    fn check_client(&self, asked: Option<IpAddr>) -> Result<(), Refusal> {
        let Some(allowed) = &self.addresses else { return Ok(()) };
        let asked = asked.map(|address| address.to_canonical().to_string());
        if asked.as_deref().and_then(AddressRange::parse).is_some_and(|asked| allowed.covers(&asked)) {
            return Ok(());
        }
        Err(Refusal::ClientAddress { asked, allowed: allowed.iter().map(ToString::to_string).collect::<Vec<String>>() })
    }

    fn check_content(&self, asked: &Asked<'_>) -> Result<(), Refusal> {
        let one_of = |actions: &[Action]| actions.iter().any(|action| asked.actions.contains(*action));
        if let Some(limit) = self.largest_upload.filter(|_| one_of(&BRINGS_CONTENT)) {
            // What these bring is not in their bodies, or comes on top of what is there, so that nobody can count it.
            let is_elsewhere = one_of(&[Action::Copy, Action::CompleteMultipart, Action::Append]);
            match asked.brings {
                Brings::Body if !is_elsewhere => {}
                Brings::AtMost(most) if !is_elsewhere && most <= limit => {}
                Brings::AtMost(most) if !is_elsewhere => return Err(Refusal::Size { asked: Some(0..=most), limit }),
                _ => return Err(Refusal::Size { asked: None, limit }),
            }
        }
        let sets_type = one_of(&SETS_CONTENT_TYPE) || asked.sets_type;
        if let Some(allowed) = self.content_types.as_ref().filter(|_| sets_type) {
            let is_allowed = |text: &str| allowed.covers(&Pattern::Exact(text.to_owned()));
            // A copy may take that of its source.
            if !asked.content_type.is_some_and(is_allowed) || one_of(&[Action::Copy]) {
                let asked = asked.content_type.map(|text| ContentType::Exact(text.to_owned()));
                return Err(Refusal::ContentType { asked, allowed: allowed.iter().cloned().collect() });
            }
        }
        Ok(())
    }
}
