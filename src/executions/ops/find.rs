//! One run, as its caller may see it.

use crate::access::{Action, Cx};
use crate::base::{Error, ExecutionId, Result};
use crate::engine::{Entry, entries_after};
use crate::executions::seen::Seen;
use crate::executions::types::{Execution, ExecutionView};
use crate::infra::store::Rows;

/// One run.
///
/// Errors: `NotFound`, the same for one that is not there and one of an agent that the caller may not see.
pub fn find(cx: &Cx, id: ExecutionId) -> Result<ExecutionView> {
    stored(cx, Action::ExecutionsRead, id).map(|it| it.view(cx.now(), cx.services().engine.underway(id)))
}

/// What happened in a run so far, in order; at most the first `limit` entries.
pub fn timeline(cx: &Cx, id: ExecutionId, limit: usize) -> Result<Vec<Entry>> {
    stored(cx, Action::ExecutionsRead, id)?;
    entries_after(&cx.read()?, id, 0, limit)
}

pub(in crate::executions) fn stored(cx: &Cx, action: Action, id: ExecutionId) -> Result<Execution> {
    cx.require(action)?;
    let rows = cx.read()?;
    let missing = || Error::not_found("execution", id);
    let execution: Execution = rows.get(id)?.ok_or_else(missing)?;
    if !Seen::default().sees(cx, &rows, &execution)? {
        return Err(missing());
    }
    Ok(execution)
}

pub(super) fn view(cx: &Cx, id: ExecutionId) -> Result<ExecutionView> {
    let execution: Execution = cx.read()?.get(id)?.ok_or_else(|| Error::not_found("execution", id))?;
    Ok(execution.view(cx.now(), cx.services().engine.underway(id)))
}
