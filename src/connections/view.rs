//! What answers show of credentials.

use schemars::JsonSchema;
use serde::Serialize;

use super::holders::Holder;
use super::types::{Credential, Kind, Uses};
use crate::base::{CredentialId, Timestamp};

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Credential")]
pub struct CredentialView {
    pub id: CredentialId,
    pub name: String,
    pub kind: Kind,
    /// Names of the fields that the value has.
    pub fields: Vec<String>,
    /// Four characters of a keyed fingerprint: tell two values apart, and say nothing about either.
    pub hint: String,
    /// Counts the values that it has had.
    pub version: u32,
    pub expires_at: Option<Timestamp>,
    pub expired: bool,
    pub allowed_hosts: Vec<String>,
    /// Runs at work at once that use it; `null`: as many as there are.
    pub max_concurrency: Option<u32>,
    /// Times that the value was handed to a run or a probe.
    pub uses: u64,
    pub last_used_at: Option<Timestamp>,
    /// Agents whose current version or draft uses it, as far as the caller may see them.
    pub used_by: Vec<Holder>,
    /// All of them.
    pub used_by_count: usize,
    pub created_at: Timestamp,
    pub created_by: String,
    pub updated_at: Timestamp,
    /// When the present value came.
    pub rotated_at: Timestamp,
    /// Its tag.
    #[serde(skip)]
    pub(super) revision: u64,
}

impl CredentialView {
    pub(super) fn of(it: Credential, uses: Option<Uses>, holders: Vec<Holder>, now: Timestamp) -> Self {
        Self {
            id: it.id,
            expired: it.has_expired(now),
            name: it.name,
            kind: it.kind,
            fields: it.fields.into_keys().collect(),
            hint: it.hint,
            version: it.version,
            expires_at: it.expires_at,
            allowed_hosts: it.allowed_hosts,
            max_concurrency: it.max_concurrency,
            uses: uses.as_ref().map_or(0, |it| it.count),
            last_used_at: uses.map(|it| it.last_at),
            used_by_count: holders.len(),
            used_by: holders.into_iter().filter(|it| it.is_visible).collect(),
            created_at: it.created_at,
            created_by: it.created_by,
            updated_at: it.updated_at,
            rotated_at: it.rotated_at,
            revision: it.revision,
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct CredentialFilter {
    pub kind: Option<Kind>,
    /// A part of the name.
    pub q: Option<String>,
}

impl CredentialFilter {
    pub(super) fn keeps(&self, it: &Credential) -> bool {
        self.kind.is_none_or(|kind| kind == it.kind)
            && self.q.as_ref().is_none_or(|q| it.name.to_lowercase().contains(&q.to_lowercase()))
    }
}

/// What a look at a credential found, without sending it anywhere.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "CredentialValidation")]
pub struct Validation {
    pub ok: bool,
    pub checks: Vec<Finding>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "CredentialFinding")]
pub struct Finding {
    /// `opens`, `fits`, `current`.
    pub name: &'static str,
    pub ok: bool,
    pub detail: String,
}

/// Whether secrets can be used.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct VaultStatus {
    pub state: VaultState,
    /// What to do, while sealed.
    pub reason: Option<String>,
    /// Names the root key.
    pub key_fingerprint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VaultState {
    Open,
    /// Everything else goes on; nothing that needs a secret does.
    Sealed,
}
