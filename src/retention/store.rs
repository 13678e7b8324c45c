//! The one row of an organization's policy, and that of the round that is under way.

use super::types::{Policy, Round};
use crate::base::Result;
use crate::infra::store::{Key, PerOrg, Row, Rows, Table};

impl Row for Policy {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(170, "retention");

    fn key(&self) -> Key {
        Key::new()
    }
}

impl Row for Round {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(171, "retention_rounds");

    fn key(&self) -> Key {
        Key::new()
    }
}

pub(super) fn policy(rows: &impl Rows<PerOrg>) -> Result<Policy> {
    Ok(rows.get(Key::new())?.unwrap_or_default())
}
