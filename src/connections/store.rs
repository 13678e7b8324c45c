//! Rows. Takes a transaction or a view, never opens one. Numbers 104 and 105.

use super::types::{Credential, Uses};
use crate::base::{CredentialId, Error, Result};
use crate::infra::store::{Indexes, Key, PerOrg, Row, Rows, Table};

const BY_NAME: u8 = 1;

impl Row for Credential {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(104, "credentials");

    fn key(&self) -> Key {
        Key::of(self.id)
    }

    fn indexes(&self, index: &mut Indexes) {
        index.add(BY_NAME, Key::new().text(&self.name.to_lowercase()));
    }
}

impl Row for Uses {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(105, "credential_uses");

    fn key(&self) -> Key {
        Key::of(self.id)
    }
}

pub(super) fn find(rows: &impl Rows<PerOrg>, id: CredentialId) -> Result<Credential> {
    rows.get(id)?.ok_or_else(|| Error::not_found("credential", id))
}

/// Those of `ids` that have a limit on the runs that use them at once.
pub fn limits(rows: &impl Rows<PerOrg>, ids: &[CredentialId]) -> Result<Vec<(CredentialId, u32)>> {
    let mut found = Vec::new();
    for id in ids {
        // One that is missing is told where it is opened.
        if let Some(limit) = rows.get::<Credential>(*id)?.and_then(|it| it.max_concurrency) {
            found.push((*id, limit));
        }
    }
    Ok(found)
}

/// Errors: `Conflict` where a credential other than `own` has the name.
pub(super) fn check_free(rows: &impl Rows<PerOrg>, name: &str, own: Option<CredentialId>) -> Result<()> {
    let holder: Option<Credential> = rows.by_index(BY_NAME, Key::new().text(&name.to_lowercase()))?;
    match holder {
        Some(it) if Some(it.id) != own => {
            Err(Error::conflict("a credential of this organization has this name already")
                .at("/name", "take another name"))
        }
        _ => Ok(()),
    }
}
