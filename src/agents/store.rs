//! Rows. Takes a transaction or a view, never opens one.

use super::number::Number;
use super::types::{Agent, Count, Gone, HealthLog, Version, VersionRef};
use crate::base::{AgentId, Doing, Error, Result};
use crate::infra::store::{Indexes, Key, OrgTx, PerOrg, Row, Rows, Table};

pub(super) const BY_SLUG: u8 = 1;
pub(super) const BY_NAME: u8 = 2;
pub(super) const BY_TYPE: u8 = 3;
pub(super) const BY_STATUS: u8 = 4;
pub(super) const BY_TAG: u8 = 5;
pub(super) const BY_CAPABILITY: u8 = 6;
pub(super) const BY_UPDATED: u8 = 7;
/// Of versions.
pub(super) const BY_CREDENTIAL: u8 = 1;

impl Row for Agent {
    type Scope = PerOrg;
    const TABLE: Table = Table::with_feed(60, "agents");

    fn key(&self) -> Key {
        Key::of(self.id)
    }

    fn indexes(&self, index: &mut Indexes) {
        index.add(BY_SLUG, Key::new().text(&self.slug));
        index.add(BY_NAME, Key::new().text(&name_key(&self.name)));
        index.add(BY_TYPE, Key::new().text(&self.agent_type));
        index.add(BY_STATUS, Key::new().text(self.status.name()));
        for tag in &self.tags {
            index.add(BY_TAG, Key::new().text(tag));
        }
        for capability in &self.capabilities {
            index.add(BY_CAPABILITY, Key::new().text(capability));
        }
        index.add(BY_UPDATED, Key::new().time(self.updated_at));
    }
}

impl Row for Version {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(61, "agent_versions");

    fn key(&self) -> Key {
        version_key(self.agent_id, self.number)
    }

    fn indexes(&self, index: &mut Indexes) {
        for credential in &self.definition.credential_ids {
            index.add(BY_CREDENTIAL, Key::of(*credential));
        }
    }
}

impl Row for HealthLog {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(62, "agent_health");

    fn key(&self) -> Key {
        Key::of(self.agent_id)
    }
}

impl Row for Count {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(63, "agent_count");

    fn key(&self) -> Key {
        Key::new().byte(0)
    }
}

impl Row for Gone {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(64, "agents_gone");

    fn key(&self) -> Key {
        Key::of(self.agent.id)
    }
}

/// Names that differ only in case or outer blanks are the same name.
pub(super) fn name_key(name: &str) -> String {
    name.trim().to_lowercase()
}

pub(super) fn version_key(agent: AgentId, number: Number) -> Key {
    number.key(Key::of(agent))
}

/// By id or slug, whoever asks.
pub(super) fn get(rows: &impl Rows<PerOrg>, id_or_slug: &str) -> Result<Option<Agent>> {
    match id_or_slug.parse::<AgentId>() {
        Ok(id) => rows.get(id),
        Err(_) => rows.by_index(BY_SLUG, Key::new().text(id_or_slug)),
    }
}

pub(super) fn version(rows: &impl Rows<PerOrg>, agent: AgentId, number: Number) -> Result<Option<Version>> {
    rows.get(version_key(agent, number))
}

/// The row behind a reference, which is there as long as its agent is.
pub(super) fn referred(rows: &impl Rows<PerOrg>, agent: AgentId, to: VersionRef) -> Result<Version> {
    version(rows, agent, to.number)?
        .ok_or_else(|| format!("{agent} names version {}, which is not there", to.number))
        .doing("read a version")
}

/// Changes how many agents there are.
pub(super) fn count(tx: &mut OrgTx<'_, '_>, change: i64) -> Result<u64> {
    let count = tx.get::<Count>(Key::new().byte(0))?.unwrap_or_default();
    let agents = count.agents.saturating_add_signed(change);
    tx.put(&Count { agents })?;
    Ok(agents)
}

/// What a caller reads who named an agent that is not there, or that is not for them: the same in both cases.
pub(super) fn missing(given: &str) -> Error {
    let shown: String = given.chars().take(80).collect();
    Error::not_found("agent", &shown).detail("agent_id", shown)
}
