//! Who goes next: organizations take turns; within one, higher priority first, then first come; no lane above
//! its limit, none that is closed. Pure bookkeeping, no clock.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use super::task::Task;
use crate::base::{ExecutionId, OrgId};

pub(super) type Lane = [u8; 16];
/// Lower goes first: priority turned round, then order of arrival.
type Rank = (i16, u64);

#[derive(Default)]
pub(super) struct Queue {
    orgs: HashMap<OrgId, Waiting>,
    /// Organizations with something in `ready`, in the order of their turns.
    turns: VecDeque<OrgId>,
    lanes: HashMap<(OrgId, Lane), LaneState>,
    /// Of these nothing starts: a lane, or for `None` the whole organization.
    closed: HashSet<(OrgId, Option<Lane>)>,
    arrivals: u64,
    running: usize,
}

#[derive(Default)]
struct Waiting {
    /// May start as soon as it is this organization's turn.
    ready: BTreeMap<Rank, Task>,
    ranks: HashMap<ExecutionId, (Rank, Lane)>,
    running: HashMap<ExecutionId, Lane>,
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
        let open = !self.closed.contains(&(org, Some(lane)));
        let state = self.lanes.entry((org, lane)).or_default();
        if open && state.admitted < limit {
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
            if waiting.running.len() >= max_per_org || self.closed.contains(&(org, None)) {
                self.turns.push_back(org);
                continue;
            }
            let Some((_, task)) = waiting.ready.pop_first() else { continue };
            waiting.ranks.remove(&task.id);
            waiting.running.insert(task.id, task.lane);
            self.running += 1;
            if !waiting.ready.is_empty() {
                self.turns.push_back(org);
            }
            return Some(task);
        }
        None
    }

    /// A popped task is no longer at work: its places are free.
    pub(super) fn done(&mut self, org: OrgId, lane: Lane, id: ExecutionId) {
        self.running = self.running.saturating_sub(1);
        if let Some(waiting) = self.orgs.get_mut(&org) {
            waiting.running.remove(&id);
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
            None => {
                let task = self.lanes.get_mut(&(org, lane)).and_then(|it| it.waiting.remove(&rank));
                self.forget_if_empty(org, lane);
                task
            }
        };
        self.forget_if_idle(org);
        task
    }

    /// From now on nothing of it is popped.
    pub(super) fn close(&mut self, org: OrgId, lane: Option<Lane>) {
        self.closed.insert((org, lane));
        let (Some(lane), Some(waiting)) = (lane, self.orgs.get_mut(&org)) else { return };
        let Some(state) = self.lanes.get_mut(&(org, lane)) else { return };
        for (rank, _) in waiting.ranks.values().filter(|it| it.1 == lane) {
            if let Some(task) = waiting.ready.remove(rank) {
                state.admitted -= 1;
                state.waiting.insert(*rank, task);
            }
        }
    }

    /// What waited because it was closed may go.
    pub(super) fn open(&mut self, org: OrgId, lane: Option<Lane>) {
        self.closed.remove(&(org, lane));
        let Some(lane) = lane else { return };
        while let Some(state) = self.lanes.get_mut(&(org, lane)) {
            let limit = |it: &Task| it.lane_limit.max(1) as usize;
            if state.waiting.first_key_value().is_none_or(|it| state.admitted >= limit(it.1)) {
                return;
            }
            let Some((rank, task)) = state.waiting.pop_first() else { return };
            state.admitted += 1;
            self.make_ready(org, rank, task);
        }
    }

    /// What waits or is at work, of one lane or of all; and whether it has begun.
    pub(super) fn within(&self, org: OrgId, lane: Option<Lane>) -> Vec<(ExecutionId, bool)> {
        let Some(found) = self.orgs.get(&org) else { return Vec::new() };
        let is_in = |it: Lane| lane.is_none_or(|lane| lane == it);
        let at_work = found.running.iter().filter(|it| is_in(*it.1)).map(|it| (*it.0, true));
        let begun = |rank: &Rank, lane: Lane| {
            let task = found.ready.get(rank);
            let task = task.or_else(|| self.lanes.get(&(org, lane)).and_then(|it| it.waiting.get(rank)));
            task.is_some_and(|it| it.begun_at.is_some())
        };
        let waiting = found.ranks.iter().filter(|it| is_in(it.1.1));
        at_work.chain(waiting.map(|(id, (rank, lane))| (*id, begun(rank, *lane)))).collect()
    }

    pub(super) fn waiting(&self, org: OrgId) -> usize {
        self.orgs.get(&org).map_or(0, |it| it.ranks.len())
    }

    pub(super) fn admitted(&self, org: OrgId, lane: Lane) -> usize {
        self.lanes.get(&(org, lane)).map_or(0, |it| it.admitted)
    }

    pub(super) fn running_of(&self, org: OrgId) -> usize {
        self.orgs.get(&org).map_or(0, |it| it.running.len())
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
        let closed = self.closed.contains(&(org, Some(lane)));
        match if closed { None } else { state.waiting.pop_first() } {
            Some((rank, task)) => self.make_ready(org, rank, task),
            None => {
                state.admitted = state.admitted.saturating_sub(1);
                self.forget_if_empty(org, lane);
            }
        }
    }

    fn forget_if_empty(&mut self, org: OrgId, lane: Lane) {
        if self.lanes.get(&(org, lane)).is_some_and(|it| it.admitted == 0 && it.waiting.is_empty()) {
            self.lanes.remove(&(org, lane));
        }
    }

    fn forget_if_idle(&mut self, org: OrgId) {
        if self.orgs.get(&org).is_some_and(|it| it.running.is_empty() && it.ranks.is_empty()) {
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

    #[test]
    fn what_is_closed_waits_until_it_is_opened() {
        let mut queue = Queue::default();
        let org = OrgId::from_bytes([1; 16]);
        for id in 0..3 {
            queue.push(task(1, 1, 2, 0, id));
        }
        queue.push(task(1, 2, 9, 0, 9));
        queue.close(org, Some([1; 16]));
        queue.push(task(1, 1, 2, 0, 3));
        let ids = |queue: &mut Queue| -> Vec<u8> {
            std::iter::from_fn(|| queue.pop(9, 9)).map(|it| it.id.bytes()[1]).collect()
        };
        assert_eq!(ids(&mut queue), [9]);
        queue.close(org, None);
        queue.open(org, Some([1; 16]));
        assert_eq!(ids(&mut queue), [0; 0]);
        queue.open(org, None);
        assert_eq!(ids(&mut queue), [0, 1], "in the order of arrival, no more than the lane's limit");
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
            let (all, mut rounds) = (pushes.len(), 0);
            let mut choices = choices.into_iter().cycle();
            for _ in 0..10_000 {
                if ended.len() == all { break; }
                rounds += 1;
                if rounds == 5_000 {
                    for (org, lane) in std::mem::take(&mut queue.closed) { queue.open(org, lane); }
                }
                match choices.next().unwrap_or(0) % 5 {
                    0 => if let Some((id, (org, lane, _, priority))) = pushes.pop_front() {
                        queue.push(task(org, lane, limit_of(lane, org), priority, id as u16));
                    },
                    1 if !at_work.is_empty() => {
                        let done = at_work.swap_remove(0);
                        queue.done(done.org, done.lane, done.id);
                        ended.push(done.id);
                    }
                    2 => if let Some(id) = choices.next() {
                        for org in 1..4 {
                            let (org, id) = (OrgId::from_bytes([org; 16]), task(1, 1, 1, 0, id.into()).id);
                            if let Some(gone) = queue.remove(org, id) { ended.push(gone.id); }
                        }
                    },
                    3 if rounds < 5_000 => {
                        let choice = choices.next().unwrap_or(0);
                        let org = OrgId::from_bytes([choice % 3 + 1; 16]);
                        let lane = [None, Some([1; 16]), Some([2; 16])][usize::from(choice / 3 % 3)];
                        if queue.closed.contains(&(org, lane)) {
                            queue.open(org, lane);
                        } else {
                            queue.close(org, lane);
                        }
                    }
                    _ => if let Some(next) = queue.pop(5, 3) {
                        prop_assert!(!queue.closed.contains(&(next.org, None)));
                        prop_assert!(!queue.closed.contains(&(next.org, Some(next.lane))));
                        at_work.push(next);
                    },
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
