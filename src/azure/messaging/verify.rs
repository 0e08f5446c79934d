//! Verifying: what was presented, what is pending a signature, what was verified.

use super::{
    AccessRule, MessagingEntity, MessagingFamily, MessagingOperation,
    canonical::{PREFIX, Signed, TokenToSign},
    fields,
    key::TokenSignature,
    uri::MAX_URI,
};
use crate::{
    clock::Timestamp,
    encode::Inline,
    error::VerifyError,
    grant::Lifetime,
    mac,
    secret::Secret,
    token::{Fingerprint, Verified},
};
use alloc::{borrow::Cow, string::String};
use core::fmt;

/// What a verifier requires of a token: that it reaches one entity, and may do one thing there.
///
/// ```
/// use valet_key::azure::{ExpectToken, MessagingEntity, MessagingOperation};
///
/// let queue = MessagingEntity::namespace("contoso.servicebus.windows.net")?.queue("orders")?;
/// let expect = ExpectToken::new(&queue, MessagingOperation::Send).skew(60);
/// # let _ = expect;
/// # Ok::<(), valet_key::error::IssueError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ExpectToken {
    entity: MessagingEntity,
    operation: MessagingOperation,
    skew: u32,
    max_lifetime: Option<Lifetime>,
    ignores_case: bool,
}

impl ExpectToken {
    /// The entity that the request addresses and what it does there. For Event Grid the entity states the
    /// `apiVersion` of the request, if the request has one.
    #[must_use]
    pub fn new(entity: &MessagingEntity, operation: MessagingOperation) -> Self {
        Self { entity: entity.clone(), operation, skew: 0, max_lifetime: None, ignores_case: false }
    }

    /// How long after its end a token is still good, in seconds, for clocks that differ: 0 by default, at
    /// most 300. No service documents a tolerance.
    #[must_use]
    pub const fn skew(mut self, seconds: u32) -> Self {
        self.skew = if seconds < 300 { seconds } else { 300 };
        self
    }

    /// Refuses a token that would be good for longer than this from now on. A token does not say when it was
    /// made, and no service names a longest life, so there is no limit by default.
    #[must_use]
    pub const fn max_lifetime(mut self, lifetime: Lifetime) -> Self {
        self.max_lifetime = Some(lifetime);
        self
    }

    /// Compares the path of a token without regard to ASCII case, for clients that write the whole resource
    /// in lower case, as that in Go does. Only where names differ in more than case. The rules of a verifier
    /// are still found by the names that the addressed entity has.
    #[must_use]
    pub const fn ignore_case(mut self) -> Self {
        self.ignores_case = true;
        self
    }

    pub(super) const fn entity(&self) -> &MessagingEntity {
        &self.entity
    }
}

/// A token as it arrived: shape, size and fields were checked, nothing else.
///
/// Tells what it is for and which rule it names, so that the caller can look the key up, in whatever way.
#[derive(Clone)]
pub struct PresentedToken<'t> {
    /// INVARIANT: as the text was sent. Decoding it and encoding it again would sign another text.
    signed: Signed<'t>,
    entity: MessagingEntity,
    expires_at: Timestamp,
    rule_name: Option<Cow<'t, str>>,
    signature: Secret<[u8; 32]>,
}

impl<'t> PresentedToken<'t> {
    /// Reads a token of Service Bus, Event Hubs or Relay: `SharedAccessSignature sr=…&sig=…&se=…&skn=…`, in
    /// any order, at most 4 KiB.
    ///
    /// # Errors
    /// [`VerifyError::NotSigned`] if there is none, [`VerifyError::TooLarge`], [`VerifyError::Algorithm`] for
    /// another scheme, and for a token that cannot be read in one way only: [`VerifyError::FieldCount`],
    /// [`VerifyError::FieldForm`], [`VerifyError::Malformed`].
    pub fn service_bus(text: &'t str) -> Result<Self, VerifyError> {
        Self::parse(MessagingFamily::ServiceBus, fields::without_prefix(text)?)
    }

    /// Reads a token of IoT Hub: the same, but `skn` is absent when a device or module signs for itself.
    ///
    /// # Errors
    /// As [`service_bus`](Self::service_bus).
    pub fn iot_hub(text: &'t str) -> Result<Self, VerifyError> {
        Self::parse(MessagingFamily::IotHub, fields::without_prefix(text)?)
    }

    /// Reads a token of Event Grid, as it stands in `aeg-sas-token`: `r=…&e=…&s=…`.
    ///
    /// # Errors
    /// As [`service_bus`](Self::service_bus).
    pub fn event_grid(text: &'t str) -> Result<Self, VerifyError> {
        if text.is_empty() {
            return Err(VerifyError::NotSigned);
        }
        Self::parse(MessagingFamily::EventGrid, text)
    }

    /// Reads a token of Event Grid, as it stands in `Authorization`: with the scheme before it.
    ///
    /// # Errors
    /// As [`service_bus`](Self::service_bus).
    pub fn event_grid_authorization(text: &'t str) -> Result<Self, VerifyError> {
        Self::event_grid(fields::without_prefix(text)?)
    }

    fn parse(family: MessagingFamily, text: &'t str) -> Result<Self, VerifyError> {
        let limit = fields::MAX_TOKEN.saturating_sub(PREFIX.len());
        if text.len() > limit {
            return Err(VerifyError::TooLarge { what: "token", found: text.len(), limit });
        }
        let (resource_field, signature_field) = fields::field_names(family);
        let read = fields::split(family, text)?;
        let expected = "a percent-encoded resource of at most 512 bytes";
        let resource = fields::decoded::<MAX_URI>(read.resource);
        let resource = resource.as_ref().and_then(Inline::as_str);
        let resource = resource.ok_or(VerifyError::FieldForm { field: resource_field, expected })?;
        let entity = MessagingEntity::parse(family, resource)
            .map_err(|why| VerifyError::Malformed { what: "resource of the token", why })?;
        Ok(Self {
            signed: Signed { family, resource: read.resource, expiry: read.expiry },
            entity,
            expires_at: fields::expiry(family, read.expiry)?,
            rule_name: read.rule.map(fields::rule_name).transpose()?,
            signature: fields::signature(signature_field, read.signature)?,
        })
    }

    /// The service whose form it has.
    #[must_use]
    pub const fn family(&self) -> MessagingFamily {
        self.signed.family
    }

    /// What it claims to be for. Nobody vouches for it yet.
    #[must_use]
    pub const fn entity(&self) -> &MessagingEntity {
        &self.entity
    }

    /// The rule that it names, if it names one. Nobody vouches for it yet.
    #[must_use]
    pub fn rule_name(&self) -> Option<&str> {
        self.rule_name.as_deref()
    }

    /// Checks everything that needs no secret and that a stranger may be told: that the token names this
    /// rule, and has not ended.
    ///
    /// # Errors
    /// [`VerifyError::OtherKey`], [`VerifyError::Operation`], [`VerifyError::Expired`],
    /// [`VerifyError::Lifetime`].
    pub fn check<'e>(
        self,
        rule: &'e AccessRule,
        expect: &'e ExpectToken,
        now: Timestamp,
    ) -> Result<PendingToken<'t, 'e>, VerifyError> {
        if self.family() != rule.family() || self.rule_name() != rule.name() {
            return Err(VerifyError::OtherKey);
        }
        self.examine(expect, now)?;
        Ok(PendingToken { string_to_sign: self.signed.to_sign(), presented: self, rule, expect })
    }

    /// The part of [`check`](Self::check) that is the same for every rule.
    pub(super) fn examine(&self, expect: &ExpectToken, now: Timestamp) -> Result<(), VerifyError> {
        if expect.operation.family() != expect.entity.family() {
            return Err(VerifyError::Operation { why: "the addressed service does not know it" });
        }
        let expired_at = self.expires_at.saturating_add(expect.skew);
        if now > expired_at {
            return Err(VerifyError::Expired { expired_at, now });
        }
        let left = u32::try_from(self.expires_at.seconds_since(now).max(0)).unwrap_or(u32::MAX);
        match expect.max_lifetime.map(Lifetime::seconds) {
            Some(maximum) if left > maximum => Err(VerifyError::Lifetime { found: left, maximum }),
            _ => Ok(()),
        }
    }

    pub(super) const fn signed(&self) -> Signed<'t> {
        self.signed
    }

    /// Whether that is the signature of the token, in constant time.
    pub(super) fn is_signed(&self, expected: &[u8; 32]) -> bool {
        mac::equal(self.signature.expose(), expected)
    }

    /// Holds the token to what is asked of it. Told only to whoever holds the key.
    pub(super) fn check_bounds(&self, rule: &AccessRule, expect: &ExpectToken) -> Result<(), VerifyError> {
        let (field, _) = fields::field_names(self.family());
        let covers = if expect.ignores_case {
            self.entity.covers_in_any_case(&expect.entity)
        } else {
            self.entity.covers(&expect.entity)
        };
        if !covers {
            return Err(VerifyError::NotCovered { field, what: "entity" });
        }
        if !rule.counts_for(&expect.entity) {
            return Err(VerifyError::NotCovered { field: "skn", what: "entity" });
        }
        let needed = expect.operation.right();
        if !rule.rights().contains(needed) {
            return Err(VerifyError::Permission { field: "skn", needed: needed.as_str() });
        }
        Ok(())
    }

    /// INVARIANT: called only after the signature and the bounds agreed.
    pub(super) fn verified(self) -> Verified<SignedToken> {
        Verified::new(SignedToken {
            entity: self.entity,
            rule_name: self.rule_name.map(Cow::into_owned),
            expires_at: self.expires_at,
            signature: self.signature,
        })
    }
}

impl fmt::Debug for PresentedToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresentedToken")
            .field("entity", &self.entity)
            .field("rule_name", &self.rule_name)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A token that lacks only the check of its signature, and of what it may do.
#[derive(Clone)]
pub struct PendingToken<'t, 'e> {
    presented: PresentedToken<'t>,
    string_to_sign: TokenToSign,
    rule: &'e AccessRule,
    expect: &'e ExpectToken,
}

impl PendingToken<'_, '_> {
    /// What was signed, if the signature is right.
    #[must_use]
    pub const fn string_to_sign(&self) -> &TokenToSign {
        &self.string_to_sign
    }

    /// Compares the presented signature with the expected one, in constant time, and then holds the token
    /// to what is asked of it.
    ///
    /// # Errors
    /// [`VerifyError::SignatureMismatch`] if they differ. If they agree, [`VerifyError::NotCovered`] if the
    /// token or its rule does not reach the addressed entity, and [`VerifyError::Permission`] if the rule
    /// lacks the right.
    pub fn accept(self, expected: &TokenSignature) -> Result<Verified<SignedToken>, VerifyError> {
        if !self.presented.is_signed(expected.bytes()) {
            return Err(VerifyError::SignatureMismatch);
        }
        self.presented.check_bounds(self.rule, self.expect)?;
        Ok(self.presented.verified())
    }
}

impl fmt::Debug for PendingToken<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingToken")
            .field("presented", &self.presented)
            .field("rule", &self.rule)
            .field("expect", &self.expect)
            .finish_non_exhaustive()
    }
}

/// The facts that the signature of a token covers, and the rule that vouches for it.
#[derive(Clone, Debug)]
pub struct SignedToken {
    entity: MessagingEntity,
    rule_name: Option<String>,
    expires_at: Timestamp,
    signature: Secret<[u8; 32]>,
}

impl SignedToken {
    /// What the token is for: the addressed entity or something above it.
    #[must_use]
    pub const fn entity(&self) -> &MessagingEntity {
        &self.entity
    }

    /// The rule whose key signed it; none for a device, a module or an Event Grid topic.
    #[must_use]
    pub fn rule_name(&self) -> Option<&str> {
        self.rule_name.as_deref()
    }

    /// The last second at which it is good, without tolerance.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Names the token for revocation, replay protection and audit: what
    /// [`BearerToken::fingerprint`](crate::token::BearerToken::fingerprint) told when it was issued.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_signature(self.signature.expose())
    }
}
