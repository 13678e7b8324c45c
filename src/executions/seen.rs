//! Whose runs a caller may see.

use std::collections::HashMap;

use super::extend::Podium;
use super::types::Execution;
use crate::access::Cx;
use crate::agents;
use crate::base::{AgentId, Result, WorkflowId};
use crate::infra::store::{PerOrg, View};

/// Answers for many runs; asks once for each agent and workflow.
#[derive(Default)]
pub(super) struct Seen {
    agents: HashMap<AgentId, bool>,
    workflows: HashMap<WorkflowId, bool>,
}

impl Seen {
    pub(super) fn sees(&mut self, cx: &Cx, rows: &View<PerOrg>, execution: &Execution) -> Result<bool> {
        if let Some(agent) = execution.agent_id {
            if let Some(known) = self.agents.get(&agent) {
                return Ok(*known);
            }
            let sees = agents::may_see_runs(cx, rows, agent)?;
            self.agents.insert(agent, sees);
            return Ok(sees);
        }
        let Some(workflow) = execution.workflow_id else { return Ok(false) };
        if let Some(known) = self.workflows.get(&workflow) {
            return Ok(*known);
        }
        let sees = seen_workflow(cx, rows, workflow)?.is_some();
        self.workflows.insert(workflow, sees);
        Ok(sees)
    }
}

fn seen_workflow(cx: &Cx, rows: &View<PerOrg>, workflow: WorkflowId) -> Result<Option<RunnerName>> {
    let podium = cx.services().kept.get::<Podium>();
    podium.get().map_or(Ok(None), |it| it.seen_as(cx, rows, workflow))
}

/// Who a run is shown as.
pub struct RunnerName {
    pub name: String,
    /// Where it is shown; none where it is gone.
    pub path: Option<String>,
}

/// The agent or workflow behind a run; its id where nothing is known of it any more.
pub fn runner_of(
    cx: &Cx,
    rows: &View<PerOrg>,
    agent: Option<AgentId>,
    workflow: Option<WorkflowId>,
) -> Result<RunnerName> {
    if let Some(agent) = agent {
        return Ok(match agents::name_of(rows, agent)? {
            Some(it) => {
                RunnerName { path: (!it.deleted).then(|| format!("/agents/{}", it.slug)), name: it.name }
            }
            None => RunnerName { name: agent.to_string(), path: None },
        });
    }
    let Some(workflow) = workflow else { return Ok(RunnerName { name: "unknown".to_owned(), path: None }) };
    let gone = || RunnerName { name: workflow.to_string(), path: None };
    Ok(seen_workflow(cx, rows, workflow)?.unwrap_or_else(gone))
}
