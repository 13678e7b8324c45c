//! What a run is, as it is stored and as it is shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::Cx;
use crate::adapters::Usage;
use crate::base::{AgentId, ExecutionId, Json, Timestamp, VersionId, WorkflowId};
use crate::engine::{Failure, Status};

/// Most that a caller may wait for a run's end.
pub(super) const MAX_WAIT_MS: u64 = 300_000;
pub(super) const DEFAULT_WAIT_MS: u64 = 30_000;
/// Longest time limit of a run.
pub(super) const MAX_TIMEOUT_MS: u64 = 24 * 3_600_000;
pub(super) const MAX_SESSION_CHARS: usize = 200;
pub(super) const MAX_METADATA_BYTES: usize = 16 * 1024;

/// How a run came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TriggerKind {
    Api,
    /// From the browser's console.
    Console,
    /// Another run's input once more.
    Retry,
    /// The program's own demonstration.
    Demo,
    Schedule,
    /// An inbound hook.
    Hook,
    /// A named event.
    Event,
    /// One of many inputs that were handed in together.
    Batch,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trigger {
    pub kind: TriggerKind,
    /// `usr_…`, `key_…` or `system:…`.
    pub actor: String,
    /// The run that this one repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<ExecutionId>,
    /// Id of the schedule, trigger or batch that it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl Trigger {
    pub fn of(kind: TriggerKind, cx: &Cx) -> Self {
        Self { kind, actor: cx.actor().to_string(), retry_of: None, source: None }
    }

    pub fn from_source(self, source: impl ToString) -> Self {
        Self { source: Some(source.to_string()), ..self }
    }
}

/// The stored run: the summary of its journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    pub id: ExecutionId,
    /// Who runs: an agent in one of its versions, or a workflow in one of its revisions.
    #[serde(default)]
    pub agent_id: Option<AgentId>,
    #[serde(default)]
    pub version_id: Option<VersionId>,
    #[serde(default)]
    pub agent_version: Option<String>,
    #[serde(default)]
    pub workflow_id: Option<WorkflowId>,
    #[serde(default)]
    pub workflow_revision: Option<u32>,
    /// The run that this one is a part of.
    #[serde(default)]
    pub parent_id: Option<ExecutionId>,
    pub status: Status,
    pub input: Json,
    pub output: Option<Json>,
    pub failure: Option<Failure>,
    pub session_id: Option<String>,
    pub attempts: u32,
    pub trigger: Trigger,
    pub metadata: Option<Json>,
    /// W3C trace context that the caller sent.
    pub traceparent: Option<String>,
    pub usage: Usage,
    pub timeout_ms: u64,
    pub priority: i8,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
}

/// What a caller sends to run an agent.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewExecution {
    /// Must fit the agent's input schema.
    pub input: Json,
    /// Runs of one conversation share it.
    #[serde(default)]
    pub session_id: Option<String>,
    /// A version's number, or `draft`; left out: the one that is published.
    #[serde(default)]
    pub version: Option<String>,
    /// How long to wait for the end before answering `202`: 0 to 300000, by default 30000.
    #[serde(default)]
    #[schemars(range(min = 0, max = 300_000))]
    pub wait_ms: Option<u64>,
    /// For the whole run, attempts and pauses included; left out: the agent's own.
    #[serde(default)]
    #[schemars(range(min = 1, max = 86_400_000))]
    pub timeout_ms: Option<u64>,
    /// -100 to 100; higher goes first among the organization's waiting runs.
    #[serde(default)]
    #[schemars(range(min = -100, max = 100))]
    pub priority: Option<i8>,
    /// An object of your own, kept with the run.
    #[serde(default)]
    pub metadata: Option<Json>,
}

impl NewExecution {
    pub fn of(input: Json) -> Self {
        Self {
            input,
            session_id: None,
            version: None,
            wait_ms: None,
            timeout_ms: None,
            priority: None,
            metadata: None,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct UsageView {
    /// From the first start to the end; so far, where it has not ended.
    pub duration_ms: u64,
    /// From acceptance to the first start.
    pub queue_ms: u64,
    pub cpu_time_ms: u64,
    pub memory_peak_bytes: Option<u64>,
    pub api_calls: u64,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cost_micros: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ErrorView {
    pub code: crate::base::Code,
    pub message: String,
    pub details: Json,
}

/// A run as answers show it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ExecutionView {
    pub id: ExecutionId,
    /// The agent that ran; none for a run of a workflow.
    pub agent_id: Option<AgentId>,
    pub agent_version: Option<String>,
    pub workflow_id: Option<WorkflowId>,
    pub workflow_revision: Option<u32>,
    pub deployment_id: Option<String>,
    pub parent_id: Option<ExecutionId>,
    pub status: Status,
    pub input: Json,
    pub output: Option<Json>,
    pub session_id: Option<String>,
    pub error: Option<ErrorView>,
    /// Attempts that were begun.
    pub attempts: u32,
    pub trigger: Trigger,
    pub metadata: Option<Json>,
    pub usage: UsageView,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
}

impl Execution {
    /// As it is shown at `now`; `since` is when it began, where it is at work and the row does not say so yet.
    pub fn view(self, now: Timestamp, since: Option<Timestamp>) -> ExecutionView {
        let started_at = self.started_at.or(since);
        let running = self.status == Status::Pending && started_at.is_some();
        let until = self.completed_at.unwrap_or(now);
        let usage = UsageView {
            duration_ms: started_at.map_or(0, |it| until.since(it)),
            queue_ms: started_at.unwrap_or(until).since(self.created_at),
            cpu_time_ms: self.usage.cpu_time_ms,
            memory_peak_bytes: None,
            api_calls: self.usage.api_calls,
            input_tokens: self.usage.input_tokens,
            output_tokens: self.usage.output_tokens,
            cost_micros: self.usage.cost_micros,
        };
        ExecutionView {
            id: self.id,
            agent_id: self.agent_id,
            agent_version: self.agent_version,
            workflow_id: self.workflow_id,
            workflow_revision: self.workflow_revision,
            deployment_id: None,
            parent_id: self.parent_id,
            status: if running { Status::Running } else { self.status },
            input: self.input,
            output: self.output,
            session_id: self.session_id,
            error: self.failure.map(|it| ErrorView {
                code: it.code,
                message: it.message,
                details: it.details,
            }),
            attempts: self.attempts,
            trigger: self.trigger,
            metadata: self.metadata,
            usage,
            created_at: self.created_at,
            started_at,
            completed_at: self.completed_at,
        }
    }
}
