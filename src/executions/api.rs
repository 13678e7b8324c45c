//! REST endpoints of runs.

use actix_web::{HttpRequest, HttpResponse, Responder};
use futures_util::{Stream, StreamExt};
use schemars::JsonSchema;
use serde::Deserialize;

use super::list::{ExecutionFilter, list};
use super::logs::{LogLine, logs};
use super::ops::{self, Started, VersionChoice};
use super::types::{ExecutionView, NewExecution, TriggerKind};
use super::{StreamEvent, error_of, follow};
use crate::access::{Action, Cx};
use crate::adapters::LogLevel;
use crate::agents;
use crate::base::{AgentId, Code, Error, ExecutionId, Json, Page, PageRequest, Result, Timestamp};
use crate::engine::Status;
use crate::web::{
    Accepted, Body, Found, MaybeBody, Query, Reply, Route, SseAnswer, SseEvent, part, resume_after,
    sse_channel, sse_channel_attentive, text_part,
};

const RUN_ERRORS: &[Code] = &[
    Code::AgentNotFound,
    Code::VersionConflict,
    Code::InvalidInput,
    Code::ResourceExhausted,
    Code::ExecutionFailed,
    Code::ExecutionTimeout,
    Code::ExecutionCancelled,
    Code::Interrupted,
    Code::InvalidOutput,
    Code::EgressDenied,
    Code::CredentialInvalid,
];

pub fn routes() -> Vec<Route> {
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
            .errs(&[Code::AgentNotFound, Code::VersionConflict, Code::InvalidInput, Code::ResourceExhausted]),
        Route::post("/api/executions", create)
            .needs(Action::AgentsExecute)
            .says("Run an agent named in the body")
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
    /// Id or slug.
    agent_id: String,
    /// Must fit the agent's input schema.
    input: Json,
    #[serde(default)]
    session_id: Option<String>,
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

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum OnDisconnect {
    #[default]
    Continue,
    Cancel,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StreamQuery {
    /// What becomes of the run when you leave before its end.
    #[serde(default)]
    on_disconnect: OnDisconnect,
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
    let NewExecutionOf { agent_id, input, session_id, version, wait_ms, timeout_ms, priority, metadata } =
        body.0;
    let new = NewExecution { input, session_id, version, wait_ms, timeout_ms, priority, metadata };
    let started = ops::start(&cx, &agent_id, TriggerKind::Api, new).await?;
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
    let (id, deprecated) = (started.id, started.deprecated);
    let cancel = (query.0.on_disconnect == OnDisconnect::Cancel).then(|| (cx.clone(), id));
    let mut answer = feed(started.stream(), cancel).respond_to(&request);
    mark(&mut answer, id, deprecated);
    Ok(answer)
}

/// `GET /api/executions/{execution}/events`
async fn events(cx: Cx, request: HttpRequest, query: Query<EventsQuery>) -> Reply<SseAnswer> {
    let id: ExecutionId = part(&request, "execution")?;
    let after = resume_after(&request, query.0.after)?.unwrap_or(0);
    Ok(feed(follow(&cx, id, after)?, None))
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
        workflow: query.workflow_id.map(|it| it.parse()).transpose()?,
        status: query.status,
        session: query.session_id,
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

/// `200` with the finished run, its error where it failed, `202` where it goes on.
async fn finished(request: &HttpRequest, started: Started) -> Reply<HttpResponse> {
    let (id, deprecated) = (started.id, started.deprecated);
    let execution = started.wait().await?;
    if let Some(error) = error_of(&execution) {
        return Err(error);
    }
    let mut answer = if execution.status.has_ended() {
        Found(execution).respond_to(request)
    } else {
        Accepted { location: location(id), body: execution }.respond_to(request)
    };
    mark(&mut answer, id, deprecated);
    Ok(answer)
}

fn location(id: ExecutionId) -> String {
    format!("/api/executions/{id}")
}

fn mark(answer: &mut HttpResponse, id: ExecutionId, deprecated: bool) {
    use actix_web::http::header::{HeaderName, HeaderValue, LOCATION};
    if let Ok(value) = HeaderValue::from_str(&location(id)) {
        answer.headers_mut().insert(LOCATION, value);
    }
    if deprecated {
        answer.headers_mut().insert(HeaderName::from_static("deprecation"), HeaderValue::from_static("true"));
    }
}

/// Sends a run's events to whoever reads the answer; `cancel` ends the run where the reader leaves first.
pub(super) fn feed(
    events: impl Stream<Item = Result<StreamEvent>> + 'static,
    cancel: Option<(Cx, ExecutionId)>,
) -> SseAnswer {
    let (sender, answer) = if cancel.is_some() { sse_channel_attentive() } else { sse_channel() };
    actix_web::rt::spawn(async move {
        let mut events = std::pin::pin!(events);
        loop {
            let next = tokio::select! {
                next = events.next() => next,
                () = sender.gone() => break,
            };
            let Some(event) = next else { return };
            let event = match event {
                Ok(event) => event,
                Err(error) => {
                    tracing::error!(cause = ?error, "a stream of events broke off");
                    return;
                }
            };
            let event =
                SseEvent::of_json(Some(event.sequence), event.kind.name(), event.data.as_str().as_bytes());
            if sender.send(event).await.is_err() {
                break;
            }
        }
        if let Some((cx, id)) = cancel
            && let Err(error) = ops::cancel(&cx, id).await
        {
            tracing::warn!(execution.id = %id, cause = ?error, "a run whose reader left could not be cancelled");
        }
    });
    answer
}
