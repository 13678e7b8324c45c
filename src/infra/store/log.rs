//! The log in front of the database: one record per commit, written and synced before the commit is answered.
//!
//! It is two files of fixed length. One is written from its beginning to its end; then the other is, while the
//! database takes in what the first one holds. Records are numbered without gaps, each begins at a sector, and
//! a record is written only after the one before it was synced. So a record that is not whole is the last one,
//! and nobody was told that its commit succeeded; and what stands behind the last one is of an earlier round,
//! with a lower number.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use redb::StorageBackend;

use super::backend::{StoreError, WriteSet};
use super::blocks::Faults;
use super::record::{self, HEAD, Head};
use crate::infra::fault;

/// Zeros that are written at once where a new log takes its place on the disk.
const CHUNK: usize = 1 << 20;

pub(super) type Media = [Box<dyn StorageBackend>; 2];

/// The log's files, beside the database's.
pub(super) fn files(database: &Path) -> [PathBuf; 2] {
    ["log", "log2"].map(|it| database.with_extension(it))
}

#[derive(Debug)]
pub(super) struct Log {
    halves: [Half; 2],
    /// Which of them takes the next record, and where.
    half: usize,
    at: usize,
    faults: Arc<Faults>,
    owner: u64,
    /// Number of the next record.
    next: u64,
    record: Vec<u8>,
}

#[derive(Debug)]
struct Half {
    medium: Box<dyn StorageBackend>,
    capacity: usize,
}

impl Log {
    /// Reads the log; `take` gets the changes of every commit behind number `applied`, in order, each with `true`
    /// where a half begins with it. Media that are shorter than `capacity` are a new log.
    ///
    /// Errors: `Broken` where it is damaged, or does not continue the database.
    pub(super) fn open(
        media: Media,
        faults: Arc<Faults>,
        capacity: usize,
        (owner, applied): (u64, u64),
        take: impl FnMut(WriteSet, bool),
    ) -> Result<Self, StoreError> {
        let halves = media.map(|medium| Half { medium, capacity });
        let mut log = Self { halves, half: 0, at: 0, faults, owner, next: applied + 1, record: Vec::new() };
        let mut written = [Vec::new(), Vec::new()];
        for (half, bytes) in log.halves.iter_mut().zip(&mut written) {
            *bytes = half.read_or_make(&log.faults)?;
        }
        log.replay(&written, take)?;
        Ok(log)
    }

    fn replay(
        &mut self,
        written: &[Vec<u8>; 2],
        mut take: impl FnMut(WriteSet, bool),
    ) -> Result<(), StoreError> {
        let applied = self.last();
        while let Some(half) = (0..2).find(|it| self.continues(&written[*it], 0).is_some()) {
            let (log, mut at) = (&written[half], 0);
            while let Some(head) = self.continues(log, at) {
                let Some(changes) = head.changes(log, at)? else { break };
                take(changes, at == 0);
                (at, self.next) = (at + head.extent(), self.next + 1);
            }
            if at == 0 {
                // Its first record is not whole: the half before it is still the one to write to.
                break;
            }
            (self.half, self.at) = (half, at);
        }
        // Written only once the one that is missing was synced.
        if written
            .iter()
            .flat_map(|it| Head::all(it))
            .any(|it| it.owner == self.owner && it.number > self.next)
        {
            let what = if self.last() == applied { "does not continue the database" } else { "is damaged" };
            return Err(StoreError::Broken(format!("the log {what}")));
        }
        if self.last() > applied {
            // The process may have ended before its last sync: what is shown from here on stays.
            self.sync()?;
        }
        Ok(())
    }

    /// The head of the next record, where it stands there.
    fn continues(&self, log: &[u8], at: usize) -> Option<Head> {
        Head::at(log, at).filter(|it| it.owner == self.owner && it.number == self.next)
    }

    /// Makes the record of the next commit; `write` writes it.
    pub(super) fn prepare(&mut self, changes: &WriteSet) {
        record::write(&mut self.record, self.owner, self.next, changes);
    }

    fn capacity(&self) -> usize {
        self.halves[self.half].capacity
    }

    /// Whether the record that was made fits behind the others. Room for a head stays free, so that there is
    /// always a place to try whether the medium takes writes.
    pub(super) fn has_room(&self) -> bool {
        self.at + self.record.len() + HEAD <= self.capacity()
    }

    /// Whether it would fit into an empty half.
    pub(super) fn could_hold(&self) -> bool {
        self.halves.iter().all(|it| self.record.len() + HEAD <= it.capacity)
    }

    /// Writes the record and syncs it: the commit is durable.
    ///
    /// Errors: `Full` where the medium had no room, though it had given it before, and `ReadOnly` where it takes
    /// no writes; nothing counts then. `Broken` from the first failure of any medium on.
    pub(super) fn write(&mut self) -> Result<(), StoreError> {
        if self.faults.broken.load(Relaxed) {
            return Err(StoreError::Broken("an earlier write failed".into()));
        }
        fault!("store.log.write"?);
        let written = self.halves[self.half].medium.write(self.at as u64, &self.record);
        if written.as_ref().is_err_and(is_read_only) {
            return Err(StoreError::ReadOnly);
        }
        failure_of(&self.faults, written)?;
        fault!("store.log.written"?);
        self.sync()?;
        fault!("store.log.synced"?);
        self.at += self.record.len();
        self.next += 1;
        Ok(())
    }

    /// Whether the medium takes writes: tries the place of the next record, where nothing counts.
    pub(super) fn takes_writes(&self) -> bool {
        let tried = self.halves[self.half].medium.write(self.at as u64, &[0; HEAD]);
        !tried.as_ref().is_err_and(is_read_only)
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.faults.syncs.fetch_add(1, Relaxed);
        self.halves[self.half].medium.sync_data().map_err(|error| {
            // Whatever the reason: what the sync has dropped cannot be told.
            self.faults.broken.store(true, Relaxed);
            broken(error)
        })
    }

    /// Number of the last commit.
    pub(super) fn last(&self) -> u64 {
        self.next - 1
    }

    /// Goes on in the other half, of which the database has everything.
    pub(super) fn turn(&mut self) {
        (self.half, self.at) = (1 - self.half, 0);
    }

    /// The database has taken in everything up to number `applied`.
    pub(super) fn restart(&mut self, applied: u64) {
        (self.at, self.next) = (0, applied + 1);
    }

    /// Leaves nothing to read, after `restart`: the database stands alone from here on. Where this is lost, old
    /// records are found and left out by their numbers.
    pub(super) fn wipe(&self) {
        for half in &self.halves {
            let _ = half.medium.write(0, &[0; HEAD]);
        }
    }
}

impl Half {
    /// What it holds; where it is new, it takes its place on the disk, so that writing to it never asks for more.
    fn read_or_make(&mut self, faults: &Faults) -> Result<Vec<u8>, StoreError> {
        let length = self.medium.len().map_err(broken)? as usize;
        if length >= self.capacity {
            self.capacity = length;
            let mut bytes = vec![0; length];
            self.medium.read(0, &mut bytes).map_err(broken)?;
            return Ok(bytes);
        }
        let zeros = vec![0; CHUNK.min(self.capacity)];
        let written = self.medium.set_len(self.capacity as u64).and_then(|()| {
            (0..self.capacity).step_by(zeros.len()).try_for_each(|at| {
                self.medium.write(at as u64, &zeros[..zeros.len().min(self.capacity - at)])
            })
        });
        failure_of(faults, written)?;
        Ok(Vec::new())
    }
}

fn failure_of(faults: &Faults, result: std::io::Result<()>) -> Result<(), StoreError> {
    let noted = faults.note(result);
    noted.map_err(|error| if faults.broken.load(Relaxed) { broken(error) } else { StoreError::Full })
}

fn is_read_only(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::ReadOnlyFilesystem
}

fn broken(error: std::io::Error) -> StoreError {
    StoreError::Broken(error.to_string())
}
