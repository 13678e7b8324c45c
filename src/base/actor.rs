//! Who does something, and from where: what audit, executions and logs write down.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KeyId, RequestId, UserId};

/// The one who acts. Its text form (`usr_…`, `key_…`, `system:scheduler`, `anonymous`) is what answers show.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Actor {
    /// A person who is logged in.
    User { user_id: UserId },
    /// A program that holds an API key of a person.
    Key { key_id: KeyId, user_id: UserId },
    /// A part of the program itself.
    System { part: String },
    /// Nobody we know (a refused log-in).
    Anonymous,
}

impl Actor {
    pub fn system(part: &str) -> Self {
        Self::System { part: part.to_owned() }
    }

    pub fn user_id(&self) -> Option<UserId> {
        match self {
            Self::User { user_id } | Self::Key { user_id, .. } => Some(*user_id),
            Self::System { .. } | Self::Anonymous => None,
        }
    }
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User { user_id } => user_id.fmt(f),
            Self::Key { key_id, .. } => key_id.fmt(f),
            Self::System { part } => write!(f, "system:{part}"),
            Self::Anonymous => f.write_str("anonymous"),
        }
    }
}

/// The request behind an act: kept with the audit entry so that a log line and an entry can be joined.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub request_id: Option<RequestId>,
    pub address: Option<IpAddr>,
    /// W3C trace context that the caller sent, for the calls that follow from it.
    #[serde(default)]
    pub traceparent: Option<String>,
}
