//! What features above this one add to runs: who runs a workflow, and who is told of an end.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use parking_lot::{Mutex, RwLock};

use super::ops::{Started, VersionChoice};
use super::seen::RunnerName;
use super::types::Execution;
use crate::access::{Cx, Services};
use crate::adapters::Usage;
use crate::base::{ExecutionId, Result, WorkflowId};
use crate::engine::{Run, Task, Verdict};
use crate::infra::store::{OrgTx, PerOrg, View};

/// One attempt at a run of a workflow.
pub struct Attempt<'a> {
    pub services: &'a Arc<Services>,
    pub task: &'a Task,
    pub run: &'a Run,
    pub execution: Execution,
    /// What the whole run has used so far, in this process.
    pub usage: Arc<Mutex<Usage>>,
}

/// Runs workflows.
#[async_trait]
pub trait Conductor: Send + Sync {
    /// As `Work::attempt`.
    async fn attempt(&self, attempt: Attempt<'_>) -> Verdict;

    /// Told in the transaction of the end, before the run's row is written; says what the run used where this process
    /// does not know it.
    fn ended(&self, tx: &mut OrgTx<'_, '_>, execution: &mut Execution) -> Result<()>;

    /// The end is on disk.
    fn settled(&self, id: ExecutionId);

    /// Runs the input of a run that has ended once more.
    async fn again(
        &self,
        cx: &Cx,
        first: Execution,
        version: VersionChoice,
        wait_ms: Option<u64>,
    ) -> Result<Started>;

    /// How the workflow is shown where `cx` may see its runs; `None` where it may not, or there never was one.
    fn seen_as(&self, cx: &Cx, rows: &View<PerOrg>, workflow: WorkflowId) -> Result<Option<RunnerName>>;
}

/// The one conductor, registered at start.
#[derive(Default)]
pub struct Podium(OnceLock<Arc<dyn Conductor>>);

impl Podium {
    pub fn register(&self, conductor: Arc<dyn Conductor>) {
        let _ = self.0.set(conductor);
    }

    pub(super) fn get(&self) -> Option<&Arc<dyn Conductor>> {
        self.0.get()
    }
}

/// Wants to know of ends.
pub trait Listener: Send + Sync {
    /// Asked in the transaction that accepts a run; an error refuses it.
    fn accepting(&self, _tx: &OrgTx<'_, '_>, _execution: &Execution) -> Result<()> {
        Ok(())
    }

    /// Told in the transaction of the end; an error undoes the end, which is then tried again.
    fn ended(&self, tx: &mut OrgTx<'_, '_>, execution: &Execution) -> Result<()>;
}

/// Everyone who wants to know of ends, registered at start.
#[derive(Default)]
pub struct Listeners(RwLock<Vec<Arc<dyn Listener>>>);

impl Listeners {
    pub fn add(&self, listener: Arc<dyn Listener>) {
        self.0.write().push(listener);
    }

    pub(super) fn accepting(&self, tx: &OrgTx<'_, '_>, execution: &Execution) -> Result<()> {
        self.0.read().iter().try_for_each(|it| it.accepting(tx, execution))
    }

    pub(super) fn tell(&self, tx: &mut OrgTx<'_, '_>, execution: &Execution) -> Result<()> {
        self.0.read().iter().try_for_each(|it| it.ended(tx, execution))
    }
}
