//! A breaker per host: after too many failures in a row nobody waits for it for a while; then one call tries.

use std::time::Duration;

use tokio::time::Instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    /// Nothing passes until then; the first call after it is the probe.
    Open {
        until: Instant,
    },
    /// A probe is on its way. After `until` another may go, in case the first hangs.
    Probing {
        until: Instant,
    },
}

#[derive(Debug)]
pub(super) struct Breaker {
    state: State,
    failures: u32,
    threshold: u32,
    open_for: Duration,
}

impl Breaker {
    pub(super) fn new(threshold: u32, open_for: Duration) -> Self {
        Self { state: State::Closed, failures: 0, threshold: threshold.max(1), open_for }
    }

    /// Err: how long to wait until a call may pass.
    pub(super) fn pass(&mut self, now: Instant) -> Result<(), Duration> {
        match self.state {
            State::Closed => Ok(()),
            State::Open { until } | State::Probing { until } if now < until => Err(until - now),
            State::Open { .. } | State::Probing { .. } => {
                self.state = State::Probing { until: now + self.open_for };
                Ok(())
            }
        }
    }

    /// The far end answers. One more failure opens again until a whole answer has come.
    pub(super) fn answered(&mut self) {
        if self.state != State::Closed {
            self.state = State::Closed;
            self.failures = self.threshold - 1;
        }
    }

    pub(super) fn succeeded(&mut self) {
        self.state = State::Closed;
        self.failures = 0;
    }

    pub(super) fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= self.threshold {
            self.state = State::Open { until: now + self.open_for };
        }
    }

    /// The call ended without a verdict (cancelled): where it was the probe, the next call is one.
    pub(super) fn undecided(&mut self, now: Instant) {
        if let State::Probing { .. } = self.state {
            self.state = State::Open { until: now };
        }
    }

    pub(super) fn is_calm(&self) -> bool {
        self.state == State::Closed && self.failures == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Duration = Duration::from_secs(10);

    #[test]
    fn opens_after_failures_in_a_row_and_lets_one_probe_through() {
        let now = Instant::now();
        let mut it = Breaker::new(3, OPEN);
        for _ in 0..2 {
            it.failed(now);
        }
        it.succeeded();
        for _ in 0..3 {
            assert!(it.pass(now).is_ok());
            it.failed(now);
        }
        assert_eq!(it.pass(now), Err(OPEN));
        let later = now + OPEN;
        assert!(it.pass(later).is_ok());
        assert_eq!(it.pass(later), Err(OPEN));
        it.failed(later);
        assert!(it.pass(later).is_err());
        let again = later + OPEN;
        assert!(it.pass(again).is_ok());
        it.answered();
        assert!(it.pass(again).is_ok());
        it.failed(again);
        assert!(it.pass(again).is_err(), "an answer that broke off opens again");
    }

    #[test]
    fn a_cancelled_probe_makes_way_for_another() {
        let now = Instant::now();
        let mut it = Breaker::new(1, OPEN);
        it.failed(now);
        let later = now + OPEN;
        assert!(it.pass(later).is_ok());
        it.undecided(later);
        assert!(it.pass(later).is_ok());
    }
}
