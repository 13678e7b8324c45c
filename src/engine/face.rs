//! The engine's face: accepting, watching, cancelling, draining.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::drive::wake_paused;
use super::journal::{self, EventKind};
use super::live::{Dirty, Topic, Underway, Watch};
use super::machine::{self, Cut};
use super::paused::Paused;
use super::pen::write_entries;
use super::queue::{Bounds, LaneId, Queue};
use super::task::{Failure, Task, Work};
use crate::base::{Code, Env, Error, ExecutionId, Json, OrgId, Result};
use crate::infra::store::{Key, Order, OrgTx, PerOrg, Rows, Store, View};
use crate::infra::{fault, tend};

/// How long a start waits for the ends of interrupted work to be written; they go on behind it.
const RECOVERY_PATIENCE: Duration = Duration::from_secs(5);
/// Attempts that are let go at the end of a drain stop within this.
const HALT_PATIENCE: Duration = Duration::from_secs(1);
/// Before a task that met a panic goes on.
const PANIC_PAUSE_MS: u64 = 1_000;
const END_PATIENCE_MS: u64 = 60_000;
/// A task that waits, with its places in the maps that find it.
const TASK_BYTES: usize = size_of::<Task>() + 200;

#[derive(Debug, Clone)]
pub struct Options {
    pub max_running: usize,
    pub max_running_per_org: usize,
    /// Queued and pausing together.
    pub max_queued_per_org: usize,
    /// As that, in all organizations together. Where so many wait, each keeps an even share.
    pub max_queued: usize,
    /// Memory that heavy work may need together while it is at work (`Task::weight`); one organization has half of it.
    pub max_weight: u64,
}

impl Options {
    pub(super) fn bounds(&self) -> Bounds {
        Bounds {
            running: self.max_running,
            running_per_org: self.max_running_per_org,
            weight: self.max_weight,
        }
    }
}

/// The engine of one appliance. Cheap to clone.
#[derive(Clone)]
pub struct Engine(pub(super) Arc<Inner>);

/// A task is in exactly one place: `queue`, `paused`, or the hands of whoever took it out, who drives it, ends
/// it, or puts it back. A cancellation (and so a hold) first marks the topic, then looks in both places; whoever
/// puts a task back looks at the mark afterwards. So one of the two always finds it.
pub(super) struct Inner {
    pub env: Env,
    pub store: Store,
    pub options: Options,
    pub runtime: Handle,
    pub work: OnceLock<Arc<dyn Work>>,
    pub queue: Mutex<Queue>,
    pub topics: Mutex<HashMap<ExecutionId, Arc<Topic>>>,
    pub paused: Mutex<Paused>,
    pub paused_changed: Arc<Notify>,
    pub dirty: Arc<Dirty>,
    pub draining: AtomicBool,
    /// How often somebody has asked for starts since the last one found none; 0: nobody is at it.
    pub pumps: AtomicUsize,
    /// Cancelled when attempts are to stop as if the process had ended: nothing is written of them.
    pub halt: CancellationToken,
    pub idle: Notify,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineStats {
    pub running: usize,
    pub queued: usize,
    pub paused: usize,
}

impl Engine {
    /// Starts the engine's own tasks on `runtime`. It takes work from the moment `register` was called.
    pub fn start(env: Env, store: Store, options: Options, runtime: Handle) -> Self {
        let engine = Self(Arc::new(Inner {
            dirty: Arc::new(Dirty::new(env.clone())),
            env,
            store,
            options,
            runtime,
            work: OnceLock::new(),
            queue: Mutex::new(Queue::default()),
            topics: Mutex::new(HashMap::new()),
            paused: Mutex::new(Paused::default()),
            paused_changed: Arc::new(Notify::new()),
            draining: AtomicBool::new(false),
            pumps: AtomicUsize::new(0),
            halt: CancellationToken::new(),
            idle: Notify::new(),
        }));
        let (writer, waker) = (Arc::downgrade(&engine.0), Arc::downgrade(&engine.0));
        engine.0.runtime.spawn(tend("writes journals", move || write_entries(writer.clone())));
        engine.0.runtime.spawn(tend("ends pauses", move || wake_paused(waker.clone())));
        engine
    }

    /// Says who does the work. Once.
    pub fn register(&self, work: Arc<dyn Work>) {
        let _ = self.0.work.set(work);
    }

    /// Reads back what an earlier process had accepted, and goes on with it. Returns how many tasks that were;
    /// what may not be repeated has ended as interrupted when this returns, unless the disk is full.
    pub async fn recover(&self, orgs: &[OrgId]) -> Result<usize> {
        let (mut found, mut ending) = (0, Vec::new());
        for org in orgs {
            let rows = self.0.store.org(*org)?;
            let tasks: Vec<Task> = rows.all(Key::new(), Order::Oldest)?;
            let unwanted = self.0.work.get().map_or(Ok(Vec::new()), |it| it.unwanted(&rows))?;
            found += tasks.len();
            for task in tasks {
                let topic = self.0.open_topic(&task, journal::last_sequence(&rows, task.id)?);
                let task = take_up_attempts(&rows, &topic, task)?;
                if let Some((_, why)) = unwanted.iter().find(|it| it.0 == task.id) {
                    topic.stop(Some(why.clone()));
                }
                fault!("engine.recover"?);
                ending.extend(self.0.go_on(&topic, task));
            }
        }
        if tokio::time::timeout(RECOVERY_PATIENCE, join_all(ending)).await.is_err() {
            tracing::warn!("ends of interrupted runs could not be written yet; that goes on");
        }
        self.0.pump();
        Ok(found)
    }

    /// Errors: `ResourceExhausted` where the organization's queue is full, `Unavailable` while draining.
    pub fn check_room(&self, org: OrgId) -> Result<()> {
        self.check_room_for(org, 1)
    }

    /// As `check_room`, for so many at once.
    pub fn check_room_for(&self, org: OrgId, count: usize) -> Result<()> {
        if self.0.draining.load(Relaxed) {
            return Err(Error::unavailable("the server is stopping and takes no new work").retry_after(5_000));
        }
        let (waiting, limit) = self.0.room(org, count);
        if waiting + count > limit {
            let usage = serde_json::json!({ "resource": "queued_runs", "used": waiting, "limit": limit });
            let message = match count {
                1 => format!("{waiting} runs are waiting already, and no more than {limit} may"),
                _ => format!(
                    "{waiting} runs are waiting already; with {count} more there would be over {limit}"
                ),
            };
            return Err(Error::new(Code::ResourceExhausted, message)
                .detail("resource_usage", usage)
                .retry_after(1_000));
        }
        Ok(())
    }

    /// Puts the task into the transaction that accepts it.
    pub fn put(tx: &mut OrgTx<'_, '_>, task: &Task) -> Result<()> {
        tx.insert(task)
    }

    /// Opens the run to watchers, before its acceptance is committed, so that no event can be missed.
    /// `accept` or `withdraw` follows.
    pub fn announce(&self, task: &Task) -> Watch {
        Watch::of(&self.0.open_topic(task, 0))
    }

    /// The acceptance failed: nobody will ever run it.
    pub fn withdraw(&self, id: ExecutionId) {
        if let Some(topic) = self.0.topics.lock().remove(&id) {
            topic.ended.say();
        }
    }

    /// The acceptance is committed: the task runs as soon as it is its turn.
    pub fn accept(&self, task: Task) {
        let Some(topic) = self.0.topic(task.id) else { return };
        self.0.place(&topic, task);
        self.0.pump();
    }

    /// As `accept`, for many of one commit.
    pub fn accept_all(&self, tasks: Vec<Task>) {
        for task in tasks {
            if let Some(topic) = self.0.topic(task.id) {
                self.0.place(&topic, task);
            }
        }
        self.0.pump();
    }

    /// Watches a run that has not ended; `None` where it has, or never was.
    pub fn watch(&self, id: ExecutionId) -> Option<Watch> {
        self.0.topic(id).as_ref().map(Watch::of)
    }

    /// How far a run has come; `None` where it has ended.
    pub fn underway(&self, id: ExecutionId) -> Option<Underway> {
        self.0.topic(id).map(|it| *it.underway.lock())
    }

    /// Ends a run. Returns when that is on disk; `false` where it had ended already. It goes on also where
    /// the caller stops waiting. `why` becomes the run's failure, where it was not its own caller who wished it.
    pub async fn cancel(&self, org: OrgId, id: ExecutionId, why: Option<Failure>) -> Result<bool> {
        let topic = match self.0.topic(id) {
            Some(topic) => topic,
            None => match self.0.take_up(org, id)? {
                Some(topic) => topic,
                None => return Ok(false),
            },
        };
        if topic.org != org {
            return Ok(false);
        }
        let mut watch = Watch::of(&topic);
        topic.stop(why);
        self.0.end_if_waiting(&topic);
        watch.ended().await;
        Ok(true)
    }

    /// From now on nothing of this lane, or for `None` of the organization, begins; what is queued stays queued.
    /// In memory only: whoever closes says so again before `recover`.
    pub fn close(&self, org: OrgId, lane: Option<LaneId>) {
        self.0.queue.lock().close(org, lane);
    }

    /// What waited because it was closed begins when it is its turn.
    pub fn open(&self, org: OrgId, lane: Option<LaneId>) {
        self.0.queue.lock().open(org, lane);
        self.0.pump();
    }

    /// Ends all runs of a lane, or for `None` of the organization, that have begun; with `queued` also those that
    /// have not. `why` becomes their failure. Answers how many; waits for their ends, `patience` at most.
    pub async fn cancel_all(
        &self,
        org: OrgId,
        lane: Option<LaneId>,
        queued: bool,
        why: &Failure,
        patience: Duration,
    ) -> usize {
        let mut found = self.0.queue.lock().within(org, lane);
        found.extend(self.0.paused.lock().within(org, lane));
        let chosen = found.into_iter().filter(|it| queued || it.1).filter_map(|it| self.0.topic(it.0));
        let mut ends: Vec<Watch> = Vec::new();
        for topic in chosen {
            ends.push(Watch::of(&topic));
            topic.stop(Some(why.clone()));
            self.0.end_if_waiting(&topic);
        }
        let ended = join_all(ends.iter_mut().map(Watch::ended));
        let _ = tokio::time::timeout(patience, ended).await;
        ends.len()
    }

    /// One organization's runs: at work, and waiting for their turn.
    pub fn load_of(&self, org: OrgId) -> (usize, usize) {
        let queue = self.0.queue.lock();
        (queue.running_of(org), queue.waiting(org))
    }

    pub fn stats(&self) -> EngineStats {
        let paused = self.0.paused.lock().len();
        let queue = self.0.queue.lock();
        EngineStats { running: queue.running(), queued: queue.all_waiting(), paused }
    }

    /// What the runs that have not ended take in memory, about: everything but what their attempts hold. Looks at
    /// each of them.
    pub fn held_bytes(&self) -> usize {
        let topics: usize = self.0.topics.lock().values().map(|it| it.held_bytes()).sum();
        let stats = self.stats();
        topics + (stats.queued + stats.paused) * TASK_BYTES
    }

    /// Starts no more work and waits for what runs, `patience` at most; then lets it go unrecorded, and tells
    /// everyone who waits for an end. Returns how many ran still: they are attempted again by the next
    /// process.
    pub async fn drain(&self, patience: Duration) -> usize {
        self.0.draining.store(true, Relaxed);
        let left = self.0.until_idle(patience).await;
        self.0.halt.cancel();
        for topic in self.0.topics.lock().values() {
            topic.ended.say();
        }
        self.0.until_idle(HALT_PATIENCE).await;
        left
    }
}

impl Inner {
    pub(super) fn topic(&self, id: ExecutionId) -> Option<Arc<Topic>> {
        self.topics.lock().get(&id).cloned()
    }

    /// How many runs of the organization wait, and how many may, where so many are to come.
    fn room(&self, org: OrgId, count: usize) -> (usize, usize) {
        let (queued, all_queued, with_queued) = {
            let queue = self.queue.lock();
            (queue.waiting(org), queue.all_waiting(), queue.busy_orgs())
        };
        let (paused, all_paused, with_paused) = {
            let paused = self.paused.lock();
            (paused.of_org(org), paused.len(), paused.orgs())
        };
        let (waiting, most) = (queued + paused, self.options.max_queued_per_org);
        if all_queued + all_paused + count <= self.options.max_queued {
            return (waiting, most);
        }
        let newcomer = usize::from(waiting == 0);
        let share = self.options.max_queued / (with_queued.max(with_paused) + newcomer).max(1);
        (waiting, most.min(share))
    }

    fn open_topic(&self, task: &Task, last_sequence: u64) -> Arc<Topic> {
        let topic = Topic::new(task, last_sequence, self.dirty.clone());
        self.topics.lock().insert(task.id, topic.clone());
        topic
    }

    /// Goes on with a task whose attempt was cut off, or ends it; answers who writes that end.
    fn go_on(self: &Arc<Self>, topic: &Arc<Topic>, task: Task) -> Option<JoinHandle<()>> {
        let now = self.env.now();
        let cancelled = topic.is_stopped().then(|| machine::cut(&task, Cut::Cancelled, now));
        let Some(end) = cancelled.or_else(|| machine::after_crash(&task, now)) else {
            self.place(topic, task);
            return None;
        };
        let (inner, topic) = (self.clone(), topic.clone());
        Some(self.runtime.spawn(async move { inner.finish(&topic, task, end).await }))
    }

    /// After a panic in the engine itself the task goes on as after a crash, a moment later. One that has ended is let
    /// go.
    pub(super) fn after_panic(self: &Arc<Self>, org: OrgId, id: ExecutionId) -> Result<()> {
        let Some(topic) = self.topic(id) else { return Ok(()) };
        let Some(task) = self.store.org(org)?.get::<Task>(id)? else {
            self.let_go(&topic);
            return Ok(());
        };
        let Underway { since, attempts } = *topic.underway.lock();
        let (begun_at, attempts) = (task.begun_at.or(since), task.attempts.max(attempts));
        self.go_on(&topic, Task { begun_at, attempts, ..task }.pausing(PANIC_PAUSE_MS, self.env.now()));
        Ok(())
    }

    /// The end is on disk, or this process will not write it any more.
    pub(super) fn let_go(&self, topic: &Topic) {
        self.topics.lock().remove(&topic.id);
        if let Some(work) = self.work.get() {
            work.settled(topic.id);
        }
        topic.ended.say();
    }

    /// Puts the task where it belongs now.
    pub(super) fn place(self: &Arc<Self>, topic: &Arc<Topic>, task: Task) {
        let is_held = task.held_since.is_some();
        self.put_back(task);
        self.look_again(topic, is_held);
    }

    /// As `place`, for a task whose pause is over.
    pub(super) fn enqueue(self: &Arc<Self>, topic: &Arc<Topic>, task: Task) {
        self.push(task);
        self.look_again(topic, false);
    }

    pub(super) fn put_back(&self, task: Task) {
        if task.held_since.is_some() {
            return self.paused.lock().hold(task);
        }
        let pause_ms = task.pause_left_ms(self.env.now());
        if pause_ms == 0 {
            return self.push(task);
        }
        self.paused.lock().put(task, Instant::now() + Duration::from_millis(pause_ms));
        self.paused_changed.notify_one();
    }

    fn push(&self, task: Task) {
        let left = task.wait_left_ms(self.env.now());
        let until = left.map(|it| Instant::now() + Duration::from_millis(it));
        let is_next = {
            let mut queue = self.queue.lock();
            queue.push(task, until);
            until.is_some() && queue.next_overdue() == until
        };
        if is_next {
            self.paused_changed.notify_one();
        }
    }

    fn look_again(self: &Arc<Self>, topic: &Arc<Topic>, is_held: bool) {
        if topic.is_stopped() {
            self.end_if_waiting(topic);
        } else if topic.is_to_be_held() != is_held {
            self.settle_later(topic);
        }
    }

    /// Takes a task that waits out of where it waits; `None` where it is in other hands.
    pub(super) fn take_waiting(&self, topic: &Topic) -> Option<Task> {
        let queued = self.queue.lock().remove(topic.org, topic.id);
        queued.or_else(|| self.paused.lock().take(topic.id))
    }

    /// Ends a cancelled run that is not at work. Where it is in other hands, those see the mark.
    pub(super) fn end_if_waiting(self: &Arc<Self>, topic: &Arc<Topic>) {
        let Some(task) = self.take_waiting(topic) else { return };
        let (inner, topic) = (self.clone(), topic.clone());
        self.runtime.spawn(async move {
            let end = machine::cut(&task, Cut::Cancelled, inner.env.now());
            inner.finish(&topic, task, end).await;
        });
    }

    /// A task on disk that is in nobody's hands, because its end could not be written.
    fn take_up(self: &Arc<Self>, org: OrgId, id: ExecutionId) -> Result<Option<Arc<Topic>>> {
        let rows = self.store.org(org)?;
        let Some(task) = rows.get::<Task>(id)? else { return Ok(None) };
        let last = journal::last_sequence(&rows, id)?;
        let mut topics = self.topics.lock();
        if let Some(topic) = topics.get(&id) {
            return Ok(Some(topic.clone()));
        }
        let topic = Topic::new(&task, last, self.dirty.clone());
        topics.insert(id, topic.clone());
        drop(topics);
        // Not into the queue: it must not begin before its end is written.
        let pause = Duration::from_millis(END_PATIENCE_MS);
        self.paused.lock().put(task, Instant::now() + pause);
        self.paused_changed.notify_one();
        Ok(Some(topic))
    }

    /// Waits until nothing is at work, `patience` at most. Answers how many are.
    async fn until_idle(&self, patience: Duration) -> usize {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            let idle = self.idle.notified();
            let running = self.queue.lock().running();
            if running == 0 || tokio::time::timeout_at(deadline, idle).await.is_err() {
                return running;
            }
        }
    }
}

/// Goes on counting where the last process stopped, which writes nothing of an attempt but its beginning.
fn take_up_attempts(rows: &View<PerOrg>, topic: &Arc<Topic>, task: Task) -> Result<Task> {
    let begun = journal::attempts_begun(rows, task.id)?;
    if task.resting || begun <= task.attempts {
        return Ok(task);
    }
    let message = format!("the server stopped during attempt {begun}");
    topic.note(EventKind::Log, Json::of(&serde_json::json!({ "level": "warn", "message": message })));
    topic.underway.lock().attempts = begun;
    Ok(Task { attempts: begun, ..task })
}
