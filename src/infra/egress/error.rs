//! Why a call did not come back with an answer.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::address::Class;
use crate::base::{Code, Error};

/// What the guard objects to. Sentences name what the caller wrote, never the address that a name led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denial {
    /// Not a URL, or one that parsers read differently.
    Url(&'static str),
    Scheme,
    UserInfo,
    /// `by_name`: the caller wrote a name, which led to such an address.
    Address {
        class: Class,
        by_name: bool,
    },
    PrivateName,
    /// Our own listening address.
    Ourselves,
    /// The credential may not be sent to this host.
    SecretHost,
    /// A redirect from https to http.
    Downgrade,
    /// The connection ended at an address other than the one that was dialled.
    Peer,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Denied(Denial),
    Resolve,
    Connect,
    Tls,
    Timeout,
    /// Head or body beyond its limit.
    TooLarge,
    /// Failed too often lately; `retry_after` until the next attempt is let through.
    BreakerOpen {
        retry_after: Duration,
    },
    /// The far end does not speak HTTP as it should, or cut the answer off.
    Protocol,
    Cancelled,
}

#[derive(Debug, Clone)]
pub struct EgressError {
    pub kind: Kind,
    /// One sentence for the person who made the call.
    pub message: String,
    /// Where we were connected, or were about to connect; for the ledger.
    pub(super) address: Option<IpAddr>,
}

impl EgressError {
    pub(super) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), address: None }
    }

    pub(super) fn denied(denial: Denial, host: &str, port: u16) -> Self {
        let message = denial.sentence(host, port);
        Self::new(Kind::Denied(denial), message)
    }

    pub(super) fn at(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    pub fn denial(&self) -> Option<&Denial> {
        match &self.kind {
            Kind::Denied(denial) => Some(denial),
            _ => None,
        }
    }

    pub fn is_denied(&self) -> bool {
        self.denial().is_some()
    }

    /// Whether the same call may succeed later.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self.kind,
            Kind::Resolve | Kind::Connect | Kind::Timeout | Kind::BreakerOpen { .. } | Kind::Protocol
        )
    }

    /// Whether it says something about the far end's health.
    pub(super) fn counts_against_host(&self) -> bool {
        matches!(self.kind, Kind::Resolve | Kind::Connect | Kind::Tls | Kind::Timeout | Kind::Protocol)
    }
}

impl Denial {
    fn sentence(&self, host: &str, port: u16) -> String {
        let bracketed =
            if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
        match self {
            Self::Url(why) => format!("this address is not usable: {why}"),
            Self::Scheme => "an address begins with http:// or https://".to_owned(),
            Self::UserInfo => "an address carries no user name or password; use a credential".to_owned(),
            Self::Address { class, by_name } => {
                let verb = if *by_name { "leads to" } else { "is" };
                let what = class.noun();
                let opened = match class {
                    Class::Nobody => return format!("{host} {verb} {what}"),
                    _ if *by_name && !class.may_open_broadly() => {
                        format!(
                            "the operator opens it by its address and port in [egress] allow, as in \"127.0.0.1:{port}\""
                        )
                    }
                    _ => format!("the operator opens it with [egress] allow = [\"{bracketed}:{port}\"]"),
                };
                format!("{host} {verb} {what}, which is closed; {opened}")
            }
            Self::PrivateName => format!(
                "{host} is a name of a private network, which is closed; the operator opens it with [egress] allow = [\"{host}:{port}\"]"
            ),
            Self::Ourselves => format!("{host}:{port} is this server itself"),
            Self::SecretHost => {
                format!("the credential may not be sent to {host}; its allowed hosts say where it may go")
            }
            Self::Downgrade => format!("the redirect to {host} leaves https for http"),
            Self::Peer => format!("the connection to {host} ended somewhere else"),
        }
    }

    /// One word for logs and the ledger.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Url(_) => "url",
            Self::Scheme => "scheme",
            Self::UserInfo => "user_info",
            Self::Address { class, .. } => match class {
                Class::Public => "public",
                Class::Private => "private",
                Class::Reserved => "reserved",
                Class::Loopback => "loopback",
                Class::LinkLocal => "link_local",
                Class::Metadata => "metadata",
                Class::Embedded(_) => "embedded",
                Class::Nobody => "nobody",
            },
            Self::PrivateName => "private_name",
            Self::Ourselves => "ourselves",
            Self::SecretHost => "secret_host",
            Self::Downgrade => "downgrade",
            Self::Peer => "peer",
        }
    }
}

impl fmt::Display for EgressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for EgressError {}

impl From<EgressError> for Error {
    fn from(error: EgressError) -> Self {
        let code = match error.kind {
            Kind::Denied(_) => Code::EgressDenied,
            Kind::Timeout => Code::ExecutionTimeout,
            Kind::Cancelled => Code::ExecutionCancelled,
            _ => Code::ExecutionFailed,
        };
        let retry_after = match error.kind {
            Kind::BreakerOpen { retry_after } => u64::try_from(retry_after.as_millis()).ok(),
            _ => None,
        };
        let plain = Error::new(code, error.message);
        retry_after.into_iter().fold(plain, Error::retry_after)
    }
}
