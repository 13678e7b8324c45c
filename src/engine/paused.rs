//! Tasks that pause before their next attempt, or are held until someone releases them. Pure bookkeeping, no clock.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use super::queue::LaneId;
use super::task::Task;
use crate::base::{ExecutionId, Id, OrgId};

#[derive(Default)]
pub(super) struct Paused {
    by_time: BTreeMap<(Instant, ExecutionId), Task>,
    times: HashMap<ExecutionId, Instant>,
    held: HashMap<ExecutionId, Task>,
    per_org: HashMap<OrgId, usize>,
}

impl Paused {
    /// Keeps the task until then.
    pub(super) fn put(&mut self, task: Task, until: Instant) {
        *self.per_org.entry(task.org).or_default() += 1;
        self.times.insert(task.id, until);
        self.by_time.insert((until, task.id), task);
    }

    /// Keeps the task until someone takes it.
    pub(super) fn hold(&mut self, task: Task) {
        *self.per_org.entry(task.org).or_default() += 1;
        self.held.insert(task.id, task);
    }

    pub(super) fn take(&mut self, id: ExecutionId) -> Option<Task> {
        let task = match self.held.remove(&id) {
            Some(task) => task,
            None => {
                let at = self.times.remove(&id)?;
                self.by_time.remove(&(at, id))?
            }
        };
        self.left(task.org);
        Some(task)
    }

    /// Whether the task is here and held.
    pub(super) fn holds(&self, id: ExecutionId) -> bool {
        self.held.contains_key(&id)
    }

    /// Those whose time has come, the longest overdue first.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Task> {
        let later =
            self.by_time.split_off(&(now + Duration::from_nanos(1), ExecutionId::from_bytes([0; 16])));
        let due: Vec<Task> = std::mem::replace(&mut self.by_time, later).into_values().collect();
        for task in &due {
            self.times.remove(&task.id);
            self.left(task.org);
        }
        due
    }

    /// What is here of one lane or of all, and whether it has begun.
    pub(super) fn within(&self, org: OrgId, lane: Option<LaneId>) -> Vec<(ExecutionId, bool)> {
        let within = |it: &&Task| it.org == org && lane.is_none_or(|lane| lane == it.lane);
        let all = self.by_time.values().chain(self.held.values());
        all.filter(within).map(|it| (it.id, it.begun_at.is_some())).collect()
    }

    /// When the next one's time comes.
    pub(super) fn next(&self) -> Option<Instant> {
        self.by_time.keys().next().map(|it| it.0)
    }

    pub(super) fn len(&self) -> usize {
        self.by_time.len() + self.held.len()
    }

    /// Organizations with something here.
    pub(super) fn orgs(&self) -> usize {
        self.per_org.len()
    }

    pub(super) fn of_org(&self, org: OrgId) -> usize {
        self.per_org.get(&org).copied().unwrap_or(0)
    }

    fn left(&mut self, org: OrgId) {
        if let Some(count) = self.per_org.get_mut(&org) {
            *count -= 1;
            if *count == 0 {
                self.per_org.remove(&org);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;
    use crate::engine::{Repeat, Retry};

    fn task(id: u8, org: u8) -> Task {
        Task {
            id: ExecutionId::from_bytes([id; 16]),
            org: OrgId::from_bytes([org; 16]),
            lane: [0; 16],
            lane_limit: 1,
            priority: 0,
            repeat: Repeat::AtLeastOnce,
            retry: Retry { max_attempts: 1, backoff_ms: 0, max_backoff_ms: 0 },
            timeout_ms: 1,
            accepted_at: Timestamp::from_millis(0),
            ready_at: Timestamp::from_millis(0),
            pause_ms: 0,
            attempts: 0,
            begun_at: None,
            in_flight: false,
            resting: false,
            held_since: None,
            held_ms: 0,
            weight: 0,
            more_lanes: Vec::new(),
            turn: Vec::new(),
            attempt_timeout_ms: None,
            queue_timeout_ms: None,
        }
    }

    #[test]
    fn they_come_back_in_time_and_each_once() {
        let (mut paused, zero) = (Paused::default(), Instant::now());
        let at = |ms| zero + Duration::from_millis(ms);
        for (task, ms) in [(task(1, 1), 30), (task(2, 1), 10), (task(3, 2), 20)] {
            paused.put(task, at(ms));
        }
        assert_eq!(paused.next(), Some(at(10)));
        assert_eq!((paused.of_org(OrgId::from_bytes([1; 16])), paused.len()), (2, 3));
        let due: Vec<u8> = paused.take_due(at(20)).iter().map(|it| it.id.bytes()[0]).collect();
        assert_eq!(due, [2, 3]);
        assert!(paused.take(ExecutionId::from_bytes([2; 16])).is_none());
        assert!(paused.take(ExecutionId::from_bytes([1; 16])).is_some());
        paused.hold(task(4, 2));
        assert!(paused.holds(task(4, 2).id) && paused.next().is_none());
        assert_eq!(paused.within(OrgId::from_bytes([2; 16]), Some([0; 16])), [(task(4, 2).id, false)]);
        assert_eq!(paused.within(OrgId::from_bytes([2; 16]), Some([1; 16])), []);
        assert_eq!((paused.of_org(OrgId::from_bytes([2; 16])), paused.len()), (1, 1));
        assert!(paused.take(task(4, 2).id).is_some());
        assert_eq!((paused.len(), paused.per_org.len(), paused.times.len()), (0, 0, 0));
    }
}
