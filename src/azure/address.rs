//! The addresses that a token is bound to.
//!
//! Source: Azure Storage REST reference, "Create a service SAS" (signed IP): one IPv4 address, or a range of them.

use crate::{error::IssueError, network::Network};
use core::{
    fmt,
    net::{IpAddr, Ipv4Addr},
};

/// One IPv4 address, or all between two, both included. Azure knows no other form.
///
/// ```
/// use valet_key::azure::AddressRange;
///
/// assert_eq!(AddressRange::parse("203.0.113.7")?.to_string(), "203.0.113.7");
/// assert_eq!(AddressRange::parse("203.0.113.0/24")?.to_string(), "203.0.113.0-203.0.113.255");
/// assert!(AddressRange::parse("203.0.113.1-203.0.113.9")?.contains("203.0.113.9".parse()?));
/// assert!(AddressRange::parse("2001:db8::1").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    first: Ipv4Addr,
    last: Ipv4Addr,
}

impl AddressRange {
    /// Reads an address, two of them with a hyphen between, or a network with the length of its prefix, which becomes a
    /// range.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for anything else.
    pub fn parse(text: &str) -> Result<Self, IssueError> {
        let network = if text.contains('/') { network(text) } else { None };
        network.or_else(|| Self::read(text)).ok_or(IssueError::Invalid {
            what: "client address",
            why: "it must be one IPv4 address, an ascending range `a-b`, or a network `a/n`",
        })
    }

    /// Reads the value of `sip`.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last): (Ipv4Addr, Ipv4Addr) = (first.parse().ok()?, last.parse().ok()?);
        (first <= last && (first != last || !text.contains('-'))).then_some(Self { first, last })
    }

    /// Whether a client may come from there. An IPv4 address that is written as IPv6 is the same address.
    #[must_use]
    pub const fn contains(&self, address: IpAddr) -> bool {
        let address = match address.to_canonical() {
            IpAddr::V4(address) => address.to_bits(),
            IpAddr::V6(_) => return false,
        };
        self.first.to_bits() <= address && address <= self.last.to_bits()
    }
}

/// A network of less than all addresses.
fn network(text: &str) -> Option<AddressRange> {
    let network = text.parse::<Network>().ok().filter(|network| network.prefix_length() > 0)?;
    Some(AddressRange { first: network.first(), last: network.last() })
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last { write!(f, "{}", self.first) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}

impl fmt::Debug for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AddressRange({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn addresses_ranges_and_networks_are_read_and_nothing_else() {
        for (text, written) in [
            ("168.1.5.65", "168.1.5.65"),
            ("168.1.5.60-168.1.5.70", "168.1.5.60-168.1.5.70"),
            ("10.0.0.0/8", "10.0.0.0-10.255.255.255"),
            ("10.0.0.1/32", "10.0.0.1"),
        ] {
            assert_eq!(AddressRange::parse(text).unwrap().to_string(), written);
        }
        for text in [
            "",
            "-",
            "1.2.3",
            "1.2.3.4-",
            "-1.2.3.4",
            "1.2.3.4-1.2.3.3",
            "1.2.3.4-1.2.3.4",
            "1.2.3.4-5",
            "01.2.3.4",
            "1.2.3.4 ",
            "1.2.3.4,1.2.3.5",
            "::1",
            "1.2.3.4/0",
            "1.2.3.4/33",
            "1.2.3.4/+8",
            "1.2.3.4/24",
            "*",
        ] {
            assert!(AddressRange::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn both_ends_belong_to_a_range() {
        let range = AddressRange::parse("168.1.5.60-168.1.5.70").unwrap();
        for (address, inside) in [
            ("168.1.5.59", false),
            ("168.1.5.60", true),
            ("168.1.5.70", true),
            ("168.1.5.71", false),
            ("::ffff:168.1.5.61", true),
            ("::1", false),
        ] {
            assert_eq!(range.contains(address.parse().unwrap()), inside, "{address}");
        }
    }
}
