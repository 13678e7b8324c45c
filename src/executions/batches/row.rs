//! A batch's row, and its counts, which are kept in the transactions of its runs' ends.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::estimate::Estimate;
use crate::adapters::{Usage, known};
use crate::base::{AgentId, BatchId, Json, Result, Timestamp};
use crate::engine::Status;
use crate::executions::store::BY_BATCH;
use crate::executions::types::Execution;
use crate::infra::store::{Indexes, Key, Order, OrgTx, PerOrg, Row, Rows, Table};

pub(super) const BY_AGENT: u8 = 1;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Batch {
    pub id: BatchId,
    pub agent_id: AgentId,
    pub agent_version: String,
    pub name: String,
    pub actor: String,
    pub metadata: Option<Json>,
    pub priority: i8,
    /// Fields of the inputs, as columns of a table; none where the inputs are no objects.
    pub fields: Vec<String>,
    pub total: u32,
    pub ended: Ended,
    pub cost_micros: i64,
    #[serde(default)]
    pub unpriced: Unpriced,
    pub duration_sum_ms: u64,
    pub created_at: Timestamp,
    /// When the last of them ended.
    pub completed_at: Option<Timestamp>,
}

/// What is missing in the cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unpriced {
    /// With calls whose cost nobody knows.
    pub runs: u64,
    pub calls: u64,
    /// Whatever is known of their cost.
    pub all_calls: u64,
}

impl Unpriced {
    fn count(&mut self, usage: &Usage) {
        self.runs += u64::from(usage.unpriced_calls > 0);
        self.calls += usage.unpriced_calls;
        self.all_calls += usage.api_calls;
    }

    fn known(self, cost_micros: i64) -> Option<i64> {
        known(cost_micros, self.all_calls, self.calls)
    }
}

/// Runs that have ended, by how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ended {
    pub completed: u32,
    pub failed: u32,
    pub cancelled: u32,
    pub timeout: u32,
}

impl Ended {
    fn of(&mut self, status: Status) -> Option<&mut u32> {
        match status {
            Status::Completed => Some(&mut self.completed),
            Status::Failed => Some(&mut self.failed),
            Status::Cancelled => Some(&mut self.cancelled),
            Status::Timeout => Some(&mut self.timeout),
            Status::Pending | Status::Running | Status::Waiting => None,
        }
    }

    pub(super) fn all(self) -> u32 {
        self.completed + self.failed + self.cancelled + self.timeout
    }
}

impl Row for Batch {
    type Scope = PerOrg;
    const TABLE: Table = Table::with_feed(81, "batches");

    fn key(&self) -> Key {
        Key::of(self.id)
    }

    fn indexes(&self, index: &mut Indexes) {
        index.add(BY_AGENT, Key::of(self.agent_id));
    }
}

/// The table whose changes say that a batch has come further.
pub fn feed_table() -> u16 {
    Batch::TABLE.number
}

/// Counts a run's end for its batch, in the transaction of the end.
pub(in crate::executions) fn count_end(tx: &mut OrgTx<'_, '_>, execution: &Execution) -> Result<()> {
    let Some(place) = execution.batch else { return Ok(()) };
    let Some(mut batch) = tx.get::<Batch>(place.id)? else { return Ok(()) };
    if let Some(count) = batch.ended.of(execution.status) {
        *count += 1;
    }
    batch.cost_micros += execution.usage.cost_micros;
    batch.unpriced.count(&execution.usage);
    if let (Some(from), Some(to)) = (execution.started_at, execution.completed_at) {
        batch.duration_sum_ms += to.since(from);
    }
    if batch.ended.all() >= batch.total {
        batch.completed_at = execution.completed_at;
    }
    tx.put(&batch)
}

/// One line of the batch, which had ended as `status`, is run once more.
pub(in crate::executions) fn reopen(tx: &mut OrgTx<'_, '_>, id: BatchId, status: Status) -> Result<()> {
    let Some(mut batch) = tx.get::<Batch>(id)? else { return Ok(()) };
    if let Some(count) = batch.ended.of(status) {
        *count = count.saturating_sub(1);
    }
    batch.completed_at = None;
    tx.put(&batch)
}

/// Whether all of it had ended before then.
pub(in crate::executions) fn is_over(
    rows: &impl Rows<PerOrg>,
    id: BatchId,
    before: Timestamp,
) -> Result<bool> {
    let batch = rows.get::<Batch>(id)?;
    Ok(batch.is_none_or(|it| it.completed_at.is_some_and(|it| it < before)))
}

/// A batch goes with the last of its runs.
pub(in crate::executions) fn forget_if_empty(tx: &mut OrgTx<'_, '_>, id: BatchId) -> Result<()> {
    let mut is_empty = true;
    // From the end: what was taken away just now stands at the beginning.
    tx.scan_index::<Execution>(BY_BATCH, Key::of(id), Order::Newest, |_| {
        is_empty = false;
        Ok(false)
    })?;
    if is_empty {
        tx.delete::<Batch>(id)?;
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BatchStatus {
    Running,
    /// All of its runs have ended, however.
    Completed,
}

/// How far a batch has come.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Batch")]
pub struct BatchView {
    pub id: BatchId,
    pub agent_id: AgentId,
    /// Of the first run of each line.
    pub agent_version: String,
    pub name: String,
    pub status: BatchStatus,
    /// Lines of the batch: each is one run.
    pub total: u64,
    /// Runs that have not ended.
    pub unfinished: u64,
    pub completed: u64,
    pub failed: u64,
    pub cancelled: u64,
    pub timeout: u64,
    /// What its runs have cost so far, retries included, as far as it is known; `null` where it is of no call.
    pub cost_micros: Option<i64>,
    /// Runs, retries included, with calls whose cost nobody knows: what is not in `cost_micros`.
    #[serde(default)]
    pub unknown_cost_runs: u64,
    pub estimate: Estimate,
    pub priority: i8,
    pub metadata: Option<Json>,
    /// `usr_…` or `key_…`.
    pub created_by: String,
    pub created_at: Timestamp,
    pub completed_at: Option<Timestamp>,
}

impl Batch {
    pub(super) fn view(self, estimate: Estimate) -> BatchView {
        BatchView {
            id: self.id,
            agent_id: self.agent_id,
            agent_version: self.agent_version,
            name: self.name,
            status: if self.completed_at.is_some() { BatchStatus::Completed } else { BatchStatus::Running },
            total: self.total.into(),
            unfinished: self.total.saturating_sub(self.ended.all()).into(),
            completed: self.ended.completed.into(),
            failed: self.ended.failed.into(),
            cancelled: self.ended.cancelled.into(),
            timeout: self.ended.timeout.into(),
            cost_micros: self.unpriced.known(self.cost_micros),
            unknown_cost_runs: self.unpriced.runs,
            estimate,
            priority: self.priority,
            metadata: self.metadata,
            created_by: self.actor,
            created_at: self.created_at,
            completed_at: self.completed_at,
        }
    }
}
