//! What is told: an event, and the message that carries it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{AgentId, Doing, EventId, ExecutionId, Json, Result, Timestamp};
use crate::budgets::{Notice, NoticeKind};
use crate::engine::Status;
use crate::executions::{Execution, ExecutionView};

/// A message beyond this leaves the run's input out, then its output: receivers expect small ones.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024;

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident $text:literal,)*) => {
        /// What a message tells.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        #[schemars(rename = "WebhookEvent")]
        pub enum EventType { $($(#[$doc])* #[serde(rename = $text)] $name,)* }

        impl EventType {
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$name),)* _ => None }
            }
        }
    };
}

events! {
    ExecutionCompleted "execution.completed",
    ExecutionFailed "execution.failed",
    ExecutionCancelled "execution.cancelled",
    ExecutionTimeout "execution.timeout",
    /// Half, four fifths, or all of a budget's limit is used; each once in its window.
    BudgetThreshold "budget.threshold",
    /// A budget refused a call; once in its window.
    BudgetExhausted "budget.exhausted",
    /// Sent when somebody asks for a test; nobody subscribes to it.
    Test "webhook.test",
}

impl EventType {
    /// What can be subscribed to.
    pub const SUBSCRIBABLE: &'static [Self] = &[
        Self::ExecutionCompleted,
        Self::ExecutionFailed,
        Self::ExecutionCancelled,
        Self::ExecutionTimeout,
        Self::BudgetThreshold,
        Self::BudgetExhausted,
    ];

    /// What the end of a run tells; `None` where it has not ended.
    pub(super) fn of_end(status: Status) -> Option<Self> {
        match status {
            Status::Completed => Some(Self::ExecutionCompleted),
            Status::Failed => Some(Self::ExecutionFailed),
            Status::Cancelled => Some(Self::ExecutionCancelled),
            Status::Timeout => Some(Self::ExecutionTimeout),
            _ => None,
        }
    }

    pub(super) fn of_budget(kind: NoticeKind) -> Self {
        match kind {
            NoticeKind::Threshold => Self::BudgetThreshold,
            NoticeKind::Exhausted => Self::BudgetExhausted,
        }
    }
}

/// One thing that happened, with the message as it is sent to everyone: the same bytes each time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Event {
    /// The `webhook-id`.
    pub id: EventId,
    pub kind: EventType,
    pub agent_id: Option<AgentId>,
    pub execution_id: Option<ExecutionId>,
    pub at: Timestamp,
    pub body: Json,
}

#[derive(Serialize)]
struct Message<'d, T> {
    r#type: EventType,
    timestamp: Timestamp,
    data: &'d T,
}

#[derive(Serialize)]
struct Run {
    #[serde(flatten)]
    run: ExecutionView,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<&'static str>,
}

impl Event {
    /// The end of a run. `data` is the run as `GET /api/executions/{execution}` answers it.
    pub(super) fn of_run(
        id: EventId,
        kind: EventType,
        run: &Execution,
        most_bytes: usize,
        now: Timestamp,
    ) -> Result<Self> {
        let whole = run.input.len() + run.output.as_ref().map_or(0, Json::len) <= most_bytes;
        let keeps_output = run.output.as_ref().is_none_or(|it| it.len() <= most_bytes);
        let mut shown = run.clone();
        let mut left_out = Vec::new();
        if !whole {
            shown.input = Json::null();
            left_out.push("input");
        }
        if !keeps_output {
            shown.output = None;
            left_out.push("output");
        }
        let at = run.completed_at.unwrap_or(now);
        let data = Run { run: shown.view(now, None), left_out };
        let body = body_of(kind, at, &data)?;
        Ok(Self { id, kind, agent_id: run.agent_id, execution_id: Some(run.id), at, body })
    }

    /// How a budget stands. `data` is the notice itself.
    pub(super) fn of_budget(id: EventId, notice: &Notice) -> Result<Self> {
        let kind = EventType::of_budget(notice.kind);
        let body = body_of(kind, notice.at, notice)?;
        Ok(Self {
            id,
            kind,
            agent_id: notice.agent_id,
            execution_id: notice.execution_id,
            at: notice.at,
            body,
        })
    }

    pub(super) fn of_test(id: EventId, data: &serde_json::Value, now: Timestamp) -> Result<Self> {
        let body = body_of(EventType::Test, now, data)?;
        Ok(Self { id, kind: EventType::Test, agent_id: None, execution_id: None, at: now, body })
    }
}

/// Read back as it is written, without a look at how deep it nests: a run's own output may nest as deep as bodies may,
/// and the message goes around it.
fn body_of(kind: EventType, timestamp: Timestamp, data: &impl Serialize) -> Result<Json> {
    let text = serde_json::to_string(&Message { r#type: kind, timestamp, data }).doing("write an event")?;
    serde_json::from_str(&text).doing("write an event")
}
