//! Addresses from one to another, of either family, as a caller writes them.

use super::Network;
#[cfg(feature = "aws")]
use alloc::{string::String, vec::Vec};
use core::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// All addresses of one family from one to another, both included; never all of a family.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AddressRange {
    is_v6: bool,
    first: u128,
    last: u128,
}

impl AddressRange {
    /// How an address is written, for errors.
    pub(crate) const FORM: &'static str = "it must be one address, a network `a/n` of less than all whose address ends with its \
                                           prefix, or an ascending range `a-b` of IPv4 addresses";

    /// Reads one address, a network `a/n`, or a range `a-b` of IPv4 addresses.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.contains(':') {
            return Self::version_6(text);
        }
        if let Some((first, last)) = text.split_once('-') {
            let (first, last): (Ipv4Addr, Ipv4Addr) = (first.parse().ok()?, last.parse().ok()?);
            let range = Self::version_4(first, last);
            return Some(range).filter(|_| first < last && (range.first, range.last) != (0, u128::from(u32::MAX)));
        }
        let network: Network = text.parse().ok()?;
        (network.prefix_length() > 0).then(|| Self::version_4(network.first(), network.last()))
    }

    fn version_4(first: Ipv4Addr, last: Ipv4Addr) -> Self {
        Self { is_v6: false, first: first.to_bits().into(), last: last.to_bits().into() }
    }

    /// An IPv6 address or network. IPv4 in the clothes of IPv6 would match no client.
    fn version_6(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/').unwrap_or((text, "128"));
        let address: Ipv6Addr = address.parse().ok()?;
        let plain = length.bytes().all(|byte| byte.is_ascii_digit()) && !length.starts_with('0');
        let length: u32 = length.parse().ok().filter(|length| plain && *length <= 128)?;
        let beyond = u128::MAX.checked_shr(length).unwrap_or(0);
        let first = address.to_bits();
        let is_own = first & beyond == 0 && address.to_ipv4_mapped().is_none();
        // Its own bits and those beyond them have none in common.
        is_own.then_some(Self { is_v6: true, first, last: first.saturating_add(beyond) })
    }

    /// Whether every address of the other is in this one.
    pub(crate) const fn covers(&self, other: &Self) -> bool {
        self.is_v6 == other.is_v6 && self.first <= other.first && other.last <= self.last
    }

    /// The addresses that both have.
    pub(crate) fn meet(&self, other: &Self) -> Option<Self> {
        let both = Self { is_v6: self.is_v6, first: self.first.max(other.first), last: self.last.min(other.last) };
        (self.is_v6 == other.is_v6 && both.first <= both.last).then_some(both)
    }

    const fn width(self) -> u32 {
        if self.is_v6 { 128 } else { 32 }
    }

    fn address(self, bits: u128) -> IpAddr {
        if self.is_v6 {
            Ipv6Addr::from_bits(bits).into()
        } else {
            // INVARIANT: an IPv4 range holds no more than 32 bits.
            Ipv4Addr::from_bits(u32::try_from(bits).unwrap_or(u32::MAX)).into()
        }
    }

    /// The fewest networks `a/n` that are these addresses: each time the largest that begins where the one before ended.
    #[cfg(feature = "aws")]
    pub(crate) fn networks(self) -> Vec<String> {
        let mut networks = Vec::new();
        let mut next = Some(self.first);
        while let Some(start) = next.filter(|start| *start <= self.last) {
            // Less than a whole family, so that the number of addresses left fits.
            let left = (self.last - start).saturating_add(1);
            let bits = start.trailing_zeros().min(left.ilog2()).min(self.width());
            networks.push(alloc::format!("{}/{}", self.address(start), self.width() - bits));
            next = start.checked_add(1 << bits.min(127));
        }
        networks
    }
}

/// As it is read: an address, a network where it is one, or a range.
impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.address(self.first);
        if self.first == self.last {
            return write!(f, "{first}");
        }
        let host = self.first ^ self.last;
        let is_network = host & host.wrapping_add(1) == 0 && self.first & host == 0;
        if is_network {
            return write!(f, "{first}/{}", self.width() - (128 - host.leading_zeros()));
        }
        write!(f, "{first}-{}", self.address(self.last))
    }
}

impl fmt::Debug for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AddressRange({self})")
    }
}

#[cfg(all(test, feature = "aws"))]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_read_in_one_spelling() {
        for (text, shown, networks) in [
            ("198.51.100.7", "198.51.100.7", "198.51.100.7/32"),
            ("198.51.100.0/24", "198.51.100.0/24", "198.51.100.0/24"),
            ("198.51.100.0-198.51.100.255", "198.51.100.0/24", "198.51.100.0/24"),
            ("10.0.0.1-10.0.0.6", "10.0.0.1-10.0.0.6", "10.0.0.1/32 10.0.0.2/31 10.0.0.4/31 10.0.0.6/32"),
            ("10.0.0.2-10.0.0.5", "10.0.0.2-10.0.0.5", "10.0.0.2/31 10.0.0.4/31"),
            ("255.255.255.254-255.255.255.255", "255.255.255.254/31", "255.255.255.254/31"),
            ("0.0.0.0/1", "0.0.0.0/1", "0.0.0.0/1"),
            ("2001:DB8:0::1", "2001:db8::1", "2001:db8::1/128"),
            ("2001:db8::/32", "2001:db8::/32", "2001:db8::/32"),
            ("8000::/1", "8000::/1", "8000::/1"),
        ] {
            let range = AddressRange::parse(text).unwrap();
            assert_eq!((range.to_string().as_str(), range.networks().join(" ").as_str()), (shown, networks));
            assert_eq!(AddressRange::parse(shown), Some(range));
        }
        for text in [
            "",
            "*",
            "-",
            "0.0.0.0/0",
            "0.0.0.0-255.255.255.255",
            "::/0",
            "198.51.100.7/24",
            "198.51.100.9-198.51.100.7",
            "198.51.100.9-198.51.100.9",
            "198.51.100.0/24,10.0.0.0/8",
            "2001:db8::1/32",
            "2001:db8::/032",
            "2001:db8::/",
            "2001:db8::/129",
            "2001:db8::/+32",
            "2001:db8::1-2001:db8::9",
            "::ffff:198.51.100.7",
            "fe80::1%eth0",
            "example.com",
        ] {
            assert_eq!(AddressRange::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_two_ranges_have_in_common_is_of_one_family() {
        for (one, other, both) in [
            ("10.0.0.0/8", "10.2.0.0/16", Some("10.2.0.0/16")),
            ("10.0.0.1-10.0.0.5", "10.0.0.4-10.0.0.9", Some("10.0.0.4/31")),
            ("10.0.0.1-10.0.0.4", "10.0.0.4-10.0.0.9", Some("10.0.0.4")),
            ("10.0.0.1-10.0.0.3", "10.0.0.4-10.0.0.9", None),
            // The same bits in the other family.
            ("10.0.0.0/8", "::/96", None),
            ("2001:db8::/32", "2001:db8:1::/48", Some("2001:db8:1::/48")),
            ("2001:db8::/32", "2001:db9::/32", None),
        ] {
            let [one, other] = [one, other].map(|text| AddressRange::parse(text).unwrap());
            let shown = |range: Option<AddressRange>| range.map(|range| range.to_string());
            assert_eq!(shown(one.meet(&other)).as_deref(), both);
            assert_eq!(shown(other.meet(&one)).as_deref(), both);
        }
    }

    proptest! {
        #[test]
        fn the_networks_of_a_range_are_the_range(a: u32, b: u32, probe: u32, near in -2i32..=2) {
            let (first, last) = (a.min(b), a.max(b));
            prop_assume!(first < last && (first, last) != (0, u32::MAX));
            let text = alloc::format!("{}-{}", Ipv4Addr::from_bits(first), Ipv4Addr::from_bits(last));
            let networks: Vec<Network> =
                AddressRange::parse(&text).unwrap().networks().iter().map(|text| text.parse().unwrap()).collect();
            prop_assert!(networks.len() <= 62);
            for probe in [probe, first.wrapping_add_signed(near), last.wrapping_add_signed(near)] {
                let found = networks.iter().filter(|network| network.contains(Ipv4Addr::from_bits(probe).into())).count();
                prop_assert_eq!(found, usize::from((first..=last).contains(&probe)));
            }
        }

        #[test]
        fn what_is_shown_reads_back(a: u32, b: u32) {
            let (first, last) = (a.min(b), a.max(b));
            let range = AddressRange::version_4(Ipv4Addr::from_bits(first), Ipv4Addr::from_bits(last));
            prop_assume!((first, last) != (0, u32::MAX));
            prop_assert_eq!(AddressRange::parse(&range.to_string()), Some(range));
        }
    }
}
