//! Rows of the keys. Numbers 100 to 103.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::infra::store::{Key, PerAppliance, PerOrg, Row, Table};
use crate::infra::vault::{KeyCheck, Sealed, WrappedRing};

/// Which instance this is and which root key it was made with. Written once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Instance {
    pub id: Uuid,
    pub check: Option<KeyCheck>,
}

impl Row for Instance {
    type Scope = PerAppliance;
    const TABLE: Table = Table::new(100, "instance");

    fn key(&self) -> Key {
        the_only()
    }
}

/// An organization's data keys, wrapped. Without this row nothing of the organization's secrets opens again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct OrgRing(pub WrappedRing);

impl Row for OrgRing {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(101, "key_rings");

    fn key(&self) -> Key {
        the_only()
    }
}

/// The same for what belongs to no organization.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ApplianceRing(pub WrappedRing);

impl Row for ApplianceRing {
    type Scope = PerAppliance;
    const TABLE: Table = Table::new(102, "appliance_key_ring");

    fn key(&self) -> Key {
        the_only()
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StoredSigningKey {
    pub name: String,
    pub sealed: Sealed,
}

impl Row for StoredSigningKey {
    type Scope = PerAppliance;
    const TABLE: Table = Table::new(103, "signing_keys");

    fn key(&self) -> Key {
        Key::from(self.name.as_str())
    }
}

pub(super) fn the_only() -> Key {
    Key::new().byte(0)
}
