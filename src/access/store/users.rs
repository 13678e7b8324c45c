//! People.

use serde::{Deserialize, Serialize};

use crate::access::types::email_key;
use crate::base::{OrgId, Result, Timestamp, UserId};
use crate::infra::store::{Indexes, Key, PerAppliance, Row, Rows, Table};

const BY_EMAIL: u8 = 1;

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct UserRow {
    pub id: UserId,
    pub email: String,
    pub name: String,
    /// Argon2id in PHC form; none until the person has set one.
    pub password: Option<String>,
    pub superadmin: bool,
    /// Whether the appliance's keeper has locked this person out.
    pub disabled: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub password_changed_at: Timestamp,
    /// Where a log-in that names no organization leads.
    pub last_org: Option<OrgId>,
}

impl Row for UserRow {
    type Scope = PerAppliance;
    const TABLE: Table = Table::new(30, "users");

    fn key(&self) -> Key {
        self.id.into()
    }

    fn indexes(&self, index: &mut Indexes) {
        index.add(BY_EMAIL, Key::new().text(&email_key(&self.email)));
    }
}

pub(crate) fn user_by_email(rows: &impl Rows<PerAppliance>, email: &str) -> Result<Option<UserRow>> {
    rows.by_index(BY_EMAIL, Key::new().text(&email_key(email)))
}
