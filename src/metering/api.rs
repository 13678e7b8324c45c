//! REST endpoints of what is counted.

use schemars::JsonSchema;
use serde::Deserialize;

use super::contacts::{EgressFilter, EgressView, egress};
use super::ledger::flush;
use crate::access::{Action, Cx};
use crate::base::{AgentId, Page, PageRequest};
use crate::web::{Found, Query, Reply, Route};

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/egress", list)
            .needs(Action::EgressRead)
            .says("Every destination that was contacted: by whom, how often, how much, refused or not")
            .query::<ListQuery>()
            .answers::<Page<EgressView>>(200, "One page of destinations, the last contacted first"),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EgressQuery")]
struct ListQuery {
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u64>,
    cursor: Option<String>,
    host: Option<String>,
    agent_id: Option<AgentId>,
    /// `true`: where something was refused; `false`: where nothing was.
    refused: Option<bool>,
}

/// `GET /api/egress`
async fn list(cx: Cx, query: Query<ListQuery>) -> Reply<Found<Page<EgressView>>> {
    cx.require(Action::EgressRead)?;
    let page = PageRequest::parse(query.0.limit, query.0.cursor.as_deref())?;
    flush(cx.services()).await;
    let filter = EgressFilter { host: query.0.host, agent: query.0.agent_id, refused: query.0.refused };
    Ok(Found(egress(&cx.read()?, &filter, &page)?))
}
