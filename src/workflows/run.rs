//! One attempt at a run: from where its journal stands to its end, or to a pause.
//!
//! A step whose result is in the journal is behind. One that has only begun is asked again under the same key where
//! its agent may be asked more than once; where it may not, its start was on disk before it was asked, and the run
//! ends as interrupted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::facts::{Completed, Failed, Skipped, Started, StepError, Then};
use super::ledger::{AtWork, Ledger};
use super::plan::{Mapping, Node};
use super::prepared::Prepared;
use super::progress::{Outcome, Progress};
use super::ruling::{self, Circumstances, Ruling};
use super::values::Values;
use crate::adapters::Usage;
use crate::adapters::mapping::MappingError;
use crate::agents::{self, Delivery, Number, Runnable};
use crate::base::{Code, Error, Json, Result, Timestamp};
use crate::budgets::{self, Calling, Held};
use crate::engine::{EventKind, Failure, Lane, Retry, Status, Verdict};
use crate::executions::{self, AgentCall, Attempt, StepMark, failure_of};
use crate::infra::fault;
use crate::infra::store::OrgTx;
use crate::metering::{self, Counted};
use crate::stops;

/// A step that was told to stop is given up after this long.
const STOP_GRACE: Duration = Duration::from_secs(2);
/// What the outputs of one run's steps may add up to.
const MAX_RUN_BYTES: usize = 32 << 20;

pub(super) struct Walk<'a> {
    pub attempt: &'a Attempt<'a>,
    pub chain: Arc<Prepared>,
    /// Of the agents, in the order of `Prepared::calls`.
    pub versions: Vec<Number>,
    pub progress: Progress,
    pub ledger: Arc<Ledger>,
}

/// What is known of the call at hand.
struct Asked<'n> {
    node: &'n Node,
    runnable: Runnable,
    lanes: Vec<Lane>,
    retry: Retry,
    /// Whether it may be made more than once.
    may_repeat: bool,
    fact: Started,
    call: AtWork,
    /// Cancelled when the agent is stopped.
    switch: CancellationToken,
    /// What a budget holds for it, where one covers it.
    held: Option<Arc<Held>>,
}

impl Walk<'_> {
    pub(super) async fn finish(mut self) -> Verdict {
        let chain = self.chain.clone();
        while let Some(node) = chain.plan.nodes.get(self.progress.at) {
            if self.attempt.run.stop.is_cancelled() {
                return Verdict::Stopped;
            }
            if self.attempt.run.pause_wanted() {
                return Verdict::Later { at: self.now() };
            }
            match self.step(node).await {
                Ok(None) => self.attempt.run.let_go(),
                Ok(Some(verdict)) => return verdict,
                Err(error) => return Verdict::Failed(failure_of(error)),
            }
        }
        self.answer().await
    }

    /// Takes one step, or rests; `None`: on with the next.
    async fn step(&mut self, node: &Node) -> Result<Option<Verdict>> {
        if self.progress.is_fresh()
            && let Some(condition) = &node.condition
        {
            match self.values().holds(condition).await {
                Ok(true) => {}
                Ok(false) => return self.skip(node),
                Err(error) => return self.before_the_call(node, "condition", error).await,
            }
        }
        if let Some(at) = self.progress.retry_at.filter(|it| *it > self.now()) {
            return Ok(Some(Verdict::Later { at }));
        }
        let mut asked = match self.asked(node) {
            Ok(asked) => asked,
            Err(error) => return self.failed(node, failure_of(error), None).await,
        };
        if self.progress.in_flight && !asked.may_repeat {
            return Ok(Some(self.interrupted(&asked)));
        }
        let input = match &node.input {
            None => self.values().previous().clone(),
            Some(mapping) => match self.values().map(mapping).await {
                Ok(input) => input,
                Err(error) => return self.before_the_call(node, "input_mapping", error).await,
            },
        };
        if let Err(error) = asked.runnable.version.check_input(&input) {
            return self.failed(node, failure_of(error), Some(asked)).await;
        }
        let Some(_places) = self.attempt.run.enter(&asked.lanes) else {
            return Ok(Some(Verdict::Turn { lanes: asked.lanes }));
        };
        if let Err(error) = executions::check_rate(self.attempt.services, &asked.runnable) {
            let at = self.now().plus_ms(error.retry_after_ms().unwrap_or(1_000));
            return Ok(Some(Verdict::Later { at }));
        }
        asked.held = match self.reserve(&asked, &input).await {
            Ok(held) => held,
            Err(error) => return self.failed(node, failure_of(error), Some(asked)).await,
        };
        self.begin(&asked).await?;
        match self.ask(&asked, input).await {
            Ok(output) => self.take(asked, output).await,
            Err(_) if self.attempt.run.stop.is_cancelled() => Ok(Some(Verdict::Stopped)),
            Err(failure) => self.failed(node, failure, Some(asked)).await,
        }
    }

    /// Who is asked next, and how.
    fn asked<'n>(&self, node: &'n Node) -> Result<Asked<'n>> {
        let unknown = || Error::internal("run a workflow", "the plan names a call that was not accepted");
        let place = *node.calls.get(self.progress.call).ok_or_else(unknown)?;
        let (agent, _) = *self.chain.calls.get(place).ok_or_else(unknown)?;
        let number = *self.versions.get(place).ok_or_else(unknown)?;
        let (services, org) = (self.attempt.services, self.attempt.task.org);
        let switch = stops::switch(services, org, agent);
        let rows = services.store.org(org)?;
        let runnable = agents::accepted(services, &rows, agent, number)?;
        let lanes = executions::lanes_of(&rows, &runnable)?;
        let policy = &runnable.version.policy;
        let own = &policy.retry;
        let retry = node.retry.as_ref().map_or(
            Retry {
                max_attempts: own.max_attempts,
                backoff_ms: own.backoff_ms,
                max_backoff_ms: own.max_backoff_ms,
            },
            |it| Retry {
                max_attempts: it.max_attempts,
                backoff_ms: it.backoff_ms,
                max_backoff_ms: it.max_backoff_ms,
            },
        );
        // What was cut off by a crash is the same attempt once more.
        let attempt =
            if self.progress.in_flight { self.progress.attempts } else { self.progress.attempts + 1 };
        let call = self.progress.call + 1;
        let id = self.attempt.execution.id;
        Ok(Asked {
            node,
            lanes,
            retry,
            may_repeat: policy.delivery == Delivery::AtLeastOnce,
            fact: Started {
                step: node.id.to_string(),
                agent_id: agent,
                agent_version: number,
                call,
                attempt,
                idempotency_key: format!("{id}.{}.{call}", node.id),
            },
            call: AtWork {
                agent,
                begun_at: self.progress.begun_at.unwrap_or_else(|| self.now()),
                spent: self.progress.spent,
                usage: Arc::new(Mutex::new(Usage::default())),
            },
            runnable,
            switch,
            held: None,
        })
    }

    /// What may be asked only once is on disk as begun before it is asked; the rest has company on its way there.
    async fn begin(&mut self, asked: &Asked<'_>) -> Result<()> {
        let data = Json::written(&asked.fact)?;
        if asked.may_repeat {
            self.attempt.run.note(EventKind::StepStarted, data);
        } else {
            self.attempt.run.record(EventKind::StepStarted, data, |_| Ok(())).await?;
        }
        fault!("workflows.begun"?);
        self.progress.started(&asked.fact, self.now());
        self.ledger.begin(asked.call.clone());
        Ok(())
    }

    /// Holds back what the call may use, before it is made.
    async fn reserve(&self, asked: &Asked<'_>, input: &Json) -> Result<Option<Arc<Held>>> {
        let Attempt { services, execution, .. } = self.attempt;
        let calling = Calling {
            org: self.attempt.task.org,
            execution: execution.id,
            step: Some(&asked.fact.idempotency_key),
            actor: &execution.trigger.actor,
            session: execution.session_id.as_deref(),
            agent: &asked.runnable,
            input,
            history: &[],
        };
        budgets::begin(services, calling).await
    }

    /// Counts a call that has ended: in the rollups, and in the budgets that held something back for it.
    fn counts(
        &self,
        asked: Option<&Asked<'_>>,
        counted: Option<Counted>,
    ) -> impl Fn(&mut OrgTx<'_, '_>) -> Result<()> + Clone + Send + 'static {
        let (services, held) = (self.attempt.services.clone(), asked.and_then(|it| it.held.clone()));
        move |tx: &mut OrgTx<'_, '_>| {
            fault!("workflows.rows"?);
            counted.iter().try_for_each(|it| metering::record_call(tx, it))?;
            held.iter().try_for_each(|it| budgets::settle_call(&services, tx, it))
        }
    }

    async fn ask(&self, asked: &Asked<'_>, input: Json) -> Result<Json, Failure> {
        let Attempt { services, run, execution, usage, .. } = self.attempt;
        let limit_ms = asked.node.timeout_ms.unwrap_or(asked.runnable.version.policy.attempt_ms());
        let limit = Duration::from_millis(limit_ms);
        let stop = run.stop.child_token();
        let call = AgentCall {
            services,
            run,
            agent: &asked.runnable,
            input,
            session_id: execution.session_id.clone(),
            history: Vec::new(),
            traceparent: execution.traceparent.clone(),
            idempotency_key: asked.fact.idempotency_key.clone(),
            attempt: asked.fact.attempt,
            timeout: limit.min(run.deadline.saturating_duration_since(Instant::now())),
            stop: stop.clone(),
            usage: usage.clone(),
            step: Some(StepMark { id: asked.node.id.clone(), usage: asked.call.usage.clone() }),
            stopped: None,
            held: asked.held.clone(),
        };
        let made = call.make();
        tokio::pin!(made);
        let is_stopped = tokio::select! {
            answer = &mut made => return answer,
            () = tokio::time::sleep(limit) => false,
            () = asked.switch.cancelled() => true,
        };
        stop.cancel();
        // The far end is told; what it answers now comes too late.
        let _ = tokio::time::timeout(STOP_GRACE, made).await;
        if is_stopped {
            let message = "the agent of this step was stopped while it was at work";
            return Err(Failure::new(Code::Stopped, message));
        }
        let message = format!("the step did not end within {limit_ms} ms");
        Err(Failure { retriable: true, ..Failure::new(Code::ExecutionTimeout, message) })
    }

    /// The agent has answered: one commit with the result and what it counts, before anything else begins. The last
    /// step's result is committed with the end of the run.
    async fn take(&mut self, asked: Asked<'_>, output: Json) -> Result<Option<Verdict>> {
        let node = asked.node;
        let output = match &node.output {
            None => output,
            Some(mapping) => match self.values().map_answer(mapping, &output).await {
                Ok(output) => output,
                Err(error) => {
                    let failure = unmapped(node, "output_mapping", &error);
                    return self.failed(node, failure, Some(asked)).await;
                }
            },
        };
        if let Some(failure) = self.too_much(&output) {
            return self.failed(node, failure, Some(asked)).await;
        }
        fault!("workflows.answered"?);
        let now = self.now();
        let fact = Completed {
            step: asked.fact.step.clone(),
            output,
            usage: asked.call.so_far(),
            duration_ms: now.since(asked.call.begun_at),
        };
        let data = Json::written(&fact)?;
        let counted = asked.call.counted(Status::Completed, now);
        if node.next >= self.chain.plan.end() {
            self.attempt.run.note(EventKind::StepCompleted, data);
            self.ledger.keep(counted);
        } else {
            let rows = self.counts(Some(&asked), Some(counted));
            self.attempt.run.record(EventKind::StepCompleted, data, rows).await?;
            fault!("workflows.recorded"?);
            self.ledger.leave();
        }
        self.progress.completed(&self.chain.plan, fact);
        Ok(None)
    }

    fn too_much(&self, output: &Json) -> Option<Failure> {
        let limit = self.attempt.services.config.limits.output_bytes;
        let kept = self.progress.outcomes.iter().map(|it| match it {
            Some(Outcome::Completed(json)) => json.len(),
            _ => 0,
        });
        let message = if output.len() > limit {
            format!("the step's output has {} bytes; a run keeps at most {limit}", output.len())
        } else if kept.sum::<usize>() + output.len() > MAX_RUN_BYTES {
            format!("the outputs of the run's steps add up to more than {MAX_RUN_BYTES} bytes")
        } else {
            return None;
        };
        Some(Failure::new(Code::InvalidOutput, message))
    }

    fn skip(&mut self, node: &Node) -> Result<Option<Verdict>> {
        let expression = node.condition.as_ref().and_then(|it| it.shape.as_str()).unwrap_or_default();
        let fact = Skipped {
            step: node.id.to_string(),
            reason: format!("its condition does not hold: {expression}"),
        };
        // Nothing happened outside: where this is lost, it is decided again, on the same data.
        self.attempt.run.note(EventKind::StepSkipped, Json::written(&fact)?);
        self.progress.skipped(&self.chain.plan);
        Ok(None)
    }

    /// A condition or mapping that does not work on this data.
    async fn before_the_call(
        &mut self,
        node: &Node,
        field: &str,
        error: MappingError,
    ) -> Result<Option<Verdict>> {
        self.failed(node, unmapped(node, field, &error), None).await
    }

    /// What follows a failure. `asked`: whose it was, where somebody was to be asked.
    async fn failed(
        &mut self,
        node: &Node,
        failure: Failure,
        asked: Option<Asked<'_>>,
    ) -> Result<Option<Verdict>> {
        let now = self.now();
        let began = self.progress.in_flight;
        let ruling =
            ruling::after(&self.chain.plan, &self.progress, &failure, &self.circumstances(asked.as_ref()));
        let call = asked.as_ref().map(|it| &it.call);
        let fact = Failed {
            step: node.id.to_string(),
            call: self.progress.call + 1,
            attempt: self.progress.attempts,
            error: StepError::of(&failure),
            then: ruling.then,
            retry_at: ruling.retry_at,
            goto: ruling.goto.clone(),
            usage: call.map_or(self.progress.spent, AtWork::so_far),
            duration_ms: call.map_or(0, |it| now.since(it.begun_at)),
        };
        self.say(&fact, &ruling, &failure, now);
        let data = Json::written(&fact)?;
        let counted =
            call.filter(|_| began || fact.attempt > 0).map(|it| it.counted(ended_as(&failure), now));
        match ruling.then {
            Then::Retry => {
                // On disk with the pause. A rest that is cancelled is counted with what was spent so far.
                self.attempt.run.note(EventKind::StepFailed, data);
                self.progress.failed(&self.chain.plan, &fact);
                self.rest_in_ledger(call);
                Ok(Some(Verdict::Later { at: ruling.retry_at.unwrap_or(now) }))
            }
            Then::Fail => {
                self.attempt.run.note(EventKind::StepFailed, data);
                match counted {
                    Some(counted) => self.ledger.keep(counted),
                    None => self.ledger.leave(),
                }
                Ok(Some(Verdict::Failed(self.of_the_run(node, &fact, &failure))))
            }
            Then::Fallback | Then::Continue | Then::Goto => {
                let rows = self.counts(asked.as_ref(), counted);
                self.attempt.run.record(EventKind::StepFailed, data, rows).await?;
                self.ledger.leave();
                self.progress.failed(&self.chain.plan, &fact);
                Ok(None)
            }
        }
    }

    fn rest_in_ledger(&self, call: Option<&AtWork>) {
        if let Some(call) = call {
            self.ledger.begin(AtWork { spent: call.so_far(), usage: Arc::default(), ..call.clone() });
        }
    }

    fn circumstances(&self, asked: Option<&Asked<'_>>) -> Circumstances {
        let task = self.attempt.task;
        let begun_at = task.begun_at.unwrap_or(task.accepted_at);
        let none = Retry { max_attempts: 1, backoff_ms: 0, max_backoff_ms: 0 };
        Circumstances {
            retry: asked.map_or(none, |it| it.retry),
            may_repeat: asked.is_some_and(|it| it.may_repeat),
            now: self.now(),
            deadline: begun_at.plus_ms(task.timeout_ms),
            jitter: f64::from(u16::from_be_bytes(self.attempt.services.env.bytes())) / f64::from(u16::MAX),
        }
    }

    /// A line of the log.
    fn say(&self, fact: &Failed, ruling: &Ruling, failure: &Failure, now: Timestamp) {
        let (level, then) = match ruling.then {
            Then::Retry => {
                let pause = ruling.retry_at.map_or(0, |it| it.since(now));
                ("warn", format!("; next attempt in {pause} ms"))
            }
            Then::Fallback => ("warn", "; the agent that stands in is asked".to_owned()),
            Then::Continue => ("warn", "; the run goes on without it".to_owned()),
            Then::Goto => {
                ("warn", format!("; on with step “{}”", ruling.goto.as_deref().unwrap_or_default()))
            }
            Then::Fail => ("error", String::new()),
        };
        let message = format!("step “{}” failed: {}{then}", fact.step, failure.message);
        let line = json!({ "step": fact.step, "level": level, "message": message });
        self.attempt.run.note(EventKind::Log, Json::of(&line));
    }

    /// What the run fails with when a step does.
    fn of_the_run(&self, node: &Node, fact: &Failed, failure: &Failure) -> Failure {
        let details = json!({
            "step": &*node.id,
            "step_index": self.progress.at,
            "step_attempts": fact.attempt,
            "step_code": failure.code,
            "step_message": failure.message,
            "step_details": failure.details.to_value(),
        });
        let message = format!("step “{}” failed: {}", node.id, failure.message);
        Failure { details: Json::of(&details), ..Failure::new(Code::ChainExecutionFailed, message) }
    }

    fn interrupted(&self, asked: &Asked<'_>) -> Verdict {
        let step = &asked.fact.step;
        let message =
            format!("the server stopped during step “{step}”, whose agent allows no second attempt");
        let details = Json::of(&json!({ "step": step, "step_index": self.progress.at }));
        self.ledger.begin(asked.call.clone());
        Verdict::Failed(Failure { details, ..Failure::new(Code::Interrupted, message) })
    }

    async fn answer(&self) -> Verdict {
        let output = match &self.chain.plan.output {
            None => Ok(self.values().previous().clone()),
            Some(mapping) => self.output(mapping).await,
        };
        output.map_or_else(Verdict::Failed, Verdict::Done)
    }

    async fn output(&self, mapping: &Mapping) -> Result<Json, Failure> {
        let output = self.values().map(mapping).await.map_err(|it| {
            let message = format!("the chain's output_mapping does not work on this data: {it}");
            Failure::new(Code::ChainExecutionFailed, message)
        })?;
        let limit = self.attempt.services.config.limits.output_bytes;
        match output.len() > limit {
            false => Ok(output),
            true => {
                let message = format!("the output has {} bytes; a run keeps at most {limit}", output.len());
                Err(Failure::new(Code::InvalidOutput, message))
            }
        }
    }

    fn values(&self) -> Values<'_> {
        Values { plan: &self.chain.plan, progress: &self.progress, input: &self.attempt.execution.input }
    }

    fn now(&self) -> Timestamp {
        self.attempt.services.env.now()
    }
}

fn unmapped(node: &Node, field: &str, error: &MappingError) -> Failure {
    let details = json!({ "field": field, "step": &*node.id });
    let message = format!("its {field} does not work on this data: {error}");
    Failure { details: Json::of(&details), ..Failure::new(Code::InvalidInput, message) }
}

fn ended_as(failure: &Failure) -> Status {
    if failure.code == Code::ExecutionTimeout { Status::Timeout } else { Status::Failed }
}
