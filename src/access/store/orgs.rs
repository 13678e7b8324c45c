//! Organizations, and whether the appliance has its first owner.

use serde::{Deserialize, Serialize};

use crate::base::{OrgId, Result, Timestamp, slug_of};
use crate::infra::store::{Indexes, Key, PerAppliance, Row, Rows, Table};

const BY_SLUG: u8 = 1;

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct OrgRow {
    pub id: OrgId,
    pub name: String,
    pub slug: String,
    /// In which its days begin; empty: UTC.
    #[serde(default)]
    pub time_zone: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Row for OrgRow {
    type Scope = PerAppliance;
    const TABLE: Table = Table::new(35, "organizations");

    fn key(&self) -> Key {
        self.id.into()
    }

    fn indexes(&self, index: &mut Indexes) {
        index.add(BY_SLUG, Key::new().text(&self.slug));
    }
}

/// A slug for `name` that no organization has yet.
pub(crate) fn free_slug(rows: &impl Rows<PerAppliance>, name: &str) -> Result<String> {
    let base = slug_of(name);
    let mut slug = base.clone();
    let mut number = 2;
    while rows.by_index::<OrgRow>(BY_SLUG, Key::new().text(&slug))?.is_some() {
        slug = format!("{base}-{number}");
        number += 1;
    }
    Ok(slug)
}

/// The one row that decides who was first.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct SetupRow {
    /// SHA-256 of the setup token, until setup is done.
    pub token: Option<[u8; 32]>,
    pub done_at: Option<Timestamp>,
}

impl SetupRow {
    pub(crate) fn the_key() -> Key {
        Key::new().byte(0)
    }

    pub(crate) fn read(rows: &impl Rows<PerAppliance>) -> Result<Self> {
        Ok(rows.get(Self::the_key())?.unwrap_or_default())
    }
}

impl Row for SetupRow {
    type Scope = PerAppliance;
    const TABLE: Table = Table::new(36, "setup");

    fn key(&self) -> Key {
        Self::the_key()
    }
}
