//! Versions of an agent.

use actix_web::HttpRequest;
use schemars::JsonSchema;
use serde::Deserialize;

use super::super::compare::Comparison;
use super::super::number::Spec;
use super::super::ops::{self, NewVersion};
use super::super::view::{AgentView, VersionSummary, VersionView};
use super::{PageQuery, agent_of};
use crate::access::{Action, Cx};
use crate::base::{Code, Page, Result};
use crate::web::{Created, Found, MaybeBody, Query, Reply, Route, text_part};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/agents/{agent}/versions", list)
            .needs(Action::AgentsRead)
            .of("agent")
            .says("All versions of an agent, the highest number first.")
            .query::<PageQuery>()
            .answers::<Page<VersionSummary>>(200, "A page of versions.")
            .errs(&[Code::AgentNotFound]),
        Route::post("/api/agents/{agent}/versions", create)
            .needs(Action::AgentsWrite)
            .of("agent")
            .says("Names the draft and says what is new in it; opens one where there is none.")
            .may_take::<NewVersion>()
            .answers::<VersionView>(201, "The draft.")
            .errs(&[Code::AgentNotFound, Code::VersionConflict]),
        Route::get("/api/agents/{agent}/versions/compare", compare)
            .needs(Action::AgentsRead)
            .of("agent")
            .says("What changed between two versions: a JSON Patch, and a diff to read.")
            .query::<CompareQuery>()
            .answers::<Comparison>(200, "The difference.")
            .errs(&[Code::AgentNotFound]),
        Route::get("/api/agents/{agent}/versions/{version}", find)
            .needs(Action::AgentsRead)
            .of("agent")
            .says("A version with its whole definition. `draft` and `current` serve as numbers.")
            .answers::<VersionView>(200, "The version.")
            .errs(&[Code::AgentNotFound]),
        Route::post("/api/agents/{agent}/versions/{version}/publish", publish)
            .needs(Action::AgentsPublish)
            .of("agent")
            .says("Makes a draft the version that runs. It never changes again.")
            .may_take::<PublishRequest>()
            .answers::<AgentView>(200, "The agent as it is now.")
            .errs(&[Code::AgentNotFound, Code::VersionConflict, Code::InvalidAgentConfig])
            .errs(&[Code::CredentialInvalid, Code::VisibilityViolation]),
        Route::post("/api/agents/{agent}/versions/{version}/rollback", rollback)
            .needs(Action::AgentsPublish)
            .of("agent")
            .says("Makes a version that was published before the one that runs.")
            .answers::<AgentView>(200, "The agent as it is now.")
            .errs(&[Code::AgentNotFound, Code::VersionConflict]),
    ]
}

fn version_of(request: &HttpRequest) -> Result<Spec> {
    text_part(request, "version")?.parse()
}

/// `GET /api/agents/{agent}/versions`
async fn list(cx: Cx, request: HttpRequest, query: Query<PageQuery>) -> Reply<Found<Page<VersionSummary>>> {
    Ok(Found(ops::versions(&cx, agent_of(&request)?, &query.0.request()?)?))
}

/// `POST /api/agents/{agent}/versions`
async fn create(cx: Cx, request: HttpRequest, body: MaybeBody<NewVersion>) -> Reply<Created<VersionView>> {
    let body = ops::create_version(&cx, agent_of(&request)?, body.0).await?;
    Ok(Created { location: format!("/api/agents/{}/versions/{}", body.agent_id, body.version), body })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CompareQuery {
    /// A number, `current` or `draft`; `current` where absent.
    from: Option<String>,
    /// `draft` where absent.
    to: Option<String>,
}

/// `GET /api/agents/{agent}/versions/compare`
async fn compare(cx: Cx, request: HttpRequest, query: Query<CompareQuery>) -> Reply<Found<Comparison>> {
    let from = query.0.from.map_or(Ok(Spec::Current), |it| it.parse())?;
    let to = query.0.to.map_or(Ok(Spec::Draft), |it| it.parse())?;
    Ok(Found(ops::compare(&cx, agent_of(&request)?, from, to)?))
}

/// `GET /api/agents/{agent}/versions/{version}`
async fn find(cx: Cx, request: HttpRequest) -> Reply<Found<VersionView>> {
    Ok(Found(ops::version(&cx, agent_of(&request)?, version_of(&request)?)?))
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PublishRequest {
    /// What is new; as it was said before where absent.
    #[schemars(length(max = 4_000))]
    changelog: Option<String>,
}

/// `POST /api/agents/{agent}/versions/{version}/publish`
async fn publish(cx: Cx, request: HttpRequest, body: MaybeBody<PublishRequest>) -> Reply<Found<AgentView>> {
    let version = version_of(&request)?;
    Ok(Found(ops::publish(&cx, agent_of(&request)?, version, body.0.changelog).await?))
}

/// `POST /api/agents/{agent}/versions/{version}/rollback`
async fn rollback(cx: Cx, request: HttpRequest) -> Reply<Found<AgentView>> {
    Ok(Found(ops::rollback(&cx, agent_of(&request)?, version_of(&request)?).await?))
}
