//! REST endpoints of triggers and events.

use actix_web::{HttpRequest, HttpResponse, Responder};
use schemars::JsonSchema;
use serde::Deserialize;

use super::ops::{self, Sample, TriggerFilter};
use super::types::{Kind, NewEvent, NewTrigger, Rotation, TriggerUpdate};
use super::view::{HitView, NewAddress, Published, Trial, TriggerView};
use crate::access::{Action, Cx};
use crate::base::{Code, Page, PageRequest, Result, TriggerId};
use crate::targets;
use crate::web::{
    Body, Created, Found, NoContent, Query, Reply, Route, expected_revision, part, tagged_revision,
};

const WRONG: &[Code] = &[Code::AgentNotFound, Code::Conflict, Code::Unavailable];

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/triggers", list)
            .needs(Action::TriggersRead)
            .says("What starts runs from elsewhere, newest first")
            .query::<ListQuery>()
            .answers::<Page<TriggerView>>(200, "One page of triggers")
            .errs(&[Code::AgentNotFound]),
        Route::post("/api/triggers", create)
            .needs(Action::TriggersWrite)
            .says("Give an agent or a chain an address that others call, or events that it hears")
            .takes::<NewTrigger>()
            .shows_secret_once()
            .answers::<NewAddress>(201, "The trigger with its address, and the secret where one was made")
            .errs(WRONG)
            .errs(&[Code::OrganizationLimitExceeded]),
        Route::get("/api/triggers/{trigger}", show)
            .needs(Action::TriggersRead)
            .of("trigger")
            .says("One trigger")
            .answers::<TriggerView>(200, "The trigger"),
        Route::put("/api/triggers/{trigger}", update)
            .needs(Action::TriggersWrite)
            .of("trigger")
            .says("Replace everything but the address and the secret; switch it on or off")
            .takes::<TriggerUpdate>()
            .answers::<TriggerView>(200, "The trigger as it is now")
            .errs(WRONG),
        Route::delete("/api/triggers/{trigger}", delete)
            .needs(Action::TriggersWrite)
            .of("trigger")
            .says("Delete a trigger; its address answers no more")
            .answers_plain(204, "Deleted", ""),
        Route::post("/api/triggers/{trigger}/rotate", rotate)
            .needs(Action::TriggersWrite)
            .of("trigger")
            .says("Put a new address in place of the old one, or a new secret beside it")
            .takes::<Rotation>()
            .shows_secret_once()
            .answers::<NewAddress>(200, "The trigger with what is new")
            .errs(&[Code::Conflict, Code::Unavailable, Code::PreconditionFailed]),
        Route::post("/api/triggers/{trigger}/test", test)
            .needs(Action::TriggersWrite)
            .of("trigger")
            .says("See what a call would come to, without a signature; and start the run where asked to")
            .takes::<Sample>()
            .answers::<Trial>(200, "What it comes to")
            .errs(&[Code::InvalidInput, Code::VersionConflict, Code::Stopped, Code::ResourceExhausted]),
        Route::get("/api/triggers/{trigger}/hits", hits)
            .needs(Action::TriggersRead)
            .of("trigger")
            .says("What became of the latest calls, newest first")
            .query::<HitQuery>()
            .answers::<Page<HitView>>(200, "One page of hits"),
        Route::post("/api/events", publish)
            .needs(Action::EventsPublish)
            .says("Publish a named event: a run starts for every trigger that hears it")
            .takes::<NewEvent>()
            .answers::<Published>(200, "What was started"),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TriggerQuery")]
struct ListQuery {
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u64>,
    cursor: Option<String>,
    kind: Option<Kind>,
    /// Id or slug.
    agent_id: Option<String>,
    /// Id or slug of a chain.
    workflow_id: Option<String>,
    /// A part of the name.
    q: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct HitQuery {
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u64>,
    cursor: Option<String>,
}

/// `GET /api/triggers`
async fn list(cx: Cx, query: Query<ListQuery>) -> Reply<Found<Page<TriggerView>>> {
    let query = query.0;
    let page = PageRequest::parse(query.limit, query.cursor.as_deref())?;
    let target = targets::narrowed(&cx, query.agent_id.as_deref(), query.workflow_id.as_deref())?;
    Ok(Found(ops::list(&cx, &TriggerFilter { kind: query.kind, target, q: query.q }, &page)?))
}

/// `POST /api/triggers`
async fn create(cx: Cx, request: HttpRequest, body: Body<NewTrigger>) -> Reply<HttpResponse> {
    let body = ops::create(&cx, body.0).await?;
    let (location, revision) = (format!("/api/triggers/{}", body.trigger.id), body.trigger.revision);
    Ok(tagged_revision(Created { location, body }.respond_to(&request), revision))
}

/// `GET /api/triggers/{trigger}`
async fn show(cx: Cx, request: HttpRequest) -> Reply<HttpResponse> {
    Ok(found(&request, ops::find(&cx, part(&request, "trigger")?)?))
}

/// `PUT /api/triggers/{trigger}`
async fn update(cx: Cx, request: HttpRequest, body: Body<TriggerUpdate>) -> Reply<HttpResponse> {
    let expected = expected(&cx, &request)?;
    Ok(found(&request, ops::update(&cx, part(&request, "trigger")?, body.0, expected).await?))
}

/// `DELETE /api/triggers/{trigger}`
async fn delete(cx: Cx, request: HttpRequest) -> Reply<NoContent> {
    let expected = expected(&cx, &request)?;
    ops::delete(&cx, part(&request, "trigger")?, expected).await?;
    Ok(NoContent)
}

/// `POST /api/triggers/{trigger}/rotate`
async fn rotate(cx: Cx, request: HttpRequest, body: Body<Rotation>) -> Reply<HttpResponse> {
    let expected = expected(&cx, &request)?;
    let rotated = ops::rotate(&cx, part(&request, "trigger")?, body.0, expected).await?;
    let revision = rotated.trigger.revision;
    Ok(tagged_revision(Found(rotated).respond_to(&request), revision))
}

/// `POST /api/triggers/{trigger}/test`
async fn test(cx: Cx, request: HttpRequest, body: Body<Sample>) -> Reply<Found<Trial>> {
    Ok(Found(ops::try_out(&cx, part(&request, "trigger")?, body.0).await?))
}

/// `GET /api/triggers/{trigger}/hits`
async fn hits(cx: Cx, request: HttpRequest, query: Query<HitQuery>) -> Reply<Found<Page<HitView>>> {
    let page = PageRequest::parse(query.0.limit, query.0.cursor.as_deref())?;
    Ok(Found(ops::hits(&cx, part(&request, "trigger")?, &page)?))
}

/// `POST /api/events`
async fn publish(cx: Cx, body: Body<NewEvent>) -> Reply<Found<Published>> {
    Ok(Found(ops::publish(&cx, body.0).await?))
}

fn found(request: &HttpRequest, view: TriggerView) -> HttpResponse {
    let revision = view.revision;
    tagged_revision(Found(view).respond_to(request), revision)
}

fn expected(cx: &Cx, request: &HttpRequest) -> Result<Option<u64>> {
    expected_revision(request, || Ok(ops::find(cx, part::<TriggerId>(request, "trigger")?)?.revision))
}
