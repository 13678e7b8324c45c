//! A session's row.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{AgentId, ExecutionId, Json, Timestamp};
use crate::infra::store::{Indexes, Key, PerOrg, Row, Table};

pub(super) const BY_USE: u8 = 1;
pub(super) const BY_AGENT: u8 = 2;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Session {
    pub id: String,
    /// With whom it was begun; none where that was a chain.
    pub agent_id: Option<AgentId>,
    pub title: Option<String>,
    pub metadata: Option<Json>,
    pub actor: String,
    pub created_at: Timestamp,
    /// When its last run was accepted.
    pub used_at: Timestamp,
}

impl Row for Session {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(150, "sessions");

    fn key(&self) -> Key {
        Key::new().text(&self.id)
    }

    fn indexes(&self, index: &mut Indexes) {
        index.add(BY_USE, Key::new().time(self.used_at));
        if let Some(agent) = self.agent_id {
            index.add(BY_AGENT, Key::of(agent).time(self.used_at));
        }
    }
}

/// A session as answers show it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SessionView {
    pub id: String,
    /// The agent with which it was begun; none where that was a chain.
    pub agent_id: Option<AgentId>,
    pub title: Option<String>,
    /// How its oldest message begins, of those that are still there: a name where it has no title.
    pub first_words: Option<String>,
    pub metadata: Option<Json>,
    pub created_by: String,
    /// Its runs that have not ended, oldest first: the first is at work, the others wait for it.
    pub open: Vec<ExecutionId>,
    pub created_at: Timestamp,
    /// When its last run was accepted.
    pub used_at: Timestamp,
}

impl Session {
    pub(super) fn view(self, first_words: Option<String>, open: Vec<ExecutionId>) -> SessionView {
        SessionView {
            id: self.id,
            agent_id: self.agent_id,
            title: self.title,
            first_words,
            metadata: self.metadata,
            created_by: self.actor,
            open,
            created_at: self.created_at,
            used_at: self.used_at,
        }
    }
}
