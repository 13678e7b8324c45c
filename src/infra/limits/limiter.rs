//! The limiters: one rate for many keys, and many rates.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::RateLimiter;
use governor::clock::{Clock, MonotonicClock, Reference};
use governor::middleware::StateInformationMiddleware;
use parking_lot::RwLock;

use super::cells::{Cells, Shared};
use super::rate::{Rate, Verdict};

/// Idle cells are looked for at most this often, however crowded it is.
const SWEEP_EVERY_MS: u64 = 1_000;
const MAX_RATES: usize = 256;

/// One rate, kept for each key on its own. At most `max_keys` keys are remembered (about 100 bytes each).
pub struct Limiter<K: Hash + Eq + Clone, C: Clock = MonotonicClock> {
    rate: Rate,
    cells: Arc<Cells<K>>,
    governor: RateLimiter<K, Shared<K>, C, StateInformationMiddleware>,
    clock: C,
    start: C::Instant,
    swept_ms: AtomicU64,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    pub fn new(rate: Rate, max_keys: usize) -> Self {
        Self::with_clock(rate, max_keys, MonotonicClock)
    }
}

impl<K: Hash + Eq + Clone, C: Clock + Clone> Limiter<K, C> {
    pub(super) fn with_clock(rate: Rate, max_keys: usize, clock: C) -> Self {
        let cells = Cells::new(max_keys);
        let governor = RateLimiter::new(rate.quota(), Shared(cells.clone()), clock.clone());
        Self { rate, cells, governor, start: clock.now(), clock, swept_ms: AtomicU64::new(0) }
    }

    /// Counts one call. A refused call costs nothing.
    pub fn check(&self, key: &K) -> Verdict {
        if self.cells.was_crowded() {
            self.sweep_if_due();
        }
        let limit = self.rate.count();
        match self.governor.check_key(key) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity().min(limit);
                let reset = self.rate.interval().saturating_mul(limit - remaining);
                Verdict { allowed: true, limit, remaining, reset_ms: ceil_ms(reset), retry_after_ms: 0 }
            }
            Err(until) => {
                let wait = until.wait_time_from(self.clock.now());
                let reset = self.rate.interval().saturating_mul(limit.saturating_sub(1)).saturating_add(wait);
                let retry_after_ms = ceil_ms(wait).max(1);
                Verdict {
                    allowed: false,
                    limit,
                    remaining: 0,
                    reset_ms: ceil_ms(reset).max(retry_after_ms),
                    retry_after_ms,
                }
            }
        }
    }

    /// Forgets keys that have their whole limit free. Goes over all keys: for a timer, not for a request.
    pub fn sweep(&self) {
        self.governor.retain_recent();
    }

    /// How many keys are remembered.
    pub fn keys(&self) -> usize {
        self.cells.len()
    }

    fn sweep_if_due(&self) {
        let since: Duration = self.clock.now().duration_since(self.start).into();
        let now_ms = ceil_ms(since) + SWEEP_EVERY_MS;
        let last_ms = self.swept_ms.load(Ordering::Relaxed);
        let due = now_ms >= last_ms.saturating_add(SWEEP_EVERY_MS);
        if due
            && self.swept_ms.compare_exchange(last_ms, now_ms, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            self.sweep();
        }
    }
}

fn ceil_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// Many rates: for keys that have a limit of their own each (agents, API keys, plans). A key whose rate changes
/// begins anew.
pub struct Limits<K: Hash + Eq + Clone> {
    max_keys: usize,
    limiters: RwLock<HashMap<Rate, Arc<Limiter<K>>>>,
}

impl<K: Hash + Eq + Clone> Limits<K> {
    /// At most `max_keys` keys for each rate.
    pub fn new(max_keys: usize) -> Self {
        Self { max_keys, limiters: RwLock::new(HashMap::new()) }
    }

    /// Counts one call of `key` against `rate`.
    pub fn check(&self, rate: Rate, key: &K) -> Verdict {
        let known = self.limiters.read().get(&rate).cloned();
        known.unwrap_or_else(|| self.add(rate)).check(key)
    }

    fn add(&self, rate: Rate) -> Arc<Limiter<K>> {
        let mut limiters = self.limiters.write();
        if limiters.len() >= MAX_RATES && !limiters.contains_key(&rate) {
            limiters.retain(|_, it| {
                it.sweep();
                it.keys() > 0
            });
            let fewest = limiters.iter().min_by_key(|(_, it)| it.keys()).map(|(rate, _)| *rate);
            if let Some(fewest) = fewest.filter(|_| limiters.len() >= MAX_RATES) {
                limiters.remove(&fewest);
            }
        }
        limiters.entry(rate).or_insert_with(|| Arc::new(Limiter::new(rate, self.max_keys))).clone()
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;
    use crate::base::Code;

    fn limiter(rate: Rate, max_keys: usize) -> (Limiter<u32, FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (Limiter::with_clock(rate, max_keys, clock.clone()), clock)
    }

    #[test]
    fn a_limit_counts_down_refuses_and_comes_back() {
        let (limiter, clock) = limiter(Rate::per_minute(6), 100);
        for left in (0..6).rev() {
            let verdict = limiter.check(&1);
            assert!(verdict.allowed);
            assert_eq!(
                (verdict.limit, verdict.remaining, verdict.reset_ms),
                (6, left, u64::from(6 - left) * 10_000)
            );
        }
        let refused = limiter.check(&1);
        assert_eq!((refused.allowed, refused.remaining, refused.retry_after_ms), (false, 0, 10_000));
        assert_eq!(refused.reset_ms, 60_000);
        let error = refused.require().expect_err("refused");
        assert!(error.is(Code::RateLimited));
        assert_eq!(
            (error.retry_after_ms(), error.message()),
            (Some(10_000), "too many requests; try again in 10 s")
        );
        assert!(limiter.check(&2).allowed, "another key is not concerned");

        clock.advance(Duration::from_millis(9_999));
        assert_eq!(limiter.check(&1).retry_after_ms, 1);
        clock.advance(Duration::from_millis(1));
        assert!(limiter.check(&1).allowed, "after the time that was named");
        assert!(!limiter.check(&1).allowed);
        clock.advance(Duration::from_secs(60));
        assert_eq!(limiter.check(&1).remaining, 5);
    }

    #[test]
    fn refused_calls_cost_nothing() {
        let (limiter, clock) = limiter(Rate::per_second(1), 100);
        assert!(limiter.check(&1).allowed);
        for _ in 0..1_000 {
            assert!(!limiter.check(&1).allowed);
        }
        clock.advance(Duration::from_secs(1));
        assert!(limiter.check(&1).allowed);
    }

    #[test]
    fn a_flood_of_keys_takes_no_more_memory_and_does_not_free_those_who_are_known() {
        let (limiter, clock) = limiter(Rate::per_minute(2), 160);
        assert!(limiter.check(&0).allowed && limiter.check(&0).allowed);
        let allowed = (1..100_000).filter(|key| limiter.check(key).allowed).count();
        assert!(limiter.keys() <= 160, "{}", limiter.keys());
        assert!(allowed <= 160 + 2 * 16, "{allowed} strangers passed");
        assert!(!limiter.check(&0).allowed, "the flood did not reset a key that was at its limit");

        clock.advance(Duration::from_secs(120));
        assert!(limiter.check(&200_000).allowed, "once it is over, strangers are welcome again");
        limiter.sweep();
        assert!(limiter.keys() <= 1);
    }

    #[test]
    fn the_stricter_verdict_wins() {
        let (small, _) = limiter(Rate::per_minute(1), 10);
        let (large, _) = limiter(Rate::per_minute(100), 10);
        let (first, second) = (small.check(&1), large.check(&1));
        assert_eq!(first.tighter(second), first, "less is left");
        let (third, fourth) = (small.check(&1), large.check(&1));
        assert!(!third.allowed);
        assert_eq!(fourth.tighter(third), third);
        assert_eq!(third.headers().map(|it| it.1), [1, 0, 60]);
    }

    #[test]
    fn rates_are_kept_apart_and_bounded() {
        let limits: Limits<u32> = Limits::new(100);
        assert!(limits.check(Rate::per_hour(1), &1).allowed);
        assert!(!limits.check(Rate::per_hour(1), &1).allowed);
        assert!(limits.check(Rate::per_hour(2), &1).allowed);
        for count in 0..2_000 {
            limits.check(Rate::per_hour(count), &7);
        }
        assert!(limits.limiters.read().len() <= MAX_RATES);
    }

    #[test]
    fn any_rate_is_a_valid_one() {
        for (count, window_ms) in [(0, 0), (u32::MAX, 1), (1, u64::MAX), (u32::MAX, u64::MAX)] {
            assert!(Limiter::new(Rate::new(count, window_ms), 1).check(&()).allowed);
        }
    }
}
