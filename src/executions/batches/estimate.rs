//! What a batch will still take, as far as the past tells.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::row::Batch;
use crate::base::{AgentId, Result, Timestamp};
use crate::infra::store::{PerOrg, Rows};
use crate::metering::{self, Mean};

/// From the agent's runs of the last 30 days, and from the batch itself once some of it has ended. `null` where
/// nothing is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// Until the last run has ended.
    pub remaining_ms: Option<u64>,
    /// Of one run.
    pub mean_cost_micros: Option<i64>,
    /// Of all runs.
    pub total_cost_micros: Option<i64>,
}

/// Of so many runs that have not begun, at most `at_once` of them at a time.
pub(super) fn ahead(mean: Option<Mean>, runs: u64, at_once: u64) -> Estimate {
    let cost = mean.and_then(|it| it.cost_micros);
    Estimate {
        remaining_ms: mean.map(|it| it.duration_ms.saturating_mul(runs.div_ceil(at_once.max(1)))),
        mean_cost_micros: cost,
        total_cost_micros: cost.map(|it| it.saturating_mul(i64::try_from(runs).unwrap_or(i64::MAX))),
    }
}

/// Of a batch as it stands. What has ended says more than the past: the rest goes on at that pace.
pub(super) fn of_batch(
    rows: &impl Rows<PerOrg>,
    batch: &Batch,
    at_once: u64,
    now: Timestamp,
) -> Result<Estimate> {
    let (ended, total) = (u64::from(batch.ended.all()), u64::from(batch.total));
    let left = total.saturating_sub(ended);
    let mean = mean_of(rows, batch.agent_id, now)?;
    if left == 0 {
        return Ok(Estimate { remaining_ms: Some(0), ..ahead(mean, total, at_once) });
    }
    let past = ahead(mean, left, at_once);
    let pace = (ended > 0).then(|| now.since(batch.created_at).saturating_mul(left) / ended);
    let total_cost = past.total_cost_micros.map(|it| it.saturating_add(batch.cost_micros));
    Ok(Estimate { remaining_ms: pace.or(past.remaining_ms), total_cost_micros: total_cost, ..past })
}

pub(super) fn mean_of(rows: &impl Rows<PerOrg>, agent: AgentId, now: Timestamp) -> Result<Option<Mean>> {
    metering::mean(rows, agent, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_not_zero() {
        assert_eq!(ahead(None, 9, 3), Estimate::default());
        let free = Mean { duration_ms: 10, cost_micros: None };
        assert_eq!(
            (ahead(Some(free), 9, 4).remaining_ms, ahead(Some(free), 9, 4).total_cost_micros),
            (Some(30), None)
        );
        let priced = Mean { duration_ms: 10, cost_micros: Some(7) };
        assert_eq!(ahead(Some(priced), 9, 4).total_cost_micros, Some(63));
    }
}
