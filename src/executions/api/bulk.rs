//! REST endpoint of actions on many runs.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::access::{Action, Cx};
use crate::agents;
use crate::base::{BatchId, Code, Cursor, Result, Timestamp, WorkflowId};
use crate::engine::Status;
use crate::executions::list::ExecutionFilter;
use crate::executions::ops::{self, BulkAction, BulkAnswer, VersionChoice};
use crate::web::{Body, Found, Reply, Route};
use crate::workflows;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/api/executions/bulk", bulk)
            .needs(Action::ExecutionsCancel)
            .says(
                "Cancel or retry all runs that fit a filter, newest first: a dry run counts and prices them; else up \
                 to 500 are changed, and next_cursor leads on to the rest",
            )
            .takes::<BulkRequest>()
            .answers::<BulkAnswer>(200, "What it would do, or has done")
            .errs(&[Code::AgentNotFound, Code::Stopped, Code::ResourceExhausted]),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BulkRequest {
    /// All that is named has to fit; `{}` fits every run.
    filter: BulkFilter,
    action: BulkAction,
    /// Only counts and prices. Left out: it does.
    #[serde(default)]
    dry_run: bool,
    /// Which version retries.
    #[serde(default)]
    version: VersionChoice,
    /// `next_cursor` of the call before.
    #[serde(default)]
    cursor: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BulkFilter {
    #[serde(default)]
    status: Option<Status>,
    /// Id or slug.
    #[serde(default)]
    agent_id: Option<String>,
    #[serde(default)]
    /// Id or slug of a chain.
    workflow_id: Option<String>,
    #[serde(default)]
    session_id: Option<String>,
    #[serde(default)]
    batch_id: Option<BatchId>,
    /// Dead letters: failed or out of time, no attempts left, not tried again.
    #[serde(default)]
    dead: bool,
    /// Accepted at or after.
    #[serde(default)]
    from: Option<Timestamp>,
    /// Accepted before.
    #[serde(default)]
    to: Option<Timestamp>,
    /// Words in input, output or error.
    #[serde(default)]
    q: Option<String>,
}

impl BulkFilter {
    /// Errors: `AgentNotFound`, `NotFound` for a workflow.
    fn read(self, cx: &Cx) -> Result<ExecutionFilter> {
        Ok(ExecutionFilter {
            agent: self.agent_id.map(|it| agents::find(cx, &it).map(|it| it.id)).transpose()?,
            workflow: self.workflow_id.map(|it| workflow(cx, &it)).transpose()?,
            status: self.status,
            session: self.session_id,
            batch: self.batch_id,
            dead: self.dead,
            from: self.from,
            to: self.to,
            q: self.q.filter(|it| !it.trim().is_empty()),
        })
    }
}

/// By its id also one that was deleted: its runs are there still.
fn workflow(cx: &Cx, id_or_slug: &str) -> Result<WorkflowId> {
    id_or_slug.parse().or_else(|_| workflows::find(cx, id_or_slug).map(|it| it.id))
}

/// `POST /api/executions/bulk`
async fn bulk(cx: Cx, body: Body<BulkRequest>) -> Reply<Found<BulkAnswer>> {
    let BulkRequest { filter, action, dry_run, version, cursor } = body.0;
    let cursor = cursor.as_deref().map(Cursor::parse).transpose()?;
    Ok(Found(ops::bulk(&cx, &filter.read(&cx)?, action, version, dry_run, cursor).await?))
}
