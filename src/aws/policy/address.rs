//! The addresses of a client, as IAM takes them: single ones and networks, of both families.

use crate::{error::IssueError, network::Network};
use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use core::net::{Ipv4Addr, Ipv6Addr};

/// The values of `aws:SourceIp` that stand for one address, a network `a/n`, or a range `a-b` of IPv4 addresses, which
/// becomes the fewest networks that are it.
pub(super) fn source_ips(text: &str) -> Result<Vec<String>, IssueError> {
    read(text).ok_or(IssueError::Invalid {
        what: "client address",
        why: "it must be one address, a network `a/n` of less than all whose address ends with its prefix, or an ascending \
              range `a-b` of IPv4 addresses",
    })
}

fn read(text: &str) -> Option<Vec<String>> {
    if text.contains(':') {
        return version_6(text).map(|network| vec![network]);
    }
    if let Some((first, last)) = text.split_once('-') {
        let (first, last): (Ipv4Addr, Ipv4Addr) = (first.parse().ok()?, last.parse().ok()?);
        return Some(networks(first.to_bits(), last.to_bits()))
            .filter(|_| first < last && text != "0.0.0.0-255.255.255.255");
    }
    let network: Network = text.parse().ok()?;
    (network.prefix_length() > 0).then(|| vec![network.to_string()])
}

/// An IPv6 address or network, in one spelling. IPv4 in the clothes of IPv6 would match no client.
fn version_6(text: &str) -> Option<String> {
    let (address, length) = text.split_once('/').unwrap_or((text, "128"));
    let address: Ipv6Addr = address.parse().ok()?;
    let plain = length.bytes().all(|byte| byte.is_ascii_digit()) && !length.starts_with('0');
    let length: u32 = length.parse().ok().filter(|length| plain && *length <= 128)?;
    let beyond = u128::MAX.checked_shr(length).unwrap_or(0);
    (address.to_bits() & beyond == 0 && address.to_ipv4_mapped().is_none()).then(|| format!("{address}/{length}"))
}

/// The networks from one address to another: each time the largest that begins where the one before ended.
fn networks(first: u32, last: u32) -> Vec<String> {
    let mut networks = Vec::new();
    let (mut next, last) = (u64::from(first), u64::from(last));
    while next <= last {
        let aligned = if next == 0 { 32 } else { next.trailing_zeros().min(32) };
        let bits = aligned.min((last - next + 1).ilog2());
        let start = u32::try_from(next).unwrap_or(u32::MAX);
        networks.push(format!("{}/{}", Ipv4Addr::from_bits(start), 32 - bits));
        next += 1 << bits;
    }
    networks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_read_in_one_spelling() {
        for (text, written) in [
            ("198.51.100.7", "198.51.100.7/32"),
            ("198.51.100.0/24", "198.51.100.0/24"),
            ("198.51.100.0-198.51.100.255", "198.51.100.0/24"),
            ("10.0.0.1-10.0.0.6", "10.0.0.1/32 10.0.0.2/31 10.0.0.4/31 10.0.0.6/32"),
            ("255.255.255.254-255.255.255.255", "255.255.255.254/31"),
            ("2001:DB8:0::1", "2001:db8::1/128"),
            ("2001:db8::/32", "2001:db8::/32"),
        ] {
            assert_eq!(source_ips(text).unwrap().join(" "), written);
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
            assert!(source_ips(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_networks_of_a_range_are_the_range(a: u32, b: u32, probe: u32, near in -2i32..=2) {
            let (first, last) = (a.min(b), a.max(b));
            prop_assume!(first < last && (first, last) != (0, u32::MAX));
            let text = format!("{}-{}", Ipv4Addr::from_bits(first), Ipv4Addr::from_bits(last));
            let networks: Vec<Network> = source_ips(&text).unwrap().iter().map(|text| text.parse().unwrap()).collect();
            prop_assert!(networks.len() <= 62);
            for probe in [probe, first.wrapping_add_signed(near), last.wrapping_add_signed(near)] {
                let found = networks.iter().filter(|network| network.contains(Ipv4Addr::from_bits(probe).into())).count();
                prop_assert_eq!(found, usize::from((first..=last).contains(&probe)));
            }
        }
    }
}
