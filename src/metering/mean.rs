//! What a run of an agent came to on average lately.

use super::rollup::{Span, rollups};
use crate::base::{AgentId, Result, Timestamp};
use crate::infra::store::{PerOrg, Rows};

/// How far back it looks.
const LATELY_MS: u64 = 30 * 86_400_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mean {
    pub duration_ms: u64,
    /// `None` where no run has a price: that is not the same as free.
    pub cost_micros: Option<i64>,
}

/// `None` where no run of the agent has ended lately.
pub fn mean(rows: &impl Rows<PerOrg>, agent: AgentId, now: Timestamp) -> Result<Option<Mean>> {
    let (mut runs, mut duration_ms, mut cost) = (0_u64, 0_u64, 0_i64);
    for day in rollups(rows, Some(agent), Span::Day, now.minus_ms(LATELY_MS), now.plus_ms(1))? {
        // What was cancelled says little about what a run takes.
        runs += day.runs - day.cancelled.min(day.runs);
        duration_ms += day.duration_sum_ms;
        cost += day.cost_micros;
    }
    if runs == 0 {
        return Ok(None);
    }
    let each = i64::try_from(runs).unwrap_or(i64::MAX);
    Ok(Some(Mean { duration_ms: duration_ms / runs, cost_micros: (cost != 0).then(|| cost / each) }))
}
