//! The one writer: a thread that takes every closure that waits, runs each on an overlay of its own, commits
//! what succeeded in one write, and only then answers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, watch};

use super::backend::{Backend, Snapshot, StoreError, WriteSet};
use super::feed::{self, Change, ChangeBatch};
use super::folder::Lock;
use super::jobs::Job;
use super::tx::WriteTx;
use crate::base::Result;
use crate::infra::fault;

/// Closures of one commit at most.
const MAX_BATCH: usize = 512;
/// Commits that an in-process follower of changes may be behind.
const FOLLOWER_LAG: usize = 1_024;

/// What the writer has done so far.
#[derive(Debug, Default)]
pub struct Stats {
    pub commits: AtomicU64,
    /// Closures that ran, whether they succeeded or not.
    pub closures: AtomicU64,
    pub last_commit_micros: AtomicU64,
}

/// Seen by readers and the writer.
pub(super) struct Shared {
    pub backend: Box<dyn Backend>,
    pub stats: Stats,
    failed: AtomicBool,
    pub failure: watch::Sender<Option<String>>,
    pub changes: broadcast::Sender<ChangeBatch>,
    min_free_bytes: u64,
    /// Held for as long as anyone may touch the file; let go after the backend.
    _lock: Option<Lock>,
}

impl Shared {
    pub(super) fn new(backend: Box<dyn Backend>, min_free_bytes: u64, lock: Option<Lock>) -> Self {
        Self {
            backend,
            stats: Stats::default(),
            failed: AtomicBool::new(false),
            failure: watch::Sender::new(None),
            changes: broadcast::Sender::new(FOLLOWER_LAG),
            min_free_bytes,
            _lock: lock,
        }
    }

    /// Errors: why a write would be refused now.
    pub(super) fn check_writable(&self) -> Result<(), StoreError> {
        if self.failed.load(Relaxed) {
            return Err(StoreError::Broken("an earlier write failed".into()));
        }
        if self.backend.is_read_only() {
            return Err(StoreError::ReadOnly);
        }
        if self.is_low() { Err(StoreError::Full) } else { Ok(()) }
    }

    fn is_low(&self) -> bool {
        self.backend.free_bytes().is_some_and(|free| free < self.min_free_bytes)
    }

    fn fail(&self, cause: &str) {
        self.failed.store(true, Relaxed);
        tracing::error!(cause, "storage failed: no write is acknowledged any more");
        self.failure.send_replace(Some(cause.to_owned()));
    }
}

type Waiting = mpsc::Receiver<Box<dyn Job>>;

/// Runs until every sender is gone. Nothing is acknowledged after storage failed.
pub(super) fn run(mut writer: Writer, mut queue: Waiting) {
    while let Some(first) = queue.blocking_recv() {
        let committed = writer.commit(company(first, &mut queue));
        writer.answer(committed);
    }
}

/// As `run`, as a task: lets the time pass that `pace` names before a commit, and between it and its answers.
pub(super) async fn run_paced(
    mut writer: Writer,
    mut queue: Waiting,
    mut pace: impl FnMut() -> Duration + Send,
) {
    while let Some(first) = queue.recv().await {
        tokio::time::sleep(pace()).await;
        let committed = writer.commit(company(first, &mut queue));
        tokio::time::sleep(pace()).await;
        writer.answer(committed);
    }
}

/// Everyone who waits, up to a batch.
fn company(first: Box<dyn Job>, queue: &mut Waiting) -> Vec<Box<dyn Job>> {
    let mut jobs = vec![first];
    while jobs.len() < MAX_BATCH
        && let Ok(next) = queue.try_recv()
    {
        jobs.push(next);
    }
    jobs
}

/// A batch that was committed, or was not, and has not been told.
pub(super) struct Committed {
    jobs: Vec<Box<dyn Job>>,
    outcome: Result<(), StoreError>,
}

impl Committed {
    pub(super) fn answer(self) {
        fault!("store.answer");
        for job in self.jobs {
            job.answer(&self.outcome);
        }
    }
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    /// Of the last batch of changes that was committed.
    feed_number: u64,
    was_low: bool,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, feed_number: u64) -> Self {
        Self { shared, feed_number, was_low: false }
    }

    pub(super) fn commit(&mut self, jobs: Vec<Box<dyn Job>>) -> Committed {
        // Callers whose job is lost with a panic are told that the store has closed.
        catch_unwind(AssertUnwindSafe(|| self.try_commit(jobs))).unwrap_or_else(|_| {
            self.shared.fail("the writer panicked");
            Committed { jobs: Vec::new(), outcome: Ok(()) }
        })
    }

    /// Tells everyone. A writer that cannot may not go quietly: nobody would ever be told again.
    fn answer(&self, committed: Committed) {
        if catch_unwind(AssertUnwindSafe(|| committed.answer())).is_err() {
            self.shared.fail("the writer panicked");
        }
    }

    fn try_commit(&mut self, jobs: Vec<Box<dyn Job>>) -> Committed {
        let mut writable = self.shared.check_writable();
        if writable == Err(StoreError::ReadOnly) && self.shared.backend.takes_writes() {
            tracing::info!("the disk takes writes again");
            writable = self.shared.check_writable();
        }
        self.note_room(writable == Err(StoreError::Full));
        let mut admitted = Vec::with_capacity(jobs.len());
        for job in jobs {
            match &writable {
                Ok(()) => admitted.push(job),
                Err(StoreError::Full) if job.is_essential() => admitted.push(job),
                Err(error) => job.refuse(error.clone().into()),
            }
        }
        if admitted.is_empty() {
            return Committed { jobs: admitted, outcome: Ok(()) };
        }
        let outcome = self.run_and_write(&mut admitted);
        if let Err(StoreError::Broken(cause)) = &outcome {
            self.shared.fail(cause);
        }
        Committed { jobs: admitted, outcome }
    }

    fn note_room(&mut self, low: bool) {
        if self.was_low && !low {
            self.shared.backend.room_is_back();
        }
        self.was_low = low;
    }

    fn run_and_write(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
        let snapshot = match self.shared.backend.snapshot() {
            // The disk was full when the store was to be reopened.
            Err(StoreError::Full) => {
                self.shared.backend.recover()?;
                self.shared.backend.snapshot()?
            }
            other => other?,
        };
        fault!("store.batch"?);
        let (mut batch, mut changes) = (WriteSet::new(), Vec::new());
        for job in jobs {
            let mut tx = WriteTx::new(snapshot.as_ref(), &batch);
            let kept = job.run(&mut tx);
            let (own, own_changes) = tx.finish();
            if kept {
                batch.extend(own);
                changes.extend(own_changes);
            }
            self.shared.stats.closures.fetch_add(1, Relaxed);
        }
        let published = number_changes(snapshot.as_ref(), &mut batch, changes, self.feed_number)?;
        drop(snapshot);
        self.write(&batch)?;
        if let Some(published) = published {
            self.feed_number = published.number;
            let _ = self.shared.changes.send(published);
        }
        Ok(())
    }

    fn write(&mut self, batch: &WriteSet) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        let (shared, began) = (&self.shared, std::time::Instant::now());
        fault!("store.commit.before"?);
        let written = shared.backend.commit(batch);
        if written == Err(StoreError::Full) {
            tracing::warn!("the disk is full: writes are refused until there is room");
            self.was_low = true;
            shared.backend.recover()?;
        }
        if written == Err(StoreError::ReadOnly) {
            tracing::error!("the disk is read-only: writes are refused until it is not");
        }
        written?;
        fault!("store.commit.after"?);
        shared.stats.commits.fetch_add(1, Relaxed);
        shared.stats.last_commit_micros.store(began.elapsed().as_micros() as u64, Relaxed);
        Ok(())
    }
}

/// Puts the changes of the whole batch into the feed, in the same commit.
fn number_changes(
    snapshot: &dyn Snapshot,
    batch: &mut WriteSet,
    changes: Vec<Change>,
    last: u64,
) -> Result<Option<ChangeBatch>, StoreError> {
    if changes.is_empty() {
        return Ok(None);
    }
    let published = ChangeBatch { number: last + 1, changes: changes.into() };
    let mut tx = WriteTx::new(snapshot, batch);
    // Without its entry in the feed, derived data would never hear of this commit.
    feed::append(&mut tx, &published)
        .map_err(|error| StoreError::Broken(format!("the change feed could not be written: {error:?}")))?;
    let (own, _) = tx.finish();
    batch.extend(own);
    Ok(Some(published))
}
