//! Checkpoints: the database takes in what a full half of the log holds, beside the commits that go on.

use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::Mutex;

use super::backend::{StoreError, WriteSet};
use super::compaction::Compaction;
use super::redb::RedbBackend;
use super::shown::{Shown, remember};
use crate::infra::fault;

/// Much more than a checkpoint takes.
const NEAR_FULL_BYTES: u64 = 64 << 20;

/// Where a checkpoint runs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pace {
    /// On a thread of its own.
    Beside,
    /// On the committer's, so many commits later.
    Late(u32),
}

pub(super) struct Checkpoints {
    work: Arc<Work>,
    pace: Pace,
    state: Mutex<State>,
}

struct Work {
    base: RedbBackend,
    shown: Arc<Shown>,
    /// Held from a look at the database until that is shown: an older look must not come behind a newer one.
    showing: Mutex<()>,
}

#[derive(Default)]
struct State {
    running: Option<JoinHandle<Result<(), StoreError>>>,
    /// Commits until the one that is due runs.
    left: Option<u32>,
}

impl Checkpoints {
    pub(super) fn new(base: RedbBackend, shown: Arc<Shown>, pace: Pace) -> Self {
        Self {
            work: Arc::new(Work { base, shown, showing: Mutex::default() }),
            pace,
            state: Mutex::default(),
        }
    }

    pub(super) fn base(&self) -> &RedbBackend {
        &self.work.base
    }

    /// The half that is full, and shown as such, is to be taken in.
    ///
    /// Errors: that of a checkpoint that runs at once.
    pub(super) fn begin(&self) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        match self.pace {
            Pace::Late(0) => self.work.take_full(),
            Pace::Beside if self.work.is_near_full() => self.work.take_full(),
            Pace::Late(commits) => {
                state.left = Some(commits);
                Ok(())
            }
            Pace::Beside => {
                let work = self.work.clone();
                let thread = std::thread::Builder::new().name("store-checkpoint".into());
                // Without a thread, the one who needs the half takes it in.
                state.running = thread.spawn(move || work.take_full_beside()).ok();
                Ok(())
            }
        }
    }

    /// A commit comes. A medium that takes no writes now lets what is due wait for `finish`.
    ///
    /// Errors: `Broken` where a checkpoint has met that.
    pub(super) fn advance(&self, takes_writes: impl FnOnce() -> bool) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        if state.running.as_ref().is_some_and(JoinHandle::is_finished) {
            return joined(state.running.take());
        }
        state.left = state.left.map(|it| it.saturating_sub(1));
        if state.left != Some(0) {
            return Ok(());
        }
        state.left = None;
        if takes_writes() { self.work.take_full() } else { Ok(()) }
    }

    /// Waits for the one that runs, and tries again what had no room.
    pub(super) fn finish(&self) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        state.left = None;
        joined(state.running.take())?;
        self.work.take_full()
    }

    /// Everything that only the log has, and `more` behind it, as commits up to number `applied`.
    pub(super) fn take_all(&self, more: &WriteSet, applied: u64) -> Result<(), StoreError> {
        let mut all = self.work.shown.recent();
        remember(&mut all, more);
        let base = &self.work.base;
        base.apply(all.iter().map(|(key, value)| (&key[..], value.as_deref())), applied)?;
        self.show_database()
    }

    /// The database has everything.
    pub(super) fn show_database(&self) -> Result<(), StoreError> {
        let _alone = self.work.showing.lock();
        self.work.shown.show_alone(self.work.base.snapshot()?);
        Ok(())
    }

    /// Who reads from here on reads the file that `write` has put in the place of the other, whose room so comes back.
    pub(super) fn anew(
        &self,
        write: impl FnOnce(&RedbBackend) -> Result<Compaction, StoreError>,
    ) -> Result<Compaction, StoreError> {
        let done = write(&self.work.base)?;
        if matches!(done, Compaction::Done { .. }) {
            let _alone = self.work.showing.lock();
            self.work.shown.show_anew(self.work.base.snapshot()?);
        }
        Ok(done)
    }

    /// After a full disk: the database as it last was. Answers the number of the last commit that it holds.
    pub(super) fn reopen(&self) -> Result<u64, StoreError> {
        let mut state = self.state.lock();
        state.left = None;
        joined(state.running.take())?;
        self.work.reopen()
    }
}

/// No room is no failure: the log still has everything.
fn joined(running: Option<JoinHandle<Result<(), StoreError>>>) -> Result<(), StoreError> {
    let ended = running.map_or(Ok(Ok(())), JoinHandle::join);
    match ended.unwrap_or_else(|_| Err(StoreError::Broken("a checkpoint panicked".into()))) {
        Err(StoreError::Full) => Ok(()),
        other => other,
    }
}

impl Work {
    /// A database that runs full answers no reader until it was opened again: the committer, which does that, had
    /// better be the one who waits.
    fn is_near_full(&self) -> bool {
        self.base.free_bytes().is_some_and(|it| it < NEAR_FULL_BYTES)
    }

    fn take_full(&self) -> Result<(), StoreError> {
        let Some((memory, last)) = self.shown.full() else { return Ok(()) };
        fault!("store.checkpoint.begin"?);
        self.base.apply(memory.iter().map(|(key, value)| (&key[..], value.as_deref())), last)?;
        fault!("store.checkpoint.applied"?);
        let _alone = self.showing.lock();
        self.shown.show(self.base.snapshot()?, last);
        Ok(())
    }

    /// As `take_full`, where nobody would make the database usable again after a full disk.
    fn take_full_beside(&self) -> Result<(), StoreError> {
        match self.take_full() {
            Err(StoreError::Full) => {
                tracing::warn!("the disk is full: what the log holds stays there until there is room");
                self.reopen().map(drop)
            }
            other => other,
        }
    }

    fn reopen(&self) -> Result<u64, StoreError> {
        self.shown.close();
        self.base.recover()?;
        let mark = self.base.mark()?;
        let _alone = self.showing.lock();
        self.shown.show(self.base.snapshot()?, mark.applied);
        Ok(mark.applied)
    }
}
