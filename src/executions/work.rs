//! What the engine runs for this feature: one attempt of an agent's version, and what its end means.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Instant;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::batches;
use super::call::{AgentCall, failure_of};
use super::extend::{Attempt, Conductor, Listeners, Podium};
use super::sessions;
use super::spent::{self, Spent};
use super::store::BY_INTERRUPTED;
use super::types::Execution;
use crate::access::Services;
use crate::adapters::{Upstream, Usage};
use crate::agents;
use crate::base::{Code, ExecutionId, Json, Result, Timestamp};
use crate::budgets::{self, Calling};
use crate::engine::{End, EventKind, Failure, Hold, Run, Status, Task, Verdict, Work};
use crate::infra::fault;
use crate::infra::store::{Key, Order, OrgTx, PerOrg, Rows, View};
use crate::metering::{self, Counted};

pub struct AgentWork {
    /// The services own the engine, which owns this.
    services: Weak<Services>,
    /// Used so far by runs that have not ended.
    used: Mutex<HashMap<ExecutionId, Arc<Mutex<Usage>>>>,
    /// What the far ends know of runs that were stopped and have not ended yet.
    stopped: Arc<Mutex<HashMap<ExecutionId, Upstream>>>,
}

impl AgentWork {
    pub fn new(services: &Arc<Services>) -> Self {
        Self { services: Arc::downgrade(services), used: Mutex::default(), stopped: Arc::default() }
    }

    /// What the far end knows of a run that ended as `status` before its work did. Where no attempt came back
    /// to say, one may still be at work.
    fn upstream_of(&self, task: &Task, status: Status) -> Option<Upstream> {
        if !matches!(status, Status::Cancelled | Status::Timeout) {
            return None;
        }
        let untold = if task.attempts == 0 { Upstream::Confirmed } else { Upstream::Unknown };
        Some(self.stopped.lock().get(&task.id).copied().unwrap_or(untold))
    }

    fn usage(&self, id: ExecutionId) -> Arc<Mutex<Usage>> {
        self.used.lock().entry(id).or_default().clone()
    }

    /// From here on it is known what the run used: by attempts of an earlier process, and by those that follow.
    fn take_up(&self, task: &Task, run: &Run) -> Result<()> {
        if self.used.lock().contains_key(&task.id) {
            return Ok(());
        }
        let (earlier, mut spent) = (task.attempts.saturating_sub(1), Spent::default());
        if earlier > 0 {
            run.history(|it| spent::tells(it.kind))?.iter().for_each(|it| spent.read(it));
        }
        *self.usage(task.id).lock() = spent.of(earlier);
        Ok(())
    }

    /// Where no attempt of this process knows the run, by what the journal says.
    fn used(&self, tx: &OrgTx<'_, '_>, task: &Task, execution: &Execution) -> Result<Usage> {
        match self.used.lock().get(&task.id) {
            Some(known) => Ok(*known.lock()),
            None if execution.agent_id.is_some() && execution.started_at.is_some() => {
                spent::in_journal(tx, task.id, task.attempts)
            }
            None => Ok(Usage::default()),
        }
    }

    fn tell(&self, tx: &mut OrgTx<'_, '_>, execution: &Execution) -> Result<()> {
        self.services.upgrade().map_or(Ok(()), |it| it.kept.get::<Listeners>().tell(tx, execution))
    }

    /// What budgets hold for the run becomes what it used.
    fn settle(&self, tx: &mut OrgTx<'_, '_>, id: ExecutionId) -> Result<()> {
        self.services.upgrade().map_or(Ok(()), |it| budgets::ended(&it, tx, id))
    }

    fn conductor(&self) -> Option<Arc<dyn Conductor>> {
        self.services.upgrade().and_then(|it| it.kept.get::<Podium>().get().cloned())
    }

    async fn conduct(
        &self,
        services: &Arc<Services>,
        task: &Task,
        run: &Run,
        execution: Execution,
    ) -> Verdict {
        let usage = self.usage(task.id);
        let Some(conductor) = self.conductor() else {
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
        let history = match runnable.version.adapter.takes_history() {
            true => sessions::history(&rows, &execution).map_err(failure_of)?,
            false => Vec::new(),
        };
        drop(rows);
        let calling = Calling {
            org: task.org,
            execution: task.id,
            step: None,
            actor: &execution.trigger.actor,
            session: execution.session_id.as_deref(),
            agent: &runnable,
            input: &execution.input,
            history: &history,
        };
        let held = budgets::begin(services, calling).await.map_err(failure_of)?;
        let call = AgentCall {
            services,
            run,
            agent: &runnable,
            input: execution.input,
            session_id: execution.session_id,
            history,
            traceparent: execution.traceparent,
            idempotency_key: task.id.to_string(),
            attempt: task.attempts,
            timeout: run.deadline.saturating_duration_since(Instant::now()),
            stop: run.stop.clone(),
            usage: self.usage(task.id),
            step: None,
            stopped: Some(self.stopped.clone()),
            held,
        };
        call.make().await
    }
}

fn load(services: &Services, task: &Task) -> Result<(View<PerOrg>, Execution), Failure> {
    let rows = services.store.org(task.org).map_err(failure_of)?;
    let execution = rows.get(task.id).map_err(failure_of)?;
    let execution = execution.ok_or_else(|| Failure::new(Code::Internal, "the run's row is missing"))?;
    Ok((rows, execution))
}

#[async_trait]
impl Work for AgentWork {
    async fn attempt(&self, task: &Task, run: &Run) -> Verdict {
        let Some(services) = self.services.upgrade() else { return Verdict::Stopped };
        fault!("executions.attempt");
        let (rows, execution) = match load(&services, task) {
            Ok(found) => found,
            Err(failure) => return Verdict::Failed(failure),
        };
        if execution.workflow_id.is_some() {
            drop(rows);
            return self.conduct(&services, task, run, execution).await;
        }
        let called = match self.take_up(task, run) {
            Ok(()) => self.call(&services, task, run, rows, execution).await,
            Err(error) => Err(failure_of(error)),
        };
        match called {
            Ok(output) => Verdict::Done(output),
            Err(_) if run.stop.is_cancelled() => Verdict::Stopped,
            Err(failure) => {
                run.note(EventKind::Log, spent::last_line(task.attempts, &failure));
                Verdict::Failed(failure)
            }
        }
    }

    fn unwanted(&self, rows: &View<PerOrg>) -> Result<Vec<(ExecutionId, Failure)>> {
        let mut found = Vec::new();
        rows.scan_index::<Execution>(BY_INTERRUPTED, Key::new(), Order::Oldest, |it| {
            found.extend(it.interrupted_by.map(|by| (it.id, sessions::interruption(by))));
            Ok(true)
        })?;
        Ok(found)
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

    fn held(&self, tx: &mut OrgTx<'_, '_>, id: ExecutionId, hold: Hold, at: Timestamp) -> Result<()> {
        let Some(mut execution) = tx.get::<Execution>(id)? else { return Ok(()) };
        execution.paused_at = execution.paused_at.or(Some(at));
        if hold == Hold::Now {
            execution.status = Status::Waiting;
        }
        tx.put(&execution)
    }

    fn released(&self, tx: &mut OrgTx<'_, '_>, id: ExecutionId) -> Result<()> {
        let Some(mut execution) = tx.get::<Execution>(id)? else { return Ok(()) };
        execution.paused_at = None;
        if execution.status == Status::Waiting {
            execution.status = if execution.started_at.is_some() { Status::Running } else { Status::Pending };
        }
        tx.put(&execution)
    }

    fn ended(&self, tx: &mut OrgTx<'_, '_>, task: &Task, end: &End) -> Result<()> {
        let Some(mut execution) = tx.get::<Execution>(task.id)? else { return Ok(()) };
        execution.status = end.status;
        if execution.agent_id.is_some() {
            execution.upstream = self.upstream_of(task, end.status);
        }
        execution.output = end.output.clone();
        execution.failure = end.failure.clone();
        execution.attempts = end.attempts;
        // An earlier process may have begun it.
        execution.started_at = execution.started_at.or(end.started_at);
        execution.completed_at = Some(end.ended_at);
        execution.usage = self.used(tx, task, &execution)?;
        if let Some(conductor) = self.conductor().filter(|_| execution.workflow_id.is_some()) {
            conductor.ended(tx, &mut execution)?;
        }
        tx.put(&execution)?;
        batches::count_end(tx, &execution)?;
        self.settle(tx, execution.id)?;
        self.tell(tx, &execution)?;
        let subject = execution.agent_id.or_else(|| execution.workflow_id.map(metering::subject_of));
        let Some(agent) = subject else { return Ok(()) };
        metering::record(
            tx,
            &Counted {
                agent,
                status: end.status,
                ended_at: end.ended_at,
                duration_ms: end.started_at.map_or(0, |it| end.ended_at.since(it)),
                usage: execution.usage,
            },
        )
    }

    fn settled(&self, id: ExecutionId) {
        self.used.lock().remove(&id);
        if let Some(conductor) = self.conductor() {
            conductor.settled(id);
        }
        self.stopped.lock().remove(&id);
        if let Some(services) = self.services.upgrade() {
            budgets::settled(&services, id);
        }
    }
}
