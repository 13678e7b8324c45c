//! What the work of the simulation writes in the engine's transactions.

use reeve::base::{ExecutionId, Timestamp};
use reeve::engine::Status;
use reeve::infra::store::{Key, PerOrg, Row, Table};
use serde::{Deserialize, Serialize};

/// A run, as a feature keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    pub id: ExecutionId,
    pub began: u32,
    /// How often an end was written.
    pub ends: u32,
    pub status: Option<Status>,
    /// Steps that were paid for.
    pub paid: u32,
}

impl Row for Kept {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(900, "simulated_runs");

    fn key(&self) -> Key {
        Key::of(self.id)
    }
}

/// One tick of a series, as often as it fired.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Tick {
    pub subject: [u8; 16],
    pub at: Timestamp,
    pub fired: u32,
}

impl Row for Tick {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(901, "simulated_ticks");

    fn key(&self) -> Key {
        Key::new().bytes(&self.subject).time(self.at)
    }
}
