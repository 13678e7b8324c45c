//! REST endpoints of schedules.

use actix_web::http::header::{ETAG, HeaderValue, IF_MATCH};
use actix_web::{HttpRequest, HttpResponse, Responder};
use schemars::JsonSchema;
use serde::Deserialize;

use super::input::NewSchedule;
use super::ops;
use super::types::Outcome;
use super::view::{Preview, ScheduleFilter, ScheduleView, TickView};
use crate::access::{Action, Cx};
use crate::base::{Code, Error, Json, Page, PageRequest, Result, ScheduleId};
use crate::executions::ExecutionView;
use crate::targets;
use crate::web::{Accepted, Body, Created, Found, MaybeBody, NoContent, Query, Reply, Route, part};

const WRONG: &[Code] =
    &[Code::NotFound, Code::AgentNotFound, Code::VersionConflict, Code::Stopped, Code::InvalidInput];

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/schedules", list)
            .needs(Action::SchedulesRead)
            .says("Schedules of agents and chains that the caller may see, newest first")
            .query::<ListQuery>()
            .answers::<Page<ScheduleView>>(200, "One page of schedules")
            .errs(&[Code::AgentNotFound]),
        Route::post("/api/schedules", create)
            .needs(Action::SchedulesWrite)
            .says("Let an agent or a chain run by itself, by a cron line in a time zone")
            .takes::<NewSchedule>()
            .answers::<ScheduleView>(201, "The schedule")
            .errs(WRONG)
            .errs(&[Code::OrganizationLimitExceeded]),
        Route::post("/api/schedules/preview", preview)
            .needs(Action::SchedulesRead)
            .says("What a cron line says in words, and when it would fire next; keeps nothing")
            .takes::<PreviewRequest>()
            .answers::<Preview>(200, "The line in words, and its next five ticks"),
        Route::get("/api/schedules/{schedule}", show)
            .needs(Action::SchedulesRead)
            .of("schedule")
            .says("One schedule")
            .answers::<ScheduleView>(200, "The schedule")
            .errs(&[Code::NotFound]),
        Route::put("/api/schedules/{schedule}", update)
            .needs(Action::SchedulesWrite)
            .of("schedule")
            .says("Replace everything that can be changed; with other times, the first tick is the first after now")
            .takes::<NewSchedule>()
            .answers::<ScheduleView>(200, "The schedule as it is now")
            .errs(WRONG)
            .errs(&[Code::NotFound, Code::PreconditionFailed]),
        Route::delete("/api/schedules/{schedule}", delete)
            .needs(Action::SchedulesWrite)
            .of("schedule")
            .says("Delete a schedule and its history; the runs that it began stay")
            .answers_plain(204, "Deleted", "")
            .errs(&[Code::NotFound, Code::PreconditionFailed]),
        Route::post("/api/schedules/{schedule}/run", run)
            .needs(Action::SchedulesRun)
            .of("schedule")
            .says("Run it now, also while it is switched off")
            .may_take::<RunRequest>()
            .answers::<ExecutionView>(202, "The run as it stands; it goes on, and survives a crash")
            .errs(WRONG)
            .errs(&[Code::NotFound, Code::ResourceExhausted]),
        Route::post("/api/schedules/{schedule}/enable", enable)
            .needs(Action::SchedulesWrite)
            .of("schedule")
            .says("Switch it on: the first tick is the first after now")
            .answers::<ScheduleView>(200, "The schedule, active")
            .errs(WRONG)
            .errs(&[Code::NotFound]),
        Route::post("/api/schedules/{schedule}/disable", disable)
            .needs(Action::SchedulesWrite)
            .of("schedule")
            .says("Switch it off; what is under way goes on")
            .answers::<ScheduleView>(200, "The schedule, switched off")
            .errs(&[Code::NotFound]),
        Route::get("/api/schedules/{schedule}/history", history)
            .needs(Action::SchedulesRead)
            .of("schedule")
            .says("What became of its ticks, newest first: each was fired, waits, or was skipped for a reason")
            .query::<HistoryQuery>()
            .answers::<Page<TickView>>(200, "One page of ticks")
            .errs(&[Code::NotFound]),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ScheduleQuery")]
struct ListQuery {
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u64>,
    cursor: Option<String>,
    /// Id or slug.
    agent_id: Option<String>,
    /// Id or slug of a chain.
    workflow_id: Option<String>,
    active: Option<bool>,
    /// A part of name or description.
    #[schemars(length(max = 200))]
    q: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SchedulePreviewRequest")]
struct PreviewRequest {
    #[schemars(length(min = 1, max = 200))]
    cron: String,
    /// `UTC` where it is left out.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    time_zone: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct HistoryQuery {
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u64>,
    cursor: Option<String>,
    outcome: Option<Outcome>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ScheduleRunRequest")]
struct RunRequest {
    /// Stands for the schedule's own, this once.
    #[serde(default)]
    input: Option<Json>,
}

/// `GET /api/schedules`
async fn list(cx: Cx, query: Query<ListQuery>) -> Reply<Found<Page<ScheduleView>>> {
    let ListQuery { limit, cursor, agent_id, workflow_id, active, q } = query.0;
    let page = PageRequest::parse(limit, cursor.as_deref())?;
    let target = targets::narrowed(&cx, agent_id.as_deref(), workflow_id.as_deref())?;
    Ok(Found(ops::list(&cx, &ScheduleFilter { target, active, q }, &page)?))
}

/// `POST /api/schedules`
async fn create(cx: Cx, request: HttpRequest, body: Body<NewSchedule>) -> Reply<HttpResponse> {
    let body = ops::create(&cx, body.0).await?;
    let (location, revision) = (format!("/api/schedules/{}", body.id), body.revision);
    Ok(tagged(Created { location, body }.respond_to(&request), revision))
}

/// `POST /api/schedules/preview`
async fn preview(cx: Cx, body: Body<PreviewRequest>) -> Reply<Found<Preview>> {
    let zone = body.0.time_zone.as_deref().unwrap_or("UTC");
    Ok(Found(ops::preview(&cx, &body.0.cron, zone)?))
}

/// `GET /api/schedules/{schedule}`
async fn show(cx: Cx, request: HttpRequest) -> Reply<HttpResponse> {
    Ok(found(&request, ops::find(&cx, part(&request, "schedule")?)?))
}

/// `PUT /api/schedules/{schedule}`
async fn update(cx: Cx, request: HttpRequest, body: Body<NewSchedule>) -> Reply<HttpResponse> {
    let expected = expected(&cx, &request)?;
    Ok(found(&request, ops::update(&cx, part(&request, "schedule")?, body.0, expected).await?))
}

/// `DELETE /api/schedules/{schedule}`
async fn delete(cx: Cx, request: HttpRequest) -> Reply<NoContent> {
    let expected = expected(&cx, &request)?;
    ops::delete(&cx, part(&request, "schedule")?, expected).await?;
    Ok(NoContent)
}

/// `POST /api/schedules/{schedule}/run`
async fn run(cx: Cx, request: HttpRequest, body: MaybeBody<RunRequest>) -> Reply<Accepted<ExecutionView>> {
    let body = ops::run(&cx, part(&request, "schedule")?, body.0.input).await?;
    Ok(Accepted { location: format!("/api/executions/{}", body.id), body })
}

/// `POST /api/schedules/{schedule}/enable`
async fn enable(cx: Cx, request: HttpRequest) -> Reply<HttpResponse> {
    Ok(found(&request, ops::enable(&cx, part(&request, "schedule")?).await?))
}

/// `POST /api/schedules/{schedule}/disable`
async fn disable(cx: Cx, request: HttpRequest) -> Reply<HttpResponse> {
    Ok(found(&request, ops::disable(&cx, part(&request, "schedule")?).await?))
}

/// `GET /api/schedules/{schedule}/history`
async fn history(cx: Cx, request: HttpRequest, query: Query<HistoryQuery>) -> Reply<Found<Page<TickView>>> {
    let page = PageRequest::parse(query.0.limit, query.0.cursor.as_deref())?;
    Ok(Found(ops::history(&cx, part(&request, "schedule")?, query.0.outcome, &page)?))
}

fn found(request: &HttpRequest, view: ScheduleView) -> HttpResponse {
    let revision = view.revision;
    tagged(Found(view).respond_to(request), revision)
}

/// The tag names what a person changed. One over the whole answer would change with every tick.
fn tagged(mut answer: HttpResponse, revision: u64) -> HttpResponse {
    if let Ok(tag) = HeaderValue::from_str(&tag_of(revision)) {
        answer.headers_mut().insert(ETAG, tag);
    }
    answer
}

fn tag_of(revision: u64) -> String {
    format!("\"r{revision}\"")
}

/// The revision that the caller has read, where the request says `If-Match`.
///
/// Errors: `PreconditionFailed` where it is another one.
fn expected(cx: &Cx, request: &HttpRequest) -> Result<Option<u64>> {
    let mut tags = request.headers().get_all(IF_MATCH).filter_map(|it| it.to_str().ok()).peekable();
    if tags.peek().is_none() {
        return Ok(None);
    }
    let revision = ops::find(cx, part::<ScheduleId>(request, "schedule")?)?.revision;
    let ours = tag_of(revision);
    let is_named = tags
        .flat_map(|it| it.split(','))
        .map(str::trim)
        .any(|it| it == "*" || it.strip_prefix("W/").unwrap_or(it) == ours);
    match is_named {
        true => Ok(Some(revision)),
        false => {
            Err(Error::new(Code::PreconditionFailed, "this was changed since you read it; read it again"))
        }
    }
}
