//! REST endpoints of runs.

mod batches;
mod bulk;
mod sessions;

use actix_web::{HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::access::{Action, Cx};
use crate::adapters::LogLevel;
use crate::agents;
use crate::base::{AgentId, BatchId, Code, Error, ExecutionId, Json, Page, PageRequest, Timestamp};
use crate::engine::Status;
use crate::executions::follow;
use crate::executions::list::{ExecutionFilter, list};
use crate::executions::logs::{LogLine, logs};
use crate::executions::ops::{self, VersionChoice};
use crate::executions::sessions::OnBusy;
use crate::executions::types::{ExecutionView, NewExecution, TriggerKind};
use crate::web::{
    Body, Found, MaybeBody, Query, Reply, Route, SseAnswer, StreamQuery, finished, part, resume_after,
    run_events, streamed, text_part,
};
use crate::workflows;

const RUN_ERRORS: &[Code] = &[
    Code::AgentNotFound,
    Code::VersionConflict,
    Code::Stopped,
    Code::InvalidInput,
    Code::ResourceExhausted,
    Code::ExecutionFailed,
    Code::ExecutionTimeout,
    Code::ExecutionCancelled,
    Code::Interrupted,
    Code::ChainExecutionFailed,
    Code::InvalidOutput,
    Code::EgressDenied,
    Code::CredentialInvalid,
];

pub fn routes() -> Vec<Route> {
    [runs(), batches::routes(), bulk::routes(), sessions::routes()].into_iter().flatten().collect()
}

fn runs() -> Vec<Route> {
    vec![
        Route::post("/api/agents/{agent}/execute", execute)
            .needs(Action::AgentsExecute)
            .of("agent")
            .says("Run an agent and wait for its end, or for 202 where it takes longer than you wait")
            .takes::<NewExecution>()
            .answers::<ExecutionView>(200, "The finished run")
            .answers::<ExecutionView>(202, "The run as it stands; it goes on, and survives a crash")
            .errs(RUN_ERRORS),
        Route::post("/api/agents/{agent}/execute/stream", execute_stream)
            .needs(Action::AgentsExecute)
            .of("agent")
            .says("Run an agent and follow its events")
            .query::<StreamQuery>()
            .takes::<NewExecution>()
            .answers_plain(200, "Events of the run, to its end", "text/event-stream")
            .errs(&[Code::AgentNotFound, Code::VersionConflict, Code::Stopped, Code::InvalidInput, Code::ResourceExhausted]),
        Route::post("/api/executions", create)
            .needs(Action::AgentsExecute)
            .says("Run an agent or a workflow named in the body")
            .takes::<NewExecutionOf>()
            .answers::<ExecutionView>(200, "The finished run")
            .answers::<ExecutionView>(202, "The run as it stands")
            .errs(RUN_ERRORS),
        Route::get("/api/executions", list_all)
            .needs(Action::ExecutionsRead)
            .says("Runs, newest first")
            .query::<ListQuery>()
            .answers::<Page<ExecutionView>>(200, "One page of runs")
            .errs(&[Code::AgentNotFound]),
        Route::get("/api/agents/{agent}/executions", list_of_agent)
            .needs(Action::ExecutionsRead)
            .of("agent")
            .says("Runs of one agent, newest first")
            .query::<ListQuery>()
            .answers::<Page<ExecutionView>>(200, "One page of runs")
            .errs(&[Code::AgentNotFound]),
        Route::get("/api/executions/{execution}", show)
            .needs(Action::ExecutionsRead)
            .of("execution")
            .says("One run")
            .answers::<ExecutionView>(200, "The run")
            .errs(&[Code::NotFound]),
        Route::get("/api/agents/{agent}/executions/{execution}", show_of_agent)
            .needs(Action::ExecutionsRead)
            .of("execution")
            .says("One run of an agent")
            .answers::<ExecutionView>(200, "The run")
            .errs(&[Code::NotFound, Code::AgentNotFound]),
        Route::get("/api/executions/{execution}/events", events)
            .needs(Action::ExecutionsRead)
            .of("execution")
            .says("The run's events, from Last-Event-ID (or after) on, to its end")
            .query::<EventsQuery>()
            .answers_plain(200, "Events of the run", "text/event-stream")
            .errs(&[Code::NotFound]),
        Route::get("/api/executions/{execution}/logs", log_lines)
            .needs(Action::ExecutionsRead)
            .of("execution")
            .says("Log lines of a run, oldest first")
            .query::<LogQuery>()
            .answers::<Page<LogLine>>(200, "One page of lines")
            .errs(&[Code::NotFound]),
        Route::post("/api/executions/{execution}/cancel", cancel)
            .needs(Action::ExecutionsCancel)
            .of("execution")
            .says("End a run; one that has ended stays as it is")
            .answers::<ExecutionView>(200, "The run, ended")
            .errs(&[Code::NotFound]),
        Route::post("/api/executions/{execution}/pause", pause)
            .needs(Action::ExecutionsCancel)
            .of("execution")
            .says("Let a run wait until it is resumed: one that has not begun, or a workflow's before its next step")
            .answers::<ExecutionView>(200, "The run; one that is at work waits once its step has ended")
            .errs(&[Code::NotFound, Code::Conflict]),
        Route::post("/api/executions/{execution}/resume", resume)
            .needs(Action::ExecutionsCancel)
            .of("execution")
            .says("Let a paused run go on; the time it waited does not count against its limit")
            .answers::<ExecutionView>(200, "The run")
            .errs(&[Code::NotFound, Code::Conflict]),
        Route::post("/api/executions/{execution}/retry", retry)
            .needs(Action::ExecutionsRetry)
            .of("execution")
            .says("Run the same input once more, as a new run")
            .may_take::<RetryRequest>()
            .answers::<ExecutionView>(200, "The finished run")
            .answers::<ExecutionView>(202, "The run as it stands")
            .errs(RUN_ERRORS)
            .errs(&[Code::NotFound, Code::Conflict]),
        Route::post("/hooks/callbacks/{token}", callback)
            .bare()
            .says("Where an agent that answers later leaves its answer, once")
            .answers_plain(204, "Taken", "application/json")
            .errs(&[Code::NotFound]),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewExecutionOf {
    /// Id or slug. Either this or `workflow_id`.
    #[serde(default)]
    agent_id: Option<String>,
    /// Id or slug of a chain.
    #[serde(default)]
    workflow_id: Option<String>,
    /// Must fit the input schema of what runs.
    input: Json,
    #[serde(default)]
    session_id: Option<String>,
    #[serde(default)]
    on_busy: Option<OnBusy>,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    #[schemars(range(min = 0, max = 300_000))]
    wait_ms: Option<u64>,
    #[serde(default)]
    #[schemars(range(min = 1, max = 86_400_000))]
    timeout_ms: Option<u64>,
    #[serde(default)]
    #[schemars(range(min = -100, max = 100))]
    priority: Option<i8>,
    #[serde(default)]
    metadata: Option<Json>,
    /// Where the whole run is sent when it has ended.
    #[serde(default)]
    #[schemars(length(max = 2048))]
    callback_url: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RetryRequest {
    #[serde(default)]
    version: VersionChoice,
    #[serde(default)]
    #[schemars(range(min = 0, max = 300_000))]
    wait_ms: Option<u64>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EventsQuery {
    /// Begin behind this event; the header Last-Event-ID goes before it.
    after: Option<u64>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u64>,
    cursor: Option<String>,
    status: Option<Status>,
    /// Id or slug.
    agent_id: Option<String>,
    session_id: Option<String>,
    workflow_id: Option<String>,
    batch_id: Option<BatchId>,
    /// `true`: dead letters, which failed or ran out of time, have no attempts left, and were not tried again.
    #[serde(default)]
    dead: bool,
    /// Accepted at or after.
    from: Option<Timestamp>,
    /// Accepted before.
    to: Option<Timestamp>,
    /// Words in input, output or error.
    q: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LogQuery {
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u64>,
    cursor: Option<String>,
    /// This level and those above.
    level: Option<LogLevel>,
}

/// `POST /api/agents/{agent}/execute`
async fn execute(cx: Cx, request: HttpRequest, body: Body<NewExecution>) -> Reply<HttpResponse> {
    let agent = text_part(&request, "agent")?;
    let started = ops::start(&cx, agent, TriggerKind::Api, body.0).await?;
    finished(&request, started).await
}

/// `POST /api/executions`
async fn create(cx: Cx, request: HttpRequest, body: Body<NewExecutionOf>) -> Reply<HttpResponse> {
    let it = body.0;
    let new = NewExecution {
        input: it.input,
        session_id: it.session_id,
        on_busy: it.on_busy,
        version: it.version,
        wait_ms: it.wait_ms,
        timeout_ms: it.timeout_ms,
        priority: it.priority,
        metadata: it.metadata,
        callback_url: it.callback_url,
    };
    let started = match (&it.agent_id, &it.workflow_id) {
        (Some(agent), None) => ops::start(&cx, agent, TriggerKind::Api, new).await?,
        (None, Some(workflow)) => workflows::execute(&cx, workflow, TriggerKind::Api, new).await?,
        _ => return Err(Error::invalid_at("agent_id", "name either an agent_id or a workflow_id")),
    };
    finished(&request, started).await
}

/// `POST /api/executions/{execution}/retry`
async fn retry(cx: Cx, request: HttpRequest, body: MaybeBody<RetryRequest>) -> Reply<HttpResponse> {
    let id: ExecutionId = part(&request, "execution")?;
    let RetryRequest { version, wait_ms } = body.0;
    let started = ops::retry(&cx, id, version, wait_ms).await?;
    finished(&request, started).await
}

/// `POST /api/agents/{agent}/execute/stream`
async fn execute_stream(
    cx: Cx,
    request: HttpRequest,
    query: Query<StreamQuery>,
    body: Body<NewExecution>,
) -> Reply<HttpResponse> {
    let agent = text_part(&request, "agent")?;
    let started = ops::start(&cx, agent, TriggerKind::Api, body.0).await?;
    Ok(streamed(&cx, &request, started, query.0.on_disconnect))
}

/// `GET /api/executions/{execution}/events`
async fn events(cx: Cx, request: HttpRequest, query: Query<EventsQuery>) -> Reply<SseAnswer> {
    let id: ExecutionId = part(&request, "execution")?;
    let after = resume_after(&request, query.0.after)?.unwrap_or(0);
    Ok(run_events(follow(&cx, id, after)?, None))
}

/// `GET /api/executions`
async fn list_all(cx: Cx, query: Query<ListQuery>) -> Reply<Found<Page<ExecutionView>>> {
    let query = query.0;
    let agent = match &query.agent_id {
        Some(agent) => Some(agents::find(&cx, agent)?.id),
        None => None,
    };
    page(&cx, agent, query)
}

/// `GET /api/agents/{agent}/executions`
async fn list_of_agent(
    cx: Cx,
    request: HttpRequest,
    query: Query<ListQuery>,
) -> Reply<Found<Page<ExecutionView>>> {
    let agent = agents::find(&cx, text_part(&request, "agent")?)?.id;
    page(&cx, Some(agent), query.0)
}

fn page(cx: &Cx, agent: Option<AgentId>, query: ListQuery) -> Reply<Found<Page<ExecutionView>>> {
    let request = PageRequest::parse(query.limit, query.cursor.as_deref())?;
    let filter = ExecutionFilter {
        agent,
        workflow: query.workflow_id.map(|it| workflows::find(cx, &it)).transpose()?.map(|it| it.id),
        status: query.status,
        session: query.session_id,
        batch: query.batch_id,
        dead: query.dead,
        from: query.from,
        to: query.to,
        q: query.q.filter(|it| !it.trim().is_empty()),
    };
    Ok(Found(list(cx, &filter, &request)?))
}

/// `GET /api/executions/{execution}`
async fn show(cx: Cx, request: HttpRequest) -> Reply<Found<ExecutionView>> {
    Ok(Found(ops::find(&cx, part(&request, "execution")?)?))
}

/// `GET /api/agents/{agent}/executions/{execution}`
async fn show_of_agent(cx: Cx, request: HttpRequest) -> Reply<Found<ExecutionView>> {
    let agent = agents::find(&cx, text_part(&request, "agent")?)?.id;
    let id: ExecutionId = part(&request, "execution")?;
    let execution = ops::find(&cx, id)?;
    if execution.agent_id != Some(agent) {
        return Err(Error::not_found("execution", id));
    }
    Ok(Found(execution))
}

/// `GET /api/executions/{execution}/logs`
async fn log_lines(cx: Cx, request: HttpRequest, query: Query<LogQuery>) -> Reply<Found<Page<LogLine>>> {
    let id: ExecutionId = part(&request, "execution")?;
    let page = PageRequest::parse(query.0.limit, query.0.cursor.as_deref())?;
    Ok(Found(logs(&cx, id, query.0.level.unwrap_or(LogLevel::Debug), &page)?))
}

/// `POST /api/executions/{execution}/cancel`
async fn cancel(cx: Cx, request: HttpRequest) -> Reply<Found<ExecutionView>> {
    Ok(Found(ops::cancel(&cx, part(&request, "execution")?).await?))
}

/// `POST /api/executions/{execution}/pause`
async fn pause(cx: Cx, request: HttpRequest) -> Reply<Found<ExecutionView>> {
    Ok(Found(ops::pause(&cx, part(&request, "execution")?).await?))
}

/// `POST /api/executions/{execution}/resume`
async fn resume(cx: Cx, request: HttpRequest) -> Reply<Found<ExecutionView>> {
    Ok(Found(ops::resume(&cx, part(&request, "execution")?).await?))
}

/// `POST /hooks/callbacks/{token}`
async fn callback(
    state: actix_web::web::Data<crate::web::WebState>,
    request: HttpRequest,
    body: Body<Json>,
) -> Reply<crate::web::NoContent> {
    let token = text_part(&request, "token")?;
    if state.services.callbacks.deliver(token, body.0) {
        return Ok(crate::web::NoContent);
    }
    Err(Error::new(
        Code::NotFound,
        "nobody waits at this address; it takes one answer, while its run goes on",
    ))
}
