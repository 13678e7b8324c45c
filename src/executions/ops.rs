//! What can be done with runs.

use std::time::Duration;

use futures_util::Stream;

use super::events::{self, StreamEvent};
use super::extend::Podium;
use super::rate::check_rate;
use super::runner::{Runner, WorkflowRun};
use super::seen::Seen;
use super::types::{
    DEFAULT_WAIT_MS, Execution, ExecutionView, MAX_METADATA_BYTES, MAX_SESSION_CHARS, MAX_TIMEOUT_MS,
    MAX_WAIT_MS, NewExecution, Trigger, TriggerKind,
};
use crate::access::{Action, Cx};
use crate::agents::{self, Agent, Spec};
use crate::audit::Note;
use crate::base::{Code, Doing, Error, ExecutionId, Result};
use crate::engine::{Engine, Entry, Task, Watch, entries_after};
use crate::infra::store::{OrgTx, Rows, WriteOptions, WriteTx};

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

/// Which version runs an input once more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VersionChoice {
    #[default]
    Same,
    Current,
}

/// Accepts a run of an agent. When this returns, it survives a power cut and will be attempted.
///
/// Errors: those of `agents::resolve`; `InvalidInput` against the agent's input schema; `ValidationFailed` for
/// the other fields; `ResourceExhausted` where the queue is full; `RateLimited` above the agent's own rate;
/// `Unavailable` while draining.
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

async fn accept(
    cx: &Cx,
    runner: Runner,
    trigger: Trigger,
    request: NewExecution,
    also: impl FnOnce(&mut OrgTx<'_, '_>, &Execution) -> Result<()> + Send + 'static,
) -> Result<Started> {
    check(&request)?;
    let wait = Duration::from_millis(request.wait_ms.unwrap_or_else(|| default_wait_ms(&runner, &request)));
    let deprecated = runner.is_deprecated();
    if let Some(id) = twin(cx)? {
        return Ok(attached(cx, id, deprecated, wait));
    }
    if let Runner::Agent(runnable) = &runner {
        runnable.version.check_input(&request.input)?;
    }
    cx.services().engine.check_room(cx.org())?;
    if let Runner::Agent(runnable) = &runner {
        check_rate(cx.services(), runnable)?;
    }
    let execution = runner.execution(cx, trigger, request);
    let task = runner.task(cx, &execution);
    let id = execution.id;
    cx.idempotent_resource("execution", id);
    // On its own: a caller who leaves while this is being written must not leave a run that nobody starts.
    let accepted = tokio::spawn(record(cx.clone(), execution, task, also)).await.doing("accept a run")?;
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
    execution: Execution,
    task: Task,
    also: impl FnOnce(&mut OrgTx<'_, '_>, &Execution) -> Result<()> + Send + 'static,
) -> Result<Watch> {
    let engine = &cx.services().engine;
    let watch = engine.announce(&task);
    let (id, stored) = (task.id, task.clone());
    let written = cx
        .write(move |tx| {
            // It may have been deleted since it was looked up, and runs of no agent cannot be seen.
            if let Some(agent) = execution.agent_id
                && !tx.exists::<Agent>(agent)?
            {
                return Err(Error::not_found("agent", agent));
            }
            also(tx, &execution)?;
            tx.insert(&execution)?;
            Engine::put(tx, &stored)
        })
        .await;
    match written {
        Ok(()) => engine.accept(task),
        Err(error) => {
            engine.withdraw(id);
            return Err(error);
        }
    }
    Ok(watch)
}

/// The run that an earlier request with the same `Idempotency-Key` started.
fn twin(cx: &Cx) -> Result<Option<ExecutionId>> {
    cx.idempotent_twin("execution")?.map(|it| it.parse()).transpose()
}

fn attached(cx: &Cx, id: ExecutionId, deprecated: bool, wait: Duration) -> Started {
    Started { id, deprecated, wait, cx: cx.clone(), watch: cx.services().engine.watch(id) }
}

impl Started {
    /// Waits for the end, as long as the caller asked; the run as it stands then.
    pub async fn wait(mut self) -> Result<ExecutionView> {
        if let Some(watch) = &mut self.watch
            && !self.wait.is_zero()
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

/// One run.
///
/// Errors: `NotFound`, the same for one that is not there and one of an agent that the caller may not see.
pub fn find(cx: &Cx, id: ExecutionId) -> Result<ExecutionView> {
    stored(cx, Action::ExecutionsRead, id).map(|it| it.view(cx.now(), cx.services().engine.running_since(id)))
}

/// What happened in a run so far, in order; at most the first `limit` entries.
pub fn timeline(cx: &Cx, id: ExecutionId, limit: usize) -> Result<Vec<Entry>> {
    stored(cx, Action::ExecutionsRead, id)?;
    entries_after(&cx.read()?, id, 0, limit)
}

/// Ends a run. When this returns it has ended; one that had ended already stays as it was.
pub async fn cancel(cx: &Cx, id: ExecutionId) -> Result<ExecutionView> {
    let execution = stored(cx, Action::ExecutionsCancel, id)?;
    if !execution.status.has_ended() {
        let note = Note::of("execution.cancel", "execution", id);
        let note = match (execution.agent_id, execution.workflow_id) {
            (Some(agent), _) => note.with("agent_id", agent.to_string()),
            (None, Some(workflow)) => note.with("workflow_id", workflow.to_string()),
            (None, None) => note,
        };
        let noting = cx.clone();
        let noted = move |tx: &mut WriteTx<'_>| {
            let mut tx = tx.org(noting.org());
            noting.note(&mut tx, note)?;
            noting.claim(&mut tx)
        };
        // Also on a full disk: an end frees more than it takes.
        cx.services().store.write_with(WriteOptions { essential: true }, noted).await?;
        cx.services().engine.cancel(cx.org(), id).await?;
    }
    view(cx, id)
}

/// Runs the same input once more, as a run of its own.
///
/// Errors: `Conflict` where the first has not ended; those of `start`.
pub async fn retry(
    cx: &Cx,
    id: ExecutionId,
    version: VersionChoice,
    wait_ms: Option<u64>,
) -> Result<Started> {
    let first = stored(cx, Action::ExecutionsRetry, id)?;
    if !first.status.has_ended() {
        return Err(Error::conflict("this run has not ended yet").suggest("wait for its end, or cancel it"));
    }
    let (Some(agent), Some(number)) = (first.agent_id, &first.agent_version) else {
        let podium = cx.services().kept.get::<Podium>();
        let conductor = podium.get().ok_or("nobody here runs workflows").doing("repeat a run")?;
        return conductor.again(cx, first, version, wait_ms).await;
    };
    let spec = match version {
        VersionChoice::Same => Spec::Exactly(number.parse()?),
        VersionChoice::Current => Spec::Current,
    };
    let runnable = agents::resolve(cx, &cx.read()?, &agent.to_string(), spec)?;
    let trigger = Trigger { retry_of: Some(id), ..Trigger::of(TriggerKind::Retry, cx) };
    let request = NewExecution {
        session_id: first.session_id,
        timeout_ms: Some(first.timeout_ms),
        priority: Some(first.priority),
        metadata: first.metadata,
        wait_ms,
        ..NewExecution::of(first.input)
    };
    accept(cx, Runner::Agent(runnable), trigger, request, |_, _| Ok(())).await
}

pub(super) fn stored(cx: &Cx, action: Action, id: ExecutionId) -> Result<Execution> {
    cx.require(action)?;
    let rows = cx.read()?;
    let missing = || Error::not_found("execution", id);
    let execution: Execution = rows.get(id)?.ok_or_else(missing)?;
    if !Seen::default().sees(cx, &rows, &execution)? {
        return Err(missing());
    }
    Ok(execution)
}

fn view(cx: &Cx, id: ExecutionId) -> Result<ExecutionView> {
    let execution: Execution = cx.read()?.get(id)?.ok_or_else(|| Error::not_found("execution", id))?;
    Ok(execution.view(cx.now(), cx.services().engine.running_since(id)))
}

fn check(request: &NewExecution) -> Result<()> {
    if request.wait_ms.is_some_and(|it| it > MAX_WAIT_MS) {
        return Err(Error::invalid_at("wait_ms", format!("is 0 to {MAX_WAIT_MS}")));
    }
    if request.timeout_ms.is_some_and(|it| it == 0 || it > MAX_TIMEOUT_MS) {
        return Err(Error::invalid_at("timeout_ms", format!("is 1 to {MAX_TIMEOUT_MS}")));
    }
    if request.priority.is_some_and(|it| !(-100..=100).contains(&it)) {
        return Err(Error::invalid_at("priority", "is -100 to 100"));
    }
    let session_fits = |it: &String| !it.is_empty() && it.chars().count() <= MAX_SESSION_CHARS;
    if request.session_id.as_ref().is_some_and(|it| !session_fits(it)) {
        return Err(Error::invalid_at("session_id", format!("has 1 to {MAX_SESSION_CHARS} characters")));
    }
    match &request.metadata {
        Some(it) if it.len() > MAX_METADATA_BYTES => {
            Err(Error::invalid_at("metadata", format!("has at most {MAX_METADATA_BYTES} bytes")))
        }
        Some(it) if !it.as_str().starts_with('{') => Err(Error::invalid_at("metadata", "is an object")),
        _ => Ok(()),
    }
}
