//! Sessions: log-ins of a browser or of a program.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{OrgId, SessionId, Timestamp};
use crate::infra::Secret;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionKind {
    /// A cookie.
    Browser,
    /// An access token, and a refresh token that rotates.
    Token,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Session {
    pub id: SessionId,
    pub kind: SessionKind,
    pub org_id: OrgId,
    /// Whether this call was made with it.
    pub current: bool,
    pub created_at: Timestamp,
    /// To within a twenty-fourth of the idle limit.
    pub seen_at: Timestamp,
    pub expires_at: Timestamp,
    /// Where it was opened from.
    pub address: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TokenPair {
    /// Send it as `Authorization: Bearer …`.
    pub access_token: String,
    pub token_type: String,
    /// Seconds until the access token ends.
    pub expires_in: u64,
    /// For `POST /api/auth/refresh-token`; each is good once.
    pub refresh_token: String,
}

/// What a session is carried by.
pub enum Opened {
    /// Value of the session cookie.
    Browser(Secret),
    Tokens(TokenPair),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    pub refresh_token: Secret,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchRequest {
    pub org_id: OrgId,
}
