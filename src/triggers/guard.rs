//! What triggers have to say when their agent is about to go.

use super::store;
use crate::agents::Agent;
use crate::base::{Error, Result};
use crate::infra::store::OrgTx;

/// Errors: `Conflict` with their names while triggers start runs of `agent`.
pub fn refuse_while_triggered(tx: &mut OrgTx<'_, '_>, agent: &Agent) -> Result<()> {
    let names = store::names_of(tx, agent.id)?;
    if names.is_empty() {
        return Ok(());
    }
    Err(Error::conflict(format!("triggers start runs of this agent: {}", names.join(", ")))
        .suggest("delete them, or lead them to another agent"))
}
