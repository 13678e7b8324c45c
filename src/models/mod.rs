//! Models: what turns instructions and text into an answer. Every provider stands behind `Model`, so that an
//! agent does not know whether its answer came from a machine in the next room or from this binary.
//! A model knows nothing of agents, organizations or executions.

pub mod builtin;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::base::Code;

pub use builtin::Builtin;

/// What a model is asked, in no provider's own form.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The standing orders (what providers call the system prompt).
    pub instructions: String,
    /// The conversation, oldest first. The last message of the user is what wants an answer.
    pub messages: Vec<Message>,
    /// Where given, the answer is one JSON value that fits it.
    pub output_schema: Option<Arc<Value>>,
    /// The answer is cut after so many tokens; a JSON answer is made to fit instead where that is possible.
    pub max_output_tokens: Option<u64>,
    /// Models without chance ignore it.
    pub temperature: Option<f64>,
}

impl Request {
    /// One message of the user.
    pub fn of(instructions: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            instructions: instructions.into(),
            messages: vec![Message { role: Role::User, content: content.into() }],
            ..Self::default()
        }
    }

    pub fn with_schema(mut self, schema: Value) -> Self {
        self.output_schema = Some(Arc::new(schema));
        self
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub role: Role,
    /// Text, or the text of a JSON value.
    pub content: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    User,
    Assistant,
}

/// The whole answer, after its pieces were streamed.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// All deltas joined. With an output schema: the text of one JSON value, its fields in the schema's order.
    pub text: String,
    /// The same as a value where an output schema was given and the answer was not cut.
    pub json: Option<Value>,
    pub tokens: Tokens,
    /// Of the thread that thought; rounded up.
    pub cpu_time_ms: u64,
    pub ended: Ended,
    /// What the model did, for the log (`read 812 words; task: summarize`).
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    pub input: u64,
    pub output: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The answer is whole.
    Whole,
    /// `max_output_tokens` cut it.
    Length,
}

#[derive(Debug, Clone)]
pub struct ModelError {
    pub code: Code,
    /// One sentence for the person who asked.
    pub message: String,
    pub retriable: bool,
    pub retry_after: Option<Duration>,
}

impl ModelError {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retriable: false, retry_after: None }
    }
}

/// Takes the pieces of an answer as they come. Never blocks.
pub type OnDelta<'a> = &'a (dyn Fn(&str) + Send + Sync);

#[async_trait]
pub trait Model: Send + Sync {
    /// `builtin`, `gpt-…`.
    fn name(&self) -> &str;

    /// Answers once. The pieces given to `on_delta`, joined, are `Reply::text`.
    ///
    /// Errors: `InvalidInput` for a request the model cannot read, `ExecutionCancelled` once `stop` is
    /// cancelled, whatever the provider answers otherwise.
    async fn answer(
        &self,
        request: Request,
        on_delta: OnDelta<'_>,
        stop: &CancellationToken,
    ) -> Result<Reply, ModelError>;
}
