//! How much goes to one endpoint at a time, and when it asked to be left alone. In memory: after a start it is asked
//! again. Nobody waits here with a timer in hand: a slow endpoint must not keep schedules from firing.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::base::{DeliveryId, Timestamp, WebhookId};

/// Attempts at the same time, to one endpoint and to all.
const PLACES: usize = 4;
const PLACES_IN_ALL: usize = 32;
/// Those that find no place come back within this.
const LEAST_PAUSE_MS: u64 = 500;
const LONGEST_PAUSE_MS: u64 = 60_000;
/// Endpoints that are remembered while nothing goes to them.
const REMEMBERED: usize = 1_000;

pub(super) struct Gate {
    places: Semaphore,
    not_before: AtomicI64,
    /// How long the last attempt took.
    latency_ms: AtomicU64,
    /// Those that found no place.
    waiting: Mutex<HashSet<DeliveryId>>,
}

impl Gate {
    /// Until when the endpoint wants nothing more; none where it takes all.
    pub(super) fn closed_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = Timestamp::from_millis(self.not_before.load(Relaxed));
        (until > now).then_some(until)
    }

    pub(super) fn close_until(&self, until: Timestamp) {
        self.not_before.fetch_max(until.millis(), Relaxed);
    }

    pub(super) fn took(&self, latency_ms: u64) {
        self.latency_ms.store(latency_ms, Relaxed);
    }

    /// About as long as those need that came before.
    fn pause_ms(&self, id: DeliveryId) -> u64 {
        let mut waiting = self.waiting.lock();
        waiting.insert(id);
        let ahead = u64::try_from(waiting.len().div_ceil(PLACES)).unwrap_or(u64::MAX);
        let pause = ahead.saturating_mul(self.latency_ms.load(Relaxed));
        pause.clamp(LEAST_PAUSE_MS, LONGEST_PAUSE_MS)
    }
}

/// Kept in `Services::kept`.
pub(super) struct Gates {
    gates: Mutex<HashMap<WebhookId, Arc<Gate>>>,
    under_way: Mutex<HashSet<DeliveryId>>,
    in_all: Semaphore,
}

impl Default for Gates {
    fn default() -> Self {
        Self { gates: Mutex::default(), under_way: Mutex::default(), in_all: Semaphore::new(PLACES_IN_ALL) }
    }
}

/// A place among those that are attempted now.
pub(super) struct Place<'g> {
    _own: SemaphorePermit<'g>,
    _in_all: Option<SemaphorePermit<'g>>,
}

/// A delivery that is being attempted, until this goes.
pub(super) struct UnderWay {
    gates: Arc<Gates>,
    id: DeliveryId,
}

impl Gates {
    pub(super) fn of(&self, webhook: WebhookId) -> Arc<Gate> {
        let mut gates = self.gates.lock();
        if gates.len() >= REMEMBERED && !gates.contains_key(&webhook) {
            gates.retain(|_, it| Arc::strong_count(it) > 1);
        }
        let new = || {
            Arc::new(Gate {
                places: Semaphore::new(PLACES),
                not_before: AtomicI64::new(i64::MIN),
                latency_ms: AtomicU64::new(0),
                waiting: Mutex::default(),
            })
        };
        gates.entry(webhook).or_insert_with(new).clone()
    }

    /// `None` where it is attempted already.
    pub(super) fn begin(self: &Arc<Self>, id: DeliveryId) -> Option<UnderWay> {
        self.under_way.lock().insert(id).then(|| UnderWay { gates: self.clone(), id })
    }

    /// A place now, or how long to stay away.
    pub(super) fn place<'g>(&'g self, gate: &'g Gate, id: DeliveryId) -> Result<Place<'g>, u64> {
        let found = gate.places.try_acquire().and_then(|own| {
            self.in_all.try_acquire().map(|in_all| Place { _own: own, _in_all: Some(in_all) })
        });
        match found {
            Ok(place) => {
                gate.waiting.lock().remove(&id);
                Ok(place)
            }
            Err(_) => Err(gate.pause_ms(id)),
        }
    }

    /// As `place`, for somebody who waits for the answer: as long as it takes.
    pub(super) async fn place_for_a_person<'g>(&'g self, gate: &'g Gate) -> Option<Place<'g>> {
        Some(Place { _own: gate.places.acquire().await.ok()?, _in_all: None })
    }

    pub(super) fn is_under_way(&self, id: DeliveryId) -> bool {
        self.under_way.lock().contains(&id)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.gates.under_way.lock().remove(&self.id);
    }
}
