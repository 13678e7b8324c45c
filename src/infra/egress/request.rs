//! What goes out, and on whose account.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::room::Seat;
use crate::base::{AgentId, OrgId};
use crate::infra::Secret;

pub const MAX_REDIRECTS: u8 = 3;

/// On whose account the traffic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    pub org: OrgId,
    pub agent: Option<AgentId>,
    /// A word for the ledger: `execution`, `probe`, `webhook`.
    pub purpose: &'static str,
}

pub struct Request {
    pub method: Method,
    pub url: Url,
    /// `Host`, `Content-Length`, `Accept-Encoding` and hop-by-hop headers are set here, whatever stands in it.
    pub headers: HeaderMap,
    pub secrets: Vec<SecretHeader>,
    pub body: Bytes,
    pub limits: CallLimits,
    /// Redirects to follow, at most `MAX_REDIRECTS`; with 0 the 3xx itself is the answer.
    pub redirects: u8,
    /// Ends the call when cancelled, also while the answer streams.
    pub stop: Option<CancellationToken>,
    /// Keeps the memory of a large answer taken after it was read, for what is made of it.
    pub seat: Option<Arc<Seat>>,
}

/// A header with a secret in it, put in when the request leaves and only for hosts that may see it.
pub struct SecretHeader {
    pub name: HeaderName,
    pub value: Secret,
    /// `api.example.com`, `*.example.com`; empty: wherever the request goes. A redirect to another origin
    /// never carries it.
    pub allowed_hosts: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLimits {
    /// For the whole call, name resolution to last byte.
    pub timeout: Duration,
    /// Of an answer; the setting for all calls may allow less.
    pub max_body_bytes: u64,
    /// Connections that fail before anything is sent are tried again this often, as the host's budget allows.
    pub connect_retries: u8,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(30), max_body_bytes: u64::MAX, connect_retries: 1 }
    }
}

impl Request {
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            secrets: Vec::new(),
            body: Bytes::new(),
            limits: CallLimits::default(),
            redirects: 0,
            stop: None,
            seat: None,
        }
    }

    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    pub fn post(url: Url, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..Self::new(Method::POST, url) }
    }
}

impl SecretHeader {
    /// Whether the secret may be sent to `host` (lower case, as the URL parser leaves it).
    pub(super) fn may_go_to(&self, host: &str) -> bool {
        self.allowed_hosts.is_empty() || self.allowed_hosts.iter().any(|it| host_matches(it, host))
    }
}

/// `*.example.com` stands for every name below `example.com`, not for itself.
fn host_matches(pattern: &str, host: &str) -> bool {
    let host = host.trim_end_matches('.');
    match pattern.strip_prefix("*.") {
        Some(parent) => {
            let split = host.len().checked_sub(parent.len());
            split.is_some_and(|at| {
                at >= 2
                    && host.is_char_boundary(at)
                    && host[at..].eq_ignore_ascii_case(parent)
                    && host[..at].ends_with('.')
            })
        }
        None => host.eq_ignore_ascii_case(pattern.trim_end_matches('.')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_names_below_it() {
        for (pattern, host, matches) in [
            ("api.example.com", "api.example.com", true),
            ("api.example.com", "api.example.com.", true),
            ("API.example.com", "api.example.com", true),
            ("api.example.com", "evil-api.example.com", false),
            ("*.example.com", "api.example.com", true),
            ("*.example.com", "a.b.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "evilexample.com", false),
            ("*.example.com", ".example.com", false),
        ] {
            assert_eq!(host_matches(pattern, host), matches, "{pattern} {host}");
        }
    }
}
