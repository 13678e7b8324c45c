//! Hosts that a credential may be sent to: `api.example.com`, `*.example.com`, an address.

use url::Host;

use crate::base::Invalid;

const MAX_HOSTS: usize = 50;

/// The patterns as hosts are compared, each once; what is wrong goes to `wrong`.
pub(super) fn normal(given: &[String], wrong: &mut Vec<Invalid>) -> Vec<String> {
    if given.len() > MAX_HOSTS {
        let message = format!("at most {MAX_HOSTS} hosts");
        wrong.push(Invalid { path: "/allowed_hosts".into(), message });
        return Vec::new();
    }
    let mut hosts: Vec<String> = Vec::with_capacity(given.len());
    for (at, text) in given.iter().enumerate() {
        match pattern(text) {
            Some(host) if hosts.contains(&host) => {}
            Some(host) => hosts.push(host),
            None => wrong.push(Invalid {
                path: format!("/allowed_hosts/{at}"),
                message: "a host is written as in api.example.com or *.example.com, without scheme and port"
                    .into(),
            }),
        }
    }
    hosts
}

fn pattern(text: &str) -> Option<String> {
    let text = text.trim();
    match text.strip_prefix("*.") {
        Some(parent) => match Host::parse(parent).ok()? {
            Host::Domain(name) if name.contains('.') && is_name(&name) => Some(format!("*.{name}")),
            _ => None,
        },
        None => match Host::parse(text).ok()? {
            Host::Domain(name) => is_name(&name).then_some(name),
            Host::Ipv4(address) => Some(address.to_string()),
            Host::Ipv6(address) => Some(address.to_string()),
        },
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.trim_end_matches('.').split('.').all(|label| {
            !label.is_empty()
                && label.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_'))
        })
}

/// Whether every host that `new` lets in was let in by `old` too. Empty lets every host in.
pub(super) fn narrows(old: &[String], new: &[String]) -> bool {
    if old.is_empty() {
        return true;
    }
    let covered = |host: &String| {
        old.iter().any(|it| {
            it == host
                || it.strip_prefix('*').is_some_and(|tail| host.ends_with(tail) && host.len() > tail.len())
        })
    };
    !new.is_empty() && new.iter().all(covered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_hosts_and_nothing_else() {
        for (text, expected) in [
            ("API.Example.com", Some("api.example.com")),
            ("*.example.com", Some("*.example.com")),
            ("127.1", Some("127.0.0.1")),
            ("[::1]", Some("::1")),
            ("localhost", Some("localhost")),
            ("*.com", None),
            ("*", None),
            ("", None),
            ("https://a.b", None),
            ("a.b:80", None),
            ("a.b/c", None),
            ("a.*.b", None),
            ("*.*.b.c", None),
            ("*.127.0.0.1", None),
        ] {
            assert_eq!(pattern(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn fewer_hosts_narrow_and_more_do_not() {
        let list = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for (old, new, expected) in [
            ("", "", true),
            ("", "a.b", true),
            ("a.b", "", false),
            ("a.b c.d", "c.d", true),
            ("a.b", "a.b c.d", false),
            ("*.b.c", "a.b.c", true),
            ("*.b.c", "*.a.b.c", true),
            ("*.b.c", "b.c", false),
            ("a.b.c", "*.b.c", false),
            ("*.b.c", "evilb.c", false),
        ] {
            assert_eq!(narrows(&list(old), &list(new)), expected, "{old} -> {new}");
        }
    }
}
