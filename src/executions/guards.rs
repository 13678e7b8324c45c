//! What runs have to say when their agent is about to go.

use super::store::{BY_AGENT_STATUS, agent_status_key};
use super::types::Execution;
use crate::agents::Agent;
use crate::base::{Error, Id, Result, WorkflowId};
use crate::engine::{Status, open_in_lane};
use crate::infra::store::{Order, OrgTx, Rows};

/// Errors: `Conflict` with one of them while runs of `agent` are under way.
pub fn refuse_while_running(tx: &mut OrgTx<'_, '_>, agent: &Agent) -> Result<()> {
    for status in [Status::Pending, Status::Running, Status::Waiting] {
        let mut running = None;
        tx.scan_index(
            BY_AGENT_STATUS,
            agent_status_key(agent.id, status),
            Order::Oldest,
            |it: Execution| {
                running = Some(it.id);
                Ok(false)
            },
        )?;
        if let Some(id) = running {
            return Err(Error::conflict("runs of this agent are under way")
                .detail("execution_id", id.to_string())
                .suggest("cancel them, or wait for their end")
                .suggest("disable the agent, so that no new ones begin"));
        }
    }
    Ok(())
}

/// Errors: `Conflict` with one of them while runs of the workflow are under way.
pub fn refuse_while_workflow_runs(tx: &OrgTx<'_, '_>, workflow: WorkflowId) -> Result<()> {
    let Some(id) = open_in_lane(tx, workflow.bytes())? else { return Ok(()) };
    Err(Error::conflict("runs of this workflow are under way")
        .detail("execution_id", id.to_string())
        .suggest("cancel them, or wait for their end"))
}
