//! Keys with which the appliance signs, sealed in its own rows.

use super::rows::{ApplianceRing, StoredSigningKey, the_only};
use crate::base::{Code, Result};
use crate::infra::store::{Rows, Store};
use crate::infra::vault::{Scope, SigningKey, Vault};

/// The key of this name, the same at every start. While the vault is sealed: a key of this process alone, so that
/// people can log in and see why; what it signed is worthless after the next start, and nothing is stored.
pub async fn signing_key(vault: &Vault, store: &Store, name: &'static str) -> Result<SigningKey> {
    if vault.sealed_because().is_some() {
        return Ok(SigningKey::generate());
    }
    match stored(vault, store, name).await {
        Err(error) if error.is(Code::CredentialInvalid) => {
            tracing::error!(cause = ?error, "the signing key {name} does not open; everyone has to log in again at each start");
            Ok(SigningKey::generate())
        }
        other => other,
    }
}

async fn stored(vault: &Vault, store: &Store, name: &'static str) -> Result<SigningKey> {
    let rows = store.appliance()?;
    let ring = match rows.get::<ApplianceRing>(the_only())? {
        Some(found) => found.0,
        None => {
            let made = vault.new_ring(Scope::Appliance)?;
            store
                .write(move |tx| {
                    tx.appliance().put(&ApplianceRing(made.clone()))?;
                    Ok(made)
                })
                .await?
        }
    };
    let ring = vault.ring(Scope::Appliance, &ring)?;
    if let Some(stored) = rows.get::<StoredSigningKey>(name)? {
        return vault.open_signing_key(&ring, name, &stored.sealed);
    }
    let (key, sealed) = vault.new_signing_key(&ring, name)?;
    let row = StoredSigningKey { name: name.to_owned(), sealed };
    store.write(move |tx| tx.appliance().put(&row)).await?;
    Ok(key)
}
