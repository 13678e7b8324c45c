//! What answers show of schedules and their ticks.

use schemars::JsonSchema;
use serde::Serialize;

use super::timetable::{Change, Timetable};
use super::types::{Last, MissedRuns, Outcome, Overlap, Reason, Schedule, Tick, TickKind};
use crate::base::{AgentId, ExecutionId, Json, Result, ScheduleId, Timestamp, WorkflowId, zone};
use crate::engine::Status;
use crate::targets::Target;

const SHOWN: usize = 5;

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Schedule")]
pub struct ScheduleView {
    pub id: ScheduleId,
    pub name: String,
    pub description: String,
    /// The agent that is run; none where that is a chain.
    pub agent_id: Option<AgentId>,
    pub workflow_id: Option<WorkflowId>,
    pub input: Json,
    pub cron: String,
    /// The cron line in plain English.
    pub cron_words: String,
    pub time_zone: String,
    pub active: bool,
    pub missed_runs: MissedRuns,
    pub catch_up_limit: u32,
    pub overlap: Overlap,
    pub jitter_ms: u64,
    /// The next five ticks, before jitter; none while it is not active.
    pub next_runs: Vec<Timestamp>,
    /// Its next tick is more than a minute late.
    pub overdue: bool,
    pub last_tick: Option<LastTick>,
    pub created_at: Timestamp,
    pub created_by: String,
    pub updated_at: Timestamp,
    /// Its tag.
    #[serde(skip)]
    pub(super) revision: u64,
    /// Agent or chain.
    #[serde(skip)]
    pub(super) target: Target,
}

/// What became of a schedule's last tick.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct LastTick {
    pub at: Timestamp,
    pub outcome: Outcome,
    /// Why it was skipped.
    pub reason: Option<Reason>,
    pub execution_id: Option<ExecutionId>,
    /// How its run ended; `null` while it is under way.
    pub status: Option<Status>,
}

impl From<Last> for LastTick {
    fn from(it: Last) -> Self {
        let Last { at, outcome, reason, execution_id, status } = it;
        Self { at, outcome, reason, execution_id, status }
    }
}

impl ScheduleView {
    pub(super) fn of(it: Schedule, now: Timestamp) -> Result<Self> {
        let table = it.timetable()?;
        let next_runs = match it.next_at {
            Some(next) => std::iter::once(next).chain(table.ticks_after(next)).take(SHOWN).collect(),
            None => Vec::new(),
        };
        Ok(Self {
            id: it.id,
            overdue: it.is_overdue(now),
            name: it.name,
            description: it.description,
            agent_id: it.target.agent(),
            workflow_id: it.target.workflow(),
            input: it.input,
            cron: it.cron,
            cron_words: table.words(),
            time_zone: it.time_zone,
            active: it.active,
            missed_runs: it.missed_runs,
            catch_up_limit: it.catch_up_limit,
            overlap: it.overlap,
            jitter_ms: it.jitter_ms,
            next_runs,
            last_tick: it.last.map(LastTick::from),
            created_at: it.created_at,
            created_by: it.created_by,
            updated_at: it.updated_at,
            revision: it.revision,
            target: it.target,
        })
    }
}

/// One line of a schedule's history.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ScheduleTick")]
pub struct TickView {
    /// The instant that the cron line names; for a manual run, when it was asked for.
    pub at: Timestamp,
    pub kind: TickKind,
    pub outcome: Outcome,
    pub execution_id: Option<ExecutionId>,
    /// How its run ended; `null` while it is under way.
    pub status: Option<Status>,
    /// Why it was skipped.
    pub reason: Option<Reason>,
    /// More of that, in words.
    pub message: Option<String>,
    /// When that was decided.
    pub recorded_at: Timestamp,
    /// The last tick of a span.
    pub until: Option<Timestamp>,
    /// Ticks of a span; `null` where they are too many to count.
    pub count: Option<u64>,
    /// Who asked for a manual run.
    pub actor: Option<String>,
}

impl From<Tick> for TickView {
    fn from(it: Tick) -> Self {
        let says = it.reason.map(|it| it.says().to_owned());
        Self {
            at: it.at,
            kind: it.kind,
            outcome: it.outcome,
            execution_id: it.execution_id,
            status: it.status,
            reason: it.reason,
            message: it.message.or(says),
            recorded_at: it.recorded_at,
            until: it.until,
            count: it.count,
            actor: it.actor,
        }
    }
}

/// A cron line in words, and when it fires next.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "SchedulePreview")]
pub struct Preview {
    pub cron_words: String,
    pub time_zone: String,
    /// Version of the IANA time zone database in this program.
    pub time_zone_data: &'static str,
    pub next_runs: Vec<NextRun>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ScheduleNextRun")]
pub struct NextRun {
    pub at: Timestamp,
    /// The same instant on the zone's clocks, with its distance from UTC.
    pub local: String,
    /// What clocks do then, where they change.
    pub note: Option<&'static str>,
}

impl Preview {
    pub(super) fn of(table: &Timetable, after: Timestamp) -> Self {
        Self {
            cron_words: table.words(),
            time_zone: table.zone_name().to_owned(),
            time_zone_data: zone::DATA_VERSION,
            next_runs: table.ticks_after(after).take(SHOWN).map(|it| NextRun::of(table, it)).collect(),
        }
    }
}

impl NextRun {
    pub(super) fn of(table: &Timetable, at: Timestamp) -> Self {
        let note = table.change_at(at).map(|it| match it {
            Change::Moved => "clocks go forward over its time: it runs right after",
            Change::First => "clocks go back: this is the first of two such times",
            Change::Second => "clocks go back: this is the second of two such times",
        });
        Self { at, local: table.local(at).to_rfc3339(), note }
    }
}

#[derive(Debug, Clone, Default)]
pub struct ScheduleFilter {
    pub target: Option<Target>,
    pub active: Option<bool>,
    /// A part of name or description.
    pub q: Option<String>,
}

impl ScheduleFilter {
    pub(super) fn keeps(&self, it: &Schedule) -> bool {
        let mentions = |q: &String| {
            let q = q.to_lowercase();
            it.name.to_lowercase().contains(&q) || it.description.to_lowercase().contains(&q)
        };
        self.target.is_none_or(|target| target == it.target)
            && self.active.is_none_or(|active| active == it.active)
            && self.q.as_ref().is_none_or(mentions)
    }
}
