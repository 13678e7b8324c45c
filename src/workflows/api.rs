//! REST endpoints of chains.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::Deserialize;

use super::input::{ChainUpdate, NewChain};
use super::ops::{self, ChainFilter, ChainRun};
use super::optimize::Optimization;
use super::view::{ChainView, Validation};
use crate::access::{Action, Cx};
use crate::base::{Code, Error, ExecutionId, Page, PageRequest, Result, Timestamp};
use crate::engine::Status;
use crate::executions::{self, ExecutionFilter, ExecutionView, TriggerKind};
use crate::web::{
    Body, Created, Found, NoContent, Query, Reply, Route, StreamQuery, check_match, finished, part, streamed,
    text_part,
};

const RUN_ERRORS: &[Code] = &[
    Code::NotFound,
    Code::AgentNotFound,
    Code::VersionConflict,
    Code::Stopped,
    Code::InvalidInput,
    Code::ResourceExhausted,
];

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/chains", list)
            .needs(Action::WorkflowsRead)
            .says("The chains that the caller may see, newest first")
            .query::<ChainQuery>()
            .answers::<Page<ChainView>>(200, "A page of chains"),
        Route::post("/api/chains", create)
            .needs(Action::WorkflowsWrite)
            .says("Make a chain: steps that each ask an agent, one after the other")
            .takes::<NewChain>()
            .answers::<ChainView>(201, "The chain")
            .errs(&[Code::ValidationFailed, Code::Conflict, Code::OrganizationLimitExceeded]),
        Route::post("/api/chains/validate", validate)
            .needs(Action::WorkflowsWrite)
            .says("The whole check of a chain without saving it: ids, expressions, agents, whether mappings fit")
            .takes::<NewChain>()
            .answers::<Validation>(200, "What was found"),
        Route::get("/api/chains/{chain}", show)
            .needs(Action::WorkflowsRead)
            .of("chain")
            .says("A chain")
            .answers::<ChainView>(200, "The chain")
            .errs(&[Code::NotFound]),
        Route::put("/api/chains/{chain}", update)
            .needs(Action::WorkflowsWrite)
            .of("chain")
            .says("Replace everything that can be changed; runs under way go on with what they began with")
            .takes::<ChainUpdate>()
            .answers::<ChainView>(200, "The chain as it is now")
            .errs(&[Code::NotFound, Code::ValidationFailed, Code::Conflict, Code::PreconditionFailed]),
        Route::delete("/api/chains/{chain}", delete)
            .needs(Action::WorkflowsWrite)
            .of("chain")
            .says("Delete a chain; what it did stays in the history")
            .answers_plain(204, "Deleted", "")
            .errs(&[Code::NotFound, Code::Conflict, Code::PreconditionFailed]),
        Route::post("/api/chains/{chain}/execute", execute)
            .needs(Action::WorkflowsExecute)
            .of("chain")
            .says("Run a chain and wait for its end, or for 202 where it takes longer than you wait")
            .takes::<ChainRun>()
            .answers::<ExecutionView>(200, "The finished run")
            .answers::<ExecutionView>(202, "The run as it stands; it goes on, and survives a crash")
            .errs(RUN_ERRORS)
            .errs(&[
                Code::ChainExecutionFailed,
                Code::ExecutionTimeout,
                Code::ExecutionCancelled,
                Code::Interrupted,
                Code::InvalidOutput,
            ]),
        Route::post("/api/chains/{chain}/execute/stream", execute_stream)
            .needs(Action::WorkflowsExecute)
            .of("chain")
            .says("Run a chain and follow its events; those of a step name it")
            .query::<StreamQuery>()
            .takes::<ChainRun>()
            .answers_plain(200, "Events of the run, to its end", "text/event-stream")
            .errs(RUN_ERRORS),
        Route::get("/api/chains/{chain}/executions", runs)
            .needs(Action::ExecutionsRead)
            .of("chain")
            .says("Runs of one chain, newest first")
            .query::<RunsQuery>()
            .answers::<Page<ExecutionView>>(200, "A page of runs")
            .errs(&[Code::NotFound]),
        Route::get("/api/chains/{chain}/optimize", optimize)
            .needs(Action::WorkflowsRead)
            .of("chain")
            .says("What the newest runs say about the chain's steps, and what could be better")
            .answers::<Optimization>(200, "Figures and suggestions")
            .errs(&[Code::NotFound]),
        Route::get("/api/chains/executions/{chain_run}", run)
            .needs(Action::ExecutionsRead)
            .of("chain_run")
            .says("One run of a chain")
            .answers::<ExecutionView>(200, "The run")
            .errs(&[Code::NotFound]),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ChainQuery {
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u64>,
    cursor: Option<String>,
    /// A part of name, slug or description.
    #[schemars(length(max = 200))]
    q: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RunsQuery {
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u64>,
    cursor: Option<String>,
    status: Option<Status>,
    /// Accepted at or after.
    from: Option<Timestamp>,
    /// Accepted before.
    to: Option<Timestamp>,
}

/// Id or slug, as it stands in the path.
fn chain_of(request: &HttpRequest) -> Result<&str> {
    text_part(request, "chain")
}

/// The revision that the caller has read, where the request says `If-Match`.
///
/// Errors: `PreconditionFailed` where the chain is another by now.
fn expected(cx: &Cx, request: &HttpRequest) -> Result<Option<u32>> {
    if !request.headers().contains_key(header::IF_MATCH) {
        return Ok(None);
    }
    let view = ops::find(cx, chain_of(request)?)?;
    check_match(request, &view)?;
    Ok(Some(view.revision))
}

/// `GET /api/chains`
async fn list(cx: Cx, query: Query<ChainQuery>) -> Reply<Found<Page<ChainView>>> {
    let page = PageRequest::parse(query.0.limit, query.0.cursor.as_deref())?;
    Ok(Found(ops::list(&cx, &ChainFilter { q: query.0.q }, &page)?))
}

/// `POST /api/chains`
async fn create(cx: Cx, body: Body<NewChain>) -> Reply<Created<ChainView>> {
    let body = ops::create(&cx, body.0).await?;
    Ok(Created { location: format!("/api/chains/{}", body.id), body })
}

/// `POST /api/chains/validate`
async fn validate(cx: Cx, body: Body<NewChain>) -> Reply<Found<Validation>> {
    Ok(Found(ops::validate(&cx, body.0)?))
}

/// `GET /api/chains/{chain}`
async fn show(cx: Cx, request: HttpRequest) -> Reply<Found<ChainView>> {
    Ok(Found(ops::find(&cx, chain_of(&request)?)?))
}

/// `PUT /api/chains/{chain}`
async fn update(cx: Cx, request: HttpRequest, body: Body<ChainUpdate>) -> Reply<Found<ChainView>> {
    let expected = expected(&cx, &request)?;
    Ok(Found(ops::update(&cx, chain_of(&request)?, body.0, expected).await?))
}

/// `DELETE /api/chains/{chain}`
async fn delete(cx: Cx, request: HttpRequest) -> Reply<NoContent> {
    let expected = expected(&cx, &request)?;
    ops::delete(&cx, chain_of(&request)?, expected).await?;
    Ok(NoContent)
}

/// `POST /api/chains/{chain}/execute`
async fn execute(cx: Cx, request: HttpRequest, body: Body<ChainRun>) -> Reply<HttpResponse> {
    let started = ops::execute(&cx, chain_of(&request)?, TriggerKind::Api, body.0.into()).await?;
    finished(&request, started).await
}

/// `POST /api/chains/{chain}/execute/stream`
async fn execute_stream(
    cx: Cx,
    request: HttpRequest,
    query: Query<StreamQuery>,
    body: Body<ChainRun>,
) -> Reply<HttpResponse> {
    let started = ops::execute(&cx, chain_of(&request)?, TriggerKind::Api, body.0.into()).await?;
    Ok(streamed(&cx, &request, started, query.0.on_disconnect))
}

/// `GET /api/chains/{chain}/executions`
async fn runs(cx: Cx, request: HttpRequest, query: Query<RunsQuery>) -> Reply<Found<Page<ExecutionView>>> {
    let workflow = Some(ops::find(&cx, chain_of(&request)?)?.id);
    let RunsQuery { limit, cursor, status, from, to } = query.0;
    let page = PageRequest::parse(limit, cursor.as_deref())?;
    let filter = ExecutionFilter { workflow, status, from, to, ..ExecutionFilter::default() };
    Ok(Found(executions::list(&cx, &filter, &page)?))
}

/// `GET /api/chains/{chain}/optimize`
async fn optimize(cx: Cx, request: HttpRequest) -> Reply<Found<Optimization>> {
    Ok(Found(ops::optimize(&cx, chain_of(&request)?)?))
}

/// `GET /api/chains/executions/{chain_run}`
async fn run(cx: Cx, request: HttpRequest) -> Reply<Found<ExecutionView>> {
    let id: ExecutionId = part(&request, "chain_run")?;
    let execution = executions::find(&cx, id)?;
    match execution.workflow_id {
        Some(_) => Ok(Found(execution)),
        None => Err(Error::not_found("execution", id)),
    }
}
