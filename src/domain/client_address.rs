//! Where a request comes from, as far as limits tell one place from another.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// The address that limits count by. Two that are equal count as one.
///
/// An IPv4 address is taken whole, an IPv6 address by its first 64 bits: whoever has one IPv6 address usually
/// has the whole network of them to choose from (RFC 6177, RFC 4291 section 2.5.4). Its `Debug` shows
/// nothing, since addresses are not for the log.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(IpAddr);

impl ClientAddress {
    /// The place that this address counts for. IPv4 in IPv6's clothes (`::ffff:192.0.2.1`) is IPv4.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        })
    }
}

impl fmt::Debug for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientAddress(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> ClientAddress {
        ClientAddress::of(text.parse().unwrap())
    }

    #[test]
    fn a_network_of_ipv6_is_one_place_and_each_address_of_ipv4_is() {
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }

    #[test]
    fn it_does_not_show_in_a_log() {
        assert!(!format!("{:?}", of("192.0.2.1")).contains("192"));
    }
}
