//! Deleting agents. Their runs stay readable under the name they had.

use parking_lot::RwLock;

use super::super::store;
use super::super::types::{Agent, Gone, HealthLog, Version};
use super::{DELETE, changing};
use crate::access::Cx;
use crate::audit::Note;
use crate::base::{AgentId, Result};
use crate::infra::store::{Key, OrgTx};
use crate::stops;

type Guard = fn(&mut OrgTx<'_, '_>, &Agent) -> Result<()>;

/// What the features above have to say when an agent goes: each runs in the deleting transaction, and an error
/// stops it. `app` registers them in `Services::kept`.
#[derive(Default)]
pub struct DeleteGuards(RwLock<Vec<Guard>>);

impl DeleteGuards {
    pub fn add(&self, guard: Guard) {
        self.0.write().push(guard);
    }

    fn ask(&self, tx: &mut OrgTx<'_, '_>, agent: &Agent) -> Result<()> {
        self.0.read().iter().try_for_each(|it| it(tx, agent))
    }
}

/// The agent, its versions and its checks are gone, its name and slug are free; what it did stays in the
/// history. `expected` is the revision that the caller has read.
///
/// Errors: as `find`; `InsufficientPermissions` without the right `admin`; `PreconditionFailed`; whatever a
/// guard refuses with (`Conflict` while runs of it are under way).
pub async fn delete(cx: &Cx, id_or_slug: &str, expected: Option<u64>) -> Result<()> {
    cx.require(DELETE.0)?;
    let (caller, given) = (cx.clone(), id_or_slug.to_owned());
    cx.write(move |tx| {
        let agent = changing(&caller, tx, &given, DELETE, expected)?;
        caller.services().kept.get::<DeleteGuards>().ask(tx, &agent)?;
        remove(tx, agent.id)?;
        let note = Note::of("agent.delete", "agent", agent.id).with("name", agent.name.as_str());
        tx.insert(&Gone { agent, deleted_at: caller.now() })?;
        caller.note(tx, note)
    })
    .await
}

fn remove(tx: &mut OrgTx<'_, '_>, id: AgentId) -> Result<()> {
    tx.delete::<Agent>(id)?;
    tx.delete_all::<Version>(Key::of(id))?;
    tx.delete::<HealthLog>(id)?;
    stops::forget(tx, id)?;
    store::count(tx, -1)?;
    Ok(())
}
