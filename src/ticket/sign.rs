//! Making a ticket, and making it narrower.

use super::{
    canonical::{self, Root, TICKET},
    caveat::Caveat,
    fields::{Body, MAX_TEXT, Reader, TextRule, malformed},
    key::TicketKey,
    limits::{self, Limits, NotNarrower},
};
use crate::{
    clock::Timestamp,
    error::{IssueError, VerifyError},
    grant::{Action, Actions, Constraint, ContentType, Grant, Lifetime, Resource, Size},
    network::AddressRange,
    policy::Pattern,
    secret::Secret,
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

/// What a ticket's text begins with: its version.
const PREFIX: &str = "vkt1_";
/// The most caveats of a ticket.
const MAX_CAVEATS: usize = 16;
/// The name of this form in errors.
const FORM: &str = "a grant ticket";

/// A ticket to be made: what it allows, and to whom.
///
/// ```
/// use valet_key::grant::{Action, Grant, Lifetime};
/// use valet_key::ticket::{TicketKey, TicketRequest};
/// use valet_key::{clock::Timestamp, secret::Secret};
///
/// let key = TicketKey::new("2023-11", &Secret::new([7; 32]))?; // 32 random bytes
/// let upload = Grant::upload("media", "42/a.png").content_type_prefix("image/").size(1..=5 << 20);
/// let ticket = TicketRequest::new(&upload, "user-42")
///     .lives(Lifetime::minutes(10)?)
///     .once()
///     .issue(&key, [1; 16], Timestamp::from_unix(1_700_000_000)?)?;
/// assert!(ticket.expose().starts_with("vkt1_"));
/// assert_eq!(ticket.expires_at().unix(), 1_700_000_600);
/// // What it allows beyond a token's words cannot be kept, so it is refused.
/// let stored = Grant::upload("media", "42/a.png").any_content_type().any_size().storage_class("GLACIER");
/// assert!(TicketRequest::new(&stored, "user-42").issue(&key, [2; 16], Timestamp::from_unix(1_700_000_000)?).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TicketRequest {
    grant: Grant,
    subject: String,
    lifetime: Lifetime,
    after_check: Option<Actions>,
    is_once: bool,
}

impl TicketRequest {
    /// A ticket that allows as much as this grant, for 15 minutes unless it is told otherwise. The lifetime of the grant is the
    /// longest of a token. A size or type of an upload that is waived or not said is no limit.
    ///
    /// The subject is who the ticket is for, as the service knows them: 1 to 255 bytes without control characters. It can be read
    /// by whoever holds the ticket.
    #[must_use]
    pub fn new(grant: &Grant, subject: impl Into<String>) -> Self {
        Self {
            grant: grant.clone(),
            subject: subject.into(),
            lifetime: Lifetime::DEFAULT,
            after_check: None,
            is_once: false,
        }
    }

    /// The ticket can be swapped for so long: up to seven days. More than the grant's class allows needs a justification in the
    /// grant.
    #[must_use]
    pub const fn lives(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// What may be done beside that on one object after a second check: see [`SecondCheck`](super::SecondCheck).
    #[must_use]
    pub const fn step_up(mut self, actions: Actions) -> Self {
        self.after_check = Some(actions);
        self
    }

    /// The ticket can be swapped once.
    #[must_use]
    pub const fn once(mut self) -> Self {
        self.is_once = true;
        self
    }

    /// Makes the ticket. The nonce is 16 random bytes: it tells tickets apart that allow the same.
    ///
    /// # Errors
    /// [`IssueError::NotEnforceable`] for what a ticket has no words for, [`IssueError::Unjustified`] for a prefix or a long life
    /// without a reason, [`IssueError::LifetimeTooLong`] past seven days, [`IssueError::Invalid`] for texts that are empty, too
    /// long, or hold control characters or dot segments.
    pub fn issue(&self, key: &TicketKey, nonce: [u8; 16], now: Timestamp) -> Result<Ticket, IssueError> {
        let names = self.names()?;
        self.check_lifetimes()?;
        let actions = tradeable(self.grant.actions)?;
        let after_check = self.after_check.map(tradeable).transpose()?;
        let text = |what: &'static str, rule: TextRule, text: &str| {
            if rule.allows(text) { Ok(text.to_string()) } else { Err(IssueError::Invalid { what, why: rule.why }) }
        };
        let expires_at = now.checked_add(self.lifetime.seconds()).ok_or(IssueError::TimeOverflow)?;
        let root = Root {
            key_id: key.id().to_string(),
            nonce,
            subject: text("subject", TextRule::SUBJECT, &self.subject)?,
            issued_at: now,
            limits: Limits::new(
                text("container", TextRule::CONTAINER, &self.grant.container)?,
                names,
                actions,
                after_check,
                self.grant.classification,
                self.grant.lifetime,
                expires_at,
            ),
        };
        let mac = key.first(&root);
        let limits = root.limits.clone();
        let ticket = Ticket { root, caveats: Vec::new(), limits, mac, text: Secret::new(String::new()) };
        // What is said beside that is the issuer's own first caveats, which nobody can take off either.
        self.caveats()?.into_iter().try_fold(ticket.written()?, |ticket, caveat| ticket.narrow(caveat))
    }

    fn names(&self) -> Result<Pattern, IssueError> {
        let invalid = |why| IssueError::Invalid { what: "object name or prefix", why };
        match &self.grant.resource {
            Resource::Object { name, version: None } => limits::object(name.clone()).map_err(invalid),
            // A grant for a prefix has its justification, or it were none.
            Resource::Prefix(prefix) => limits::under(prefix.clone()).map_err(invalid),
            _ => Err(not_enforceable(Constraint::Resource)),
        }
    }

    fn check_lifetimes(&self) -> Result<(), IssueError> {
        if self.lifetime > Lifetime::WEEK {
            return Err(IssueError::LifetimeTooLong {
                requested: self.lifetime.seconds(),
                maximum: Lifetime::WEEK.seconds(),
                service: FORM.to_string(),
            });
        }
        let longest = self.lifetime.max(self.grant.lifetime);
        if longest > self.grant.classification.cap() && self.grant.justification.is_none() {
            return Err(IssueError::Unjustified { what: "a lifetime beyond the default" });
        }
        Ok(())
    }

    /// What the grant says beside action, resource and lifetime.
    fn caveats(&self) -> Result<Vec<Caveat>, IssueError> {
        let grant = &self.grant;
        grant.refuse_misplaced(|constraint, instead| IssueError::NotEnforceable { constraint, form: FORM, instead })?;
        for (is_said, constraint) in [
            (grant.sha256.is_some(), Constraint::Checksum),
            (grant.encryption.is_some(), Constraint::Encryption),
            (grant.storage_class.is_some(), Constraint::StorageClass),
            (!grant.metadata.is_empty(), Constraint::Metadata),
            (!grant.response_headers.is_empty(), Constraint::ResponseHeaders),
            (grant.request_id.is_some(), Constraint::RequestId),
            (grant.listing.is_some(), Constraint::Listing),
            (grant.source.is_some() || grant.dot_segments, Constraint::Resource),
        ] {
            if is_said {
                return Err(not_enforceable(constraint));
            }
        }
        let mut caveats = Vec::new();
        caveats.extend(self.is_once.then_some(Caveat::Once));
        caveats.extend(grant.single_use.then_some(Caveat::SingleUse));
        caveats.extend(grant.not_before.map(Caveat::NotBefore));
        caveats.extend(grant.client_address.clone().map(Caveat::ClientAddress));
        caveats.extend(match &grant.content_type {
            Some(ContentType::Exact(exact)) => Some(Caveat::ContentType(exact.clone())),
            Some(ContentType::Prefix(prefix)) => Some(Caveat::ContentTypePrefix(prefix.clone())),
            None | Some(ContentType::Any) => None,
        });
        caveats.extend(match &grant.size {
            Some(Size::Range(bytes)) => Some(Caveat::Size(bytes.clone())),
            None | Some(Size::Any) => None,
        });
        Ok(caveats)
    }
}

fn not_enforceable(constraint: Constraint) -> IssueError {
    let instead = "it has no words for it: whoever swaps the ticket can add it to the grant";
    IssueError::NotEnforceable { constraint, form: FORM, instead }
}

/// Actions on objects that read nothing else.
fn tradeable(actions: Actions) -> Result<Actions, IssueError> {
    let others = [Action::Copy, Action::Send, Action::Receive, Action::Manage];
    if others.into_iter().any(|action| actions.contains(action)) {
        return Err(IssueError::NotEnforceable {
            constraint: Constraint::Action,
            form: FORM,
            instead: "it is for one object or prefix, and not for queues or for copies, which read another one",
        });
    }
    Ok(actions)
}

/// A ticket: whoever holds it can swap it for tokens, within what it says.
///
/// `Debug` shows what it is for and until when, and no secret; there is no `Display`. The text is read through
/// [`expose`](Self::expose).
#[derive(Clone)]
pub struct Ticket {
    pub(super) root: Root,
    pub(super) caveats: Vec<Caveat>,
    pub(super) limits: Limits,
    pub(super) mac: Secret<[u8; 32]>,
    text: Secret<String>,
}

impl Ticket {
    /// Reads a ticket, without a key and therefore without any proof: `vkt1_` and base64url without padding, of at most
    /// 8,192 characters and 16 caveats.
    ///
    /// # Errors
    /// [`VerifyError::TooLarge`] past a limit, [`VerifyError::Malformed`] for anything but the one spelling of a ticket, for an
    /// unknown kind of caveat, and for a caveat that goes beyond what stands before it.
    pub fn parse(text: &str) -> Result<Self, VerifyError> {
        let body = Body::read(text, PREFIX, TICKET)?;
        let mut reader = Reader::new(body.fields.expose(), TICKET);
        let root = Root::read(&mut reader)?;
        let mut limits = root.limits.clone();
        let mut caveats = Vec::new();
        while !reader.is_at_end() {
            if caveats.len() == MAX_CAVEATS {
                return Err(VerifyError::TooLarge {
                    what: "ticket's caveats",
                    found: MAX_CAVEATS + 1,
                    limit: MAX_CAVEATS,
                });
            }
            let caveat = canonical::read_caveat(&mut reader)?;
            limits.narrow(&caveat).map_err(|not| malformed(TICKET, not.why()))?;
            caveats.push(caveat);
        }
        Ok(Self { root, caveats, limits, mac: body.mac, text: Secret::new(text.to_string()) })
    }

    /// The same with one more caveat. It needs no key, and cannot be undone.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if the caveat goes beyond what the ticket allows or makes no sense, [`IssueError::TooLong`] for a
    /// seventeenth caveat or more than 8,192 characters.
    pub fn narrow(&self, caveat: Caveat) -> Result<Self, IssueError> {
        if self.caveats.len() == MAX_CAVEATS {
            return Err(IssueError::TooLong { what: "ticket's caveats", found: MAX_CAVEATS + 1, limit: MAX_CAVEATS });
        }
        let caveat = match caveat {
            Caveat::ClientAddress(text) => {
                // An address has one spelling in a ticket.
                let range = AddressRange::parse(&text);
                Caveat::ClientAddress(range.map_or(text, |range| range.to_string()))
            }
            other => other,
        };
        let mut limits = self.limits.clone();
        limits.narrow(&caveat).map_err(NotNarrower::issue_error)?;
        let mac = canonical::next(&self.mac, &caveat);
        let mut caveats = self.caveats.clone();
        caveats.push(caveat);
        Self { root: self.root.clone(), caveats, limits, mac, text: Secret::new(String::new()) }.written()
    }

    fn written(mut self) -> Result<Self, IssueError> {
        let mut fields = Vec::new();
        self.root.put(&mut fields);
        self.caveats.iter().for_each(|caveat| canonical::put_caveat(caveat, &mut fields));
        self.text = Body::write(PREFIX, &fields, self.mac.expose());
        let found = self.text.expose().len();
        if found > MAX_TEXT {
            return Err(IssueError::TooLong { what: "ticket", found, limit: MAX_TEXT });
        }
        Ok(self)
    }

    /// The text, to hand to the one holder that it is for. Do not log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// The id of the key that it says it was made with.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.root.key_id
    }

    /// The last second at which it says that it can be swapped.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.limits.expires_at
    }

    /// Its caveats, in order; the first ones may be the issuer's own.
    #[must_use]
    pub fn caveats(&self) -> &[Caveat] {
        &self.caveats
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("key_id", &self.root.key_id)
            .field("container", &self.limits.container)
            .field("names", &self.limits.names)
            .field("actions", &self.limits.actions)
            .field("expires_at", &self.limits.expires_at)
            .field("caveats", &self.caveats)
            .finish_non_exhaustive()
    }
}
