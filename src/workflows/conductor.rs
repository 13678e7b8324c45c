//! What executions ask of this feature: to run a workflow, to count what its end counts, to say who may see it.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::facts::is_fact;
use super::ledger::{AtWork, Ledger};
use super::ops;
use super::prepared::prepared;
use super::progress::Progress;
use super::run::Walk;
use super::types::Accepted;
use crate::access::{Cx, Services};
use crate::base::{ExecutionId, Result, WorkflowId};
use crate::engine::{Verdict, entries_after};
use crate::executions::{self, Attempt, Conductor, Execution, RunnerName, Started, VersionChoice};
use crate::infra::store::{OrgTx, PerOrg, Rows, View};
use crate::metering;

/// Runs chains.
pub struct ChainConductor {
    services: std::sync::Weak<Services>,
    /// Of runs that were attempted and have not ended.
    ledgers: Mutex<HashMap<ExecutionId, Arc<Ledger>>>,
}

impl ChainConductor {
    pub fn new(services: &Arc<Services>) -> Self {
        Self { services: Arc::downgrade(services), ledgers: Mutex::default() }
    }

    fn walk<'a>(&self, attempt: &'a Attempt<'a>) -> Result<Walk<'a>> {
        let rows = attempt.services.store.org(attempt.task.org)?;
        let execution = &attempt.execution;
        let (workflow, revision) = written_as(execution)?;
        let chain = prepared(attempt.services, &rows, workflow, revision)?;
        let accepted = accepted(&rows, execution.id)?;
        let history = attempt.run.history(|it| is_fact(it.kind))?;
        let progress = Progress::replay(&chain.plan, &history)?;
        *attempt.usage.lock() = progress.used();
        let ledger = self.ledgers.lock().entry(execution.id).or_default().clone();
        Ok(Walk { attempt, chain, versions: accepted.versions, progress, ledger })
    }

    /// Counts a run that no attempt of this process knows: what its journal says.
    fn ended_unseen(
        &self,
        tx: &mut OrgTx<'_, '_>,
        services: &Services,
        execution: &mut Execution,
    ) -> Result<()> {
        let (workflow, revision) = written_as(execution)?;
        let chain = prepared(services, tx, workflow, revision)?;
        let history = entries_after(tx, execution.id, 0, usize::MAX)?;
        let progress = Progress::replay(&chain.plan, &history)?;
        execution.usage = progress.used();
        let node = chain.plan.nodes.get(progress.at);
        let place = node.and_then(|it| it.calls.get(progress.call)).copied();
        let (Some(place), Some(begun_at)) = (place, progress.begun_at) else { return Ok(()) };
        let Some((agent, _)) = chain.calls.get(place).copied() else { return Ok(()) };
        let call = AtWork { agent, begun_at, spent: progress.spent, usage: Arc::default() };
        let ended_at = execution.completed_at.unwrap_or(begun_at);
        metering::record_call(tx, &call.counted(execution.status, ended_at))
    }
}

fn written_as(execution: &Execution) -> Result<(WorkflowId, u32)> {
    let written = execution.workflow_id.zip(execution.workflow_revision);
    crate::base::Doing::doing(written.ok_or("the run names no workflow"), "run a workflow")
}

pub(super) fn accepted(rows: &impl Rows<PerOrg>, id: ExecutionId) -> Result<Accepted> {
    let found = rows.get::<Accepted>(id)?.ok_or("the versions of its agents are missing");
    crate::base::Doing::doing(found, "run a workflow")
}

#[async_trait]
impl Conductor for ChainConductor {
    async fn attempt(&self, attempt: Attempt<'_>) -> Verdict {
        match self.walk(&attempt) {
            Ok(walk) => walk.finish().await,
            Err(error) => Verdict::Failed(executions::failure_of(error)),
        }
    }

    fn ended(&self, tx: &mut OrgTx<'_, '_>, execution: &mut Execution) -> Result<()> {
        let ledger = self.ledgers.lock().get(&execution.id).cloned();
        if let Some(ledger) = ledger {
            let at = execution.completed_at.unwrap_or(execution.created_at);
            let counted = ledger.closing(execution.status, at);
            return counted.iter().try_for_each(|it| metering::record_call(tx, it));
        }
        match self.services.upgrade() {
            // A run that never began has nothing to count.
            Some(services) if execution.started_at.is_some() => self.ended_unseen(tx, &services, execution),
            _ => Ok(()),
        }
    }

    fn settled(&self, id: ExecutionId) {
        self.ledgers.lock().remove(&id);
    }

    async fn again(
        &self,
        cx: &Cx,
        first: Execution,
        version: VersionChoice,
        wait_ms: Option<u64>,
    ) -> Result<Started> {
        ops::again(cx, first, version, wait_ms).await
    }

    fn seen_as(&self, cx: &Cx, rows: &View<PerOrg>, workflow: WorkflowId) -> Result<Option<RunnerName>> {
        let found = ops::name_of(cx, rows, workflow)?;
        let path = |deleted: bool| (!deleted).then(|| format!("/chains/{workflow}"));
        Ok(found.map(|it| RunnerName { name: it.name, path: path(it.deleted) }))
    }
}
