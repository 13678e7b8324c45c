//! Lists of runs, newest first.

use super::seen::Seen;
use super::store::{
    BY_AGENT, BY_AGENT_STATUS, BY_BATCH, BY_DEAD, BY_SESSION, BY_STATUS, BY_WORKFLOW, agent_status_key,
    dead_key, status_key,
};
use super::types::{Execution, ExecutionView};
use crate::access::{Action, Cx};
use crate::base::{AgentId, BatchId, Page, PageRequest, Result, Timestamp, WorkflowId};
use crate::engine::Status;
use crate::infra::store::{Key, Order, Rows};

#[derive(Debug, Clone, Default)]
pub struct ExecutionFilter {
    pub agent: Option<AgentId>,
    pub workflow: Option<WorkflowId>,
    pub status: Option<Status>,
    pub session: Option<String>,
    pub batch: Option<BatchId>,
    /// Those that failed or ran out of time, have no attempts left, and were not tried again.
    pub dead: bool,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// In id, input, output or error message, whatever the case.
    pub q: Option<String>,
}

impl ExecutionFilter {
    pub(super) fn keeps(&self, execution: &Execution) -> bool {
        self.agent.is_none_or(|it| Some(it) == execution.agent_id)
            && self.workflow.is_none_or(|it| Some(it) == execution.workflow_id)
            && self.status.is_none_or(|it| it == execution.status)
            && self.session.as_ref().is_none_or(|it| Some(it) == execution.session_id.as_ref())
            && self.batch.is_none_or(|it| execution.batch.is_some_and(|place| place.id == it))
            && (!self.dead || execution.is_dead())
            && self.from.is_none_or(|it| execution.created_at >= it)
            && self.to.is_none_or(|it| execution.created_at < it)
            && self.q.as_ref().is_none_or(|it| mentions(execution, &it.to_lowercase()))
    }
}

impl ExecutionFilter {
    /// Where the runs that it can keep stand closest together.
    pub(super) fn place(&self) -> (u8, Key) {
        match self {
            Self { batch: Some(batch), .. } => (BY_BATCH, Key::of(*batch)),
            Self { session: Some(session), .. } => (BY_SESSION, Key::new().text(session)),
            Self { dead: true, .. } => (BY_DEAD, dead_key()),
            Self { agent: Some(agent), status: Some(status), .. } => {
                (BY_AGENT_STATUS, agent_status_key(*agent, *status))
            }
            Self { agent: Some(agent), .. } => (BY_AGENT, Key::of(*agent)),
            Self { workflow: Some(workflow), .. } => (BY_WORKFLOW, Key::of(*workflow)),
            Self { status: Some(status), .. } => (BY_STATUS, status_key(*status)),
            _ => (0, Key::new()),
        }
    }
}

fn mentions(execution: &Execution, words: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(words);
    execution.id.to_string() == words
        || has(execution.input.as_str())
        || execution.output.as_ref().is_some_and(|it| has(it.as_str()))
        || execution.failure.as_ref().is_some_and(|it| has(&it.message))
}

/// Runs of agents and workflows that the caller may see. A run that began in the last moments may still be listed as
/// pending.
pub fn list(cx: &Cx, filter: &ExecutionFilter, page: &PageRequest) -> Result<Page<ExecutionView>> {
    cx.require(Action::ExecutionsRead)?;
    let rows = cx.read()?;
    let (index, prefix) = filter.place();
    let mut seen = Seen::default();
    let mut failed = None;
    let keep = |execution: &Execution| {
        filter.keeps(execution)
            && seen.sees(cx, &rows, execution).unwrap_or_else(|error| {
                failed = Some(error);
                false
            })
    };
    let (found, next) = rows.page::<Execution>(index, prefix, Order::Newest, page, keep)?;
    if let Some(error) = failed {
        return Err(error);
    }
    let now = cx.now();
    let engine = &cx.services().engine;
    let view = |it: Execution| {
        let underway = (!it.status.has_ended()).then(|| engine.underway(it.id)).flatten();
        it.view(now, underway)
    };
    Ok(Page::new(found.into_iter().map(view).collect(), next))
}
