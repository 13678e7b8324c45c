//! The same input once more.

use super::find::stored;
use super::start::{Planned, Started, accept};
use crate::access::{Action, Cx};
use crate::agents::{self, Spec};
use crate::base::{Doing, Error, ExecutionId, Result};
use crate::executions::batches;
use crate::executions::extend::Podium;
use crate::executions::runner::Runner;
use crate::executions::types::{Execution, NewExecution, Trigger, TriggerKind};
use crate::infra::store::{OrgTx, Rows};

/// Which version runs an input once more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VersionChoice {
    #[default]
    Same,
    Current,
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
    if first.workflow_id.is_some() && first.status.has_ended() {
        let podium = cx.services().kept.get::<Podium>();
        let conductor = podium.get().ok_or("nobody here runs workflows").doing("repeat a run")?;
        return conductor.again(cx, first, version, wait_ms).await;
    }
    let (runner, trigger, request) = once_more(cx, first, version)?;
    let request = NewExecution { wait_ms, ..request };
    accept(cx, runner, trigger, request, |_, _| Ok(())).await
}

/// As `retry`, up to the point where many are accepted together.
///
/// Errors: those of `retry` that are about this one run.
pub(in crate::executions) fn plan_retry(
    cx: &Cx,
    first: Execution,
    version: VersionChoice,
) -> Result<Planned> {
    let (runner, trigger, request) = once_more(cx, first, version)?;
    if let Runner::Agent(runnable) = &runner {
        runnable.version.check_input(&request.input)?;
    }
    let execution = runner.execution(cx, trigger, request);
    let plan = runner.budgets(cx, &execution)?;
    Ok(Planned { task: runner.task(cx, &execution)?, execution, plan })
}

fn once_more(cx: &Cx, first: Execution, version: VersionChoice) -> Result<(Runner, Trigger, NewExecution)> {
    if !first.status.has_ended() {
        return Err(Error::conflict("this run has not ended yet").suggest("wait for its end, or cancel it"));
    }
    let (Some(agent), Some(number)) = (first.agent_id, &first.agent_version) else {
        return Err(Error::conflict("runs of workflows are tried again one by one"));
    };
    let spec = match version {
        VersionChoice::Same => Spec::Exactly(number.parse()?),
        VersionChoice::Current => Spec::Current,
    };
    let runnable = agents::resolve(cx, &cx.read()?, &agent.to_string(), spec)?;
    let trigger = Trigger { retry_of: Some(first.id), ..Trigger::of(TriggerKind::Retry, cx) };
    let request = NewExecution {
        session_id: first.session_id,
        timeout_ms: Some(first.timeout_ms),
        priority: Some(first.priority),
        metadata: first.metadata,
        callback_url: first.callback_url,
        ..NewExecution::of(first.input)
    };
    Ok((Runner::Agent(runnable), trigger, request))
}

/// What the first run is told by one that repeats it: it is no longer a dead letter, and its place in a batch
/// goes over to the new one.
pub(super) fn replaces(tx: &mut OrgTx<'_, '_>, execution: &mut Execution) -> Result<()> {
    let Some(first) = execution.trigger.retry_of else { return Ok(()) };
    let Some(mut first) = tx.get::<Execution>(first)? else { return Ok(()) };
    if first.retried_by.is_some() {
        return Ok(());
    }
    first.retried_by = Some(execution.id);
    if let Some(place) = first.batch.take() {
        batches::reopen(tx, place.id, first.status)?;
        execution.batch = Some(place);
    }
    tx.put(&first)
}
