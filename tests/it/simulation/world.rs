//! What everyone outside the engine knows: what clients were told, what the far end saw, and what is wrong.

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;
use reeve::base::{ExecutionId, OrgId, Timestamp};

/// How a piece of work behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    Done {
        after_ms: u64,
    },
    /// Fails that many attempts, then succeeds.
    Flaky {
        failures: u32,
    },
    Hopeless,
    /// Until it is told to stop.
    Hangs,
    Panics,
    /// Steps that are recorded one by one, with a rest behind every second one.
    Steps {
        count: u32,
    },
    /// As `Steps`, and now and then one of them does not hear that it is to stop: it answers when the patience with it
    /// ends.
    Stalls {
        count: u32,
    },
}

#[derive(Debug, Clone)]
pub(super) struct Job {
    pub org: OrgId,
    pub plan: Plan,
    pub once: bool,
    /// The client was told that it is accepted.
    pub acked: bool,
    pub attempts: u32,
    /// Attempts in which it reached the far end.
    pub reached: u32,
    pub recorded: BTreeSet<u32>,
    /// The client was told that it has ended.
    pub told_ended: bool,
}

#[derive(Default)]
pub(super) struct World(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    jobs: BTreeMap<ExecutionId, Job>,
    at_work: BTreeMap<(OrgId, [u8; 16]), usize>,
    wrong: Vec<String>,
    crashes: u64,
}

impl World {
    pub(super) fn add(&self, id: ExecutionId, job: Job) {
        self.0.lock().jobs.insert(id, job);
    }

    pub(super) fn change(&self, id: ExecutionId, act: impl FnOnce(&mut Job)) {
        if let Some(job) = self.0.lock().jobs.get_mut(&id) {
            act(job);
        }
    }

    pub(super) fn job(&self, id: ExecutionId) -> Option<Job> {
        self.0.lock().jobs.get(&id).cloned()
    }

    pub(super) fn jobs(&self) -> BTreeMap<ExecutionId, Job> {
        self.0.lock().jobs.clone()
    }

    /// Something begins to work in this lane; answers how much of its organization and of its lane works then.
    pub(super) fn enters(&self, org: OrgId, lane: [u8; 16]) -> (usize, usize, usize) {
        let mut inner = self.0.lock();
        *inner.at_work.entry((org, lane)).or_default() += 1;
        let of_org = inner.at_work.iter().filter(|it| it.0.0 == org).map(|it| it.1).sum();
        (inner.at_work.values().sum(), of_org, inner.at_work[&(org, lane)])
    }

    pub(super) fn leaves(&self, org: OrgId, lane: [u8; 16]) {
        if let Some(count) = self.0.lock().at_work.get_mut(&(org, lane)) {
            *count -= 1;
        }
    }

    pub(super) fn process_ended(&self) {
        let mut inner = self.0.lock();
        inner.at_work.clear();
        inner.crashes += 1;
    }

    pub(super) fn wrong(&self, what: impl Into<String>) {
        self.0.lock().wrong.push(what.into());
    }

    pub(super) fn all_wrong(&self) -> Vec<String> {
        self.0.lock().wrong.clone()
    }
}

/// A series of ticks that a timer makes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Series {
    pub org: OrgId,
    pub subject: [u8; 16],
    pub first: Timestamp,
    pub period_ms: u64,
}
