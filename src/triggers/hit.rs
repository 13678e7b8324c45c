//! What became of each call: a bounded list for each trigger, and counts that go on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ExecutionId, Result, Timestamp, TriggerId};
use crate::infra::store::{Key, OrgTx, PerOrg, Row, Rows, Table};

/// Hits that a trigger remembers.
pub(super) const REMEMBERED: u64 = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "HitOutcome")]
pub enum Outcome {
    /// A run was started.
    Accepted,
    /// The filter did not hold, or the sender only asked whether somebody is there.
    Filtered,
    /// No run was started, for the reason that is given.
    Refused,
    /// The same message was here before, and was led to its run.
    Deduplicated,
}

impl Outcome {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Filtered => "filtered",
            Self::Refused => "refused",
            Self::Deduplicated => "deduplicated",
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Hit {
    pub trigger_id: TriggerId,
    /// Counts from 1 for each trigger.
    pub number: u64,
    pub at: Timestamp,
    pub outcome: Outcome,
    pub reason: Option<String>,
    pub execution_id: Option<ExecutionId>,
    /// What the sender calls the message; of an event its id.
    pub delivery_id: Option<String>,
    pub bytes: u64,
    pub content_type: Option<String>,
    pub address: Option<String>,
}

/// How often each outcome came.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Counts {
    pub trigger_id: TriggerId,
    /// Of the last hit.
    pub number: u64,
    pub accepted: u64,
    pub filtered: u64,
    pub refused: u64,
    pub deduplicated: u64,
    pub last_at: Option<Timestamp>,
}

impl Counts {
    pub(super) fn new(trigger_id: TriggerId) -> Self {
        Self { trigger_id, number: 0, accepted: 0, filtered: 0, refused: 0, deduplicated: 0, last_at: None }
    }
}

impl Row for Hit {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(123, "trigger_hits");

    fn key(&self) -> Key {
        key_of(self.trigger_id, self.number)
    }
}

impl Row for Counts {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(124, "trigger_counts");

    fn key(&self) -> Key {
        Key::of(self.trigger_id)
    }
}

fn key_of(trigger: TriggerId, number: u64) -> Key {
    Key::of(trigger).u64(number)
}

/// Writes a hit behind the last, and lets the oldest go.
pub(super) fn note(tx: &mut OrgTx<'_, '_>, mut hit: Hit) -> Result<()> {
    let mut counts = tx.get::<Counts>(hit.trigger_id)?.unwrap_or_else(|| Counts::new(hit.trigger_id));
    counts.number += 1;
    counts.last_at = Some(hit.at);
    let count = match hit.outcome {
        Outcome::Accepted => &mut counts.accepted,
        Outcome::Filtered => &mut counts.filtered,
        Outcome::Refused => &mut counts.refused,
        Outcome::Deduplicated => &mut counts.deduplicated,
    };
    *count += 1;
    hit.number = counts.number;
    tx.put(&counts)?;
    tx.insert(&hit)?;
    if hit.number > REMEMBERED {
        tx.delete::<Hit>(key_of(hit.trigger_id, hit.number - REMEMBERED))?;
    }
    Ok(())
}
