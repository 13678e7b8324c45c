//! Virtual time and repeatable chance.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

use parking_lot::Mutex;
use reeve::base::{Clock, Entropy, Timestamp};
use tokio::time::Instant;

use crate::support::dice::Dice;

/// A wall clock over the runtime's virtual time, which can be set.
pub(super) struct WallClock {
    begun: Instant,
    /// What it showed at `begun`, and by how much it was set since.
    base: AtomicI64,
}

impl WallClock {
    /// Inside a runtime.
    pub(super) fn showing(base: i64) -> Arc<Self> {
        Arc::new(Self { begun: Instant::now(), base: AtomicI64::new(base) })
    }

    pub(super) fn jump(&self, ms: i64) {
        self.base.fetch_add(ms, SeqCst);
    }
}

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(self.base.load(SeqCst) + passed)
    }
}

pub(super) struct Chance(pub(super) Mutex<Dice>);

impl Entropy for Chance {
    fn fill(&self, bytes: &mut [u8]) {
        let mut dice = self.0.lock();
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&dice.next().to_le_bytes()[..chunk.len()]);
        }
    }
}
