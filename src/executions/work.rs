//! What the engine runs for this feature: one attempt of an agent's version, and what its end means.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use parking_lot::Mutex;
use serde_json::json;

use super::echo::EchoSink;
use super::extend::{Attempt, Listeners, Podium};
use super::sink::JournalSink;
use super::types::Execution;
use crate::access::Services;
use crate::adapters::{Call, CallError, Usage};
use crate::agents::{self, Runnable};
use crate::base::{Actor, Code, Error, ExecutionId, Json, Result, Timestamp};
use crate::connections::{self, Opened, Use};
use crate::engine::{End, EventKind, Failure, Run, Status, Task, Verdict, Work};
use crate::infra::egress::Caller;
use crate::infra::store::{OrgTx, PerOrg, Rows, View};
use crate::metering::{self, Counted};

/// The engine's own limit ends a run; the call's, which would be told as the far end's failure, comes later.
const LATER_THAN_OURS: Duration = Duration::from_secs(1);

pub struct AgentWork {
    /// The services own the engine, which owns this.
    services: Weak<Services>,
    /// Used so far by runs that have not ended.
    used: Mutex<HashMap<ExecutionId, Arc<Mutex<Usage>>>>,
}

impl AgentWork {
    pub fn new(services: &Arc<Services>) -> Self {
        Self { services: Arc::downgrade(services), used: Mutex::default() }
    }

    fn usage(&self, id: ExecutionId) -> Arc<Mutex<Usage>> {
        self.used.lock().entry(id).or_default().clone()
    }

    fn tell(&self, tx: &mut OrgTx<'_, '_>, execution: &Execution) -> Result<()> {
        self.services.upgrade().map_or(Ok(()), |it| it.kept.get::<Listeners>().tell(tx, execution))
    }

    async fn conduct(
        &self,
        services: &Arc<Services>,
        task: &Task,
        run: &Run,
        execution: Execution,
    ) -> Verdict {
        let usage = self.usage(task.id);
        let Some(conductor) = services.kept.get::<Podium>().get().cloned() else {
            return Verdict::Failed(Failure::new(Code::Internal, "nobody here runs workflows"));
        };
        conductor.attempt(Attempt { services, task, run, execution, usage }).await
    }

    async fn call(
        &self,
        services: &Arc<Services>,
        task: &Task,
        run: &Run,
        rows: View<PerOrg>,
        execution: Execution,
    ) -> Result<Json, Failure> {
        let (Some(agent), Some(number)) = (execution.agent_id, &execution.agent_version) else {
            return Err(Failure::new(Code::Internal, "the run names no agent"));
        };
        let number = number.parse().map_err(failure_of)?;
        let runnable = agents::accepted(services, &rows, agent, number).map_err(failure_of)?;
        drop(rows);
        let usage = self.usage(task.id);
        let sink = JournalSink::new(run, services.config.limits.log_lines, usage);
        let why = Use {
            purpose: "execution",
            actor: Actor::system("engine"),
            agent: Some(agent),
            execution: Some(task.id),
        };
        let ids = &runnable.version.credential_ids;
        let mut opened = connections::open(services, task.org, ids, why).await.map_err(failure_of)?;
        let mut call = call_of(services, task, run, &runnable, execution);
        call.credentials = std::mem::take(&mut opened.credentials);
        let clean = EchoSink::new(&sink, &opened);
        let outcome = runnable.version.adapter.run(&call, &clean).await;
        clean.finish();
        let output = outcome.map_err(|it| told(it, &opened))?.output;
        let output = opened.clean_json(output);
        let limit = services.config.limits.output_bytes;
        if output.len() > limit {
            let message = format!("the agent answered {} bytes; a run keeps at most {limit}", output.len());
            return Err(Failure::new(Code::InvalidOutput, message));
        }
        runnable.version.check_output(&output).map_err(failure_of)?;
        Ok(output)
    }
}

fn load(services: &Services, task: &Task) -> Result<(View<PerOrg>, Execution), Failure> {
    let rows = services.store.org(task.org).map_err(failure_of)?;
    let execution = rows.get(task.id).map_err(failure_of)?;
    let execution = execution.ok_or_else(|| Failure::new(Code::Internal, "the run's row is missing"))?;
    Ok((rows, execution))
}

fn call_of(services: &Services, task: &Task, run: &Run, runnable: &Runnable, execution: Execution) -> Call {
    let version = &runnable.version;
    Call {
        config: version.config.clone(),
        input: execution.input,
        instructions: version.instructions.clone(),
        output_schema: version.output_schema.clone(),
        idempotency_key: task.id.to_string(),
        session_id: execution.session_id,
        attempt: task.attempts,
        timeout: run.deadline.saturating_duration_since(Instant::now()) + LATER_THAN_OURS,
        traceparent: execution.traceparent,
        credentials: Vec::new(),
        egress: services.egress.clone(),
        caller: Caller { org: task.org, agent: execution.agent_id, purpose: "execution" },
        callbacks: services.callbacks.clone(),
        stop: run.stop.clone(),
    }
}

/// Ours, or the caller's: told as it is.
fn failure_of(error: Error) -> Failure {
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

#[async_trait]
impl Work for AgentWork {
    async fn attempt(&self, task: &Task, run: &Run) -> Verdict {
        let Some(services) = self.services.upgrade() else { return Verdict::Stopped };
        let (rows, execution) = match load(&services, task) {
            Ok(found) => found,
            Err(failure) => return Verdict::Failed(failure),
        };
        if execution.workflow_id.is_some() {
            drop(rows);
            return self.conduct(&services, task, run, execution).await;
        }
        match self.call(&services, task, run, rows, execution).await {
            Ok(output) => Verdict::Done(output),
            Err(_) if run.stop.is_cancelled() => Verdict::Stopped,
            Err(failure) => {
                run.note(EventKind::Log, Json::of(&json!({ "level": "error", "message": failure.message })));
                Verdict::Failed(failure)
            }
        }
    }

    fn began(&self, tx: &mut OrgTx<'_, '_>, id: ExecutionId, at: Timestamp) -> Result<()> {
        let Some(mut execution) = tx.get::<Execution>(id)? else { return Ok(()) };
        if execution.status == Status::Pending {
            execution.status = Status::Running;
            execution.started_at = Some(at);
            tx.put(&execution)?;
        }
        Ok(())
    }

    fn ended(&self, tx: &mut OrgTx<'_, '_>, task: &Task, end: &End) -> Result<()> {
        let Some(mut execution) = tx.get::<Execution>(task.id)? else { return Ok(()) };
        execution.usage = self.used.lock().get(&task.id).map_or_else(Usage::default, |it| *it.lock());
        execution.status = end.status;
        execution.output = end.output.clone();
        execution.failure = end.failure.clone();
        execution.attempts = end.attempts;
        execution.started_at = end.started_at;
        execution.completed_at = Some(end.ended_at);
        tx.put(&execution)?;
        let usage = execution.usage;
        self.tell(tx, &execution)?;
        let Some(agent) = execution.agent_id else { return Ok(()) };
        metering::record(
            tx,
            &Counted {
                agent,
                status: end.status,
                ended_at: end.ended_at,
                duration_ms: end.started_at.map_or(0, |it| end.ended_at.since(it)),
                api_calls: usage.api_calls,
                input_tokens: usage.input_tokens,
                output_tokens: usage.output_tokens,
                cost_micros: usage.cost_micros,
            },
        )
    }

    fn settled(&self, id: ExecutionId) {
        self.used.lock().remove(&id);
    }
}
