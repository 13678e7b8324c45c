//! A clock that stands still until the test moves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

use reeve::base::{Clock, Timestamp};

pub struct HeldClock(AtomicI64);

impl HeldClock {
    pub fn start() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(1_800_000_000_000)))
    }

    pub fn advance_ms(&self, ms: u64) {
        self.0.fetch_add(i64::try_from(ms).expect("fits"), SeqCst);
    }
}

impl HeldClock {
    /// Ahead, or back.
    pub fn shift_ms(&self, ms: i64) {
        self.0.fetch_add(ms, SeqCst);
    }

    pub fn set(&self, at: Timestamp) {
        self.0.store(at.millis(), SeqCst);
    }
}

impl Clock for HeldClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(SeqCst))
    }
}
