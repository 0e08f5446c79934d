//! From read to write: what a ticket gives only together with the proof of a second check.

use super::{
    canonical::SECOND_CHECK,
    fields::{Body, Reader},
    key::{TicketKey, TicketKeys},
    verify::{ExchangeError, Redeemable, Use},
};
use crate::{
    clock::Timestamp,
    error::{IssueError, VerifyError},
    grant::{Actions, Justification, Lifetime},
    mac,
    secret::Secret,
    token::Verified,
};
use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

/// What the text of a second check begins with: its version.
const PREFIX: &str = "vks1_";

/// What a second check was made for.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub(super) key_id: String,
    pub(super) nonce: [u8; 16],
    pub(super) ticket: [u8; 32],
    pub(super) subject: String,
    pub(super) container: String,
    pub(super) object: String,
    pub(super) actions: Actions,
    pub(super) why: Justification,
    pub(super) expires_at: Timestamp,
}

/// The proof that somebody was checked a second time, for more than a ticket allows on its own.
///
/// The service makes it after its own check (a second factor, a colleague's consent), for one ticket, one object and the
/// actions that were agreed to. It is good for at most five minutes and once. Whoever makes it can be another process than
/// whoever swaps the ticket, as long as both have the key.
///
/// ```
/// use valet_key::grant::{Action, Actions, Grant, Justification};
/// use valet_key::ticket::{CheckRequest, TicketKey, TicketKeys, TicketRequest};
/// use valet_key::{clock::Timestamp, secret::Secret};
///
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let keys = TicketKeys::new(TicketKey::new("2023-11", &Secret::new([7; 32]))?);
/// let read = Grant::read("invoices", "42/7.pdf");
/// let ticket = TicketRequest::new(&read, "user-42").step_up(Actions::UPLOAD).issue(keys.current(), [1; 16], now)?;
/// let write = || Grant::upload("invoices", "42/7.pdf").content_type("application/pdf").exact_size(7);
///
/// // The ticket alone reads.
/// assert!(keys.redeem(ticket.expose(), now)?.grant(write()).is_err());
///
/// // After the second check:
/// let redeemed = keys.redeem(ticket.expose(), now)?;
/// let why = Justification::new("passkey confirmed, ticket 4711")?;
/// let check = CheckRequest::new(&redeemed, "42/7.pdf", Actions::UPLOAD, why)?.issue(keys.current(), [2; 16], now)?;
///
/// let passed = keys.second_check(check.expose(), now)?;
/// let first = true; // from the store: nobody has noted `passed.once()` before
/// let grant = keys.redeem(ticket.expose(), now)?.step_up(write(), passed.claimed(first)?)?;
/// assert!(grant.actions().contains(Action::Upload));
/// assert_eq!(grant.justification().map(Justification::as_str), Some("passkey confirmed, ticket 4711"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Nobody else makes what [`step_up`](Verified::<Redeemable>::step_up) asks for:
///
/// ```compile_fail,E0423
/// let forged = valet_key::ticket::PassedCheck(());
/// ```
#[derive(Clone)]
pub struct SecondCheck {
    text: Secret<String>,
    terms: Terms,
}

/// A second check that was passed, to be written down.
#[derive(Clone, Debug)]
pub struct CheckRequest {
    ticket: [u8; 32],
    subject: String,
    container: String,
    object: String,
    actions: Actions,
    why: Justification,
    lifetime: Lifetime,
}

impl CheckRequest {
    /// The longest that a check is good: five minutes.
    pub const LONGEST: Lifetime = match Lifetime::minutes(5) {
        Ok(lifetime) => lifetime,
        Err(_) => Lifetime::DEFAULT,
    };

    /// The subject of this ticket was checked, for these actions on this object, and that is why.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] unless the ticket can be [stepped up](super::TicketRequest::step_up) to all of the actions, and
    /// the object is one of its own.
    pub fn new(
        ticket: &Verified<Redeemable>,
        object: &str,
        actions: Actions,
        why: Justification,
    ) -> Result<Self, IssueError> {
        let invalid = |why| Err(IssueError::Invalid { what: "second check", why });
        let limits = ticket.limits();
        if !super::limits::object(object.to_owned()).is_ok_and(|object| limits.names.covers(&object)) {
            return invalid("the object is not one of the ticket's");
        }
        if limits.after_check.and_then(|after| after.common(actions)) != Some(actions) {
            return invalid("the ticket does not give these actions after a second check");
        }
        Ok(Self {
            ticket: ticket.id(),
            subject: ticket.subject().to_owned(),
            container: limits.container.clone(),
            object: object.to_owned(),
            actions,
            why,
            lifetime: Self::LONGEST,
        })
    }

    /// It is good for so long: up to [five minutes](Self::LONGEST), which is the default.
    #[must_use]
    pub const fn lives(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Writes it down. The nonce is 16 random bytes.
    ///
    /// # Errors
    /// [`IssueError::LifetimeTooLong`] past five minutes.
    pub fn issue(&self, key: &TicketKey, nonce: [u8; 16], now: Timestamp) -> Result<SecondCheck, IssueError> {
        if self.lifetime > Self::LONGEST {
            return Err(IssueError::LifetimeTooLong {
                requested: self.lifetime.seconds(),
                maximum: Self::LONGEST.seconds(),
                service: "a second check".to_string(),
            });
        }
        let terms = Terms {
            key_id: key.id().to_owned(),
            nonce,
            ticket: self.ticket,
            subject: self.subject.clone(),
            container: self.container.clone(),
            object: self.object.clone(),
            actions: self.actions,
            why: self.why.clone(),
            expires_at: now.checked_add(self.lifetime.seconds()).ok_or(IssueError::TimeOverflow)?,
        };
        let mut fields = Vec::new();
        terms.put(&mut fields);
        let text = Body::write(PREFIX, &fields, key.mac_of_check(&terms).expose());
        Ok(SecondCheck { text, terms })
    }
}

impl SecondCheck {
    /// The text, to hand to whoever holds the ticket. Do not log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// The last second at which it is good.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.terms.expires_at
    }
}

impl fmt::Debug for SecondCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecondCheck")
            .field("key_id", &self.terms.key_id)
            .field("container", &self.terms.container)
            .field("object", &self.terms.object)
            .field("actions", &self.terms.actions)
            .field("why", &self.terms.why)
            .field("expires_at", &self.terms.expires_at)
            .finish_non_exhaustive()
    }
}

impl TicketKeys {
    /// Checks a second check.
    ///
    /// # Errors
    /// [`VerifyError::TooLarge`] and [`VerifyError::Malformed`] for anything but the one spelling of a check,
    /// [`VerifyError::UnknownKey`] and [`VerifyError::SignatureMismatch`], [`VerifyError::Expired`].
    pub fn second_check(&self, text: &str, now: Timestamp) -> Result<Verified<PassedCheck>, VerifyError> {
        let body = Body::read(text, PREFIX, SECOND_CHECK)?;
        let terms = Terms::read(&mut Reader::new(body.fields.expose(), SECOND_CHECK))?;
        let key = self.find(&terms.key_id);
        let expected = key.unwrap_or(self.current()).mac_of_check(&terms);
        let is_right = mac::equal(expected.expose(), body.mac.expose());
        if key.is_none() {
            return Err(VerifyError::UnknownKey);
        }
        if !is_right {
            return Err(VerifyError::SignatureMismatch);
        }
        if now > terms.expires_at {
            return Err(VerifyError::Expired { expired_at: terms.expires_at, now });
        }
        Ok(Verified::new(PassedCheck { terms, is_claimed: false }))
    }
}

/// A second check that was checked itself.
pub struct PassedCheck {
    terms: Terms,
    is_claimed: bool,
}

impl PassedCheck {
    /// Whose ticket it is for.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.terms.subject
    }

    /// Why more is right.
    #[must_use]
    pub const fn justification(&self) -> &Justification {
        &self.terms.why
    }

    /// The use to be noted: it is good once.
    #[must_use]
    pub fn once(&self) -> Use {
        Use { key: self.terms.id(), until: self.terms.expires_at }
    }

    pub(super) fn for_ticket(self, id: &[u8; 32], subject: &str) -> Result<Terms, ExchangeError> {
        if !self.is_claimed {
            return Err(ExchangeError::NotClaimed);
        }
        if !mac::equal(&self.terms.ticket, id) {
            return Err(ExchangeError::OtherCheck { what: "ticket" });
        }
        if self.terms.subject != subject {
            return Err(ExchangeError::OtherCheck { what: "subject" });
        }
        Ok(self.terms)
    }
}

impl Verified<PassedCheck> {
    /// Says whether the [use](PassedCheck::once) that was noted is the first one.
    ///
    /// # Errors
    /// [`ExchangeError::AlreadyUsed`] if it is not.
    pub fn claimed(self, is_first: bool) -> Result<Self, ExchangeError> {
        if !is_first {
            return Err(ExchangeError::AlreadyUsed);
        }
        Ok(Self::new(PassedCheck { is_claimed: true, ..self.into_inner() }))
    }
}

impl fmt::Debug for PassedCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PassedCheck")
            .field("container", &self.terms.container)
            .field("object", &self.terms.object)
            .field("actions", &self.terms.actions)
            .field("why", &self.terms.why)
            .field("expires_at", &self.terms.expires_at)
            .finish_non_exhaustive()
    }
}
