//! The agents themselves: list, create, read, change, delete, copy, share.

use actix_web::HttpRequest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::filter::{AgentFilter, Sort};
use super::super::input::{AgentPatch, AgentUpdate, NewAgent};
use super::super::ops;
use super::super::rights::Grant;
use super::super::status::Status;
use super::super::types::{Health, Visibility};
use super::super::view::AgentView;
use super::{WRONG, agent_of, expected};
use crate::access::{Action, Cx};
use crate::base::{Code, Page, PageRequest};
use crate::web::{Body, Created, Found, MaybeBody, NoContent, Query, Reply, Route, check_match};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/agents", list)
            .needs(Action::AgentsRead)
            .says("The agents that the caller may see.")
            .query::<AgentQuery>()
            .answers::<Page<AgentView>>(200, "A page of agents."),
        Route::post("/api/agents", create)
            .needs(Action::AgentsWrite)
            .says("Makes an agent, whose first version is the draft 1.0.0.")
            .takes::<NewAgent>()
            .answers::<AgentView>(201, "The agent.")
            .errs(WRONG)
            .errs(&[Code::AgentCreationFailed, Code::OrganizationLimitExceeded]),
        Route::get("/api/agents/{agent}", find)
            .needs(Action::AgentsRead)
            .of("agent")
            .says("An agent, with the definition of its draft where there is one, else of what runs.")
            .answers::<AgentView>(200, "The agent.")
            .errs(&[Code::AgentNotFound]),
        Route::put("/api/agents/{agent}", update)
            .needs(Action::AgentsWrite)
            .of("agent")
            .says("Replaces everything that can be changed. The definition goes to the draft, which is opened with the next number where there is none.")
            .takes::<AgentUpdate>()
            .answers::<AgentView>(200, "The agent as it is now.")
            .errs(WRONG)
            .errs(&[Code::AgentNotFound, Code::VersionConflict]),
        Route::patch("/api/agents/{agent}", patch)
            .needs(Action::AgentsWrite)
            .of("agent")
            .says("Changes what a JSON merge patch names. A draft is opened only where the definition changes.")
            .takes::<AgentPatch>()
            .answers::<AgentView>(200, "The agent as it is now.")
            .errs(WRONG)
            .errs(&[Code::AgentNotFound, Code::VersionConflict]),
        Route::delete("/api/agents/{agent}", delete)
            .needs(Action::AgentsWrite)
            .of("agent")
            .says("Deletes an agent with all its versions. What it did stays in the history.")
            .answers_plain(204, "Deleted.", "")
            .errs(&[Code::AgentNotFound, Code::Conflict]),
        Route::post("/api/agents/{agent}/clone", clone_agent)
            .needs(Action::AgentsWrite)
            .of("agent")
            .says("Copies an agent as a private draft of the caller's own.")
            .may_take::<CloneRequest>()
            .answers::<AgentView>(201, "The copy.")
            .errs(&[Code::AgentNotFound, Code::DuplicateAgentName, Code::AgentCreationFailed])
            .errs(&[Code::OrganizationLimitExceeded, Code::VisibilityViolation]),
        Route::get("/api/agents/{agent}/permissions", permissions)
            .needs(Action::AgentsShare)
            .of("agent")
            .says("With whom an agent is shared, beside its owner, the admins, and those who see it anyway.")
            .answers::<Permissions>(200, "The permissions.")
            .errs(&[Code::AgentNotFound]),
        Route::put("/api/agents/{agent}/permissions", set_permissions)
            .needs(Action::AgentsShare)
            .of("agent")
            .says("Replaces all permissions.")
            .takes::<Permissions>()
            .answers::<Permissions>(200, "The permissions as they are now.")
            .errs(&[Code::AgentNotFound]),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AgentQuery {
    /// Items on a page.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    #[schemars(length(max = 400))]
    cursor: Option<String>,
    agent_type: Option<String>,
    status: Option<Status>,
    health: Option<Health>,
    tag: Option<String>,
    capability: Option<String>,
    visibility: Option<Visibility>,
    enabled: Option<bool>,
    /// A part of name, slug or description.
    #[schemars(length(max = 200))]
    q: Option<String>,
    sort: Option<Sort>,
}

/// `GET /api/agents`
async fn list(cx: Cx, query: Query<AgentQuery>) -> Reply<Found<Page<AgentView>>> {
    let it = query.0;
    let page = PageRequest::parse(it.limit, it.cursor.as_deref())?;
    let filter = AgentFilter {
        agent_type: it.agent_type,
        status: it.status,
        health: it.health,
        tag: it.tag,
        capability: it.capability,
        visibility: it.visibility,
        enabled: it.enabled,
        q: it.q,
        sort: it.sort.unwrap_or_default(),
    };
    Ok(Found(ops::list(&cx, &filter, &page)?))
}

/// `POST /api/agents`
async fn create(cx: Cx, body: Body<NewAgent>) -> Reply<Created<AgentView>> {
    Ok(created(ops::create(&cx, body.0).await?))
}

pub(super) fn created(body: AgentView) -> Created<AgentView> {
    Created { location: format!("/api/agents/{}", body.id), body }
}

/// `GET /api/agents/{agent}`
async fn find(cx: Cx, request: HttpRequest) -> Reply<Found<AgentView>> {
    Ok(Found(ops::view(&cx, agent_of(&request)?)?))
}

/// `PUT /api/agents/{agent}`
async fn update(cx: Cx, request: HttpRequest, body: Body<AgentUpdate>) -> Reply<Found<AgentView>> {
    let expected = expected(&cx, &request)?;
    Ok(Found(ops::update(&cx, agent_of(&request)?, body.0, expected).await?))
}

/// `PATCH /api/agents/{agent}`
async fn patch(cx: Cx, request: HttpRequest, body: Body<AgentPatch>) -> Reply<Found<AgentView>> {
    let expected = expected(&cx, &request)?;
    Ok(Found(ops::patch(&cx, agent_of(&request)?, body.0, expected).await?))
}

/// `DELETE /api/agents/{agent}`
async fn delete(cx: Cx, request: HttpRequest) -> Reply<NoContent> {
    let expected = expected(&cx, &request)?;
    ops::delete(&cx, agent_of(&request)?, expected).await?;
    Ok(NoContent)
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CloneRequest {
    /// `NAME (copy)` where absent.
    #[schemars(length(min = 1, max = 120))]
    name: Option<String>,
}

/// `POST /api/agents/{agent}/clone`
async fn clone_agent(
    cx: Cx,
    request: HttpRequest,
    body: MaybeBody<CloneRequest>,
) -> Reply<Created<AgentView>> {
    Ok(created(ops::clone_agent(&cx, agent_of(&request)?, body.0.name).await?))
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AgentPermissions")]
struct Permissions {
    #[schemars(length(max = 200))]
    permissions: Vec<Grant>,
}

/// `GET /api/agents/{agent}/permissions`
async fn permissions(cx: Cx, request: HttpRequest) -> Reply<Found<Permissions>> {
    Ok(Found(Permissions { permissions: ops::permissions(&cx, agent_of(&request)?)?.0 }))
}

/// `PUT /api/agents/{agent}/permissions`
async fn set_permissions(cx: Cx, request: HttpRequest, body: Body<Permissions>) -> Reply<Found<Permissions>> {
    let (permissions, revision) = ops::permissions(&cx, agent_of(&request)?)?;
    check_match(&request, &Permissions { permissions })?;
    let expected = request.headers().contains_key("if-match").then_some(revision);
    let permissions = ops::set_permissions(&cx, agent_of(&request)?, body.0.permissions, expected).await?;
    Ok(Found(Permissions { permissions }))
}
