//! Stored access policies: what a token leaves to its container, so that it can be changed or taken back.
//!
//! Source: Azure Storage REST reference, "Define a stored access policy", "Set Container ACL".

use super::{
    permissions::{Letters, Permissions},
    time,
};
use crate::{clock::Timestamp, error::IssueError, grant::Lifetime};
use alloc::{
    borrow::ToOwned,
    collections::BTreeMap,
    string::{String, ToString},
    sync::Arc,
};
use core::{fmt::Debug, marker::PhantomData};

/// The most policies that a container, share, queue or table holds.
const MAX_POLICIES: usize = 5;

/// A stored access policy as its container has it: a name, and those of start, expiry and permissions that are set.
///
/// Each of the three stands in the policy or in the token, never in both.
///
/// ```
/// use valet_key::azure::{ContainerPermissions, StoredPolicy};
/// use valet_key::clock::Timestamp;
///
/// let policy = StoredPolicy::new("readers")?
///     .permissions(ContainerPermissions::READ | ContainerPermissions::LIST)
///     .expiry(Timestamp::from_unix(1_700_000_000)?);
/// assert_eq!(policy.id(), "readers");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPolicy {
    // Shared, so that a look-up copies no text.
    id: Arc<str>,
    pub(super) start: Option<Timestamp>,
    pub(super) expiry: Option<Timestamp>,
    /// As the service keeps them.
    pub(super) permissions: Option<Arc<str>>,
}

impl StoredPolicy {
    /// A policy that says nothing yet.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] unless the name is 1 to 64 characters without control characters.
    pub fn new(id: &str) -> Result<Self, IssueError> {
        if !is_id(id) {
            return Err(IssueError::Invalid {
                what: "stored access policy",
                why: "its name must be 1 to 64 characters without control characters",
            });
        }
        Ok(Self { id: id.into(), start: None, expiry: None, permissions: None })
    }

    /// Tokens of it begin then.
    #[must_use]
    pub const fn start(mut self, at: Timestamp) -> Self {
        self.start = Some(at);
        self
    }

    /// Tokens of it end then.
    #[must_use]
    pub const fn expiry(mut self, at: Timestamp) -> Self {
        self.expiry = Some(at);
        self
    }

    /// Tokens of it allow this.
    #[must_use]
    pub fn permissions(mut self, permissions: impl Permissions) -> Self {
        self.permissions = Some(permissions.to_string().into());
        self
    }

    /// The name, which is the value of `si`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The letters of its permissions, if they are those of a resource with this order.
    pub(super) fn letters(&self, orders: &[&str]) -> Result<Option<Letters>, ()> {
        self.permissions.as_ref().map(|text| Letters::read(text.as_bytes(), orders).ok_or(())).transpose()
    }

    /// Takes back every token of this policy when the container is given it: the same name, over before it began.
    #[must_use]
    pub fn revoked(mut self, now: Timestamp) -> Self {
        self.expiry = Some(now.saturating_sub(24 * 60 * 60));
        self.start = self.start.map(|start| start.min(now.saturating_sub(24 * 60 * 60)));
        self
    }
}

pub(super) fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.chars().count()) && !id.chars().any(char::is_control)
}

/// The policies of one container, share, queue or table.
///
/// The service replaces all of them at once, and may take half a minute until it knows: until then it refuses.
///
/// ```
/// use valet_key::azure::{ContainerPermissions, StoredPolicies, StoredPolicy};
/// use valet_key::clock::Timestamp;
///
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let readers = StoredPolicy::new("readers")?.permissions(ContainerPermissions::READ).expiry(now);
/// let mut policies = StoredPolicies::new();
/// policies.set(readers)?;
/// assert_eq!(
///     policies.to_xml(),
///     "<?xml version=\"1.0\" encoding=\"utf-8\"?><SignedIdentifiers><SignedIdentifier><Id>readers</Id><AccessPolicy>\
///      <Expiry>2023-11-14T22:13:20Z</Expiry><Permission>r</Permission></AccessPolicy></SignedIdentifier></SignedIdentifiers>"
/// );
/// assert!(policies.revoke("readers", now) && policies.to_xml().contains("<Expiry>2023-11-13T22:13:20Z</Expiry>"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct StoredPolicies(BTreeMap<String, StoredPolicy>);

impl StoredPolicies {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds a policy, or replaces the one of that name.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if there are five others.
    pub fn set(&mut self, policy: StoredPolicy) -> Result<(), IssueError> {
        if self.0.len() >= MAX_POLICIES && !self.0.contains_key(policy.id()) {
            return Err(IssueError::Invalid { what: "stored access policies", why: "there can be five at most" });
        }
        self.0.insert(policy.id().to_owned(), policy);
        Ok(())
    }

    /// The policy of that name.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&StoredPolicy> {
        self.0.get(id)
    }

    /// Takes back every token of that policy, and tells whether there is such a policy.
    pub fn revoke(&mut self, id: &str, now: Timestamp) -> bool {
        let Some(policy) = self.0.get_mut(id) else { return false };
        *policy = policy.clone().revoked(now);
        true
    }

    /// The body of Set Container ACL, Set Share ACL, Set Queue ACL and Set Table ACL.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?><SignedIdentifiers>");
        for policy in self.0.values() {
            xml.push_str("<SignedIdentifier><Id>");
            push_escaped(&mut xml, &policy.id);
            xml.push_str("</Id><AccessPolicy>");
            let times = [("Start", policy.start.map(time::write)), ("Expiry", policy.expiry.map(time::write))];
            for (name, text) in
                times.into_iter().chain([("Permission", policy.permissions.as_deref().map(ToOwned::to_owned))])
            {
                if let Some(text) = text {
                    xml.extend(["<", name, ">", &text, "</", name, ">"]);
                }
            }
            xml.push_str("</AccessPolicy></SignedIdentifier>");
        }
        xml.push_str("</SignedIdentifiers>");
        xml
    }
}

/// Writes text into an XML element.
pub(super) fn push_escaped(xml: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '&' => xml.push_str("&amp;"),
            c => xml.push(c),
        }
    }
}

/// Where a verifier finds the policies that tokens name.
///
/// It is asked for every request that names a policy, before its signature is known to be right, so that an answer must
/// be cheap; what it answers is told to nobody but the holder of a good signature.
pub trait PolicyLookup: Debug + Send + Sync {
    /// The policy of that name on a container, share, queue or table, given as `/service/account/container`.
    fn policy(&self, container: &str, id: &str) -> Option<StoredPolicy>;
}

/// No policies: every token that names one is refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPolicies;

impl PolicyLookup for NoPolicies {
    fn policy(&self, _container: &str, _id: &str) -> Option<StoredPolicy> {
        None
    }
}

impl PolicyLookup for BTreeMap<String, StoredPolicies> {
    fn policy(&self, container: &str, id: &str) -> Option<StoredPolicy> {
        self.get(container)?.get(id).cloned()
    }
}

/// What a token says of start, expiry and permissions, and what it leaves to a stored policy.
///
/// | form | in the token | in the policy |
/// |---|---|---|
/// | [`Inline`] | all | there is no policy |
/// | [`Stored`] | nothing but the name of the policy | all |
/// | [`Split`] | what is set here | the rest |
#[derive(Clone, Debug)]
pub struct Terms<P> {
    pub(super) given: Given,
    resource: PhantomData<fn() -> P>,
}

impl<P> Terms<P> {
    const fn new(given: Given) -> Self {
        Self { given, resource: PhantomData }
    }
}

/// The same, whatever the kind of resource.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) policy: Option<StoredPolicy>,
    pub(super) letters: Option<String>,
    pub(super) start: Option<Timestamp>,
    pub(super) lifetime: Option<Lifetime>,
}

/// Everything stands in the token. Nothing but another account key takes it back.
#[derive(Clone, Copy, Debug)]
pub struct Inline<P> {
    permissions: P,
    start: Option<Timestamp>,
    lifetime: Lifetime,
}

impl<P: Permissions> Inline<P> {
    /// For fifteen minutes from now on.
    #[must_use]
    pub const fn new(permissions: P) -> Self {
        Self { permissions, start: None, lifetime: Lifetime::DEFAULT }
    }

    /// Lives this long from the time of issue, or from its start.
    #[must_use]
    pub const fn lives(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Begins then. Leave a start out, or set it some minutes back, unless it is meant to lie in the future: the clocks of the
    /// service differ from yours.
    #[must_use]
    pub const fn start(mut self, at: Timestamp) -> Self {
        self.start = Some(at);
        self
    }
}

impl<P: Permissions> From<Inline<P>> for Terms<P> {
    fn from(terms: Inline<P>) -> Self {
        let Inline { permissions, start, lifetime } = terms;
        Self::new(Given { policy: None, letters: Some(permissions.to_string()), start, lifetime: Some(lifetime) })
    }
}

/// Everything stands in the policy.
#[derive(Clone, Debug)]
pub struct Stored(pub StoredPolicy);

impl<P> From<Stored> for Terms<P> {
    fn from(terms: Stored) -> Self {
        Self::new(Given { policy: Some(terms.0), letters: None, start: None, lifetime: None })
    }
}

/// Some stands in the token and the rest in the policy.
#[derive(Clone, Debug)]
pub struct Split<P> {
    policy: StoredPolicy,
    permissions: Option<P>,
    start: Option<Timestamp>,
    lifetime: Option<Lifetime>,
}

impl<P: Permissions> Split<P> {
    /// With what this policy leaves open.
    #[must_use]
    pub const fn new(policy: StoredPolicy) -> Self {
        Self { policy, permissions: None, start: None, lifetime: None }
    }

    /// The token says what is allowed.
    #[must_use]
    pub const fn permissions(mut self, permissions: P) -> Self {
        self.permissions = Some(permissions);
        self
    }

    /// The token says how long it lives.
    #[must_use]
    pub const fn lives(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// The token says when it begins.
    #[must_use]
    pub const fn start(mut self, at: Timestamp) -> Self {
        self.start = Some(at);
        self
    }
}

impl<P: Permissions> From<Split<P>> for Terms<P> {
    fn from(terms: Split<P>) -> Self {
        let Split { policy, permissions, start, lifetime } = terms;
        let letters = permissions.map(|permissions| permissions.to_string());
        Self::new(Given { policy: Some(policy), letters, start, lifetime })
    }
}

impl Given {
    /// Holds each of the three to one place, and tells the end of the token.
    pub(super) fn settle(&self, orders: &[&str], now: Timestamp) -> Result<Settled, IssueError> {
        let twice = |what| IssueError::Invalid { what, why: "it stands in the token and in the stored access policy" };
        let nowhere =
            |what| IssueError::Invalid { what, why: "it stands neither in the token nor in the stored access policy" };
        let policy = self.policy.as_ref();
        let stored = match policy.map(|policy| policy.letters(orders)) {
            None | Some(Ok(None)) => None,
            Some(Ok(Some(letters))) => Some(letters),
            Some(Err(())) => {
                let why = "the stored access policy has letters that this kind of resource does not know";
                return Err(IssueError::Invalid { what: "permissions", why });
            }
        };
        let own = self.letters.as_ref().map(|text| Letters::of(text));
        let letters = match (own, stored) {
            (Some(_), Some(_)) => return Err(twice("permissions")),
            (Some(letters), None) | (None, Some(letters)) => letters,
            (None, None) => return Err(nowhere("permissions")),
        };
        if self.start.is_some() && policy.is_some_and(|policy| policy.start.is_some()) {
            return Err(twice("start"));
        }
        let begins = self.start.or(policy.and_then(|policy| policy.start)).unwrap_or(now);
        let expires_at = match (self.lifetime, policy.and_then(|policy| policy.expiry)) {
            (Some(_), Some(_)) => return Err(twice("expiry")),
            (Some(lifetime), None) => {
                begins.max(now).checked_add(lifetime.seconds()).ok_or(IssueError::TimeOverflow)?
            }
            (None, Some(expiry)) => expiry,
            (None, None) => return Err(nowhere("expiry")),
        };
        if expires_at <= begins.max(now) {
            return Err(IssueError::Invalid { what: "expiry", why: "the token would be over before it begins" });
        }
        Ok(Settled { letters, begins: begins.max(now), expires_at })
    }
}

/// What a token and its policy say together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settled {
    pub(super) letters: Letters,
    pub(super) begins: Timestamp,
    pub(super) expires_at: Timestamp,
}
