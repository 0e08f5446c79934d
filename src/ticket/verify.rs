//! Swapping a ticket: its chain is checked, and what is asked for is held to all that it says.

use super::{
    canonical,
    key::TicketKeys,
    limits::{Limits, covers},
    sign::Ticket,
    step_up::PassedCheck,
};
use crate::{
    clock::Timestamp,
    error::VerifyError,
    grant::{Action, Actions, Constraint, ContentType, Grant, Lifetime, Resource, Size},
    mac,
    network::AddressRange,
    policy::{Pattern, has_dot_segment},
    token::Verified,
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};

/// How far the clocks of two servers may differ: a ticket can be swapped so many seconds before it was made.
const SKEW: u32 = 300;

/// Why a ticket is not swapped for what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// More is asked for than the ticket allows.
    #[error("the {constraint} that was asked for goes beyond the ticket")]
    Exceeds {
        /// What of it.
        constraint: Constraint,
    },
    /// The ticket, or the second check, is good once, and nobody noted that it is used now.
    #[error("it is good once: note its use first")]
    NotClaimed,
    /// The ticket, or the second check, was used before.
    #[error("it was used before")]
    AlreadyUsed,
    /// The second check was made for another ticket or object.
    #[error("the second check is for another {what}")]
    OtherCheck {
        /// What is another one.
        what: &'static str,
    },
}

impl ExchangeError {
    /// A stable name for metrics and audit records.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Exceeds { .. } => "ticket_exceeded",
            Self::NotClaimed => "ticket_not_claimed",
            Self::AlreadyUsed => "ticket_already_used",
            Self::OtherCheck { .. } => "ticket_other_check",
        }
    }
}

/// A use to be noted: if the key is there already, it is not the first. One command of a shared store does both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Use {
    /// What to note.
    pub key: [u8; 32],
    /// Until when, at least.
    pub until: Timestamp,
}

impl TicketKeys {
    /// Checks a ticket.
    ///
    /// # Errors
    /// Those of [`Ticket::parse`]; [`VerifyError::UnknownKey`] and [`VerifyError::SignatureMismatch`], which take the same work
    /// and should get the same answer; then [`VerifyError::NotYetValid`] and [`VerifyError::Expired`].
    pub fn redeem(&self, text: &str, now: Timestamp) -> Result<Verified<Redeemable>, VerifyError> {
        let ticket = Ticket::parse(text)?;
        let key = self.find(ticket.key_id());
        let links = key.unwrap_or(self.current()).chain(&ticket.root, &ticket.caveats);
        let is_right = links.last().is_some_and(|last| mac::equal(last.expose(), ticket.mac.expose()));
        if key.is_none() {
            return Err(VerifyError::UnknownKey);
        }
        if !is_right {
            return Err(VerifyError::SignatureMismatch);
        }
        let limits = ticket.limits;
        let made = ticket.root.issued_at.saturating_sub(SKEW);
        let valid_from = limits.not_before.map_or(made, |time| time.max(made));
        if now < valid_from {
            return Err(VerifyError::NotYetValid { valid_from, now });
        }
        if now > limits.expires_at {
            return Err(VerifyError::Expired { expired_at: limits.expires_at, now });
        }
        let ids = links.iter().map(canonical::link_id).collect();
        let (key_id, subject) = (ticket.root.key_id, ticket.root.subject);
        let (issued_at, root_ends_at) = (ticket.root.issued_at, ticket.root.limits.expires_at);
        Ok(Verified::new(Redeemable { key_id, subject, issued_at, limits, ids, root_ends_at, is_claimed: false, now }))
    }
}

/// A ticket that was checked, and what it allows.
#[derive(Debug)]
pub struct Redeemable {
    key_id: String,
    subject: String,
    issued_at: Timestamp,
    limits: Limits,
    /// Of every link, the first being that of the issuer's own words. INVARIANT: never empty.
    ids: Vec<[u8; 32]>,
    /// The end of the ticket as the issuer made it.
    root_ends_at: Timestamp,
    is_claimed: bool,
    now: Timestamp,
}

impl Redeemable {
    /// Whom the issuer made it for. Whoever presents it may be somebody else to whom it was handed on.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The id of the key that it was made with.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// When it was made.
    #[must_use]
    pub const fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// The last second at which it can be swapped, and at which a token from it is good.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.limits.expires_at
    }

    /// The bucket or container.
    #[must_use]
    pub fn container(&self) -> &str {
        &self.limits.container
    }

    /// What it allows.
    #[must_use]
    pub const fn actions(&self) -> Actions {
        self.limits.actions
    }

    /// What it allows after a second check beside that.
    #[must_use]
    pub const fn after_check(&self) -> Option<Actions> {
        self.limits.after_check
    }

    /// The names by which it can be revoked: of the ticket as the issuer made it, and of each one on the way to this. To revoke a
    /// ticket with all that were made from it, put its last name on a list; refuse a ticket any of whose names is there.
    #[must_use]
    pub fn revocation_ids(&self) -> &[[u8; 32]] {
        &self.ids
    }

    /// The name of this very ticket, for audit records.
    #[must_use]
    pub fn id(&self) -> [u8; 32] {
        self.ids.last().copied().unwrap_or_default()
    }

    /// The use to be noted if it is good once. One that was made narrower has the same, so that it is good once together with
    /// all others.
    #[must_use]
    pub fn once(&self) -> Option<Use> {
        // The id of a link stands behind that of the issuer's own words.
        let key = *self.ids.get(self.limits.once?.saturating_add(1))?;
        // Another ticket of the same link may end as late as the issuer's own.
        Some(Use { key, until: self.root_ends_at })
    }

    /// The longest that a token from it can live now; nothing in its last second.
    #[must_use]
    pub fn longest(&self) -> Option<Lifetime> {
        let left = u32::try_from(self.limits.expires_at.seconds_since(self.now)).ok()?;
        Lifetime::from_seconds(left.min(self.limits.lifetime.seconds())).ok()
    }

    pub(super) const fn limits(&self) -> &Limits {
        &self.limits
    }

    fn exchange(&self, asked: Grant, allowed: Actions) -> Result<Grant, ExchangeError> {
        if self.limits.once.is_some() && !self.is_claimed {
            return Err(ExchangeError::NotClaimed);
        }
        if self.longest().is_none_or(|longest| asked.lifetime > longest) {
            return Err(exceeds(Constraint::Lifetime));
        }
        hold(asked, &self.limits, allowed)
    }
}

impl Verified<Redeemable> {
    /// Says whether the [use](Redeemable::once) that was noted is the first one.
    ///
    /// # Errors
    /// [`ExchangeError::AlreadyUsed`] if it is not.
    pub fn claimed(self, is_first: bool) -> Result<Self, ExchangeError> {
        if !is_first {
            return Err(ExchangeError::AlreadyUsed);
        }
        Ok(Self::new(Redeemable { is_claimed: true, ..self.into_inner() }))
    }

    /// Swaps the ticket for a grant: what is asked for, made narrower where the ticket says more than the asker. Issue it at
    /// the time at which the ticket was redeemed.
    ///
    /// # Errors
    /// [`ExchangeError::Exceeds`] if more is asked for than the ticket allows, a version of an object among that, also if a bound of the ticket is waived or a
    /// lifetime is longer than [`longest`](Redeemable::longest); [`ExchangeError::NotClaimed`] if it is good once and that was
    /// not noted.
    pub fn grant(self, asked: Grant) -> Result<Grant, ExchangeError> {
        self.exchange(asked, self.limits.actions)
    }

    /// Swaps the ticket and a second check for a grant that may also do what the check is for.
    ///
    /// The grant has the justification of the check, for the audit record.
    ///
    /// # Errors
    /// As [`grant`](Self::grant) for both the ticket and the check, and [`ExchangeError::OtherCheck`] if the check was made for
    /// another ticket, subject or object.
    pub fn step_up(self, asked: Grant, check: Verified<PassedCheck>) -> Result<Grant, ExchangeError> {
        let check = check.into_inner().for_ticket(&self.id(), &self.subject)?;
        let (Resource::Object { name: object, .. }
        | Resource::Part { name: object, .. }
        | Resource::MultipartUpload { name: object, .. }) = &asked.resource
        else {
            return Err(exceeds(Constraint::Resource));
        };
        if asked.container != check.container || *object != check.object {
            return Err(ExchangeError::OtherCheck { what: "object" });
        }
        let after = self.limits.after_check.and_then(|after| after.common(check.actions));
        let allowed = after.map_or(self.limits.actions, |after| self.limits.actions | after);
        Ok(self.exchange(asked, allowed)?.because(check.why))
    }
}

const fn exceeds(constraint: Constraint) -> ExchangeError {
    ExchangeError::Exceeds { constraint }
}

const fn within(is_within: bool, constraint: Constraint) -> Result<(), ExchangeError> {
    if is_within { Ok(()) } else { Err(exceeds(constraint)) }
}

/// Holds a grant to the limits of a ticket: what goes beyond is refused, what is not said is filled in.
fn hold(mut asked: Grant, limits: &Limits, allowed: Actions) -> Result<Grant, ExchangeError> {
    within(asked.container == limits.container, Constraint::Resource)?;
    // Clients fold such names, and then ask for another object. A copy reads an object that no ticket names.
    within(!asked.dot_segments && asked.source.is_none(), Constraint::Resource)?;
    let names = match &asked.resource {
        // A ticket has no words for versions, and to read or delete one is more than to read or delete what is there.
        Resource::Object { version: Some(_), .. } | Resource::Queue => return Err(exceeds(Constraint::Resource)),
        Resource::Object { name, .. } | Resource::Part { name, .. } | Resource::MultipartUpload { name, .. } => {
            Pattern::Exact(name.clone())
        }
        Resource::Prefix(prefix) => Pattern::Prefix(prefix.clone()),
    };
    within(limits.names.covers(&names) && !has_dot_segment(names.text()), Constraint::Resource)?;
    within(asked.actions.common(allowed) == Some(asked.actions), Constraint::Action)?;
    hold_upload(&mut asked, limits)?;
    if let Some(addresses) = &limits.addresses {
        let said = asked.client_address.get_or_insert_with(|| addresses.to_string());
        let is_within = AddressRange::parse(said).is_some_and(|range| addresses.covers(&range));
        within(is_within, Constraint::ClientAddress)?;
    }
    asked.single_use |= limits.is_single_use;
    for (constraint, is_limited) in [
        (Constraint::ClientAddress, limits.addresses.is_some()),
        (Constraint::Size, limits.size.is_some()),
        (Constraint::ContentType, limits.media.is_some()),
        (Constraint::SingleUse, limits.is_single_use),
    ] {
        // A token form that cannot carry it would leave it out.
        within(!(is_limited && asked.has_given_up(constraint)), constraint)?;
    }
    asked.classification = asked.classification.max(limits.classification);
    Ok(asked)
}

/// Holds what is uploaded to its size and type.
fn hold_upload(asked: &mut Grant, limits: &Limits) -> Result<(), ExchangeError> {
    let actions = asked.actions;
    let has = |any: &[Action]| any.iter().any(|action| actions.contains(*action));
    if let Some(all) = &limits.size {
        // Each part may be small enough and all together not.
        let piecemeal = [Action::StartMultipart, Action::UploadPart, Action::CompleteMultipart, Action::Append];
        within(!has(&piecemeal), Constraint::Size)?;
        if has(&[Action::Upload, Action::Create]) {
            match asked.size.get_or_insert_with(|| Size::Range(all.clone())) {
                Size::Range(bytes) => within(covers(all, bytes), Constraint::Size)?,
                Size::Any => return Err(exceeds(Constraint::Size)),
            }
        }
    }
    if let Some(all) = &limits.media
        && has(&[Action::Upload, Action::Create, Action::StartMultipart, Action::Append])
    {
        let all_of_it = || match all {
            Pattern::Exact(exact) => ContentType::Exact(exact.clone()),
            Pattern::Prefix(prefix) => ContentType::Prefix(prefix.clone()),
        };
        let said = match asked.content_type.get_or_insert_with(all_of_it) {
            ContentType::Exact(exact) => Pattern::Exact(exact.clone()),
            ContentType::Prefix(prefix) => Pattern::Prefix(prefix.clone()),
            ContentType::Any => return Err(exceeds(Constraint::ContentType)),
        };
        within(all.covers(&said), Constraint::ContentType)?;
    }
    Ok(())
}
