//! Opening a store, reading it, writing to it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{broadcast, mpsc, watch};

use super::backend::{Backend, StoreError};
use super::committer::{self, Shared, Stats, Writer};
use super::compaction::{Compaction, GoOn};
use super::feed::{self, ChangeBatch};
use super::folder;
use super::jobs::{self, Job, WriteOptions};
use super::logged::LoggedBackend;
use super::migrate::{self, MIGRATIONS, Migration};
use super::rows::{APPLIANCE, PerAppliance, PerOrg, View};
use super::tx::{OrgTx, WriteTx};
use crate::base::{Doing, Env, Error, Id, OrgId, Result};
use crate::infra::fault;

/// Closures that may wait for the writer; the next caller waits for a place.
const QUEUE: usize = 4_096;

pub struct OpenOptions {
    /// Memory for pages of the database.
    pub cache_bytes: usize,
    /// Below this, only essential writes are taken.
    pub min_free_bytes: u64,
    pub migrations: Vec<Migration>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { cache_bytes: 32 << 20, min_free_bytes: 64 << 20, migrations: MIGRATIONS.to_vec() }
    }
}

/// The handle on everything stored. Cheap to clone; the writer ends when the last clone goes.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    writer: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl Drop for Inner {
    /// Waits for the writer, so that the file is free when the last handle has gone.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.lock().take()
            && writer.thread().id() != std::thread::current().id()
        {
            let _ = writer.join();
        }
    }
}

impl Store {
    /// Opens or makes the store in `folder`, which is made with mode 0700.
    ///
    /// Errors: `Unavailable` with what to do where another process has it, a newer program wrote it, or it
    /// cannot be read. A folder of a newer program is not touched.
    pub fn open(folder: &Path, options: OpenOptions, env: &Env) -> Result<Self> {
        let ours = migrate::newest(&options.migrations);
        folder::refuse_newer(folder::stamped(folder)?.unwrap_or(ours), ours)?;
        folder::make(folder)?;
        let lock = folder::lock(folder)?;
        // Again, now that nobody else can change it.
        let stamped = folder::stamped(folder)?;
        folder::refuse_newer(stamped.unwrap_or(ours), ours)?;

        let database = folder.join("reeve.redb");
        if let Some(older) = stamped.filter(|it| *it < ours && database.exists()) {
            migrate::copy_aside(folder, &database, older)?;
        }
        if stamped != Some(ours) {
            folder::stamp(folder, ours)?;
            fault!("store.stamped"?);
        }
        let opened =
            LoggedBackend::file(&database, options.cache_bytes).map_err(Error::from).and_then(|backend| {
                let store = Self::start(Box::new(backend), &options, Some(lock))?;
                let rows = migrate::found(&store.appliance()?)?;
                Ok((store, rows))
            });
        let (store, rows) = opened.map_err(|error| {
            let cause =
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            Error::unavailable(format!(
                "the store in {} cannot be opened ({cause}); put a copy of the data folder back in its place",
                folder.display()
            ))
            .caused_by(error)
        })?;
        if let Some(older) = rows.filter(|it| *it < ours) {
            migrate::copy_aside(folder, &database, older)?;
        }
        let migrated = store.migrate(options.migrations, env);
        if let (Err(_), Some(unchanged)) = (&migrated, rows) {
            // The steps are one commit: nothing happened, and the program that wrote this may go on with it.
            folder::stamp(folder, unchanged)?;
        }
        migrated.map(|()| store)
    }

    /// A store on any backend, without a folder.
    pub fn on(backend: impl Backend, options: OpenOptions, env: &Env) -> Result<Self> {
        let store = Self::start(Box::new(backend), &options, None)?;
        store.migrate(options.migrations, env)?;
        Ok(store)
    }

    fn start(backend: Box<dyn Backend>, options: &OpenOptions, lock: Option<folder::Lock>) -> Result<Self> {
        let (shared, writer) = Self::parts(backend, options, lock)?;
        let (queue, waiting) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || committer::run(writer, waiting))
            .doing("start the writer")?;
        Ok(Self(Arc::new(Inner { shared, queue: Some(queue), writer: Mutex::new(Some(thread)) })))
    }

    /// A store whose writer is a task of the caller's runtime and lets the time pass that `pace` names, before
    /// each commit and between it and its answers: what a simulation in virtual time drives.
    pub fn paced(
        backend: impl Backend,
        options: OpenOptions,
        env: &Env,
        pace: impl FnMut() -> Duration + Send + 'static,
    ) -> Result<Self> {
        let (shared, mut writer) = Self::parts(Box::new(backend), &options, None)?;
        let steps = options.migrations;
        if migrate::found(&View::appliance(shared.backend.snapshot()?))? != Some(migrate::newest(&steps)) {
            let now = env.now();
            let run = move |tx: &mut WriteTx<'_>| migrate::run(tx, &steps, now);
            let (job, answer) = jobs::job(WriteOptions::default(), run);
            writer.commit(vec![job]).answer();
            jobs::wait(answer).map_err(|_| gone())??;
        }
        let (queue, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(committer::run_paced(writer, waiting, pace));
        Ok(Self(Arc::new(Inner { shared, queue: Some(queue), writer: Mutex::new(None) })))
    }

    fn parts(
        backend: Box<dyn Backend>,
        options: &OpenOptions,
        lock: Option<folder::Lock>,
    ) -> Result<(Arc<Shared>, Writer)> {
        let shared = Arc::new(Shared::new(backend, options.min_free_bytes, lock));
        let feed_number = feed::last_number(&View::appliance(shared.backend.snapshot()?))?;
        let writer = Writer::new(shared.clone(), feed_number);
        Ok((shared, writer))
    }

    fn migrate(&self, steps: Vec<Migration>, env: &Env) -> Result<()> {
        if migrate::found(&self.appliance()?)? == Some(migrate::newest(&steps)) {
            return Ok(());
        }
        let now = env.now();
        self.write_blocking(move |tx| migrate::run(tx, &steps, now))
    }

    /// The last commit, seen from one organization.
    ///
    /// Errors: `NotFound` for the id that stands for the appliance itself.
    pub fn org(&self, org: OrgId) -> Result<View<PerOrg>> {
        if org.bytes() == APPLIANCE {
            return Err(Error::not_found("organization", org));
        }
        Ok(View::org(self.0.shared.backend.snapshot()?, org))
    }

    /// The last commit's rows of the appliance itself.
    pub fn appliance(&self) -> Result<View<PerAppliance>> {
        Ok(View::appliance(self.0.shared.backend.snapshot()?))
    }

    /// Runs `closure` and commits its changes. When this returns `Ok`, they survive a power cut; when it
    /// returns `Err` with the closure's own error, none of them happened. Closures run one after the other and
    /// may not wait for anything. A caller that stops waiting does not stop its closure.
    pub async fn write<T: Send + 'static>(
        &self,
        closure: impl FnOnce(&mut WriteTx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.write_with(WriteOptions::default(), closure).await
    }

    /// As `write`, within one organization.
    pub async fn write_org<T: Send + 'static>(
        &self,
        org: OrgId,
        closure: impl FnOnce(&mut OrgTx<'_, '_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.write(move |tx| closure(&mut tx.org(org))).await
    }

    pub async fn write_with<T: Send + 'static>(
        &self,
        options: WriteOptions,
        closure: impl FnOnce(&mut WriteTx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (job, answer) = jobs::job(options, closure);
        let queue = self.0.queue.as_ref().ok_or_else(gone)?;
        queue.send(job).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// As `write`, for threads that may stand still: start, command line, tests.
    pub fn write_blocking<T: Send + 'static>(
        &self,
        closure: impl FnOnce(&mut WriteTx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        jobs::wait(self.write(closure))
    }

    /// Batches of changes after number `after`, oldest first; `None` where the feed has forgotten them and
    /// the reader must begin anew.
    pub fn changes_after(&self, after: u64, limit: usize) -> Result<Option<Vec<ChangeBatch>>> {
        feed::after(&self.appliance()?, after, limit)
    }

    /// Number of the newest batch of changes.
    pub fn last_change(&self) -> Result<u64> {
        feed::last_number(&self.appliance()?)
    }

    /// Batches as they are committed, from now on.
    pub fn follow(&self) -> broadcast::Receiver<ChangeBatch> {
        self.0.shared.changes.subscribe()
    }

    /// Holds the cause once storage has failed for good.
    pub fn failure(&self) -> watch::Receiver<Option<String>> {
        self.0.shared.failure.subscribe()
    }

    /// Errors: `Unavailable` where new work would be refused now.
    pub fn check_writable(&self) -> Result<()> {
        let writable = self.0.shared.check_writable();
        if writable == Err(StoreError::ReadOnly)
            && let Some(queue) = &self.0.queue
        {
            // The writer looks again before it refuses; otherwise nobody would who waits for readiness.
            let _ = queue.try_send(jobs::job(WriteOptions::default(), |_| Ok(())).0);
        }
        Ok(writable?)
    }

    /// Gives the room that deleted rows have left back to the disk, beside readers and commits. Takes long, on this
    /// thread. `go_on` as of `Compaction`; a disk below its floor ends it, too.
    pub fn compact(&self, go_on: GoOn<'_>) -> Result<Compaction> {
        let shared = &self.0.shared;
        let go_on = |took| shared.check_writable().is_ok() && go_on(took);
        shared.backend.compact(&go_on).map_err(|cause| {
            Error::unavailable("the database could not be written anew, and is as it was").caused_by(cause)
        })
    }

    pub fn stats(&self) -> &Stats {
        &self.0.shared.stats
    }

    /// Syncs of the medium since the store was opened.
    pub fn syncs(&self) -> u64 {
        self.0.shared.backend.syncs()
    }

    pub fn size_bytes(&self) -> u64 {
        self.0.shared.backend.size_bytes()
    }

    pub fn free_bytes(&self) -> Option<u64> {
        self.0.shared.backend.free_bytes()
    }
}

fn gone() -> Error {
    Error::unavailable("the store has closed")
}
