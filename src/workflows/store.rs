//! Rows. Takes a transaction or a view, never opens one. Numbers 140 to 144.

use super::types::{Accepted, Count, Gone, Revision, Workflow};
use crate::base::{AgentId, Doing, Error, Result, WorkflowId};
use crate::executions::Execution;
use crate::infra::store::{Indexes, Key, OrgTx, PerOrg, Row, Rows, Table};

pub(super) const BY_SLUG: u8 = 1;
pub(super) const BY_NAME: u8 = 2;
pub(super) const BY_AGENT: u8 = 3;

impl Row for Workflow {
    type Scope = PerOrg;
    const TABLE: Table = Table::with_feed(140, "workflows");

    fn key(&self) -> Key {
        Key::of(self.id)
    }

    fn indexes(&self, index: &mut Indexes) {
        index.add(BY_SLUG, Key::new().text(&self.slug));
        index.add(BY_NAME, Key::new().text(&name_key(&self.name)));
        for agent in &self.agents {
            index.add(BY_AGENT, Key::of(*agent));
        }
    }
}

impl Row for Revision {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(141, "workflow_revisions");

    fn key(&self) -> Key {
        revision_key(self.workflow_id, self.number)
    }
}

impl Row for Accepted {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(142, "workflow_runs");

    fn key(&self) -> Key {
        Key::of(self.execution)
    }
}

impl Row for Gone {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(143, "workflows_gone");

    fn key(&self) -> Key {
        Key::of(self.workflow.id)
    }
}

impl Row for Count {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(144, "workflow_count");

    fn key(&self) -> Key {
        Key::new().byte(0)
    }
}

/// What was kept for a run that goes with its history.
pub fn forget_run(tx: &mut OrgTx<'_, '_>, run: &Execution) -> Result<()> {
    if run.workflow_id.is_some() {
        tx.delete::<Accepted>(run.id)?;
    }
    Ok(())
}

/// Names that differ only in case or outer blanks are the same name.
fn name_key(name: &str) -> String {
    name.trim().to_lowercase()
}

fn revision_key(workflow: WorkflowId, number: u32) -> Key {
    Key::of(workflow).u64(number.into())
}

/// By id or slug, whoever asks.
pub(super) fn get(rows: &impl Rows<PerOrg>, id_or_slug: &str) -> Result<Option<Workflow>> {
    match id_or_slug.parse::<WorkflowId>() {
        Ok(id) => rows.get(id),
        Err(_) => rows.by_index(BY_SLUG, Key::new().text(id_or_slug)),
    }
}

/// One that was deleted, as it was.
pub(super) fn gone(rows: &impl Rows<PerOrg>, id: WorkflowId) -> Result<Option<Workflow>> {
    Ok(rows.get::<Gone>(id)?.map(|it| it.workflow))
}

pub(super) fn revision(rows: &impl Rows<PerOrg>, id: WorkflowId, number: u32) -> Result<Revision> {
    rows.get(revision_key(id, number))?
        .ok_or_else(|| format!("{id} has no revision {number}"))
        .doing("read a revision of a workflow")
}

pub(super) fn is_taken(rows: &impl Rows<PerOrg>, name: &str, own: Option<WorkflowId>) -> Result<bool> {
    let holder: Option<Workflow> = rows.by_index(BY_NAME, Key::new().text(&name_key(name)))?;
    Ok(holder.is_some_and(|it| Some(it.id) != own))
}

pub(super) fn slug_is_free(rows: &impl Rows<PerOrg>, slug: &str) -> Result<bool> {
    Ok(rows.by_index::<Workflow>(BY_SLUG, Key::new().text(slug))?.is_none())
}

/// Workflows that name the agent.
pub(super) fn users_of(rows: &impl Rows<PerOrg>, agent: AgentId) -> Result<Vec<WorkflowId>> {
    let mut found = Vec::new();
    rows.scan_index(BY_AGENT, Key::of(agent), Default::default(), |it: Workflow| {
        found.push(it.id);
        Ok(true)
    })?;
    Ok(found)
}

/// Changes how many workflows there are.
pub(super) fn count(tx: &mut OrgTx<'_, '_>, change: i64) -> Result<u64> {
    let count = tx.get::<Count>(Key::new().byte(0))?.unwrap_or_default();
    let workflows = count.workflows.saturating_add_signed(change);
    tx.put(&Count { workflows })?;
    Ok(workflows)
}

/// What a caller reads who named a chain that is not there, or that is not for them: the same in both cases.
pub(super) fn missing(given: &str) -> Error {
    let shown: String = given.chars().take(80).collect();
    Error::not_found("chain", shown)
}
