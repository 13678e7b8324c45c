//! What a run is, as it is stored and as it is shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sessions::OnBusy;
use crate::access::Cx;
use crate::adapters::{Upstream, Usage};
use crate::base::{AgentId, BatchId, Error, ExecutionId, Json, Result, Timestamp, VersionId, WorkflowId};
use crate::engine::{Failure, Status, Underway};
use crate::infra::egress::origin_of;

/// Most that a caller may wait for a run's end.
pub(super) const MAX_WAIT_MS: u64 = 300_000;
pub(super) const DEFAULT_WAIT_MS: u64 = 30_000;
/// Longest time limit of a run.
pub(super) const MAX_TIMEOUT_MS: u64 = 24 * 3_600_000;
pub(super) const MAX_SESSION_CHARS: usize = 200;
const MAX_METADATA_BYTES: usize = 16 * 1024;

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

/// The stored run: the summary of its journal. There are many such rows: names are short and what is missing is
/// left out. Older rows have the fields' own names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    #[serde(rename = "i", alias = "id")]
    pub id: ExecutionId,
    /// Who runs: an agent in one of its versions, or a workflow in one of its revisions.
    #[serde(rename = "a", alias = "agent_id", default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<AgentId>,
    #[serde(rename = "v", alias = "version_id", default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<VersionId>,
    #[serde(rename = "n", alias = "agent_version", default, skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
    #[serde(rename = "w", alias = "workflow_id", default, skip_serializing_if = "Option::is_none")]
    pub workflow_id: Option<WorkflowId>,
    #[serde(rename = "wr", alias = "workflow_revision", default, skip_serializing_if = "Option::is_none")]
    pub workflow_revision: Option<u32>,
    /// The run that this one is a part of.
    #[serde(rename = "p", alias = "parent_id", default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<ExecutionId>,
    /// Its place in a batch.
    #[serde(rename = "bt", default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchPlace>,
    /// Since when someone wants it to wait.
    #[serde(rename = "pa", default, skip_serializing_if = "Option::is_none")]
    pub paused_at: Option<Timestamp>,
    /// Its session goes on as if it had not been.
    #[serde(rename = "ud", default, skip_serializing_if = "std::ops::Not::not")]
    pub undone: bool,
    /// The later run of its session that is to end it.
    #[serde(rename = "ib", default, skip_serializing_if = "Option::is_none")]
    pub interrupted_by: Option<ExecutionId>,
    /// The run that repeats this one.
    #[serde(rename = "rb", default, skip_serializing_if = "Option::is_none")]
    pub retried_by: Option<ExecutionId>,
    /// Who is told of its end.
    #[serde(rename = "cb", default, skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// What the far end knows of its cancellation, or of the end of its time.
    #[serde(rename = "up", default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Upstream>,
    #[serde(rename = "s", alias = "status")]
    pub status: Status,
    #[serde(rename = "in", alias = "input")]
    pub input: Json,
    #[serde(rename = "out", alias = "output", default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Json>,
    #[serde(rename = "f", alias = "failure", default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    #[serde(rename = "ss", alias = "session_id", default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    #[serde(rename = "at", alias = "attempts")]
    pub attempts: u32,
    #[serde(rename = "t", alias = "trigger")]
    pub trigger: Trigger,
    #[serde(rename = "m", alias = "metadata", default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Json>,
    /// W3C trace context that the caller sent.
    #[serde(rename = "tp", alias = "traceparent", default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    #[serde(rename = "u", alias = "usage", serialize_with = "without_names")]
    pub usage: Usage,
    #[serde(rename = "tm", alias = "timeout_ms")]
    pub timeout_ms: u64,
    #[serde(rename = "pr", alias = "priority")]
    pub priority: i8,
    #[serde(rename = "c", alias = "created_at")]
    pub created_at: Timestamp,
    #[serde(rename = "b", alias = "started_at", default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    #[serde(rename = "e", alias = "completed_at", default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
}

/// Read back by their order; a new one goes to the end.
fn without_names<S: serde::Serializer>(usage: &Usage, serializer: S) -> Result<S::Ok, S::Error> {
    let Usage {
        api_calls,
        input_tokens,
        output_tokens,
        cost_micros,
        cpu_time_ms,
        unpriced_calls,
        uncounted_calls,
    } = usage;
    let figures =
        (api_calls, input_tokens, output_tokens, cost_micros, cpu_time_ms, unpriced_calls, uncounted_calls);
    figures.serialize(serializer)
}

/// Which line of which batch a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchPlace {
    pub id: BatchId,
    /// Counted from 1.
    pub line: u32,
}

/// What callers keep with runs and sessions.
///
/// Errors: `ValidationFailed` for what is large, or no object.
pub(super) fn check_metadata(metadata: Option<&Json>) -> Result<()> {
    match metadata {
        Some(it) if it.len() > MAX_METADATA_BYTES => {
            Err(Error::invalid_at("metadata", format!("has at most {MAX_METADATA_BYTES} bytes")))
        }
        Some(it) if !it.as_str().starts_with('{') => {
            Err(Error::invalid_at("metadata", "has to be an object"))
        }
        _ => Ok(()),
    }
}

/// What a run that waits is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaitingFor {
    /// It was paused: someone has to resume it.
    Resume,
}

/// What a caller sends to run an agent.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewExecution {
    /// Must fit the agent's input schema.
    pub input: Json,
    /// Runs of one conversation share it, and run one after the other. Where several agents share one, each is told
    /// its own part of it; the steps of a chain are told nothing of it but its name.
    #[serde(default)]
    pub session_id: Option<String>,
    /// What becomes of this run while another one of its session has not ended; by default it waits for it.
    #[serde(default)]
    pub on_busy: Option<OnBusy>,
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
    /// Where the whole run is sent when it has ended, however it did: signed as Standard Webhooks says, tried for
    /// days. See `GET /api/executions/{execution}/callback`.
    #[serde(default)]
    #[schemars(length(max = 2048))]
    pub callback_url: Option<String>,
}

impl NewExecution {
    pub fn of(input: Json) -> Self {
        Self {
            input,
            session_id: None,
            on_busy: None,
            version: None,
            wait_ms: None,
            timeout_ms: None,
            priority: None,
            metadata: None,
            callback_url: None,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct UsageView {
    /// From the first start to the end; so far, where it has not ended.
    pub duration_ms: u64,
    /// From acceptance to the first start.
    pub queue_ms: u64,
    /// Of what was done in this process; `null` where all of it was done elsewhere, and before the end.
    pub cpu_time_ms: Option<u64>,
    /// `null`: nobody measures it yet. What runs here shares one process, what runs elsewhere does not say.
    pub memory_peak_bytes: Option<u64>,
    pub api_calls: u64,
    /// As far as it is known; `null` where it is of no call, and before the end.
    pub input_tokens: Option<u64>,
    /// As far as it is known; `null` where it is of no call, and before the end.
    pub output_tokens: Option<u64>,
    /// As far as it is known; `null` where it is of no call, and before the end.
    pub cost_micros: Option<i64>,
    /// Calls whose cost nobody knows: it is not in `cost_micros`.
    #[serde(default)]
    pub unpriced_calls: u64,
    /// Calls whose tokens nobody knows: they are not in `input_tokens` and `output_tokens`.
    #[serde(default)]
    pub uncounted_calls: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ErrorView {
    pub code: crate::base::Code,
    pub message: String,
    pub details: Json,
}

/// A run as answers show it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Execution")]
pub struct ExecutionView {
    pub id: ExecutionId,
    /// The agent that ran; none for a run of a workflow.
    pub agent_id: Option<AgentId>,
    pub agent_version: Option<String>,
    pub workflow_id: Option<WorkflowId>,
    pub workflow_revision: Option<u32>,
    pub deployment_id: Option<String>,
    pub parent_id: Option<ExecutionId>,
    /// The batch that it is a line of.
    pub batch_id: Option<BatchId>,
    pub status: Status,
    /// What it waits for, where it is `waiting`.
    pub waiting_for: Option<WaitingFor>,
    /// Since when it is to be paused. One that is at work waits once its present step has ended.
    pub paused_at: Option<Timestamp>,
    /// The run that repeats this one.
    pub retried_by: Option<ExecutionId>,
    /// The later run of its session that interrupted this one, or took it back.
    pub interrupted_by: Option<ExecutionId>,
    pub input: Json,
    pub output: Option<Json>,
    pub session_id: Option<String>,
    pub error: Option<ErrorView>,
    /// Of a run that was cancelled, or ran out of time: whether the agent's side has stopped, too.
    pub cancellation: Option<Cancellation>,
    /// Attempts that were begun.
    pub attempts: u32,
    pub trigger: Trigger,
    pub metadata: Option<Json>,
    /// Where its end is told, as it named it: scheme, host and port.
    pub callback_origin: Option<String>,
    pub usage: UsageView,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
}

/// What became of the work at the far end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cancellation {
    pub upstream: Upstream,
    pub message: String,
}

impl Cancellation {
    pub(super) fn of(upstream: Upstream, attempts: u32) -> Self {
        let message = match upstream {
            Upstream::Confirmed if attempts == 0 => "it had not begun, and nothing was sent to the agent",
            Upstream::Confirmed => "the agent has stopped",
            Upstream::Told => "the agent was told to stop, and has not said whether it did",
            Upstream::Unknown => "the agent could not be told, and may still be at work",
        };
        Self { upstream, message: message.to_owned() }
    }
}

impl Execution {
    /// Nothing more will happen to it by itself, and it has not succeeded: it failed or ran out of time, its
    /// attempts are used up, nobody has tried it again, and no other run answers for it.
    pub(super) fn is_dead(&self) -> bool {
        matches!(self.status, Status::Failed | Status::Timeout)
            && self.retried_by.is_none()
            && self.parent_id.is_none()
    }

    /// As it is shown at `now`; `underway` is what the row does not say before the end.
    pub fn view(self, now: Timestamp, underway: Option<Underway>) -> ExecutionView {
        let underway = underway.unwrap_or_default();
        let started_at = self.started_at.or(underway.since);
        let running = self.status == Status::Pending && started_at.is_some();
        let until = self.completed_at.unwrap_or(now);
        // It is added up at the end.
        let used = self.completed_at.map(|_| self.usage);
        let tokens = used.and_then(|it| it.known_tokens());
        let usage = UsageView {
            duration_ms: started_at.map_or(0, |it| until.since(it)),
            queue_ms: started_at.unwrap_or(until).since(self.created_at),
            cpu_time_ms: used.and_then(|it| it.known_cpu_time_ms()),
            memory_peak_bytes: None,
            api_calls: self.usage.api_calls,
            input_tokens: tokens.map(|it| it.0),
            output_tokens: tokens.map(|it| it.1),
            cost_micros: used.and_then(|it| it.known_cost_micros()),
            unpriced_calls: self.usage.unpriced_calls,
            uncounted_calls: self.usage.uncounted_calls,
        };
        ExecutionView {
            id: self.id,
            agent_id: self.agent_id,
            agent_version: self.agent_version,
            workflow_id: self.workflow_id,
            workflow_revision: self.workflow_revision,
            deployment_id: None,
            parent_id: self.parent_id,
            batch_id: self.batch.map(|it| it.id),
            waiting_for: (self.status == Status::Waiting && self.paused_at.is_some())
                .then_some(WaitingFor::Resume),
            paused_at: self.paused_at.filter(|_| !self.status.has_ended()),
            retried_by: self.retried_by,
            interrupted_by: self.interrupted_by,
            status: if running { Status::Running } else { self.status },
            input: self.input,
            output: self.output,
            session_id: self.session_id,
            error: self.failure.map(|it| ErrorView {
                code: it.code,
                message: it.message,
                details: it.details,
            }),
            cancellation: self.upstream.map(|it| Cancellation::of(it, self.attempts)),
            attempts: self.attempts.max(underway.attempts),
            trigger: self.trigger,
            metadata: self.metadata,
            callback_origin: self.callback_url.as_deref().map(origin_of),
            usage,
            created_at: self.created_at,
            started_at,
            completed_at: self.completed_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Env, Id, OrgId};
    use crate::infra::store::{Key, OpenOptions, PerOrg, Row, Rows, Store, Table};

    /// A row as the first version wrote it, as far as it must be there.
    #[derive(Serialize, Deserialize)]
    struct Old {
        id: ExecutionId,
        agent_id: AgentId,
        version_id: VersionId,
        agent_version: String,
        status: Status,
        input: Json,
        output: Option<Json>,
        failure: Option<Failure>,
        session_id: Option<String>,
        attempts: u32,
        trigger: Trigger,
        metadata: Option<Json>,
        traceparent: Option<String>,
        usage: Usage,
        timeout_ms: u64,
        priority: i8,
        created_at: Timestamp,
        started_at: Option<Timestamp>,
        completed_at: Option<Timestamp>,
    }

    impl Row for Old {
        type Scope = PerOrg;
        const TABLE: Table = Execution::TABLE;

        fn key(&self) -> Key {
            Key::of(self.id)
        }
    }

    #[test]
    fn rows_of_the_first_version_are_read() {
        let at = Timestamp::from_millis(5);
        let old = Old {
            id: ExecutionId::from_bytes([1; 16]),
            agent_id: AgentId::from_bytes([2; 16]),
            version_id: VersionId::from_bytes([3; 16]),
            agent_version: "1.0.0".into(),
            status: Status::Completed,
            input: Json::null(),
            output: Some(Json::of(&serde_json::json!({"a": 1}))),
            failure: None,
            session_id: Some("s".into()),
            attempts: 2,
            trigger: Trigger { kind: TriggerKind::Api, actor: "key_1".into(), retry_of: None, source: None },
            metadata: None,
            traceparent: None,
            usage: Usage { input_tokens: 7, cpu_time_ms: 3, ..Usage::default() },
            timeout_ms: 9,
            priority: -1,
            created_at: at,
            started_at: Some(at),
            completed_at: None,
        };
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path(), OpenOptions::default(), &Env::system()).expect("opens");
        let (org, id) = (OrgId::from_bytes([9; 16]), old.id);
        store.write_blocking(move |tx| tx.org(org).insert(&old)).expect("writes");
        let found: Execution = store.org(org).and_then(|it| it.get(id)).expect("readable").expect("there");
        assert_eq!(found.agent_id, Some(AgentId::from_bytes([2; 16])));
        assert_eq!((found.status, found.attempts, found.priority), (Status::Completed, 2, -1));
        assert_eq!(found.output.as_ref().map(Json::as_str), Some("{\"a\":1}"));
        assert_eq!(found.session_id.as_deref(), Some("s"));
        assert_eq!((found.usage.input_tokens, found.usage.cpu_time_ms), (7, 3));
        assert_eq!((found.started_at, found.completed_at), (Some(at), None));
        store
            .write_blocking({
                let found = found.clone();
                move |tx| tx.org(org).put(&found)
            })
            .expect("writes");
        assert_eq!(store.org(org).and_then(|it| it.get(id)).expect("readable"), Some(found));
    }
}
