//! What an entry says.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::{Actor, AuditId, Json, Timestamp};
use crate::infra::store::{Indexes, Key, PerOrg, Row, Table};

/// What a change says of itself: `Note::of("agent.publish", "agent", id).with("version", "1.0.0")`. Never
/// holds a secret or a whole body.
#[derive(Debug, Clone)]
pub struct Note {
    pub(super) action: &'static str,
    pub(super) object: &'static str,
    pub(super) object_id: String,
    pub(super) details: serde_json::Map<String, Value>,
}

impl Note {
    pub fn of(action: &'static str, object: &'static str, object_id: impl std::fmt::Display) -> Self {
        Self { action, object, object_id: object_id.to_string(), details: serde_json::Map::new() }
    }

    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditEntry {
    pub id: AuditId,
    /// Counts from 1 within the organization, without gaps.
    pub sequence: u64,
    pub at: Timestamp,
    pub actor: Actor,
    /// `agent.publish`, `credential.use`, `access.denied` …
    pub action: String,
    /// Kind of the thing it was done to: `agent`, `member` …
    pub object: String,
    pub object_id: String,
    pub details: Json,
    pub request_id: Option<String>,
    pub address: Option<String>,
    /// SHA-256 over the hash before and this entry, in hexadecimal.
    pub hash: String,
}

impl Row for AuditEntry {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(20, "audit");

    fn key(&self) -> Key {
        Key::new().u64(self.sequence)
    }

    fn indexes(&self, index: &mut Indexes) {
        index.add(BY_ACTION, Key::new().text(&self.action));
        index.add(BY_ACTOR, Key::new().text(&self.actor.to_string()));
        index.add(BY_OBJECT, Key::new().text(&self.object_id));
    }
}

pub(super) const BY_ACTION: u8 = 1;
pub(super) const BY_ACTOR: u8 = 2;
pub(super) const BY_OBJECT: u8 = 3;

#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    pub actor: Option<String>,
    pub action: Option<String>,
    pub object: Option<String>,
    pub object_id: Option<String>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

impl AuditFilter {
    pub(super) fn keeps(&self, entry: &AuditEntry) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|it| it == found);
        is(&self.actor, &entry.actor.to_string())
            && is(&self.action, &entry.action)
            && is(&self.object, &entry.object)
            && is(&self.object_id, &entry.object_id)
            && self.from.is_none_or(|it| entry.at >= it)
            && self.to.is_none_or(|it| entry.at < it)
    }
}
