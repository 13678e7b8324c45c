//! Deleting chains. Their runs stay readable under the name they had.

use parking_lot::RwLock;

use super::super::rights::{need_write, visible};
use super::super::store;
use super::super::types::{Gone, Revision, Workflow};
use super::change::found_again;
use crate::access::{Action, Cx};
use crate::agents::Agent;
use crate::audit::Note;
use crate::base::{Error, Result};
use crate::executions;
use crate::infra::store::{Key, OrgTx};

type Guard = fn(&mut OrgTx<'_, '_>, &Workflow) -> Result<()>;

/// What the features above have to say before a chain goes. `app` registers them in `Services::kept`.
#[derive(Default)]
pub struct DeleteGuards(RwLock<Vec<Guard>>);

impl DeleteGuards {
    pub fn add(&self, guard: Guard) {
        self.0.write().push(guard);
    }

    fn ask(&self, tx: &mut OrgTx<'_, '_>, workflow: &Workflow) -> Result<()> {
        self.0.read().iter().try_for_each(|it| it(tx, workflow))
    }
}

/// The chain and its revisions are gone, its name and slug are free; what it did stays in the history.
///
/// Errors: as `find`; `InsufficientPermissions`; `PreconditionFailed`; `Conflict` while runs of it are under way, and
/// while something starts it.
pub async fn delete(cx: &Cx, id_or_slug: &str, expected: Option<u32>) -> Result<()> {
    let before = visible(cx, &cx.read()?, Action::WorkflowsWrite, id_or_slug)?;
    need_write(cx, &before)?;
    let (caller, id) = (cx.clone(), before.id);
    cx.write(move |tx| {
        let workflow = found_again(&caller, tx, id, expected)?;
        executions::refuse_while_workflow_runs(tx, id)?;
        caller.services().kept.get::<DeleteGuards>().ask(tx, &workflow)?;
        tx.delete::<Workflow>(id)?;
        tx.delete_all::<Revision>(Key::of(id))?;
        store::count(tx, -1)?;
        let note = Note::of("chain.delete", "chain", id).with("name", workflow.name.as_str());
        tx.insert(&Gone { workflow, deleted_at: caller.now() })?;
        caller.note(tx, note)
    })
    .await
}

/// Errors: `Conflict` where chains name `agent`, which is about to be deleted.
pub fn refuse_while_used(tx: &mut OrgTx<'_, '_>, agent: &Agent) -> Result<()> {
    let users = store::users_of(tx, agent.id)?;
    if users.is_empty() {
        return Ok(());
    }
    let message = match users.len() {
        1 => "a chain has a step with this agent".to_owned(),
        many => format!("{many} chains have steps with this agent"),
    };
    let ids: Vec<String> = users.iter().map(ToString::to_string).collect();
    Err(Error::conflict(message)
        .detail("chain_ids", ids)
        .suggest("give those steps another agent, or delete the chains")
        .suggest("disable the agent, so that no new runs of it begin"))
}
