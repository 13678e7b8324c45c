//! The rules in force: which addresses may be called, under which names.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use url::{Host, Url};

use super::address::{Class, class_of};
use super::allow::AllowRule;
use super::error::{Denial, EgressError};

#[derive(Debug, Default)]
pub(super) struct Policy {
    pub(super) rules: Vec<AllowRule>,
    pub(super) listeners: Vec<SocketAddr>,
}

impl Policy {
    /// What can be said before a name is looked up. Costs nothing, so every request goes through it, also one
    /// that a pooled connection will carry.
    pub(super) fn check_url(&self, url: &Url) -> Result<(), Denial> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Denial::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Denial::UserInfo);
        }
        let port = url.port_or_known_default().unwrap_or(0);
        match url.host() {
            Some(Host::Ipv4(ip)) => self.permit(None, SocketAddr::new(ip.into(), port)),
            Some(Host::Ipv6(ip)) => self.permit(None, SocketAddr::new(ip.into(), port)),
            Some(Host::Domain(name)) => self.check_name(name, port),
            None => Err(Denial::Url("it names no host")),
        }
    }

    fn check_name(&self, name: &str, port: u16) -> Result<(), Denial> {
        let name = bare(name);
        let usual = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.');
        if name.is_empty() || name.len() > 253 || !name.bytes().all(usual) {
            return Err(Denial::Url("its host is not a host name"));
        }
        if is_private_name(name) && !self.mentions_port(port) {
            return Err(Denial::PrivateName);
        }
        Ok(())
    }

    /// Whether a connection to `address` may be made. `name` is what the caller wrote where it was no address.
    pub(super) fn permit(&self, name: Option<&str>, address: SocketAddr) -> Result<(), Denial> {
        let (ip, class, by_name) = (address.ip(), class_of(address.ip()), name.is_some());
        let name = name.map(bare);
        if class == Class::Nobody {
            return Err(Denial::Address { class, by_name });
        }
        let opened = self.rules.iter().any(|it| it.opens(name, address, class));
        if !opened && class != Class::Public {
            return Err(Denial::Address { class, by_name });
        }
        let on_listener_port = self.listeners.iter().any(|it| it.port() == address.port());
        if (on_listener_port || !opened) && is_this_machine(ip) {
            if self.is_listener(address) {
                return Err(Denial::Ourselves);
            }
            if !opened {
                return Err(Denial::Address { class: Class::Loopback, by_name });
            }
        }
        Ok(())
    }

    /// `address` is known to be this machine's.
    fn is_listener(&self, address: SocketAddr) -> bool {
        self.listeners.iter().any(|it| {
            it.port() == address.port()
                && (it.ip().is_unspecified() || it.ip() == address.ip().to_canonical())
        })
    }

    /// Whether the operator opened anything at this port: only then are names of private networks looked up,
    /// and the resolver may complete them.
    pub(super) fn mentions_port(&self, port: u16) -> bool {
        self.rules.iter().any(|it| it.port() == port)
    }
}

/// A public address can be this machine's own, which is loopback by another name. Connecting a datagram socket
/// sends nothing; it only asks the kernel which source address it would use.
fn is_this_machine(ip: IpAddr) -> bool {
    if class_of(ip) == Class::Loopback {
        return true;
    }
    let any: SocketAddr = match ip {
        IpAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        IpAddr::V6(_) => ([0_u16; 8], 0).into(),
    };
    let source = UdpSocket::bind(any).and_then(|it| {
        it.connect((ip, 9))?;
        it.local_addr()
    });
    source.is_ok_and(|it| it.ip() == ip)
}

/// The name without the dot that makes it absolute.
fn bare(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// Names that mean something else in every network: never looked up unless the operator opened the port.
fn is_private_name(name: &str) -> bool {
    const SUFFIXES: [&str; 6] = [".localhost", ".local", ".internal", ".lan", ".home.arpa", ".localdomain"];
    !name.contains('.') || SUFFIXES.iter().any(|it| name.ends_with(it))
}

/// Reads an address from a person or a config, once; what comes back is passed on and never parsed again.
///
/// Errors: `Denied` for what is not http or https, carries a user name, or holds characters that parsers read
/// differently (backslash, white space, control characters).
pub fn parse_url(text: &str) -> Result<Url, EgressError> {
    let refuse = |denial| Err(EgressError::denied(denial, "", 0));
    if text.chars().any(|it| it == '\\' || it.is_whitespace() || it.is_control()) {
        return refuse(Denial::Url("it holds a backslash, a space or a control character"));
    }
    let Ok(url) = Url::parse(text) else {
        return refuse(Denial::Url("write it as in https://api.example.com/path"));
    };
    if !matches!(url.scheme(), "http" | "https") {
        return refuse(Denial::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse(Denial::UserInfo);
    }
    Ok(url)
}

/// Where an address leads (scheme, host and port), without what else stands in it: some write a token there. Empty
/// where it is no address.
pub fn origin_of(address: &str) -> String {
    Url::parse(address).map(|it| it.origin().ascii_serialization()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(rules: &[&str], listeners: &[&str]) -> Policy {
        Policy {
            rules: rules.iter().map(|it| it.parse().expect("a rule")).collect(),
            listeners: listeners.iter().map(|it| it.parse().expect("an address")).collect(),
        }
    }

    #[test]
    fn rules_open_exactly_what_they_say() {
        let policy =
            policy(&["127.0.0.1:5678", "10.0.0.0/8:443", "ollama.internal:11434", "169.254.169.254:80"], &[]);
        for (name, address, allowed) in [
            (None, "127.0.0.1:5678", true),
            (None, "127.0.0.1:5679", false),
            (None, "127.0.0.2:5678", false),
            (Some("localhost"), "127.0.0.1:5678", true),
            (Some("localhost"), "[::1]:5678", false),
            (None, "10.9.9.9:443", true),
            (None, "10.9.9.9:80", false),
            (Some("evil.com"), "10.9.9.9:443", true),
            (Some("ollama.internal"), "192.168.1.5:11434", true),
            (Some("ollama.internal."), "192.168.1.5:11434", true),
            (Some("other.internal"), "192.168.1.5:11434", false),
            (Some("ollama.internal"), "127.0.0.1:11434", false),
            (Some("ollama.internal"), "169.254.169.254:11434", false),
            (None, "169.254.169.254:80", true),
            (None, "[::ffff:10.9.9.9]:443", false),
            (None, "1.1.1.1:25", true),
        ] {
            assert_eq!(
                policy.permit(name, address.parse().expect("an address")).is_ok(),
                allowed,
                "{name:?} {address}"
            );
        }
    }

    #[test]
    fn our_own_listener_stays_closed_whatever_is_opened() {
        let address: SocketAddr = "127.0.0.1:8080".parse().expect("an address");
        for listener in ["127.0.0.1:8080", "0.0.0.0:8080", "[::]:8080"] {
            assert_eq!(
                policy(&["127.0.0.1:8080"], &[listener]).permit(None, address),
                Err(Denial::Ourselves)
            );
        }
        assert!(policy(&["127.0.0.1:8080"], &["127.0.0.1:9090"]).permit(None, address).is_ok());
    }
}
