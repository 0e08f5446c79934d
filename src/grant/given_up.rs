//! Constraints that a caller gives up by name, where a token form cannot carry them.

use super::{Constraint, ContentType, Grant, Justification, Size};
use crate::error::{GrantError, IssueError};
use alloc::borrow::Cow;

impl Constraint {
    /// Whether a caller may do without it at all. What a token is for, on what, and until when is never given up; and
    /// plain HTTP is asked for by the address of a service.
    const fn can_be_given_up(self) -> bool {
        !matches!(self, Self::Action | Self::Resource | Self::Lifetime | Self::HttpsOnly)
    }
}

impl Grant {
    /// Gives up one constraint for token forms that cannot carry it, and says why. A form that can carry it enforces it
    /// all the same; the others leave it out instead of failing with
    /// [`NotEnforceable`](IssueError::NotEnforceable). What was given up stays readable in
    /// [`given_up`](Self::given_up), for the audit record, and in the [`plan`](Self::plan).
    ///
    /// ```
    /// use valet_key::grant::{Constraint, Grant, Justification};
    ///
    /// let why = Justification::new("the quota job deletes what is too large, ticket 4711")?;
    /// let grant = Grant::upload("media", "cat.jpg").content_type("image/jpeg").size(1..=5_000_000);
    /// let grant = grant.unenforced(Constraint::Size, why)?;
    /// assert_eq!(grant.given_up().next().unwrap().0, Constraint::Size);
    ///
    /// let why = Justification::new("it is faster")?;
    /// assert!(Grant::read("media", "cat.jpg").unenforced(Constraint::Lifetime, why).is_err());
    /// # Ok::<(), valet_key::error::GrantError>(())
    /// ```
    ///
    /// # Errors
    /// [`GrantError::NeverGivenUp`] for the action, the resource, the lifetime and HTTPS.
    pub fn unenforced(mut self, constraint: Constraint, why: Justification) -> Result<Self, GrantError> {
        if !constraint.can_be_given_up() {
            return Err(GrantError::NeverGivenUp { constraint });
        }
        // Each constraint once, with the last reason.
        self.given_up.retain(|(given_up, _)| *given_up != constraint);
        self.given_up.push((constraint, why));
        Ok(self)
    }

    /// What was given up with [`unenforced`](Self::unenforced), and why, in that order.
    pub fn given_up(&self) -> impl Iterator<Item = (Constraint, &Justification)> {
        self.given_up.iter().map(|(constraint, why)| (*constraint, why))
    }

    pub(crate) fn has_given_up(&self, constraint: Constraint) -> bool {
        self.given_up.iter().any(|(given_up, _)| *given_up == constraint)
    }

    /// What every token form carries at least: nothing that was given up.
    pub(crate) fn without_given_up(&self) -> Cow<'_, Self> {
        let mut grant = Cow::Borrowed(self);
        for (constraint, _) in self.given_up() {
            grant.to_mut().leave_out(constraint);
        }
        grant
    }

    /// Lowers the grant to a token form. What the form turns out not to carry is left out if it was given up: nothing but
    /// the lowering itself says so, and what it can carry stays in.
    pub(crate) fn lowered<T>(&self, lower: impl Fn(&Self) -> Result<T, IssueError>) -> Result<T, IssueError> {
        let mut grant = Cow::Borrowed(self);
        loop {
            match lower(&grant) {
                Err(IssueError::NotEnforceable { constraint, .. })
                    if self.has_given_up(constraint) && grant.asks_for(constraint) =>
                {
                    grant.to_mut().leave_out(constraint);
                }
                done => return done,
            }
        }
    }

    /// Whether it has that constraint. Every grant has an action, a resource, a lifetime and HTTPS.
    pub(crate) fn asks_for(&self, constraint: Constraint) -> bool {
        match constraint {
            Constraint::Action | Constraint::Resource | Constraint::Lifetime | Constraint::HttpsOnly => true,
            Constraint::ContentType => {
                matches!(self.content_type, Some(ContentType::Exact(_) | ContentType::Prefix(_)))
            }
            Constraint::Size => matches!(self.size, Some(Size::Range(_))),
            Constraint::Checksum => self.sha256.is_some(),
            Constraint::ClientAddress => self.client_address.is_some(),
            Constraint::NotBefore => self.not_before.is_some(),
            Constraint::Encryption => self.encryption.is_some(),
            Constraint::StorageClass => self.storage_class.is_some(),
            Constraint::Metadata => !self.metadata.is_empty(),
            Constraint::ResponseHeaders => !self.response_headers.is_empty(),
            Constraint::SingleUse => self.single_use,
            Constraint::RequestId => self.request_id.is_some(),
            Constraint::Listing => self.listing.is_some(),
        }
    }

    /// INVARIANT: afterwards the grant does not ask for it, unless every grant does.
    pub(crate) fn leave_out(&mut self, constraint: Constraint) {
        match constraint {
            Constraint::Action | Constraint::Resource | Constraint::Lifetime | Constraint::HttpsOnly => {}
            Constraint::ContentType => self.content_type = Some(ContentType::Any),
            Constraint::Size => self.size = Some(Size::Any),
            Constraint::Checksum => self.sha256 = None,
            Constraint::ClientAddress => self.client_address = None,
            Constraint::NotBefore => self.not_before = None,
            Constraint::Encryption => self.encryption = None,
            Constraint::StorageClass => self.storage_class = None,
            Constraint::Metadata => self.metadata.clear(),
            Constraint::ResponseHeaders => self.response_headers.clear(),
            Constraint::SingleUse => self.single_use = false,
            Constraint::RequestId => self.request_id = None,
            Constraint::Listing => self.listing = None,
        }
    }
}
