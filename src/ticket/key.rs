//! The keys of tickets: one that signs, and older ones that are still accepted.

use super::{
    canonical::{self, Root},
    caveat::Caveat,
    fields::TextRule,
    step_up::Terms,
};
use crate::{error::KeyError, mac::HmacKey, secret::Secret};
use alloc::{borrow::ToOwned, string::String, vec, vec::Vec};
use core::fmt;

/// A key that makes tickets and second checks.
///
/// It stays with the service: whoever has it can make any ticket.
pub struct TicketKey {
    id: String,
    tickets: HmacKey,
    checks: HmacKey,
}

impl TicketKey {
    /// A key of 32 random bytes, by an id of 1 to 64 visible characters of ASCII that its tickets show.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for another id.
    pub fn new(id: &str, secret: &Secret<[u8; 32]>) -> Result<Self, KeyError> {
        if !TextRule::KEY_ID.allows(id) {
            return Err(KeyError::Invalid { what: "ticket key", why: TextRule::KEY_ID.why });
        }
        let [tickets, checks] = canonical::derived(secret.expose());
        Ok(Self { id: id.to_owned(), tickets, checks })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn first(&self, root: &Root) -> Secret<[u8; 32]> {
        canonical::first(&self.tickets, root)
    }

    /// The HMAC of every link, the first being that of the issuer's own words.
    pub(super) fn chain(&self, root: &Root, caveats: &[Caveat]) -> Vec<Secret<[u8; 32]>> {
        let mut links = vec![self.first(root)];
        for caveat in caveats {
            if let Some(last) = links.last() {
                links.push(canonical::next(last, caveat));
            }
        }
        links
    }

    pub(super) fn mac_of_check(&self, terms: &Terms) -> Secret<[u8; 32]> {
        terms.mac(&self.checks)
    }
}

impl fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The keys whose tickets are accepted.
///
/// A new key takes the place of the current one, which is accepted until the last of its tickets has ended.
#[derive(Debug)]
pub struct TicketKeys {
    current: TicketKey,
    older: Vec<TicketKey>,
}

impl TicketKeys {
    /// The key that signs.
    #[must_use]
    pub const fn new(current: TicketKey) -> Self {
        Self { current, older: Vec::new() }
    }

    /// An older key whose tickets are still accepted.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if there is one with its id, since a ticket says by its id who has to check it.
    pub fn accepting(mut self, older: TicketKey) -> Result<Self, KeyError> {
        if self.find(&older.id).is_some() {
            return Err(KeyError::Invalid { what: "ticket key", why: "there is one with the same id" });
        }
        self.older.push(older);
        Ok(self)
    }

    /// Accepts nothing more of an older key, and tells whether there was one.
    pub fn remove(&mut self, id: &str) -> bool {
        let before = self.older.len();
        self.older.retain(|key| key.id != id);
        self.older.len() < before
    }

    /// The key that signs.
    #[must_use]
    pub const fn current(&self) -> &TicketKey {
        &self.current
    }

    pub(super) fn find(&self, id: &str) -> Option<&TicketKey> {
        core::iter::once(&self.current).chain(&self.older).find(|key| key.id == id)
    }
}
