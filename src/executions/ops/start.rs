//! Accepting runs: one, or many in one commit.

use std::time::Duration;

use futures_util::Stream;

use super::cancel::cancel_all;
use super::find::view;
use super::retry::replaces;
use crate::access::Cx;
use crate::agents::{self, Agent, Spec};
use crate::base::{Code, Doing, Error, ExecutionId, Result};
use crate::budgets;
use crate::engine::{Engine, Task, Watch};
use crate::executions::callback;
use crate::executions::events::{self, StreamEvent};
use crate::executions::extend::Listeners;
use crate::executions::intake;
use crate::executions::rate::check_rate;
use crate::executions::runner::{Runner, WorkflowRun};
use crate::executions::sessions::{self, OnBusy};
use crate::executions::types::{
    DEFAULT_WAIT_MS, Execution, ExecutionView, MAX_TIMEOUT_MS, MAX_WAIT_MS, NewExecution, Trigger,
    TriggerKind, check_metadata,
};
use crate::infra::fault;
use crate::infra::store::{OrgTx, Rows};
use crate::stops;

/// What the end of a run that is out of time takes at most: to stop it, and to write that.
const END_MS: u64 = 6_000;

/// A run that was accepted: it survives a power cut.
pub struct Started {
    pub id: ExecutionId,
    /// The agent should no longer be used.
    pub deprecated: bool,
    wait: Duration,
    cx: Cx,
    watch: Option<Watch>,
}

/// Accepts a run of an agent. When this returns, it survives a power cut and will be attempted.
///
/// Errors: those of `agents::resolve`; `Stopped` where everything is; `InvalidInput` against the agent's input
/// schema; `ValidationFailed` for the other fields; `ResourceExhausted` where the queue is full or a budget may be
/// passed; `RateLimited` above the agent's own rate; `Unavailable` while draining.
pub async fn start(cx: &Cx, agent: &str, kind: TriggerKind, request: NewExecution) -> Result<Started> {
    start_with(cx, agent, Trigger::of(kind, cx), request, |_, _| Ok(())).await
}

/// As `start`; `also` runs in the transaction that accepts the run, and its error refuses it.
pub async fn start_with(
    cx: &Cx,
    agent: &str,
    trigger: Trigger,
    request: NewExecution,
    also: impl FnOnce(&mut OrgTx<'_, '_>, &Execution) -> Result<()> + Send + 'static,
) -> Result<Started> {
    let rows = cx.read()?;
    let spec = match &request.version {
        None => Spec::Current,
        Some(text) => text.parse()?,
    };
    let runnable = agents::resolve(cx, &rows, agent, spec)?;
    drop(rows);
    accept(cx, Runner::Agent(runnable), trigger, request, also).await
}

/// As `start_with`, for a run of a workflow, whose owner has checked the right to it and the input.
pub async fn start_workflow(
    cx: &Cx,
    workflow: WorkflowRun,
    trigger: Trigger,
    request: NewExecution,
    also: impl FnOnce(&mut OrgTx<'_, '_>, &Execution) -> Result<()> + Send + 'static,
) -> Result<Started> {
    accept(cx, Runner::Workflow(workflow), trigger, request, also).await
}

pub(super) async fn accept(
    cx: &Cx,
    runner: Runner,
    trigger: Trigger,
    mut request: NewExecution,
    also: impl FnOnce(&mut OrgTx<'_, '_>, &Execution) -> Result<()> + Send + 'static,
) -> Result<Started> {
    check(&request)?;
    // An address that was open when the first run was accepted must not keep that from being repeated.
    if let Some(address) = &mut request.callback_url
        && trigger.retry_of.is_none()
    {
        *address = callback::check(&cx.services().egress, address)?;
    }
    let _pass = intake::enter(cx).await;
    let on_busy = request.on_busy.unwrap_or_default();
    let wait = Duration::from_millis(request.wait_ms.unwrap_or_else(|| default_wait_ms(&runner, &request)));
    let deprecated = runner.is_deprecated();
    if let Some(id) = twin(cx)? {
        return Ok(attached(cx, id, deprecated, wait));
    }
    if let Runner::Agent(runnable) = &runner {
        runnable.version.check_input(&request.input)?;
    }
    intake::check_room(cx, 1).await?;
    if let Runner::Agent(runnable) = &runner {
        check_rate(cx.services(), runnable)?;
    }
    let execution = runner.execution(cx, trigger, request);
    let task = runner.task(cx, &execution)?;
    let plan = runner.budgets(cx, &execution)?;
    let id = execution.id;
    cx.idempotent_resource("execution", id);
    // On its own: a caller who leaves while this is being written must not leave a run that nobody starts.
    let accepted =
        tokio::spawn(record(cx.clone(), execution, on_busy, task, plan, also)).await.doing("accept a run")?;
    match accepted {
        Ok(watch) => Ok(Started { id, deprecated, wait, cx: cx.clone(), watch: Some(watch) }),
        Err(error) => {
            // Two requests with one key raced, and the other was first.
            let first = if error.is(Code::Conflict) { twin(cx)? } else { None };
            first.map(|id| attached(cx, id, deprecated, wait)).ok_or(error)
        }
    }
}

/// Who names no time waits a moment longer than the run may last, where that is about as long: the end is worth
/// more than the word that it is near.
fn default_wait_ms(runner: &Runner, request: &NewExecution) -> u64 {
    let timeout_ms = request.timeout_ms.unwrap_or(runner.timeout_ms());
    if timeout_ms <= DEFAULT_WAIT_MS { DEFAULT_WAIT_MS + END_MS } else { DEFAULT_WAIT_MS }
}

/// One commit; then the engine has it.
async fn record(
    cx: Cx,
    mut execution: Execution,
    on_busy: OnBusy,
    task: Task,
    plan: Option<budgets::Plan>,
    also: impl FnOnce(&mut OrgTx<'_, '_>, &Execution) -> Result<()> + Send + 'static,
) -> Result<Watch> {
    fault!("executions.accept"?);
    let engine = &cx.services().engine;
    let watch = engine.announce(&task);
    let (id, stored, planned, entering) = (task.id, task.clone(), plan.clone(), cx.clone());
    let written = cx
        .write(move |tx| {
            // It may have been deleted since it was looked up, and runs of no agent cannot be seen.
            if let Some(agent) = execution.agent_id
                && !tx.exists::<Agent>(agent)?
            {
                return Err(Error::not_found("agent", agent));
            }
            stops::refuse(tx, execution.agent_id)?;
            if let Some(plan) = planned {
                plan.reserve(tx, id)?;
            }
            entering.services().kept.get::<Listeners>().accepting(tx, &execution)?;
            replaces(tx, &mut execution)?;
            let interrupts = sessions::enter(&entering, tx, &execution, on_busy)?;
            also(tx, &execution)?;
            tx.insert(&execution)?;
            Engine::put(tx, &stored)?;
            Ok(interrupts)
        })
        .await;
    match written {
        Ok(interrupts) => {
            fault!("executions.accepted");
            engine.accept(task);
            if !interrupts.is_empty() {
                cancel_all(&cx, &interrupts, Some(sessions::interruption(id))).await?;
            }
        }
        Err(error) => {
            engine.withdraw(id);
            if let Some(plan) = plan {
                plan.tell(cx.services(), cx.org()).await;
            }
            return Err(error);
        }
    }
    Ok(watch)
}

/// A run that is ready to be accepted.
pub(in crate::executions) struct Planned {
    pub execution: Execution,
    pub task: Task,
    /// What budgets hold back for it.
    pub plan: Option<budgets::Plan>,
}

/// Accepts all of them in one commit with what `also` writes, or none. The caller has checked the inputs; there
/// must be room (`check_room_for`).
pub(in crate::executions) async fn accept_all(
    cx: &Cx,
    planned: Vec<Planned>,
    also: impl FnOnce(&mut OrgTx<'_, '_>) -> Result<()> + Send + 'static,
) -> Result<()> {
    let _pass = intake::enter(cx).await;
    intake::check_room(cx, planned.len()).await?;
    tokio::spawn(record_all(cx.clone(), planned, also)).await.doing("accept runs")?
}

async fn record_all(
    cx: Cx,
    planned: Vec<Planned>,
    also: impl FnOnce(&mut OrgTx<'_, '_>) -> Result<()> + Send + 'static,
) -> Result<()> {
    let engine = &cx.services().engine;
    let tasks: Vec<Task> = planned.iter().map(|it| it.task.clone()).collect();
    let plans: Vec<budgets::Plan> = planned.iter().filter_map(|it| it.plan.clone()).collect();
    for task in &tasks {
        engine.announce(task);
    }
    let listeners = cx.services().kept.get::<Listeners>();
    let written = cx
        .write(move |tx| {
            also(tx)?;
            let mut known = None;
            for Planned { mut execution, task, plan } in planned {
                if execution.agent_id != known
                    && let Some(agent) = execution.agent_id
                    && !tx.exists::<Agent>(agent)?
                {
                    return Err(Error::not_found("agent", agent));
                }
                stops::refuse(tx, execution.agent_id)?;
                known = execution.agent_id;
                if let Some(plan) = plan {
                    plan.reserve(tx, execution.id)?;
                }
                listeners.accepting(tx, &execution)?;
                replaces(tx, &mut execution)?;
                tx.insert(&execution)?;
                Engine::put(tx, &task)?;
            }
            Ok(())
        })
        .await;
    match written {
        Ok(()) => engine.accept_all(tasks),
        Err(error) => {
            tasks.iter().for_each(|it| engine.withdraw(it.id));
            for plan in plans {
                plan.tell(cx.services(), cx.org()).await;
            }
            return Err(error);
        }
    }
    Ok(())
}

/// The run that an earlier request with the same `Idempotency-Key` started.
fn twin(cx: &Cx) -> Result<Option<ExecutionId>> {
    cx.idempotent_twin("execution")?.map(|it| it.parse()).transpose()
}

fn attached(cx: &Cx, id: ExecutionId, deprecated: bool, wait: Duration) -> Started {
    Started { id, deprecated, wait, cx: cx.clone(), watch: cx.services().engine.watch(id) }
}

impl Started {
    /// Whether the caller wants to hear of the end.
    pub fn waits(&self) -> bool {
        !self.wait.is_zero()
    }

    /// Waits for the end, as long as the caller asked; the run as it stands then.
    pub async fn wait(mut self) -> Result<ExecutionView> {
        if self.waits()
            && let Some(watch) = &mut self.watch
        {
            let _ = tokio::time::timeout(self.wait, watch.ended()).await;
        }
        view(&self.cx, self.id)
    }

    /// Everything that happens in the run, from its beginning.
    pub fn stream(self) -> impl Stream<Item = Result<StreamEvent>> + use<> {
        events::stream(self.cx, self.id, 0, self.watch)
    }
}

pub(in crate::executions) fn check(request: &NewExecution) -> Result<()> {
    if request.wait_ms.is_some_and(|it| it > MAX_WAIT_MS) {
        return Err(Error::invalid_at("wait_ms", format!("has to be 0 to {MAX_WAIT_MS}")));
    }
    if request.timeout_ms.is_some_and(|it| it == 0 || it > MAX_TIMEOUT_MS) {
        return Err(Error::invalid_at("timeout_ms", format!("has to be 1 to {MAX_TIMEOUT_MS}")));
    }
    if request.priority.is_some_and(|it| !(-100..=100).contains(&it)) {
        return Err(Error::invalid_at("priority", "has to be -100 to 100"));
    }
    sessions::check(request)?;
    check_metadata(request.metadata.as_ref())
}
