//! One call of an agent for a run: whether the agent is the run, or a step of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::echo::EchoSink;
use super::sink::{JournalSink, StepMark};
use super::types::Cancellation;
use crate::access::Services;
use crate::adapters::{Call, CallError, Turn, Upstream, Usage};
use crate::agents::Runnable;
use crate::base::{Actor, Code, Error, ExecutionId, Json};
use crate::budgets::Held;
use crate::connections::{self, Opened, Use};
use crate::engine::{EventKind, Failure, Run};
use crate::infra::egress::{Caller, Seat};
use crate::infra::fault;

/// The limit of whoever calls ends it; the call's own, which would be told as the far end's failure, comes later.
const LATER_THAN_OURS: Duration = Duration::from_secs(1);

pub struct AgentCall<'a> {
    pub services: &'a Arc<Services>,
    pub run: &'a Run,
    pub agent: &'a Runnable,
    pub input: Json,
    pub session_id: Option<String>,
    /// What was said in the session before.
    pub history: Vec<Turn>,
    pub traceparent: Option<String>,
    /// Identical on every attempt of the same work.
    pub idempotency_key: String,
    pub attempt: u32,
    pub timeout: Duration,
    /// Cancelled when nobody wants the result any more.
    pub stop: CancellationToken,
    /// What the whole run has used.
    pub usage: Arc<Mutex<Usage>>,
    /// Where the call is a step.
    pub step: Option<StepMark>,
    /// Takes what the far end knows, where the call is the whole run and was stopped.
    pub stopped: Option<Stopped>,
    /// What a budget holds for it, where one covers it.
    pub held: Option<Arc<Held>>,
}

/// What the far ends know of runs that were stopped and have not ended yet.
pub(super) type Stopped = Arc<Mutex<HashMap<ExecutionId, Upstream>>>;

impl AgentCall<'_> {
    /// Opens the agent's credentials, calls it, writes what happens into the journal, and holds the answer against
    /// the limits and the agent's output schema. No credential is left in anything it answers.
    pub async fn make(self) -> Result<Json, Failure> {
        let version = self.agent.version.clone();
        let (run, config) = (self.run, &self.services.config.limits);
        let limit = config.output_bytes;
        let sink = JournalSink::new(run, config.log_lines, self.usage.clone(), self.step.clone());
        let sink = sink.counting(self.held.clone());
        let why = Use {
            purpose: "execution",
            actor: Actor::system("engine"),
            agent: Some(self.agent.agent.id),
            execution: Some(run.id),
        };
        let opened = connections::open(self.services, run.org, &version.credential_ids, why).await;
        let mut opened = opened.map_err(failure_of)?;
        let (stopped, held) = (self.stopped.clone(), self.held.clone());
        let mut call = self.call();
        call.credentials = std::mem::take(&mut opened.credentials);
        let clean = EchoSink::new(&sink, &opened);
        if let Some(held) = &held {
            held.sent();
        }
        fault!("executions.call");
        let out = sink.out();
        let outcome = version.adapter.run(&call, &clean).await;
        out.back();
        fault!("executions.answered");
        clean.finish();
        let is_cut_off = |it: &CallError| it.code == Code::ExecutionTimeout || call.stop.is_cancelled();
        match &outcome {
            Err(it) if is_cut_off(it) => sink.cut_off(),
            Err(_) => held.iter().for_each(|it| it.refused()),
            Ok(_) => {}
        }
        if outcome.is_err() && call.stop.is_cancelled() {
            let upstream = sink.stopped().unwrap_or_else(|| version.adapter.when_stopped());
            note_stop(run, call.attempt, upstream);
            if let Some(stopped) = stopped {
                stopped.lock().insert(run.id, upstream);
            }
        }
        let output = outcome.map_err(|it| told(it, &opened))?.output;
        let output = opened.clean_json(output);
        if output.len() > limit {
            let message = format!("the agent answered {} bytes; a run keeps at most {limit}", output.len());
            return Err(Failure::new(Code::InvalidOutput, message));
        }
        version.check_output(&output).map_err(failure_of)?;
        Ok(output)
    }

    fn call(self) -> Call {
        let seat = Arc::new(Seat::default());
        self.run.keep(seat.clone());
        let version = &self.agent.version;
        let agent = Some(self.agent.agent.id);
        Call {
            config: version.config.clone(),
            input: self.input,
            instructions: version.instructions.clone(),
            output_schema: version.output_schema.clone(),
            idempotency_key: self.idempotency_key,
            session_id: self.session_id,
            history: self.history,
            attempt: self.attempt,
            timeout: self.timeout + LATER_THAN_OURS,
            traceparent: self.traceparent,
            credentials: Vec::new(),
            egress: self.services.egress.clone(),
            caller: Caller { org: self.run.org, agent, purpose: "execution" },
            callbacks: self.services.callbacks.clone(),
            stop: self.stop,
            seat,
        }
    }
}

/// Says in the log whether the far end has stopped.
fn note_stop(run: &Run, attempt: u32, upstream: Upstream) {
    let level = if upstream == Upstream::Unknown { "warn" } else { "info" };
    let message = Cancellation::of(upstream, attempt).message;
    run.note(EventKind::Log, Json::of(&json!({ "level": level, "message": message })));
}

/// Ours, or the caller's: told as it is.
pub fn failure_of(error: Error) -> Failure {
    if error.is(Code::Internal) {
        tracing::error!(cause = ?error, "an attempt failed on our side");
    }
    let mut details = error.details().clone();
    if !error.invalid_list().is_empty() {
        details.insert("validation_errors".to_owned(), json!(error.invalid_list()));
    }
    let retriable = error.is(Code::Unavailable);
    Failure { details: Json::of(&details.into()), retriable, ..Failure::new(error.code(), error.message()) }
}

/// The far end's failure.
fn told(error: CallError, opened: &Opened) -> Failure {
    Failure {
        code: error.code,
        message: opened.clean(error.message),
        details: opened.clean_json(Json::of(&error.details.into())),
        retriable: error.retriable,
        retry_after_ms: error.retry_after.map(|it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX)),
    }
}
