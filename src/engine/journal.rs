//! The journal: everything that happens in a run, numbered from 1 without gaps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ExecutionId, Json, Result, Timestamp};
use crate::infra::store::{Key, Order, PerOrg, Row, Rows, Table};

/// Names are part of the contract with clients, and on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum EventKind {
    #[serde(rename = "execution.started")]
    Started,
    #[serde(rename = "output.delta")]
    Delta,
    #[serde(rename = "step.started")]
    StepStarted,
    #[serde(rename = "step.completed")]
    StepCompleted,
    #[serde(rename = "step.failed")]
    StepFailed,
    #[serde(rename = "tool.called")]
    ToolCalled,
    #[serde(rename = "tool.returned")]
    ToolReturned,
    #[serde(rename = "log")]
    Log,
    #[serde(rename = "usage")]
    Usage,
    #[serde(rename = "execution.completed")]
    Completed,
    #[serde(rename = "execution.failed")]
    Failed,
    #[serde(rename = "execution.cancelled")]
    Cancelled,
    #[serde(rename = "execution.timeout")]
    TimedOut,
}

impl EventKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Started => "execution.started",
            Self::Delta => "output.delta",
            Self::StepStarted => "step.started",
            Self::StepCompleted => "step.completed",
            Self::StepFailed => "step.failed",
            Self::ToolCalled => "tool.called",
            Self::ToolReturned => "tool.returned",
            Self::Log => "log",
            Self::Usage => "usage",
            Self::Completed => "execution.completed",
            Self::Failed => "execution.failed",
            Self::Cancelled => "execution.cancelled",
            Self::TimedOut => "execution.timeout",
        }
    }

    /// Whether nothing follows it.
    pub const fn is_last(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled | Self::TimedOut)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    #[serde(rename = "e")]
    pub execution: ExecutionId,
    #[serde(rename = "n")]
    pub sequence: u64,
    #[serde(rename = "t")]
    pub at: Timestamp,
    #[serde(rename = "k")]
    pub kind: EventKind,
    #[serde(rename = "d")]
    pub data: Json,
}

impl Row for Entry {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(11, "journal");

    fn key(&self) -> Key {
        Key::of(self.execution).u64(self.sequence)
    }
}

/// Up to `limit` entries of a run with a higher number than `after`, in order.
pub fn entries_after(
    rows: &impl Rows<PerOrg>,
    id: ExecutionId,
    after: u64,
    limit: usize,
) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    rows.scan_from::<Entry>(Key::of(id), Key::of(id).u64(after.saturating_add(1)), |entry| {
        entries.push(entry);
        Ok(entries.len() < limit)
    })?;
    Ok(entries)
}

/// Number of the newest entry of a run; 0 where there is none.
pub fn last_sequence(rows: &impl Rows<PerOrg>, id: ExecutionId) -> Result<u64> {
    let mut last = 0;
    rows.scan::<Entry>(Key::of(id), Order::Newest, |entry| {
        last = entry.sequence;
        Ok(false)
    })?;
    Ok(last)
}
