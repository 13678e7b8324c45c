//! REST endpoints of the organization's kill switch; an agent's stands with agents.

use super::ops;
use super::types::{NewStop, OrgStop, StopReport};
use crate::access::{Action, Cx};
use crate::agents;
use crate::base::Result;
use crate::web::{Body, Found, Reply, Route};

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/org/stop", show)
            .needs(Action::OrgRead)
            .says("What is stopped: the organization, or agents of it.")
            .answers::<OrgStop>(200, "The stops that hold."),
        Route::post("/api/org/stop", stop)
            .needs(Action::OrgWrite)
            .says("The kill switch: cancels every run of the organization and lets none begin until it is lifted. Who waits for one of them is answered 409 Stopped with the reason. Where a stop holds already, it is renewed with this reason.")
            .takes::<NewStop>()
            .answers::<StopReport>(200, "What is stopped now, and how many runs were cancelled."),
        Route::post("/api/org/resume", resume)
            .needs(Action::OrgWrite)
            .says("Lifts the organization's stop; agents that were stopped on their own stay so.")
            .answers::<OrgStop>(200, "The stops that still hold."),
    ]
}

/// `GET /api/org/stop`
async fn show(cx: Cx) -> Reply<Found<OrgStop>> {
    Ok(Found(stops(&cx)?))
}

/// `POST /api/org/stop`
async fn stop(cx: Cx, body: Body<NewStop>) -> Reply<Found<StopReport>> {
    Ok(Found(ops::stop_org(&cx, body.0).await?))
}

/// `POST /api/org/resume`
async fn resume(cx: Cx) -> Reply<Found<OrgStop>> {
    ops::resume_org(&cx).await?;
    Ok(Found(stops(&cx)?))
}

pub(super) fn stops(cx: &Cx) -> Result<OrgStop> {
    let rows = cx.read()?;
    ops::org_stop(cx, |agent| agents::may_see_runs(cx, &rows, agent))
}
