//! Leave to issue one token, for a holder of a key that is somewhere else.

use super::{AuditRecord, Bearer, Holder, Outcome, Refused, desk::Desk, record::text};
use crate::{clock::Timestamp, error::IssueError, grant::Grant, lifetime, metrics::Event, token::Fingerprint};
use alloc::borrow::Cow;
use core::fmt;

/// Leave to issue one token: bounds and rate have been asked, nothing is on record yet.
///
/// Make the token for [`grant`](Self::grant), with [`at`](Self::at) as the time, in any runtime, and hand it to
/// [`complete`](Self::complete): what comes out of that is on record and may be handed out. A failure goes to
/// [`fail`](Self::fail). A pass that is dropped, as when a client goes away and its request is cancelled, is put on record as
/// [`Outcome::Abandoned`]; what it has used up of the rate is not given back.
#[must_use = "a pass that is dropped is put on record as abandoned"]
pub struct Pass<'a> {
    desk: &'a Desk,
    grant: &'a Grant,
    draft: AuditRecord,
    /// When its session ends, for a refresh.
    session_ends: Option<Timestamp>,
    /// Whether nothing is on record yet.
    is_open: bool,
}

impl<'a> Pass<'a> {
    pub(super) const fn new(desk: &'a Desk, grant: &'a Grant, draft: AuditRecord) -> Self {
        Self { desk, grant, draft, session_ends: None, is_open: true }
    }

    pub(super) const fn for_refresh(mut self, session_ends: Timestamp) -> Self {
        self.session_ends = Some(session_ends);
        self
    }

    /// What was authorised.
    #[must_use]
    pub const fn grant(&self) -> &'a Grant {
        self.grant
    }

    /// When: the time from which the token is good.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.draft.at
    }

    /// Puts the token on record, after which it may be handed out. A token that cannot be put on record is dropped.
    ///
    /// # Errors
    /// [`Refused::TooLong`] for a token that lives longer than was granted or than its session, [`Refused::Over`] for one that is over
    /// already, [`Refused::Audit`].
    pub fn complete<T: Bearer>(mut self, token: T) -> Result<Issued<T>, Refused> {
        self.is_open = false;
        let (desk, issued_at) = (self.desk, self.at());
        let now = desk.now().max(issued_at);
        let (expires_at, fingerprint) = (token.expires_at(), token.fingerprint());
        let draft = &mut self.draft;
        draft.form = Some(Cow::Borrowed(token.form()));
        draft.key_id = token.key_id().as_deref().map(text);
        draft.expires_at = Some(expires_at);
        draft.fingerprint = Some(fingerprint);
        let grant_ends = now.saturating_add(self.grant.lifetime().seconds());
        let grant_ends = self.session_ends.map_or(grant_ends, |session_ends| grant_ends.min(session_ends));
        if expires_at > grant_ends {
            return Err(desk.refuse(draft, Refused::TooLong { token_ends: expires_at, grant_ends }));
        }
        if expires_at < now {
            return Err(desk.refuse(draft, Refused::Over { token_ends: expires_at, now }));
        }
        let is_refresh = self.session_ends.is_some();
        draft.outcome = if is_refresh { Outcome::Refreshed } else { Outcome::Issued };
        desk.append(draft)?;
        let lifetime = u32::try_from(expires_at.seconds_since(now)).unwrap_or_default();
        desk.count(&if is_refresh { Event::Refreshed { lifetime } } else { Event::Issued { lifetime } });
        Ok(Issued { token, from: issued_at, expires_at, fingerprint })
    }

    /// Puts on record that the holder made no token, and tells that.
    #[must_use]
    pub fn fail(mut self, why: IssueError) -> Refused {
        self.is_open = false;
        self.desk.refuse(&mut self.draft, why.into())
    }

    pub(super) fn issue<H: Holder>(self, holder: &H) -> Result<Issued<H::Token>, Refused> {
        match holder.issue(self.grant, self.at()) {
            Ok(token) => self.complete(token),
            Err(why) => Err(self.fail(why)),
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.is_open {
            self.draft.outcome = Outcome::Abandoned;
            self.desk.count(&Event::Abandoned);
            // Nobody is left to hear of a failure, which is counted.
            drop(self.desk.append(&self.draft));
        }
    }
}

impl fmt::Debug for Pass<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass").field("grant", &self.grant).field("at", &self.at()).finish_non_exhaustive()
    }
}

/// A token that is on record and may be handed out, with what its client has to know.
///
/// `Debug` shows what the token's own does.
#[derive(Clone, Debug)]
pub struct Issued<T> {
    token: T,
    from: Timestamp,
    expires_at: Timestamp,
    fingerprint: Fingerprint,
}

impl<T> Issued<T> {
    /// The token.
    #[must_use]
    pub const fn token(&self) -> &T {
        &self.token
    }

    /// The token, without the rest.
    #[must_use]
    pub fn into_token(self) -> T {
        self.token
    }

    /// From when on it is good.
    #[must_use]
    pub const fn issued_at(&self) -> Timestamp {
        self.from
    }

    /// When its client should ask for the next one, if it goes on: after 80 % of its life. Many clients at once add some chance to it.
    #[must_use]
    pub fn refresh_at(&self) -> Timestamp {
        lifetime::refresh_at(self.from, self.expires_at)
    }

    /// The last second at which it is good: what was granted, or the end of the key.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Its name, as it is on record.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }
}
