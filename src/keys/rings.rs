//! The key ring of an organization: made when the organization first has something to seal.

use std::sync::Arc;

use super::rows::{OrgRing, the_only};
use crate::base::{Code, Error, OrgId, Result};
use crate::infra::store::{OrgTx, PerOrg, Rows};
use crate::infra::vault::{Ring, Scope, Vault};

/// The ring that opens what the organization has sealed.
///
/// Errors: `Unavailable` while sealed; `CredentialInvalid` where the organization has no ring, so that nothing
/// of it can be sealed.
pub fn ring(vault: &Vault, rows: &impl Rows<PerOrg>, org: OrgId) -> Result<Arc<Ring>> {
    let wrapped = rows.get::<OrgRing>(the_only())?.ok_or_else(|| {
        Error::new(Code::CredentialInvalid, "the keys of this organization are gone; enter the secret anew")
    })?;
    vault.ring(Scope::Org(org), &wrapped.0)
}

/// As `ring`, made where there is none yet. What is sealed with a new one belongs into the same transaction.
///
/// Errors: `Unavailable` while sealed.
pub fn ring_or_new(vault: &Vault, tx: &mut OrgTx<'_, '_>) -> Result<Arc<Ring>> {
    let scope = Scope::Org(tx.org_id());
    let wrapped = match tx.get::<OrgRing>(the_only())? {
        Some(found) => found.0,
        None => {
            let made = vault.new_ring(scope)?;
            tx.put(&OrgRing(made.clone()))?;
            made
        }
    };
    vault.ring(scope, &wrapped)
}
