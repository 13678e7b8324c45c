//! Lets old deliveries go, and events with the last of their deliveries.

use super::delivery::Delivery;
use super::event::Event;
use super::store::{BY_EVENT, BY_EXPIRY};
use crate::base::{EventId, Result, Timestamp};
use crate::infra::store::{Key, Order, OrgTx, Row, Rows};

const AT_ONCE: usize = 500;

/// Takes away what has expired; answers how many. None: nothing is left.
pub fn sweep(tx: &mut OrgTx<'_, '_>, now: Timestamp) -> Result<usize> {
    let mut old: Vec<Delivery> = Vec::new();
    tx.scan_index::<Delivery>(BY_EXPIRY, Key::new(), Order::Oldest, |it| {
        let expired = it.expires_at().is_some_and(|at| at <= now) && old.len() < AT_ONCE;
        if expired {
            old.push(it);
        }
        Ok(expired)
    })?;
    for it in &old {
        remove(tx, it)?;
    }
    Ok(old.len())
}

/// The delivery, and its event where nothing else tells it.
pub(super) fn remove(tx: &mut OrgTx<'_, '_>, delivery: &Delivery) -> Result<()> {
    tx.delete::<Delivery>(delivery.key())?;
    if !is_told(tx, delivery.event_id)? {
        tx.delete::<Event>(delivery.event_id)?;
    }
    Ok(())
}

fn is_told(tx: &OrgTx<'_, '_>, event: EventId) -> Result<bool> {
    Ok(tx.by_index::<Delivery>(BY_EVENT, Key::of(event))?.is_some())
}
