//! Between a value and its sealed fields: each bound to organization, row, version of the value, and field.

use std::collections::BTreeMap;

use super::types::Credential;
use super::value::Value;
use crate::base::{CredentialId, Id, Result};
use crate::infra::Secret;
use crate::infra::store::{Key, Row};
use crate::infra::vault::{Binding, Loaded, Purpose, Ring, Sealed, Vault};

pub(super) type SealedFields = BTreeMap<String, Sealed>;

/// The sealed fields, and the hint of the whole value.
pub(super) fn seal(
    vault: &Vault,
    ring: &Ring,
    id: CredentialId,
    version: u32,
    value: &Value,
) -> Result<(SealedFields, String)> {
    let row = place(id, version);
    let mut fields = SealedFields::new();
    for (name, secret) in &value.0 {
        fields.insert(name.clone(), vault.seal(ring, &binding(&row, name), secret)?);
    }
    Ok((fields, vault.hint(ring, &joined(value))?))
}

/// The open fields. Logs do not show them while they live.
///
/// Errors: `CredentialInvalid` where one was altered, moved here, or sealed with a key that is gone;
/// `Unavailable` while sealed.
pub(super) fn open(vault: &Vault, ring: &Ring, credential: &Credential) -> Result<BTreeMap<String, Loaded>> {
    let row = place(credential.id, credential.version);
    let open = |(name, sealed): (&String, &Sealed)| {
        Ok((name.clone(), vault.open(ring, &binding(&row, name), sealed)?))
    };
    credential.fields.iter().map(open).collect()
}

fn binding<'a>(row: &'a Key, field: &'a str) -> Binding<'a> {
    Binding { purpose: Purpose::Credential, table: Credential::TABLE.name, row: row.as_slice(), field }
}

fn place(id: CredentialId, version: u32) -> Key {
    Key::new().bytes(&id.bytes()).u64(u64::from(version))
}

/// Names and values with their lengths, so that no two values join alike.
fn joined(value: &Value) -> Secret {
    let length = value.0.iter().map(|(name, it)| name.len() + it.expose().len() + 16).sum();
    let mut bytes = Vec::with_capacity(length);
    for (name, secret) in &value.0 {
        for part in [name.as_bytes(), secret.expose()] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
    }
    Secret::new(bytes)
}
