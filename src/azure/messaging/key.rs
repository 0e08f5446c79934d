//! Rules, which are the public half, and the three kinds of key, which are the secret one.

use super::{
    EntityLevel, MessagingEntity, MessagingFamily, MessagingSas, Right, Rights, canonical::TokenToSign,
    fields::is_rule_name,
};
use crate::{encode, error::KeyError, mac::HmacKey, secret::Secret};
use alloc::{string::String, vec::Vec};
use core::fmt;

/// An access rule: what it is called, where it is defined, and what it may do. Never its keys.
///
/// A token names its rule and says nothing of rights, so least privilege is one rule for each right.
///
/// ```
/// use valet_key::azure::{AccessRule, MessagingEntity, Right};
///
/// let queue = MessagingEntity::namespace("contoso.servicebus.windows.net")?.queue("orders")?;
/// let rule = AccessRule::service_bus(&queue, "send", Right::Send)?;
/// assert!(rule.rights().contains(Right::Send) && !rule.rights().contains(Right::Listen));
/// assert!(AccessRule::service_bus(&queue, "send", Right::DeviceConnect).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRule {
    defined_on: MessagingEntity,
    name: Option<String>,
    rights: Rights,
}

impl AccessRule {
    /// A rule of the Service Bus family, defined on a namespace or on something in it.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if the entity is of another service, the name is not 1 to 256 visible ASCII
    /// characters, or the rights are not among Listen, Send and Manage.
    pub fn service_bus(
        defined_on: &MessagingEntity,
        name: impl Into<String>,
        rights: impl Into<Rights>,
    ) -> Result<Self, KeyError> {
        Self::new(MessagingFamily::ServiceBus, defined_on, Some(name.into()), rights.into())
    }

    /// A shared access policy of an IoT hub.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if the entity is not a whole IoT hub, the name is not 1 to 256 visible ASCII
    /// characters, or the rights are not among those of an IoT hub.
    pub fn iot_hub_policy(
        hub: &MessagingEntity,
        name: impl Into<String>,
        rights: impl Into<Rights>,
    ) -> Result<Self, KeyError> {
        if hub.level() != EntityLevel::IotHub {
            return Err(KeyError::Invalid { what: "rule", why: "a policy is defined on a whole IoT hub" });
        }
        Self::new(MessagingFamily::IotHub, hub, Some(name.into()), rights.into())
    }

    /// What a device or module may do with a key of its own: be itself. It has no name, and that of a device
    /// does not count for its modules, which have keys of their own.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if the entity is not a device or module of an IoT hub.
    pub fn device(device: &MessagingEntity) -> Result<Self, KeyError> {
        if !matches!(device.level(), EntityLevel::Device | EntityLevel::Module) {
            return Err(KeyError::Invalid { what: "rule", why: "only a device or module has a key without a name" });
        }
        Self::new(MessagingFamily::IotHub, device, None, Right::DeviceConnect.into())
    }

    /// What a key of an Event Grid topic may do: publish to it. It has no name.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if the entity is not an Event Grid topic.
    pub fn event_grid(topic: &MessagingEntity) -> Result<Self, KeyError> {
        Self::new(MessagingFamily::EventGrid, topic, None, Right::Send.into())
    }

    fn new(
        family: MessagingFamily,
        defined_on: &MessagingEntity,
        name: Option<String>,
        rights: Rights,
    ) -> Result<Self, KeyError> {
        let invalid = |why| Err(KeyError::Invalid { what: "rule", why });
        if defined_on.family() != family {
            return invalid("it is defined on an entity of another service");
        }
        if !rights.belong_to(family) {
            return invalid("this service does not know its rights");
        }
        if name.as_deref().is_some_and(|name| !is_rule_name(name)) {
            return invalid("its name must be 1 to 256 visible ASCII characters");
        }
        Ok(Self { defined_on: defined_on.clone(), name, rights })
    }

    /// The service that it belongs to.
    #[must_use]
    pub const fn family(&self) -> MessagingFamily {
        self.defined_on.family()
    }

    /// The entity that it is defined on: it counts for that one and for whatever is below it.
    #[must_use]
    pub const fn defined_on(&self) -> &MessagingEntity {
        &self.defined_on
    }

    /// What `skn` says, if a token has it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What it may do.
    #[must_use]
    pub const fn rights(&self) -> Rights {
        self.rights
    }

    /// Whether it counts for that entity.
    pub(super) fn counts_for(&self, entity: &MessagingEntity) -> bool {
        let is_own_key_of_device = self.name.is_none() && self.defined_on.level() == EntityLevel::Device;
        let is_of_module = || {
            let below = entity.path().strip_prefix(self.defined_on.path()).unwrap_or_default();
            below.split('/').nth(1) == Some("modules")
        };
        self.defined_on.is_at_or_above(entity) && !(is_own_key_of_device && is_of_module())
    }
}

/// A signature: 32 bytes of HMAC-SHA256.
///
/// It is the secret part of a token, so it prints as `[redacted]` and is compared in constant time by
/// [`PendingToken::accept`](super::PendingToken::accept) alone.
#[derive(Clone)]
pub struct TokenSignature(Secret<[u8; 32]>);

impl TokenSignature {
    /// The signature that a holder elsewhere made.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes))
    }

    pub(super) const fn bytes(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

impl fmt::Debug for TokenSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// One key of one rule, of any of the three kinds: what a [`RuleRing`](super::RuleRing) takes.
///
/// How its text is read was decided when it was made, by its own type.
#[derive(Clone)]
pub struct RuleKey {
    pub(super) rule: AccessRule,
    pub(super) mac: HmacKey,
}

impl RuleKey {
    fn new(family: MessagingFamily, rule: AccessRule, bytes: &[u8]) -> Result<Self, KeyError> {
        if rule.family() != family {
            return Err(KeyError::Invalid { what: "rule", why: "it belongs to another service than its key" });
        }
        if !(1..=1 << 10).contains(&bytes.len()) {
            return Err(KeyError::Invalid { what: "key", why: "it must be 1 to 1024 bytes" });
        }
        Ok(Self { rule, mac: HmacKey::new(bytes) })
    }
}

impl fmt::Debug for RuleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuleKey").field("rule", &self.rule).finish_non_exhaustive()
    }
}

macro_rules! holders {
    ($($key:ident),*) => {$(
        impl From<$key> for RuleKey {
            fn from(key: $key) -> Self {
                key.0
            }
        }

        impl MessagingSas for $key {
            fn rule(&self) -> &AccessRule {
                &self.0.rule
            }

            fn sign(&self, message: &TokenToSign) -> Result<TokenSignature, KeyError> {
                self.0.sign(message)
            }
        }

        impl fmt::Debug for $key {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($key)).field("rule", &self.0.rule).finish_non_exhaustive()
            }
        }
    )*};
}

holders!(ServiceBusKey, IotHubKey, EventGridKey);

impl MessagingSas for RuleKey {
    fn rule(&self) -> &AccessRule {
        &self.rule
    }

    fn sign(&self, message: &TokenToSign) -> Result<TokenSignature, KeyError> {
        if message.family() != self.rule.family() {
            return Err(KeyError::Invalid { what: "key", why: "it belongs to another service than the token" });
        }
        Ok(TokenSignature::new(self.mac.mac(message.as_bytes())))
    }
}

/// A key of a rule of Service Bus, Event Hubs or Relay: its text is used as it stands, though it looks like
/// base64.
///
/// ```
/// use valet_key::azure::{AccessRule, MessagingEntity, MessagingSas, Right, ServiceBusKey, TokenRequest};
/// use valet_key::clock::Timestamp;
///
/// let queue = MessagingEntity::namespace("contoso.servicebus.windows.net")?.queue("q1")?;
/// let rule = AccessRule::service_bus(&queue, "send", Right::Send)?;
/// let key = ServiceBusKey::new(rule, "SG9va2VkIG9uIFNpZ25hdHVyZXM=")?;
/// let token = key.token(&TokenRequest::new(&queue, Right::Send), Timestamp::from_unix(1_795_304_700)?)?;
/// assert_eq!(token.expires_at().to_string(), "2026-11-22T00:00:00Z");
/// assert_eq!(
///     token.expose(),
///     "SharedAccessSignature sr=https%3A%2F%2Fcontoso.servicebus.windows.net%2Fq1\
///      &sig=dJaSkQsHjxLCmqrswp6qYTCSz23d%2BLcaeMHexChVIso%3D&se=1795305600&skn=send"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ServiceBusKey(RuleKey);

impl ServiceBusKey {
    /// The primary or secondary key of a rule, as the portal shows it.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if the rule is of another service, or the text is empty or longer than 1 KiB.
    ///
    /// Source: Service Bus documentation, "Access control with Shared Access Signatures", the samples.
    pub fn new(rule: AccessRule, key: impl Into<Secret<String>>) -> Result<Self, KeyError> {
        RuleKey::new(MessagingFamily::ServiceBus, rule, key.into().expose().as_bytes()).map(Self)
    }
}

/// A key of a shared access policy, device or module of an IoT hub: base64, decoded before use.
///
/// ```
/// use valet_key::azure::{AccessRule, IotHubKey, MessagingEntity, MessagingSas, Right, TokenRequest};
/// use valet_key::clock::Timestamp;
///
/// let device = MessagingEntity::iot_hub("contoso.azure-devices.net")?.device("dev1")?;
/// let key = IotHubKey::new(AccessRule::device(&device)?, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")?;
/// let token = key.token(&TokenRequest::new(&device, Right::DeviceConnect), Timestamp::from_unix(1_795_304_700)?)?;
/// assert_eq!(
///     token.expose(),
///     "SharedAccessSignature sr=contoso.azure-devices.net%2Fdevices%2Fdev1\
///      &sig=inr4VAj3ZKliPhk1%2B%2Fms29TNOoWof7gSbiHmjWnUU0A%3D&se=1795305600"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct IotHubKey(RuleKey);

impl IotHubKey {
    /// The primary or secondary key, in base64 with padding.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if the rule is of another service, or the key is not base64 with padding of 1
    /// to 1,024 bytes.
    ///
    /// Source: IoT Hub documentation, "Control access to IoT Hub with shared access signatures".
    pub fn new(rule: AccessRule, key: impl Into<Secret<String>>) -> Result<Self, KeyError> {
        RuleKey::new(MessagingFamily::IotHub, rule, from_base64(&key.into())?.expose()).map(Self)
    }
}

/// A key of an Event Grid topic: base64, decoded before use.
///
/// ```
/// use valet_key::azure::{AccessRule, EventGridKey, MessagingEntity, MessagingSas, Right, TokenRequest};
/// use valet_key::clock::Timestamp;
///
/// let topic = MessagingEntity::event_grid_topic("https://t.westeurope-1.eventgrid.azure.net/api/events")?;
/// let key = EventGridKey::new(AccessRule::event_grid(&topic)?, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")?;
/// let token = key.token(&TokenRequest::new(&topic, Right::Send), Timestamp::from_unix(1_795_304_700)?)?;
/// assert!(token.expose().starts_with(
///     "r=https%3A%2F%2Ft.westeurope-1.eventgrid.azure.net%2Fapi%2Fevents&e=11%2F22%2F2026%2012%3A00%3A00%20AM&s="
/// ));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct EventGridKey(RuleKey);

impl EventGridKey {
    /// One of the two keys of a topic, in base64 with padding.
    ///
    /// # Errors
    /// As [`IotHubKey::new`].
    ///
    /// Source: Event Grid documentation, "Authenticate clients with SAS token".
    pub fn new(rule: AccessRule, key: impl Into<Secret<String>>) -> Result<Self, KeyError> {
        RuleKey::new(MessagingFamily::EventGrid, rule, from_base64(&key.into())?.expose()).map(Self)
    }
}

fn from_base64(key: &Secret<String>) -> Result<Secret<Vec<u8>>, KeyError> {
    let decoded = encode::from_base64(key.expose()).map(Secret::new);
    decoded.ok_or(KeyError::Invalid { what: "key", why: "it must be base64 with padding" })
}
