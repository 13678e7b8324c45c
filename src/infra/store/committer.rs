//! The one writer: a thread that takes every closure that waits, runs each on an overlay of its own, commits
//! what succeeded in one write, and only then answers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::backend::{Backend, Snapshot, StoreError, WriteSet};
use super::feed::{self, Change, ChangeBatch};
use super::rows::View;
use super::tx::WriteTx;
use crate::base::{Doing, Error, Result};

/// Closures of one commit at most.
const MAX_BATCH: usize = 512;

#[derive(Debug, Clone, Copy, Default)]
pub struct WriteOptions {
    /// Runs also where the disk is below its floor: ends of runs, cancellations and deletions, which free more
    /// than they take.
    pub essential: bool,
}

/// A closure that waits, whatever it answers.
pub(super) trait Job: Send {
    fn essential(&self) -> bool;
    /// Runs the closure; `true` where its changes count.
    fn run(&mut self, tx: &mut WriteTx<'_>) -> bool;
    /// Refused before it ran.
    fn refuse(self: Box<Self>, error: Error);
    /// Answers, with the closure's own result where the commit succeeded.
    fn answer(self: Box<Self>, committed: &Result<(), StoreError>);
}

pub(super) struct Closure<T, F> {
    pub run: Option<F>,
    pub result: Option<Result<T>>,
    pub reply: oneshot::Sender<Result<T>>,
    pub options: WriteOptions,
}

impl<T, F> Job for Closure<T, F>
where
    T: Send,
    F: FnOnce(&mut WriteTx<'_>) -> Result<T> + Send,
{
    fn essential(&self) -> bool {
        self.options.essential
    }

    fn run(&mut self, tx: &mut WriteTx<'_>) -> bool {
        let Some(run) = self.run.take() else { return false };
        let result = catch_unwind(AssertUnwindSafe(|| run(tx)))
            .unwrap_or_else(|_| Err("the closure panicked").doing("write"));
        let kept = result.is_ok();
        self.result = Some(result);
        kept
    }

    fn refuse(self: Box<Self>, error: Error) {
        let _ = self.reply.send(Err(error));
    }

    fn answer(self: Box<Self>, committed: &Result<(), StoreError>) {
        let answer = match (self.result, committed) {
            (Some(Ok(value)), Ok(())) => Ok(value),
            (Some(Ok(_)), Err(error)) => Err(error.clone().into()),
            (Some(Err(error)), _) => Err(error),
            (None, _) => Err("the closure never ran").doing("write"),
        };
        let _ = self.reply.send(answer);
    }
}

/// What the writer has done so far.
#[derive(Debug, Default)]
pub struct Stats {
    pub commits: AtomicU64,
    pub closures: AtomicU64,
    pub last_commit_micros: AtomicU64,
}

/// Seen by readers and the writer.
pub(super) struct Shared {
    pub backend: Box<dyn Backend>,
    pub stats: Stats,
    pub failed: AtomicBool,
    pub failure: tokio::sync::watch::Sender<Option<String>>,
    pub changes: broadcast::Sender<ChangeBatch>,
    pub min_free_bytes: u64,
    /// Kept for the next reader until a commit makes it old.
    pub latest: Mutex<Option<Arc<dyn Snapshot>>>,
}

impl Shared {
    fn fail(&self, cause: String) {
        self.failed.store(true, Relaxed);
        tracing::error!(cause, "storage failed: no write is acknowledged any more");
        self.failure.send_replace(Some(cause));
    }

    fn is_low(&self) -> bool {
        self.backend.free_bytes().is_some_and(|free| free < self.min_free_bytes)
    }
}

/// Runs until every sender is gone.
pub(super) fn run(shared: &Shared, mut queue: mpsc::Receiver<Box<dyn Job>>, mut feed_number: u64) {
    let mut jobs: Vec<Box<dyn Job>> = Vec::new();
    while let Some(first) = queue.blocking_recv() {
        jobs.push(first);
        while jobs.len() < MAX_BATCH
            && let Ok(next) = queue.try_recv()
        {
            jobs.push(next);
        }
        commit(shared, &mut jobs, &mut feed_number);
    }
}

fn commit(shared: &Shared, jobs: &mut Vec<Box<dyn Job>>, feed_number: &mut u64) {
    if shared.failed.load(Relaxed) {
        for job in jobs.drain(..) {
            job.refuse(StoreError::Broken("an earlier write failed".into()).into());
        }
        return;
    }
    let low = shared.is_low();
    let (mut ran, mut batch, mut changes) = (Vec::with_capacity(jobs.len()), WriteSet::new(), Vec::new());
    let outcome = match shared.backend.snapshot() {
        Err(error) => Err(error),
        Ok(snapshot) => {
            for mut job in jobs.drain(..) {
                if low && !job.essential() {
                    job.refuse(StoreError::Full.into());
                    continue;
                }
                let mut tx = WriteTx::new(snapshot.as_ref(), &batch);
                let kept = job.run(&mut tx);
                let (own, own_changes) = tx.finish();
                if kept {
                    batch.extend(own);
                    changes.extend(own_changes);
                }
                ran.push(job);
            }
            let published = number_changes(snapshot.as_ref(), &mut batch, changes, *feed_number);
            drop(snapshot);
            write(shared, &batch).map(|()| published)
        }
    };
    ran.append(jobs);
    let committed = match outcome {
        Ok(published) => {
            if let Some(published) = published {
                *feed_number = published.number;
                let _ = shared.changes.send(published);
            }
            Ok(())
        }
        Err(error) => Err(error),
    };
    if let Err(StoreError::Broken(cause)) = &committed {
        shared.fail(cause.clone());
    }
    for job in ran {
        job.answer(&committed);
    }
}

/// Puts the changes of the whole batch into the feed, in the same commit.
fn number_changes(
    snapshot: &dyn Snapshot,
    batch: &mut WriteSet,
    changes: Vec<Change>,
    last: u64,
) -> Option<ChangeBatch> {
    if changes.is_empty() {
        return None;
    }
    let published = ChangeBatch { number: last + 1, changes: changes.into() };
    let mut tx = WriteTx::new(snapshot, batch);
    let appended = feed::append(&mut tx, &published);
    let (own, _) = tx.finish();
    match appended {
        Ok(()) => {
            batch.extend(own);
            Some(published)
        }
        Err(error) => {
            tracing::error!(?error, "the change feed could not be written");
            None
        }
    }
}

fn write(shared: &Shared, batch: &WriteSet) -> Result<(), StoreError> {
    if batch.is_empty() {
        return Ok(());
    }
    let began = std::time::Instant::now();
    let result = shared.backend.commit(batch);
    *shared.latest.lock() = None;
    if result == Err(StoreError::Full) {
        tracing::warn!("the disk is full: writes are refused until there is room");
        shared.backend.recover()?;
    }
    result?;
    shared.stats.commits.fetch_add(1, Relaxed);
    shared.stats.last_commit_micros.store(began.elapsed().as_micros() as u64, Relaxed);
    Ok(())
}

/// Opens a view of the last commit; all readers between two commits share one snapshot.
pub(super) fn snapshot(shared: &Shared) -> Result<Arc<dyn Snapshot>> {
    let mut latest = shared.latest.lock();
    if let Some(snapshot) = latest.as_ref() {
        return Ok(snapshot.clone());
    }
    let snapshot = shared.backend.snapshot()?;
    *latest = Some(snapshot.clone());
    Ok(snapshot)
}

pub(super) fn read_feed(shared: &Shared, number: u64, limit: usize) -> Result<Option<Vec<ChangeBatch>>> {
    feed::after(&View::appliance(snapshot(shared)?), number, limit)
}
