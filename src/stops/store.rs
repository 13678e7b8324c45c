//! Rows of stops.

use super::types::Stop;
use crate::base::AgentId;
use crate::infra::store::{Key, PerOrg, Row, Table};

impl Row for Stop {
    type Scope = PerOrg;
    const TABLE: Table = Table::with_feed(160, "stops");

    fn key(&self) -> Key {
        key_of(self.agent_id)
    }
}

pub(super) fn key_of(agent: Option<AgentId>) -> Key {
    agent.map_or_else(|| Key::new().byte(0), |it| Key::new().byte(1).id(it))
}
