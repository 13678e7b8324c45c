//! What was said in a session.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ops::session_of;
use crate::access::Cx;
use crate::adapters::Turn;
use crate::base::{AgentId, ExecutionId, Json, Page, PageRequest, Result, Timestamp};
use crate::engine::Status;
use crate::executions::seen::Seen;
use crate::executions::store::BY_SESSION;
use crate::executions::types::Execution;
use crate::infra::store::{Key, Order, PerOrg, Rows};

/// Most of a session that an agent is told: the newest of it, by turns and by bytes.
const MAX_TURNS: usize = 50;
const MAX_HISTORY_BYTES: usize = 256 * 1024;

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The run's input.
    User,
    /// The run's output.
    Assistant,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    pub role: Speaker,
    pub content: Json,
    pub execution_id: ExecutionId,
    pub agent_id: Option<AgentId>,
    /// Of the run.
    pub status: Status,
    /// When the run was accepted, or had ended.
    pub at: Timestamp,
}

/// What was said, oldest first. A page holds up to `limit` runs, each with its input, and its output where it has
/// one; runs that were rolled back are left out.
///
/// Errors: `NotFound` for a session that is not there, or that the caller may not see.
pub fn messages(cx: &Cx, id: &str, page: &PageRequest) -> Result<Page<Message>> {
    let rows = cx.read()?;
    let session = session_of(cx, &rows, id)?;
    let (mut seen, mut failed) = (Seen::default(), None);
    let keep = |it: &Execution| {
        !it.undone
            && seen.sees(cx, &rows, it).unwrap_or_else(|error| {
                failed = Some(error);
                false
            })
    };
    let prefix = Key::new().text(&session.id);
    let (found, next) = rows.page::<Execution>(BY_SESSION, prefix, Order::Oldest, page, keep)?;
    if let Some(error) = failed {
        return Err(error);
    }
    Ok(Page::new(found.into_iter().flat_map(said).collect(), next))
}

fn said(run: Execution) -> impl Iterator<Item = Message> {
    let Execution { id, agent_id, status, created_at, completed_at, .. } = run;
    let message = move |role, content, at| Message { role, content, execution_id: id, agent_id, status, at };
    let answer = run.output.map(|it| message(Speaker::Assistant, it, completed_at.unwrap_or(created_at)));
    [Some(message(Speaker::User, run.input, created_at)), answer].into_iter().flatten()
}

/// What its agent was told and answered in this session before this run, oldest first.
pub(in crate::executions) fn history(rows: &impl Rows<PerOrg>, run: &Execution) -> Result<Vec<Turn>> {
    let Some(session) = &run.session_id else { return Ok(Vec::new()) };
    let prefix = Key::new().text(session);
    let (mut turns, mut looked, mut bytes) = (Vec::new(), 0, 0);
    rows.scan_index::<Execution>(BY_SESSION, prefix, Order::Newest, |it| {
        looked += 1;
        if is_part(&it, run) {
            bytes += it.input.len() + it.output.as_ref().map_or(0, Json::len);
            if bytes > MAX_HISTORY_BYTES {
                return Ok(false);
            }
            turns.push(Turn { input: it.input, output: it.output });
        }
        Ok(turns.len() < MAX_TURNS && looked < 4 * MAX_TURNS)
    })?;
    turns.reverse();
    Ok(turns)
}

/// What failed was never answered; what was interrupted was said all the same.
fn is_part(it: &Execution, run: &Execution) -> bool {
    it.id < run.id
        && it.agent_id == run.agent_id
        && !it.undone
        && matches!(it.status, Status::Completed | Status::Cancelled)
}
