//! Ending a run before its end.

use futures_util::future::join_all;

use super::find::{stored, view};
use crate::access::{Action, Cx};
use crate::audit::Note;
use crate::base::{ExecutionId, Result};
use crate::engine::Failure;
use crate::executions::types::{Execution, ExecutionView};
use crate::infra::store::{WriteOptions, WriteTx};

/// Ends many runs of the caller's organization. When this returns they have ended; answers how many of them by
/// this call. `why` is told to those who wait for them.
pub(in crate::executions) async fn cancel_all(
    cx: &Cx,
    ids: &[ExecutionId],
    why: Option<Failure>,
) -> Result<usize> {
    let engine = &cx.services().engine;
    // All are marked before the first has ended, so that none of them begins meanwhile.
    let ended = join_all(ids.iter().map(|id| engine.cancel(cx.org(), *id, why.clone()))).await;
    ended.into_iter().try_fold(0, |count, it| it.map(|was_open| count + usize::from(was_open)))
}

/// Ends a run. When this returns it has ended; one that had ended already stays as it was.
pub async fn cancel(cx: &Cx, id: ExecutionId) -> Result<ExecutionView> {
    let execution: Execution = stored(cx, Action::ExecutionsCancel, id)?;
    if !execution.status.has_ended() {
        let note = Note::of("execution.cancel", "execution", id);
        let note = match (execution.agent_id, execution.workflow_id) {
            (Some(agent), _) => note.with("agent_id", agent.to_string()),
            (None, Some(workflow)) => note.with("workflow_id", workflow.to_string()),
            (None, None) => note,
        };
        let noting = cx.clone();
        let noted = move |tx: &mut WriteTx<'_>| {
            let mut tx = tx.org(noting.org());
            noting.note(&mut tx, note)?;
            noting.claim(&mut tx)
        };
        // Also on a full disk: an end frees more than it takes.
        cx.services().store.write_with(WriteOptions { essential: true }, noted).await?;
        cx.services().engine.cancel(cx.org(), id, None).await?;
    }
    view(cx, id)
}
