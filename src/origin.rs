//! Where a request goes: scheme, host and port.

use crate::error::IssueError;
use alloc::{format, string::String};
use core::fmt;

/// A scheme and a host with an optional port, as both go into a URL and a `Host` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    https: bool,
    host: String,
    /// Whether a URL spells the default port out, which never gets into the `Host` header.
    spells_port: bool,
}

impl Origin {
    /// Reads `https://host[:port]`. The host is lower-cased and a default port dropped, as every HTTP
    /// client does before it writes the `Host` header.
    pub(crate) fn parse(text: &str) -> Result<Self, IssueError> {
        let invalid = |why| IssueError::Invalid { what: "origin", why };
        let (https, rest) = if let Some(rest) = text.strip_prefix("https://") {
            (true, rest)
        } else if let Some(rest) = text.strip_prefix("http://") {
            (false, rest)
        } else {
            return Err(invalid("it must begin with `https://` or `http://`"));
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let good_host = match bracketed {
            Some(address) => address.parse::<core::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.len() <= 253 && host.bytes().all(plain),
        };
        if !good_host {
            return Err(invalid("its host must be a DNS name or an address, without user, path or query"));
        }
        let digits =
            |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|p| p > 0);
        if port.is_some_and(|port| !digits(port)) {
            return Err(invalid("its port must be 1 to 65535"));
        }
        let host = host.to_ascii_lowercase();
        let default = if https { 443 } else { 80 };
        Ok(match port.and_then(|port| port.parse::<u16>().ok()).filter(|port| *port != default) {
            Some(port) => Self { https, host: format!("{host}:{port}"), spells_port: false },
            None => Self { https, host, spells_port: false },
        })
    }

    /// The same, but a default port that was written stays in URLs.
    #[cfg(feature = "gcs")]
    pub(crate) fn parse_keeping_port(text: &str) -> Result<Self, IssueError> {
        let origin = Self::parse(text)?;
        let default = if origin.https { ":443" } else { ":80" };
        let spells_port = text.strip_suffix('/').unwrap_or(text).ends_with(default) && !origin.host.ends_with(default);
        Ok(Self { spells_port, ..origin })
    }

    /// Over HTTPS, to a host that this crate wrote.
    pub(crate) const fn https(host: String) -> Self {
        Self { https: true, host, spells_port: false }
    }

    /// One label below it.
    pub(crate) fn below(&self, label: &str) -> Self {
        Self { host: format!("{label}.{}", self.host), ..*self }
    }

    /// The value of `Host`.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Whether its host is that domain, or below it.
    #[cfg(any(feature = "aws", feature = "gcs"))]
    pub(crate) fn is_within(&self, domain: &str) -> bool {
        let host = self.hostname().trim_end_matches('.');
        host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    /// The host without its port.
    #[cfg(any(feature = "aws", feature = "gcs"))]
    pub(crate) fn hostname(&self) -> &str {
        without_port(&self.host)
    }

    pub(crate) const fn is_https(&self) -> bool {
        self.https
    }
}

/// A host without the port behind it.
#[cfg(any(feature = "aws", feature = "gcs"))]
pub(crate) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, default) = if self.https { ("https", ":443") } else { ("http", ":80") };
        write!(f, "{scheme}://{}{}", self.host, if self.spells_port { default } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn origins_lose_default_ports_and_refuse_everything_else() {
        for (text, expected) in [
            ("https://Example.com:443", "https://example.com"),
            ("http://example.com:80/", "http://example.com"),
            ("http://[::1]:9000", "http://[::1]:9000"),
            ("https://[::1]", "https://[::1]"),
            ("https://example.com:8443", "https://example.com:8443"),
        ] {
            assert_eq!(Origin::parse(text).unwrap().to_string(), expected);
        }
        for text in [
            "example.com",
            "ftp://a",
            "https://",
            "https://a/b",
            "https://u@a",
            "https://a?b",
            "https://a:0",
            "https://a:65536",
            "https://a:+1",
            "https://\u{fc}",
            "https://a b",
            "https://[::1",
            "https://a\\b",
        ] {
            assert!(Origin::parse(text).is_err(), "{text}");
        }
    }
}
