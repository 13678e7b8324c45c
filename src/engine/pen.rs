//! Writing what happens in runs: entries as they come, pauses, ends. What cannot be written now, because the
//! disk is full, is written later; where storage has failed for good, everyone who waits is let go.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::MutexGuard;

use super::face::Inner;
use super::journal::{self, Entry, EventKind};
use super::live::{Lease, Topic};
use super::task::{End, Hold, Status, Task, Work};
use crate::base::{Code, Error, Json, OrgId, Result};
use crate::infra::fault;
use crate::infra::store::{OrgTx, Rows, WriteOptions};

/// Entries of a run that goes on wait this long for company; a run that ends sooner takes them along in the
/// commit of its end.
const FLUSH: Duration = Duration::from_millis(10);
/// Between two tries of a write that was refused.
const REFUSED: Duration = Duration::from_millis(500);
/// Tries of a write that fails for another reason than a full disk.
const MOST_TRIES: u32 = 5;
pub(super) const ESSENTIAL: WriteOptions = WriteOptions { essential: true };

impl Inner {
    /// One commit: the last entries, the rows of the end, and the task goes. When this returns, the end is on
    /// disk, or this process will not write it any more.
    pub(super) async fn finish(self: &Arc<Self>, topic: &Arc<Topic>, task: Task, mut end: End) {
        let Some(work) = self.work.get().cloned() else { return };
        fault!("engine.end");
        if end.status == Status::Cancelled {
            end.failure = end.failure.or_else(|| topic.why_stopped());
        }
        let last = (last_kind(end.status), Json::of(&serde_json::json!({})));
        let rows = {
            let work = work.clone();
            move |tx: &mut OrgTx<'_, '_>, _: &[Entry]| {
                // Whoever deletes the task ends it: an end is written once.
                tx.delete::<Task>(task.id)?.ok_or_else(superseded)?;
                work.ended(tx, &task, &end)?;
                fault!("engine.end.rows"?);
                Ok(())
            }
        };
        self.write_at_last(topic, Some(last), rows).await;
        fault!("engine.end.written");
        self.let_go(topic);
    }

    /// Writes that a task pauses, with what happened up to now; `false` where it cannot be written any more.
    pub(super) async fn write_pause(self: &Arc<Self>, topic: &Arc<Topic>, paused: &Task) -> bool {
        let Some(work) = self.work.get().cloned() else { return false };
        fault!("engine.pause");
        let paused = paused.clone();
        let rows = move |tx: &mut OrgTx<'_, '_>, entries: &[Entry]| {
            let stored: Task = tx.get(paused.id)?.ok_or_else(superseded)?;
            begin(work.as_ref(), tx, entries)?;
            if let Some(at) = paused.held_since {
                work.held(tx, paused.id, Hold::Now, at)?;
            }
            // Someone may have asked to hold it meanwhile: whoever places it sees to that.
            tx.put(&Task { held_since: paused.held_since.or(stored.held_since), ..paused.clone() })
        };
        let written = self.write_at_last(topic, None, rows).await;
        if !written {
            self.topics.lock().remove(&topic.id);
            topic.ended.say();
        }
        written
    }

    /// Writes one more entry with `rows` in its transaction; `false` where it cannot be written any more, or
    /// the attempt was over before it was this entry's turn: then the run goes on, or ends, without it.
    pub(super) async fn write_entry(
        &self,
        topic: &Arc<Topic>,
        lease: &Lease,
        kind: EventKind,
        data: Json,
        rows: impl Fn(&mut OrgTx<'_, '_>) -> Result<()> + Clone + Send + 'static,
    ) -> bool {
        let Some(work) = self.work.get().cloned() else { return false };
        let all = move |tx: &mut OrgTx<'_, '_>, entries: &[Entry]| {
            begin(work.as_ref(), tx, entries)?;
            rows(tx)
        };
        let writing = topic.writing().lock().await;
        if lease.is_over() {
            tracing::warn!(execution.id = %topic.id, "a result came after its attempt was over, and does not count");
            return false;
        }
        self.write_in_turn(topic, &writing, Some((kind, data)), all).await
    }

    /// Writes the run's waiting entries, `last` behind them, together with `rows`, then shows them to watchers.
    /// Tries until it is written, or cannot be: `false`.
    async fn write_at_last(
        &self,
        topic: &Arc<Topic>,
        last: Option<(EventKind, Json)>,
        rows: impl Fn(&mut OrgTx<'_, '_>, &[Entry]) -> Result<()> + Clone + Send + 'static,
    ) -> bool {
        let writing = topic.writing().lock().await;
        self.write_in_turn(topic, &writing, last, rows).await
    }

    /// `_writing` is held from before `last` is there: nobody else may write it without its rows.
    async fn write_in_turn(
        &self,
        topic: &Arc<Topic>,
        _writing: &MutexGuard<'_, ()>,
        last: Option<(EventKind, Json)>,
        rows: impl Fn(&mut OrgTx<'_, '_>, &[Entry]) -> Result<()> + Clone + Send + 'static,
    ) -> bool {
        if let Some((kind, data)) = last {
            topic.note(kind, data);
        }
        let mut tries = 0;
        loop {
            let Err(error) = self.write_with_entries(topic, rows.clone()).await else { return true };
            tries += 1;
            let failed = self.store.failure().borrow().is_some();
            let hopeless = error.is(Code::Conflict) || (!error.is(Code::Unavailable) && tries >= MOST_TRIES);
            if failed || hopeless || self.halt.is_cancelled() {
                tracing::error!(execution.id = %topic.id, ?error, "what a run came to could not be written");
                return false;
            }
            tracing::warn!(execution.id = %topic.id, ?error, "what a run came to waits to be written");
            tokio::time::sleep(REFUSED).await;
        }
    }

    async fn write_with_entries(
        &self,
        topic: &Arc<Topic>,
        rows: impl FnOnce(&mut OrgTx<'_, '_>, &[Entry]) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let entries = topic.take();
        let (org, copy) = (topic.org, entries.clone());
        let written = self
            .store
            .write_with(ESSENTIAL, move |tx| {
                let mut tx = tx.org(org);
                rows(&mut tx, &copy)?;
                journal::append(&mut tx, &copy)
            })
            .await;
        match &written {
            Ok(()) => topic.publish(entries),
            Err(_) => topic.give_back(entries),
        }
        written
    }

    /// Writes the entries of all runs that have any, in one commit.
    async fn flush(&self, topics: Vec<Arc<Topic>>) -> Result<()> {
        fault!("engine.journal");
        let mut held = Vec::new();
        for topic in &topics {
            match topic.writing().try_lock() {
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
        let Some(work) = self.work.get().cloned().filter(|_| !held.is_empty()) else { return Ok(()) };
        let rows: Vec<(OrgId, Vec<Entry>)> = held.iter().map(|it| (it.0.org, it.1.clone())).collect();
        let written = self
            .store
            .write_with(ESSENTIAL, move |tx| {
                for (org, entries) in &rows {
                    let mut tx = tx.org(*org);
                    begin(work.as_ref(), &mut tx, entries)?;
                    journal::append(&mut tx, entries)?;
                }
                fault!("engine.journal.rows"?);
                Ok(())
            })
            .await;
        for (topic, entries, _writing) in held {
            match &written {
                Ok(()) => topic.publish(entries),
                Err(_) => {
                    topic.give_back(entries);
                    topic.mark_again();
                }
            }
        }
        written
    }
}

/// Entries that say that a run began are written with what that means.
fn begin(work: &dyn Work, tx: &mut OrgTx<'_, '_>, entries: &[Entry]) -> Result<()> {
    entries
        .iter()
        .filter(|it| it.kind == EventKind::Started)
        .try_for_each(|it| work.began(tx, it.execution, it.at))
}

fn last_kind(status: Status) -> EventKind {
    match status {
        Status::Completed => EventKind::Completed,
        Status::Cancelled => EventKind::Cancelled,
        Status::Timeout => EventKind::TimedOut,
        _ => EventKind::Failed,
    }
}

pub(super) fn superseded() -> Error {
    Error::conflict("this run has ended already")
}

/// Runs until the engine is gone: writes entries of runs that go on.
pub(super) async fn write_entries(engine: Weak<Inner>) {
    let Some(dirty) = engine.upgrade().map(|it| it.dirty.clone()) else { return };
    loop {
        if tokio::time::timeout(Duration::from_secs(3_600), dirty.wake.notified()).await.is_ok() {
            tokio::time::sleep(FLUSH).await;
        }
        let Some(engine) = engine.upgrade() else { return };
        let topics = std::mem::take(&mut *dirty.topics.lock());
        if engine.flush(topics).await.is_err() {
            drop(engine);
            tokio::time::sleep(REFUSED).await;
        }
    }
}
