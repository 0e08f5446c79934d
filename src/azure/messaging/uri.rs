//! The URI of a resource, read in the one way that there is.

use super::MessagingFamily;
use crate::scan;

/// The longest resource URI that is written or read, in bytes before it is percent-encoded.
pub(super) const MAX_URI: usize = 512;

/// The schemes that clients of the Service Bus family write. They are not compared.
///
/// Source: Service Bus documentation, "Access control with Shared Access Signatures"; its samples mix them.
const SCHEMES: [&str; 6] = ["amqp", "amqps", "http", "https", "sb", "wss"];

/// The parts of a URI. Its scheme and one slash at its end say nothing.
pub(super) struct ResourceUri<'u> {
    /// How many bytes stand before the host.
    pub(super) start: usize,
    pub(super) host: &'u str,
    /// Whole segments, none of them empty.
    pub(super) path: Option<&'u str>,
    /// Of Event Grid alone.
    pub(super) api_version: Option<&'u str>,
}

impl<'u> ResourceUri<'u> {
    /// Reads it, or tells why it cannot be read in one way only.
    pub(super) fn read(family: MessagingFamily, uri: &'u str) -> Result<Self, &'static str> {
        if uri.len() > MAX_URI {
            return Err("it is longer than 512 bytes");
        }
        // Elsewhere than behind the first colon it would stand in a path, which has no empty segment.
        let with_scheme =
            scan::split_once(uri, b':').and_then(|(scheme, rest)| Some((scheme, rest.strip_prefix("//")?)));
        let address = match (family, with_scheme) {
            (MessagingFamily::ServiceBus, Some((scheme, rest))) if SCHEMES.contains(&scheme) => rest,
            (MessagingFamily::EventGrid, Some(("https", rest))) => rest,
            (MessagingFamily::ServiceBus | MessagingFamily::IotHub, None) => uri,
            _ => return Err("its scheme is not one of this service"),
        };
        let start = uri.len().saturating_sub(address.len());
        let with_version = if family == MessagingFamily::EventGrid { address.split_once("?apiVersion=") } else { None };
        let (address, api_version) = match with_version {
            Some((address, version)) => {
                check_version(version)?;
                (address, Some(version))
            }
            None => (address, None),
        };
        let address = address.strip_suffix('/').unwrap_or(address);
        let (host, path) = scan::split_once(address, b'/').map_or((address, None), |(host, path)| (host, Some(path)));
        check_host(host)?;
        let mut rest = path;
        while let Some(path) = rest {
            let (segment, below) =
                scan::split_once(path, b'/').map_or((path, None), |(segment, below)| (segment, Some(below)));
            check_segment(segment)?;
            rest = below;
        }
        Ok(Self { start, host, path, api_version })
    }
}

pub(super) fn check_host(host: &str) -> Result<(), &'static str> {
    let (name, port) = scan::split_once(host, b':').map_or((host, None), |(name, port)| (name, Some(port)));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let good_name = (1..=253).contains(&name.len()) && !scan::any(name.as_bytes(), |byte| !plain(byte));
    let good_port = |port: &str| (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    if good_name && port.is_none_or(good_port) {
        Ok(())
    } else {
        Err("its host must be letters, digits, `-` or `.`, perhaps with a port")
    }
}

pub(super) fn check_segment(segment: &str) -> Result<(), &'static str> {
    if matches!(segment, "" | "." | "..") {
        return Err("a segment is empty, `.` or `..`");
    }
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'%' | b'?' | b'#' | b'\\' | b'/');
    if scan::any(segment.as_bytes(), |byte| !plain(byte)) {
        return Err("a segment is not plain visible ASCII");
    }
    Ok(())
}

pub(super) fn check_version(version: &str) -> Result<(), &'static str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if (1..=32).contains(&version.len()) && version.bytes().all(plain) {
        Ok(())
    } else {
        Err("`apiVersion` must be 1 to 32 letters, digits or `-`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for uri in [
            "",
            "https://",
            "https:///q",
            "ftp://ns/q",
            "HTTPS://ns/q",
            "https://user@ns/q",
            "https://user:key@ns/q",
            "https://ns:/q",
            "https://ns:123456/q",
            "https://ns//q",
            "https://ns/q//",
            "https://ns/a//b",
            "https://ns/./q",
            "https://ns/q/..",
            "https://ns/q?x=1",
            "https://ns/q?apiVersion=1",
            "https://ns/q#f",
            "https://ns/a%2Fb",
            "https://ns/a\\b",
            "https://ns/a b",
            "https://ns/a\u{7f}",
            "https://ns/\u{fc}",
            "https://n\u{fc}/q",
            "//ns/q",
            "/q",
        ] {
            assert!(ResourceUri::read(MessagingFamily::ServiceBus, uri).is_err(), "{uri}");
        }
        for uri in ["https://h/devices/d", "h/devices/d?x", "h//devices"] {
            assert!(ResourceUri::read(MessagingFamily::IotHub, uri).is_err(), "{uri}");
        }
        for uri in ["http://t/api", "t/api", "https://t/api?apiVersion=", "https://t/api?a=1"] {
            assert!(ResourceUri::read(MessagingFamily::EventGrid, uri).is_err(), "{uri}");
        }
        let long = ["ns/", &"q".repeat(MAX_URI)].concat();
        assert!(ResourceUri::read(MessagingFamily::ServiceBus, &long).is_err());
    }
}
