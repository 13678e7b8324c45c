//! The medium under redb, with a checksum for every block of 4096 bytes. redb looks at its own checksums
//! only when it repairs, so without this a flipped bit would be served as an answer.
//!
//! Before every 1,024 blocks stands one block with their checksums. redb writes to pages that nothing
//! durable refers to, and refers to them only after a sync; the checksums go out before that same sync, so
//! whatever a power cut leaves, every page that can be reached has its own checksum. The first block, redb's
//! header, is overwritten in place and carries checksums of its own: it has none here.
//!
//! A block that does not fit its checksum or cannot be read is handed on as bytes that are no page: redb
//! refuses the read that met it, while everything else stays readable. An error would make it refuse all.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use parking_lot::{Mutex, RwLock};
use redb::StorageBackend;

const BLOCK: u64 = 4096;
const PER_GROUP: u64 = BLOCK / 4;
/// Neither a kind of page nor a possible count of entries.
const NO_PAGE: u8 = 0xff;

/// What the medium has met since the store was opened.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// It had no room. Can be survived.
    pub full: AtomicBool,
    /// A write or a sync failed otherwise. Nothing may be acknowledged after this.
    pub broken: AtomicBool,
    /// Reads that met a damaged block.
    pub damaged: AtomicU64,
    pub syncs: AtomicU64,
}

impl Faults {
    pub(super) fn note<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result {
            let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
            if full { &self.full } else { &self.broken }.store(true, Relaxed);
        }
        result
    }

    /// Errors: after a failure, the medium is left alone: nothing more may count.
    fn check(&self) -> io::Result<()> {
        if self.broken.load(Relaxed) {
            return Err(io::Error::other("an earlier write failed"));
        }
        Ok(())
    }
}

#[derive(Debug)]
pub(super) struct Blocks {
    medium: Box<dyn StorageBackend>,
    faults: Arc<Faults>,
    /// Checksums by group, as far as they were needed.
    groups: RwLock<HashMap<u64, Vec<u32>>>,
    /// Groups whose checksums are not on the medium yet.
    unsaved: Mutex<BTreeSet<u64>>,
}

impl Blocks {
    /// A medium with less on it holds no header.
    pub(super) const LEAST_BYTES: u64 = place_of(1);

    pub(super) fn new(medium: Box<dyn StorageBackend>, faults: Arc<Faults>) -> Self {
        Self { medium, faults, groups: RwLock::default(), unsaved: Mutex::default() }
    }

    fn load(&self, group: u64) -> io::Result<()> {
        if self.groups.read().contains_key(&group) {
            return Ok(());
        }
        let mut bytes = vec![0; BLOCK as usize];
        let at = place_of_sums(group);
        if at + BLOCK <= self.medium.len()? {
            self.medium.read(at, &mut bytes)?;
        }
        let sums = bytes.as_chunks().0.iter().map(|it| u32::from_le_bytes(*it)).collect();
        self.groups.write().entry(group).or_insert(sums);
        Ok(())
    }

    /// Reads whole blocks; `false` where one is damaged.
    fn read_run(&self, run: &Range<u64>, out: &mut [u8]) -> bool {
        let group = run.start / PER_GROUP;
        if self.load(group).is_err() || self.medium.read(place_of(run.start), out).is_err() {
            return false;
        }
        let groups = self.groups.read();
        let Some(sums) = groups.get(&group) else { return false };
        run.clone()
            .zip(out.chunks(BLOCK as usize))
            .all(|(block, bytes)| block == 0 || sums[(block % PER_GROUP) as usize] == checksum(block, bytes))
    }

    fn write_run(&self, run: &Range<u64>, data: &[u8]) -> io::Result<()> {
        let group = run.start / PER_GROUP;
        self.load(group)?;
        if let Some(sums) = self.groups.write().get_mut(&group) {
            for (block, bytes) in run.clone().zip(data.chunks(BLOCK as usize)) {
                sums[(block % PER_GROUP) as usize] = checksum(block, bytes);
            }
        }
        self.unsaved.lock().insert(group);
        self.medium.write(place_of(run.start), data)
    }

    fn save_sums(&self) -> io::Result<()> {
        let unsaved = std::mem::take(&mut *self.unsaved.lock());
        let groups = self.groups.read();
        for group in unsaved {
            let sums = groups.get(&group).into_iter().flatten();
            let bytes: Vec<u8> = sums.flat_map(|it| it.to_le_bytes()).collect();
            self.medium.write(place_of_sums(group), &bytes)?;
        }
        Ok(())
    }
}

impl StorageBackend for Blocks {
    fn len(&self) -> io::Result<u64> {
        Ok(logical(self.medium.len()?))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if is_header(offset, out.len()) {
            return self.medium.read(place_of(0) + offset, out);
        }
        let mut rest = &mut out[..];
        for run in runs(blocks_of(offset, rest.len())?) {
            let (part, behind) = rest.split_at_mut(((run.end - run.start) * BLOCK) as usize);
            if !self.read_run(&run, part) {
                if self.faults.damaged.fetch_add(1, Relaxed) == 0 {
                    tracing::error!(block = run.start, "the store's file is damaged; restore a backup");
                }
                out.fill(NO_PAGE);
                return Ok(());
            }
            rest = behind;
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.faults.check()?;
        self.faults.note(self.medium.set_len(physical(len)))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.faults.check()?;
        self.faults.note(self.save_sums())?;
        self.faults.syncs.fetch_add(1, Relaxed);
        let synced = self.medium.sync_data();
        if synced.is_err() {
            // Whatever the reason: what the sync has dropped cannot be told.
            self.faults.broken.store(true, Relaxed);
        }
        synced
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.faults.check()?;
        if is_header(offset, data.len()) {
            return self.faults.note(self.medium.write(place_of(0) + offset, data));
        }
        let mut rest = data;
        for run in runs(self.faults.note(blocks_of(offset, rest.len()))?) {
            let (part, behind) = rest.split_at(((run.end - run.start) * BLOCK) as usize);
            self.faults.note(self.write_run(&run, part))?;
            rest = behind;
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.medium.close()
    }
}

/// Bound to its place, so that a block written to the wrong one is found too.
fn checksum(block: u64, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(block as u32);
    hasher.update(bytes);
    hasher.finalize()
}

fn is_header(offset: u64, length: usize) -> bool {
    offset + length as u64 <= BLOCK
}

fn blocks_of(offset: u64, length: usize) -> io::Result<Range<u64>> {
    if !offset.is_multiple_of(BLOCK) || !(length as u64).is_multiple_of(BLOCK) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "only whole blocks have checksums"));
    }
    Ok(offset / BLOCK..(offset + length as u64) / BLOCK)
}

/// Cuts where a block of checksums stands in between.
fn runs(blocks: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let mut next = blocks.start;
    std::iter::from_fn(move || {
        let start = next;
        next = ((start / PER_GROUP + 1) * PER_GROUP).min(blocks.end);
        (start < blocks.end).then_some(start..next)
    })
}

fn place_of_sums(group: u64) -> u64 {
    group * (PER_GROUP + 1) * BLOCK
}

const fn place_of(block: u64) -> u64 {
    (block + block / PER_GROUP + 1) * BLOCK
}

/// Length of the medium for a length that redb asks for.
fn physical(len: u64) -> u64 {
    match len.checked_sub(1) {
        None => 0,
        Some(last) => place_of(last / BLOCK) + last % BLOCK + 1,
    }
}

/// What `physical` was given.
fn logical(len: u64) -> u64 {
    let (whole, tail) = (len / BLOCK, len % BLOCK);
    let sums = whole.div_ceil(PER_GROUP + 1);
    let tail = if whole.is_multiple_of(PER_GROUP + 1) { 0 } else { tail };
    (whole - sums) * BLOCK + tail
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lengths_come_back(len in 0..20_000_000_u64) {
            prop_assert_eq!(logical(physical(len)), len);
        }

        #[test]
        fn no_block_stands_where_another_does(a in 0..10_000_u64, b in 0..10_000_u64) {
            prop_assert_eq!(place_of(a) == place_of(b), a == b);
            prop_assert_ne!(place_of(a), place_of_sums(b / PER_GROUP));
        }

        #[test]
        fn runs_cover_all_and_stay_within_their_group(start in 0..5_000_u64, length in 0..5_000_u64) {
            let all: Vec<u64> = runs(start..start + length).inspect(|run| {
                assert_eq!(run.start / PER_GROUP, (run.end - 1) / PER_GROUP);
            }).flatten().collect();
            prop_assert_eq!(all, (start..start + length).collect::<Vec<_>>());
        }
    }
}
