//! Brakes on guessing: attempts within a sliding window, counted per key in memory. A slot is taken before the
//! attempt, so that a thousand at once count as a thousand, and given back when the attempt was right.

use std::collections::HashMap;
use std::net::IpAddr;

use parking_lot::Mutex;

use super::digest;
use crate::base::{Code, Error, Result, Timestamp};
use crate::infra::limits::AddressBlock;

const MAX_KEYS: usize = 100_000;
const HOUR: u64 = 3_600_000;
const MINUTE: u64 = 60_000;

#[derive(Default)]
pub(crate) struct Throttle(Mutex<HashMap<[u8; 32], Window>>);

#[derive(Clone, Copy)]
struct Window {
    /// Number of the window since 1970.
    number: u64,
    length_ms: u64,
    before: u32,
    now: u32,
}

/// Taken by one attempt.
pub(crate) struct Slot([u8; 32]);

impl Throttle {
    /// One attempt on an account, whether it exists or not.
    pub(crate) fn account(&self, email_key: &str, per_hour: u32, now: Timestamp) -> Result<Slot> {
        self.take(&format!("account {email_key}"), per_hour, HOUR, now)
    }

    /// One attempt from an address; a /64 of IPv6 is one address.
    pub(crate) fn address(&self, address: Option<IpAddr>, per_minute: u32, now: Timestamp) -> Result<Slot> {
        let place = address.map(|it| AddressBlock::from(it).to_string()).unwrap_or_default();
        self.take(&format!("address {place}"), per_minute, MINUTE, now)
    }

    pub(crate) fn give_back(&self, slots: impl IntoIterator<Item = Slot>) {
        let mut windows = self.0.lock();
        for Slot(key) in slots {
            if let Some(window) = windows.get_mut(&key) {
                window.now = window.now.saturating_sub(1);
            }
        }
    }

    fn take(&self, key: &str, limit: u32, length_ms: u64, now: Timestamp) -> Result<Slot> {
        let key = digest(key.as_bytes());
        let at = u64::try_from(now.millis()).unwrap_or(0);
        let number = at / length_ms;
        let mut windows = self.0.lock();
        if windows.len() >= MAX_KEYS && !windows.contains_key(&key) {
            windows.retain(|_, it| at / it.length_ms <= it.number + 1 && it.now + it.before > 1);
        }
        let window = windows.entry(key).or_insert(Window { number, length_ms, before: 0, now: 0 });
        if window.number != number {
            window.before = if window.number + 1 == number { window.now } else { 0 };
            window.now = 0;
            window.number = number;
        }
        let left_ms = length_ms - at % length_ms;
        let carried = u64::from(window.before) * left_ms / length_ms;
        if carried + u64::from(window.now) >= u64::from(limit) {
            let wait = left_ms.min(length_ms / u64::from(limit.max(1))).max(1_000);
            return Err(
                Error::new(Code::RateLimited, "too many attempts; wait before the next").retry_after(wait)
            );
        }
        window.now += 1;
        Ok(Slot(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn a_window_slides() {
        let throttle = Throttle::default();
        for _ in 0..60 {
            throttle.account("a@b", 60, at(1_000)).expect("within the limit");
        }
        assert!(throttle.account("a@b", 60, at(2_000)).is_err());
        assert!(throttle.account("c@d", 60, at(2_000)).is_ok());
        // Half an hour into the next hour half of the earlier ones still count.
        let half = at(3_600_000 + 1_800_000);
        let passed = (0..60).filter(|_| throttle.account("a@b", 60, half).is_ok()).count();
        assert_eq!(passed, 30);
    }

    #[test]
    fn a_right_attempt_does_not_count() {
        let throttle = Throttle::default();
        for _ in 0..500 {
            let slot = throttle.account("a@b", 5, at(0)).expect("within the limit");
            throttle.give_back([slot]);
        }
    }

    #[test]
    fn neighbours_of_one_64_are_one_address() {
        let throttle = Throttle::default();
        let address = |it: &str| Some(it.parse().expect("an address"));
        assert!(throttle.address(address("2001:db8::1"), 1, at(0)).is_ok());
        assert!(throttle.address(address("2001:db8::2"), 1, at(0)).is_err());
        assert!(throttle.address(address("2001:db8:0:1::2"), 1, at(0)).is_ok());
        assert!(throttle.address(address("10.0.0.1"), 1, at(0)).is_ok());
        assert!(throttle.address(address("::ffff:10.0.0.1"), 1, at(0)).is_err());
    }
}
