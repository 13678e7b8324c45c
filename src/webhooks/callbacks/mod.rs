//! Callbacks: the end of one run, told to the address that the run itself named. A delivery like any other, but for
//! where it leads: nobody owns the address, so nothing switches it off, and it is signed with a secret that all
//! callbacks of an organization share.

mod ops;
mod room;
mod secret;
mod view;

pub use ops::{CallbackFilter, callback, callbacks, resend_callback, rotate_signing, signing};
pub(super) use room::{Waiting, check_room};
pub(super) use secret::secrets;
pub use view::{CallbackSigning, CallbackState, CallbackView, NewCallbackSecret};

use super::delivery::Delivery;
use crate::base::Timestamp;

/// A message beyond this leaves the run's input out, then its output.
pub(super) const MAX_BODY_BYTES: usize = 1 << 20;
/// A callback that could not be sent for so long, because its host takes nothing, is given up.
const PATIENCE_MS: u64 = 4 * 24 * 3_600_000;
const MOST_PAUSE_MS: u64 = 3_600_000;

/// When one that could not be sent is looked at again; `None` where it is given up. The longer it has waited, the
/// more seldom: thousands for a host that is dead must not keep the store busy.
pub(super) fn put_off(delivery: &Delivery, until: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let waited = now.since(delivery.created_at);
    let least = now.plus_ms((waited / 8).min(MOST_PAUSE_MS));
    (waited < PATIENCE_MS).then(|| until.max(least))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{DeliveryId, EventId, Id, Json};
    use crate::webhooks::event::{Event, EventType};
    use crate::webhooks::listen::new_callback;

    #[test]
    fn the_longer_one_has_waited_the_more_seldom_it_is_looked_at_until_it_is_given_up() {
        let made = Timestamp::from_millis(0);
        let event = Event {
            id: EventId::from_bytes([1; 16]),
            kind: EventType::ExecutionCompleted,
            agent_id: None,
            execution_id: None,
            at: made,
            body: Json::null(),
        };
        let address = Some("https://a.test/".to_owned());
        let callback = new_callback(DeliveryId::from_bytes([2; 16]), &event, address, made);
        let (mut now, mut looks) = (made, 0);
        while let Some(next) = put_off(&callback, now.plus_ms(30_000), now) {
            assert!(next.since(now) >= 30_000 && next.since(now) <= MOST_PAUSE_MS);
            (now, looks) = (next, looks + 1);
        }
        assert!(now.since(made) >= PATIENCE_MS && looks < 150, "{looks} looks");
    }
}
