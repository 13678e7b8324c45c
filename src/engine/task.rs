//! A piece of work, how it may end, and who does it.

use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::live::Run;
use crate::base::{Code, ExecutionId, Json, OrgId, Result, Timestamp};
use crate::infra::store::{Key, Order, OrgTx, PerOrg, Row, Rows, Table, View};

/// What a crash may do to an attempt that was under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    /// It is made again, under the same idempotency key.
    AtLeastOnce,
    /// It is not made again, nor after a failure that others would repeat; the work ends as interrupted.
    AtMostOnce,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// Attempts in all, the first included.
    pub max_attempts: u32,
    pub backoff_ms: u64,
    pub max_backoff_ms: u64,
}

/// Work of one lane shares a limit on how much of it runs at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    #[serde(with = "lane_bytes")]
    pub id: [u8; 16],
    pub limit: u32,
}

/// Work that was accepted and has not ended. The row goes when it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub id: ExecutionId,
    pub org: OrgId,
    /// Work of one lane shares a limit on how much of it runs at once.
    #[serde(with = "lane_bytes")]
    pub lane: [u8; 16],
    pub lane_limit: u32,
    /// Further lanes whose limits it keeps to as well.
    #[serde(default)]
    pub more_lanes: Vec<Lane>,
    /// Where it rests until there is a place for what it does next (`Verdict::Turn`): the lanes of that. Not on
    /// disk: after a restart it asks again.
    #[serde(skip)]
    pub turn: Vec<Lane>,
    /// Higher goes first within an organization.
    pub priority: i8,
    pub repeat: Repeat,
    pub retry: Retry,
    /// From the first start to the end, all attempts included.
    pub timeout_ms: u64,
    /// For one attempt: one that takes longer has failed, and may be repeated.
    #[serde(default)]
    pub attempt_timeout_ms: Option<u64>,
    /// For the wait until it begins; the time that it is held or has to pause does not count.
    #[serde(default)]
    pub queue_timeout_ms: Option<u64>,
    pub accepted_at: Timestamp,
    /// Not before this: the pause before another attempt.
    pub ready_at: Timestamp,
    /// How long the pause before `ready_at` was to be: clocks can be set while nobody runs.
    #[serde(default)]
    pub pause_ms: u64,
    /// Attempts that have ended, or begun where `begun_at` says so.
    pub attempts: u32,
    /// First start of work that has begun and may not be begun again unseen.
    pub begun_at: Option<Timestamp>,
    /// Whether an attempt of `AtMostOnce` work is under way.
    pub in_flight: bool,
    /// Whether it rests in the middle of an attempt (`Verdict::Later`), which then goes on.
    #[serde(default)]
    pub resting: bool,
    /// Since when it is held: it does not start until it is released.
    #[serde(default)]
    pub held_since: Option<Timestamp>,
    /// Time that it was held since it began; it does not count against `timeout_ms`.
    #[serde(default)]
    pub held_ms: u64,
    /// Bytes of memory that it needs as long as it is at work, where they are many; the others count as nothing.
    #[serde(default)]
    pub weight: u64,
}

impl Task {
    /// As this one, not to be begun for that long.
    pub fn pausing(self, pause_ms: u64, now: Timestamp) -> Self {
        Self { ready_at: now.plus_ms(pause_ms), pause_ms, ..self }
    }

    /// What is left of its pause.
    pub(super) fn pause_left_ms(&self, now: Timestamp) -> u64 {
        self.ready_at.since(now).min(self.pause_ms)
    }

    /// When its time is over, where it began at `began`.
    pub(super) fn deadline(&self, began: Timestamp) -> Timestamp {
        began.plus_ms(self.timeout_ms.saturating_add(self.held_ms))
    }

    /// Every lane that it needs a place in to go on.
    pub(super) fn lanes(&self) -> impl Iterator<Item = Lane> + '_ {
        self.own_lanes().chain(self.turn.iter().copied())
    }

    /// Those that it is in as long as it is at work.
    pub(super) fn own_lanes(&self) -> impl Iterator<Item = Lane> + '_ {
        let own = Lane { id: self.lane, limit: self.lane_limit };
        std::iter::once(own).chain(self.more_lanes.iter().copied())
    }

    pub(super) fn attempt_limit(&self) -> Option<Duration> {
        self.attempt_timeout_ms.map(Duration::from_millis)
    }

    /// How long it may still wait in the queue, where that has a limit: once it has begun, as long as the run may last.
    pub(super) fn wait_left_ms(&self, now: Timestamp) -> Option<u64> {
        match self.begun_at {
            Some(began) => Some(self.deadline(began).since(now)),
            None => {
                let waited = now.since(self.accepted_at.max(self.ready_at));
                self.queue_timeout_ms.map(|it| it.saturating_sub(waited))
            }
        }
    }

    pub(super) fn held(self, now: Timestamp) -> Self {
        Self { held_since: Some(now), ..self }
    }

    pub(super) fn released(self, now: Timestamp) -> Self {
        let held = self.held_since.map_or(0, |it| now.since(it));
        if self.begun_at.is_none() {
            return Self { held_since: None, accepted_at: self.accepted_at.plus_ms(held), ..self };
        }
        Self { held_since: None, held_ms: self.held_ms.saturating_add(held), ..self }
    }
}

impl Row for Task {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(10, "tasks");

    fn key(&self) -> Key {
        Key::of(self.id)
    }
}

/// A task of the lane that has not ended, where there is one. Looks at every open task of the organization.
pub fn open_in_lane(rows: &impl Rows<PerOrg>, lane: [u8; 16]) -> Result<Option<ExecutionId>> {
    let mut found = None;
    rows.scan::<Task>(Key::new(), Order::Oldest, |task| {
        found = (task.lane == lane).then_some(task.id);
        Ok(found.is_none())
    })?;
    Ok(found)
}

/// What became of the wish to hold a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// It is held.
    Now,
    /// It is at work, and will be held as soon as it rests.
    Soon,
    /// It is at work, and cannot be held.
    AtWork,
    /// It has ended.
    Ended,
}

/// What one attempt came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    Done(Json),
    Failed(Failure),
    /// It stopped because it was told to.
    Stopped,
    /// It goes on at this time, as the same attempt; until then it holds no worker. What it has done so far is
    /// in the journal.
    Later {
        at: Timestamp,
    },
    /// As `Later`, once there is a place in all of these lanes: `Run::enter` found none.
    Turn {
        lanes: Vec<Lane>,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    pub code: Code,
    pub message: String,
    pub details: Json,
    /// Whether another attempt may succeed.
    pub retriable: bool,
    pub retry_after_ms: Option<u64>,
}

impl Failure {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: Json::of(&serde_json::json!({})),
            retriable: false,
            retry_after_ms: None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Pending,
    Running,
    Waiting,
    Completed,
    Failed,
    Cancelled,
    Timeout,
}

impl Status {
    pub const ALL: &'static [Status] = &[
        Self::Pending,
        Self::Running,
        Self::Waiting,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Timeout,
    ];

    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled | Self::Timeout)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Timeout => "timeout",
        }
    }
}

/// How work ended.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    pub status: Status,
    pub output: Option<Json>,
    pub failure: Option<Failure>,
    pub attempts: u32,
    /// First start; `None` where it never began.
    pub started_at: Option<Timestamp>,
    pub ended_at: Timestamp,
}

/// Does the work. The one implementation is registered at start.
#[async_trait]
pub trait Work: Send + Sync {
    /// One attempt. Stops soon after `run.stop` is cancelled, and then answers `Stopped`.
    async fn attempt(&self, task: &Task, run: &Run) -> Verdict;

    /// Runs of an earlier process that are not to go on, and why: they end as cancelled where they are found.
    fn unwanted(&self, _: &View<PerOrg>) -> Result<Vec<(ExecutionId, Failure)>> {
        Ok(Vec::new())
    }

    /// Writes that an attempt began, where the run outlives the first moments. Runs that end sooner go from
    /// `pending` to their end.
    fn began(&self, tx: &mut OrgTx<'_, '_>, id: ExecutionId, at: Timestamp) -> Result<()>;

    /// Writes that a run is held, or is to be held before its next step: it waits for someone to say go on.
    fn held(&self, _: &mut OrgTx<'_, '_>, _: ExecutionId, _: Hold, _: Timestamp) -> Result<()> {
        Ok(())
    }

    /// Writes that a run is held no more.
    fn released(&self, _: &mut OrgTx<'_, '_>, _: ExecutionId) -> Result<()> {
        Ok(())
    }

    /// Writes what the end means, in the transaction that ends the task.
    /// May be called again where the transaction failed.
    fn ended(&self, tx: &mut OrgTx<'_, '_>, task: &Task, end: &End) -> Result<()>;

    /// The end is on disk: what was kept in memory for this run can go.
    fn settled(&self, id: ExecutionId);
}

mod lane_bytes {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 16], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u128(u128::from_be_bytes(*bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 16], D::Error> {
        u128::deserialize(deserializer).map(u128::to_be_bytes)
    }
}
