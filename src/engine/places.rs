//! Places in lanes that a run takes for a part of its work, beside the lanes that the whole of it runs in.

use std::sync::Arc;

use super::face::Inner;
use super::live::Run;
use super::task::{Lane, Task};
use crate::base::OrgId;

/// Places that are taken, until this goes.
pub struct Places {
    engine: Arc<Inner>,
    org: OrgId,
    lanes: Vec<Lane>,
}

impl Drop for Places {
    fn drop(&mut self) {
        self.engine.queue.lock().leave(self.org, &self.lanes);
        self.engine.pump();
    }
}

impl Run {
    /// A place in each of these lanes; `None` where one of them is full. Then the attempt should answer
    /// `Verdict::Turn` with them: its run waits for its turn among all others that want a place there, and comes
    /// back with it.
    pub fn enter(&self, lanes: &[Lane]) -> Option<Places> {
        let kept = self.turn.lock().take();
        if let Some(kept) = kept.filter(|it| it.lanes == lanes) {
            return Some(kept);
        }
        let entered = self.engine.queue.lock().enter(self.org, lanes);
        entered.then(|| Places { engine: self.engine.clone(), org: self.org, lanes: lanes.to_vec() })
    }
}

impl Inner {
    /// The places that a task has waited for, apart from it.
    pub(super) fn places_of(self: &Arc<Self>, mut task: Task) -> (Task, Option<Places>) {
        let lanes = std::mem::take(&mut task.turn);
        let org = task.org;
        let places = (!lanes.is_empty()).then(|| Places { engine: self.clone(), org, lanes });
        (task, places)
    }
}
