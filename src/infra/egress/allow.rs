//! What the operator opens: `127.0.0.1:5678`, `10.0.0.0/8:443`, `ollama.internal:11434`, `[::1]:8080`.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::address::{Class, class_of};
use crate::base::Error;

/// One entry of `[egress] allow`. Always for one port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowRule {
    /// Opens this very address, whatever it is; nothing opens what belongs to no host.
    Exact(SocketAddr),
    /// Opens the private addresses in the range: not loopback, link-local or metadata.
    Range { network: IpNet, port: u16 },
    /// Opens the private addresses that this name points to, when it is called by this name.
    Name { name: Box<str>, port: u16 },
}

impl AllowRule {
    pub fn port(&self) -> u16 {
        match self {
            Self::Exact(address) => address.port(),
            Self::Range { port, .. } | Self::Name { port, .. } => *port,
        }
    }

    /// Whether this rule opens `address`, reached under `name` where it was not written as an address.
    pub(super) fn opens(&self, name: Option<&str>, address: SocketAddr, class: Class) -> bool {
        match self {
            Self::Exact(exact) => exact.ip() == address.ip() && exact.port() == address.port(),
            Self::Range { network, port } => {
                *port == address.port() && class.may_open_broadly() && network.contains(&address.ip())
            }
            Self::Name { name: own, port } => {
                *port == address.port() && class.may_open_broadly() && name == Some(own)
            }
        }
    }
}

const FORMS: &str =
    "an entry is \"127.0.0.1:5678\", \"[::1]:5678\", \"10.0.0.0/8:443\" or \"ollama.internal:11434\"";

impl FromStr for AllowRule {
    type Err = Error;

    /// Errors: `ValidationFailed` with what would be right.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |why: &str| Error::invalid(format!("\"{text}\" {why}; {FORMS}"));
        let (place, port) = text.rsplit_once(':').ok_or_else(|| wrong("names no port"))?;
        let port = port.parse::<u16>().ok().filter(|it| *it != 0);
        let port = port.ok_or_else(|| wrong("does not end in a port from 1 to 65535"))?;
        let bare = place.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        if place.contains('/') {
            let network = bare.unwrap_or(place).parse::<IpNet>();
            return range(network.map_err(|_| wrong("is not a network"))?, port).map_err(|it| wrong(&it));
        }
        if let Ok(address) = bare.unwrap_or(place).parse::<IpAddr>() {
            if address.is_ipv6() && bare.is_none() {
                return Err(wrong("has an IPv6 address without brackets"));
            }
            if class_of(address) == Class::Nobody {
                return Err(wrong("belongs to no host"));
            }
            return Ok(Self::Exact(SocketAddr::new(address, port)));
        }
        name(place, port).map_err(wrong)
    }
}

fn range(network: IpNet, port: u16) -> Result<AllowRule, String> {
    let network = network.trunc();
    if network.prefix_len() == network.max_prefix_len() {
        return Ok(AllowRule::Exact(SocketAddr::new(network.addr(), port)));
    }
    let class = class_of(network.addr());
    if network.prefix_len() >= 8 && matches!(class, Class::Loopback | Class::LinkLocal | Class::Nobody) {
        return Err(format!("is a range of {}s, which are opened one address at a time", short(class)));
    }
    Ok(AllowRule::Range { network, port })
}

fn short(class: Class) -> &'static str {
    class
        .noun()
        .trim_start_matches("an ")
        .trim_start_matches("a ")
        .trim_end_matches(" that belongs to no host")
}

fn name(place: &str, port: u16) -> Result<AllowRule, &'static str> {
    // The one parser of host names in this program decides what a name is, so that a rule and an address agree.
    let host = url::Host::parse(place).map_err(|_| "is not a host name")?;
    let url::Host::Domain(name) = host else { return Err("spells an address in an unusual way") };
    let name = name.trim_end_matches('.');
    if name == "localhost" || name.ends_with(".localhost") {
        return Err("is a loopback name, which is opened by its address (\"127.0.0.1:5678\")");
    }
    if name.is_empty() || name.contains('*') {
        return Err("is not one host name");
    }
    Ok(AllowRule::Name { name: name.into(), port })
}

impl fmt::Display for AllowRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(address) => address.fmt(f),
            Self::Range { network, port } => write!(f, "{network}:{port}"),
            Self::Name { name, port } => write!(f, "{name}:{port}"),
        }
    }
}

impl Serialize for AllowRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AllowRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_round_trip() {
        for text in [
            "127.0.0.1:5678",
            "10.0.0.0/8:443",
            "ollama.internal:11434",
            "[::1]:80",
            "fd00::/8:443",
            "n8n:5678",
        ] {
            let rule: AllowRule = text.parse().expect(text);
            assert_eq!(rule.to_string(), text);
        }
        for (text, same) in [
            ("10.1.2.3/8:443", "10.0.0.0/8:443"),
            ("[fd00::/8]:443", "fd00::/8:443"),
            ("Ollama.Internal.:1", "ollama.internal:1"),
            ("127.0.0.1/32:80", "127.0.0.1:80"),
        ] {
            assert_eq!(text.parse::<AllowRule>().expect(text).to_string(), same);
        }
    }

    #[test]
    fn wrong_entries_say_what_would_be_right() {
        for (text, part) in [
            ("127.0.0.1", "names no port"),
            ("127.0.0.1:0", "port from 1 to 65535"),
            ("127.0.0.1:*", "port from 1 to 65535"),
            ("127.0.0.0/8:80", "one address at a time"),
            ("169.254.0.0/16:80", "one address at a time"),
            ("fe80::/10:80", "one address at a time"),
            ("::1:80", "without brackets"),
            ("localhost:80", "by its address"),
            ("0x7f.1:80", "unusual way"),
            ("*.corp:80", "not one host name"),
            ("0.0.0.0:80", "belongs to no host"),
            ("10.0.0.0/40:80", "not a network"),
            ("http://x:80", "not a network"),
        ] {
            let error = text.parse::<AllowRule>().expect_err(text);
            assert!(error.message().contains(part), "{text}: {error}");
            assert!(error.message().contains("an entry is"), "{text}: {error}");
        }
    }

    #[test]
    fn a_wide_range_still_does_not_open_loopback() {
        let rule: AllowRule = "0.0.0.0/0:80".parse().expect("a range");
        for (address, opens) in [
            ("127.0.0.1:80", false),
            ("169.254.169.254:80", false),
            ("10.0.0.1:80", true),
            ("10.0.0.1:81", false),
        ] {
            let address: SocketAddr = address.parse().expect("an address");
            assert_eq!(rule.opens(None, address, class_of(address.ip())), opens, "{address}");
        }
    }
}
