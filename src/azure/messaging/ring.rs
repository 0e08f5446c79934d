//! The rules that a verifier knows: rotation, and the same work for a rule that is not there.

use super::{AccessRule, ExpectToken, MessagingEntity, PresentedToken, SignedToken, key::RuleKey};
use crate::{
    clock::Timestamp,
    error::{KeyError, VerifyError},
    mac::HmacKey,
    token::Verified,
};
use alloc::{borrow::ToOwned, collections::BTreeMap, string::String, vec::Vec};
use core::fmt;

/// The most rules that one entity can have.
///
/// Source: Service Bus documentation, "Access control with Shared Access Signatures".
const RULES_PER_ENTITY: usize = 12;

/// The rules of a namespace, hub or topic with their keys, by the entity that they are defined on.
///
/// A rule has a primary and a secondary key, and both are tried, whether there are two or not. A token that
/// names an unknown rule is checked against a decoy, so that it costs what a wrong signature costs. When a
/// rule of that name is defined both on the addressed entity and above it, the nearest one counts.
///
/// ```
/// use valet_key::azure::{
///     AccessRule, ExpectToken, MessagingEntity, MessagingOperation, MessagingSas, PresentedToken, Right, RuleRing,
///     ServiceBusKey, TokenRequest,
/// };
/// use valet_key::clock::Timestamp;
///
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let queue = MessagingEntity::namespace("contoso.servicebus.windows.net")?.queue("orders")?;
/// let rule = AccessRule::service_bus(&queue, "send", Right::Send)?;
/// let (primary, secondary) = (ServiceBusKey::new(rule.clone(), "one")?, ServiceBusKey::new(rule, "two")?);
/// let token = secondary.token(&TokenRequest::new(&queue, Right::Send), now)?;
///
/// let ring = RuleRing::new().with(primary)?.with(secondary)?;
/// let presented = PresentedToken::service_bus(token.expose())?;
/// let verified = ring.verify(presented.clone(), &ExpectToken::new(&queue, MessagingOperation::Send), now)?;
/// assert_eq!(verified.rule_name(), Some("send"));
/// assert!(ring.verify(presented, &ExpectToken::new(&queue, MessagingOperation::Receive), now).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RuleRing {
    rules: BTreeMap<String, Vec<Entry>>,
    decoy: HmacKey,
}

struct Entry {
    rule: AccessRule,
    primary: HmacKey,
    secondary: Option<HmacKey>,
}

impl Default for RuleRing {
    fn default() -> Self {
        Self::new()
    }
}

impl RuleRing {
    /// An empty ring, which refuses everything.
    #[must_use]
    pub fn new() -> Self {
        Self { rules: BTreeMap::new(), decoy: HmacKey::new(b"a decoy signs nothing that is accepted") }
    }

    /// Adds a key of a rule.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub fn with(mut self, key: impl Into<RuleKey>) -> Result<Self, KeyError> {
        self.insert(key)?;
        Ok(self)
    }

    /// Adds a key of a rule: its primary one first, then its secondary one.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if the rule has two keys, is there in another form, or is the thirteenth of its
    /// entity.
    pub fn insert(&mut self, key: impl Into<RuleKey>) -> Result<(), KeyError> {
        let RuleKey { rule, mac } = key.into();
        let invalid = |why| Err(KeyError::Invalid { what: "rule", why });
        let name = rule.defined_on().and_above().next().unwrap_or_default().to_owned();
        let entries = self.rules.entry(name).or_default();
        let is_same = |entry: &&mut Entry| entry.rule.family() == rule.family() && entry.rule.name() == rule.name();
        let is_full = entries.len() >= RULES_PER_ENTITY;
        match entries.iter_mut().find(is_same) {
            Some(entry) if entry.rule != rule => return invalid("another rule of that name is there"),
            Some(Entry { secondary: Some(_), .. }) => return invalid("it has a primary and a secondary key"),
            Some(entry) => entry.secondary = Some(mac),
            None if is_full => return invalid("its entity has 12 others"),
            None => entries.push(Entry { rule, primary: mac, secondary: None }),
        }
        Ok(())
    }

    /// Takes a rule out with its keys, to revoke every token that names it or to set other keys. Returns
    /// whether it was there.
    pub fn remove(&mut self, rule: &AccessRule) -> bool {
        let name = rule.defined_on().and_above().next().unwrap_or_default();
        let Some(entries) = self.rules.get_mut(name) else { return false };
        let before = entries.len();
        entries.retain(|entry| entry.rule != *rule);
        let removed = entries.len() < before;
        if entries.is_empty() {
            self.rules.remove(name);
        }
        removed
    }

    /// How many rules there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.values().map(Vec::len).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Checks a token against the rule that it names, on the addressed entity or above it.
    ///
    /// # Errors
    /// Those of [`PresentedToken::check`] and [`PendingToken::accept`](super::PendingToken::accept), and
    /// [`VerifyError::UnknownKey`].
    pub fn verify(
        &self,
        presented: PresentedToken<'_>,
        expect: &ExpectToken,
        now: Timestamp,
    ) -> Result<Verified<SignedToken>, VerifyError> {
        presented.examine(expect, now)?;
        let found = self.find(&presented, expect.entity());
        let primary = found.map_or(&self.decoy, |entry| &entry.primary);
        let secondary = found.and_then(|entry| entry.secondary.as_ref());
        let message = presented.signed();
        let by_primary = presented.is_signed(&primary.mac_of(|hash| message.put(hash)));
        let by_secondary = presented.is_signed(&secondary.unwrap_or(&self.decoy).mac_of(|hash| message.put(hash)));
        let entry = found.ok_or(VerifyError::UnknownKey)?;
        if !(by_primary | (by_secondary & secondary.is_some())) {
            return Err(VerifyError::SignatureMismatch);
        }
        presented.check_bounds(&entry.rule, expect)?;
        Ok(presented.verified())
    }

    /// Looks at every rule of the entity and of those above it, found or not: how long that takes must not tell whether the
    /// named one is there.
    fn find(&self, presented: &PresentedToken<'_>, entity: &MessagingEntity) -> Option<&Entry> {
        let mut found = None;
        for entry in entity.and_above().filter_map(|name| self.rules.get(name)).flatten() {
            let counts = entry.rule.counts_for(entity);
            let is_named = entry.rule.family() == presented.family() && entry.rule.name() == presented.rule_name();
            if counts & is_named & found.is_none() {
                found = Some(entry);
            }
        }
        found
    }
}

impl fmt::Debug for RuleRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.rules.values().flatten().map(|entry| &entry.rule)).finish()
    }
}
