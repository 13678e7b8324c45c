//! Rows. Takes a transaction or a view, never opens one. Numbers 120 to 124, with those of `seen` and `hit`.

use serde::{Deserialize, Serialize};

use super::types::Trigger;
use crate::access::Cx;
use crate::base::{Error, OrgId, Result, TriggerId};
use crate::infra::store::{Indexes, Key, Order, PerAppliance, PerOrg, Row, Rows, Table};
use crate::infra::token::TokenHash;
use crate::targets::{self, Target};

const BY_NAME: u8 = 1;
const BY_AGENT: u8 = 2;
const BY_CHAIN: u8 = 3;

impl Row for Trigger {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(120, "triggers");

    fn key(&self) -> Key {
        Key::of(self.id)
    }

    fn indexes(&self, index: &mut Indexes) {
        index.add(BY_NAME, Key::new().text(&self.name.to_lowercase()));
        if let Some(target) = Target::of(self.agent_id, self.workflow_id) {
            let (place, key) = target.place(BY_AGENT, BY_CHAIN);
            index.add(place, key);
        }
    }
}

/// Whose an address is. It names no more than that: where the trigger is gone or has another address, it leads nowhere.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Address {
    pub token: [u8; 32],
    pub org: OrgId,
    pub trigger: TriggerId,
}

impl Row for Address {
    type Scope = PerAppliance;
    const TABLE: Table = Table::new(121, "trigger_addresses");

    fn key(&self) -> Key {
        Key::new().bytes(&self.token)
    }
}

pub(super) fn address(rows: &impl Rows<PerAppliance>, token: &TokenHash) -> Result<Option<Address>> {
    rows.get(Key::new().bytes(&token.bytes()))
}

pub(super) fn missing(id: TriggerId) -> Error {
    Error::not_found("trigger", id)
}

/// The trigger, where the caller may see what it starts.
///
/// Errors: `NotFound`.
pub(super) fn find(cx: &Cx, rows: &impl Rows<PerOrg>, id: TriggerId) -> Result<Trigger> {
    let found: Option<Trigger> = rows.get(id)?;
    let found = found.ok_or_else(|| missing(id))?;
    if targets::sees(cx, rows, found.target()?)? { Ok(found) } else { Err(missing(id)) }
}

/// Errors: `Conflict` where a trigger other than `own` has the name.
pub(super) fn check_free(rows: &impl Rows<PerOrg>, name: &str, own: Option<TriggerId>) -> Result<()> {
    let holder: Option<Trigger> = rows.by_index(BY_NAME, Key::new().text(&name.to_lowercase()))?;
    match holder {
        Some(it) if Some(it.id) != own => {
            Err(Error::conflict("a trigger of this organization has this name already")
                .at("/name", "take another name"))
        }
        _ => Ok(()),
    }
}

/// Names of the triggers that start runs of it.
pub(super) fn names_of(rows: &impl Rows<PerOrg>, target: Target) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let (index, prefix) = target.place(BY_AGENT, BY_CHAIN);
    rows.scan_index::<Trigger>(index, prefix, Order::Oldest, |it| {
        names.push(it.name);
        Ok(true)
    })?;
    Ok(names)
}
