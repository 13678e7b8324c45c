//! What a run's calls come to, between their ends and the transaction that counts them.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::adapters::Usage;
use crate::base::{AgentId, Timestamp};
use crate::engine::Status;
use crate::metering::Counted;

#[derive(Default)]
pub(super) struct Ledger(Mutex<Pages>);

#[derive(Default)]
struct Pages {
    /// Calls that have ended, and are counted with the end of the run.
    ended: Vec<Counted>,
    at_work: Option<AtWork>,
}

/// A call whose end is not known.
#[derive(Clone)]
pub(super) struct AtWork {
    pub agent: AgentId,
    pub begun_at: Timestamp,
    /// By earlier attempts.
    pub spent: Usage,
    /// By the attempt under way.
    pub usage: Arc<Mutex<Usage>>,
}

impl AtWork {
    pub(super) fn so_far(&self) -> Usage {
        let mut usage = self.spent;
        usage.add(*self.usage.lock());
        usage
    }

    pub(super) fn counted(&self, status: Status, ended_at: Timestamp) -> Counted {
        Counted {
            agent: self.agent,
            status,
            ended_at,
            duration_ms: ended_at.since(self.begun_at),
            usage: self.so_far(),
        }
    }
}

impl Ledger {
    pub(super) fn begin(&self, call: AtWork) {
        self.0.lock().at_work = Some(call);
    }

    /// The call under way has ended, and somebody else counts it.
    pub(super) fn leave(&self) {
        self.0.lock().at_work = None;
    }

    /// The call under way has ended, and is counted with the run.
    pub(super) fn keep(&self, counted: Counted) {
        let mut pages = self.0.lock();
        pages.at_work = None;
        pages.ended.push(counted);
    }

    /// What the end of a run counts. May be asked again where its transaction failed.
    pub(super) fn closing(&self, status: Status, at: Timestamp) -> Vec<Counted> {
        let pages = self.0.lock();
        let cut = pages.at_work.as_ref().map(|it| it.counted(status, at));
        pages.ended.iter().cloned().chain(cut).collect()
    }
}
