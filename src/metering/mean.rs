//! What a run of an agent came to on average lately.

use super::rollup::{Rollup, Span, rollups};
use crate::base::{AgentId, Result, Timestamp};
use crate::infra::store::{PerOrg, Rows};

/// How far back it looks.
const LATELY_MS: u64 = 30 * 86_400_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mean {
    pub duration_ms: u64,
    /// Of the runs whose cost is known; `None` where there is none: that is not the same as free.
    pub cost_micros: Option<i64>,
}

/// `None` where no run of the agent has ended lately.
pub fn mean(rows: &impl Rows<PerOrg>, agent: AgentId, now: Timestamp) -> Result<Option<Mean>> {
    let (mut runs, mut priced, mut duration_ms) = (0_u64, 0_u64, 0_u64);
    let mut all = Rollup::empty(Some(agent), Span::Day, now);
    for day in rollups(rows, Some(agent), Span::Day, now.minus_ms(LATELY_MS), now.plus_ms(1))? {
        // What was cancelled says little about what a run takes.
        runs += day.runs - day.cancelled.min(day.runs);
        duration_ms += day.duration_sum_ms;
        all.merge(&day);
        priced += day.runs.saturating_sub(day.cancelled + day.unpriced_runs);
    }
    if runs == 0 {
        return Ok(None);
    }
    let each = i64::try_from(priced.max(1)).unwrap_or(i64::MAX);
    let cost = all.known_cost_micros().filter(|_| all.api_calls > 0);
    Ok(Some(Mean { duration_ms: duration_ms / runs, cost_micros: cost.map(|it| it / each) }))
}
