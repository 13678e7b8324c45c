//! What features keep in memory for the life of one appliance: one value of each type, made at its first use.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

/// For caches and registers whose types the modules below do not know. Holds nothing that must survive a stop.
#[derive(Default)]
pub struct Kept(RwLock<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Kept {
    pub fn get<T: Any + Send + Sync + Default>(&self) -> Arc<T> {
        let key = TypeId::of::<T>();
        if let Some(found) = self.0.read().get(&key).and_then(|it| it.clone().downcast().ok()) {
            return found;
        }
        let mut parts = self.0.write();
        let part = parts.entry(key).or_insert_with(|| Arc::new(T::default())).clone();
        part.downcast().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_made_once_for_each_type() {
        let kept = Kept::default();
        *kept.get::<RwLock<u8>>().write() = 7;
        assert_eq!(*kept.get::<RwLock<u8>>().read(), 7);
        assert_eq!(*kept.get::<RwLock<u16>>().read(), 0);
    }
}
