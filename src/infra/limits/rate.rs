//! How much is allowed, and what became of one call.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::Quota;

use crate::base::{Code, Error, Result};

/// `count` calls at once, and again as many spread over each `window`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    count: NonZeroU32,
    window_ms: u64,
}

impl Rate {
    /// A count of 0 counts as 1, a window of 0 as one millisecond; a window is at most a day.
    pub fn new(count: u32, window_ms: u64) -> Self {
        let count = NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        Self { count, window_ms: window_ms.clamp(1, 24 * 3_600_000) }
    }

    pub fn per_second(count: u32) -> Self {
        Self::new(count, 1_000)
    }

    pub fn per_minute(count: u32) -> Self {
        Self::new(count, 60_000)
    }

    pub fn per_hour(count: u32) -> Self {
        Self::new(count, 3_600_000)
    }

    pub fn count(self) -> u32 {
        self.count.get()
    }

    /// The time after which one more call is allowed; at least a nanosecond.
    pub(super) fn interval(self) -> Duration {
        (Duration::from_millis(self.window_ms) / self.count.get()).max(Duration::from_nanos(1))
    }

    pub(super) fn quota(self) -> Quota {
        Quota::with_period(self.interval()).expect("an interval is never zero").allow_burst(self.count)
    }
}

/// What the limit says to one call, and what it tells the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub allowed: bool,
    pub limit: u32,
    pub remaining: u32,
    /// Until the whole limit is free again, if nobody calls.
    pub reset_ms: u64,
    /// 0 when allowed.
    pub retry_after_ms: u64,
}

impl Verdict {
    /// The stricter of two: a refusal before a permission, then the one with less left.
    pub fn tighter(self, other: Self) -> Self {
        let strict = |it: &Self| (it.allowed, std::cmp::Reverse(it.retry_after_ms), it.remaining);
        if strict(&other) < strict(&self) { other } else { self }
    }

    /// Errors: `RateLimited` with the time to wait.
    pub fn require(self) -> Result<Self> {
        if self.allowed {
            return Ok(self);
        }
        let seconds = self.retry_after_ms.div_ceil(1_000);
        Err(Error::new(Code::RateLimited, format!("too many requests; try again in {seconds} s"))
            .retry_after(self.retry_after_ms))
    }

    /// Values of `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` (whole seconds, rounded up).
    pub fn headers(self) -> [(&'static str, u64); 3] {
        [
            ("RateLimit-Limit", self.limit.into()),
            ("RateLimit-Remaining", self.remaining.into()),
            ("RateLimit-Reset", self.reset_ms.div_ceil(1_000)),
        ]
    }
}
