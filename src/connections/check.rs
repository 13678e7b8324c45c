//! Whether an agent of some type could use the credentials that it names.

use super::types::Credential;
use crate::base::{Code, CredentialId, Error, Invalid, Result};
use crate::infra::store::{PerOrg, Rows};

/// `kinds`: those that the agent's type takes.
///
/// Errors: `CredentialInvalid` with every credential that is not there or of another kind.
pub fn check(rows: &impl Rows<PerOrg>, kinds: &[&str], ids: &[CredentialId]) -> Result<()> {
    let mut wrong = Vec::new();
    for (at, id) in ids.iter().enumerate() {
        let message = match rows.get::<Credential>(*id)? {
            None => "there is no such credential in this organization".to_owned(),
            Some(it) if !kinds.contains(&it.kind.name()) => {
                format!(
                    "this credential is of the kind {}; the agent takes {}",
                    it.kind.name(),
                    kinds.join(", ")
                )
            }
            Some(_) => continue,
        };
        wrong.push(Invalid { path: format!("/credential_ids/{at}"), message });
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Error::invalid_fields(Code::CredentialInvalid, wrong)),
    }
}
