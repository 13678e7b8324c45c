//! Where the limiter keeps its state: a bounded number of cells.
//!
//! When all cells are taken, callers not yet known share one cell for each shard until idle cells are freed: a
//! flood of made-up addresses slows the flood, and neither memory nor those who are known.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;
use parking_lot::Mutex;

const SHARDS: usize = 16;

pub(super) struct Cells<K> {
    shards: Vec<Mutex<Shard<K>>>,
    hasher: RandomState,
    per_shard: usize,
    crowded: AtomicBool,
}

struct Shard<K> {
    known: HashMap<K, Nanos>,
    strangers: Option<Nanos>,
}

/// A handle, because the limiter owns its store.
pub(super) struct Shared<K>(pub(super) Arc<Cells<K>>);

impl<K: Hash + Eq + Clone> Cells<K> {
    pub(super) fn new(max_keys: usize) -> Arc<Self> {
        let shard = || Mutex::new(Shard { known: HashMap::new(), strangers: None });
        Arc::new(Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            hasher: RandomState::new(),
            per_shard: max_keys.div_ceil(SHARDS).max(1),
            crowded: AtomicBool::new(false),
        })
    }

    /// Whether somebody had to share a cell since the last question.
    pub(super) fn was_crowded(&self) -> bool {
        self.crowded.load(Ordering::Relaxed) && self.crowded.swap(false, Ordering::Relaxed)
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|it| it.lock().known.len()).sum()
    }
}

impl<K: Hash + Eq + Clone> StateStore for Shared<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let cells = &*self.0;
        let at = cells.hasher.hash_one(key) as usize % SHARDS;
        let mut shard = cells.shards[at].lock();
        if let Some(cell) = shard.known.get_mut(key) {
            let (outcome, next) = decide(Some(*cell))?;
            *cell = next;
            return Ok(outcome);
        }
        if shard.known.len() < cells.per_shard {
            let (outcome, next) = decide(None)?;
            shard.known.insert(key.clone(), next);
            return Ok(outcome);
        }
        cells.crowded.store(true, Ordering::Relaxed);
        let (outcome, next) = decide(shard.strangers)?;
        shard.strangers = Some(next);
        Ok(outcome)
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<K> for Shared<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        for shard in &self.0.shards {
            let mut shard = shard.lock();
            shard.known.retain(|_, it| *it > drop_below);
            if shard.known.capacity() > 4 * shard.known.len() + 64 {
                shard.known.shrink_to_fit();
            }
        }
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn is_empty(&self) -> bool {
        self.0.len() == 0
    }
}
