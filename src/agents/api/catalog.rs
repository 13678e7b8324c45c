//! Types and templates: what agents can be made of.

use actix_web::HttpRequest;

use super::super::catalog::{self, AgentType, FromTemplate, Template};
use super::super::view::AgentView;
use super::WRONG;
use super::agents::created;
use crate::access::{Action, Cx};
use crate::base::{Code, Page};
use crate::web::{Body, Created, Found, Reply, Route, text_part};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/agent-types", types)
            .needs(Action::AgentsRead)
            .says("The types of agents there are, with the schema of their config.")
            .answers::<Page<AgentType>>(200, "All of them."),
        Route::get("/api/agent-types/{agent_type}", type_of)
            .needs(Action::AgentsRead)
            .of("agent type")
            .says("One type of agents.")
            .answers::<AgentType>(200, "The type."),
        Route::get("/api/agent-templates", templates)
            .needs(Action::AgentsRead)
            .says("Agents to begin with: those that ship with the product, and one for each type.")
            .answers::<Page<Template>>(200, "All of them."),
        Route::get("/api/agent-templates/{template}", template)
            .needs(Action::AgentsRead)
            .of("template")
            .says("One template, by the type or the package that it is of.")
            .answers::<Template>(200, "The template."),
        Route::post("/api/agents/from-template", from_template)
            .needs(Action::AgentsWrite)
            .says("Makes an agent out of a template.")
            .takes::<FromTemplate>()
            .answers::<AgentView>(201, "The agent.")
            .errs(WRONG)
            .errs(&[Code::NotFound, Code::AgentCreationFailed, Code::OrganizationLimitExceeded]),
    ]
}

/// `GET /api/agent-types`
async fn types(_: Cx) -> Found<Page<AgentType>> {
    Found(Page::new(catalog::types(), None))
}

/// `GET /api/agent-types/{agent_type}`
async fn type_of(_: Cx, request: HttpRequest) -> Reply<Found<AgentType>> {
    Ok(Found(catalog::type_of(text_part(&request, "agent_type")?)?))
}

/// `GET /api/agent-templates`
async fn templates(_: Cx) -> Reply<Found<Page<Template>>> {
    Ok(Found(Page::new(catalog::templates()?, None)))
}

/// `GET /api/agent-templates/{template}`
async fn template(_: Cx, request: HttpRequest) -> Reply<Found<Template>> {
    Ok(Found(catalog::template(text_part(&request, "template")?)?))
}

/// `POST /api/agents/from-template`
async fn from_template(cx: Cx, body: Body<FromTemplate>) -> Reply<Created<AgentView>> {
    Ok(created(catalog::from_template(&cx, body.0).await?))
}
