//! The kinds of entities, and which rights each of them knows.

use super::{MessagingFamily, Right};

/// Which kind of thing an entity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntityLevel {
    /// A whole namespace of Service Bus, Event Hubs or Relay.
    Namespace,
    /// A queue.
    Queue,
    /// A topic, with its subscriptions.
    Topic,
    /// A subscription of a topic.
    Subscription,
    /// An event hub, with its consumer groups and publishers.
    EventHub,
    /// A consumer group of an event hub.
    ConsumerGroup,
    /// One publisher of an event hub, who can be revoked by name.
    Publisher,
    /// A hybrid connection of Relay.
    HybridConnection,
    /// A whole IoT hub.
    IotHub,
    /// A device, with its modules.
    Device,
    /// A module of a device.
    Module,
    /// The endpoint of an Event Grid topic.
    EventGridTopic,
    /// Something below a namespace or hub that is known by its URI alone.
    Unnamed,
}

impl EntityLevel {
    /// Whether it is everything that there is at a host.
    pub(super) const fn is_whole(self) -> bool {
        matches!(self, Self::Namespace | Self::IotHub)
    }

    /// Whether an entity of this kind knows that right at all.
    pub(super) const fn knows(self, right: Right) -> bool {
        match self {
            Self::Subscription | Self::ConsumerGroup => matches!(right, Right::Listen | Right::Manage),
            Self::Publisher => matches!(right, Right::Send),
            _ => true,
        }
    }

    /// What can be told of the kind from the path alone.
    pub(super) fn told_by(family: MessagingFamily, path: Option<&str>) -> Result<Self, &'static str> {
        Ok(match (family, path) {
            (MessagingFamily::ServiceBus, None) => Self::Namespace,
            (MessagingFamily::IotHub, None) => Self::IotHub,
            (MessagingFamily::EventGrid, None) => return Err("the endpoint of a topic has a path"),
            (MessagingFamily::EventGrid, Some(_)) => Self::EventGridTopic,
            (MessagingFamily::ServiceBus, Some(_)) => Self::Unnamed,
            (MessagingFamily::IotHub, Some(path)) => {
                let mut segments = path.split('/');
                let first_five = [(); 5].map(|()| segments.next());
                match first_five {
                    [Some("devices"), Some(_), None, ..] => Self::Device,
                    [Some("devices"), Some(_), Some("modules"), Some(_), None] => Self::Module,
                    _ => Self::Unnamed,
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_the_kind_of_what_iot_hub_has() {
        for (path, level) in [
            (None, EntityLevel::IotHub),
            (Some("devices"), EntityLevel::Unnamed),
            (Some("devices/d"), EntityLevel::Device),
            (Some("devices/d/modules"), EntityLevel::Unnamed),
            (Some("devices/d/modules/m"), EntityLevel::Module),
            (Some("devices/d/messages/events"), EntityLevel::Unnamed),
            (Some("devices/d/modules/m/x"), EntityLevel::Unnamed),
        ] {
            assert_eq!(EntityLevel::told_by(MessagingFamily::IotHub, path), Ok(level), "{path:?}");
        }
        assert!(EntityLevel::told_by(MessagingFamily::EventGrid, None).is_err());
    }

    #[test]
    fn a_publisher_sends_and_a_subscription_listens() {
        let known = |level: EntityLevel| [Right::Listen, Right::Send, Right::Manage].map(|right| level.knows(right));
        assert_eq!(known(EntityLevel::Queue), [true, true, true]);
        assert_eq!(known(EntityLevel::Publisher), [false, true, false]);
        assert_eq!(known(EntityLevel::Subscription), [true, false, true]);
        assert_eq!(known(EntityLevel::ConsumerGroup), [true, false, true]);
    }
}
