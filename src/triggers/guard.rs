//! What triggers have to say when what they start is about to go.

use std::sync::Arc;

use super::store;
use crate::access::Services;
use crate::agents::DeleteGuards;
use crate::base::{Error, Result};
use crate::infra::store::OrgTx;
use crate::targets::Target;
use crate::workflows;

/// Speaks from now on where agents and chains go.
pub fn start(services: &Arc<Services>) {
    services
        .kept
        .get::<DeleteGuards>()
        .add(|tx, it| refuse_while_triggered(tx, Target::Agent(it.id), "agent"));
    let chains = services.kept.get::<workflows::DeleteGuards>();
    chains.add(|tx, it| refuse_while_triggered(tx, Target::Chain(it.id), "chain"));
}

/// Errors: `Conflict` with their names while triggers start runs of it.
fn refuse_while_triggered(tx: &mut OrgTx<'_, '_>, target: Target, kind: &str) -> Result<()> {
    let names = store::names_of(tx, target)?;
    if names.is_empty() {
        return Ok(());
    }
    Err(Error::conflict(format!("triggers start runs of this {kind}: {}", names.join(", ")))
        .suggest(format!("delete them, or lead them to another {kind}")))
}
