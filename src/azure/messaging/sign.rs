//! Issuing a token: prepared without a secret, finished with a signature.

use super::{
    AccessRule, MessagingEntity, MessagingFamily, Right, Rights,
    canonical::{PREFIX, Signed, TokenToSign, encoded, encoded_in_lower_case},
    expiry,
    key::TokenSignature,
};
use crate::{
    clock::Timestamp,
    encode,
    error::IssueError,
    grant::{Justification, Lifetime},
    token::BearerToken,
};
use alloc::string::{String, ToString};
use core::fmt;

/// What a token shall be for: one right on one entity, for 15 minutes unless it is told otherwise.
///
/// Whatever is broader than that needs a justification: a longer life (no service names a longest one), a
/// whole namespace or IoT hub, or a rule with more rights than the one that is needed.
///
/// ```
/// use valet_key::azure::{AccessRule, MessagingEntity, MessagingSas, Right, ServiceBusKey, TokenRequest};
/// use valet_key::{clock::Timestamp, error::IssueError, grant::{Justification, Lifetime}};
///
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let namespace = MessagingEntity::namespace("contoso.servicebus.windows.net")?;
/// let hub = namespace.event_hub("telemetry")?;
/// let key = ServiceBusKey::new(AccessRule::service_bus(&hub, "send", Right::Send)?, "key")?;
///
/// // One sender, who can be revoked by name.
/// let request = TokenRequest::new(&hub.publisher("dev-1")?, Right::Send).lives(Lifetime::minutes(5)?);
/// assert_eq!(key.token(&request, now)?.expires_at().unix(), 1_700_000_300);
///
/// // More than the rule has, and more than it is defined on.
/// assert!(key.token(&TokenRequest::new(&hub, Right::Listen), now).is_err());
/// assert!(key.token(&TokenRequest::new(&namespace, Right::Send), now).is_err());
///
/// // A rule that could do more than is needed.
/// let root = AccessRule::service_bus(&namespace, "RootManageSharedAccessKey", Right::Manage)?;
/// let root = ServiceBusKey::new(root, "key")?;
/// let request = TokenRequest::new(&hub, Right::Send);
/// assert!(matches!(root.token(&request, now), Err(IssueError::Unjustified { .. })));
/// assert!(root.token(&request.because(Justification::new("migration, ticket 4711")?), now).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TokenRequest {
    entity: MessagingEntity,
    right: Right,
    lifetime: Lifetime,
    pub(super) cap: Lifetime,
    justification: Option<Justification>,
    escapes_are_lower_case: bool,
}

impl TokenRequest {
    /// A token for one right on one entity; an operation stands for the right that it needs.
    #[must_use]
    pub fn new(entity: &MessagingEntity, right: impl Into<Right>) -> Self {
        Self {
            entity: entity.clone(),
            right: right.into(),
            lifetime: Lifetime::DEFAULT,
            cap: Lifetime::DEFAULT,
            justification: None,
            escapes_are_lower_case: false,
        }
    }

    /// How long it lives. More than 15 minutes needs a justification.
    #[must_use]
    pub const fn lives(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Why something broader than the default is right.
    #[must_use]
    pub fn because(mut self, why: Justification) -> Self {
        self.justification = Some(why);
        self
    }

    /// Writes the escapes of the resource in lower case (`%2f`), as .NET does. Another text is signed then,
    /// which is good everywhere too.
    #[must_use]
    pub const fn lower_case_escapes(mut self) -> Self {
        self.escapes_are_lower_case = true;
        self
    }

    /// Why it is broader than the default, if it is.
    #[must_use]
    pub const fn justification(&self) -> Option<&Justification> {
        self.justification.as_ref()
    }

    /// Everything but the signature, for a key of this rule.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if the rule lacks the right, is not defined on the entity or above it, or the
    /// entity does not know the right; [`IssueError::Unjustified`] for what is broader than the default;
    /// [`IssueError::TimeOverflow`].
    pub fn prepare(&self, rule: &AccessRule, now: Timestamp) -> Result<PreparedToken, IssueError> {
        self.check_right(rule)?;
        if self.justification.is_none() {
            self.check_breadth(rule)?;
        }
        let expires_at = now.checked_add(self.lifetime.seconds()).ok_or(IssueError::TimeOverflow)?;
        let family = rule.family();
        let uri = self.entity.uri();
        let resource = if self.escapes_are_lower_case { encoded_in_lower_case(uri) } else { encoded(uri) };
        let expiry = match family {
            MessagingFamily::ServiceBus | MessagingFamily::IotHub => expires_at.unix().to_string(),
            MessagingFamily::EventGrid => encoded(&expiry::write(expires_at)),
        };
        Ok(PreparedToken {
            string_to_sign: Signed { family, resource: &resource, expiry: &expiry }.to_sign(),
            resource,
            expiry,
            rule_name: rule.name().map(encoded),
            entity: self.entity.clone(),
            expires_at,
        })
    }

    /// Whether the rule gives this right on this entity at all.
    fn check_right(&self, rule: &AccessRule) -> Result<(), IssueError> {
        if !rule.counts_for(&self.entity) {
            return Err(IssueError::Invalid { what: "entity", why: "the rule is not defined on it or above it" });
        }
        if !rule.rights().contains(self.right) {
            return Err(IssueError::Invalid { what: "right", why: "the rule does not have it" });
        }
        if !self.entity.knows(self.right) {
            return Err(IssueError::Invalid { what: "right", why: "an entity of this kind does not know it" });
        }
        Ok(())
    }

    /// Whether it is as narrow as a token can be.
    fn check_breadth(&self, rule: &AccessRule) -> Result<(), IssueError> {
        let unjustified = |what| Err(IssueError::Unjustified { what });
        if self.lifetime > self.cap {
            return unjustified("a lifetime beyond the default");
        }
        if self.entity.is_whole() {
            return unjustified("a token for a whole namespace or IoT hub");
        }
        if rule.rights() != Rights::from(self.right) {
            return unjustified("a rule with more rights than the one that is needed");
        }
        // A device's own key is good for that device alone, however its id is written.
        if rule.name().is_some() && self.entity.loses_case() {
            return unjustified("an id with upper-case letters, which a token does not tell from lower case,");
        }
        Ok(())
    }
}

/// A token that lacks only its signature.
#[derive(Clone)]
pub struct PreparedToken {
    string_to_sign: TokenToSign,
    resource: String,
    expiry: String,
    rule_name: Option<String>,
    entity: MessagingEntity,
    expires_at: Timestamp,
}

impl PreparedToken {
    /// What to sign with HMAC-SHA256 and the key of the rule.
    #[must_use]
    pub const fn string_to_sign(&self) -> &TokenToSign {
        &self.string_to_sign
    }

    /// The last second at which the token will be good.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Writes the token: with its scheme for the Service Bus family and IoT Hub, as the value of an
    /// `Authorization` header; without one for Event Grid, as the value of `aeg-sas-token`.
    #[must_use]
    pub fn finish(self, signature: &TokenSignature) -> BearerToken {
        let (resource, expiry) = (self.resource.as_str(), self.expiry.as_str());
        let name = self.rule_name.as_deref().unwrap_or_default();
        // Room for all of it: three bytes for each digit of the signature, and the names.
        let room = resource.len() + expiry.len() + name.len() + 3 * 44 + 64;
        let mut text = String::with_capacity(room);
        let mut push = |pieces: &[&str]| pieces.iter().for_each(|piece| text.push_str(piece));
        if self.string_to_sign.family() == MessagingFamily::EventGrid {
            push(&["r=", resource, "&e=", expiry, "&s="]);
            encode::push_base64_component(&mut text, signature.bytes());
        } else {
            push(&[PREFIX, "sr=", resource, "&sig="]);
            encode::push_base64_component(&mut text, signature.bytes());
            text.push_str("&se=");
            text.push_str(expiry);
        }
        if let Some(name) = &self.rule_name {
            text.push_str("&skn=");
            text.push_str(name);
        }
        BearerToken::new(text, self.entity.uri().to_string(), self.expires_at)
    }
}

impl fmt::Debug for PreparedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedToken")
            .field("entity", &self.entity)
            .field("rule_name", &self.rule_name)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
