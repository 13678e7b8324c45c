//! Open rings, a bounded number of them, so that a run does not pay for an age decryption.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::binding::Scope;
use super::ring::Ring;

/// About 200 bytes each.
const MAX_RINGS: usize = 1_024;

#[derive(Default)]
pub(super) struct Cache(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    rings: HashMap<Scope, Entry>,
    clock: u64,
}

struct Entry {
    /// Of the wrapped ring: a ring that was rotated or replaced since is not served.
    digest: [u8; 32],
    ring: Arc<Ring>,
    used: u64,
}

impl Cache {
    pub(super) fn get(&self, scope: Scope, digest: &[u8; 32]) -> Option<Arc<Ring>> {
        let mut inner = self.0.lock();
        inner.clock += 1;
        let clock = inner.clock;
        let entry = inner.rings.get_mut(&scope).filter(|it| it.digest == *digest)?;
        entry.used = clock;
        Some(entry.ring.clone())
    }

    pub(super) fn put(&self, scope: Scope, digest: [u8; 32], ring: Arc<Ring>) {
        let mut inner = self.0.lock();
        inner.clock += 1;
        let used = inner.clock;
        if inner.rings.len() >= MAX_RINGS && !inner.rings.contains_key(&scope) {
            let oldest = inner.rings.iter().min_by_key(|(_, it)| it.used).map(|(scope, _)| *scope);
            if let Some(oldest) = oldest {
                inner.rings.remove(&oldest);
            }
        }
        inner.rings.insert(scope, Entry { digest, ring, used });
    }

    pub(super) fn forget(&self, scope: Scope) {
        self.0.lock().rings.remove(&scope);
    }

    pub(super) fn clear(&self) {
        self.0.lock().rings.clear();
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.lock().rings.len()
    }
}
