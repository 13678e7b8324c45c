//! Accepting, dispatching, driving and ending tasks.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::journal::{self, Entry, EventKind};
use super::live::{Dirty, Run, Topic, Watch};
use super::machine::{self, Cut, Next};
use super::queue::Queue;
use super::task::{End, Failure, Repeat, Status, Task, Verdict, Work};
use crate::base::{Code, Env, Error, ExecutionId, Id, Json, OrgId, Result, Timestamp};
use crate::infra::store::{Key, Order, OrgTx, Rows, Store, WriteOptions};

/// Entries of a run that goes on wait this long for company; a run that ends sooner takes them along in the
/// commit of its end.
const FLUSH: Duration = Duration::from_millis(10);
/// A run that was told to stop is given up after this long.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// Wall clocks can be set; what pauses is looked at this often at least.
const LONGEST_SLEEP_MS: u64 = 60_000;
const ESSENTIAL: WriteOptions = WriteOptions { essential: true };

#[derive(Debug, Clone)]
pub struct Options {
    pub max_running: usize,
    pub max_running_per_org: usize,
    pub max_queued_per_org: usize,
}

/// The engine of one appliance. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    env: Env,
    store: Store,
    options: Options,
    runtime: Handle,
    work: OnceLock<Arc<dyn Work>>,
    queue: Mutex<Queue>,
    topics: Mutex<HashMap<ExecutionId, Arc<Topic>>>,
    /// Tasks that pause before their next attempt.
    later: Mutex<BTreeMap<(Timestamp, ExecutionId), Task>>,
    later_changed: Arc<Notify>,
    dirty: Arc<Dirty>,
    draining: AtomicBool,
    idle: Notify,
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
            env,
            store,
            options,
            runtime,
            work: OnceLock::new(),
            queue: Mutex::new(Queue::default()),
            topics: Mutex::new(HashMap::new()),
            later: Mutex::new(BTreeMap::new()),
            later_changed: Arc::new(Notify::new()),
            dirty: Arc::new(Dirty::default()),
            draining: AtomicBool::new(false),
            idle: Notify::new(),
        }));
        engine.0.runtime.spawn(write_entries(Arc::downgrade(&engine.0)));
        engine.0.runtime.spawn(wake_paused(Arc::downgrade(&engine.0)));
        engine
    }

    /// Says who does the work. Once.
    pub fn register(&self, work: Arc<dyn Work>) {
        let _ = self.0.work.set(work);
    }

    /// Reads back what an earlier process had accepted. Returns how many tasks that were; what may not be
    /// repeated has ended as interrupted when this returns.
    pub async fn recover(&self, orgs: &[OrgId]) -> Result<usize> {
        let mut found = 0;
        for org in orgs {
            let tasks: Vec<Task> = self.0.store.org(*org)?.all(Key::new(), Order::Oldest)?;
            for task in tasks {
                found += 1;
                let last = journal::last_sequence(&self.0.store.org(*org)?, task.id)?;
                let topic = self.open_topic(&task, last);
                match machine::after_crash(&task, self.0.env.now()) {
                    Some(end) => self.0.finish(&topic, task, end).await?,
                    None => self.enqueue(task),
                }
            }
        }
        self.0.pump();
        Ok(found)
    }

    /// Errors: `ResourceExhausted` where the organization's queue is full, `Unavailable` while draining.
    pub fn check_room(&self, org: OrgId) -> Result<()> {
        if self.0.draining.load(Relaxed) {
            return Err(Error::unavailable("the server is stopping and takes no new work").retry_after(5_000));
        }
        let limit = self.0.options.max_queued_per_org;
        let waiting = self.0.queue.lock().waiting(org);
        if waiting >= limit {
            let usage = serde_json::json!({ "resource": "queued_runs", "used": waiting, "limit": limit });
            return Err(Error::new(Code::ResourceExhausted, format!("{limit} runs are waiting already"))
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
    pub fn announce(&self, task: &Task) -> Watch {
        watch_of(&self.open_topic(task, 0))
    }

    /// The acceptance failed: nobody will ever run it.
    pub fn withdraw(&self, id: ExecutionId) {
        self.0.topics.lock().remove(&id);
    }

    /// The acceptance is committed: the task runs as soon as it is its turn.
    pub fn accept(&self, task: Task) {
        self.enqueue(task);
        self.0.pump();
    }

    /// Watches a run that has not ended; `None` where it has, or never was.
    pub fn watch(&self, id: ExecutionId) -> Option<Watch> {
        self.0.topics.lock().get(&id).map(watch_of)
    }

    /// When the run began, where it is at work now.
    pub fn running_since(&self, id: ExecutionId) -> Option<Timestamp> {
        self.0.topics.lock().get(&id).and_then(|it| *it.started_at.lock())
    }

    /// Ends a run. Returns when that is on disk; `false` where it had ended already.
    pub async fn cancel(&self, org: OrgId, id: ExecutionId) -> Result<bool> {
        let topic = self.0.topics.lock().get(&id).filter(|it| it.org == org).cloned();
        let Some(topic) = topic else { return Ok(false) };
        let waiting = self.0.queue.lock().remove(org, id).or_else(|| self.0.take_paused(id));
        match waiting {
            Some(task) => {
                let end = machine::cut(&task, Cut::Cancelled, self.0.env.now());
                self.0.finish(&topic, task, end).await?;
            }
            None => {
                let mut watch = watch_of(&topic);
                topic.stop.cancel();
                watch.ended().await;
            }
        }
        Ok(true)
    }

    pub fn stats(&self) -> EngineStats {
        let queue = self.0.queue.lock();
        EngineStats {
            running: queue.running(),
            queued: queue.all_waiting(),
            paused: self.0.later.lock().len(),
        }
    }

    /// Starts no more work and waits for what runs, `patience` at most. Returns how many still run: they are
    /// attempted again by the next process.
    pub async fn drain(&self, patience: Duration) -> usize {
        self.0.draining.store(true, Relaxed);
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            let idle = self.0.idle.notified();
            let running = self.0.queue.lock().running();
            if running == 0 || tokio::time::timeout_at(deadline, idle).await.is_err() {
                return self.0.queue.lock().running();
            }
        }
    }

    fn open_topic(&self, task: &Task, last_sequence: u64) -> Arc<Topic> {
        let topic = Topic::new(task, last_sequence, self.0.env.clone(), self.0.dirty.clone());
        self.0.topics.lock().insert(task.id, topic.clone());
        topic
    }

    fn enqueue(&self, task: Task) {
        if task.ready_at > self.0.env.now() {
            self.0.pause(task);
        } else {
            self.0.queue.lock().push(task);
        }
    }
}

fn watch_of(topic: &Arc<Topic>) -> Watch {
    Watch { topic: topic.clone(), committed: topic.committed.subscribe(), ended: topic.ended.subscribe() }
}

impl Inner {
    /// Starts whatever may start now.
    fn pump(self: &Arc<Self>) {
        while !self.draining.load(Relaxed) {
            let next = self.queue.lock().pop(self.options.max_running, self.options.max_running_per_org);
            let Some(task) = next else { return };
            let inner = self.clone();
            self.runtime.spawn(async move {
                let (org, lane) = (task.org, task.lane);
                inner.drive(task).await;
                inner.queue.lock().done(org, lane);
                inner.idle.notify_waiters();
                inner.pump();
            });
        }
    }

    /// One attempt, and what follows it.
    async fn drive(self: &Arc<Self>, mut task: Task) {
        let Some(topic) = self.topics.lock().get(&task.id).cloned() else { return };
        let Some(work) = self.work.get().cloned() else { return };
        let now = self.env.now();
        let began = *task.begun_at.get_or_insert(now);
        task.attempts += 1;
        *topic.started_at.lock() = Some(began);
        if let Err(error) = self.record_start(&task).await {
            tracing::error!(execution.id = %task.id, ?error, "the start of a run could not be recorded");
            return;
        }
        let data = serde_json::json!({ "attempt": task.attempts });
        topic.note(EventKind::Started, Json::of(&data));
        let left = Duration::from_millis(task.timeout_ms.saturating_sub(now.since(began)));
        let run = Run {
            id: task.id,
            org: task.org,
            stop: topic.stop.child_token(),
            deadline: Instant::now() + left,
            topic: topic.clone(),
        };
        let next = self.attempt(work.as_ref(), &task, &run, left).await;
        let written = match next {
            Next::End(end) => self.finish(&topic, task, end).await,
            Next::Again { at, after } => self.again(&topic, task, at, after).await,
        };
        if let Err(error) = written {
            tracing::error!(execution.id = %topic.id, ?error, "what a run came to could not be recorded");
        }
    }

    /// Work that may run only once is marked as begun before it begins.
    async fn record_start(&self, task: &Task) -> Result<()> {
        if task.repeat == Repeat::AtLeastOnce {
            return Ok(());
        }
        let begun = Task { in_flight: true, ..task.clone() };
        self.store.write_with(ESSENTIAL, move |tx| tx.org(begun.org).put(&begun)).await
    }

    async fn attempt(&self, work: &dyn Work, task: &Task, run: &Run, left: Duration) -> Next {
        use std::panic::AssertUnwindSafe;

        use futures_util::FutureExt;
        let attempt = AssertUnwindSafe(work.attempt(task, run)).catch_unwind();
        tokio::pin!(attempt);
        let cut = tokio::select! {
            verdict = &mut attempt => return self.judge(task, verdict),
            () = tokio::time::sleep(left) => Cut::TimedOut,
            () = run.stop.cancelled() => Cut::Cancelled,
        };
        run.stop.cancel();
        // The far end is told; what it answers in time counts only if the work was finished after all.
        match tokio::time::timeout(STOP_GRACE, attempt).await {
            Ok(Ok(Verdict::Done(output))) if cut == Cut::Cancelled => {
                self.judge(task, Ok(Verdict::Done(output)))
            }
            _ => Next::End(machine::cut(task, cut, self.env.now())),
        }
    }

    fn judge(&self, task: &Task, verdict: std::thread::Result<Verdict>) -> Next {
        let verdict = verdict.unwrap_or_else(|_| {
            tracing::error!(execution.id = %task.id, "an attempt panicked");
            Verdict::Failed(Failure::new(Code::Internal, "something went wrong on our side during this run"))
        });
        let jitter = f64::from(u16::from_be_bytes(self.env.bytes())) / f64::from(u16::MAX);
        machine::next(task, verdict, self.env.now(), jitter)
    }

    async fn again(&self, topic: &Arc<Topic>, task: Task, at: Timestamp, after: Failure) -> Result<()> {
        let pause_ms = at.since(self.env.now());
        let message = format!("attempt {} failed: {}; next in {pause_ms} ms", task.attempts, after.message);
        topic.note(EventKind::Log, Json::of(&serde_json::json!({ "level": "warn", "message": message })));
        let paused = Task { ready_at: at, in_flight: false, ..task };
        self.write_with_entries(topic, {
            let paused = paused.clone();
            move |tx| tx.put(&paused)
        })
        .await?;
        self.pause(paused);
        Ok(())
    }

    /// One commit: the last entries, the rows of the end, and the task goes.
    async fn finish(&self, topic: &Arc<Topic>, task: Task, end: End) -> Result<()> {
        let Some(work) = self.work.get().cloned() else {
            return Err(Error::internal("end a run", "nobody is registered for the work"));
        };
        let kind = match end.status {
            Status::Completed => EventKind::Completed,
            Status::Cancelled => EventKind::Cancelled,
            Status::Timeout => EventKind::TimedOut,
            _ => EventKind::Failed,
        };
        topic.note(kind, Json::of(&serde_json::json!({})));
        let id = task.id;
        self.write_with_entries(topic, move |tx| {
            tx.delete::<Task>(task.id)?;
            work.ended(tx, &task, &end)
        })
        .await?;
        self.topics.lock().remove(&id);
        topic.ended.send_replace(true);
        Ok(())
    }

    /// Writes the run's waiting entries together with `rows`, then shows them to watchers.
    async fn write_with_entries(
        &self,
        topic: &Arc<Topic>,
        rows: impl FnOnce(&mut OrgTx<'_, '_>) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let _writing = topic.writing.lock().await;
        let entries = topic.take();
        let (org, copy) = (topic.org, entries.clone());
        let written = self
            .store
            .write_with(ESSENTIAL, move |tx| {
                let mut tx = tx.org(org);
                for entry in &copy {
                    tx.insert(entry)?;
                }
                rows(&mut tx)
            })
            .await;
        match &written {
            Ok(()) => topic.publish(entries),
            Err(_) => topic.give_back(entries),
        }
        written
    }

    fn pause(&self, task: Task) {
        self.later.lock().insert((task.ready_at, task.id), task);
        self.later_changed.notify_one();
    }

    fn take_paused(&self, id: ExecutionId) -> Option<Task> {
        let mut later = self.later.lock();
        let key = *later.keys().find(|it| it.1 == id)?;
        later.remove(&key)
    }

    /// Queues what has paused long enough; answers how long the next one pauses still.
    fn release_due(self: &Arc<Self>) -> Duration {
        let now = self.env.now();
        let due: Vec<Task> = {
            let mut later = self.later.lock();
            let rest = later.split_off(&(now.plus_ms(1), ExecutionId::from_bytes([0; 16])));
            std::mem::replace(&mut *later, rest).into_values().collect()
        };
        if !due.is_empty() {
            due.into_iter().for_each(|it| self.queue.lock().push(it));
            self.pump();
        }
        let first = self.later.lock().keys().next().map(|it| it.0);
        Duration::from_millis(first.map_or(LONGEST_SLEEP_MS, |it| it.since(now).clamp(1, LONGEST_SLEEP_MS)))
    }

    /// Writes the entries of all runs that have any, in one commit.
    async fn flush(&self, topics: Vec<Arc<Topic>>) {
        let mut held = Vec::new();
        for topic in &topics {
            match topic.writing.try_lock() {
                Ok(writing) => {
                    let entries = topic.take();
                    if !entries.is_empty() {
                        held.push((topic, entries, writing));
                    }
                }
                // Its pause or end is being written now; what came after that has its turn next.
                Err(_) => topic.mark_again(),
            }
        }
        if held.is_empty() {
            return;
        }
        let Some(work) = self.work.get().cloned() else { return };
        let rows: Vec<(OrgId, Vec<Entry>)> = held.iter().map(|it| (it.0.org, it.1.clone())).collect();
        let written = self
            .store
            .write_with(ESSENTIAL, move |tx| {
                for (org, entries) in &rows {
                    let mut tx = tx.org(*org);
                    for entry in entries {
                        if entry.kind == EventKind::Started {
                            work.began(&mut tx, entry.execution, entry.at)?;
                        }
                        tx.insert(entry)?;
                    }
                }
                Ok(())
            })
            .await;
        for (topic, entries, _writing) in held {
            match &written {
                Ok(()) => topic.publish(entries),
                Err(_) => topic.give_back(entries),
            }
        }
    }
}

/// Runs until the engine is gone: writes entries of runs that go on.
async fn write_entries(engine: std::sync::Weak<Inner>) {
    let Some(dirty) = engine.upgrade().map(|it| it.dirty.clone()) else { return };
    loop {
        if tokio::time::timeout(Duration::from_secs(3_600), dirty.wake.notified()).await.is_ok() {
            tokio::time::sleep(FLUSH).await;
        }
        let Some(engine) = engine.upgrade() else { return };
        let topics = std::mem::take(&mut *dirty.topics.lock());
        engine.flush(topics).await;
    }
}

/// Runs until the engine is gone: puts paused tasks back into the queue when their time has come.
async fn wake_paused(engine: std::sync::Weak<Inner>) {
    let Some(changed) = engine.upgrade().map(|it| it.later_changed.clone()) else { return };
    loop {
        let Some(inner) = engine.upgrade() else { return };
        let sleep = inner.release_due();
        drop(inner);
        let _ = tokio::time::timeout(sleep, changed.notified()).await;
    }
}
