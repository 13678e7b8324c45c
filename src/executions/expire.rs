//! Runs that are over for so long that they go: found by reading, taken away in small transactions.

use std::collections::BTreeSet;

use parking_lot::RwLock;

use super::batches;
use super::store::{BY_AGENT, BY_WORKFLOW};
use super::types::Execution;
use crate::base::{AgentId, BatchId, ExecutionId, Result, Timestamp, WorkflowId};
use crate::engine::{forget, journal_stored};
use crate::infra::store::{Key, OrgTx, PerOrg, Rows};

/// Runs that one look reads at most, so that nobody holds an old view for long.
const LOOKED_AT: usize = 1_000;
/// Rows that one transaction takes away at most, index entries left out; a run's own are never split.
const AT_ONCE: usize = 250;

type Forget = fn(&mut OrgTx<'_, '_>, &Execution) -> Result<()>;

/// What the features above keep of a run and take away with it, in the same transaction. `app` registers them in
/// `Services::kept`.
#[derive(Default)]
pub struct Expiring(RwLock<Vec<Forget>>);

impl Expiring {
    pub fn add(&self, forget: Forget) {
        self.0.write().push(forget);
    }

    fn tell(&self, tx: &mut OrgTx<'_, '_>, run: &Execution) -> Result<()> {
        self.0.read().iter().try_for_each(|it| it(tx, run))
    }
}

/// Whose history it is; also of agents and workflows that have been deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    Agent(AgentId),
    Workflow(WorkflowId),
}

impl Owner {
    fn place(self) -> (u8, Key) {
        match self {
            Self::Agent(id) => (BY_AGENT, Key::of(id)),
            Self::Workflow(id) => (BY_WORKFLOW, Key::of(id)),
        }
    }
}

/// Before when a run must have ended to go.
#[derive(Debug, Clone, Copy)]
pub struct Cutoff {
    pub ended: Timestamp,
    /// The same of a dead letter, which waits for somebody to look at it.
    pub dead: Timestamp,
}

/// The next one that has runs, each once.
pub fn next_owner(rows: &impl Rows<PerOrg>, after: Option<Owner>) -> Result<Option<Owner>> {
    if !matches!(after, Some(Owner::Workflow(_))) {
        let next = first_behind(rows, BY_AGENT, after.map(Owner::place))?;
        if let Some(agent) = next.and_then(|it| it.agent_id) {
            return Ok(Some(Owner::Agent(agent)));
        }
    }
    let after = after.filter(|it| matches!(it, Owner::Workflow(_)));
    let next = first_behind(rows, BY_WORKFLOW, after.map(Owner::place))?;
    Ok(next.and_then(|it| it.workflow_id).map(Owner::Workflow))
}

fn first_behind(rows: &impl Rows<PerOrg>, index: u8, after: Option<(u8, Key)>) -> Result<Option<Execution>> {
    // Behind every run of this owner: ids of runs are shorter than this.
    let from = after.map_or_else(Key::new, |it| it.1.bytes(&[0xff; 17]));
    let mut found = None;
    rows.scan_index_from(index, Key::new(), from, |run| {
        found = Some(run);
        Ok(false)
    })?;
    Ok(found)
}

/// What one look found.
#[derive(Debug, Default)]
pub struct Old {
    /// What goes, with its rows and bytes.
    pub runs: Vec<(ExecutionId, usize, u64)>,
    /// From where to look on; `None`: nothing older is left.
    pub next: Option<ExecutionId>,
}

/// Looks at an owner's runs from `from` on, the oldest first.
pub fn old_runs(
    rows: &impl Rows<PerOrg>,
    owner: Owner,
    from: Option<ExecutionId>,
    cutoff: Cutoff,
) -> Result<Old> {
    let (mut found, mut looked) = (Old::default(), 0);
    let (index, prefix) = owner.place();
    let start = from.map_or_else(|| prefix.clone(), |it| prefix.clone().id(it));
    rows.scan_index_from::<Execution>(index, prefix, start, |run| {
        // What was created later ended later, too.
        if run.created_at >= cutoff.ended {
            return Ok(false);
        }
        if looked == LOOKED_AT {
            found.next = Some(run.id);
            return Ok(false);
        }
        looked += 1;
        if goes(rows, &run, cutoff)? {
            let (own, journal) = (rows.stored::<Execution>(Key::of(run.id))?, journal_stored(rows, run.id)?);
            found.runs.push((run.id, own.0 + journal.0, own.1 + journal.1));
        }
        Ok(true)
    })?;
    Ok(found)
}

/// Never a run that has not ended, nor a part of something that is still shown.
fn goes(rows: &impl Rows<PerOrg>, run: &Execution, cutoff: Cutoff) -> Result<bool> {
    let before = if run.is_dead() { cutoff.ended.min(cutoff.dead) } else { cutoff.ended };
    if !run.status.has_ended() || run.completed_at.is_none_or(|it| it >= before) {
        return Ok(false);
    }
    if let Some(whole) = run.parent_id
        && rows.exists::<Execution>(whole)?
    {
        return Ok(false);
    }
    run.batch.map_or(Ok(true), |it| batches::is_over(rows, it.id, cutoff.ended))
}

/// What one transaction has taken away.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Gone {
    /// So many of the list are done.
    pub done: usize,
    pub runs: u64,
    pub bytes: u64,
}

/// Takes the first of `runs` away, with journal and index entries, as many as fit into one transaction. Looks once
/// more at each: the policy may be another one by now, and the run may not be there any more.
pub fn take_away(
    tx: &mut OrgTx<'_, '_>,
    expiring: &Expiring,
    runs: &[(ExecutionId, usize, u64)],
    cutoff: Cutoff,
) -> Result<Gone> {
    let (mut gone, mut rows, mut of_batches) = (Gone::default(), 0, BTreeSet::<BatchId>::new());
    for (id, own_rows, bytes) in runs {
        if gone.done > 0 && rows + own_rows > AT_ONCE {
            break;
        }
        gone.done += 1;
        let Some(run) = tx.get::<Execution>(*id)? else { continue };
        if !goes(tx, &run, cutoff)? {
            continue;
        }
        expiring.tell(tx, &run)?;
        tx.delete::<Execution>(*id)?;
        rows += 1 + forget(tx, *id)?;
        of_batches.extend(run.batch.map(|it| it.id));
        (gone.runs, gone.bytes) = (gone.runs + 1, gone.bytes + bytes);
    }
    for batch in of_batches {
        batches::forget_if_empty(tx, batch)?;
    }
    Ok(gone)
}
