//! What readers see: the changes that only the log has, over the database.

use std::sync::Arc;

use parking_lot::RwLock;
use rpds::RedBlackTreeMapSync;

use super::Order;
use super::backend::{PairIter, Snapshot, StoreError, WriteSet};
use super::layers::{Changed, over};

/// Changes by key, sorted. Copies share what they have in common.
pub(super) type Memory = RedBlackTreeMapSync<Arc<[u8]>, Option<Arc<[u8]>>>;

pub(super) fn remember(memory: &mut Memory, changes: &WriteSet) {
    for (key, value) in changes {
        memory.insert_mut(key.as_slice().into(), value.as_deref().map(Arc::from));
    }
}

/// The last commit, replaced as a whole.
pub(super) struct Shown(RwLock<State>);

struct State {
    layers: Layers,
    /// Number of the last commit in `layers.full`.
    full_to: u64,
    /// A full disk keeps the database from being opened again: there is nothing to read until there is room.
    closed: bool,
}

#[derive(Clone)]
struct Layers {
    /// Of the half of the log that is being written.
    recent: Memory,
    /// Of the half that is full; empty once the database has it.
    full: Memory,
    base: Arc<dyn Snapshot>,
}

impl Shown {
    /// `full`: of the half that is full, and the number of its last commit.
    pub(super) fn new(recent: Memory, full: Option<(Memory, u64)>, base: Arc<dyn Snapshot>) -> Self {
        let (full, full_to) = full.unwrap_or_else(|| (Memory::new_sync(), 0));
        Self(RwLock::new(State { layers: Layers { recent, full, base }, full_to, closed: false }))
    }

    /// Errors: `Full` while there is no database.
    pub(super) fn view(&self) -> Result<Arc<dyn Snapshot>, StoreError> {
        let state = self.0.read();
        if state.closed { Err(StoreError::Full) } else { Ok(Arc::new(state.layers.clone())) }
    }

    pub(super) fn add(&self, changes: &WriteSet) {
        // On a copy, so that readers never wait.
        let mut recent = self.recent();
        remember(&mut recent, changes);
        self.0.write().layers.recent = recent;
    }

    pub(super) fn recent(&self) -> Memory {
        self.0.read().layers.recent.clone()
    }

    /// What the database lacks of the full half, and the number of its last commit.
    pub(super) fn full(&self) -> Option<(Memory, u64)> {
        let state = self.0.read();
        (!state.layers.full.is_empty()).then(|| (state.layers.full.clone(), state.full_to))
    }

    /// The half that was written is full, up to commit number `last`.
    pub(super) fn fill(&self, last: u64) {
        let mut state = self.0.write();
        state.layers.full = std::mem::take(&mut state.layers.recent);
        state.full_to = last;
    }

    pub(super) fn is_empty(&self) -> bool {
        let state = self.0.read();
        state.layers.recent.is_empty() && state.layers.full.is_empty()
    }

    pub(super) fn close(&self) {
        self.0.write().closed = true;
    }

    /// The database was opened, or has taken in the commits up to number `applied`.
    pub(super) fn show(&self, base: Arc<dyn Snapshot>, applied: u64) {
        let mut state = self.0.write();
        let taken_in = state.full_to <= applied;
        let full = if taken_in { std::mem::take(&mut state.layers.full) } else { Memory::new_sync() };
        (state.layers.base, state.closed) = (base, false);
        drop(state);
        // Takes a while, and readers need not wait for it.
        drop(full);
    }

    /// The database holds the same as before, or more, in another file.
    pub(super) fn show_anew(&self, base: Arc<dyn Snapshot>) {
        let old = std::mem::replace(&mut self.0.write().layers.base, base);
        drop(old);
    }

    /// As `show`, where `applied` is the last commit: nothing is left that only the log has.
    pub(super) fn show_alone(&self, base: Arc<dyn Snapshot>) {
        let layers = Layers { recent: Memory::new_sync(), full: Memory::new_sync(), base };
        let old = std::mem::replace(&mut self.0.write().layers, layers);
        drop(old);
    }
}

impl Snapshot for Layers {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.recent.get(key).or_else(|| self.full.get(key)) {
            Some(value) => Ok(value.as_deref().map(<[u8]>::to_vec)),
            None => self.base.get(key),
        }
    }

    fn range(&self, from: &[u8], to: &[u8], order: Order) -> Result<PairIter<'_>, StoreError> {
        let base = self.base.range(from, to, order)?;
        if from >= to {
            return Ok(base);
        }
        let over_full = over(base, within(&self.full, from, to), order);
        Ok(over(over_full, within(&self.recent, from, to), order))
    }
}

fn within<'a>(
    memory: &'a Memory,
    from: &[u8],
    to: &[u8],
) -> impl DoubleEndedIterator<Item = Changed<'a>> + use<'a> {
    let range = memory.range(Arc::<[u8]>::from(from)..Arc::from(to));
    range.map(|(key, value)| (&key[..], value.as_deref()))
}
