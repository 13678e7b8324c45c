//! The same questions, asked of an agent or of a chain.

use super::types::{Named, Target};
use crate::access::{Action, Cx};
use crate::agents::{self, AgentFilter, Sort, Spec, Status};
use crate::base::{Error, Json, PageRequest, Result};
use crate::executions::{self, Execution, NewExecution, Started, Trigger};
use crate::infra::store::{OrgTx, PerOrg, Rows};
use crate::workflows::{self, ChainFilter};

/// Agents, and chains, that can be chosen from.
const MOST: usize = 200;

/// What is named, where the caller has the right to run it, whether it runs now or not.
///
/// Errors: `AgentNotFound`, `NotFound`, `InsufficientPermissions`.
pub fn may_run(cx: &Cx, rows: &impl Rows<PerOrg>, named: &Named) -> Result<Target> {
    let agent = match named {
        Named::Chain(chain) => return workflows::may_run(cx, rows, chain).map(Target::Chain),
        Named::Agent(agent) => agents::find(cx, agent)?,
    };
    if agents::access(cx, &agent).execute {
        return Ok(Target::Agent(agent.id));
    }
    cx.require(Action::AgentsExecute)?;
    Err(Error::forbidden("this needs the right to execute this agent").detail("needed_right", "execute"))
}

/// What is named, where a run of it with this input would be accepted.
///
/// Errors: those of `agents::resolve` and `workflows::ready`; `InvalidInput`.
pub fn ready(cx: &Cx, rows: &impl Rows<PerOrg>, named: &Named, input: &Json) -> Result<Target> {
    match named {
        Named::Chain(chain) => workflows::ready(cx, rows, chain, input).map(Target::Chain),
        Named::Agent(agent) => {
            let runnable = agents::resolve(cx, rows, agent, Spec::Current)?;
            runnable.version.check_input(input)?;
            Ok(Target::Agent(runnable.agent.id))
        }
    }
}

/// Accepts a run of it; `also` runs in the transaction that does, and its error refuses the run.
///
/// Errors: those of `executions::start_with` and `workflows::execute_with`.
pub async fn start(
    cx: &Cx,
    target: Target,
    trigger: Trigger,
    request: NewExecution,
    also: impl FnOnce(&mut OrgTx<'_, '_>, &Execution) -> Result<()> + Send + 'static,
) -> Result<Started> {
    let id = target.id();
    match target {
        Target::Agent(_) => Box::pin(executions::start_with(cx, &id, trigger, request, also)).await,
        Target::Chain(_) => Box::pin(workflows::execute_with(cx, &id, trigger, request, also)).await,
    }
}

/// What a list is narrowed to, where it is; the caller may see it.
///
/// Errors: `AgentNotFound`, `NotFound`; `ValidationFailed` where both are named.
pub fn narrowed(cx: &Cx, agent: Option<&str>, workflow: Option<&str>) -> Result<Option<Target>> {
    if agent.is_none() && workflow.is_none() {
        return Ok(None);
    }
    Ok(Some(match Named::one(agent, workflow)? {
        Named::Agent(id) => Target::Agent(agents::find(cx, &id)?.id),
        Named::Chain(id) => Target::Chain(workflows::find(cx, &id)?.id),
    }))
}

/// Whether the caller may see its runs, and so what starts them.
pub fn sees(cx: &Cx, rows: &impl Rows<PerOrg>, target: Target) -> Result<bool> {
    match target {
        Target::Agent(id) => agents::may_see_runs(cx, rows, id),
        Target::Chain(id) => Ok(workflows::name_of(cx, rows, id)?.is_some()),
    }
}

/// As pages show it.
pub struct Shown {
    pub name: String,
    /// What kind of thing it is.
    pub kind: &'static str,
    /// Empty where it is gone.
    pub href: String,
}

pub fn shown(cx: &Cx, rows: &impl Rows<PerOrg>, target: Target) -> Result<Shown> {
    let (kind, found) = match target {
        Target::Agent(id) => {
            let name = agents::name_of(rows, id)?;
            (
                "Agent",
                name.map(|it| (it.name, if it.deleted { String::new() } else { format!("/agents/{id}") })),
            )
        }
        Target::Chain(id) => {
            let name = workflows::name_of(cx, rows, id)?;
            (
                "Chain",
                name.map(|it| (it.name, if it.deleted { String::new() } else { format!("/chains/{id}") })),
            )
        }
    };
    let (name, href) = found.unwrap_or_else(|| (target.id(), String::new()));
    Ok(Shown { name, kind, href })
}

/// One that can be chosen.
pub struct Choice {
    pub id: String,
    pub label: String,
}

/// Agents that have something to run, chains, and `chosen` in any case.
pub fn choices(cx: &Cx, chosen: &str) -> Result<Vec<Choice>> {
    let filter = AgentFilter { sort: Sort::Name, ..AgentFilter::default() };
    let mut all = Vec::new();
    for it in agents::list(cx, &filter, &PageRequest::first(MOST))?.items {
        let id = it.id.to_string();
        if matches!(it.status, Status::Published | Status::Deprecated) || id == chosen {
            let disabled = if it.enabled { "" } else { " (disabled)" };
            all.push(Choice { id, label: format!("{}{disabled}", it.name) });
        }
    }
    if cx.may(Action::WorkflowsRead) {
        let found = workflows::list(cx, &ChainFilter::default(), &PageRequest::first(MOST))?.items;
        all.extend(
            found
                .into_iter()
                .map(|it| Choice { id: it.id.to_string(), label: format!("Chain: {}", it.name) }),
        );
    }
    if !chosen.is_empty() && !all.iter().any(|it| it.id == chosen) {
        all.push(Choice { id: chosen.to_owned(), label: chosen.to_owned() });
    }
    Ok(all)
}
