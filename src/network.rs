//! Networks of addresses, in the notation of RFC 4632: `203.0.113.0/24`.

mod range;

pub(crate) use self::range::AddressRange;

use core::{
    fmt,
    net::{IpAddr, Ipv4Addr},
};

/// An IPv4 network: an address and the length of its prefix.
///
/// ```
/// # #[cfg(feature = "aws")] {
/// use valet_key::aws::cloudfront::Network;
///
/// let network: Network = "203.0.113.0/24".parse()?;
/// assert!(network.contains("203.0.113.9".parse()?) && !network.contains("203.0.114.0".parse()?));
/// assert!(!network.contains("2001:db8::1".parse()?));
/// assert_eq!("203.0.113.7".parse::<Network>()?.to_string(), "203.0.113.7/32");
/// assert!("203.0.113.7/24".parse::<Network>().is_err()); // an address, or a network?
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    address: Ipv4Addr,
    length: u8,
}

/// The text is not an IPv4 address or network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it must be one IPv4 address `a`, or a network `a/n` whose address ends with its prefix")]
pub struct NotANetwork;

impl Network {
    pub(crate) const fn first(self) -> Ipv4Addr {
        self.address
    }

    pub(crate) const fn last(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.address.to_bits() | host_bits(self.length))
    }

    /// How many leading bits an address shares with it, 0 to 32.
    #[must_use]
    pub const fn prefix_length(self) -> u8 {
        self.length
    }

    /// Whether the address is in it. An IPv4 address that is written as IPv6 is the same address; no other IPv6
    /// address is in any network.
    #[must_use]
    pub const fn contains(self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                self.first().to_bits() <= address.to_bits() && address.to_bits() <= self.last().to_bits()
            }
            IpAddr::V6(_) => false,
        }
    }
}

const fn host_bits(length: u8) -> u32 {
    match u32::MAX.checked_shr(length as u32) {
        Some(bits) => bits,
        None => 0,
    }
}

impl core::str::FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, length) = text.split_once('/').unwrap_or((text, "32"));
        let address: Ipv4Addr = address.parse().map_err(|_| NotANetwork)?;
        let plain = (1..=2).contains(&length.len())
            && length.bytes().all(|byte| byte.is_ascii_digit())
            && (length.len() == 1 || !length.starts_with('0'));
        let length = length.parse().ok().filter(|length| plain && *length <= 32).ok_or(NotANetwork)?;
        // Bits behind the prefix say that somebody meant an address and not a network.
        if address.to_bits() & host_bits(length) == 0 { Ok(Self { address, length }) } else { Err(NotANetwork) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Network({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn networks_are_read_in_one_spelling() {
        for (text, written) in [
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("192.0.2.10", "192.0.2.10/32"),
            ("192.0.2.10/32", "192.0.2.10/32"),
            ("128.0.0.0/1", "128.0.0.0/1"),
        ] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), written);
        }
        for text in [
            "",
            "/",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            "10.0.0.0/-1",
            "10.0.0.0/8/8",
            "10.0.0.1/8",
            "10.0.0",
            "010.0.0.0/8",
            "2001:db8::/32",
            "::1",
            " 10.0.0.0/8",
            "10.0.0.0/8 ",
            "10.0.0.0/255.0.0.0",
            "*",
            "10.0.0.0-10.0.0.9",
            "0.0.0.1/0",
        ] {
            assert_eq!(text.parse::<Network>(), Err(NotANetwork), "{text}");
        }
    }

    #[test]
    fn a_network_ends_where_its_prefix_does() {
        let network: Network = "192.0.2.0/25".parse().unwrap();
        for (address, expected) in [
            ("192.0.1.255", false),
            ("192.0.2.0", true),
            ("192.0.2.127", true),
            ("192.0.2.128", false),
            ("::ffff:192.0.2.1", true),
            ("::192.0.2.1", false),
        ] {
            assert_eq!(network.contains(address.parse().unwrap()), expected, "{address}");
        }
        let all: Network = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains("255.255.255.255".parse().unwrap()) && !all.contains("2001:db8::1".parse().unwrap()));
        let one: Network = "192.0.2.1".parse().unwrap();
        assert!(one.contains("192.0.2.1".parse().unwrap()) && !one.contains("192.0.2.0".parse().unwrap()));
    }
}
