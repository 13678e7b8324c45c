//! The store's medium: a log in front of the database. A commit is one record in the log and one sync; what the
//! log holds is also kept in memory, in order, and read from there. When half of the log is full, the database
//! takes all of it in at once, on a thread of its own, so that rows which came and went in the meantime never
//! reach it, and neighbours are written together; commits go on in the log's other half.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use parking_lot::Mutex;
use redb::StorageBackend;

use super::backend::{Backend, Snapshot, StoreError, WriteSet};
use super::blocks::{Blocks, Faults};
use super::checkpoint::{Checkpoints, Pace};
use super::compaction::{Compaction, GoOn};
use super::disk::DiskFile;
use super::folder;
use super::log::{self, Log, Media};
use super::place::Place;
use super::redb::RedbBackend;
use super::shown::{Memory, Shown, remember};

pub struct LoggedBackend {
    log: Mutex<Log>,
    checkpoints: Checkpoints,
    shown: Arc<Shown>,
    faults: Arc<Faults>,
    read_only: AtomicBool,
}

impl LoggedBackend {
    /// Length of each half of the log. More makes the database's part rarer and longer, and a start after a crash
    /// longer.
    pub(super) const LOG_BYTES: usize = 4 << 20;
    /// A database file with less in it is cut off.
    pub(super) const LEAST_BYTES: u64 = Blocks::LEAST_BYTES;

    /// Opens or makes the database file at `path`, and its log beside it.
    pub fn file(path: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        let base = RedbBackend::file(path, cache_bytes)?;
        let files = log::files(path);
        let is_new = files.iter().any(|it| !it.exists());
        let open = |it| -> Result<Box<dyn StorageBackend>, StoreError> {
            Ok(Box::new(DiskFile::open(it).map_err(|error| StoreError::Broken(error.to_string()))?))
        };
        let [first, second] = &files;
        let media = [open(first)?, open(second)?];
        if is_new && let Some(folder) = path.parent() {
            folder::sync(folder).map_err(|error| StoreError::Broken(error.to_string()))?;
        }
        Self::over(base, media, Self::LOG_BYTES, Pace::Beside)
    }

    /// As `file`, on any media: what tests cut the power of. The database takes a full half in on the thread of
    /// the caller, `late` commits after it was full, so that a test repeats.
    pub fn on(
        place: impl Place,
        log: [Box<dyn StorageBackend>; 2],
        log_bytes: usize,
        cache_bytes: usize,
        late: u32,
    ) -> Result<Self, StoreError> {
        Self::over(RedbBackend::on(place, cache_bytes)?, log, log_bytes, Pace::Late(late))
    }

    fn over(base: RedbBackend, media: Media, log_bytes: usize, pace: Pace) -> Result<Self, StoreError> {
        let (faults, mark) = (base.faults(), base.mark()?);
        let (mut recent, mut full) = (Memory::new_sync(), None);
        let from = (mark.owner, mark.applied);
        let mut last = mark.applied;
        let log = Log::open(media, faults.clone(), log_bytes, from, |changes, begins| {
            if begins && last > mark.applied {
                full = Some((std::mem::take(&mut recent), last));
            }
            remember(&mut recent, &changes);
            last += 1;
        })?;
        let shown = Arc::new(Shown::new(recent, full, base.snapshot()?));
        let checkpoints = Checkpoints::new(base, shown.clone(), pace);
        Ok(Self { log: Mutex::new(log), checkpoints, shown, faults, read_only: AtomicBool::new(false) })
    }

    /// Writes the database anew, whatever there is to gain.
    pub fn rewrite(&self, piece_bytes: usize, go_on: GoOn<'_>) -> Result<Compaction, StoreError> {
        self.checkpoints.anew(|base| base.rewrite(piece_bytes, go_on))
    }

    fn write(&self, log: &mut Log, changes: &WriteSet) -> Result<(), StoreError> {
        self.checkpoints.advance(|| log.takes_writes())?;
        log.prepare(changes);
        if !log.could_hold() {
            return self.checkpoint_all(log, changes);
        }
        if !log.has_room() {
            self.turn(log)?;
        }
        log.write()?;
        self.shown.add(changes);
        Ok(())
    }

    /// The other half takes the next records, and the database what this one holds.
    fn turn(&self, log: &mut Log) -> Result<(), StoreError> {
        self.ready(log)?;
        self.shown.fill(log.last());
        log.turn();
        self.checkpoints.begin()
    }

    /// What was deleted leaves room in the database only once that has heard of it.
    fn settle(&self) -> Result<(), StoreError> {
        let mut log = self.log.lock();
        if !self.shown.recent().is_empty() {
            self.turn(&mut log)?;
        }
        drop(log);
        self.checkpoints.finish()
    }

    /// The database takes in everything, with `more` behind it as the next commit.
    fn checkpoint_all(&self, log: &mut Log, more: &WriteSet) -> Result<(), StoreError> {
        self.ready(log)?;
        let applied = log.last() + u64::from(!more.is_empty());
        self.checkpoints.take_all(more, applied)?;
        log.restart(applied);
        Ok(())
    }

    /// Waits until the database has the full half. It is not begun where the medium takes no writes, because a
    /// database that met that could not be read any more.
    fn ready(&self, log: &Log) -> Result<(), StoreError> {
        if !log.takes_writes() {
            return Err(StoreError::ReadOnly);
        }
        self.checkpoints.finish()
    }
}

impl Backend for LoggedBackend {
    fn snapshot(&self) -> Result<Arc<dyn Snapshot>, StoreError> {
        self.shown.view()
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
        let applied = self.checkpoints.reopen()?;
        if applied > log.last() {
            return Err(StoreError::Broken("a commit that was refused reached the disk".into()));
        }
        if applied == log.last() {
            // It had been taken in after all.
            self.checkpoints.show_database()?;
            log.restart(applied);
        }
        Ok(())
    }

    fn room_is_back(&self) {
        self.checkpoints.base().room_is_back();
    }

    fn compact(&self, go_on: GoOn<'_>) -> Result<Compaction, StoreError> {
        if let Err(error) = self.settle() {
            if error == StoreError::Full {
                self.recover()?;
            }
            return Err(error);
        }
        self.checkpoints.anew(|base| base.compact(go_on))
    }

    fn size_bytes(&self) -> u64 {
        self.checkpoints.base().size_bytes()
    }

    fn free_bytes(&self) -> Option<u64> {
        self.checkpoints.base().free_bytes()
    }

    fn syncs(&self) -> u64 {
        self.faults.syncs.load(Relaxed)
    }
}

impl Drop for LoggedBackend {
    /// A store that was closed is one file.
    fn drop(&mut self) {
        let mut log = self.log.lock();
        let ended = self.checkpoints.finish();
        if self.faults.broken.load(Relaxed) || ended.is_err() {
            return;
        }
        if self.shown.is_empty() || self.checkpoint_all(&mut log, &WriteSet::new()).is_ok() {
            log.wipe();
        }
    }
}
