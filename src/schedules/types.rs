//! What a schedule is, and what is kept of each of its ticks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::timetable::Timetable;
use crate::base::{Error, ExecutionId, Json, Result, ScheduleId, Timestamp};
use crate::engine::Status;
use crate::targets::Target;

pub(super) const MAX_NAME_CHARS: usize = 120;
pub(super) const MAX_DESCRIPTION_CHARS: usize = 2_000;
pub(super) const MAX_JITTER_MS: u64 = 3_600_000;
pub(super) const MAX_CATCH_UP: u32 = 100;
/// Later than this, a tick was missed: it is logged and shown, and the policy says what becomes of it.
pub(super) const LATE_MS: u64 = 60_000;
/// Ticks of one schedule that wait for a run before them to end.
pub(super) const MAX_QUEUED: usize = 100;
pub(super) const MAX_SCHEDULES: u64 = 5_000;
/// Ticks of one schedule that its history keeps; the oldest go, some at a time.
pub(super) const MAX_TICKS: u64 = 10_000;

/// What becomes of ticks that nobody was there for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissedRuns {
    /// They are recorded and not made up for.
    Skip,
    /// The newest of them runs as soon as possible, unless another tick is due anyway.
    #[default]
    Once,
    /// All of them run, one after the other, as far as the catch-up limit reaches.
    All,
}

/// What becomes of a tick while a run of the same schedule is under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// It runs beside the other.
    Allow,
    /// It is recorded as skipped.
    #[default]
    Skip,
    /// It waits for the other's end.
    Queue,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Schedule {
    pub id: ScheduleId,
    pub name: String,
    pub description: String,
    pub target: Target,
    pub input: Json,
    pub cron: String,
    pub time_zone: String,
    pub active: bool,
    pub missed_runs: MissedRuns,
    pub catch_up_limit: u32,
    pub overlap: Overlap,
    pub jitter_ms: u64,
    /// Counts the changes that people made.
    pub revision: u64,
    pub created_at: Timestamp,
    pub created_by: String,
    pub updated_at: Timestamp,
    /// The first tick that was not decided yet; none where it is not active or never fires again.
    pub next_at: Option<Timestamp>,
    /// When it was switched off, while it is.
    pub paused_at: Option<Timestamp>,
    /// What became of the last tick.
    pub last: Option<Last>,
    /// Rows that are kept of its ticks.
    pub ticks: u64,
    /// The last tick whose row was let go.
    pub swept_until: Timestamp,
}

/// A summary for lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Last {
    pub at: Timestamp,
    pub outcome: Outcome,
    pub reason: Option<Reason>,
    pub execution_id: Option<ExecutionId>,
    pub status: Option<Status>,
}

impl Schedule {
    pub(super) fn timetable(&self) -> Result<Timetable> {
        Timetable::parse(&self.cron, &self.time_zone)
    }

    /// When the tick at `at` is to run: spread by its jitter, the same at every reckoning.
    pub(super) fn due_of(&self, at: Timestamp) -> Timestamp {
        at.plus_ms(spread(self.id, at) % (self.jitter_ms + 1))
    }

    pub(super) fn due_at(&self) -> Option<Timestamp> {
        self.next_at.map(|it| self.due_of(it))
    }

    pub(super) fn is_overdue(&self, now: Timestamp) -> bool {
        self.due_at().is_some_and(|it| now.since(it) > LATE_MS)
    }
}

/// Looks random, and is the same for the same tick.
fn spread(id: ScheduleId, at: Timestamp) -> u64 {
    use crate::base::Id;
    let bits = id.uuid().as_u128();
    let mut it = (bits as u64) ^ ((bits >> 64) as u64).rotate_left(32) ^ (at.millis() as u64);
    // The end of splitmix64.
    it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    it ^ (it >> 31)
}

/// How a tick came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TickKind {
    /// By the line.
    Due,
    /// By a person who did not want to wait.
    Manual,
    /// Many ticks of the line that were skipped for one reason.
    Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A run was accepted.
    Fired,
    /// It waits for the run before it to end.
    Queued,
    Skipped,
}

impl Outcome {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::Queued => "queued",
            Self::Skipped => "skipped",
        }
    }
}

/// Why a tick was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nobody was there at its time, and the policy does not make up for it.
    Missed,
    /// As `missed`, beyond the catch-up limit.
    CatchUpLimit,
    /// A run of the same schedule was under way.
    Overlap,
    /// Too many ticks of the same schedule were waiting.
    QueueFull,
    /// The schedule was switched off.
    Paused,
    /// The schedule was given other times.
    Changed,
    /// The run was not accepted; the message says why.
    Refused,
}

impl Reason {
    pub(super) const fn says(self) -> &'static str {
        match self {
            Self::Missed => "the server was not there at its time",
            Self::CatchUpLimit => "missed, and beyond the catch-up limit",
            Self::Overlap => "the run before it was still under way",
            Self::QueueFull => "too many ticks were waiting already",
            Self::Paused => "the schedule was switched off",
            Self::Changed => "the schedule was given other times",
            Self::Refused => "the run was not accepted",
        }
    }

    /// It was skipped because of the hour on the clock alone: where the clock goes back to before it, it is
    /// decided anew.
    pub(super) const fn is_of_the_clock(self) -> bool {
        matches!(self, Self::Missed | Self::CatchUpLimit | Self::Paused | Self::Changed)
    }
}

/// What became of one tick: one row for each schedule and instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tick {
    pub schedule_id: ScheduleId,
    /// The instant that the line names; for a manual one, when it was asked for.
    pub at: Timestamp,
    pub kind: TickKind,
    pub outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<ExecutionId>,
    /// How its run ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    pub recorded_at: Timestamp,
    /// Of a span: its last tick.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Of a span: how many; none where they were too many to count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Who asked for a manual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
}

impl Tick {
    pub(super) fn due(schedule: &Schedule, at: Timestamp, outcome: Outcome, now: Timestamp) -> Self {
        Self {
            schedule_id: schedule.id,
            at,
            kind: TickKind::Due,
            outcome,
            execution_id: None,
            status: None,
            reason: None,
            message: None,
            recorded_at: now,
            until: None,
            count: None,
            actor: None,
        }
    }

    pub(super) fn skipped(schedule: &Schedule, at: Timestamp, reason: Reason, now: Timestamp) -> Self {
        Self { reason: Some(reason), ..Self::due(schedule, at, Outcome::Skipped, now) }
    }

    /// A run of it is under way.
    pub(super) fn is_open(&self) -> bool {
        self.outcome == Outcome::Fired && self.status.is_none()
    }

    /// Nothing more comes of it.
    pub(super) fn is_over(&self) -> bool {
        !self.is_open() && self.outcome != Outcome::Queued
    }

    pub(super) fn last(&self) -> Last {
        Last {
            at: self.until.unwrap_or(self.at),
            outcome: self.outcome,
            reason: self.reason,
            execution_id: self.execution_id,
            status: self.status,
        }
    }
}

/// How many schedules an organization has.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Count {
    pub schedules: u64,
}

pub(super) fn missing(id: ScheduleId) -> Error {
    Error::not_found("schedule", id)
}
