//! How a grant becomes a policy: one object, or everything under a prefix when somebody says why.

use super::{
    Network, Pattern,
    fields::{is_foreign, is_reserved},
    pattern::{NotAPattern, Parts},
    policy::MAX_URL,
    verify::folds,
};
use crate::{
    clock::Timestamp,
    encode,
    error::IssueError,
    grant::{
        Action, Constraint, ContentType, Grant, Justification, Lifetime, OnShortCredential, Resource, Size, plan::Form,
    },
    origin::Origin,
};
use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec::Vec,
};

/// The name of this token form in errors.
const FORM: &str = Form::CloudFrontPolicy.name();

/// A distribution: under which name viewers reach it, and whose objects it serves.
///
/// A CloudFront token says nothing of methods, so that the behaviours of the distribution have to: they should allow
/// `GET` and `HEAD` and no others where tokens are required.
///
/// ```
/// use valet_key::aws::cloudfront::{Distribution, PolicyRequest};
/// use valet_key::grant::Grant;
///
/// let cdn = Distribution::new("https://cdn.example.com")?.serving("media-uploads");
/// assert!(PolicyRequest::at(&cdn, &Grant::read("media-uploads", "cat.jpg")).is_ok());
/// assert!(PolicyRequest::at(&cdn, &Grant::read("secure-invoices", "cat.jpg")).is_err());
/// # Ok::<(), valet_key::error::IssueError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Distribution {
    origin: Origin,
    containers: Vec<String>,
}

impl Distribution {
    /// By the address that viewers use: `https://`, or `http://`, which needs a justification with each grant, and a host
    /// with an optional port.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for anything else.
    pub fn new(address: &str) -> Result<Self, IssueError> {
        Ok(Self { origin: Origin::parse(address)?, containers: Vec::new() })
    }

    /// Says that it serves the objects of this bucket, by their names. A grant for another container is refused; without
    /// any, the container of a grant is the host of the distribution.
    #[must_use]
    pub fn serving(mut self, container: impl Into<String>) -> Self {
        self.containers.push(container.into());
        self
    }

    fn serves(&self, container: &str) -> bool {
        if self.containers.is_empty() {
            self.origin.host().eq_ignore_ascii_case(container)
        } else {
            self.containers.iter().any(|own| own == container)
        }
    }
}

/// What a policy names.
#[derive(Clone, Debug)]
pub(super) enum Named {
    Url(String),
    Pattern(Pattern),
}

/// What a policy shall allow: to read one object for 15 minutes over HTTPS, unless it is told otherwise.
///
/// It becomes a canned policy where that says it all, and a custom one for a prefix, a client address or a start.
///
/// ```
/// use valet_key::aws::cloudfront::{Credential, PolicyRequest};
/// use valet_key::{clock::Timestamp, error::IssueError, grant::{Action, Grant, Justification}};
///
/// let now = Timestamp::from_unix(1_767_289_500)?;
/// let credential = Credential::rsa("K2JCJMDEHXQW5F")?;
/// let request = PolicyRequest::new(&Grant::read("d111111abcdef8.cloudfront.net", "images/image 1.jpg"))?;
/// let prepared = request.prepare(&credential, now)?;
/// assert_eq!(
///     prepared.string_to_sign().as_bytes(),
///     br#"{"Statement":[{"Resource":"https://d111111abcdef8.cloudfront.net/images/image%201.jpg","Condition":{"DateLessThan":{"AWS:EpochTime":1767290400}}}]}"#
/// );
///
/// // What CloudFront cannot hold a client to is refused.
/// let upload = Grant::upload("d111111abcdef8.cloudfront.net", "cat.jpg").any_size().any_content_type();
/// assert!(matches!(PolicyRequest::new(&upload), Err(IssueError::NotEnforceable { .. })));
///
/// // A prefix needs a reason.
/// let album = Grant::under("d111111abcdef8.cloudfront.net", "42/", Action::Read)
///     .because(Justification::new("album download, ticket 4711")?);
/// assert!(PolicyRequest::new(&album)?.prepare(&credential, now).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct PolicyRequest {
    pub(super) named: Named,
    pub(super) lifetime: Lifetime,
    pub(super) cap: Lifetime,
    pub(super) on_short_credential: OnShortCredential,
    pub(super) not_before: Option<Timestamp>,
    pub(super) network: Option<Network>,
    pub(super) justification: Option<Justification>,
    pub(super) any_host: bool,
    pub(super) dot_segments: bool,
}

fn not_enforceable(constraint: Constraint, instead: &'static str) -> IssueError {
    IssueError::NotEnforceable { constraint, form: FORM, instead }
}

impl PolicyRequest {
    /// The policy that allows exactly this grant, whose container is the host that viewers use, over HTTPS.
    ///
    /// # Errors
    /// [`IssueError::NotEnforceable`] for whatever a policy cannot enforce: other actions than reading, versions, response
    /// headers, single use, IPv6 and ranges of addresses, and what belongs to uploads. [`IssueError::Invalid`] for names that
    /// make no URL, and prefixes that are empty or end within a name.
    pub fn new(grant: &Grant) -> Result<Self, IssueError> {
        Self::at(&Distribution::new(&format!("https://{}", grant.container()))?, grant)
    }

    /// The same at a distribution that has another address, or whose objects are those of a bucket.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`IssueError::Invalid`] if the distribution does not serve the container of the grant.
    pub fn at(distribution: &Distribution, grant: &Grant) -> Result<Self, IssueError> {
        grant.lowered(|grant| Self::lower(distribution, grant))
    }

    fn lower(distribution: &Distribution, grant: &Grant) -> Result<Self, IssueError> {
        refuse_what_no_policy_can_carry(grant)?;
        if !distribution.serves(&grant.container) {
            return Err(IssueError::Invalid { what: "container", why: "the distribution does not serve it" });
        }
        let url = |name: &str| format!("{}/{}", distribution.origin, encode::path(name.as_bytes()));
        let named = match &grant.resource {
            Resource::Object { name, version: None } if !name.is_empty() => Named::Url(url(name)),
            Resource::Object { version: None, .. } => {
                return Err(IssueError::Invalid { what: "object name", why: "it is empty" });
            }
            Resource::Object { .. } => {
                let instead = "whether `versionId` reaches the bucket is up to a cache policy: use a presigned URL";
                return Err(not_enforceable(Constraint::Resource, instead));
            }
            Resource::Prefix(names) => {
                if names.is_empty() || !(names.ends_with('/') || grant.open_prefix) {
                    return Err(IssueError::Invalid {
                        what: "prefix",
                        why: "it must not be empty, and must end with `/`: see `allow_open_prefix`",
                    });
                }
                // INVARIANT: what is encoded has no `*`, `?` or `\` of its own.
                Named::Pattern(Pattern::parse(&format!("{}*", url(names))).map_err(invalid_pattern)?)
            }
            _ => return Err(not_enforceable(Constraint::Resource, "a policy is for an object or a prefix")),
        };
        let network = grant.client_address.as_deref().map(network_of).transpose()?;
        let request = Self { network, ..Self::named(named) }.dots(grant.dot_segments)?;
        Ok(Self {
            lifetime: grant.lifetime,
            cap: grant.classification.cap(),
            not_before: grant.not_before,
            justification: grant.justification.clone(),
            ..request
        })
    }

    /// The conditions that make it a custom policy, beside the end that every policy has.
    pub(in crate::aws) fn custom_conditions(&self) -> impl Iterator<Item = &'static str> {
        let network = self.network.map(|_| "IpAddress");
        network.into_iter().chain(self.not_before.map(|_| "DateGreaterThan"))
    }

    /// A policy for one URL, which is signed as it is: percent-encoded, with its path, and with its own query if it has one.
    ///
    /// A canned policy has the `?` before a query unescaped, which in a custom policy is one character, and whoever holds
    /// one can send it as the other. A token for `/x?y` is therefore one for `/x`, any character, and `y` too.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] unless clients would send it so: with a lower-case host, without a default port, user, fragment
    /// or dot segments, in characters that URLs may have. It must have no `*`, which would make it a pattern to whoever sends
    /// the policy as a custom one: see [`for_pattern`](Self::for_pattern). [`IssueError::Reserved`] for a parameter of
    /// CloudFront's.
    pub fn for_url(url: &str) -> Result<Self, IssueError> {
        check_url(url)?;
        if url.contains('*') {
            let why = "`*` in it makes it a pattern: see `for_pattern`";
            return Err(IssueError::Invalid { what: "URL", why });
        }
        Self::named(Named::Url(url.to_owned())).dots(false)
    }

    /// A custom policy for every URL that matches. It needs [`because`](Self::because), and
    /// [`allow_any_host`](Self::allow_any_host) if it is for more than one host or protocol.
    #[must_use]
    pub const fn for_pattern(pattern: Pattern) -> Self {
        Self::named(Named::Pattern(pattern))
    }

    const fn named(named: Named) -> Self {
        Self {
            named,
            lifetime: Lifetime::DEFAULT,
            cap: Lifetime::DEFAULT,
            on_short_credential: OnShortCredential::Refuse,
            not_before: None,
            network: None,
            justification: None,
            any_host: false,
            dot_segments: false,
        }
    }

    /// Refuses dot segments, unless they are allowed.
    fn dots(mut self, allowed: bool) -> Result<Self, IssueError> {
        let text = match &self.named {
            Named::Url(url) => url,
            Named::Pattern(pattern) => pattern.as_str(),
        };
        if !allowed && Parts::of(text).is_some_and(|parts| folds(parts.path)) {
            return Err(dot_segment());
        }
        self.dot_segments = allowed;
        Ok(self)
    }

    /// Lives this long. More than 15 minutes, or than the class of the data allows, needs a justification. The last second
    /// that CloudFront can read is 2,147,483,647 after 1970.
    #[must_use]
    pub const fn lives(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Not before this time, which makes it a custom policy.
    #[must_use]
    pub const fn not_before(mut self, time: Timestamp) -> Self {
        self.not_before = Some(time);
        self
    }

    /// Only for clients from this network, which makes it a custom policy. Whoever comes over IPv6 is refused then.
    #[must_use]
    pub const fn client_network(mut self, network: Network) -> Self {
        self.network = Some(network);
        self
    }

    /// What to do when the key ends before the token would.
    #[must_use]
    pub const fn on_short_credential(mut self, what: OnShortCredential) -> Self {
        self.on_short_credential = what;
        self
    }

    /// Says why the request is broader than the default: a pattern, a long life, or plain HTTP.
    #[must_use]
    pub fn because(mut self, why: Justification) -> Self {
        self.justification = Some(why);
        self
    }

    /// Allows a pattern for more than one host or protocol, such as `*` or `http*://*/x`. It is good at every
    /// distribution that trusts the key.
    #[must_use]
    pub const fn allow_any_host(mut self) -> Self {
        self.any_host = true;
        self
    }

    /// Why it is broader than the default, if it is.
    #[must_use]
    pub const fn justification(&self) -> Option<&Justification> {
        self.justification.as_ref()
    }
}

fn dot_segment() -> IssueError {
    IssueError::Invalid { what: "path", why: "a segment is `.` or `..`, which clients and servers fold" }
}

fn invalid_pattern(NotAPattern(why): NotAPattern) -> IssueError {
    IssueError::Invalid { what: "resource", why }
}

fn refuse_what_no_policy_can_carry(grant: &Grant) -> Result<(), IssueError> {
    grant.refuse_misplaced(not_enforceable)?;
    let reads = |action| matches!(action, Action::Read | Action::Head);
    if !grant.actions.contains(Action::Read) || !grant.actions.iter().all(reads) {
        let instead = "it lets clients read: a presigned URL of the bucket allows other actions, or `HEAD` alone";
        return Err(not_enforceable(Constraint::Action, instead));
    }
    let uploads = "it applies to uploads only";
    for (asked, constraint, instead) in [
        (grant.single_use, Constraint::SingleUse, "a gateway with replay protection can"),
        (!grant.response_headers.is_empty(), Constraint::ResponseHeaders, "a response headers policy can"),
        (grant.request_id.is_some(), Constraint::RequestId, "its logs have an id of their own, `x-edge-request-id`"),
        (matches!(grant.size, Some(Size::Range(_))), Constraint::Size, uploads),
        (
            matches!(grant.content_type, Some(ContentType::Exact(_) | ContentType::Prefix(_))),
            Constraint::ContentType,
            uploads,
        ),
        (grant.sha256.is_some(), Constraint::Checksum, uploads),
        (grant.encryption.is_some(), Constraint::Encryption, uploads),
        (grant.storage_class.is_some(), Constraint::StorageClass, uploads),
        (!grant.metadata.is_empty(), Constraint::Metadata, uploads),
    ] {
        if asked {
            return Err(not_enforceable(constraint, instead));
        }
    }
    Ok(())
}

fn network_of(address: &str) -> Result<Network, IssueError> {
    address.parse().map_err(|_| {
        if address.contains([':', '-', ',']) {
            not_enforceable(Constraint::ClientAddress, "a policy has one IPv4 network: a web ACL knows more")
        } else {
            let why = "it must be one IPv4 address, or a network `a/n` whose address ends with its prefix";
            IssueError::Invalid { what: "client address", why }
        }
    })
}

/// Holds a URL to the form in which clients send it, so that the edge finds the text that was signed.
pub(super) fn check_url(url: &str) -> Result<(), IssueError> {
    let invalid = |why| Err(IssueError::Invalid { what: "URL", why });
    if url.len() > MAX_URL {
        return invalid("it is longer than 8,192 bytes");
    }
    let Some(parts) = Parts::of(url) else {
        return invalid("it must begin with `https://` or `http://`");
    };
    // Also refuses another protocol, a user and an empty host.
    let origin = Origin::parse(&format!("{}://{}", parts.protocol, parts.domain))?;
    if origin.to_string() != format!("{}://{}", parts.protocol, parts.domain) {
        return invalid("clients write a host in lower case, and no default port");
    }
    if parts.path.is_empty() {
        return invalid("clients write a `/` behind the host: so must the URL");
    }
    // RFC 3986 section 3.3 and 3.4: what else there is gets escaped on the way, or ends the URL.
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/?".contains(&byte);
    let behind = [parts.path, parts.query.unwrap_or_default()];
    let spelled = |text: &&str| text.bytes().all(allowed) && encode::spelling(text, Some(b'/')) != MALFORMED;
    if !behind.iter().all(spelled) || parts.path.contains('?') {
        return invalid("it holds a character that has to be percent-encoded, a fragment, or a bad escape");
    }
    if parts.query == Some("") {
        return invalid("nothing is behind its `?`");
    }
    for param in parts.query.unwrap_or_default().split('&') {
        let name = param.split('=').next().unwrap_or_default();
        let name = encode::decode(name).unwrap_or_default();
        if is_reserved(&name) {
            return Err(IssueError::Reserved { name });
        }
        if is_foreign(name.as_bytes()) {
            return invalid("a parameter belongs to another signature scheme");
        }
    }
    Ok(())
}

const MALFORMED: encode::Spelling = encode::Spelling::Malformed;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_as_clients_send_it() {
        for url in [
            "https://a.example/",
            "https://a.example/a%20b//c?x=1&y",
            "http://a.example:8080/a;b=(c)'!~",
            "https://a.example/?expires-at=1",
            "https://[::1]/x",
        ] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
        for url in [
            "",
            "/x",
            "a.example/x",
            "rtmp-stream/file.mp4",
            "ftp://a.example/x",
            "https://a.example",
            "https://a.example?x=1",
            "https://A.example/x",
            "HTTPS://a.example/x",
            "https://a.example:443/x",
            "https://user@a.example/x",
            "https:///x",
            "https://a.example/x#y",
            "https://a.example/x y",
            "https://a.example/\"x",
            "https://a.example/x\\y",
            "https://a.example/x?y=\"",
            "https://a.example/x%",
            "https://a.example/x%4",
            "https://a.example/x?%zz",
            "https://a.example/\u{fc}",
            "https://a.example/x?",
            "https://a.example/[x]",
            "https://a.example/x|y",
            "https://a.example/x\r\n",
            "https://a.example/x?X-Amz-Date=1",
            "https://a.example/x?y&x-goog%2Dsignature=1",
            "https://a.example/x?AWSAccessKeyId=1",
        ] {
            assert!(check_url(url).is_err(), "{url}");
        }
        let as_long_as = |bytes: usize| format!("https://a.example/{}", "x".repeat(bytes - "https://a.example/".len()));
        assert_eq!(check_url(&as_long_as(MAX_URL)), Ok(()));
        assert!(check_url(&as_long_as(MAX_URL + 1)).is_err());
    }

    #[test]
    fn no_parameter_of_a_url_is_one_of_cloudfronts() {
        for name in [
            "Expires",
            "Policy",
            "Signature",
            "Key-Pair-Id",
            "Hash-Algorithm",
            "expires",
            "POLICY",
            "%45xpires",
            "Key%2DPair-Id",
        ] {
            let url = format!("https://a.example/x?y=1&{name}=2");
            assert!(matches!(check_url(&url), Err(IssueError::Reserved { .. })), "{url}");
            assert_eq!(check_url(&format!("https://a.example/x?y={name}&z{name}=1")), Ok(()));
        }
    }
}
