//! What exists: an agent, its versions, what its checks found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::Number;
use super::rights::Grant;
use super::status::Status;
use crate::adapters::Probe;
use crate::base::{AgentId, CredentialId, Json, Timestamp, UserId, VersionId};

/// Who sees an agent, beside its owner, those it was shared with, and the organization's admins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "AgentVisibility")]
pub enum Visibility {
    #[default]
    Private,
    /// The whole organization, until it has teams.
    Team,
    Organization,
    /// The organization, and the catalog that needs no log-in.
    Public,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "AgentHealth")]
pub enum Health {
    Healthy,
    Degraded,
    Unhealthy,
    /// Nobody has looked yet.
    #[default]
    Unknown,
}

/// What usually starts it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "AgentTriggerMode")]
pub enum TriggerMode {
    #[default]
    Manual,
    Schedule,
    Event,
    Webhook,
}

/// What is promised about work that was under way when the server stopped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "AgentDelivery")]
pub enum Delivery {
    /// It is run again under the same idempotency key.
    #[default]
    AtLeastOnce,
    /// It is never run again, and ends as interrupted.
    AtMostOnce,
}

/// How a version is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "AgentExecutionPolicy")]
pub struct Policy {
    /// For the whole run, all attempts and the pauses between them included.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub timeout_ms: u64,
    /// For one attempt; one that takes longer has failed, and may be repeated. At most `timeout_ms`; `null`: as long as
    /// the run has.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub attempt_timeout_ms: Option<u64>,
    /// For the wait until it begins; a run that waits longer ends as `timeout`. `null`: no limit.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub queue_timeout_ms: Option<u64>,
    pub retry: Retry,
    /// Runs at work at once; `null`: as many as the organization may have.
    #[schemars(range(min = 1, max = 100_000))]
    pub max_concurrency: Option<u32>,
    /// Runs that may begin in a minute; `null`: no limit of its own.
    #[schemars(range(min = 1, max = 100_000_000))]
    pub rate_limit_per_minute: Option<u32>,
    /// Millionths of the currency that its runs may use in a day of the organization's time zone. One that may use more
    /// than is left is refused with `ResourceExhausted`; `null`: no limit of its own.
    #[schemars(range(min = 0))]
    pub budget_micros_per_day: Option<i64>,
    /// Named to run instead where this one has failed for good. Kept and checked; no run is led there yet.
    pub fallback_agent_id: Option<AgentId>,
    pub delivery: Delivery,
}

impl Policy {
    /// What one attempt may take.
    pub fn attempt_ms(&self) -> u64 {
        self.attempt_timeout_ms.map_or(self.timeout_ms, |it| it.min(self.timeout_ms))
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            timeout_ms: 30_000,
            attempt_timeout_ms: None,
            queue_timeout_ms: None,
            retry: Retry::default(),
            max_concurrency: None,
            rate_limit_per_minute: None,
            budget_micros_per_day: None,
            fallback_agent_id: None,
            delivery: Delivery::default(),
        }
    }
}

/// The n-th wait is `backoff_ms` doubled n - 1 times, at most `max_backoff_ms`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "AgentRetryPolicy")]
pub struct Retry {
    /// Attempts in all; 1: never again.
    #[schemars(range(min = 1, max = 20))]
    pub max_attempts: u32,
    #[schemars(range(min = 0, max = 86_400_000))]
    pub backoff_ms: u64,
    /// At least `backoff_ms`.
    #[schemars(range(min = 0, max = 86_400_000))]
    pub max_backoff_ms: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Self { max_attempts: 3, backoff_ms: 500, max_backoff_ms: 30_000 }
    }
}

/// Everything that decides what a run does. Part of a version, and immutable once that is published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    pub agent_type: String,
    pub config: Json,
    pub credential_ids: Vec<CredentialId>,
    /// The agent's instructions.
    pub persona: String,
    pub skillset: Vec<String>,
    /// `{}` takes anything.
    pub input_schema: Json,
    pub output_schema: Json,
    pub execution: Policy,
}

/// A version by what names it, in its agent's row: enough to find it in the cache without reading its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct VersionRef {
    pub id: VersionId,
    pub number: Number,
    /// Counts the changes of a draft.
    pub revision: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    pub id: AgentId,
    /// Unique in the organization; never changes.
    pub slug: String,
    /// Unique in the organization, whatever the case of its letters.
    pub name: String,
    pub description: String,
    pub agent_type: String,
    pub capabilities: Vec<String>,
    pub tags: Vec<String>,
    pub trigger_mode: TriggerMode,
    pub visibility: Visibility,
    pub grants: Vec<Grant>,
    pub status: Status,
    pub enabled: bool,
    pub health: Health,
    /// Nobody where the program itself made it.
    pub owner_id: Option<UserId>,
    pub metadata: Json,
    /// The published version that runs.
    pub current: Option<VersionRef>,
    /// What is being worked on.
    pub draft: Option<VersionRef>,
    /// Highest number that was ever given.
    pub newest: Number,
    /// Counts the changes of this row.
    pub revision: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Agent {
    /// What its answers show: the draft where there is one, else what runs.
    pub fn shown(&self) -> Option<VersionRef> {
        self.draft.or(self.current)
    }

    /// The number that answers name as current: what runs, or the first draft before anything does.
    pub fn current_number(&self) -> Number {
        self.current.or(self.draft).map_or(self.newest, |it| it.number)
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "AgentVersionStatus")]
pub enum VersionStatus {
    #[default]
    Draft,
    /// Immutable.
    Published,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Version {
    pub id: VersionId,
    pub agent_id: AgentId,
    pub number: Number,
    pub revision: u64,
    pub status: VersionStatus,
    pub changelog: String,
    pub definition: Definition,
    pub created_at: Timestamp,
    /// Who began it, as actors are written (`usr_…`).
    pub created_by: String,
    pub published_at: Option<Timestamp>,
    pub published_by: Option<String>,
}

impl Version {
    pub fn reference(&self) -> VersionRef {
        VersionRef { id: self.id, number: self.number, revision: self.revision }
    }
}

/// What a check of an agent found, and when.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AgentHealthCheck")]
pub struct HealthCheck {
    pub at: Timestamp,
    pub health: Health,
    /// The version that was looked at.
    pub version: Number,
    pub probe: Probe,
}

/// The last checks of one agent, newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct HealthLog {
    pub agent_id: AgentId,
    pub checks: Vec<HealthCheck>,
}

/// What stays of a deleted agent, so that its history can still be read by those who could read it before.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Gone {
    pub agent: Agent,
    pub deleted_at: Timestamp,
}

/// How many agents there are, so that a limit costs one read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Count {
    pub agents: u64,
}
