//! API keys as they are shown and asked for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{KeyId, Timestamp, UserId};

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ApiKey {
    pub id: KeyId,
    pub name: String,
    /// Whose rights it has, within its scopes.
    pub user_id: UserId,
    /// The first characters, to tell keys apart.
    pub prefix: String,
    /// Names of actions (`agents:read`) and ids of agents.
    pub scopes: Vec<String>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// To the nearest five minutes.
    pub last_used_at: Option<Timestamp>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKeyRequest {
    pub name: String,
    /// Names of actions such as `agents:read`, or ids of agents, which the key may then see and run.
    pub scopes: Vec<String>,
    /// In 90 days where it is left out; in a year at most.
    pub expires_at: Option<Timestamp>,
}

/// A key at the one moment when its secret can be seen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct NewKey {
    #[serde(flatten)]
    pub key: ApiKey,
    /// The key itself. Shown once.
    pub secret: String,
}
