//! The caller's organization.

use actix_web::HttpRequest;

use super::check_unchanged;
use crate::access::{self, Action, Cx, OrgPatch, Organization};
use crate::base::Code;
use crate::web::{Body, Found, Reply, Route};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/org", show)
            .needs(Action::OrgRead)
            .says("The organization that the caller is in.")
            .answers::<Organization>(200, "The organization."),
        Route::put("/api/org", update)
            .needs(Action::OrgWrite)
            .says("Changes the organization's settings.")
            .takes::<OrgPatch>()
            .answers::<Organization>(200, "The organization.")
            .errs(&[Code::PreconditionFailed]),
    ]
}

/// `GET /api/org`
async fn show(cx: Cx) -> Reply<Found<Organization>> {
    Ok(Found(access::organization(&cx)?))
}

/// `PUT /api/org`
async fn update(cx: Cx, request: HttpRequest, body: Body<OrgPatch>) -> Reply<Found<Organization>> {
    check_unchanged(&request, || access::organization(&cx))?;
    Ok(Found(access::update_organization(&cx, body.0).await?))
}
