//! What is kept in memory: the budgets of each organization that has any, and the calls under way that they cover. A
//! run that no budget covers costs one look here.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::hold::Held;
use super::store;
use super::types::Budget;
use crate::access::Services;
use crate::base::{ExecutionId, OrgId, Result};

/// Kept in `Services::kept`.
#[derive(Default)]
pub(super) struct Register {
    /// An organization that is named here may have reservations. Never forgets.
    orgs: RwLock<HashMap<OrgId, Arc<[Budget]>>>,
    /// One reader of the rows at a time, so that the last one to read is the last one to say.
    reading: Mutex<()>,
    under_way: Mutex<HashMap<ExecutionId, HashMap<String, Arc<Held>>>>,
}

impl Register {
    /// The organization's budgets; `None` where it never had any, nor an agent with one of its own.
    pub(super) fn of(&self, org: OrgId) -> Option<Arc<[Budget]>> {
        self.orgs.read().get(&org).cloned()
    }

    /// From now on ends of runs look for reservations. Before the commit that makes the first.
    pub(super) fn mark(&self, org: OrgId) {
        if self.of(org).is_none() {
            self.orgs.write().entry(org).or_insert_with(|| Arc::from([]));
        }
    }

    /// Reads the budgets as they are now. After a commit that changed them.
    pub(super) fn read(&self, services: &Services, org: OrgId) -> Result<()> {
        let _alone = self.reading.lock();
        let budgets = store::all(&services.store.org(org)?)?;
        self.orgs.write().insert(org, budgets.into());
        Ok(())
    }

    pub(super) fn begin(&self, held: Arc<Held>) {
        let mut all = self.under_way.lock();
        all.entry(held.execution).or_default().insert(held.call.clone(), held);
    }

    /// The last attempt at a call in this process.
    pub(super) fn under_way(&self, execution: ExecutionId, call: &str) -> Option<Arc<Held>> {
        self.under_way.lock().get(&execution).and_then(|it| it.get(call).cloned())
    }

    pub(super) fn forget(&self, execution: ExecutionId) {
        self.under_way.lock().remove(&execution);
    }
}
