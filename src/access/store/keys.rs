//! API keys: the row in its organization, and a row of the appliance by which a key's hash is found.

use serde::{Deserialize, Serialize};

use crate::base::{KeyId, OrgId, Timestamp, UserId};
use crate::infra::store::{Key, PerAppliance, PerOrg, Row, Table};

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct KeyRow {
    pub id: KeyId,
    pub name: String,
    pub user_id: UserId,
    pub prefix: String,
    pub hash: [u8; 32],
    pub scopes: Vec<String>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

impl Row for KeyRow {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(42, "api_keys");

    fn key(&self) -> Key {
        self.id.into()
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct KeyRef {
    pub hash: [u8; 32],
    pub org_id: OrgId,
    pub key_id: KeyId,
}

impl Row for KeyRef {
    type Scope = PerAppliance;
    const TABLE: Table = Table::new(34, "api_key_refs");

    fn key(&self) -> Key {
        Key::new().bytes(&self.hash)
    }
}
