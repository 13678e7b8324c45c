//! A disk in memory that remembers what was done to it, can be told to fail, and can lose its power.

use std::collections::HashSet;
use std::io::{Error, ErrorKind, Result};
use std::ops::Range;
use std::sync::Arc;

use parking_lot::Mutex;
use redb::StorageBackend;

use crate::support::dice::Dice;

#[derive(Debug, Clone)]
pub(super) enum Entry {
    Write {
        at: usize,
        data: Arc<[u8]>,
    },
    Length(usize),
    /// Of what was written to these places.
    Sync(Range<usize>),
    /// The caller of commit number so and so has its answer.
    Acknowledged(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Call {
    Read,
    Write,
    ShortWrite,
    Length,
    Sync,
}

#[derive(Debug, Default)]
struct State {
    live: Vec<u8>,
    log: Vec<Entry>,
    forgets_syncs: bool,
    /// The calls of this kind fail from the n-th on.
    fails: Option<(Call, usize)>,
    failed_calls: usize,
    syncs_after_failure: usize,
    /// Blocks that can be filled, and those that are.
    room: Option<usize>,
    filled: HashSet<usize>,
    read_only: bool,
}

const BLOCK: usize = 4096;

#[derive(Debug, Clone, Default)]
pub(super) struct Medium(Arc<Mutex<State>>);

impl Medium {
    pub(super) fn holding(image: Vec<u8>) -> Self {
        let filled = (0..image.len() / BLOCK).collect();
        Self(Arc::new(Mutex::new(State { live: image, filled, ..State::default() })))
    }

    /// The front of the medium, where both halves of the log are.
    pub(super) fn log_parts(&self) -> [Box<dyn StorageBackend>; 2] {
        [0, LOG_BYTES as u64].map(|from| -> Box<dyn StorageBackend> {
            Box::new(Part { medium: self.clone(), from, most: Some(LOG_BYTES as u64) })
        })
    }

    /// The rest of it, where the database is: one power cut meets both.
    pub(super) fn database_part(&self) -> Box<dyn StorageBackend> {
        Box::new(Part { medium: self.clone(), from: 2 * LOG_BYTES as u64, most: None })
    }

    pub(super) fn image(&self) -> Vec<u8> {
        self.0.lock().live.clone()
    }

    pub(super) fn log(&self) -> Vec<Entry> {
        self.0.lock().log.clone()
    }

    pub(super) fn acknowledged(&self, number: u64) {
        self.0.lock().log.push(Entry::Acknowledged(number));
    }

    pub(super) fn forget_syncs(&self) {
        self.0.lock().forgets_syncs = true;
    }

    pub(super) fn fail(&self, call: Call, nth: usize) {
        self.0.lock().fails = Some((call, nth));
    }

    pub(super) fn has_failed(&self) -> bool {
        self.0.lock().failed_calls > 0
    }

    /// Syncs that were tried after the first call that failed.
    pub(super) fn syncs_after_failure(&self) -> usize {
        self.0.lock().syncs_after_failure
    }

    /// `false`: as a file system that has become read-only.
    pub(super) fn take_writes(&self, takes: bool) {
        self.0.lock().read_only = !takes;
    }

    fn sync(&self, part: Range<usize>) -> Result<()> {
        let mut state = self.0.lock();
        if state.failed_calls > 0 {
            state.syncs_after_failure += 1;
        }
        state.meets(&[Call::Sync])?;
        if !state.forgets_syncs {
            state.log.push(Entry::Sync(part));
        }
        Ok(())
    }

    /// Leaves room for so many more blocks; `None` for any number.
    pub(super) fn leave_room(&self, blocks: Option<usize>) {
        let mut state = self.0.lock();
        state.room = blocks.map(|it| state.filled.len() + it);
    }
}

impl State {
    fn takes_write(&self) -> Result<()> {
        if self.read_only { Err(ErrorKind::ReadOnlyFilesystem.into()) } else { Ok(()) }
    }

    fn meets(&mut self, calls: &[Call]) -> Result<()> {
        let Some((call, left)) = &mut self.fails else { return Ok(()) };
        if !calls.contains(call) {
            return Ok(());
        }
        *left = left.saturating_sub(1);
        if *left > 0 {
            return Ok(());
        }
        self.failed_calls += 1;
        Err(Error::other("input/output error"))
    }

    fn fill(&mut self, at: usize, length: usize) -> Result<()> {
        for block in at / BLOCK..(at + length).div_ceil(BLOCK) {
            if !self.filled.contains(&block) {
                if self.room.is_some_and(|it| self.filled.len() >= it) {
                    return Err(ErrorKind::StorageFull.into());
                }
                self.filled.insert(block);
            }
        }
        Ok(())
    }
}

impl StorageBackend for Medium {
    fn len(&self) -> Result<u64> {
        Ok(self.0.lock().live.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let mut state = self.0.lock();
        state.meets(&[Call::Read])?;
        let at = offset as usize;
        let bytes = state.live.get(at..at + out.len()).ok_or(ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        let mut state = self.0.lock();
        state.takes_write()?;
        state.meets(&[Call::Length])?;
        state.live.resize(len as usize, 0);
        let blocks = (len as usize).div_ceil(BLOCK);
        state.filled.retain(|it| *it < blocks);
        state.log.push(Entry::Length(len as usize));
        Ok(())
    }

    fn sync_data(&self) -> Result<()> {
        self.sync(0..usize::MAX)
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        let (mut state, at) = (self.0.lock(), offset as usize);
        state.takes_write()?;
        state.fill(at, data.len())?;
        let met = state.meets(&[Call::Write, Call::ShortWrite]);
        let short = matches!(state.fails, Some((Call::ShortWrite, _)));
        let written = match &met {
            Ok(()) => data.len(),
            Err(_) if short => data.len() / 2,
            Err(_) => 0,
        };
        state.live[at..at + written].copy_from_slice(&data[..written]);
        if written > 0 {
            state.log.push(Entry::Write { at, data: data[..written].into() });
        }
        met
    }
}

/// Of each half of the log. A few commits fill it.
pub(super) const LOG_BYTES: usize = 48 << 10;

/// A part of a medium, as a medium of its own.
#[derive(Debug)]
struct Part {
    medium: Medium,
    from: u64,
    most: Option<u64>,
}

impl StorageBackend for Part {
    fn len(&self) -> Result<u64> {
        let length = self.medium.len()?.saturating_sub(self.from);
        Ok(self.most.map_or(length, |it| length.min(it)))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        self.medium.read(self.from + offset, out)
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.medium.set_len(self.from + len)
    }

    fn sync_data(&self) -> Result<()> {
        let to = self.most.map_or(usize::MAX, |it| (self.from + it) as usize);
        self.medium.sync(self.from as usize..to)
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.medium.write(self.from + offset, data)
    }
}

/// What is on the disk for certain, and what may or may not have reached it.
pub(super) struct Platter {
    durable: Vec<u8>,
    pending: Vec<Entry>,
}

impl Platter {
    pub(super) fn new(durable: Vec<u8>) -> Self {
        Self { durable, pending: Vec::new() }
    }

    pub(super) fn follow(&mut self, entry: &Entry) {
        match entry {
            Entry::Sync(part) => {
                let within = |it: &mut Entry| match it {
                    Entry::Write { at, .. } => part.contains(at),
                    _ => true,
                };
                for entry in self.pending.extract_if(.., within) {
                    apply(&mut self.durable, &entry, true);
                }
            }
            Entry::Acknowledged(_) => {}
            other => self.pending.push(other.clone()),
        }
    }

    /// What a power cut leaves now: any of what was not synced, in any order, torn anywhere.
    pub(super) fn cut(&self, dice: &mut Dice) -> Vec<u8> {
        let (mut image, mut pending) = (self.durable.clone(), self.pending.clone());
        match dice.below(4) {
            0 => {
                let kept = dice.below(pending.len() + 1);
                pending.truncate(kept);
            }
            1 => dice.shuffle(&mut pending),
            _ => {}
        }
        let reaches = [0, 20, 50, 80, 100][dice.below(5)];
        let grows = dice.percent(50);
        for entry in &pending {
            if dice.percent(reaches) {
                apply(&mut image, &torn(entry, dice), grows);
            }
        }
        image
    }
}

fn torn(entry: &Entry, dice: &mut Dice) -> Entry {
    let Entry::Write { at, data } = entry else { return entry.clone() };
    if dice.percent(60) {
        return entry.clone();
    }
    let unit = if dice.percent(70) { 512 } else { 1 };
    let from = dice.below(data.len()) / unit * unit;
    let (at, data) = if dice.percent(70) { (*at, &data[..from]) } else { (at + from, &data[from..]) };
    Entry::Write { at, data: data.into() }
}

/// `grows`: a write behind the end makes the file longer, as where the length's own change was lost.
fn apply(image: &mut Vec<u8>, entry: &Entry, grows: bool) {
    match entry {
        Entry::Length(length) => image.resize(*length, 0),
        Entry::Write { at, data } => {
            if grows && image.len() < at + data.len() {
                image.resize(at + data.len(), 0);
            }
            let end = image.len().min(at + data.len());
            if *at < end {
                image[*at..end].copy_from_slice(&data[..end - at]);
            }
        }
        Entry::Sync(_) | Entry::Acknowledged(_) => {}
    }
}
