//! A map that keeps what was used last. For values that never change under their key, so that nothing goes stale.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::RwLock;

const MAX_ENTRIES: usize = 2_048;

struct Entry<V> {
    value: Arc<V>,
    /// Tick of its last use.
    used: AtomicU64,
}

pub struct Cache<K, V> {
    entries: RwLock<HashMap<K, Entry<V>>>,
    tick: AtomicU64,
}

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self { entries: RwLock::new(HashMap::new()), tick: AtomicU64::new(0) }
    }
}

impl<K: Eq + Hash + Copy, V> Cache<K, V> {
    /// The value under `key`, made by `make` where it is not there. Two callers may both make it; one is kept.
    pub fn get_or<E>(&self, key: K, make: impl FnOnce() -> Result<V, E>) -> Result<Arc<V>, E> {
        let now = self.tick.fetch_add(1, Relaxed);
        if let Some(entry) = self.entries.read().get(&key) {
            entry.used.store(now, Relaxed);
            return Ok(entry.value.clone());
        }
        let value = Arc::new(make()?);
        let mut entries = self.entries.write();
        if entries.len() >= MAX_ENTRIES {
            forget_a_quarter(&mut entries);
        }
        let entry = entries.entry(key).or_insert_with(|| Entry { value, used: AtomicU64::new(now) });
        Ok(entry.value.clone())
    }
}

fn forget_a_quarter<K: Eq + Hash + Copy, V>(entries: &mut HashMap<K, Entry<V>>) {
    let mut uses: Vec<u64> = entries.values().map(|it| it.used.load(Relaxed)).collect();
    uses.sort_unstable();
    let limit = uses[uses.len() / 4];
    entries.retain(|_, it| it.used.load(Relaxed) > limit);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_bounded_and_keeps_what_is_used() {
        let cache = Cache::<usize, usize>::default();
        let made = AtomicU64::new(0);
        let get = |key: usize| {
            let value = cache.get_or(key, || {
                made.fetch_add(1, Relaxed);
                Ok::<_, ()>(key * 2)
            });
            *value.expect("made")
        };
        for key in 0..10_000 {
            assert_eq!(get(key), key * 2);
            assert_eq!(get(0), 0);
        }
        assert!(cache.entries.read().len() <= MAX_ENTRIES);
        assert_eq!(made.load(Relaxed), 10_000, "what is used every time is made once");
    }
}
