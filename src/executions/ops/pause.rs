//! Letting a run wait until someone says go on.

use super::find::{stored, view};
use crate::access::{Action, Cx};
use crate::audit::Note;
use crate::base::{Error, ExecutionId, Result};
use crate::engine::{Hold, Status};
use crate::executions::types::ExecutionView;
use crate::infra::store::OrgTx;

/// Lets a run wait: one that has not begun, or pauses between two attempts, waits from now on; a run of a
/// workflow that is at work waits before its next step. That survives a restart, and the time does not count
/// against the run's limit. One that waits already stays as it is.
///
/// Errors: `Conflict` for a run that has ended, and for an agent's run that is at work.
pub async fn pause(cx: &Cx, id: ExecutionId) -> Result<ExecutionView> {
    let execution = stored(cx, Action::ExecutionsCancel, id)?;
    let may_wait = execution.workflow_id.is_some();
    let noted = noting(cx, "execution.pause", id);
    match cx.services().engine.hold(cx.org(), id, may_wait, noted).await? {
        Hold::Now | Hold::Soon => view(cx, id),
        Hold::AtWork => {
            Err(Error::conflict("this run is at work, and a call to an agent cannot be paused in the middle")
                .suggest("wait for its end, or cancel it"))
        }
        Hold::Ended => Err(ended(cx, id)),
    }
}

/// Lets a paused run go on.
///
/// Errors: `Conflict` for a run that is not paused.
pub async fn resume(cx: &Cx, id: ExecutionId) -> Result<ExecutionView> {
    stored(cx, Action::ExecutionsCancel, id)?;
    let noted = noting(cx, "execution.resume", id);
    if cx.services().engine.release(cx.org(), id, noted).await? {
        return view(cx, id);
    }
    let execution = view(cx, id)?;
    if execution.status.has_ended() {
        return Err(ended(cx, id));
    }
    Err(Error::conflict("this run is not paused"))
}

fn noting(
    cx: &Cx,
    action: &'static str,
    id: ExecutionId,
) -> impl FnOnce(&mut OrgTx<'_, '_>) -> Result<()> + Send + 'static {
    let cx = cx.clone();
    move |tx| {
        cx.note(tx, Note::of(action, "execution", id))?;
        cx.claim(tx)
    }
}

fn ended(cx: &Cx, id: ExecutionId) -> Error {
    let status = view(cx, id).map_or(Status::Completed, |it| it.status);
    Error::conflict(format!("this run has ended: it is {}", status.name()))
}
