//! How much goes to one endpoint at a time, and when it asked to be left alone. In memory: after a start it is asked
//! again. Nobody waits here with a timer in hand: a slow endpoint must not keep schedules from firing.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::base::{DeliveryId, OrgId, Timestamp, WebhookId};

/// Attempts at the same time, to one endpoint, of one organization, and of all.
const PLACES: usize = 4;
const PLACES_OF_ORG: usize = 16;
const PLACES_IN_ALL: usize = 32;
/// Those that find no place come back within this.
const LEAST_PAUSE_MS: u64 = 500;
const LONGEST_PAUSE_MS: u64 = 60_000;
/// Endpoints that are remembered while nothing goes to them.
const REMEMBERED: usize = 1_000;

/// What counts as one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Endpoint {
    Webhook(WebhookId),
    /// Callbacks of one organization that lead to one host.
    Origin(OrgId, String),
}

pub(super) struct Gate {
    places: Semaphore,
    of_org: Arc<Semaphore>,
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
    gates: Mutex<HashMap<Endpoint, Arc<Gate>>>,
    orgs: Mutex<HashMap<OrgId, Arc<Semaphore>>>,
    under_way: Mutex<HashSet<DeliveryId>>,
    in_all: Semaphore,
}

impl Default for Gates {
    fn default() -> Self {
        Self {
            gates: Mutex::default(),
            orgs: Mutex::default(),
            under_way: Mutex::default(),
            in_all: Semaphore::new(PLACES_IN_ALL),
        }
    }
}

/// A place among those that are attempted now.
pub(super) struct Place<'g> {
    _own: SemaphorePermit<'g>,
    _shared: Option<(SemaphorePermit<'g>, SemaphorePermit<'g>)>,
}

/// A delivery that is being attempted, until this goes.
pub(super) struct UnderWay {
    gates: Arc<Gates>,
    id: DeliveryId,
}

impl Gates {
    pub(super) fn of(&self, org: OrgId, endpoint: Endpoint) -> Arc<Gate> {
        let mut gates = self.gates.lock();
        if gates.len() >= REMEMBERED && !gates.contains_key(&endpoint) {
            gates.retain(|_, it| Arc::strong_count(it) > 1);
            self.orgs.lock().retain(|_, it| Arc::strong_count(it) > 1);
        }
        let new = || {
            Arc::new(Gate {
                places: Semaphore::new(PLACES),
                of_org: self.of_org(org),
                not_before: AtomicI64::new(i64::MIN),
                latency_ms: AtomicU64::new(0),
                waiting: Mutex::default(),
            })
        };
        gates.entry(endpoint).or_insert_with(new).clone()
    }

    fn of_org(&self, org: OrgId) -> Arc<Semaphore> {
        self.orgs.lock().entry(org).or_insert_with(|| Arc::new(Semaphore::new(PLACES_OF_ORG))).clone()
    }

    /// `None` where it is attempted already.
    pub(super) fn begin(self: &Arc<Self>, id: DeliveryId) -> Option<UnderWay> {
        self.under_way.lock().insert(id).then(|| UnderWay { gates: self.clone(), id })
    }

    /// A place now, or how long to stay away.
    pub(super) fn place<'g>(&'g self, gate: &'g Gate, id: DeliveryId) -> Result<Place<'g>, u64> {
        let found = || {
            let own = gate.places.try_acquire().ok()?;
            let shared = (gate.of_org.try_acquire().ok()?, self.in_all.try_acquire().ok()?);
            Some(Place { _own: own, _shared: Some(shared) })
        };
        match found() {
            Some(place) => {
                gate.waiting.lock().remove(&id);
                Ok(place)
            }
            None => Err(gate.pause_ms(id)),
        }
    }

    /// As `place`, for somebody who waits for the answer: as long as it takes.
    pub(super) async fn place_for_a_person<'g>(&'g self, gate: &'g Gate) -> Option<Place<'g>> {
        Some(Place { _own: gate.places.acquire().await.ok()?, _shared: None })
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
