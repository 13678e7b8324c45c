//! Running chains.

use super::super::conductor::accepted;
use super::super::prepared::prepared;
use super::super::rights::{self, visible};
use super::super::store;
use super::super::types::{Accepted, Workflow};
use crate::access::{Action, Cx};
use crate::agents::{self, Number, Spec};
use crate::base::{AgentId, Code, Error, Json, Result, WorkflowId};
use crate::executions::{
    self, Execution, NewExecution, Started, Trigger, TriggerKind, VersionChoice, WorkflowRun,
};
use crate::infra::store::{OrgTx, PerOrg, Rows};

/// Which versions of its agents a run asks.
enum Versions {
    /// As the chain says: the named ones, else what is published.
    Said,
    /// Those of an earlier run.
    Exactly(Vec<Number>),
}

/// Accepts a run of a chain. When this returns, it survives a power cut and goes on after a crash where it stood.
/// The caller needs the right to run every agent that the chain may ask.
///
/// Errors: `NotFound`; `InvalidInput` against the chain's input schema; those of `agents::resolve`, with the step
/// in their details; those of `executions::start_with`.
pub async fn execute(cx: &Cx, id_or_slug: &str, kind: TriggerKind, request: NewExecution) -> Result<Started> {
    execute_with(cx, id_or_slug, Trigger::of(kind, cx), request, |_, _| Ok(())).await
}

/// As `execute`; `also` runs in the transaction that accepts the run, and its error refuses it.
pub async fn execute_with(
    cx: &Cx,
    id_or_slug: &str,
    trigger: Trigger,
    request: NewExecution,
    also: impl FnOnce(&mut OrgTx<'_, '_>, &Execution) -> Result<()> + Send + 'static,
) -> Result<Started> {
    let workflow = visible(cx, &cx.read()?, Action::WorkflowsExecute, id_or_slug)?;
    let revision = workflow.revision;
    begin(cx, workflow, revision, Versions::Said, trigger, request, also).await
}

/// The chain, where the caller has the right to run it and every agent that it may ask, whether they run now or not.
///
/// Errors: `NotFound`, the same for one that is not there and one that the caller may not run; `AgentNotFound`,
/// `InsufficientPermissions` for its agents.
pub fn may_run(cx: &Cx, rows: &impl Rows<PerOrg>, id_or_slug: &str) -> Result<WorkflowId> {
    let workflow = runnable(cx, rows, id_or_slug)?;
    for (id, _) in &prepared(cx.services(), rows, workflow.id, workflow.revision)?.calls {
        let agent = agents::find(cx, &id.to_string()).map_err(|error| of_the_chain(error, *id))?;
        if !agents::access(cx, &agent).execute {
            let error =
                Error::forbidden("this needs the right to execute it").detail("needed_right", "execute");
            return Err(of_the_chain(error, *id));
        }
    }
    Ok(workflow.id)
}

/// The chain, where a run of it with this input would be accepted.
///
/// Errors: as `execute`.
pub fn ready(cx: &Cx, rows: &impl Rows<PerOrg>, id_or_slug: &str, input: &Json) -> Result<WorkflowId> {
    let workflow = runnable(cx, rows, id_or_slug)?;
    let chain = prepared(cx.services(), rows, workflow.id, workflow.revision)?;
    resolved(cx, rows, &chain.calls, Versions::Said)?;
    chain.check_input(input)?;
    Ok(workflow.id)
}

fn runnable(cx: &Cx, rows: &impl Rows<PerOrg>, id_or_slug: &str) -> Result<Workflow> {
    let workflow = visible(cx, rows, Action::WorkflowsExecute, id_or_slug)?;
    if rights::access(cx, &workflow).execute { Ok(workflow) } else { Err(store::missing(id_or_slug)) }
}

/// Runs the input of a run that has ended once more: on the chain and the agents as they were, or as they are now.
///
/// Errors: as `execute`.
pub(in crate::workflows) async fn again(
    cx: &Cx,
    first: Execution,
    version: VersionChoice,
    wait_ms: Option<u64>,
) -> Result<Started> {
    let id = first.workflow_id.map(|it| it.to_string()).unwrap_or_default();
    let rows = cx.read()?;
    let workflow = visible(cx, &rows, Action::WorkflowsExecute, &id)?;
    let (revision, versions) = match version {
        VersionChoice::Current => (workflow.revision, Versions::Said),
        VersionChoice::Same => {
            let versions = accepted(&rows, first.id)?.versions;
            (first.workflow_revision.unwrap_or(workflow.revision), Versions::Exactly(versions))
        }
    };
    drop(rows);
    let trigger = Trigger { retry_of: Some(first.id), ..Trigger::of(TriggerKind::Retry, cx) };
    let request = NewExecution {
        session_id: first.session_id,
        timeout_ms: Some(first.timeout_ms),
        priority: Some(first.priority),
        metadata: first.metadata,
        callback_url: first.callback_url,
        wait_ms,
        ..NewExecution::of(first.input)
    };
    begin(cx, workflow, revision, versions, trigger, request, |_, _| Ok(())).await
}

async fn begin(
    cx: &Cx,
    workflow: Workflow,
    revision: u32,
    versions: Versions,
    trigger: Trigger,
    request: NewExecution,
    also: impl FnOnce(&mut OrgTx<'_, '_>, &Execution) -> Result<()> + Send + 'static,
) -> Result<Started> {
    if !rights::access(cx, &workflow).execute {
        cx.require(Action::WorkflowsExecute)?;
        return Err(store::missing(&workflow.id.to_string()));
    }
    if request.version.is_some() {
        return Err(Error::invalid_at("version", "a chain runs as it is now: leave this out"));
    }
    let rows = cx.read()?;
    let chain = prepared(cx.services(), &rows, workflow.id, revision)?;
    let versions = resolved(cx, &rows, &chain.calls, versions)?;
    drop(rows);
    chain.check_input(&request.input)?;
    let run = WorkflowRun { id: workflow.id, revision, timeout_ms: chain.timeout_ms, max_concurrency: None };
    executions::start_workflow(cx, run, trigger, request, move |tx, execution| {
        // It may have been deleted since it was looked up.
        if !tx.exists::<Workflow>(workflow.id)? {
            return Err(store::missing(&workflow.id.to_string()));
        }
        tx.insert(&Accepted { execution: execution.id, versions })?;
        also(tx, execution)
    })
    .await
}

/// The versions that will be asked, where the caller may run them all.
fn resolved(
    cx: &Cx,
    rows: &impl Rows<PerOrg>,
    calls: &[(AgentId, Option<Number>)],
    versions: Versions,
) -> Result<Vec<Number>> {
    let wanted = |place: usize, said: Option<Number>| match &versions {
        Versions::Said => said,
        Versions::Exactly(all) => all.get(place).copied(),
    };
    let each = calls.iter().enumerate().map(|(place, (agent, said))| {
        let spec = wanted(place, *said).map_or(Spec::Current, Spec::Exactly);
        let runnable = agents::resolve(cx, rows, &agent.to_string(), spec);
        runnable.map(|it| it.version.number).map_err(|error| of_the_chain(error, *agent))
    });
    each.collect()
}

/// The agent's refusal, said of the chain.
fn of_the_chain(error: Error, agent: AgentId) -> Error {
    if error.is(Code::Internal) {
        return error;
    }
    let message = format!("an agent that this chain asks cannot run: {}", error.message());
    let suggestions = error.suggestions().to_vec();
    let told = Error::new(error.code(), message).detail("agent_id", agent.to_string());
    suggestions.into_iter().fold(told, Error::suggest)
}

/// What a caller sends to run a chain.
#[derive(Debug, Clone, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChainRun {
    /// Must fit the chain's input schema.
    pub input: Json,
    /// Runs of one session go one after the other, and the agents are handed its name. They are not told what was said
    /// in it before: a step gets what its mapping gives it.
    #[serde(default)]
    pub session_id: Option<String>,
    /// How long to wait for the end before answering `202`: 0 to 300000, by default 30000.
    #[serde(default)]
    #[schemars(range(min = 0, max = 300_000))]
    pub wait_ms: Option<u64>,
    /// For the whole run, pauses included; left out: the chain's own.
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

impl From<ChainRun> for NewExecution {
    fn from(it: ChainRun) -> Self {
        Self {
            session_id: it.session_id,
            wait_ms: it.wait_ms,
            timeout_ms: it.timeout_ms,
            priority: it.priority,
            metadata: it.metadata,
            callback_url: it.callback_url,
            ..Self::of(it.input)
        }
    }
}
