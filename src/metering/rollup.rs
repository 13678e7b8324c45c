//! One row per subject, span and bucket.

use serde::{Deserialize, Serialize};

use super::sketch::Sketch;
use crate::adapters::{Usage, known};
use crate::base::{AgentId, Id, Result, Timestamp, WorkflowId};
use crate::engine::Status;
use crate::infra::fault;
use crate::infra::store::{Key, OrgTx, PerOrg, Row, Rows, Table};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    Minute,
    Hour,
    Day,
}

impl Span {
    pub const ALL: [Span; 3] = [Self::Minute, Self::Hour, Self::Day];

    pub const fn ms(self) -> u64 {
        match self {
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }

    /// Beginning of the bucket (UTC) that `at` falls into.
    pub fn start(self, at: Timestamp) -> Timestamp {
        let ms = self.ms() as i64;
        Timestamp::from_millis(at.millis().div_euclid(ms) * ms)
    }
}

/// What ended in one bucket. Field names are short because there are many such rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rollup {
    /// All zero: the whole organization.
    #[serde(rename = "a")]
    pub agent: AgentId,
    #[serde(rename = "s")]
    pub span: Span,
    #[serde(rename = "b")]
    pub start: Timestamp,
    #[serde(rename = "n")]
    pub runs: u64,
    #[serde(rename = "ok")]
    pub completed: u64,
    #[serde(rename = "f")]
    pub failed: u64,
    #[serde(rename = "c")]
    pub cancelled: u64,
    #[serde(rename = "t")]
    pub timed_out: u64,
    #[serde(rename = "d")]
    pub durations: Sketch,
    #[serde(rename = "dm")]
    pub duration_sum_ms: u64,
    #[serde(rename = "ac")]
    pub api_calls: u64,
    #[serde(rename = "it")]
    pub input_tokens: u64,
    #[serde(rename = "ot")]
    pub output_tokens: u64,
    #[serde(rename = "$")]
    pub cost_micros: i64,
    /// Calls whose cost nobody knows.
    #[serde(rename = "uc", default, skip_serializing_if = "is_zero")]
    pub unpriced_calls: u64,
    /// Runs with such calls.
    #[serde(rename = "ur", default, skip_serializing_if = "is_zero")]
    pub unpriced_runs: u64,
    /// Calls whose tokens nobody knows.
    #[serde(rename = "tc", default, skip_serializing_if = "is_zero")]
    pub uncounted_calls: u64,
    /// Runs with such calls.
    #[serde(rename = "tr", default, skip_serializing_if = "is_zero")]
    pub uncounted_runs: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields over so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Row for Rollup {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(25, "rollups");

    fn key(&self) -> Key {
        key_of(self.agent, self.span).time(self.start)
    }
}

fn key_of(agent: AgentId, span: Span) -> Key {
    Key::of(agent).byte(span as u8)
}

fn whole_org() -> AgentId {
    AgentId::from_bytes([0; 16])
}

impl Rollup {
    pub fn empty(agent: Option<AgentId>, span: Span, start: Timestamp) -> Self {
        Self {
            agent: agent.unwrap_or_else(whole_org),
            span,
            start,
            runs: 0,
            completed: 0,
            failed: 0,
            cancelled: 0,
            timed_out: 0,
            durations: Sketch::default(),
            duration_sum_ms: 0,
            api_calls: 0,
            input_tokens: 0,
            output_tokens: 0,
            cost_micros: 0,
            unpriced_calls: 0,
            unpriced_runs: 0,
            uncounted_calls: 0,
            uncounted_runs: 0,
        }
    }

    /// Adds what another bucket counted.
    pub fn merge(&mut self, other: &Self) {
        self.runs += other.runs;
        self.completed += other.completed;
        self.failed += other.failed;
        self.cancelled += other.cancelled;
        self.timed_out += other.timed_out;
        self.durations.merge(&other.durations);
        self.duration_sum_ms += other.duration_sum_ms;
        self.api_calls += other.api_calls;
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.cost_micros += other.cost_micros;
        self.unpriced_calls += other.unpriced_calls;
        self.unpriced_runs += other.unpriced_runs;
        self.uncounted_calls += other.uncounted_calls;
        self.uncounted_runs += other.uncounted_runs;
    }

    /// The sum of what is known; `None` where it is of no call.
    pub fn known_cost_micros(&self) -> Option<i64> {
        known(self.cost_micros, self.api_calls, self.unpriced_calls)
    }

    /// In and out: the sums of what is known; `None` where they are of no call.
    pub fn known_tokens(&self) -> Option<(u64, u64)> {
        known((self.input_tokens, self.output_tokens), self.api_calls, self.uncounted_calls)
    }

    /// Completed among those that were not cancelled; `None` where there are none.
    pub fn success_rate(&self) -> Option<f64> {
        let judged = self.runs - self.cancelled;
        (judged > 0).then(|| self.completed as f64 / judged as f64)
    }

    fn count(&mut self, counted: &Counted) {
        self.runs += 1;
        match counted.status {
            Status::Completed => self.completed += 1,
            Status::Cancelled => self.cancelled += 1,
            Status::Timeout => self.timed_out += 1,
            _ => self.failed += 1,
        }
        self.durations.add(counted.duration_ms);
        self.duration_sum_ms += counted.duration_ms;
        let usage = &counted.usage;
        self.api_calls += usage.api_calls;
        self.input_tokens += usage.input_tokens;
        self.output_tokens += usage.output_tokens;
        self.cost_micros += usage.cost_micros;
        self.unpriced_calls += usage.unpriced_calls;
        self.unpriced_runs += u64::from(usage.unpriced_calls > 0);
        self.uncounted_calls += usage.uncounted_calls;
        self.uncounted_runs += u64::from(usage.uncounted_calls > 0);
    }
}

/// One run that ended.
#[derive(Debug, Clone)]
pub struct Counted {
    pub agent: AgentId,
    pub status: Status,
    pub ended_at: Timestamp,
    pub duration_ms: u64,
    pub usage: Usage,
}

/// Counts a run for its agent and for the organization, in every span, in the run's own transaction.
pub fn record(tx: &mut OrgTx<'_, '_>, counted: &Counted) -> Result<()> {
    count_for(tx, counted.agent, counted)?;
    fault!("metering.record"?);
    count_for(tx, whole_org(), counted)
}

/// Counts a call of an agent within a run, for the agent alone: the run as a whole is counted at its end.
pub fn record_call(tx: &mut OrgTx<'_, '_>, counted: &Counted) -> Result<()> {
    count_for(tx, counted.agent, counted)
}

/// What stands for an agent where runs of a workflow are counted: no agent has the same id.
pub fn subject_of(workflow: WorkflowId) -> AgentId {
    AgentId::from_bytes(workflow.bytes())
}

fn count_for(tx: &mut OrgTx<'_, '_>, subject: AgentId, counted: &Counted) -> Result<()> {
    for span in Span::ALL {
        let start = span.start(counted.ended_at);
        let found = tx.get::<Rollup>(key_of(subject, span).time(start))?;
        let mut rollup = found.unwrap_or_else(|| Rollup::empty(Some(subject), span, start));
        rollup.count(counted);
        tx.put(&rollup)?;
    }
    Ok(())
}

/// Buckets of `agent` (or of the whole organization) that begin in `from <= start < to`, oldest first. Buckets
/// in which nothing ended are left out.
pub fn rollups(
    rows: &impl Rows<PerOrg>,
    agent: Option<AgentId>,
    span: Span,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Rollup>> {
    let prefix = key_of(agent.unwrap_or_else(whole_org), span);
    let mut found = Vec::new();
    rows.scan_from::<Rollup>(prefix.clone(), prefix.time(span.start(from)), |rollup| {
        if rollup.start >= to {
            return Ok(false);
        }
        found.push(rollup);
        Ok(true)
    })?;
    Ok(found)
}
