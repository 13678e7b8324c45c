//! REST endpoints of what is counted.

use schemars::JsonSchema;
use serde::Deserialize;

use super::contacts::{EgressFilter, EgressView, egress};
use super::ledger::flush;
use crate::access::{Action, Cx};
use crate::agents;
use crate::base::{Code, Error, Page, PageRequest};
use crate::web::{Found, Query, Reply, Route};

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/egress", list)
            .needs(Action::EgressRead)
            .says("Every destination that was contacted: by whom, how often, how much, refused or not")
            .query::<ListQuery>()
            .answers::<Page<EgressView>>(200, "One page of destinations, the last contacted first")
            .errs(&[Code::AgentNotFound]),
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
    /// Id or slug.
    agent_id: Option<String>,
    /// `true`: where something was refused; `false`: where nothing was.
    refused: Option<bool>,
}

/// `GET /api/egress`
async fn list(cx: Cx, query: Query<ListQuery>) -> Reply<Found<Page<EgressView>>> {
    cx.require(Action::EgressRead)?;
    let page = PageRequest::parse(query.0.limit, query.0.cursor.as_deref())?;
    flush(cx.services()).await;
    let rows = cx.read()?;
    let named = |it: String| agents::id_of(&rows, &it)?.ok_or_else(|| Error::not_found("agent", it));
    let agent = query.0.agent_id.map(named).transpose()?;
    let filter = EgressFilter { host: query.0.host, agent, refused: query.0.refused };
    Ok(Found(egress(&rows, &filter, &page)?))
}
