//! Opening a store, reading it, writing to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use parking_lot::Mutex;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::backend::{Backend, StoreError};
use super::committer::{self, Closure, Job, Shared, Stats, WriteOptions};
use super::feed::{self, ChangeBatch};
use super::migrate::{self, About, MIGRATIONS, Migration, SCHEMA_VERSION};
use super::redb::RedbBackend;
use super::rows::{PerAppliance, PerOrg, Rows, View};
use super::tx::{OrgTx, WriteTx};
use crate::base::{Doing, Env, Error, OrgId, Result};

/// Closures that may wait for the writer; the next caller waits for a place.
const QUEUE: usize = 4_096;
/// Commits that an in-process follower of changes may be behind.
const FOLLOWER_LAG: usize = 1_024;

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
    _lock: Option<fs::File>,
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
    /// cannot be read.
    pub fn open(folder: &Path, options: OpenOptions, env: &Env) -> Result<Self> {
        make_folder(folder)?;
        let ours = SCHEMA_VERSION.max(options.migrations.iter().map(|it| it.to).max().unwrap_or(0));
        let found = migrate::stamped(folder)?;
        migrate::refuse_newer(found.unwrap_or(ours), ours)?;
        let lock = lock(folder)?;
        let database = folder.join("reeve.redb");
        if let Some(found) = found.filter(|it| *it < ours) {
            migrate::copy_aside(folder, &database, found)?;
        }
        let backend = RedbBackend::file(&database, options.cache_bytes).map_err(|error| {
            Error::unavailable(format!(
                "the store in {} cannot be opened; restore a backup, or ask for help with the cause: {error}",
                folder.display()
            ))
        })?;
        if found != Some(ours) {
            migrate::stamp(folder, ours)?;
        }
        Self::start(Box::new(backend), options, env, Some(lock))
    }

    /// A store on any backend, without a folder.
    pub fn on(backend: impl Backend, options: OpenOptions, env: &Env) -> Result<Self> {
        Self::start(Box::new(backend), options, env, None)
    }

    fn start(
        backend: Box<dyn Backend>,
        options: OpenOptions,
        env: &Env,
        lock: Option<fs::File>,
    ) -> Result<Self> {
        let shared = Arc::new(Shared {
            backend,
            stats: Stats::default(),
            failed: false.into(),
            failure: watch::Sender::new(None),
            changes: broadcast::Sender::new(FOLLOWER_LAG),
            min_free_bytes: options.min_free_bytes,
            latest: Mutex::new(None),
        });
        let feed_number = feed::last_number(&View::appliance(committer::snapshot(&shared)?))?;
        let (queue, waiting) = mpsc::channel(QUEUE);
        let thread = shared.clone();
        let writer = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || committer::run(&thread, waiting, feed_number))
            .doing("start the writer")?;
        let store = Self(Arc::new(Inner {
            shared,
            queue: Some(queue),
            writer: Mutex::new(Some(writer)),
            _lock: lock,
        }));
        store.migrate(options.migrations, env)?;
        Ok(store)
    }

    fn migrate(&self, migrations: Vec<Migration>, env: &Env) -> Result<()> {
        let ours = SCHEMA_VERSION.max(migrations.iter().map(|it| it.to).max().unwrap_or(0));
        let about = self.appliance()?.get::<About>(About::the_key())?;
        if about.as_ref().is_some_and(|it| it.schema_version == ours) {
            return Ok(());
        }
        if let Some(about) = &about {
            migrate::refuse_newer(about.schema_version, ours)?;
        }
        let created_at = about.as_ref().map_or_else(|| env.now(), |it| it.created_at);
        let from = about.map_or(ours, |it| it.schema_version);
        self.write_blocking(move |tx| {
            for step in migrations.iter().filter(|it| it.to > from) {
                (step.run)(tx)?;
            }
            tx.appliance().put(&About { schema_version: ours, created_at })
        })
    }

    /// The last commit, seen from one organization.
    pub fn org(&self, org: OrgId) -> Result<View<PerOrg>> {
        Ok(View::org(committer::snapshot(&self.0.shared)?, org))
    }

    /// The last commit's rows of the appliance itself.
    pub fn appliance(&self) -> Result<View<PerAppliance>> {
        Ok(View::appliance(committer::snapshot(&self.0.shared)?))
    }

    /// Runs `closure` and commits its changes. When this returns `Ok`, they survive a power cut; when it
    /// returns `Err`, none of them happened. Closures run one after the other and may not wait for anything.
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
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Closure { run: Some(closure), result: None, reply, options });
        self.queue()?.send(job).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// As `write`, for threads that are not the runtime's: start, command line, tests.
    pub fn write_blocking<T: Send + 'static>(
        &self,
        closure: impl FnOnce(&mut WriteTx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = std::sync::mpsc::sync_channel(1);
        let (inner_reply, inner) = oneshot::channel();
        let job = Box::new(Closure {
            run: Some(closure),
            result: None,
            reply: inner_reply,
            options: WriteOptions::default(),
        });
        let mut job: Option<Box<dyn Job>> = Some(job);
        // The queue is long; a thread that finds it full waits its turn without a runtime.
        while let Some(waiting) = job.take() {
            match self.queue()?.try_send(waiting) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(back)) => {
                    std::thread::yield_now();
                    job = Some(back);
                }
                Err(mpsc::error::TrySendError::Closed(_)) => return Err(gone()),
            }
        }
        std::thread::scope(|scope| {
            scope.spawn(move || reply.send(inner.blocking_recv()));
        });
        answer.recv().map_err(|_| gone())?.map_err(|_| gone())?
    }

    fn queue(&self) -> Result<&mpsc::Sender<Box<dyn Job>>> {
        self.0.queue.as_ref().ok_or_else(gone)
    }

    /// Batches of changes after number `after`, oldest first; `None` where the feed has forgotten them and
    /// the reader must begin anew.
    pub fn changes_after(&self, after: u64, limit: usize) -> Result<Option<Vec<ChangeBatch>>> {
        committer::read_feed(&self.0.shared, after, limit)
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
        if self.0.shared.failed.load(Relaxed) {
            return Err(StoreError::Broken("an earlier write failed".into()).into());
        }
        if self.0.shared.backend.free_bytes().is_some_and(|it| it < self.0.shared.min_free_bytes) {
            return Err(StoreError::Full.into());
        }
        Ok(())
    }

    pub fn stats(&self) -> &Stats {
        &self.0.shared.stats
    }

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

fn make_folder(folder: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| {
        Error::unavailable(format!("the data folder {} cannot be made: {error}", folder.display()))
    })
}

fn lock(folder: &Path) -> Result<fs::File> {
    let path: PathBuf = folder.join("reeve.lock");
    let file = fs::File::create(&path).map_err(|error| {
        Error::unavailable(format!("the data folder {} cannot be written to: {error}", folder.display()))
    })?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        Error::unavailable(format!("another process of Reeve is using the data folder {}", folder.display()))
    })?;
    Ok(file)
}
