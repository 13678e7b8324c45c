//! Who goes next: organizations take turns; within one, higher priority first, then first come; no lane above
//! its limit. Pure bookkeeping, no clock.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::task::Task;
use crate::base::{ExecutionId, OrgId};

type Lane = [u8; 16];
/// Lower goes first: priority turned round, then order of arrival.
type Rank = (i16, u64);

#[derive(Default)]
pub(super) struct Queue {
    orgs: HashMap<OrgId, Waiting>,
    /// Organizations with something in `ready`, in the order of their turns.
    turns: VecDeque<OrgId>,
    lanes: HashMap<(OrgId, Lane), LaneState>,
    arrivals: u64,
    running: usize,
}

#[derive(Default)]
struct Waiting {
    /// May start as soon as it is this organization's turn.
    ready: BTreeMap<Rank, Task>,
    ranks: HashMap<ExecutionId, (Rank, Lane)>,
    running: usize,
}

#[derive(Default)]
struct LaneState {
    /// Running, or in `ready` and so sure of a place.
    admitted: usize,
    waiting: BTreeMap<Rank, Task>,
}

impl Queue {
    pub(super) fn push(&mut self, task: Task) {
        self.arrivals += 1;
        let rank = (-i16::from(task.priority), self.arrivals);
        let (org, lane, limit) = (task.org, task.lane, task.lane_limit.max(1) as usize);
        self.orgs.entry(org).or_default().ranks.insert(task.id, (rank, lane));
        let state = self.lanes.entry((org, lane)).or_default();
        if state.admitted < limit {
            state.admitted += 1;
            self.make_ready(org, rank, task);
        } else {
            state.waiting.insert(rank, task);
        }
    }

    /// The next task to start, where the bounds allow one.
    pub(super) fn pop(&mut self, max_running: usize, max_per_org: usize) -> Option<Task> {
        if self.running >= max_running {
            return None;
        }
        for _ in 0..self.turns.len() {
            let org = self.turns.pop_front()?;
            let Some(waiting) = self.orgs.get_mut(&org) else { continue };
            if waiting.running >= max_per_org {
                self.turns.push_back(org);
                continue;
            }
            let Some((_, task)) = waiting.ready.pop_first() else { continue };
            waiting.ranks.remove(&task.id);
            waiting.running += 1;
            self.running += 1;
            if !waiting.ready.is_empty() {
                self.turns.push_back(org);
            }
            return Some(task);
        }
        None
    }

    /// A popped task is no longer at work: its places are free.
    pub(super) fn done(&mut self, org: OrgId, lane: Lane) {
        self.running = self.running.saturating_sub(1);
        if let Some(waiting) = self.orgs.get_mut(&org) {
            waiting.running = waiting.running.saturating_sub(1);
        }
        self.leave_lane(org, lane);
        self.forget_if_idle(org);
    }

    /// Takes a waiting task out; `None` where it does not wait here.
    pub(super) fn remove(&mut self, org: OrgId, id: ExecutionId) -> Option<Task> {
        let waiting = self.orgs.get_mut(&org)?;
        let (rank, lane) = waiting.ranks.remove(&id)?;
        let task = match waiting.ready.remove(&rank) {
            Some(task) => {
                self.leave_lane(org, lane);
                Some(task)
            }
            None => self.lanes.get_mut(&(org, lane)).and_then(|it| it.waiting.remove(&rank)),
        };
        self.forget_if_idle(org);
        task
    }

    pub(super) fn waiting(&self, org: OrgId) -> usize {
        self.orgs.get(&org).map_or(0, |it| it.ranks.len())
    }

    pub(super) fn admitted(&self, org: OrgId, lane: Lane) -> usize {
        self.lanes.get(&(org, lane)).map_or(0, |it| it.admitted)
    }

    pub(super) fn running_of(&self, org: OrgId) -> usize {
        self.orgs.get(&org).map_or(0, |it| it.running)
    }

    pub(super) fn all_waiting(&self) -> usize {
        self.orgs.values().map(|it| it.ranks.len()).sum()
    }

    pub(super) fn running(&self) -> usize {
        self.running
    }

    fn make_ready(&mut self, org: OrgId, rank: Rank, task: Task) {
        let waiting = self.orgs.entry(org).or_default();
        if waiting.ready.is_empty() && !self.turns.contains(&org) {
            self.turns.push_back(org);
        }
        waiting.ready.insert(rank, task);
    }

    fn leave_lane(&mut self, org: OrgId, lane: Lane) {
        let Some(state) = self.lanes.get_mut(&(org, lane)) else { return };
        match state.waiting.pop_first() {
            Some((rank, task)) => self.make_ready(org, rank, task),
            None => {
                state.admitted = state.admitted.saturating_sub(1);
                if state.admitted == 0 {
                    self.lanes.remove(&(org, lane));
                }
            }
        }
    }

    fn forget_if_idle(&mut self, org: OrgId) {
        if self.orgs.get(&org).is_some_and(|it| it.running == 0 && it.ranks.is_empty()) {
            self.orgs.remove(&org);
            self.turns.retain(|it| *it != org);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::{Id, Timestamp};
    use crate::engine::{Repeat, Retry};

    fn task(org: u8, lane: u8, limit: u32, priority: i8, id: u16) -> Task {
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&id.to_be_bytes());
        Task {
            id: ExecutionId::from_bytes(bytes),
            org: OrgId::from_bytes([org; 16]),
            lane: [lane; 16],
            lane_limit: limit,
            priority,
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
        }
    }

    #[test]
    fn organizations_take_turns() {
        let mut queue = Queue::default();
        for id in 0..4 {
            queue.push(task(1, 1, 9, 0, id));
        }
        queue.push(task(2, 1, 9, 0, 9));
        let orgs: Vec<u8> = std::iter::from_fn(|| queue.pop(9, 9)).map(|it| it.org.bytes()[0]).collect();
        assert_eq!(orgs, [1, 2, 1, 1, 1]);
    }

    #[test]
    fn priority_goes_before_arrival() {
        let mut queue = Queue::default();
        for (id, priority) in [(1, 0), (2, 5), (3, -3), (4, 5)] {
            queue.push(task(1, 1, 9, priority, id));
        }
        let ids: Vec<u8> = std::iter::from_fn(|| queue.pop(9, 9)).map(|it| it.id.bytes()[1]).collect();
        assert_eq!(ids, [2, 4, 1, 3]);
    }

    proptest! {
        #[test]
        fn everything_runs_once_and_no_limit_is_passed(
            pushes in proptest::collection::vec((1_u8..4, 1_u8..3, 1_u32..4, -2_i8..3), 1..60),
            choices in proptest::collection::vec(any::<u8>(), 400),
        ) {
            let mut queue = Queue::default();
            let (mut at_work, mut ended): (Vec<Task>, Vec<ExecutionId>) = (Vec::new(), Vec::new());
            let limit_of = |lane: u8, org: u8| u32::from(lane + org);
            let mut pushes = pushes.into_iter().enumerate().collect::<VecDeque<_>>();
            let all = pushes.len();
            let mut choices = choices.into_iter().cycle();
            for _ in 0..10_000 {
                if ended.len() == all { break; }
                match choices.next().unwrap_or(0) % 4 {
                    0 => if let Some((id, (org, lane, _, priority))) = pushes.pop_front() {
                        queue.push(task(org, lane, limit_of(lane, org), priority, id as u16));
                    },
                    1 if !at_work.is_empty() => {
                        let done = at_work.swap_remove(0);
                        queue.done(done.org, done.lane);
                        ended.push(done.id);
                    }
                    2 => if let Some(id) = choices.next() {
                        for org in 1..4 {
                            let (org, id) = (OrgId::from_bytes([org; 16]), task(1, 1, 1, 0, id.into()).id);
                            if let Some(gone) = queue.remove(org, id) { ended.push(gone.id); }
                        }
                    },
                    _ => if let Some(next) = queue.pop(5, 3) { at_work.push(next); },
                }
                prop_assert!(at_work.len() <= 5);
                for task in &at_work {
                    let same = at_work.iter().filter(|it| it.org == task.org && it.lane == task.lane).count();
                    prop_assert!(same <= task.lane_limit as usize);
                    prop_assert!(at_work.iter().filter(|it| it.org == task.org).count() <= 3);
                }
            }
            ended.sort();
            ended.dedup();
            prop_assert_eq!(ended.len(), all);
            prop_assert!(queue.lanes.is_empty() && queue.orgs.is_empty() && queue.turns.is_empty());
        }
    }
}
