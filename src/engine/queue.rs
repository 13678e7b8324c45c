//! Who goes next: organizations take turns; within one, higher priority first, then first come; no lane above
//! its limit, none that is closed. Pure bookkeeping, no clock.
//!
//! A task that runs in several lanes is admitted to all of them at once, or waits in one that is full. So where
//! tasks wait in a lane something of it is at work or ready, and its end looks at them again.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::task::{Lane, Task};
use crate::base::{ExecutionId, Id, OrgId};

pub(super) type LaneId = [u8; 16];
/// Lower goes first: priority turned round, then order of arrival.
type Rank = (i16, u64);

#[derive(Default)]
pub(super) struct Queue {
    orgs: HashMap<OrgId, Waiting>,
    /// Organizations with something in `ready`, in the order of their turns.
    turns: VecDeque<OrgId>,
    lanes: HashMap<(OrgId, LaneId), LaneState>,
    /// Of these nothing starts: a lane, or for `None` the whole organization.
    closed: HashSet<(OrgId, Option<LaneId>)>,
    /// Those that may not wait here for ever.
    overdue: BTreeSet<(Instant, OrgId, ExecutionId)>,
    arrivals: u64,
    waiting: usize,
    running: usize,
    /// Of all that is at work.
    weight: u64,
}

/// How much may be at work at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub running: usize,
    pub running_per_org: usize,
    /// Of which one organization has half at most. What is heavier than that goes when nothing else of weight does.
    pub weight: u64,
}

#[derive(Default)]
struct Waiting {
    /// May start as soon as it is this organization's turn.
    ready: BTreeMap<Rank, Box<Task>>,
    /// Everyone who waits here, ready or not.
    places: HashMap<ExecutionId, Place>,
    /// At work, with their own lane and weight.
    running: HashMap<ExecutionId, (LaneId, u64)>,
    /// Of all that is at work.
    weight: u64,
    /// Whether it stands in `turns`.
    in_turn: bool,
}

struct Place {
    rank: Rank,
    /// The lane in which it waits, where it does.
    lane: LaneId,
    until: Option<Instant>,
}

#[derive(Default)]
struct LaneState {
    /// Running, in `ready` and so sure of a place, or guests.
    admitted: usize,
    waiting: BTreeMap<Rank, Box<Task>>,
}

impl Queue {
    /// `until`: where it has not left by then, it is overdue.
    pub(super) fn push(&mut self, task: Task, until: Option<Instant>) {
        self.arrivals += 1;
        let rank = (-i16::from(task.priority), self.arrivals);
        let place = Place { rank, lane: task.lane, until };
        if self.orgs.entry(task.org).or_default().places.insert(task.id, place).is_none() {
            self.waiting += 1;
        }
        self.overdue.extend(until.map(|it| (it, task.org, task.id)));
        self.admit_or_wait(rank, Box::new(task));
    }

    fn admit_or_wait(&mut self, rank: Rank, mut task: Box<Task>) {
        let org = task.org;
        // It is at work elsewhere and would find nobody there: it goes on, and is told.
        if task.turn.iter().any(|it| self.is_closed(org, it.id)) {
            task.turn.clear();
        }
        let full = task.lanes().find(|it| self.is_full(org, it) || self.is_closed(org, it.id));
        if let Some(place) = self.orgs.get_mut(&org).and_then(|it| it.places.get_mut(&task.id)) {
            place.lane = full.map_or(task.lane, |it| it.id);
        }
        match full {
            Some(lane) => {
                self.lanes.entry((org, lane.id)).or_default().waiting.insert(rank, task);
            }
            None => {
                for lane in task.lanes() {
                    self.lanes.entry((org, lane.id)).or_default().admitted += 1;
                }
                self.make_ready(org, rank, task);
            }
        }
    }

    fn is_closed(&self, org: OrgId, lane: LaneId) -> bool {
        self.closed.contains(&(org, Some(lane)))
    }

    fn is_full(&self, org: OrgId, lane: &Lane) -> bool {
        self.lanes.get(&(org, lane.id)).is_some_and(|it| it.admitted >= lane.limit.max(1) as usize)
    }

    /// Takes a place in each of the lanes for somebody who is at work elsewhere; `false` where one is full. Nobody
    /// is overtaken: where somebody waits in a lane, it is full.
    pub(super) fn enter(&mut self, org: OrgId, lanes: &[Lane]) -> bool {
        let free = lanes.iter().all(|it| !self.is_full(org, it));
        if free {
            for lane in lanes {
                self.lanes.entry((org, lane.id)).or_default().admitted += 1;
            }
        }
        free
    }

    /// The places that `enter` took, or that a task had beside its own, are free.
    pub(super) fn leave(&mut self, org: OrgId, lanes: &[Lane]) {
        self.leave_lanes(org, lanes);
    }

    /// The next task to start, where the bounds allow one.
    pub(super) fn pop(&mut self, bounds: Bounds) -> Option<Task> {
        if self.running >= bounds.running {
            return None;
        }
        for _ in 0..self.turns.len() {
            let org = self.turns.pop_front()?;
            let Some(waiting) = self.orgs.get_mut(&org) else { continue };
            let weight = waiting.ready.first_key_value().map_or(0, |it| it.1.weight);
            let is_too_heavy = !has_room(self.weight, weight, bounds.weight)
                || !has_room(waiting.weight, weight, bounds.weight / 2);
            let is_full = waiting.running.len() >= bounds.running_per_org;
            if is_full || is_too_heavy || self.closed.contains(&(org, None)) {
                self.turns.push_back(org);
                continue;
            }
            waiting.in_turn = false;
            let Some((_, task)) = waiting.ready.pop_first() else { continue };
            waiting.running.insert(task.id, (task.lane, task.weight));
            waiting.weight += task.weight;
            self.weight += task.weight;
            self.running += 1;
            if !waiting.ready.is_empty() {
                waiting.in_turn = true;
                self.turns.push_back(org);
            }
            self.forget_place(org, task.id);
            return Some(*task);
        }
        None
    }

    /// A popped task is no longer at work: its places are free.
    pub(super) fn done(&mut self, org: OrgId, id: ExecutionId, lanes: &[Lane]) {
        self.running = self.running.saturating_sub(1);
        if let Some(waiting) = self.orgs.get_mut(&org)
            && let Some((_, weight)) = waiting.running.remove(&id)
        {
            waiting.weight -= weight;
            self.weight -= weight;
        }
        self.leave_lanes(org, lanes);
        self.forget_if_idle(org);
    }

    /// Takes a waiting task out; `None` where it does not wait here.
    pub(super) fn remove(&mut self, org: OrgId, id: ExecutionId) -> Option<Task> {
        let Place { rank, lane, .. } = self.forget_place(org, id)?;
        let ready = self.orgs.get_mut(&org)?.ready.remove(&rank);
        let task = match ready {
            Some(task) => {
                self.leave_lanes(org, &task.lanes().collect::<Vec<_>>());
                Some(task)
            }
            None => {
                let task = self.lanes.get_mut(&(org, lane)).and_then(|it| it.waiting.remove(&rank));
                self.fill(org, lane);
                task
            }
        };
        self.forget_if_idle(org);
        task.map(|it| *it)
    }

    /// From now on nothing of it is popped. Work of other lanes that waits for a turn in it goes on without.
    pub(super) fn close(&mut self, org: OrgId, lane: Option<LaneId>) {
        self.closed.insert((org, lane));
        let (Some(lane), Some(waiting)) = (lane, self.orgs.get_mut(&org)) else { return };
        let of_it = |it: &Task| it.lane == lane;
        let ready: Vec<Rank> = waiting.ready.iter().filter(|it| of_it(it.1)).map(|it| *it.0).collect();
        let ready: Vec<_> = ready.into_iter().filter_map(|it| waiting.ready.remove_entry(&it)).collect();
        for (rank, task) in ready {
            let lanes: Vec<Lane> = task.lanes().collect();
            self.admit_or_wait(rank, task);
            self.leave_lanes(org, &lanes);
        }
        let Some(state) = self.lanes.get_mut(&(org, lane)) else { return };
        let turns: Vec<Rank> = state.waiting.iter().filter(|it| !of_it(it.1)).map(|it| *it.0).collect();
        let turns: Vec<_> = turns.into_iter().filter_map(|it| state.waiting.remove_entry(&it)).collect();
        for (rank, task) in turns {
            self.admit_or_wait(rank, task);
        }
        self.fill(org, lane);
    }

    /// What waited because it was closed may go.
    pub(super) fn open(&mut self, org: OrgId, lane: Option<LaneId>) {
        self.closed.remove(&(org, lane));
        if let Some(lane) = lane {
            self.fill(org, lane);
        }
    }

    /// What waits or is at work, of one lane or of all; and whether it has begun.
    pub(super) fn within(&self, org: OrgId, lane: Option<LaneId>) -> Vec<(ExecutionId, bool)> {
        let Some(found) = self.orgs.get(&org) else { return Vec::new() };
        let is_in = |it: LaneId| lane.is_none_or(|lane| lane == it);
        let at_work = found.running.iter().filter(|it| is_in(it.1.0)).map(|it| (*it.0, true));
        let task = |place: &Place| {
            let ready = found.ready.get(&place.rank);
            ready.or_else(|| self.lanes.get(&(org, place.lane))?.waiting.get(&place.rank))
        };
        let waiting = found.places.values().filter_map(task).filter(|it| is_in(it.lane));
        at_work.chain(waiting.map(|it| (it.id, it.begun_at.is_some()))).collect()
    }

    /// Takes out those that have waited for too long.
    pub(super) fn take_overdue(&mut self, now: Instant) -> Vec<Task> {
        let nobody = (OrgId::from_bytes([0; 16]), ExecutionId::from_bytes([0; 16]));
        let later = self.overdue.split_off(&(now + Duration::from_nanos(1), nobody.0, nobody.1));
        let due = std::mem::replace(&mut self.overdue, later);
        due.into_iter().filter_map(|(_, org, id)| self.remove(org, id)).collect()
    }

    /// When the next one will have waited for too long.
    pub(super) fn next_overdue(&self) -> Option<Instant> {
        self.overdue.first().map(|it| it.0)
    }

    fn forget_place(&mut self, org: OrgId, id: ExecutionId) -> Option<Place> {
        let place = self.orgs.get_mut(&org)?.places.remove(&id)?;
        self.waiting -= 1;
        if let Some(until) = place.until {
            self.overdue.remove(&(until, org, id));
        }
        Some(place)
    }

    pub(super) fn waiting(&self, org: OrgId) -> usize {
        self.orgs.get(&org).map_or(0, |it| it.places.len())
    }

    /// Organizations with work here, waiting or begun.
    pub(super) fn busy_orgs(&self) -> usize {
        self.orgs.len()
    }

    pub(super) fn running_of(&self, org: OrgId) -> usize {
        self.orgs.get(&org).map_or(0, |it| it.running.len())
    }

    pub(super) fn all_waiting(&self) -> usize {
        self.waiting
    }

    pub(super) fn running(&self) -> usize {
        self.running
    }

    fn make_ready(&mut self, org: OrgId, rank: Rank, task: Box<Task>) {
        let waiting = self.orgs.entry(org).or_default();
        if !waiting.in_turn {
            waiting.in_turn = true;
            self.turns.push_back(org);
        }
        waiting.ready.insert(rank, task);
    }

    fn leave_lanes(&mut self, org: OrgId, lanes: &[Lane]) {
        for lane in lanes {
            if let Some(state) = self.lanes.get_mut(&(org, lane.id)) {
                state.admitted = state.admitted.saturating_sub(1);
            }
        }
        for lane in lanes {
            self.fill(org, lane.id);
        }
    }

    /// Lets those go on that wait in a lane with room. One that meets another full lane waits there from now on.
    fn fill(&mut self, org: OrgId, lane: LaneId) {
        while let Some(state) = self.lanes.get_mut(&(org, lane)) {
            let Some(first) = state.waiting.first_entry() else {
                if state.admitted == 0 {
                    self.lanes.remove(&(org, lane));
                }
                return;
            };
            if self.closed.contains(&(org, Some(lane))) {
                return;
            }
            let limit = first.get().lanes().find(|it| it.id == lane).map_or(1, |it| it.limit);
            if state.admitted >= limit as usize {
                return;
            }
            let (rank, task) = first.remove_entry();
            self.admit_or_wait(rank, task);
        }
    }

    fn forget_if_idle(&mut self, org: OrgId) {
        if self.orgs.get(&org).is_some_and(|it| it.running.is_empty() && it.places.is_empty()) {
            let was_in_turn = self.orgs.remove(&org).is_some_and(|it| it.in_turn);
            if was_in_turn {
                self.turns.retain(|it| *it != org);
            }
        }
    }
}

fn has_room(taken: u64, weight: u64, all: u64) -> bool {
    weight == 0 || taken == 0 || taken.saturating_add(weight) <= all
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
            weight: 0,
            more_lanes: Vec::new(),
            turn: Vec::new(),
            attempt_timeout_ms: None,
            queue_timeout_ms: None,
        }
    }

    fn bounds(running: usize, running_per_org: usize) -> Bounds {
        Bounds { running, running_per_org, weight: 100 }
    }

    /// No more than that together, or one alone.
    fn is_light<'t>(at_work: impl Iterator<Item = &'t Task>, most: u64) -> bool {
        let heavy: Vec<u64> = at_work.map(|it| it.weight).filter(|it| *it > 0).collect();
        heavy.len() < 2 || heavy.iter().sum::<u64>() <= most
    }

    #[test]
    fn what_is_heavy_waits_until_there_is_room_and_holds_up_no_other_organization() {
        let mut queue = Queue::default();
        for (org, id, weight) in
            [(1, 1, 40), (1, 2, 20), (1, 3, 0), (2, 4, 40), (3, 5, 30), (3, 6, 0), (4, 7, 900)]
        {
            queue.push(Task { weight, ..task(org, org, 9, 0, id) }, None);
        }
        let begun = |queue: &mut Queue| -> Vec<u8> {
            std::iter::from_fn(|| queue.pop(bounds(9, 9))).map(|it| it.id.bytes()[1]).collect()
        };
        assert_eq!(begun(&mut queue), [1, 4], "40 and 20 are more than half, 80 and 30 more than all");
        let done = |queue: &mut Queue, org: u8, id: u16| {
            let ended = task(org, org, 9, 0, id);
            queue.done(ended.org, ended.id, &ended.lanes().collect::<Vec<_>>());
        };
        done(&mut queue, 1, 1);
        assert_eq!(begun(&mut queue), [5, 2, 6, 3]);
        for (org, id) in [(2, 4), (3, 5)] {
            done(&mut queue, org, id);
            assert!(begun(&mut queue).is_empty(), "one that is too heavy goes alone");
        }
        done(&mut queue, 1, 2);
        assert_eq!(begun(&mut queue), [7]);
    }

    #[test]
    fn organizations_take_turns() {
        let mut queue = Queue::default();
        for id in 0..4 {
            queue.push(task(1, 1, 9, 0, id), None);
        }
        queue.push(task(2, 1, 9, 0, 9), None);
        let orgs: Vec<u8> =
            std::iter::from_fn(|| queue.pop(bounds(9, 9))).map(|it| it.org.bytes()[0]).collect();
        assert_eq!(orgs, [1, 2, 1, 1, 1]);
    }

    #[test]
    fn priority_goes_before_arrival() {
        let mut queue = Queue::default();
        for (id, priority) in [(1, 0), (2, 5), (3, -3), (4, 5)] {
            queue.push(task(1, 1, 9, priority, id), None);
        }
        let ids: Vec<u8> =
            std::iter::from_fn(|| queue.pop(bounds(9, 9))).map(|it| it.id.bytes()[1]).collect();
        assert_eq!(ids, [2, 4, 1, 3]);
    }

    #[test]
    fn what_is_closed_waits_until_it_is_opened() {
        let mut queue = Queue::default();
        let org = OrgId::from_bytes([1; 16]);
        for id in 0..3 {
            queue.push(task(1, 1, 2, 0, id), None);
        }
        queue.push(task(1, 2, 9, 0, 9), None);
        queue.close(org, Some([1; 16]));
        queue.push(task(1, 1, 2, 0, 3), None);
        assert_eq!(queue.within(org, Some([1; 16])).len(), 4);
        let ids = |queue: &mut Queue| -> Vec<u8> {
            std::iter::from_fn(|| queue.pop(bounds(9, 9))).map(|it| it.id.bytes()[1]).collect()
        };
        assert_eq!(ids(&mut queue), [9]);
        queue.close(org, None);
        queue.open(org, Some([1; 16]));
        assert_eq!(ids(&mut queue), [0; 0]);
        queue.open(org, None);
        assert_eq!(ids(&mut queue), [0, 1], "in the order of arrival, no more than the lane's limit");
    }

    #[test]
    fn what_waits_for_a_turn_in_a_lane_that_is_closed_goes_on() {
        let mut queue = Queue::default();
        let lane = Lane { id: [7; 16], limit: 1 };
        let org = task(1, 1, 1, 0, 1).org;
        assert!(queue.enter(org, &[lane]));
        queue.push(Task { turn: vec![lane], ..task(1, 1, 9, 0, 1) }, None);
        assert!(queue.pop(bounds(9, 9)).is_none());
        queue.close(org, Some(lane.id));
        assert_eq!(queue.pop(bounds(9, 9)).map(|it| it.turn), Some(Vec::new()));
    }

    #[test]
    fn what_waits_too_long_is_taken_out_and_what_left_is_not() {
        let (mut queue, zero) = (Queue::default(), Instant::now());
        let at = |ms| Some(zero + Duration::from_millis(ms));
        for (id, until) in [(1, at(10)), (2, None), (3, at(20)), (4, at(5))] {
            queue.push(task(1, 1, 1, 0, id), until);
        }
        assert_eq!(queue.next_overdue(), at(5));
        assert_eq!(queue.pop(bounds(9, 9)).map(|it| it.id.bytes()[1]), Some(1), "it has begun in time");
        let due: Vec<u8> =
            queue.take_overdue(zero + Duration::from_millis(10)).iter().map(|it| it.id.bytes()[1]).collect();
        assert_eq!((due, queue.next_overdue(), queue.all_waiting()), (vec![4], at(20), 2));
    }

    #[test]
    fn guests_count_in_a_lane_and_nobody_is_overtaken() {
        let mut queue = Queue::default();
        let lane = Lane { id: [1; 16], limit: 1 };
        let org = task(1, 1, 1, 0, 1).org;
        assert!(queue.enter(org, &[lane]));
        queue.push(task(1, 1, 1, 0, 1), None);
        assert!(queue.pop(bounds(9, 9)).is_none(), "the guest has the place");
        queue.leave(org, &[lane]);
        assert!(!queue.enter(org, &[lane]), "who waited has it now");
        assert!(queue.pop(bounds(9, 9)).is_some());
    }

    proptest! {
        #[test]
        fn everything_runs_once_and_no_limit_is_passed(
            pushes in proptest::collection::vec((1_u8..4, 1_u8..3, 0_u8..4, -2_i8..3), 1..60),
            choices in proptest::collection::vec(any::<u8>(), 400),
        ) {
            let mut queue = Queue::default();
            let (mut at_work, mut ended): (Vec<Task>, Vec<ExecutionId>) = (Vec::new(), Vec::new());
            let limit_of = |lane: u8, org: u8| u32::from(lane + org);
            let mut pushes = pushes.into_iter().enumerate().collect::<VecDeque<_>>();
            let (all, mut rounds) = (pushes.len(), 0);
            let zero = Instant::now();
            let mut guests: Vec<(OrgId, Lane)> = Vec::new();
            let mut choices = choices.into_iter().cycle();
            for _ in 0..10_000 {
                if ended.len() == all { break; }
                rounds += 1;
                if rounds == 5_000 {
                    for (org, lane) in std::mem::take(&mut queue.closed) { queue.open(org, lane); }
                    for (org, lane) in guests.drain(..) { queue.leave(org, &[lane]); }
                }
                match choices.next().unwrap_or(0) % 7 {
                    0 => if let Some((id, (org, lane, more, priority))) = pushes.pop_front() {
                        let mut pushed = task(org, lane, limit_of(lane, org), priority, id as u16);
                        // Bits of `more` are two further lanes that tasks of any first lane share.
                        let shared = (0..2).filter(|bit| more >> bit & 1 == 1).map(|bit| 100 + bit);
                        pushed.more_lanes = shared.map(|it| Lane { id: [it; 16], limit: u32::from(it - 99) }).collect();
                        pushed.weight = u64::from(more) * 20;
                        let until = (priority > 0).then(|| zero + Duration::from_millis(id as u64));
                        queue.push(pushed, until);
                    },
                    1 if !at_work.is_empty() => {
                        let done = at_work.swap_remove(0);
                        queue.done(done.org, done.id, &done.lanes().collect::<Vec<_>>());
                        ended.push(done.id);
                    }
                    2 => if let Some(id) = choices.next() {
                        for org in 1..4 {
                            let (org, id) = (OrgId::from_bytes([org; 16]), task(1, 1, 1, 0, id.into()).id);
                            if let Some(gone) = queue.remove(org, id) { ended.push(gone.id); }
                        }
                    },
                    3 if rounds < 5_000 => if let Some(choice) = choices.next() {
                        let org = OrgId::from_bytes([1 + choice % 3; 16]);
                        let lane = Lane { id: [100 + choice / 3 % 2; 16], limit: u32::from(1 + choice / 3 % 2) };
                        if queue.enter(org, &[lane]) { guests.push((org, lane)); }
                    },
                    4 => {
                        if let Some((org, lane)) = guests.pop() { queue.leave(org, &[lane]); }
                        let now = zero + Duration::from_millis(choices.next().unwrap_or(0) as u64 / 8);
                        ended.extend(queue.take_overdue(now).into_iter().map(|it| it.id));
                    },
                    5 if rounds < 5_000 => {
                        let choice = choices.next().unwrap_or(0);
                        let org = OrgId::from_bytes([choice % 3 + 1; 16]);
                        let lane = [None, Some([1; 16]), Some([2; 16])][usize::from(choice / 3 % 3)];
                        if queue.closed.contains(&(org, lane)) {
                            queue.open(org, lane);
                        } else {
                            queue.close(org, lane);
                        }
                    }
                    _ => if let Some(next) = queue.pop(bounds(5, 3)) {
                        prop_assert!(!queue.closed.contains(&(next.org, None)));
                        prop_assert!(!queue.closed.contains(&(next.org, Some(next.lane))));
                        at_work.push(next);
                    },
                }
                prop_assert!(at_work.len() <= 5);
                prop_assert!(is_light(at_work.iter(), 100));
                for task in &at_work {
                    prop_assert!(is_light(at_work.iter().filter(|it| it.org == task.org), 50));
                    for lane in task.lanes() {
                        let holds = |it: &&Task| it.org == task.org && it.lanes().any(|it| it.id == lane.id);
                        let guests = guests.iter().filter(|it| it.0 == task.org && it.1.id == lane.id).count();
                        prop_assert!(at_work.iter().filter(holds).count() + guests <= lane.limit as usize);
                    }
                    prop_assert!(at_work.iter().filter(|it| it.org == task.org).count() <= 3);
                }
            }
            ended.sort();
            ended.dedup();
            prop_assert_eq!(ended.len(), all);
            guests.iter().for_each(|(org, lane)| queue.leave(*org, &[*lane]));
            prop_assert!(queue.lanes.is_empty() && queue.orgs.is_empty() && queue.turns.is_empty());
            prop_assert!(queue.overdue.is_empty() && queue.waiting == 0);
        }
    }
}
