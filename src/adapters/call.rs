//! What passes between the program and an adapter: a call, its events, its outcome.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::base::{Code, Error, Json};
use crate::infra::Secret;
use crate::infra::egress::{Caller, Egress, Seat};

/// One attempt of one piece of work.
pub struct Call {
    /// The agent version's config: passed its schema and `Adapter::check`.
    pub config: Arc<Value>,
    pub input: Json,
    /// The agent's own words and shapes, for adapters that use them (`native`).
    pub instructions: String,
    pub output_schema: Option<Arc<Value>>,
    /// Identical on every attempt of the same work; sent on as `Idempotency-Key` where the platform takes one.
    pub idempotency_key: String,
    pub session_id: Option<String>,
    /// What was said in the session before, oldest first. Adapters of agents that remember it themselves leave it.
    pub history: Vec<Turn>,
    pub attempt: u32,
    /// Time left for this attempt.
    pub timeout: Duration,
    /// W3C trace context to send on.
    pub traceparent: Option<String>,
    pub credentials: Vec<Credential>,
    pub egress: Egress,
    /// On whose account the traffic is.
    pub caller: Caller,
    pub callbacks: Arc<dyn Callbacks>,
    /// Cancelled when nobody wants the result any more.
    pub stop: CancellationToken,
    /// Where the memory of a large answer stays taken until the result is on disk.
    pub seat: Arc<Seat>,
}

/// A message of a session, and what the agent answered; nothing where it was interrupted.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    pub input: Json,
    pub output: Option<Json>,
}

/// A credential, opened for this call only.
pub struct Credential {
    pub id: String,
    pub kind: String,
    pub value: CredentialValue,
    /// Hosts it may be sent to (`api.example.com`, `*.example.com`); empty: wherever the agent points.
    pub allowed_hosts: Vec<String>,
}

/// The fields of a credential by name (`key`; `token`; `username`, `password`; `name`, `value`).
pub type CredentialValue = BTreeMap<String, Secret>;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Abilities {
    /// Sends its answer in pieces.
    pub streams: bool,
    /// Can stop the work at the far end.
    pub cancels: bool,
    /// Can go on with interrupted work.
    pub resumes: bool,
}

/// Takes what happens during a call. Never blocks; may merge neighbouring deltas.
pub trait Sink: Send + Sync {
    fn emit(&self, event: Event);
}

#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A piece of the answer as text.
    Text(String),
    /// A piece of the answer as JSON.
    Piece(Value),
    Log {
        level: LogLevel,
        message: String,
    },
    ToolCalled {
        name: String,
        arguments: Value,
    },
    ToolReturned {
        name: String,
        result: Value,
    },
    /// Used since the last report of this call; reports add up.
    Usage(Usage),
    /// What the far end knows of the stop of this call, where the adapter knows more than `when_stopped` says.
    Stopped(Upstream),
}

/// What the far end knows of a call that was stopped before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Upstream {
    /// Nothing goes on there: it said so, or it had not begun.
    Confirmed,
    /// It was told to stop, and has not said whether it did.
    Told,
    /// It could not be told, and may go on.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

/// Sums of what is known. Where something is not, it is written as `null`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Figures", into = "Figures")]
pub struct Usage {
    pub api_calls: u64,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cost_micros: i64,
    /// Of what was done in this process; what a far end needs is not known.
    pub cpu_time_ms: u64,
    /// Calls whose cost nobody knows: it is not in `cost_micros`.
    pub unpriced_calls: u64,
    /// Calls whose tokens nobody knows: they are not in `input_tokens` and `output_tokens`.
    pub uncounted_calls: u64,
}

/// `Usage` as it is written. Rows hold it without names, so a new field goes to the end.
#[derive(Serialize, Deserialize)]
struct Figures {
    api_calls: u64,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cost_micros: Option<i64>,
    cpu_time_ms: Option<u64>,
    #[serde(default)]
    unpriced_calls: u64,
    #[serde(default)]
    uncounted_calls: u64,
}

impl From<Usage> for Figures {
    fn from(it: Usage) -> Self {
        Self {
            api_calls: it.api_calls,
            input_tokens: it.known_tokens().map(|it| it.0),
            output_tokens: it.known_tokens().map(|it| it.1),
            cost_micros: it.known_cost_micros(),
            cpu_time_ms: it.known_cpu_time_ms(),
            unpriced_calls: it.unpriced_calls,
            uncounted_calls: it.uncounted_calls,
        }
    }
}

impl From<Figures> for Usage {
    fn from(it: Figures) -> Self {
        Self {
            api_calls: it.api_calls,
            input_tokens: it.input_tokens.unwrap_or(0),
            output_tokens: it.output_tokens.unwrap_or(0),
            cost_micros: it.cost_micros.unwrap_or(0),
            cpu_time_ms: it.cpu_time_ms.unwrap_or(0),
            unpriced_calls: it.unpriced_calls,
            uncounted_calls: it.uncounted_calls,
        }
    }
}

impl Usage {
    /// Of a call of which nothing is known but that it was made.
    pub fn of_unknown_call() -> Self {
        Self { api_calls: 1, unpriced_calls: 1, uncounted_calls: 1, ..Self::default() }
    }

    /// As far as it is known; `None` where it is of no call.
    pub fn known_cost_micros(&self) -> Option<i64> {
        known(self.cost_micros, self.api_calls, self.unpriced_calls)
    }

    /// In and out, as far as they are known; `None` where they are of no call.
    pub fn known_tokens(&self) -> Option<(u64, u64)> {
        known((self.input_tokens, self.output_tokens), self.api_calls, self.uncounted_calls)
    }

    /// `None` where all was done elsewhere. What is done here takes a millisecond at least.
    pub fn known_cpu_time_ms(&self) -> Option<u64> {
        (self.cpu_time_ms != 0 || self.api_calls == 0).then_some(self.cpu_time_ms)
    }

    pub fn add(&mut self, more: Self) {
        self.api_calls += more.api_calls;
        self.input_tokens += more.input_tokens;
        self.output_tokens += more.output_tokens;
        self.cost_micros += more.cost_micros;
        self.cpu_time_ms += more.cpu_time_ms;
        self.unpriced_calls += more.unpriced_calls;
        self.uncounted_calls += more.uncounted_calls;
    }
}

/// A sum over `calls`, of which it is not known for `unknown`; `None` where it is of no call.
pub fn known<T: Default + PartialEq>(sum: T, calls: u64, unknown: u64) -> Option<T> {
    (sum != T::default() || unknown == 0 || unknown < calls).then_some(sum)
}

/// The work is done.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub output: Json,
}

/// The work is not done.
#[derive(Debug)]
pub struct CallError {
    pub code: Code,
    /// One sentence for the person who started it. Holds no secret and no raw body beyond a short excerpt.
    pub message: String,
    /// Status, upstream's own code, an excerpt of its answer: whatever helps.
    pub details: serde_json::Map<String, Value>,
    /// Whether the same call may succeed later (connection refused, 429, 502–504).
    pub retriable: bool,
    /// How long upstream asked us to wait.
    pub retry_after: Option<Duration>,
}

impl CallError {
    /// The far end failed or refused, and asking again as it is would not help.
    pub fn failed(message: impl Into<String>) -> Self {
        Self {
            code: Code::ExecutionFailed,
            message: message.into(),
            details: serde_json::Map::new(),
            retriable: false,
            retry_after: None,
        }
    }

    /// As `failed`, but the same call may succeed later.
    pub fn temporary(message: impl Into<String>) -> Self {
        Self { retriable: true, ..Self::failed(message) }
    }

    pub fn with_code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }

    pub fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        let plain = Error::new(error.code, error.message);
        error.details.into_iter().fold(plain, |it, (name, value)| it.detail(&name, value))
    }
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Probe {
    pub ok: bool,
    pub latency_ms: u64,
    /// One sentence: what was found.
    pub detail: String,
    pub checks: Vec<Check>,
}

/// One step of a probe: name resolution, connection, authentication, one answer.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    pub name: String,
    pub ok: bool,
    pub duration_ms: u64,
    pub detail: String,
    /// What to do where it is not ok.
    pub remedy: Option<String>,
}

/// Hands out one-time addresses at which the far end can leave its answer later.
#[async_trait]
pub trait Callbacks: Send + Sync {
    /// Errors: `Unavailable` where the appliance has no address that others can reach.
    fn open(&self) -> Result<Callback, Error>;
}

/// A one-time address, and the wait for what is left there. Dropping it closes the address.
pub struct Callback {
    pub url: String,
    pub answer: tokio::sync::oneshot::Receiver<Json>,
}
