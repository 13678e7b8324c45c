//! What counts as one address.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IPv4 address, or the 64 bits that one IPv6 subscriber has to himself. An IPv4 address in IPv6 clothes
/// counts as what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressBlock {
    V4(Ipv4Addr),
    V6Network(u64),
}

impl From<IpAddr> for AddressBlock {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6Network((u128::from(address) >> 64) as u64),
        }
    }
}

impl fmt::Display for AddressBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => address.fmt(f),
            Self::V6Network(network) => write!(f, "{}/64", Ipv6Addr::from(u128::from(*network) << 64)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_subscriber_are_one_block() {
        let block = |text: &str| AddressBlock::from(text.parse::<IpAddr>().expect("an address")).to_string();
        assert_eq!(block("2001:db8:1:2::1"), block("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(block("2001:db8:1:2::1"), block("2001:db8:1:3::1"));
        assert_eq!(block("::ffff:192.0.2.7"), "192.0.2.7");
        assert_ne!(block("192.0.2.7"), block("192.0.2.8"));
        assert_eq!(block("2001:db8:1:2::1"), "2001:db8:1:2::/64");
    }
}
