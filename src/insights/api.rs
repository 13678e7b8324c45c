//! REST endpoints of numbers.

use actix_web::HttpRequest;
use schemars::JsonSchema;
use serde::Deserialize;

use super::metrics::{BucketSize, Metrics, Range, metrics, summary};
use crate::access::{Action, Cx};
use crate::base::{Code, Result, Timestamp};
use crate::web::{Found, Query, Reply, Route, text_part};

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/analytics/summary", organization)
            .needs(Action::InsightsRead)
            .says("Runs of the organization in a range: how many, how they ended, how long, how much. Runs that were cancelled do not count against the success rate, and what nobody knows is null and counted apart")
            .query::<RangeQuery>()
            .answers::<Metrics>(200, "The range and its buckets"),
        Route::get("/api/agents/{agent}/metrics", agent)
            .needs(Action::AgentsRead)
            .of("agent")
            .says("Runs of one agent in a range: how many, how they ended, how long, how much. Runs that were cancelled do not count against the success rate, and what nobody knows is null and counted apart")
            .query::<RangeQuery>()
            .answers::<Metrics>(200, "The range and its buckets")
            .errs(&[Code::AgentNotFound]),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RangeQuery {
    /// Runs that ended at or after; left out: 24 hours before `to`.
    from: Option<Timestamp>,
    /// Runs that ended before; left out: now.
    to: Option<Timestamp>,
    /// Left out: minutes up to two hours, hours up to three days, then days (UTC).
    bucket: Option<BucketSize>,
}

impl RangeQuery {
    fn range(self, now: Timestamp) -> Result<Range> {
        Range::new(self.from, self.to, self.bucket, now)
    }
}

/// `GET /api/analytics/summary`
async fn organization(cx: Cx, query: Query<RangeQuery>) -> Reply<Found<Metrics>> {
    let range = query.0.range(cx.now())?;
    Ok(Found(summary(&cx, range)?))
}

/// `GET /api/agents/{agent}/metrics`
async fn agent(cx: Cx, request: HttpRequest, query: Query<RangeQuery>) -> Reply<Found<Metrics>> {
    let range = query.0.range(cx.now())?;
    Ok(Found(metrics(&cx, text_part(&request, "agent")?, range)?))
}
