//! From its turn to its end: what becomes of one task at work.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::face::Inner;
use super::journal::EventKind;
use super::live::{Run, Topic, Underway};
use super::machine::{self, Cut, Next};
use super::places::Places;
use super::task::{Failure, Repeat, Task, Verdict, Work};
use crate::base::{Code, Json, Result, Timestamp};
use crate::infra::fault;

/// A run that was told to stop is given up after this long.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// Where a start could not be recorded, because the disk is full, it is tried again after this.
const REFUSED_PAUSE_MS: u64 = 1_000;

impl Inner {
    /// Starts whatever may start now: one at once, the others one by one, each behind what is ready by then. So
    /// where processors are short, runs on their way get on before more are begun, and a backlog does not stand
    /// before everybody else at once.
    pub(super) fn pump(self: &Arc<Self>) {
        let nobody_is_at_it = self.pumps.fetch_add(1, SeqCst) == 0;
        if nobody_is_at_it && !self.is_pumped(1) {
            let inner = self.clone();
            self.runtime.spawn(async move {
                loop {
                    tokio::task::yield_now().await;
                    if inner.is_pumped(inner.pumps.load(SeqCst)) {
                        return;
                    }
                }
            });
        }
    }

    /// Starts one; whether there was none, and nobody has asked since there were `pumps`.
    fn is_pumped(self: &Arc<Self>, pumps: usize) -> bool {
        !self.start_next() && self.pumps.compare_exchange(pumps, 0, SeqCst, SeqCst).is_ok()
    }

    fn start_next(self: &Arc<Self>) -> bool {
        if self.draining.load(Relaxed) {
            return false;
        }
        let next = self.queue.lock().pop(self.options.bounds());
        let Some(task) = next else { return false };
        let inner = self.clone();
        self.runtime.spawn(async move {
            let (id, org, lanes) = (task.id, task.org, task.own_lanes().collect::<Vec<_>>());
            let (task, turn) = inner.places_of(task);
            let driven = AssertUnwindSafe(inner.drive(task, turn)).catch_unwind().await;
            inner.queue.lock().done(org, id, &lanes);
            if driven.is_err() {
                tracing::error!(execution.id = %id, "a run met a panic; it goes on as after a crash");
                if let Err(error) = inner.after_panic(org, id) {
                    tracing::error!(execution.id = %id, ?error, "it goes on at the next start only");
                }
            }
            inner.idle.notify_waiters();
            inner.pump();
        });
        true
    }

    /// One attempt, and what follows it. `turn`: places that it waited for.
    async fn drive(self: &Arc<Self>, task: Task, turn: Option<Places>) {
        let Some(topic) = self.topic(task.id) else { return };
        let Some(work) = self.work.get().cloned() else { return };
        let now = self.env.now();
        let began = task.begun_at.unwrap_or(now);
        let left = Duration::from_millis(task.deadline(began).since(now));
        if topic.is_stopped() || left.is_zero() {
            let why = if topic.is_stopped() { Cut::Cancelled } else { Cut::TimedOut };
            let end = machine::cut(&task, why, now);
            return self.finish(&topic, task, end).await;
        }
        let attempts = if task.resting { task.attempts } else { task.attempts + 1 };
        let begun = Task { begun_at: Some(began), attempts, resting: false, ..task.clone() };
        fault!("engine.start");
        if let Err(error) = self.record_start(&begun).await {
            tracing::warn!(execution.id = %task.id, ?error, "the start of a run could not be recorded");
            return self.place(&topic, task.pausing(REFUSED_PAUSE_MS, self.env.now()));
        }
        fault!("engine.start.recorded");
        *topic.underway.lock() = Underway { since: Some(began), attempts };
        let earlier = topic.last_sequence();
        if !task.resting {
            topic.note(EventKind::Started, Json::of(&serde_json::json!({ "attempt": begun.attempts })));
        }
        let run = Run {
            id: begun.id,
            org: begun.org,
            stop: topic.stop_token(),
            deadline: std::time::Instant::now() + begun.attempt_limit().map_or(left, |it| it.min(left)),
            lease: Arc::default(),
            earlier,
            turn: Mutex::new(turn),
            kept: Mutex::default(),
            topic: topic.clone(),
            engine: self.clone(),
        };
        let next = tokio::select! {
            biased;
            next = self.attempt(work.as_ref(), &begun, &run, left) => Some(next),
            () = self.halt.cancelled() => None,
        };
        run.lease.end();
        // As if the process had ended here.
        let Some(next) = next else { return };
        match next {
            Next::End(end) => self.finish(&topic, begun, end).await,
            Next::Again { at, after } => self.again(&topic, begun, at, &after).await,
            Next::Later { at } => self.rest(&topic, begun, at).await,
            Next::Turn { lanes } => self.rest(&topic, Task { turn: lanes, ..begun }, self.env.now()).await,
        }
    }

    /// Work that may run only once is marked as begun before it begins.
    async fn record_start(&self, begun: &Task) -> Result<()> {
        if begun.repeat == Repeat::AtLeastOnce {
            return Ok(());
        }
        let begun = Task { in_flight: true, ..begun.clone() };
        self.store.write_with(super::pen::ESSENTIAL, move |tx| tx.org(begun.org).put(&begun)).await
    }

    async fn attempt(&self, work: &dyn Work, task: &Task, run: &Run, left: Duration) -> Next {
        let attempt = AssertUnwindSafe(work.attempt(task, run)).catch_unwind();
        tokio::pin!(attempt);
        // In this order, so that a simulation meets the same turn again.
        let own = task.attempt_limit().filter(|it| *it < left);
        let cut = tokio::select! {
            biased;
            verdict = &mut attempt => return self.judge(task, verdict),
            () = tokio::time::sleep(own.unwrap_or(left)) => Cut::TimedOut,
            () = run.stop.cancelled() => Cut::Cancelled,
        };
        run.stop.cancel();
        // The far end is told; what it answers in time counts only if the work was finished after all.
        match tokio::time::timeout(STOP_GRACE, attempt).await {
            Ok(Ok(Verdict::Done(output))) if cut == Cut::Cancelled => {
                self.judge(task, Ok(Verdict::Done(output)))
            }
            _ if cut == Cut::TimedOut && own.is_some() => self.judge(task, Ok(machine::attempt_cut(task))),
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

    async fn again(self: &Arc<Self>, topic: &Arc<Topic>, task: Task, at: Timestamp, after: &Failure) {
        let pause_ms = at.since(self.env.now());
        let message = format!("attempt {} failed: {}; next in {pause_ms} ms", task.attempts, after.message);
        topic.note(EventKind::Log, Json::of(&serde_json::json!({ "level": "warn", "message": message })));
        let paused = Task { in_flight: false, ..task }.pausing(pause_ms, self.env.now());
        if self.write_pause(topic, &paused).await {
            self.place(topic, paused);
        }
    }

    async fn rest(self: &Arc<Self>, topic: &Arc<Topic>, task: Task, at: Timestamp) {
        let now = self.env.now();
        let held_since = topic.is_to_be_held().then_some(now);
        let resting =
            Task { in_flight: false, resting: true, held_since, ..task }.pausing(at.since(now), now);
        if self.write_pause(topic, &resting).await {
            self.place(topic, resting);
        }
    }

    /// Queues what has paused long enough; answers until when the next one pauses.
    fn release_due(self: &Arc<Self>) -> Option<Instant> {
        let due = self.paused.lock().take_due(Instant::now());
        if !due.is_empty() {
            for task in due {
                if let Some(topic) = self.topic(task.id) {
                    self.enqueue(&topic, task);
                }
            }
            self.pump();
        }
        self.end_overdue();
        let next = self.paused.lock().next();
        next.into_iter().chain(self.queue.lock().next_overdue()).min()
    }

    /// Ends what has waited in the queue for longer than it may.
    fn end_overdue(self: &Arc<Self>) {
        let overdue = self.queue.lock().take_overdue(Instant::now());
        for task in overdue {
            let Some(topic) = self.topic(task.id) else { continue };
            let why = if task.begun_at.is_some() { Cut::TimedOut } else { Cut::NeverBegan };
            let inner = self.clone();
            self.runtime.spawn(async move {
                let end = machine::cut(&task, why, inner.env.now());
                inner.finish(&topic, task, end).await;
            });
        }
    }
}

/// Runs until the engine is gone: puts paused tasks back into the queue when their time has come.
pub(super) async fn wake_paused(engine: Weak<Inner>) {
    let Some(changed) = engine.upgrade().map(|it| it.paused_changed.clone()) else { return };
    loop {
        let Some(inner) = engine.upgrade() else { return };
        let next = inner.release_due();
        drop(inner);
        match next {
            Some(at) => drop(tokio::time::timeout_at(at, changed.notified()).await),
            None => changed.notified().await,
        }
    }
}
