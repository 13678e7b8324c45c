//! The log in front of the database: one record per commit, written and synced before the commit is answered.
//!
//! It is a file of fixed length, written from its beginning to its end and then, when the database has taken
//! everything in, from the beginning again. Records are numbered without gaps, each begins at a sector, and a
//! record is written only after the one before it was synced. So a record that is not whole is the last one,
//! and nobody was told that its commit succeeded; and what stands behind the last one is of an earlier round,
//! with a number that does not follow.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use redb::StorageBackend;

use super::backend::{StoreError, WriteSet};
use super::blocks::Faults;

const SECTOR: usize = 512;
const HEAD: usize = 32;
/// Stands for the length of a value where a key goes.
const GONE: u32 = u32::MAX;
/// Zeros that are written at once where a new log takes its place on the disk.
const CHUNK: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Log {
    medium: Box<dyn StorageBackend>,
    faults: Arc<Faults>,
    capacity: usize,
    /// Whose commits they are: a log of another database is never read into this one.
    owner: u64,
    /// Where the next record goes, and its number.
    at: usize,
    next: u64,
    record: Vec<u8>,
}

impl Log {
    /// Reads the log; `take` gets the changes of every commit behind number `applied`, in order. A medium that is
    /// shorter than `capacity` is a new log.
    ///
    /// Errors: `Broken` where it is damaged, or does not continue the database.
    pub(super) fn open(
        medium: Box<dyn StorageBackend>,
        faults: Arc<Faults>,
        capacity: usize,
        (owner, applied): (u64, u64),
        take: impl FnMut(WriteSet),
    ) -> Result<Self, StoreError> {
        let mut log = Self { medium, faults, capacity, owner, at: 0, next: applied + 1, record: Vec::new() };
        let length = log.medium.len().map_err(broken)? as usize;
        if length < capacity {
            log.make()?;
        } else {
            log.capacity = length / SECTOR * SECTOR;
            log.replay(applied, take)?;
        }
        Ok(log)
    }

    /// Takes its place on the disk, so that writing to it never asks for more.
    fn make(&self) -> Result<(), StoreError> {
        let zeros = vec![0; CHUNK.min(self.capacity)];
        let written = self.medium.set_len(self.capacity as u64).and_then(|()| {
            (0..self.capacity).step_by(zeros.len()).try_for_each(|at| {
                self.medium.write(at as u64, &zeros[..zeros.len().min(self.capacity - at)])
            })
        });
        self.failure_of(written)
    }

    fn replay(&mut self, applied: u64, mut take: impl FnMut(WriteSet)) -> Result<(), StoreError> {
        let mut bytes = vec![0; self.capacity];
        self.medium.read(0, &mut bytes).map_err(broken)?;
        // A round begins where the database has taken everything in. Where the first record is older, there is
        // no new round yet.
        if self.head_at(&bytes, 0).is_some_and(|it| it.number > applied + 1) {
            return Err(StoreError::Broken("the log does not continue the database".into()));
        }
        while let Some(head) = self.head_at(&bytes, self.at).filter(|it| it.number == self.next) {
            let payload = &bytes[self.at + HEAD..self.at + HEAD + head.length];
            let behind = self.at + padded(head.length);
            if crc32fast::hash(payload) != head.checksum {
                if self.head_at(&bytes, behind).is_some_and(|it| it.number == self.next + 1) {
                    return Err(StoreError::Broken("the log is damaged".into()));
                }
                break;
            }
            take(changes_of(payload)?);
            (self.at, self.next) = (behind, self.next + 1);
        }
        if self.at > 0 {
            // The process may have ended before its last sync: what is shown from here on stays.
            self.sync()?;
        }
        Ok(())
    }

    /// The head of one of this database's records, where there is a whole one.
    fn head_at(&self, bytes: &[u8], at: usize) -> Option<Head> {
        let head = Head::read(bytes.get(at..at + HEAD)?)?;
        (head.owner == self.owner && at + HEAD + head.length <= bytes.len()).then_some(head)
    }

    /// Makes the record of the next commit; `write` writes it.
    pub(super) fn prepare(&mut self, changes: &WriteSet) {
        self.record.clear();
        self.record.resize(HEAD, 0);
        for (key, value) in changes {
            let length = value.as_ref().map_or(GONE, |it| it.len() as u32);
            self.record.extend_from_slice(&(key.len() as u32).to_le_bytes());
            self.record.extend_from_slice(&length.to_le_bytes());
            self.record.extend_from_slice(key);
            self.record.extend_from_slice(value.as_deref().unwrap_or_default());
        }
        let head = Head {
            owner: self.owner,
            number: self.next,
            length: self.record.len() - HEAD,
            checksum: crc32fast::hash(&self.record[HEAD..]),
        };
        self.record[..HEAD].copy_from_slice(&head.bytes());
        self.record.resize(padded(head.length), 0);
    }

    /// Whether the record that was made fits behind the others. A sector stays free, so that there is always a
    /// place to try whether the medium takes writes.
    pub(super) fn has_room(&self) -> bool {
        self.at + self.record.len() + SECTOR <= self.capacity
    }

    /// Whether it would fit into an empty log.
    pub(super) fn could_hold(&self) -> bool {
        self.record.len() + SECTOR <= self.capacity
    }

    /// Writes the record and syncs it: the commit is durable.
    ///
    /// Errors: `Full` where the medium had no room, though it had given it before, and `ReadOnly` where it takes
    /// no writes; nothing counts then.
    pub(super) fn write(&mut self) -> Result<(), StoreError> {
        let written = self.medium.write(self.at as u64, &self.record);
        if written.as_ref().is_err_and(is_read_only) {
            return Err(StoreError::ReadOnly);
        }
        self.failure_of(written)?;
        self.sync()?;
        self.at += self.record.len();
        self.next += 1;
        Ok(())
    }

    /// Whether the medium takes writes: tries the place of the next record, where nothing counts.
    pub(super) fn takes_writes(&self) -> bool {
        let there = self.at + HEAD <= self.capacity;
        !there || !self.medium.write(self.at as u64, &[0; HEAD]).as_ref().is_err_and(is_read_only)
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.faults.syncs.fetch_add(1, Relaxed);
        self.medium.sync_data().map_err(|error| {
            // Whatever the reason: what the sync has dropped cannot be told.
            self.faults.broken.store(true, Relaxed);
            broken(error)
        })
    }

    /// Number of the last commit.
    pub(super) fn last(&self) -> u64 {
        self.next - 1
    }

    /// The database has taken in everything up to number `applied`.
    pub(super) fn restart(&mut self, applied: u64) {
        (self.at, self.next) = (0, applied + 1);
    }

    /// Leaves nothing to read, after `restart`: the database stands alone from here on. Where this is lost, old
    /// records are found and left out by their numbers.
    pub(super) fn wipe(&self) {
        let _ = self.medium.write(0, &[0; HEAD]);
    }

    fn failure_of(&self, result: std::io::Result<()>) -> Result<(), StoreError> {
        self.faults
            .note(result)
            .map_err(|error| if self.faults.broken.load(Relaxed) { broken(error) } else { StoreError::Full })
    }
}

struct Head {
    owner: u64,
    number: u64,
    length: usize,
    checksum: u32,
}

impl Head {
    fn bytes(&self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        bytes[..8].copy_from_slice(&self.owner.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..24].copy_from_slice(&(self.length as u64).to_le_bytes());
        bytes[24..28].copy_from_slice(&self.checksum.to_le_bytes());
        let own = crc32fast::hash(&bytes[..28]);
        bytes[28..].copy_from_slice(&own.to_le_bytes());
        bytes
    }

    /// `None` where these bytes are no head, or not a whole one.
    fn read(bytes: &[u8]) -> Option<Self> {
        let number_at = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let half_at = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let head = Self {
            owner: number_at(0)?,
            number: number_at(8)?,
            length: usize::try_from(number_at(16)?).ok()?,
            checksum: half_at(24)?,
        };
        // Numbers begin at 1, so that zeros are no head.
        (half_at(28)? == crc32fast::hash(&bytes[..28]) && head.number > 0).then_some(head)
    }
}

fn padded(length: usize) -> usize {
    (HEAD + length).next_multiple_of(SECTOR)
}

fn changes_of(mut payload: &[u8]) -> Result<WriteSet, StoreError> {
    let mut changes = WriteSet::new();
    while !payload.is_empty() {
        let (key, value) = change_of(&mut payload)
            .ok_or_else(|| StoreError::Broken("the log holds what this program does not know".into()))?;
        changes.insert(key, value);
    }
    Ok(changes)
}

fn change_of(payload: &mut &[u8]) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let key_length = u32::from_le_bytes(payload.split_off(..4)?.try_into().ok()?);
    let length = u32::from_le_bytes(payload.split_off(..4)?.try_into().ok()?);
    let key = payload.split_off(..key_length as usize)?.to_vec();
    match length {
        GONE => Some((key, None)),
        length => Some((key, Some(payload.split_off(..length as usize)?.to_vec()))),
    }
}

fn is_read_only(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::ReadOnlyFilesystem
}

fn broken(error: std::io::Error) -> StoreError {
    StoreError::Broken(error.to_string())
}
