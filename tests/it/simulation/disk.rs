//! A disk in memory: what is committed is there after any crash, and nothing else is.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use reeve::infra::store::{Backend, Order, PairIter, Snapshot, StoreError, WriteSet};

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;
/// By the beginning of the key, which names organization, table and index: what one commit copies stays small.
type Shelves = BTreeMap<Vec<u8>, Arc<Rows>>;
const SHELF_BYTES: usize = 19;

#[derive(Clone, Default)]
pub(super) struct Disk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    rows: Shelves,
    full: bool,
    /// Answers a commit before it is written; what the next one brings writes it.
    lies: bool,
    unwritten: Option<WriteSet>,
}

impl Disk {
    /// A disk that answers too early.
    pub(super) fn lying() -> Self {
        Self(Arc::new(Mutex::new(State { lies: true, ..State::default() })))
    }

    pub(super) fn fill(&self, full: bool) {
        self.0.lock().full = full;
    }

    /// What was not written is gone.
    pub(super) fn cut_power(&self) {
        let mut state = self.0.lock();
        state.full = false;
        state.unwritten = None;
    }
}

impl State {
    fn seen(&self) -> Shelves {
        let mut rows = self.rows.clone();
        if let Some(unwritten) = &self.unwritten {
            apply(&mut rows, unwritten);
        }
        rows
    }
}

fn shelf(key: &[u8]) -> &[u8] {
    &key[..key.len().min(SHELF_BYTES)]
}

fn apply(shelves: &mut Shelves, changes: &WriteSet) {
    for (key, value) in changes {
        let rows = Arc::make_mut(shelves.entry(shelf(key).to_vec()).or_default());
        match value {
            Some(value) => rows.insert(key.clone(), value.clone()),
            None => rows.remove(key),
        };
    }
}

impl Backend for Disk {
    fn snapshot(&self) -> Result<Arc<dyn Snapshot>, StoreError> {
        Ok(Arc::new(Image(self.0.lock().seen())))
    }

    fn commit(&self, changes: &WriteSet) -> Result<(), StoreError> {
        let mut state = self.0.lock();
        if state.full {
            return Err(StoreError::Full);
        }
        let state = &mut *state;
        if let Some(unwritten) = state.unwritten.take() {
            apply(&mut state.rows, &unwritten);
        }
        if state.lies {
            state.unwritten = Some(changes.clone());
        } else {
            apply(&mut state.rows, changes);
        }
        Ok(())
    }

    fn recover(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn size_bytes(&self) -> u64 {
        0
    }

    fn free_bytes(&self) -> Option<u64> {
        None
    }
}

struct Image(Shelves);

impl Snapshot for Image {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.get(shelf(key)).and_then(|it| it.get(key)).cloned())
    }

    fn range(&self, from: &[u8], to: &[u8], order: Order) -> Result<PairIter<'_>, StoreError> {
        if from >= to {
            return Ok(Box::new(std::iter::empty()));
        }
        let (from, to) = (from.to_vec(), to.to_vec());
        let shelves = self.0.range(shelf(&from).to_vec()..to.clone());
        let pairs = shelves
            .flat_map(move |(_, rows)| rows.range(from.clone()..to.clone()))
            .map(|(key, value)| Ok((key.clone(), value.clone())));
        Ok(match order {
            Order::Oldest => Box::new(pairs),
            Order::Newest => Box::new(pairs.rev()),
        })
    }
}
