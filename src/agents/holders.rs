//! Which agents use a credential, for the feature below that keeps them.

use super::rights::access;
use super::store::BY_CREDENTIAL;
use super::types::{Agent, Version};
use crate::access::Cx;
use crate::base::{CredentialId, Result};
use crate::connections::{Holder, Holders};
use crate::infra::store::{Key, Order, OrgTx, PerOrg, Rows, View};

/// Agents whose current version or draft names the credential.
pub struct CredentialHolders;

impl Holders for CredentialHolders {
    fn seen(&self, cx: &Cx, rows: &View<PerOrg>, id: CredentialId) -> Result<Vec<Holder>> {
        holders(cx, rows, id)
    }

    fn held(&self, cx: &Cx, tx: &OrgTx<'_, '_>, id: CredentialId) -> Result<Vec<Holder>> {
        holders(cx, tx, id)
    }
}

fn holders(cx: &Cx, rows: &impl Rows<PerOrg>, id: CredentialId) -> Result<Vec<Holder>> {
    let mut found: Vec<Holder> = Vec::new();
    rows.scan_index(BY_CREDENTIAL, Key::of(id), Order::Newest, |version: Version| {
        if found.iter().any(|it| it.agent_id == version.agent_id) {
            return Ok(true);
        }
        let Some(agent) = rows.get::<Agent>(version.agent_id)? else { return Ok(true) };
        if [agent.current, agent.draft].into_iter().flatten().any(|it| it.id == version.id) {
            let is_visible = access(cx, &agent).read;
            found.push(Holder { agent_id: agent.id, name: agent.name, is_visible });
        }
        Ok(true)
    })?;
    Ok(found)
}
