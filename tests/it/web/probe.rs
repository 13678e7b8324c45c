//! Routes for tests of this layer alone: one that fails, one that panics, one that takes everything.

use actix_web::HttpRequest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use reeve::access::Action;
use reeve::base::{AgentId, Error};
use reeve::web::{Body, Created, Found, NoContent, Query, Reply, Route, part};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Thing {
    pub name: String,
    #[serde(default)]
    pub size: u32,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ThingQuery {
    pub limit: Option<u64>,
}

pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/api/probe/{agent}", make)
            .needs(Action::AgentsWrite)
            .of("agent")
            .says("Makes a thing")
            .takes::<Thing>()
            .answers::<Thing>(201, "Made."),
        Route::post("/api/probe", echo)
            .open()
            .says("Answers what it gets")
            .takes::<Thing>()
            .query::<ThingQuery>()
            .answers::<Thing>(201, "The same."),
        Route::get("/api/probe", list)
            .open()
            .says("A thing")
            .query::<ThingQuery>()
            .answers::<Thing>(200, "One."),
        Route::delete("/api/probe", panics).open().says("Fails").answers_plain(204, "Never.", ""),
        Route::put("/api/probe", fails).open().says("Fails").answers_plain(204, "Never.", ""),
    ]
}

async fn make(request: HttpRequest, body: Body<Thing>) -> Reply<Created<Thing>> {
    let agent: AgentId = part(&request, "agent")?;
    Ok(Created { location: format!("/api/probe/{agent}"), body: body.0 })
}

async fn echo(_: Query<ThingQuery>, body: Body<Thing>) -> Reply<Created<Thing>> {
    Ok(Created { location: "/api/probe".to_owned(), body: body.0 })
}

async fn list(query: Query<ThingQuery>) -> Found<Thing> {
    Found(Thing { name: "one".repeat(query.0.limit.unwrap_or(1) as usize), size: 1 })
}

#[expect(clippy::panic, reason = "what the guard must catch")]
async fn panics() -> NoContent {
    panic!("on purpose, with a secret inside")
}

async fn fails() -> Reply<NoContent> {
    Err(Error::internal("do a thing", "a cause that nobody may read"))
}
