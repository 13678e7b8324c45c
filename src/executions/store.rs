//! Rows of runs, and by what they are found.

use super::types::Execution;
use crate::base::AgentId;
use crate::engine::Status;
use crate::infra::store::{Indexes, Key, PerOrg, Row, Table};

pub(super) const BY_AGENT: u8 = 1;
pub(super) const BY_STATUS: u8 = 2;
pub(super) const BY_AGENT_STATUS: u8 = 3;
pub(super) const BY_SESSION: u8 = 4;
pub(super) const BY_WORKFLOW: u8 = 5;
pub(super) const BY_BATCH: u8 = 6;
pub(super) const BY_DEAD: u8 = 7;
/// Those that a later run of their session is to end, as long as they have not ended.
pub(super) const BY_INTERRUPTED: u8 = 8;
/// By session, those that have not ended.
pub(super) const BY_SESSION_OPEN: u8 = 9;

impl Row for Execution {
    type Scope = PerOrg;
    const TABLE: Table = Table::with_feed(80, "executions");

    /// Ids grow with time, so the rows stand in the order of their creation.
    fn key(&self) -> Key {
        Key::of(self.id)
    }

    fn indexes(&self, index: &mut Indexes) {
        index.add(BY_STATUS, status_key(self.status));
        if let Some(agent) = self.agent_id {
            index.add(BY_AGENT, Key::of(agent));
            index.add(BY_AGENT_STATUS, agent_status_key(agent, self.status));
        }
        if let Some(workflow) = self.workflow_id {
            index.add(BY_WORKFLOW, Key::of(workflow));
        }
        if let Some(place) = self.batch {
            index.add(BY_BATCH, Key::of(place.id).u64(place.line.into()));
        }
        if self.is_dead() {
            index.add(BY_DEAD, dead_key());
        }
        if self.interrupted_by.is_some() && !self.status.has_ended() {
            index.add(BY_INTERRUPTED, Key::new().byte(1));
        }
        if let Some(session) = &self.session_id {
            index.add(BY_SESSION, Key::new().text(session));
            if !self.status.has_ended() {
                index.add(BY_SESSION_OPEN, Key::new().text(session));
            }
        }
    }
}

pub(super) fn status_key(status: Status) -> Key {
    Key::new().byte(status as u8)
}

pub(super) fn dead_key() -> Key {
    Key::new().byte(1)
}

pub(super) fn agent_status_key(agent: AgentId, status: Status) -> Key {
    Key::of(agent).byte(status as u8)
}

/// The table whose changes say that a run began or ended.
pub fn feed_table() -> u16 {
    Execution::TABLE.number
}
