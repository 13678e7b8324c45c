//! How well an agent is: what the last check found, and how its runs have ended since.

use schemars::JsonSchema;
use serde::Serialize;

use super::types::{Agent, Health, HealthLog};
use crate::base::{Result, Timestamp};
use crate::infra::store::{PerOrg, Rows};
use crate::metering::{self, Span};

/// Runs that ended longer ago say nothing of now.
const LATELY_MS: u64 = 3_600_000;
/// Fewer runs than these are too few to call an agent unhealthy.
const ENOUGH_RUNS: u64 = 3;
/// One failure in so many runs is what happens to the best.
const TOLERABLE: u64 = 20;

/// How runs have ended in the last hour, or since a check within it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "AgentRecentRuns")]
pub struct RecentRuns {
    /// Those that were not cancelled.
    pub executions: u64,
    pub completed: u64,
    /// Failed, or ran out of time.
    pub failed: u64,
}

/// Health at `now`, and the runs that it takes into account.
pub(super) fn assess(
    rows: &impl Rows<PerOrg>,
    agent: &Agent,
    now: Timestamp,
) -> Result<(Health, RecentRuns)> {
    let minutes =
        metering::rollups(rows, Some(agent.id), Span::Minute, now.minus_ms(LATELY_MS), now.plus_ms(1))?;
    if minutes.is_empty() {
        return Ok((agent.health, RecentRuns::default()));
    }
    let checked = rows.get::<HealthLog>(agent.id)?.and_then(|it| it.checks.first().map(|it| it.at));
    let mut runs = RecentRuns::default();
    // Of the minute of a check nobody can say what came before it.
    for minute in minutes.iter().filter(|it| checked.is_none_or(|at| it.start > at)) {
        runs.executions += minute.runs - minute.cancelled.min(minute.runs);
        runs.completed += minute.completed;
        runs.failed += minute.failed + minute.timed_out;
    }
    Ok((verdict(agent.health, runs), runs))
}

fn verdict(checked: Health, runs: RecentRuns) -> Health {
    let RecentRuns { executions, completed, failed } = runs;
    if executions == 0 {
        checked
    } else if failed * TOLERABLE <= executions {
        Health::Healthy
    } else if completed == 0 && (checked == Health::Unhealthy || executions >= ENOUGH_RUNS)
        || executions >= ENOUGH_RUNS && failed * 2 > executions
    {
        Health::Unhealthy
    } else {
        Health::Degraded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_weigh_more_than_an_earlier_check() {
        use Health::{Degraded, Healthy, Unhealthy, Unknown};
        for (checked, completed, failed, expected) in [
            (Unknown, 0, 0, Unknown),
            (Unhealthy, 0, 0, Unhealthy),
            (Unknown, 1, 0, Healthy),
            (Unhealthy, 1, 0, Healthy),
            (Unknown, 0, 1, Degraded),
            (Healthy, 0, 2, Degraded),
            (Unhealthy, 0, 1, Unhealthy),
            (Healthy, 0, 3, Unhealthy),
            (Healthy, 1, 3, Unhealthy),
            (Healthy, 2, 2, Degraded),
            (Healthy, 18, 1, Degraded),
            (Healthy, 19, 1, Healthy),
        ] {
            let runs = RecentRuns { executions: completed + failed, completed, failed };
            assert_eq!(verdict(checked, runs), expected, "{checked:?}, {runs:?}");
        }
    }
}
