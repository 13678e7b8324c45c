//! What a batch came to, line by line.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ops::visible;
use crate::access::Cx;
use crate::base::{BatchId, Code, ExecutionId, Json, Page, PageRequest, Result};
use crate::engine::Status;
use crate::executions::store::BY_BATCH;
use crate::executions::types::Execution;
use crate::infra::store::{Key, Order, Rows};

/// One line of a batch: its newest run.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BatchResult {
    /// Counted from 1, as the inputs were handed in.
    pub line: u32,
    pub execution_id: ExecutionId,
    pub status: Status,
    pub input: Json,
    pub output: Option<Json>,
    pub error: Option<LineError>,
    pub attempts: u32,
    pub duration_ms: Option<u64>,
    pub cost_micros: Option<i64>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct LineError {
    pub code: Code,
    pub message: String,
}

/// In the order of the inputs.
///
/// Errors: `NotFound` where the caller may not see the batch.
pub fn results(cx: &Cx, id: BatchId, page: &PageRequest) -> Result<Page<BatchResult>> {
    visible(cx, &cx.read()?, id)?;
    let (found, next) = cx.read()?.page::<Execution>(BY_BATCH, Key::of(id), Order::Oldest, page, |_| true)?;
    Ok(Page::new(found.into_iter().filter_map(|it| line_of(cx, it)).collect(), next))
}

fn line_of(cx: &Cx, run: Execution) -> Option<BatchResult> {
    let line = run.batch?.line;
    let underway = if run.status.has_ended() { None } else { cx.services().engine.underway(run.id) };
    let is_at_work = run.status == Status::Pending && underway.is_some_and(|it| it.since.is_some());
    let took = run.started_at.zip(run.completed_at).map(|(from, to)| to.since(from));
    Some(BatchResult {
        line,
        execution_id: run.id,
        status: if is_at_work { Status::Running } else { run.status },
        input: run.input,
        output: run.output,
        error: run.failure.map(|it| LineError { code: it.code, message: it.message }),
        attempts: run.attempts.max(underway.map_or(0, |it| it.attempts)),
        duration_ms: took,
        cost_micros: run.usage.known_cost_micros(),
    })
}
