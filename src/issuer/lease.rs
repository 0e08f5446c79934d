//! A session in which one token follows another, and none allows more than the first.

use super::{Ask, NotRefreshable, Subject};
use crate::{
    clock::Timestamp,
    grant::{Grant, Lifetime},
};
use alloc::string::String;

/// How long a session lasts, in seconds.
const SESSION: u32 = 24 * 60 * 60;
/// How many refreshes a session has beyond those that it needs.
const SPARE: u32 = 8;

/// What was granted to whom, for as long as one token follows another: 24 hours at most.
///
/// The application keeps it beside the upload or download that it is for, and shows it to
/// [`Issuer::refresh`](super::Issuer::refresh). It holds no token. Whoever keeps two copies of one has two counts of refreshes.
#[derive(Clone, Debug)]
pub struct Lease {
    subject: Subject,
    session: Option<String>,
    grant: Grant,
    began_at: Timestamp,
    refreshes: u32,
}

impl Lease {
    pub(super) fn new(ask: &Ask<'_>, began_at: Timestamp) -> Self {
        Self {
            subject: ask.subject.clone(),
            session: ask.session.map(String::from),
            grant: ask.grant.clone(),
            began_at,
            refreshes: 0,
        }
    }

    /// What the first token allowed.
    #[must_use]
    pub const fn grant(&self) -> &Grant {
        &self.grant
    }

    /// The last second at which any of its tokens is good.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.began_at.saturating_add(SESSION)
    }

    /// The longest that a token can live that is issued now; nothing when the session is over.
    #[must_use]
    pub fn longest(&self, now: Timestamp) -> Option<Lifetime> {
        let left = u32::try_from(self.ends_at().seconds_since(now)).ok()?;
        Lifetime::from_seconds(left).ok().map(|left| left.min(self.grant.lifetime()))
    }

    /// How often it was refreshed.
    #[must_use]
    pub const fn refreshes(&self) -> u32 {
        self.refreshes
    }

    /// The most refreshes: as many as the session has lifetimes, and eight.
    #[must_use]
    pub const fn max_refreshes(&self) -> u32 {
        SESSION.div_ceil(self.grant.lifetime().seconds()) + SPARE
    }

    pub(super) fn check(&self, ask: &Ask<'_>, now: Timestamp) -> Result<(), NotRefreshable> {
        if *ask.subject != self.subject || ask.session != self.session.as_deref() {
            return Err(NotRefreshable::Other);
        }
        if self.grant.single_use {
            return Err(NotRefreshable::SingleUse);
        }
        if let Some(constraint) = ask.grant.exceeds(&self.grant) {
            return Err(NotRefreshable::Wider { constraint });
        }
        let token_ends = now.saturating_add(ask.grant.lifetime().seconds());
        if now < self.began_at || token_ends > self.ends_at() {
            return Err(NotRefreshable::SessionOver { session_ends: self.ends_at(), token_ends });
        }
        if self.refreshes >= self.max_refreshes() {
            return Err(NotRefreshable::TooOften { limit: self.max_refreshes() });
        }
        Ok(())
    }

    pub(super) const fn count(&mut self) {
        self.refreshes = self.refreshes.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_as_many_refreshes_as_lifetimes_and_eight() {
        let subject = Subject::new("", "jane").unwrap();
        for (seconds, most) in [(900, 96 + 8), (3600, 24 + 8), (7000, 13 + 8), (86_400, 1 + 8), (604_800, 1 + 8)] {
            let grant = Grant::read("b", "o").lives(Lifetime::from_seconds(seconds).unwrap());
            let lease = Lease::new(&Ask::new(&subject, &grant), Timestamp::EPOCH);
            assert_eq!(lease.max_refreshes(), most);
        }
    }
}
