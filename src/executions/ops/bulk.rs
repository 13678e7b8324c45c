//! The same for many runs: counted and priced first, then carried out bit by bit.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cancel::cancel_all;
use super::retry::{VersionChoice, plan_retry};
use super::start::accept_all;
use crate::access::{Action, Cx};
use crate::audit::Note;
use crate::base::{AgentId, Cursor, ExecutionId, PageRequest, Result};
use crate::engine::Status;
use crate::executions::list::ExecutionFilter;
use crate::executions::seen::Seen;
use crate::executions::types::Execution;
use crate::infra::store::{Order, PerOrg, Rows, View, WriteOptions, WriteTx};
use crate::metering;

/// Runs that one call changes.
const AT_ONCE: usize = 500;
/// Runs that a dry run counts.
const MAX_COUNTED: u64 = 20_000;
/// Runs that are read at once.
const PIECE: usize = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BulkAction {
    /// Ends those that have not ended.
    Cancel,
    /// Runs the inputs of those that did not succeed, and that nobody has tried again, once more.
    Retry,
}

/// What a bulk action would do, or has done.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BulkAnswer {
    pub action: BulkAction,
    pub dry_run: bool,
    /// Runs that it is for: counted by a dry run, changed or refused by this call otherwise.
    pub matched: u64,
    /// Whether all of them were counted; a dry run stops after 20,000.
    pub counted_all: bool,
    /// What the retries of a dry run would cost, as far as the agents have a price; `null` where none has.
    pub estimated_cost_micros: Option<i64>,
    /// Those among them whose agents have no price.
    pub unpriced: u64,
    /// By agent; runs of workflows have none.
    pub groups: Vec<BulkGroup>,
    /// Runs that were cancelled, or begun again.
    pub done: u64,
    pub failed: Vec<BulkFailure>,
    /// One call changes 500 runs at most: send it again with this `cursor` until it is `null`.
    pub next_cursor: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BulkGroup {
    pub agent_id: Option<AgentId>,
    pub runs: u64,
    /// Of one run of this agent in the last 30 days; `null` where nothing is known.
    pub mean_cost_micros: Option<i64>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BulkFailure {
    pub execution_id: ExecutionId,
    pub message: String,
}

impl BulkAction {
    fn right(self) -> Action {
        match self {
            Self::Cancel => Action::ExecutionsCancel,
            Self::Retry => Action::ExecutionsRetry,
        }
    }

    /// The statuses that it is for, where the filter names none.
    fn statuses(self) -> &'static [Status] {
        match self {
            Self::Cancel => &[Status::Pending, Status::Waiting, Status::Running],
            Self::Retry => &[Status::Failed, Status::Timeout, Status::Cancelled],
        }
    }

    fn is_for(self, run: &Execution, filter: &ExecutionFilter) -> bool {
        match self {
            Self::Cancel => !run.status.has_ended(),
            Self::Retry => {
                let asked = filter.status == Some(run.status) || self.statuses().contains(&run.status);
                run.status.has_ended() && run.retried_by.is_none() && asked
            }
        }
    }
}

/// Counts (`dry_run`) or changes the runs that `filter` keeps and the caller may see, newest first.
///
/// Errors: `InsufficientPermissions`; `ResourceExhausted` where the queue has no room for the retries.
pub async fn bulk(
    cx: &Cx,
    filter: &ExecutionFilter,
    action: BulkAction,
    version: VersionChoice,
    dry_run: bool,
    cursor: Option<Cursor>,
) -> Result<BulkAnswer> {
    cx.require(action.right())?;
    let mut walk = Walk::new(cx, filter, action, cursor)?;
    if dry_run {
        return count(cx, action, &mut walk);
    }
    let mut runs = Vec::new();
    while let Some(piece) = walk.next(AT_ONCE - runs.len())? {
        runs.extend(piece);
        if runs.len() >= AT_ONCE {
            break;
        }
    }
    let next_cursor = walk.cursor().map(|it| it.to_string());
    drop(walk);
    let matched = runs.len() as u64;
    let (done, failed) = match action {
        _ if runs.is_empty() => (0, Vec::new()),
        BulkAction::Cancel => (cancel(cx, &runs).await?, Vec::new()),
        BulkAction::Retry => retry(cx, runs, version).await?,
    };
    Ok(BulkAnswer { matched, done, failed, next_cursor, ..empty(action, false) })
}

fn empty(action: BulkAction, dry_run: bool) -> BulkAnswer {
    BulkAnswer {
        action,
        dry_run,
        matched: 0,
        counted_all: true,
        estimated_cost_micros: None,
        unpriced: 0,
        groups: Vec::new(),
        done: 0,
        failed: Vec::new(),
        next_cursor: None,
    }
}

fn count(cx: &Cx, action: BulkAction, walk: &mut Walk<'_>) -> Result<BulkAnswer> {
    let mut by_agent: BTreeMap<Option<AgentId>, u64> = BTreeMap::new();
    let mut answer = empty(action, true);
    while let Some(piece) = walk.next(PIECE)? {
        answer.matched += piece.len() as u64;
        for run in piece {
            *by_agent.entry(run.agent_id).or_default() += 1;
        }
        if answer.matched >= MAX_COUNTED || walk.looked_at >= MAX_COUNTED {
            answer.counted_all = walk.cursor().is_none();
            break;
        }
    }
    let rows = cx.read()?;
    for (agent_id, runs) in by_agent {
        let mean = match agent_id {
            Some(agent) => metering::mean(&rows, agent, cx.now())?.and_then(|it| it.cost_micros),
            None => None,
        };
        if action == BulkAction::Retry {
            match mean {
                Some(mean) => {
                    let cost = mean.saturating_mul(i64::try_from(runs).unwrap_or(i64::MAX));
                    answer.estimated_cost_micros = Some(answer.estimated_cost_micros.unwrap_or(0) + cost);
                }
                None => answer.unpriced += runs,
            }
        }
        answer.groups.push(BulkGroup { agent_id, runs, mean_cost_micros: mean });
    }
    answer.groups.sort_by_key(|it| std::cmp::Reverse(it.runs));
    Ok(answer)
}

async fn cancel(cx: &Cx, runs: &[Execution]) -> Result<u64> {
    let (noting, count) = (cx.clone(), runs.len());
    let noted = move |tx: &mut WriteTx<'_>| {
        let mut tx = tx.org(noting.org());
        let note = Note::of("execution.bulk_cancel", "execution", "many").with("runs", count.to_string());
        noting.note(&mut tx, note)?;
        noting.claim(&mut tx)
    };
    cx.services().store.write_with(WriteOptions { essential: true }, noted).await?;
    let ids: Vec<ExecutionId> = runs.iter().map(|it| it.id).collect();
    cancel_all(cx, &ids, None).await.map(|it| it as u64)
}

async fn retry(cx: &Cx, runs: Vec<Execution>, version: VersionChoice) -> Result<(u64, Vec<BulkFailure>)> {
    let (mut planned, mut failed) = (Vec::new(), Vec::new());
    for run in runs {
        let execution_id = run.id;
        match plan_retry(cx, run, version) {
            Ok(it) => planned.push(it),
            Err(error) => failed.push(BulkFailure { execution_id, message: error.message().to_owned() }),
        }
    }
    let count = planned.len() as u64;
    if count > 0 {
        let noting = cx.clone();
        accept_all(cx, planned, move |tx| {
            let note = Note::of("execution.bulk_retry", "execution", "many").with("runs", count.to_string());
            noting.note(tx, note)
        })
        .await?;
    }
    Ok((count, failed))
}

/// The runs that an action is for, piece by piece. What it changes meanwhile does not move what is to come.
struct Walk<'a> {
    cx: &'a Cx,
    filter: &'a ExecutionFilter,
    action: BulkAction,
    rows: View<PerOrg>,
    seen: Seen,
    /// Where runs are looked for, one after the other.
    places: Vec<ExecutionFilter>,
    at: usize,
    cursor: Option<Cursor>,
    looked_at: u64,
}

impl<'a> Walk<'a> {
    fn new(
        cx: &'a Cx,
        filter: &'a ExecutionFilter,
        action: BulkAction,
        from: Option<Cursor>,
    ) -> Result<Self> {
        let narrow = filter.batch.is_some() || filter.session.is_some() || filter.dead;
        let places = if narrow || filter.status.is_some() || filter.workflow.is_some() {
            vec![filter.clone()]
        } else {
            let of = |it: &Status| ExecutionFilter { status: Some(*it), ..filter.clone() };
            action.statuses().iter().map(of).collect()
        };
        let (at, cursor) = match from {
            None => (0, None),
            Some(Cursor(bytes)) => {
                let (at, rest) = bytes.split_first().ok_or_else(Cursor::foreign)?;
                (usize::from(*at), (!rest.is_empty()).then(|| Cursor(rest.to_vec())))
            }
        };
        if at >= places.len() {
            return Err(Cursor::foreign());
        }
        Ok(Self {
            cx,
            filter,
            action,
            rows: cx.read()?,
            seen: Seen::default(),
            places,
            at,
            cursor,
            looked_at: 0,
        })
    }

    /// Up to `most` more, perhaps none; `None` at the end.
    fn next(&mut self, most: usize) -> Result<Option<Vec<Execution>>> {
        let Some(place) = self.places.get(self.at) else { return Ok(None) };
        let (index, prefix) = place.place();
        let (mut failed, mut looked_at) = (None, 0);
        let request = PageRequest { limit: Some(most.min(PIECE)), cursor: self.cursor.take() };
        let (action, filter, cx, rows, seen) =
            (self.action, self.filter, self.cx, &self.rows, &mut self.seen);
        let keep = |run: &Execution| {
            looked_at += 1;
            place.keeps(run)
                && action.is_for(run, filter)
                && seen.sees(cx, rows, run).unwrap_or_else(|error| {
                    failed = Some(error);
                    false
                })
        };
        let (found, next) = rows.page::<Execution>(index, prefix, Order::Newest, &request, keep)?;
        if let Some(error) = failed {
            return Err(error);
        }
        self.looked_at += looked_at;
        if next.is_none() {
            self.at += 1;
        }
        self.cursor = next;
        Ok(Some(found))
    }

    /// Where another call goes on; `None` where nothing is left.
    fn cursor(&self) -> Option<Cursor> {
        let at = u8::try_from(self.at).ok().filter(|it| usize::from(*it) < self.places.len())?;
        let rest = self.cursor.as_ref().map(|it| it.0.as_slice()).unwrap_or_default();
        Some(Cursor([&[at], rest].concat()))
    }
}
