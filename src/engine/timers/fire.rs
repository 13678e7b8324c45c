//! Fires timers when their time has come.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, Semaphore};

use super::row::{Timer, TimerKind};
use super::wheel::{Name, Wheel};
use crate::base::{Env, Error, OrgId, Result, Timestamp};
use crate::infra::store::{ChangeBatch, Key, Order, OrgTx, Row, Rows, Store};
use crate::infra::{fault, tend};

/// Timers that fire at the same moment at most; the others follow.
const AT_ONCE: usize = 64;
/// Wall clocks can be set; the wheel is looked at this often at least.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);
const FIRST_PAUSE_MS: u64 = 1_000;
const LONGEST_PAUSE_MS: u64 = 60_000;

/// A timer whose time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    pub org: OrgId,
    pub kind: TimerKind,
    pub subject: [u8; 16],
    /// The time that it was set to.
    pub at: Timestamp,
}

impl Due {
    /// Takes the timer in the transaction that records what follows, so that it fires once. Where it is to fire
    /// again, set it anew behind this.
    ///
    /// Errors: `Conflict` where it was moved or taken away since.
    pub fn take(&self, tx: &mut OrgTx<'_, '_>) -> Result<()> {
        let key = Timer::key_of(self.kind, self.subject);
        if tx.get::<Timer>(key.clone())?.is_none_or(|it| it.due != self.at) {
            return Err(Error::conflict("this timer was changed or has fired already"));
        }
        tx.delete::<Timer>(key).map(drop)
    }
}

/// What a feature does when its timer's time has come.
#[async_trait]
pub trait Fire: Send + Sync {
    /// Records what follows and takes the timer (`Due::take`), in one transaction. After an error, or where the
    /// timer was not taken, it is called again, later each time.
    async fn fire(&self, due: Due) -> Result<()>;
}

/// Every organization that there is.
type Orgs = Arc<dyn Fn() -> Result<Vec<OrgId>> + Send + Sync>;

/// The timers of one appliance. Cheap to clone.
#[derive(Clone)]
pub struct Timers(Arc<Inner>);

struct Inner {
    env: Env,
    store: Store,
    wheel: Mutex<Wheel>,
    /// Timers that fire just now. They are not in the wheel, whatever is heard of them, until that is over.
    firing: Mutex<HashSet<Name>>,
    /// Pauses of timers whose last firing failed.
    pauses: Mutex<HashMap<Name, u64>>,
    kinds: Mutex<HashMap<TimerKind, Arc<dyn Fire>>>,
    changed: Arc<Notify>,
    slots: Arc<Semaphore>,
    stopped: AtomicBool,
}

impl Timers {
    pub fn new(env: Env, store: Store) -> Self {
        Self(Arc::new(Inner {
            env,
            store,
            wheel: Mutex::default(),
            firing: Mutex::default(),
            pauses: Mutex::default(),
            kinds: Mutex::default(),
            changed: Arc::new(Notify::new()),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            stopped: AtomicBool::new(false),
        }))
    }

    /// Says who fires timers of this kind. Before `start`.
    pub fn register(&self, kind: TimerKind, fire: Arc<dyn Fire>) {
        self.0.kinds.lock().insert(kind, fire);
    }

    /// Reads the timers of `orgs` back and fires them from now on, as long as `self` lives. Runs on the
    /// caller's runtime.
    pub fn start(&self, orgs: impl Fn() -> Result<Vec<OrgId>> + Send + Sync + 'static) -> Result<()> {
        let orgs: Orgs = Arc::new(orgs);
        let changes = Mutex::new(Some(self.0.store.follow()));
        self.0.read_all(&orgs)?;
        let timers = Arc::downgrade(&self.0);
        tokio::spawn(tend("hears of timers", move || {
            follow(timers.clone(), changes.lock().take(), orgs.clone())
        }));
        let timers = Arc::downgrade(&self.0);
        tokio::spawn(tend("fires timers", move || turn(timers.clone())));
        Ok(())
    }

    /// Fires no more. What is due is left to the next process.
    pub fn stop(&self) {
        self.0.stopped.store(true, Relaxed);
        self.0.changed.notify_one();
    }

    /// Looks at the clock now: it was set.
    pub fn look(&self) {
        self.0.changed.notify_one();
    }

    /// How many are set.
    pub fn waiting(&self) -> usize {
        self.0.wheel.lock().len()
    }
}

impl Inner {
    fn read_all(&self, orgs: &Orgs) -> Result<()> {
        let mut wheel = Wheel::default();
        for org in orgs()? {
            self.store.org(org)?.scan::<Timer>(Key::new(), Order::Oldest, |timer| {
                wheel.set(Name { org, kind: timer.kind, subject: timer.subject }, timer.due);
                Ok(true)
            })?;
        }
        for name in self.firing.lock().iter() {
            wheel.clear(name);
        }
        *self.wheel.lock() = wheel;
        self.changed.notify_one();
        Ok(())
    }

    /// Hears of timers that a commit set or took away.
    fn hear(&self, batch: &ChangeBatch) -> Result<()> {
        let mut changed = false;
        for change in batch.changes.iter().filter(|it| it.table == Timer::TABLE.number) {
            let Some(name) = name_of(change.org, &change.key) else { continue };
            self.pauses.lock().remove(&name);
            fault!("timers.hear");
            self.reread(name, None)?;
            changed = true;
        }
        if changed {
            self.changed.notify_one();
        }
        Ok(())
    }

    /// Brings the wheel to what the store says of one timer; not before `earliest`.
    fn reread(&self, name: Name, earliest: Option<Timestamp>) -> Result<()> {
        // The lock is held while reading, so that an older look never follows a newer one.
        let mut wheel = self.wheel.lock();
        if self.firing.lock().contains(&name) {
            return Ok(());
        }
        match self.store.org(name.org)?.get::<Timer>(Timer::key_of(name.kind, name.subject))? {
            Some(timer) => wheel.set(name, earliest.map_or(timer.due, |it| it.max(timer.due))),
            None => wheel.clear(&name),
        }
        Ok(())
    }

    fn take_due(&self, now: Timestamp) -> Vec<Name> {
        let mut wheel = self.wheel.lock();
        let due = wheel.take_due(now, AT_ONCE);
        self.firing.lock().extend(&due);
        due
    }

    async fn fire(&self, name: Name) {
        let outcome = AssertUnwindSafe(self.try_fire(name)).catch_unwind().await;
        let due = match outcome {
            Ok(Ok(Some(due))) => due,
            // Gone, moved, or nobody's: what the store says is heard.
            Ok(Ok(None)) => return self.settle(name, None),
            Ok(Err(error)) => {
                tracing::warn!(?error, kind = ?name.kind, "a timer could not fire; it is tried again");
                return self.settle(name, Some(self.pause(name)));
            }
            Err(_) => {
                tracing::error!(kind = ?name.kind, "firing a timer panicked; it is tried again");
                return self.settle(name, Some(self.pause(name)));
            }
        };
        let late_ms = self.env.now().since(due.at);
        tracing::debug!(kind = ?name.kind, late_ms, "fired a timer");
        self.settle(name, None);
    }

    /// `None` where there is nothing to fire.
    async fn try_fire(&self, name: Name) -> Result<Option<Due>> {
        let Some(fire) = self.kinds.lock().get(&name.kind).cloned() else { return Ok(None) };
        let key = Timer::key_of(name.kind, name.subject);
        let Some(timer) = self.store.org(name.org)?.get::<Timer>(key.clone())? else { return Ok(None) };
        if timer.due > self.env.now() {
            return Ok(None);
        }
        let due = Due { org: name.org, kind: name.kind, subject: name.subject, at: timer.due };
        fault!("timers.fire"?);
        fire.fire(due).await?;
        fault!("timers.fired"?);
        if self.store.org(name.org)?.get::<Timer>(key)?.is_some_and(|it| it.due == due.at) {
            return Err(Error::conflict("the timer was not taken by what it fired"));
        }
        Ok(Some(due))
    }

    /// The time before which a timer that failed is not tried again.
    fn pause(&self, name: Name) -> Timestamp {
        let mut pauses = self.pauses.lock();
        let pause = pauses.entry(name).and_modify(|it| *it = (*it * 2).min(LONGEST_PAUSE_MS));
        self.env.now().plus_ms(*pause.or_insert(FIRST_PAUSE_MS))
    }

    fn settle(&self, name: Name, earliest: Option<Timestamp>) {
        self.firing.lock().remove(&name);
        if earliest.is_none() {
            self.pauses.lock().remove(&name);
        }
        let nobody = !self.kinds.lock().contains_key(&name.kind);
        if nobody {
            return;
        }
        match self.reread(name, earliest) {
            Ok(()) => self.changed.notify_one(),
            Err(error) => tracing::error!(?error, "a timer could not be read; it waits for the next start"),
        }
    }
}

fn name_of(org: OrgId, key: &[u8]) -> Option<Name> {
    let (kind, subject) = key.split_first()?;
    Some(Name { org, kind: TimerKind::try_from(*kind).ok()?, subject: subject.try_into().ok()? })
}

/// Until the timers are gone: hears what commits do to timers. `None`: it is begun anew, and reads what it may have
/// missed.
async fn follow(timers: Weak<Inner>, changes: Option<Receiver<ChangeBatch>>, orgs: Orgs) {
    let mut changes = match changes {
        Some(changes) => changes,
        None => {
            let Some(timers) = timers.upgrade() else { return };
            let changes = timers.store.follow();
            say(timers.read_all(&orgs));
            changes
        }
    };
    loop {
        let heard = changes.recv().await;
        let Some(timers) = timers.upgrade() else { return };
        say(match heard {
            Ok(batch) => timers.hear(&batch),
            Err(RecvError::Lagged(_)) => timers.read_all(&orgs),
            Err(RecvError::Closed) => return,
        });
    }
}

fn say(read: Result<()>) {
    if let Err(error) = read {
        tracing::error!(?error, "timers could not be read; they wait for the next start");
    }
}

/// Until the timers are gone: fires what is due, then sleeps until the next one.
async fn turn(timers: Weak<Inner>) {
    let Some((changed, slots)) = timers.upgrade().map(|it| (it.changed.clone(), it.slots.clone())) else {
        return;
    };
    loop {
        let Some(alive) = timers.upgrade() else { return };
        if alive.stopped.load(Relaxed) {
            return;
        }
        let now = alive.env.now();
        let due = alive.take_due(now);
        let more = due.len() == AT_ONCE;
        for name in due {
            let Ok(slot) = slots.clone().acquire_owned().await else { return };
            let alive = alive.clone();
            tokio::spawn(async move {
                alive.fire(name).await;
                drop(slot);
            });
        }
        let next = alive.wheel.lock().next();
        drop(alive);
        if more {
            continue;
        }
        let sleep = next.map_or(LONGEST_SLEEP, |it| Duration::from_millis(it.since(now).max(1)));
        let _ = tokio::time::timeout(sleep.min(LONGEST_SLEEP), changed.notified()).await;
    }
}
