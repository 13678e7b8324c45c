//! What is done to an agent as a whole: states, checks, health.

use actix_web::HttpRequest;
use schemars::JsonSchema;
use serde::Deserialize;

use super::super::input::NewAgent;
use super::super::number::Spec;
use super::super::ops::{self, Discovery, Place, Validation};
use super::super::view::{AgentView, HealthView};
use super::agent_of;
use crate::access::{Action, Cx};
use crate::adapters::Probe;
use crate::base::Code;
use crate::stops::{NewStop, StopReport};
use crate::web::{Body, Found, MaybeBody, Reply, Route};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/api/agents/validate", validate)
            .needs(Action::AgentsTest)
            .says("The whole check of a new agent without saving it: fields, schemas, credentials, reachability.")
            .takes::<NewAgent>()
            .answers::<Validation>(200, "What was found."),
        Route::post("/api/agents/discover", discover)
            .needs(Action::AgentsTest)
            .says("Finds out what answers at an address, and which agents could be made of it. Asks for descriptions only: nothing is set going there.")
            .takes::<Place>()
            .answers::<Discovery>(200, "What was found."),
        changes(Route::post("/api/agents/{agent}/enable", enable), Action::AgentsWrite)
            .says("Lets an agent be run again."),
        changes(Route::post("/api/agents/{agent}/disable", disable), Action::AgentsWrite)
            .says("Lets no new run of an agent begin."),
        changes(Route::post("/api/agents/{agent}/deprecate", deprecate), Action::AgentsPublish)
            .says("Says in every answer of an agent that it should no longer be used."),
        changes(Route::post("/api/agents/{agent}/archive", archive), Action::AgentsPublish)
            .says("Puts an agent away for good: it never runs or changes again."),
        Route::post("/api/agents/{agent}/stop", stop)
            .needs(Action::AgentsWrite)
            .of("agent")
            .says("The kill switch: cancels every run of an agent and lets none begin until it is resumed. Who waits for one of them is answered 409 Stopped with the reason. Where a stop holds already, it is renewed with this reason.")
            .takes::<NewStop>()
            .answers::<StopReport>(200, "What holds now, and how many runs were cancelled.")
            .errs(&[Code::AgentNotFound]),
        changes(Route::post("/api/agents/{agent}/resume", resume), Action::AgentsWrite)
            .says("Lifts the stop of an agent; what waited begins."),
        Route::post("/api/agents/{agent}/test", test)
            .needs(Action::AgentsTest)
            .of("agent")
            .says("Looks whether the far end answers and accepts the credentials, and keeps what was found as health.")
            .may_take::<TestRequest>()
            .answers::<Probe>(200, "What was found.")
            .errs(&[Code::AgentNotFound]),
        Route::get("/api/agents/{agent}/health", health)
            .needs(Action::AgentsRead)
            .of("agent")
            .says("Health of an agent, with the last checks.")
            .answers::<HealthView>(200, "Health.")
            .errs(&[Code::AgentNotFound]),
    ]
}

fn changes(route: Route, action: Action) -> Route {
    route
        .needs(action)
        .of("agent")
        .answers::<AgentView>(200, "The agent as it is now.")
        .errs(&[Code::AgentNotFound, Code::VersionConflict])
}

/// `POST /api/agents/validate`
async fn validate(cx: Cx, body: Body<NewAgent>) -> Reply<Found<Validation>> {
    Ok(Found(ops::validate(&cx, body.0).await?))
}

/// `POST /api/agents/discover`
async fn discover(cx: Cx, body: Body<Place>) -> Reply<Found<Discovery>> {
    Ok(Found(ops::discover(&cx, body.0).await?))
}

/// `POST /api/agents/{agent}/enable`
async fn enable(cx: Cx, request: HttpRequest) -> Reply<Found<AgentView>> {
    Ok(Found(ops::enable(&cx, agent_of(&request)?).await?))
}

/// `POST /api/agents/{agent}/disable`
async fn disable(cx: Cx, request: HttpRequest) -> Reply<Found<AgentView>> {
    Ok(Found(ops::disable(&cx, agent_of(&request)?).await?))
}

/// `POST /api/agents/{agent}/deprecate`
async fn deprecate(cx: Cx, request: HttpRequest) -> Reply<Found<AgentView>> {
    Ok(Found(ops::deprecate(&cx, agent_of(&request)?).await?))
}

/// `POST /api/agents/{agent}/archive`
async fn archive(cx: Cx, request: HttpRequest) -> Reply<Found<AgentView>> {
    Ok(Found(ops::archive(&cx, agent_of(&request)?).await?))
}

/// `POST /api/agents/{agent}/stop`
async fn stop(cx: Cx, request: HttpRequest, body: Body<NewStop>) -> Reply<Found<StopReport>> {
    Ok(Found(ops::stop(&cx, agent_of(&request)?, body.0).await?))
}

/// `POST /api/agents/{agent}/resume`
async fn resume(cx: Cx, request: HttpRequest) -> Reply<Found<AgentView>> {
    Ok(Found(ops::resume(&cx, agent_of(&request)?).await?))
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AgentTestRequest")]
struct TestRequest {
    /// A number, `current` or `draft`; where absent the draft, or what runs where there is none.
    version: Option<String>,
}

/// `POST /api/agents/{agent}/test`
async fn test(cx: Cx, request: HttpRequest, body: MaybeBody<TestRequest>) -> Reply<Found<Probe>> {
    let spec = body.0.version.map(|it| it.parse::<Spec>()).transpose()?;
    Ok(Found(ops::test(&cx, agent_of(&request)?, spec).await?))
}

/// `GET /api/agents/{agent}/health`
async fn health(cx: Cx, request: HttpRequest) -> Reply<Found<HealthView>> {
    Ok(Found(ops::health(&cx, agent_of(&request)?)?))
}
