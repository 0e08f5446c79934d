//! What a rule may do, and what each operation needs.

use super::MessagingFamily;
use core::{fmt, ops::BitOr};

/// One right of an access rule.
///
/// Source: Service Bus documentation, "Access control with Shared Access Signatures"; IoT Hub
/// documentation, "Control access to IoT Hub with shared access signatures".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Right {
    /// Receive, of the Service Bus family.
    Listen = 1,
    /// Send, of the Service Bus family and of Event Grid, which knows nothing else.
    Send = 1 << 1,
    /// Administer, of the Service Bus family. It includes the other two and cannot be without them.
    Manage = 1 << 2,
    /// Read the registry of an IoT hub.
    RegistryRead = 1 << 3,
    /// Read and write the registry of an IoT hub.
    RegistryReadWrite = 1 << 4,
    /// Be the service side of an IoT hub.
    ServiceConnect = 1 << 5,
    /// Be a device of an IoT hub.
    DeviceConnect = 1 << 6,
}

impl Right {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Listen, "Listen"),
        (Self::Send, "Send"),
        (Self::Manage, "Manage"),
        (Self::RegistryRead, "RegistryRead"),
        (Self::RegistryReadWrite, "RegistryReadWrite"),
        (Self::ServiceConnect, "ServiceConnect"),
        (Self::DeviceConnect, "DeviceConnect"),
    ];

    /// As the service names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(right, _)| *right == self).map_or("", |(_, name)| name)
    }
}

/// The rights of a rule, never none. What a right includes is in it.
///
/// ```
/// use valet_key::azure::{Right, Rights};
///
/// assert!(Rights::from(Right::Manage).contains(Right::Send));
/// assert!(Rights::from(Right::RegistryReadWrite).contains(Right::RegistryRead));
/// assert!(!(Right::Listen | Right::Send).contains(Right::Manage));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rights(u8);

impl Rights {
    /// Whether the right is among them.
    #[must_use]
    pub const fn contains(self, right: Right) -> bool {
        self.0 & right as u8 != 0
    }

    /// Whether a service of that family knows all of them.
    pub(super) const fn belong_to(self, family: MessagingFamily) -> bool {
        let known = match family {
            MessagingFamily::ServiceBus => Right::Listen as u8 | Right::Send as u8 | Right::Manage as u8,
            MessagingFamily::IotHub => {
                Right::RegistryRead as u8
                    | Right::RegistryReadWrite as u8
                    | Right::ServiceConnect as u8
                    | Right::DeviceConnect as u8
            }
            MessagingFamily::EventGrid => Right::Send as u8,
        };
        self.0 & !known == 0
    }
}

impl From<Right> for Rights {
    fn from(right: Right) -> Self {
        Self(match right {
            Right::Manage => Right::Manage as u8 | Right::Listen as u8 | Right::Send as u8,
            Right::RegistryReadWrite => Right::RegistryReadWrite as u8 | Right::RegistryRead as u8,
            other => other as u8,
        })
    }
}

impl<R: Into<Self>> BitOr<R> for Rights {
    type Output = Self;

    fn bitor(self, other: R) -> Self {
        Self(self.0 | other.into().0)
    }
}

impl BitOr for Right {
    type Output = Rights;

    fn bitor(self, other: Self) -> Rights {
        Rights::from(self) | other
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = Right::ALL.iter().filter(|(right, _)| self.contains(*right));
        f.debug_set().entries(held.map(|(right, _)| right)).finish()
    }
}

/// Something that a client does with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MessagingOperation {
    /// Send a message or an event.
    Send,
    /// Receive messages or events.
    Receive,
    /// Look at messages and leave them where they are.
    Peek,
    /// Complete, abandon, defer or dead-letter a message.
    Settle,
    /// Keep a message or a session locked.
    RenewLock,
    /// Read or write the state of a session.
    SessionState,
    /// Listen on a hybrid connection of Relay.
    RelayListen,
    /// Connect to the listener of a hybrid connection of Relay.
    RelayConnect,
    /// Create, change, delete or enumerate entities and consumer groups.
    ManageEntities,
    /// Change the rules of a subscription or the access rules, or regenerate their keys.
    ManageRules,
    /// Read the device registry.
    ReadRegistry,
    /// Change the device registry.
    WriteRegistry,
    /// Send to devices, receive from them, call their methods, read their twins.
    CallService,
    /// Send as a device, receive as one, report its twin.
    ActAsDevice,
    /// Publish events to an Event Grid topic.
    PublishEvents,
}

impl MessagingOperation {
    /// The right that it needs.
    #[must_use]
    pub const fn right(self) -> Right {
        match self {
            Self::Send | Self::RelayConnect | Self::PublishEvents => Right::Send,
            Self::Receive | Self::Peek | Self::Settle | Self::RenewLock | Self::SessionState | Self::RelayListen => {
                Right::Listen
            }
            Self::ManageEntities | Self::ManageRules => Right::Manage,
            Self::ReadRegistry => Right::RegistryRead,
            Self::WriteRegistry => Right::RegistryReadWrite,
            Self::CallService => Right::ServiceConnect,
            Self::ActAsDevice => Right::DeviceConnect,
        }
    }

    /// The service that knows it.
    #[must_use]
    pub const fn family(self) -> MessagingFamily {
        match self {
            Self::PublishEvents => MessagingFamily::EventGrid,
            Self::ReadRegistry | Self::WriteRegistry | Self::CallService | Self::ActAsDevice => MessagingFamily::IotHub,
            _ => MessagingFamily::ServiceBus,
        }
    }
}

impl From<MessagingOperation> for Right {
    fn from(operation: MessagingOperation) -> Self {
        operation.right()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_belong_to_their_service() {
        let all = |rights: Rights| {
            [MessagingFamily::ServiceBus, MessagingFamily::IotHub, MessagingFamily::EventGrid]
                .map(|family| rights.belong_to(family))
        };
        assert_eq!(all(Right::Manage.into()), [true, false, false]);
        assert_eq!(all(Right::Send.into()), [true, false, true]);
        assert_eq!(all(Right::RegistryReadWrite | Right::DeviceConnect), [false, true, false]);
        assert_eq!(all(Right::Send | Right::DeviceConnect), [false; 3]);
    }

    #[test]
    fn manage_includes_the_other_two() {
        assert_eq!(Rights::from(Right::Manage), Right::Listen | Right::Send | Right::Manage);
        assert_eq!(alloc::format!("{:?}", Right::Listen | Right::Send), "{Listen, Send}");
    }
}
