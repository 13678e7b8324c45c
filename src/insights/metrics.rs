//! Numbers over a range of time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{Action, Cx};
use crate::agents;
use crate::base::{AgentId, Error, Result, Timestamp};
use crate::metering::{self, Rollup, Span};

const DAY_MS: u64 = 86_400_000;
const MAX_BUCKETS: u64 = 1_500;
const MAX_RANGE_MS: u64 = 366 * DAY_MS;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BucketSize {
    Minute,
    Hour,
    Day,
}

impl BucketSize {
    const fn span(self) -> Span {
        match self {
            Self::Minute => Span::Minute,
            Self::Hour => Span::Hour,
            Self::Day => Span::Day,
        }
    }
}

/// `from <= t < to`, counted in whole buckets: the first is the one that `from` falls into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    from: Timestamp,
    to: Timestamp,
    bucket: BucketSize,
}

impl Range {
    /// What is left out: the last 24 hours, in buckets that make a readable chart.
    ///
    /// Errors: `ValidationFailed` for a range that ends before it begins, is longer than a year, or has more than
    /// 1500 buckets.
    pub fn new(
        from: Option<Timestamp>,
        to: Option<Timestamp>,
        bucket: Option<BucketSize>,
        now: Timestamp,
    ) -> Result<Self> {
        let to = to.unwrap_or(now);
        let from = from.unwrap_or_else(|| to.minus_ms(DAY_MS));
        if from >= to {
            return Err(Error::invalid_at("from", "a range begins before it ends"));
        }
        let length = to.since(from);
        if length > MAX_RANGE_MS {
            return Err(Error::invalid_at("from", "a range is at most 366 days long"));
        }
        let bucket = bucket.unwrap_or(match length {
            0..=7_200_000 => BucketSize::Minute,
            7_200_001..=259_200_000 => BucketSize::Hour,
            _ => BucketSize::Day,
        });
        if length / bucket.span().ms() > MAX_BUCKETS {
            let message = format!("a range has at most {MAX_BUCKETS} buckets; take larger ones");
            return Err(Error::invalid_at("bucket", message));
        }
        Ok(Self { from, to, bucket })
    }

    /// Beginnings of its buckets, oldest first.
    pub(super) fn starts(&self) -> Vec<Timestamp> {
        let span = self.bucket.span();
        let mut starts = Vec::new();
        let mut at = span.start(self.from);
        while at < self.to {
            starts.push(at);
            at = at.plus_ms(span.ms());
        }
        starts
    }
}

/// What ended in a range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    pub executions: u64,
    pub completed: u64,
    pub failed: u64,
    pub cancelled: u64,
    pub timed_out: u64,
    /// Completed among those that were not cancelled, 0 to 1; `null` where there are none.
    pub success_rate: Option<f64>,
    /// Milliseconds, within 5 %.
    pub p50_ms: Option<u64>,
    pub p95_ms: Option<u64>,
    pub p99_ms: Option<u64>,
    pub average_ms: Option<u64>,
    pub api_calls: u64,
    /// As far as it is known (`unknown_token_runs`); `null` where it is of no call.
    pub input_tokens: Option<u64>,
    /// As far as it is known (`unknown_token_runs`); `null` where it is of no call.
    pub output_tokens: Option<u64>,
    /// Runs with calls whose tokens nobody knows: what is not in `input_tokens` and `output_tokens`.
    pub unknown_token_runs: u64,
    /// As far as it is known (`unknown_cost_runs`); `null` where it is of no call.
    pub cost_micros: Option<i64>,
    /// Runs with calls whose cost nobody knows: what is not in `cost_micros`.
    pub unknown_cost_runs: u64,
}

impl Counts {
    fn of(it: &Rollup) -> Self {
        Self {
            executions: it.runs,
            completed: it.completed,
            failed: it.failed,
            cancelled: it.cancelled,
            timed_out: it.timed_out,
            success_rate: it.success_rate(),
            p50_ms: it.durations.quantile(0.5),
            p95_ms: it.durations.quantile(0.95),
            p99_ms: it.durations.quantile(0.99),
            average_ms: it.duration_sum_ms.checked_div(it.runs),
            api_calls: it.api_calls,
            input_tokens: it.known_tokens().map(|it| it.0),
            output_tokens: it.known_tokens().map(|it| it.1),
            unknown_token_runs: it.uncounted_runs,
            cost_micros: it.known_cost_micros(),
            unknown_cost_runs: it.unpriced_runs,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bucket {
    pub start: Timestamp,
    #[serde(flatten)]
    pub counts: Counts,
}

/// Counts of a range, and of each of its buckets, also of those in which nothing ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metrics {
    pub from: Timestamp,
    pub to: Timestamp,
    pub bucket: BucketSize,
    /// Of the whole buckets that the range touches.
    pub total: Counts,
    pub buckets: Vec<Bucket>,
}

/// Of the whole organization.
///
/// Errors: `InsufficientPermissions`.
pub fn summary(cx: &Cx, range: Range) -> Result<Metrics> {
    cx.require(Action::InsightsRead)?;
    read(cx, None, range)
}

/// Of one agent.
///
/// Errors: as `agents::find`.
pub fn metrics(cx: &Cx, id_or_slug: &str, range: Range) -> Result<Metrics> {
    let agent = agents::find(cx, id_or_slug)?.id;
    cx.require_on(Action::AgentsRead, agent)?;
    read(cx, Some(agent), range)
}

fn read(cx: &Cx, agent: Option<AgentId>, range: Range) -> Result<Metrics> {
    let span = range.bucket.span();
    let mut found = metering::rollups(&cx.read()?, agent, span, range.from, range.to)?.into_iter().peekable();
    let mut total = Rollup::empty(agent, span, range.from);
    let mut buckets = Vec::new();
    for start in range.starts() {
        let rollup = found.next_if(|it| it.start == start);
        let rollup = rollup.unwrap_or_else(|| Rollup::empty(agent, span, start));
        total.merge(&rollup);
        buckets.push(Bucket { start, counts: Counts::of(&rollup) });
    }
    Ok(Metrics { from: range.from, to: range.to, bucket: range.bucket, total: Counts::of(&total), buckets })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    proptest! {
        #[test]
        fn buckets_cover_the_range_without_gap_or_overlap(from in 0_i64..2_000_000_000_000, length in 1_u64..30 * DAY_MS) {
            let range = Range::new(Some(at(from)), Some(at(from).plus_ms(length)), None, at(0)).expect("a range");
            let (starts, ms) = (range.starts(), range.bucket.span().ms());
            prop_assert!(starts[0] <= range.from && starts[0].plus_ms(ms) > range.from);
            prop_assert!(starts.windows(2).all(|it| it[0].plus_ms(ms) == it[1]));
            let last = *starts.last().expect("one");
            prop_assert!(last < range.to && last.plus_ms(ms) >= range.to);
            prop_assert!(starts.len() <= 122, "{} buckets make no readable chart", starts.len());
        }
    }

    #[test]
    fn ranges_that_make_no_sense_are_refused() {
        let new = |from, to, bucket| Range::new(Some(at(from)), Some(at(to)), bucket, at(0));
        assert!(new(5, 5, None).is_err());
        assert!(new(6, 5, None).is_err());
        assert!(new(0, 367 * 86_400_000, None).is_err());
        assert!(new(0, 30 * 86_400_000, Some(BucketSize::Minute)).is_err());
        assert!(new(0, 30 * 86_400_000, Some(BucketSize::Hour)).is_ok());
    }
}
