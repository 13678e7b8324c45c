//! Lets the memory of old messages go.

use super::seen::{BY_EXPIRY, Seen};
use crate::base::{Result, Timestamp};
use crate::infra::store::{Key, Order, OrgTx, Row, Rows};

const AT_ONCE: usize = 500;

/// Takes away what has expired; answers how much. None: nothing is left.
pub fn sweep(tx: &mut OrgTx<'_, '_>, now: Timestamp) -> Result<usize> {
    let mut old = Vec::new();
    tx.scan_index::<Seen>(BY_EXPIRY, Key::new(), Order::Oldest, |it| {
        let expired = it.expires_at <= now && old.len() < AT_ONCE;
        if expired {
            old.push(it.key());
        }
        Ok(expired)
    })?;
    for key in &old {
        tx.delete::<Seen>(key.clone())?;
    }
    Ok(old.len())
}
