//! The store's medium: a log in front of the database. A commit is one record in the log and one sync; what the
//! log holds is also kept in memory, in order, and read from there. When the log is full, the database takes
//! all of it in at once, so that rows which came and went in the meantime never reach it, and neighbours are
//! written together.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use parking_lot::{Mutex, RwLock};
use redb::StorageBackend;
use rpds::RedBlackTreeMapSync;

use super::Order;
use super::backend::{Backend, PairIter, Snapshot, StoreError, WriteSet};
use super::blocks::{Blocks, Faults};
use super::disk::DiskFile;
use super::folder;
use super::layers::over;
use super::log::Log;
use super::redb::RedbBackend;

/// Changes since the database was last brought up to date. Copies share what they have in common.
type Memory = RedBlackTreeMapSync<Arc<[u8]>, Option<Arc<[u8]>>>;

pub struct LoggedBackend {
    /// What readers get: both change together.
    current: RwLock<Current>,
    log: Mutex<Log>,
    base: RedbBackend,
    faults: Arc<Faults>,
    read_only: AtomicBool,
    /// A full disk keeps the database from being opened again: there is nothing to read until there is room.
    closed: AtomicBool,
}

#[derive(Clone)]
struct Current {
    memory: Memory,
    base: Arc<dyn Snapshot>,
}

impl LoggedBackend {
    /// Length of the log. More makes the database's part rarer and longer, and a start after a crash longer.
    pub(super) const LOG_BYTES: usize = 4 << 20;
    /// A database file with less in it is cut off.
    pub(super) const LEAST_BYTES: u64 = Blocks::LEAST_BYTES;

    /// Opens or makes the database file at `path`, and its log beside it.
    pub fn file(path: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        let base = RedbBackend::file(path, cache_bytes)?;
        let broken = |error: std::io::Error| StoreError::Broken(error.to_string());
        let log = path.with_extension("log");
        let is_new = !log.exists();
        let medium = Box::new(DiskFile::open(&log).map_err(broken)?);
        if is_new && let Some(folder) = path.parent() {
            folder::sync(folder).map_err(|error| StoreError::Broken(error.to_string()))?;
        }
        Self::over(base, medium, Self::LOG_BYTES)
    }

    /// As `file`, on any media: what tests cut the power of.
    pub fn on(
        open: impl Fn() -> std::io::Result<Box<dyn StorageBackend>> + Send + Sync + 'static,
        log: Box<dyn StorageBackend>,
        log_bytes: usize,
        cache_bytes: usize,
    ) -> Result<Self, StoreError> {
        Self::over(RedbBackend::on(open, cache_bytes)?, log, log_bytes)
    }

    fn over(base: RedbBackend, log: Box<dyn StorageBackend>, log_bytes: usize) -> Result<Self, StoreError> {
        let (faults, mark, mut memory) = (base.faults(), base.mark()?, Memory::new_sync());
        let log = Log::open(log, faults.clone(), log_bytes, (mark.owner, mark.applied), |changes| {
            remember(&mut memory, &changes);
        })?;
        let current = Current { memory, base: base.snapshot()? };
        let read_only = AtomicBool::new(false);
        Ok(Self {
            current: RwLock::new(current),
            log: Mutex::new(log),
            base,
            faults,
            read_only,
            closed: AtomicBool::new(false),
        })
    }

    fn write(&self, log: &mut Log, changes: &WriteSet) -> Result<(), StoreError> {
        log.prepare(changes);
        if !log.could_hold() {
            return self.take_in(log, Some(changes));
        }
        if !log.has_room() {
            self.take_in(log, None)?;
            log.prepare(changes);
        }
        log.write()?;
        // On a copy, so that readers never wait.
        let mut memory = self.current.read().memory.clone();
        remember(&mut memory, changes);
        self.current.write().memory = memory;
        Ok(())
    }

    /// The database takes in what memory holds, and `more` behind it. It is not begun where the medium takes no
    /// writes, because a database that met that could not be read any more.
    fn take_in(&self, log: &mut Log, more: Option<&WriteSet>) -> Result<(), StoreError> {
        if !log.takes_writes() {
            return Err(StoreError::ReadOnly);
        }
        let mut memory = self.current.read().memory.clone();
        let applied = log.last() + u64::from(more.is_some());
        remember(&mut memory, more.unwrap_or(&WriteSet::new()));
        self.base.apply(memory.iter().map(|(key, value)| (&key[..], value.as_deref())), applied)?;
        log.restart(applied);
        let current = Current { memory: Memory::new_sync(), base: self.base.snapshot()? };
        *self.current.write() = current;
        Ok(())
    }
}

fn remember(memory: &mut Memory, changes: &WriteSet) {
    for (key, value) in changes {
        memory.insert_mut(key.as_slice().into(), value.as_deref().map(Arc::from));
    }
}

impl Backend for LoggedBackend {
    fn snapshot(&self) -> Result<Arc<dyn Snapshot>, StoreError> {
        if self.closed.load(Relaxed) {
            return Err(StoreError::Full);
        }
        Ok(Arc::new(self.current.read().clone()))
    }

    fn commit(&self, changes: &WriteSet) -> Result<(), StoreError> {
        let written = self.write(&mut self.log.lock(), changes);
        self.read_only.store(written == Err(StoreError::ReadOnly), Relaxed);
        written
    }

    fn is_read_only(&self) -> bool {
        self.read_only.load(Relaxed)
    }

    fn takes_writes(&self) -> bool {
        let takes = self.log.lock().takes_writes();
        self.read_only.store(!takes, Relaxed);
        takes
    }

    fn recover(&self) -> Result<(), StoreError> {
        let mut log = self.log.lock();
        self.closed.store(true, Relaxed);
        self.base.recover()?;
        let (base, mark) = (self.base.snapshot()?, self.base.mark()?);
        let mut current = self.current.write();
        current.base = base;
        self.closed.store(false, Relaxed);
        if mark.applied == log.last() {
            // It had been taken in after all.
            current.memory = Memory::new_sync();
            log.restart(mark.applied);
        }
        if mark.applied > log.last() {
            return Err(StoreError::Broken("a commit that was refused reached the disk".into()));
        }
        Ok(())
    }

    fn room_is_back(&self) {
        self.base.room_is_back();
    }

    fn size_bytes(&self) -> u64 {
        self.base.size_bytes()
    }

    fn free_bytes(&self) -> Option<u64> {
        self.base.free_bytes()
    }

    fn syncs(&self) -> u64 {
        self.faults.syncs.load(Relaxed)
    }
}

impl Drop for LoggedBackend {
    /// A store that was closed is one file.
    fn drop(&mut self) {
        if self.faults.broken.load(Relaxed) {
            return;
        }
        let mut log = self.log.lock();
        let is_empty = self.current.read().memory.is_empty();
        if is_empty || self.take_in(&mut log, None).is_ok() {
            log.wipe();
        }
    }
}

impl Snapshot for Current {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.memory.get(key) {
            Some(value) => Ok(value.as_deref().map(<[u8]>::to_vec)),
            None => self.base.get(key),
        }
    }

    fn range(&self, from: &[u8], to: &[u8], order: Order) -> Result<PairIter<'_>, StoreError> {
        let base = self.base.range(from, to, order)?;
        if from >= to {
            return Ok(base);
        }
        let memory = self.memory.range(Arc::<[u8]>::from(from)..Arc::from(to));
        Ok(over(base, memory.map(|(key, value)| (&key[..], value.as_deref())), order))
    }
}
