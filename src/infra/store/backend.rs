//! What a store stands on: one ordered map of bytes with snapshots and atomic, durable write sets.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Order;
use super::compaction::{Compaction, GoOn};
use crate::base::Error;

/// Changes of one commit, by key: the new value, or nothing where the key goes.
pub type WriteSet = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Key and value.
pub type Pair = (Vec<u8>, Vec<u8>);

pub type PairIter<'a> = Box<dyn Iterator<Item = Result<Pair, StoreError>> + 'a>;

pub trait Backend: Send + Sync + 'static {
    /// The last committed state. Cheap; later commits do not change it.
    fn snapshot(&self) -> Result<Arc<dyn Snapshot>, StoreError>;

    /// Applies all or nothing. When this returns `Ok`, the changes survive a power cut.
    fn commit(&self, changes: &WriteSet) -> Result<(), StoreError>;

    /// After `StoreError::Full`: back to the last commit, ready for the next. `Full` again where even that
    /// has no room yet; other errors are final.
    fn recover(&self) -> Result<(), StoreError>;

    /// Whether the last write was refused with `StoreError::ReadOnly`.
    fn is_read_only(&self) -> bool {
        false
    }

    /// Tries whether it can be written to again; from then on it is not read-only any more.
    fn takes_writes(&self) -> bool {
        true
    }

    /// Room has come back after a full disk: time to set aside anew what `recover` gave up.
    fn room_is_back(&self) {}

    /// Gives the room that deleted rows have left back to the disk, beside readers and commits.
    ///
    /// Errors: nothing has changed, unless a commit says so, too.
    fn compact(&self, _go_on: GoOn<'_>) -> Result<Compaction, StoreError> {
        Ok(Compaction::Needless)
    }

    /// Bytes on disk.
    fn size_bytes(&self) -> u64;

    /// Bytes that can still be written; `None` where the medium does not say.
    fn free_bytes(&self) -> Option<u64>;

    /// Syncs so far; 0 where nobody counts.
    fn syncs(&self) -> u64 {
        0
    }
}

pub trait Snapshot: Send + Sync {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Pairs with `from <= key < to`.
    fn range(&self, from: &[u8], to: &[u8], order: Order) -> Result<PairIter<'_>, StoreError>;
}

/// Why the medium refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// No room. Nothing was written; `Backend::recover` makes it usable again.
    Full,
    /// The file system takes no writes for now. Nothing was written, and reading goes on.
    ReadOnly,
    /// A sync or write failed, or what was read makes no sense. Nothing may be acknowledged after this.
    Broken(String),
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Full => f.write_str("the disk is full"),
            Self::ReadOnly => f.write_str("the disk is read-only"),
            Self::Broken(cause) => write!(f, "storage failed: {cause}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let message = match &error {
            StoreError::Full => "the disk is full, so nothing can be written; reads go on",
            StoreError::ReadOnly => "the disk is read-only, so nothing can be written; reads go on",
            StoreError::Broken(_) => "storage failed, and this server stops",
        };
        Error::unavailable(message).caused_by(error)
    }
}
