//! What an address is: reachable by everyone, or one of the many kinds that an outsider must not make us call.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Judged by exclusion: `Public` is global unicast minus every range with a special meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Public,
    /// Private networks: RFC 1918, carrier-grade NAT, IPv6 unique local, site local.
    Private,
    /// Documentation, benchmarking, protocol assignments, reserved for the future.
    Reserved,
    Loopback,
    LinkLocal,
    /// Where clouds hand out a machine's own credentials.
    Metadata,
    /// An IPv6 address with an IPv4 address inside (mapped, compatible, translated, NAT64, 6to4, Teredo).
    Embedded(Option<Ipv4Addr>),
    /// Nobody's address: unspecified, multicast, broadcast. Never opened, by no rule.
    Nobody,
}

impl Class {
    /// Whether a range or a name may open it. The others take the exact address and port.
    pub(super) fn may_open_broadly(self) -> bool {
        match self {
            Self::Private | Self::Reserved => true,
            Self::Embedded(Some(inner)) => class_of_v4(inner) == Self::Public,
            _ => false,
        }
    }

    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Public => "a public address",
            Self::Private => "a private address",
            Self::Reserved => "a reserved address",
            Self::Loopback => "a loopback address",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "a cloud metadata address",
            Self::Embedded(_) => "an IPv6 address with an IPv4 address inside",
            Self::Nobody => "an address that belongs to no host",
        }
    }
}

/// Clouds' metadata addresses outside the link-local ranges.
const METADATA_V4: [Ipv4Addr; 4] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
];
const METADATA_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];

pub fn class_of(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(address) => class_of_v4(address),
        IpAddr::V6(address) => class_of_v6(address),
    }
}

fn class_of_v4(address: Ipv4Addr) -> Class {
    if METADATA_V4.contains(&address) {
        return Class::Metadata;
    }
    match address.octets() {
        [0, ..] | [224..=239, ..] | [255, 255, 255, 255] => Class::Nobody,
        [127, ..] => Class::Loopback,
        [169, 254, ..] => Class::LinkLocal,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Class::Private,
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 18 | 19, ..] => Class::Reserved,
        [198, 51, 100, _] | [203, 0, 113, _] | [240..=255, ..] => Class::Reserved,
        _ => Class::Public,
    }
}

fn class_of_v6(address: Ipv6Addr) -> Class {
    if METADATA_V6.contains(&address) {
        return Class::Metadata;
    }
    let [a, b, c, d, e, f, g, h] = address.segments();
    let low = Some(v4(g, h));
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0) if (g, h) == (0, 0) => Class::Nobody,
        (0, 0, 0, 0, 0, 0) if (g, h) == (0, 1) => Class::Loopback,
        // Compatible ::/96, mapped ::ffff:0:0/96, translated ::ffff:0:0:0/96.
        (0, 0, 0, 0, 0, 0 | 0xffff) | (0, 0, 0, 0, 0xffff, 0) => Class::Embedded(low),
        // NAT64: well-known and local-use prefixes.
        (0x64, 0xff9b, 0, 0, 0, 0) => Class::Embedded(low),
        (0x64, 0xff9b, 1, ..) => Class::Embedded(None),
        (0x2002, ..) => Class::Embedded(Some(v4(b, c))),
        // Teredo keeps the client's address inverted, and the server's in clear.
        (0x2001, 0, ..) => Class::Embedded(None),
        (0x2001, 0x1..=0x1ff | 0xdb8, ..) => Class::Reserved,
        (0x3fff, 0..=0xfff, ..) | (0x5f00, ..) | (0x100, 0, 0, _, _, _) => Class::Reserved,
        (0xfc00..=0xfdff, ..) | (0xfec0..=0xfeff, ..) => Class::Private,
        (0xfe80..=0xfebf, ..) => Class::LinkLocal,
        (0xff00..=0xffff, ..) => Class::Nobody,
        // ISATAP: the interface part 0:5efe or 200:5efe with an IPv4 address behind it.
        (0x2000..=0x3fff, _, _, _, 0 | 0x200, 0x5efe) => Class::Embedded(low),
        (0x2000..=0x3fff, ..) => Class::Public,
        _ => Class::Reserved,
    }
}

fn v4(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_has_its_class() {
        let check = |text: &str, class: Class| {
            assert_eq!(class_of(text.parse().expect("an address")), class, "{text}");
        };
        for public in
            ["1.1.1.1", "8.8.8.8", "172.15.0.1", "172.32.0.1", "2606:4700::1111", "192.0.1.1", "100.128.0.1"]
        {
            check(public, Class::Public);
        }
        for private in [
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "fc00::1",
            "fdff::",
            "fec0::1",
        ] {
            check(private, Class::Private);
        }
        for reserved in [
            "198.18.0.1",
            "198.19.9.9",
            "192.0.2.1",
            "203.0.113.9",
            "198.51.100.1",
            "240.0.0.1",
            "2001:db8::1",
            "3fff::1",
            "4000::1",
            "100::1",
        ] {
            check(reserved, Class::Reserved);
        }
        for nobody in ["0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "::", "ff02::1"] {
            check(nobody, Class::Nobody);
        }
        for metadata in
            ["169.254.169.254", "192.0.0.192", "100.100.100.200", "168.63.129.16", "fd00:ec2::254"]
        {
            check(metadata, Class::Metadata);
        }
        check("127.1.2.3", Class::Loopback);
        check("::1", Class::Loopback);
        check("169.254.1.1", Class::LinkLocal);
        check("fe80::1", Class::LinkLocal);
        let loopback = Some(Ipv4Addr::LOCALHOST);
        for embedded in
            ["::ffff:127.0.0.1", "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"]
        {
            check(embedded, Class::Embedded(loopback));
        }
        check("64:ff9b:1::7f00:1", Class::Embedded(None));
        check("2001:0:7f00:1::", Class::Embedded(None));
    }

    #[test]
    fn only_plain_inner_networks_open_broadly() {
        for (text, broadly) in [
            ("10.1.2.3", true),
            ("fd12::1", true),
            ("127.0.0.1", false),
            ("169.254.169.254", false),
            ("64:ff9b::808:808", true),
            ("64:ff9b::a00:1", false),
            ("::1", false),
            ("224.0.0.1", false),
        ] {
            assert_eq!(class_of(text.parse().expect("an address")).may_open_broadly(), broadly, "{text}");
        }
    }
}
