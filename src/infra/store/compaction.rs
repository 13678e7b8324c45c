//! The database, written anew while it serves. redb writes again to the room that deleted rows leave, but gives
//! next to nothing of it back to the disk.
//!
//! A second file is filled beside the first, piece by piece in the order of the keys. Each piece is read from the
//! newest state, and what has changed meanwhile among the rows before it is changed there too: no old state is held,
//! and there is never more to catch up with than came during one piece. When all is there, for a moment nothing is
//! applied: the last changes and the mark of the log are committed, and a rename puts the new file in the place of the
//! old one. At that moment both hold the same commits, so it does not matter which of them a crash leaves. Who reads the
//! old file keeps it until they have read.
//!
//! Whatever fails before the rename, a full disk too, leaves the first file as it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::backend::{Pair, StoreError, WriteSet};
use super::blocks::Faults;
use super::redb::{Mark, OpenFile, RedbBackend};
use crate::infra::fault;

/// Rows that are read and written at once.
pub(super) const PIECE_BYTES: usize = 4 << 20;
/// A file that takes less than this over what its rows need is left alone.
const LEAST_GAIN_BYTES: u64 = 16 << 20;
/// Memory for pages of the second file while it is filled.
const CACHE_BYTES: usize = 8 << 20;
/// Of each row, beside key and value.
const ROW_BYTES: u64 = 16;
/// More than this is not kept for a copy that cannot follow.
pub(super) const MOST_BEHIND_BYTES: usize = 64 << 20;
/// Rounds of catching up before the moment in which nothing is applied.
const ROUNDS: usize = 3;

/// Is told how long the last piece took, and may let time pass; `false`: enough.
pub type GoOn<'a> = &'a dyn Fn(Duration) -> bool;

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compaction {
    /// There was too little to gain.
    Needless,
    /// `GoOn` has ended it.
    Stopped,
    Done {
        before_bytes: u64,
        after_bytes: u64,
    },
}

/// What was applied since a copy last looked.
#[derive(Default)]
pub(super) struct Followed {
    pub changes: WriteSet,
    pub bytes: usize,
}

impl Followed {
    pub(super) fn add(&mut self, key: &[u8], value: Option<&[u8]>) {
        self.bytes += key.len() + value.map_or(0, <[u8]>::len);
        self.changes.insert(key.to_vec(), value.map(<[u8]>::to_vec));
    }
}

impl RedbBackend {
    /// Writes the file anew where it takes half as much again as its rows need, and some.
    pub(super) fn compact(&self, go_on: GoOn<'_>) -> Result<Compaction, StoreError> {
        let before = self.place().bytes();
        if before < LEAST_GAIN_BYTES {
            return Ok(Compaction::Needless);
        }
        let Some(needed) = self.measure(go_on)? else { return Ok(Compaction::Stopped) };
        if before < needed + needed / 2 + LEAST_GAIN_BYTES {
            return Ok(Compaction::Needless);
        }
        if self.free_bytes().is_some_and(|it| it < needed + LEAST_GAIN_BYTES) {
            return Err(given_up(&"the disk has no room for a second file"));
        }
        self.rewrite(PIECE_BYTES, go_on)
    }

    /// What the rows need on the disk, about; `None` where it was ended.
    fn measure(&self, go_on: GoOn<'_>) -> Result<Option<u64>, StoreError> {
        let (mut needed, mut from) = (0, Some(Vec::new()));
        while let Some(at) = from {
            let began = Instant::now();
            let (piece, next) = piece_of(self, &at, PIECE_BYTES)?;
            needed += piece.iter().map(|it| (it.0.len() + it.1.len()) as u64 + ROW_BYTES).sum::<u64>();
            from = next;
            if !go_on(began.elapsed()) {
                return Ok(None);
            }
        }
        Ok(Some(needed + needed / 8))
    }

    /// Writes the file anew.
    ///
    /// Errors: everything is as it was, unless it is `Broken` and the medium's faults say so, too.
    pub(super) fn rewrite(&self, piece_bytes: usize, go_on: GoOn<'_>) -> Result<Compaction, StoreError> {
        let before_bytes = self.place().bytes();
        let mut copy = Copy::begin(self)?;
        while copy.copied_to.is_some() {
            let began = Instant::now();
            copy.step(piece_bytes)?;
            if !go_on(began.elapsed()) {
                return Ok(Compaction::Stopped);
            }
        }
        copy.trim()?;
        for _ in 0..ROUNDS {
            copy.step(piece_bytes)?;
        }
        copy.take_place()?;
        Ok(Compaction::Done { before_bytes, after_bytes: self.place().bytes() })
    }
}

/// The next rows from `from` on, and from where to go on.
fn piece_of(
    base: &RedbBackend,
    from: &[u8],
    bytes: usize,
) -> Result<(Vec<Pair>, Option<Vec<u8>>), StoreError> {
    let (mut piece, mut size) = (Vec::new(), 0);
    for pair in base.reader()?.from(from)? {
        let (key, value) = pair?;
        size += key.len() + value.len();
        let next = (size >= bytes).then(|| [&key[..], &[0]].concat());
        piece.push((key, value));
        if next.is_some() {
            return Ok((piece, next));
        }
    }
    Ok((piece, None))
}

/// A second file on its way.
struct Copy<'a> {
    base: &'a RedbBackend,
    file: Option<OpenFile>,
    /// Rows with keys below this are there, as they were when the last step looked; `None`: all.
    copied_to: Option<Vec<u8>>,
}

impl<'a> Copy<'a> {
    fn begin(base: &'a RedbBackend) -> Result<Self, StoreError> {
        if !base.begin_following() {
            return Err(given_up(&"another copy is under way"));
        }
        let mut copy = Self { base, file: None, copied_to: Some(Vec::new()) };
        // A disk that refuses this file need not refuse the other one.
        let medium = base.place().make_beside().map_err(|it| given_up(&it))?;
        copy.file = Some(OpenFile::new(medium, &Arc::new(Faults::default()), CACHE_BYTES)?);
        Ok(copy)
    }

    fn file(&self) -> Result<&OpenFile, StoreError> {
        self.file.as_ref().ok_or_else(|| given_up(&"the second file is closed"))
    }

    /// Catches up with what was applied, and copies the next piece.
    fn step(&mut self, piece_bytes: usize) -> Result<(), StoreError> {
        // First what was applied, then the state: what comes in between is in both.
        let mut changes = self.base.take_followed().ok_or_else(lost)?;
        let (piece, next) = match &self.copied_to {
            Some(at) => piece_of(self.base, at, piece_bytes)?,
            None => (Vec::new(), None),
        };
        if let Some(at) = &self.copied_to {
            // The rest comes with the pieces.
            drop(changes.split_off(at));
        }
        self.copied_to = next;
        fault!("store.compaction.copy"?);
        if changes.is_empty() && piece.is_empty() {
            return Ok(());
        }
        let rows = piece.iter().map(|it| (&it.0[..], Some(&it.1[..])));
        self.file()?.write(pairs(&changes).chain(rows), (None, None))
    }

    /// Lets go what the file took more than it needs while it grew, and opens it as the database is opened.
    fn trim(&mut self) -> Result<(), StoreError> {
        if let Some(mut file) = self.file.take() {
            file.trim()?;
        }
        let medium = self.base.place().open_beside().map_err(|it| given_up(&it))?;
        self.file = Some(OpenFile::new(medium, &self.base.faults(), self.base.cache_bytes())?);
        Ok(())
    }

    /// The moment in which nothing is applied.
    fn take_place(mut self) -> Result<(), StoreError> {
        let file = self.file.take().ok_or_else(|| given_up(&"the second file is closed"))?;
        self.base.replace(file, |file, changes, mark: Mark, rows| {
            file.write(pairs(changes), (Some(mark.owner), Some(mark.applied)))?;
            match file.rows()? {
                found if found == rows => Ok(()),
                found => Err(given_up(&format!("it has {found} rows instead of {rows}"))),
            }
        })
    }
}

impl Drop for Copy<'_> {
    fn drop(&mut self) {
        self.base.end_following();
        drop(self.file.take());
        self.base.place().clear_beside();
    }
}

fn pairs(changes: &WriteSet) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    changes.iter().map(|(key, value)| (&key[..], value.as_deref()))
}

fn lost() -> StoreError {
    given_up(&"too much was written meanwhile, or the database was opened anew")
}

pub(super) fn given_up(cause: &dyn std::fmt::Display) -> StoreError {
    StoreError::Broken(format!("the database was not written anew: {cause}"))
}
