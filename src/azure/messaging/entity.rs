//! What a token is for: a namespace, a hub or a topic endpoint, and what lies below it.

use super::{
    EntityLevel, MessagingFamily, Right,
    uri::{MAX_URI, ResourceUri, check_host, check_segment},
};
use crate::error::IssueError;
use alloc::{borrow::ToOwned, format, string::String};

/// A namespace, IoT hub or Event Grid topic, or something in it, that a token can be for.
///
/// It holds a host, in lower case, and a path of whole segments. A segment is visible ASCII without
/// `%`, `?`, `#` and `\`, and is never empty, `.` or `..`, so that there is one way to read it. At most
/// 512 bytes in all.
///
/// ```
/// use valet_key::azure::{MessagingEntity, MessagingFamily};
///
/// let namespace = MessagingEntity::namespace("Contoso.servicebus.windows.net")?;
/// let topic = namespace.topic("news")?;
/// assert_eq!(topic.uri(), "https://contoso.servicebus.windows.net/news");
/// assert_eq!(topic.subscription("mail")?.path(), "news/subscriptions/mail");
/// assert!(topic.covers(&topic.subscription("mail")?));
/// assert!(!topic.covers(&namespace.topic("news2")?));
/// assert!(namespace.queue("a/../b").is_err());
///
/// let hub = MessagingEntity::iot_hub("contoso.azure-devices.net")?;
/// assert_eq!(hub.device("dev1")?.uri(), "contoso.azure-devices.net/devices/dev1");
///
/// let topic = MessagingEntity::event_grid_topic("https://t.westeurope-1.eventgrid.azure.net/api/events")?;
/// assert!(topic.api_version("2018-01-01")?.uri().ends_with("/api/events?apiVersion=2018-01-01"));
/// # Ok::<(), valet_key::error::IssueError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessagingEntity {
    family: MessagingFamily,
    level: EntityLevel,
    /// As it is written into a token; and behind that the host in lower case with the path once more, if they do not stand in
    /// it like that.
    text: String,
    /// Where the first of the two ends.
    uri_end: usize,
    /// Where the host stands, and behind a `/` the path, if there is one.
    resource: (usize, usize),
    /// Where the version stands that requests must have, if it says one.
    api_version: Option<(usize, usize)>,
}

impl MessagingEntity {
    /// A whole namespace of Service Bus, Event Hubs or Relay, by its host.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] unless the host is 1 to 253 letters, digits, `-` or `.`, perhaps with a port.
    pub fn namespace(host: &str) -> Result<Self, IssueError> {
        check_host(host).map_err(|why| IssueError::Invalid { what: "namespace", why })?;
        Self::from_uri(MessagingFamily::ServiceBus, &format!("https://{}", host.to_ascii_lowercase()))
    }

    /// A queue of this namespace. Its name may have several segments.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if this is not a namespace, or the name is not one that is read in one way.
    pub fn queue(&self, name: &str) -> Result<Self, IssueError> {
        self.below(EntityLevel::Namespace, name, EntityLevel::Queue)
    }

    /// A topic of this namespace. Its name may have several segments.
    ///
    /// # Errors
    /// As [`queue`](Self::queue).
    pub fn topic(&self, name: &str) -> Result<Self, IssueError> {
        self.below(EntityLevel::Namespace, name, EntityLevel::Topic)
    }

    /// A subscription of this topic.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if this is not a topic, or the name is not one plain segment.
    pub fn subscription(&self, name: &str) -> Result<Self, IssueError> {
        self.named_below(EntityLevel::Topic, "subscriptions", name, EntityLevel::Subscription)
    }

    /// An event hub of this namespace.
    ///
    /// # Errors
    /// As [`queue`](Self::queue).
    pub fn event_hub(&self, name: &str) -> Result<Self, IssueError> {
        self.below(EntityLevel::Namespace, name, EntityLevel::EventHub)
    }

    /// A consumer group of this event hub.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if this is not an event hub, or the name is not one plain segment.
    pub fn consumer_group(&self, name: &str) -> Result<Self, IssueError> {
        self.named_below(EntityLevel::EventHub, "consumergroups", name, EntityLevel::ConsumerGroup)
    }

    /// One publisher of this event hub: a sender that can be revoked by its name.
    ///
    /// # Errors
    /// As [`consumer_group`](Self::consumer_group).
    ///
    /// Source: Event Hubs documentation, "Authorize publishers".
    pub fn publisher(&self, id: &str) -> Result<Self, IssueError> {
        self.named_below(EntityLevel::EventHub, "publishers", id, EntityLevel::Publisher)
    }

    /// A hybrid connection of this Relay namespace. Its name may have several segments.
    ///
    /// # Errors
    /// As [`queue`](Self::queue).
    pub fn hybrid_connection(&self, name: &str) -> Result<Self, IssueError> {
        self.below(EntityLevel::Namespace, name, EntityLevel::HybridConnection)
    }

    /// A whole IoT hub, by its host.
    ///
    /// # Errors
    /// As [`namespace`](Self::namespace).
    pub fn iot_hub(host: &str) -> Result<Self, IssueError> {
        check_host(host).map_err(|why| IssueError::Invalid { what: "IoT hub", why })?;
        Self::from_uri(MessagingFamily::IotHub, &host.to_ascii_lowercase())
    }

    /// A device of this IoT hub. Its id is written into a token in lower case, so that the tokens of a policy
    /// do not tell ids apart that differ in case alone. An id with `%`, `?` or `#` is refused, though IoT Hub
    /// knows such ids: a resource with them can be read in more than one way.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if this is not an IoT hub, or the id is not one plain segment.
    ///
    /// Source: IoT Hub documentation, "Control access with shared access signatures".
    pub fn device(&self, id: &str) -> Result<Self, IssueError> {
        self.named_below(EntityLevel::IotHub, "devices", id, EntityLevel::Device)
    }

    /// A module of this device.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if this is not a device, or the id is not one plain segment.
    pub fn module(&self, id: &str) -> Result<Self, IssueError> {
        self.named_below(EntityLevel::Device, "modules", id, EntityLevel::Module)
    }

    /// An Event Grid topic, by its endpoint: `https://<host>/api/events`.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] unless it is an `https` address with a path, and nothing more than
    /// `apiVersion` in its query.
    pub fn event_grid_topic(endpoint: &str) -> Result<Self, IssueError> {
        Self::from_uri(MessagingFamily::EventGrid, endpoint)
    }

    /// This Event Grid topic, for requests with that `apiVersion` alone.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if this is not an Event Grid topic, has a version, or the version is not 1 to
    /// 32 letters, digits or `-`.
    pub fn api_version(&self, version: &str) -> Result<Self, IssueError> {
        if self.api_version.is_some() {
            return Err(IssueError::Invalid { what: "API version", why: "the topic has one" });
        }
        Self::from_uri(self.family, &format!("{}?apiVersion={version}", self.uri()))
    }

    /// An entity by its URI, which is written into a token as it stands here. For what the other
    /// constructors have no name for, and for a client that compares the text.
    ///
    /// The scheme (`sb`, `https`, `http`, `amqps`, `amqp`, `wss` or none for the Service Bus family, none for
    /// IoT Hub, `https` for Event Grid) and one slash at the end say nothing.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if it cannot be read in one way only.
    pub fn from_uri(family: MessagingFamily, uri: &str) -> Result<Self, IssueError> {
        Self::parse(family, uri).map_err(|why| IssueError::Invalid { what: "resource", why })
    }

    pub(super) fn parse(family: MessagingFamily, uri: &str) -> Result<Self, &'static str> {
        let ResourceUri { start, host, path, api_version } = ResourceUri::read(family, uri)?;
        let level = EntityLevel::told_by(family, path)?;
        let length = path.map_or(host.len(), |path| host.len() + 1 + path.len());
        let resource = (start, start + length);
        // It is what the URI ends with.
        let api_version = api_version.map(|version| (uri.len() - version.len(), uri.len()));
        let mut entity = Self { family, level, text: uri.to_owned(), uri_end: uri.len(), resource, api_version };
        if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            let rest = path.map_or(["", ""], |path| ["/", path]).concat();
            entity.keep_beside(&[&host.to_ascii_lowercase(), &*rest].concat());
        }
        Ok(entity)
    }

    /// Keeps another text for host and path than the URI has.
    fn keep_beside(&mut self, resource: &str) {
        self.text.push_str(resource);
        self.resource = (self.uri_end, self.text.len());
    }

    /// The host, and behind a `/` the path, if there is one.
    fn resource(&self) -> &str {
        self.part(self.resource)
    }

    fn part(&self, (start, end): (usize, usize)) -> &str {
        self.text.get(start..end).unwrap_or_default()
    }

    fn below(&self, parent: EntityLevel, name: &str, level: EntityLevel) -> Result<Self, IssueError> {
        if self.level != parent {
            return Err(IssueError::Invalid { what: "entity", why: "nothing of this kind is below it" });
        }
        let invalid = |why| IssueError::Invalid { what: "name", why };
        name.split('/').try_for_each(check_segment).map_err(invalid)?;
        let resource = format!("{}/{name}", self.resource());
        let (text, start) = match self.family {
            // SPEC: the documentation writes the lower-case resource URI, and no scheme.
            MessagingFamily::IotHub => (resource.to_ascii_lowercase(), 0),
            _ => (format!("https://{resource}"), "https://".len()),
        };
        let uri_end = text.len();
        if uri_end > MAX_URI {
            return Err(invalid("the URI would be longer than 512 bytes"));
        }
        let mut entity =
            Self { family: self.family, level, text, uri_end, resource: (start, uri_end), api_version: None };
        if entity.resource() != resource {
            entity.keep_beside(&resource);
        }
        Ok(entity)
    }

    fn named_below(&self, parent: EntityLevel, word: &str, name: &str, level: EntityLevel) -> Result<Self, IssueError> {
        check_segment(name).map_err(|why| IssueError::Invalid { what: "name", why })?;
        self.below(parent, &format!("{word}/{name}"), level)
    }

    /// The service that it belongs to.
    #[must_use]
    pub const fn family(&self) -> MessagingFamily {
        self.family
    }

    /// Which kind of thing it is.
    #[must_use]
    pub const fn level(&self) -> EntityLevel {
        self.level
    }

    /// As it is written into a token, before it is percent-encoded.
    #[must_use]
    pub fn uri(&self) -> &str {
        self.part((0, self.uri_end))
    }

    /// The host, in lower case, with its port if it has one.
    #[must_use]
    pub fn host(&self) -> &str {
        self.resource().split('/').next().unwrap_or_default()
    }

    /// The path without a slash at either end; empty for a whole namespace or hub.
    #[must_use]
    pub fn path(&self) -> &str {
        self.resource().split_once('/').map_or("", |(_, path)| path)
    }

    /// The version that requests must have, if it says one. Of Event Grid alone.
    #[must_use]
    pub fn required_api_version(&self) -> Option<&str> {
        self.api_version.map(|version| self.part(version))
    }

    /// Whether a token for this entity reaches `asked`: the same host, and every segment of the path the
    /// same, until this path ends.
    ///
    /// Letter for letter, but for IoT Hub a segment may also be the lower-case form of what was asked for,
    /// since that is how its tokens are written. An Event Grid endpoint with a version covers that version
    /// alone.
    #[must_use]
    pub fn covers(&self, asked: &Self) -> bool {
        let in_lower_case =
            |own: &str, asked: &str| own.bytes().eq(asked.bytes().map(|byte| byte.to_ascii_lowercase()));
        self.is_at_or_above(asked)
            || self.family == MessagingFamily::IotHub
                && self.reaches(asked, |own, asked| own == asked || in_lower_case(own, asked))
    }

    /// The same without regard to ASCII case.
    pub(super) fn covers_in_any_case(&self, asked: &Self) -> bool {
        self.reaches(asked, str::eq_ignore_ascii_case)
    }

    /// Whether this entity is `other` or lies above it, letter for letter.
    pub(super) fn is_at_or_above(&self, other: &Self) -> bool {
        // INVARIANT: no segment is empty, so that whole segments end where a `/` follows.
        let below = other.resource().strip_prefix(self.resource());
        self.is_like(other) && below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
    }

    fn reaches(&self, asked: &Self, same: impl Fn(&str, &str) -> bool) -> bool {
        let mut asked_segments = asked.resource().split('/');
        self.is_like(asked)
            && self.resource().split('/').all(|own| asked_segments.next().is_some_and(|asked| same(own, asked)))
    }

    /// Whether it is of the same service, and of the same version if this one says a version.
    fn is_like(&self, asked: &Self) -> bool {
        self.family == asked.family
            && (self.api_version.is_none() || self.required_api_version() == asked.required_api_version())
    }

    /// Its name among the rules of a verifier, and then those of everything above it, nearest first.
    pub(super) fn and_above(&self) -> impl Iterator<Item = &str> {
        core::iter::successors(Some(self.resource()), |below| below.rsplit_once('/').map(|(above, _)| above))
    }

    pub(super) const fn is_whole(&self) -> bool {
        self.level.is_whole()
    }

    pub(super) const fn knows(&self, right: Right) -> bool {
        self.level.knows(right)
    }

    /// Whether its token also names whatever differs from it in case alone.
    pub(super) fn loses_case(&self) -> bool {
        let written = self.uri().strip_suffix('/').unwrap_or(self.uri());
        self.family == MessagingFamily::IotHub && !written.ends_with(self.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_and_one_slash_at_the_end_say_nothing() {
        let plain = MessagingEntity::parse(MessagingFamily::ServiceBus, "ns/q").unwrap();
        for uri in ["sb://ns/q", "https://NS/q/", "amqps://Ns/q", "http://ns/q"] {
            let other = MessagingEntity::parse(MessagingFamily::ServiceBus, uri).unwrap();
            assert!(plain.covers(&other) && other.covers(&plain), "{uri}");
        }
        let port = MessagingEntity::parse(MessagingFamily::ServiceBus, "sb://ns:5671/q").unwrap();
        assert!(!plain.covers(&port) && !port.covers(&plain));
    }

    #[test]
    fn lower_case_covers_what_was_asked_for_and_not_the_reverse() {
        let hub = MessagingEntity::iot_hub("h.azure-devices.net").unwrap();
        let (upper, lower) = (hub.device("Dev1").unwrap(), hub.device("dev1").unwrap());
        assert_eq!(upper.uri(), lower.uri());
        assert!(lower.covers(&upper) && !upper.covers(&lower));
        assert!(upper.covers_in_any_case(&lower));
        assert!(!lower.is_at_or_above(&upper));
        assert!(upper.loses_case() && !lower.loses_case());
        let as_it_stands =
            MessagingEntity::parse(MessagingFamily::IotHub, "H.azure-devices.net/devices/Dev1/").unwrap();
        assert!(!as_it_stands.loses_case() && as_it_stands.is_at_or_above(&upper));
    }

    #[test]
    fn levels_stand_in_their_order_only() {
        let namespace = MessagingEntity::namespace("ns").unwrap();
        let queue = namespace.queue("a/b").unwrap();
        assert_eq!(queue.and_above().collect::<alloc::vec::Vec<_>>(), ["ns/a/b", "ns/a", "ns"]);
        assert!(queue.queue("c").is_err() && queue.subscription("s").is_err() && queue.publisher("p").is_err());
        assert!(namespace.device("d").is_err() && namespace.api_version("1").is_err());
        let hub = namespace.event_hub("hub").unwrap();
        assert!(hub.publisher("a/b").is_err() && hub.consumer_group("").is_err());
        assert_eq!(hub.publisher("dev-1").unwrap().uri(), "https://ns/hub/publishers/dev-1");
        let module = MessagingEntity::iot_hub("h").unwrap().device("d").unwrap().module("m").unwrap();
        assert_eq!(module.uri(), "h/devices/d/modules/m");
        let same = MessagingEntity::parse(MessagingFamily::IotHub, module.uri()).unwrap();
        assert_eq!(same, module);
    }
}
