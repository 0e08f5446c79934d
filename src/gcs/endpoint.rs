//! Where a request goes: bucket in the path, in the host, or behind a host of its own.

use crate::{
    error::{IssueError, VerifyError},
    origin::{Origin, without_port},
};
use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
};

/// Where Cloud Storage, or something that speaks its protocol, is reached.
///
/// ```
/// use valet_key::gcs::{Endpoint, GoogV4, HmacKey, UrlRequest};
/// use valet_key::{clock::Timestamp, grant::{Grant, Justification}};
///
/// let key = HmacKey::new("GOOG1EXAMPLE", "secret")?;
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let show = |endpoint: &Endpoint| -> Result<String, Box<dyn std::error::Error>> {
///     let grant = Grant::read("photos", "a b.txt").because(Justification::new("a local emulator")?);
///     let url = key.signed_url(&UrlRequest::at(endpoint, &grant)?, now)?;
///     Ok(url.expose().split('?').next().unwrap_or_default().to_owned())
/// };
/// assert_eq!(show(&Endpoint::google())?, "https://storage.googleapis.com/photos/a%20b.txt");
/// assert_eq!(show(&Endpoint::google().virtual_hosted())?, "https://photos.storage.googleapis.com/a%20b.txt");
/// assert_eq!(show(&Endpoint::universe("example.goog")?)?, "https://storage.example.goog/photos/a%20b.txt");
/// assert_eq!(show(&Endpoint::bound("https://cdn.example.com", "photos")?)?, "https://cdn.example.com/a%20b.txt");
/// assert_eq!(show(&Endpoint::custom("http://localhost:4443")?)?, "http://localhost:4443/photos/a%20b.txt");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Source: Cloud Storage documentation, "Request endpoints"; Google's conformance tests for the host that
/// is signed.
#[derive(Clone, Debug)]
pub struct Endpoint {
    origin: Origin,
    style: Style,
    signs_port: bool,
    server: Server,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Style {
    Path,
    VirtualHost,
    /// The host serves this bucket and no other.
    Bound(String),
}

/// Who answers there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Server {
    Google,
    Other,
    Gate,
}

impl Default for Endpoint {
    fn default() -> Self {
        Self::google()
    }
}

impl Endpoint {
    fn new(origin: Origin, style: Style, server: Server) -> Self {
        Self { origin, style, signs_port: false, server }
    }

    /// `storage.googleapis.com`, with the bucket in the path.
    #[must_use]
    pub fn google() -> Self {
        Self::new(Origin::https("storage.googleapis.com".to_owned()), Style::Path, Server::Google)
    }

    /// The storage host of another universe, such as a sovereign cloud.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if the domain is not one.
    pub fn universe(domain: &str) -> Result<Self, IssueError> {
        let origin = Origin::parse(&format!("https://storage.{domain}"))?;
        if domain.is_empty() || origin.host() != origin.hostname() || domain.contains('/') {
            return Err(IssueError::Invalid { what: "universe domain", why: "it must be a DNS name" });
        }
        Ok(Self::new(origin, Style::Path, Server::Google))
    }

    /// Another server that speaks the protocol, such as an emulator at `http://localhost:4443`. Plain HTTP
    /// needs a justification when a URL is issued.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if the origin is not a scheme and a host with an optional port.
    pub fn custom(origin: &str) -> Result<Self, IssueError> {
        Ok(Self::new(Origin::parse_keeping_port(origin)?, Style::Path, Server::Other))
    }

    /// A host of your own that serves one bucket, through a CNAME record or a load balancer.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if the origin is not a scheme and a host with an optional port, or the bucket
    /// name is not one.
    pub fn bound(origin: &str, bucket: &str) -> Result<Self, IssueError> {
        check_bucket(bucket)?;
        Ok(Self::new(Origin::parse_keeping_port(origin)?, Style::Bound(bucket.to_owned()), Server::Other))
    }

    /// Puts the bucket into the host. A bucket with dots then needs a certificate that Google does not
    /// serve. Without effect on a bound host.
    #[must_use]
    pub fn virtual_hosted(mut self) -> Self {
        if self.style == Style::Path {
            self.style = Style::VirtualHost;
        }
        self
    }

    /// Signs the port with the host, as some servers behind another port than the usual one expect. Google's
    /// conformance tests sign the host alone.
    #[must_use]
    pub const fn sign_port(mut self) -> Self {
        self.signs_port = true;
        self
    }

    /// Says that every request to it passes a [`Gate`](crate::gateway::Gate) before it is served. So a grant for a
    /// [single use](crate::grant::Grant::single_use) becomes a URL with the signed parameter `x-use=once`, which makes the gate
    /// count its uses.
    ///
    /// Cloud Storage itself holds nobody to that parameter. Where a request can reach it beside the gate, under the host and the
    /// key of the URL, the URL is good until it expires, as often as anybody likes: sign with a key that the gate knows and the
    /// cloud does not.
    ///
    /// Without effect on an endpoint of Cloud Storage itself, which has a host below `googleapis.com` or [that of its
    /// universe](Self::universe).
    #[must_use]
    pub fn behind_gate(mut self) -> Self {
        if self.server == Server::Other && !self.origin.is_within("googleapis.com") {
            self.server = Server::Gate;
        }
        self
    }

    pub(super) fn is_behind_gate(&self) -> bool {
        self.server == Server::Gate
    }

    /// The origin of a bucket, and the path of the bucket itself, with a `/` at its end.
    pub(super) fn locate(&self, bucket: &str) -> Result<(Origin, String), IssueError> {
        check_bucket(bucket)?;
        match &self.style {
            Style::Path => Ok((self.origin.clone(), format!("/{bucket}/"))),
            Style::VirtualHost => Ok((self.origin.below(bucket), "/".to_owned())),
            Style::Bound(bound) if bound == bucket => Ok((self.origin.clone(), "/".to_owned())),
            Style::Bound(_) => {
                Err(IssueError::Invalid { what: "endpoint", why: "its host serves another bucket than the grant's" })
            }
        }
    }

    /// The bucket that a host and a path name, and the encoded name of the object behind it, which is empty if there is
    /// none: what [`locate`](Self::locate) made them from. Ports are not compared, as they are not signed by default.
    pub(super) fn find<'p>(&'p self, host: &'p str, path: &'p str) -> Result<(&'p str, &'p str), VerifyError> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let (host, own) = (without_port(host), self.origin.hostname());
        if let Style::VirtualHost = self.style {
            let label = host.len().checked_sub(own.len()).and_then(|cut| host.split_at_checked(cut));
            let label =
                label.filter(|(_, end)| end.eq_ignore_ascii_case(own)).and_then(|(label, _)| label.strip_suffix('.'));
            return match label {
                Some(bucket) if check_bucket(bucket).is_ok() => Ok((bucket, path)),
                _ => Err(VerifyError::Host),
            };
        }
        if !host.eq_ignore_ascii_case(own) {
            return Err(VerifyError::Host);
        }
        if let Style::Bound(bucket) = &self.style {
            return Ok((bucket, path));
        }
        let (bucket, name) = path.split_once('/').unwrap_or((path, ""));
        match check_bucket(bucket) {
            Ok(()) => Ok((bucket, name)),
            Err(_) => Err(VerifyError::Operation { why: "the first segment of the path is no bucket" }),
        }
    }

    /// The value of `host` that is signed.
    pub(super) fn signed_host(&self, origin: &Origin) -> String {
        if self.signs_port { origin.host().to_string() } else { origin.hostname().to_string() }
    }
}

/// A bucket name: 3 to 222 lower-case letters, digits, `.`, `-` or `_`, with a letter or digit at both ends.
pub(super) fn check_bucket(name: &str) -> Result<(), IssueError> {
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let inner = |byte: u8| edge(Some(byte)) || matches!(byte, b'.' | b'-' | b'_');
    let bytes = name.as_bytes();
    if (3..=222).contains(&name.len())
        && name.bytes().all(inner)
        && edge(bytes.first().copied())
        && edge(bytes.last().copied())
        && !name.contains("..")
    {
        return Ok(());
    }
    Err(IssueError::Invalid {
        what: "bucket name",
        why: "it must be 3 to 222 lower-case letters, digits, `.`, `-` or `_`, with a letter or digit at both ends",
    })
}

/// An object name: 1 to 1,024 bytes without CR, LF or NUL.
pub(super) fn check_object(name: &str) -> Result<(), IssueError> {
    let bad = |byte: u8| matches!(byte, b'\r' | b'\n' | 0);
    if !(1..=1024).contains(&name.len()) || crate::encode::any(name.as_bytes(), bad) {
        return Err(IssueError::Invalid {
            what: "object name",
            why: "it must be 1 to 1024 bytes without CR, LF or NUL",
        });
    }
    if name.starts_with(".well-known/acme-challenge/") {
        return Err(IssueError::Invalid {
            what: "object name",
            why: "it must not begin with `.well-known/acme-challenge/`",
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_host_serves_its_own_bucket_alone() {
        let endpoint = Endpoint::bound("https://cdn.example.com", "photos").unwrap();
        assert!(endpoint.locate("photos").is_ok());
        assert!(endpoint.locate("invoices").is_err());
        assert!(endpoint.virtual_hosted().locate("invoices").is_err());
    }

    #[test]
    fn the_port_is_signed_only_when_asked() {
        let endpoint = Endpoint::custom("http://localhost:8080").unwrap();
        let (origin, path) = endpoint.locate("photos").unwrap();
        assert_eq!((origin.host(), path.as_str()), ("localhost:8080", "/photos/"));
        assert_eq!(endpoint.signed_host(&origin), "localhost");
        assert_eq!(endpoint.sign_port().signed_host(&origin), "localhost:8080");
    }

    #[test]
    fn bucket_names_are_held_to_their_rules() {
        for name in ["abc", "my_bucket.example.com", "a-b-c", "123"] {
            assert_eq!(check_bucket(name), Ok(()), "{name}");
        }
        for name in ["", "ab", "Abc", "a/b", "-ab", "ab-", "a..b", "a b", "b\u{fc}cket", &"a".repeat(223)] {
            assert!(check_bucket(name).is_err(), "{name}");
        }
        for domain in ["", "a b", "u@a", "a/b", "a:1"] {
            assert!(Endpoint::universe(domain).is_err(), "{domain}");
        }
    }
}
