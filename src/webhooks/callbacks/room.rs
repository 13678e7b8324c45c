//! How much waits to be told. Addresses are named by whoever starts a run, so there is a bound to what a dead one
//! leaves lying about.

use serde::{Deserialize, Serialize};

use crate::base::{Code, Error, Result};
use crate::infra::store::{Key, OrgTx, PerOrg, Row, Rows, Table};

/// Messages that wait may have so many bytes together.
const MAX_BYTES: u64 = 256 << 20;

/// Callbacks of an organization whose runs have ended and that were neither taken nor given up.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(in crate::webhooks) struct Waiting {
    pub count: u64,
    pub bytes: u64,
}

impl Row for Waiting {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(135, "callbacks_waiting");

    fn key(&self) -> Key {
        only()
    }
}

fn only() -> Key {
    Key::new().byte(0)
}

impl Waiting {
    pub(in crate::webhooks) fn of(rows: &impl Rows<PerOrg>) -> Result<Self> {
        Ok(rows.get(only())?.unwrap_or_default())
    }

    /// One more waits.
    pub(in crate::webhooks) fn came(tx: &mut OrgTx<'_, '_>, bytes: u64) -> Result<()> {
        let Self { count, bytes: before } = Self::of(tx)?;
        tx.put(&Self { count: count + 1, bytes: before.saturating_add(bytes) })
    }

    /// One was taken, or given up.
    pub(in crate::webhooks) fn went(tx: &mut OrgTx<'_, '_>, bytes: u64) -> Result<()> {
        let Self { count, bytes: before } = Self::of(tx)?;
        tx.put(&Self { count: count.saturating_sub(1), bytes: before.saturating_sub(bytes) })
    }
}

/// Errors: `ResourceExhausted` where as many wait as may.
pub(in crate::webhooks) fn check_room(rows: &impl Rows<PerOrg>, most: usize) -> Result<()> {
    let waiting = Waiting::of(rows)?;
    if waiting.count < most as u64 && waiting.bytes < MAX_BYTES {
        return Ok(());
    }
    let message = format!(
        "{} callbacks of this organization wait for addresses that do not take them; no more are accepted until some \
         were",
        waiting.count
    );
    Err(Error::new(Code::ResourceExhausted, message)
        .at("/callback_url", "leave it out, and ask for the run's end instead")
        .suggest("see GET /api/callbacks?status=pending for the addresses that take nothing"))
}
