//! Memory for large answers, shared by all calls. Whoever reads more than a little of an answer first takes a place
//! for all that it may become: those that have a place come to their end, the others wait, and nobody waits with half
//! an answer in hand that keeps another one out.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Answers up to here need no place.
pub(super) const SMALL_BYTES: u64 = 256 << 10;

pub(super) struct Room {
    left_kib: Arc<Semaphore>,
    all_kib: u32,
}

/// Keeps the place of a call's answer as long as this lives: that of the last one, where there are several.
#[derive(Default)]
pub struct Seat(Mutex<Option<OwnedSemaphorePermit>>);

impl Room {
    pub(super) fn new(bytes: u64) -> Self {
        let all_kib = u32::try_from(bytes.div_ceil(1_024)).unwrap_or(u32::MAX).max(1);
        Self { left_kib: Arc::new(Semaphore::new(all_kib as usize)), all_kib }
    }

    /// Waits for a place for so many bytes, in the order of asking. An answer that is larger than the whole room has
    /// it for itself.
    pub(super) async fn take(&self, bytes: u64, seat: &Seat) {
        // Not with the earlier one in hand.
        *seat.0.lock() = None;
        let kib = u32::try_from(bytes.div_ceil(1_024)).unwrap_or(u32::MAX).min(self.all_kib);
        // The room is never closed.
        *seat.0.lock() = self.left_kib.clone().acquire_many_owned(kib).await.ok();
    }
}
