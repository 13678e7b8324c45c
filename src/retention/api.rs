//! REST endpoints of retention.

use actix_web::{HttpRequest, HttpResponse, Responder};

use super::ops;
use super::types::{NewPolicy, PolicyView, Preview};
use crate::access::{Action, Cx};
use crate::base::{Code, Error};
use crate::web::{Body, Found, MaybeBody, Reply, Route, expected_revision, tagged_revision};

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/admin/retention", show)
            .needs(Action::OrgWrite)
            .says("How long the organization's runs are kept after their ends.")
            .answers::<PolicyView>(200, "The policy."),
        Route::put("/api/admin/retention", set)
            .needs(Action::OrgWrite)
            .says("Sets how long runs are kept; what is older goes within minutes, and does not come back.")
            .takes::<NewPolicy>()
            .answers::<PolicyView>(200, "The policy as it is now.")
            .errs(&[Code::PreconditionFailed]),
        Route::post("/api/admin/retention/preview", preview)
            .needs(Action::OrgWrite)
            .says("A dry run: what a policy, or without a body the one that holds, would take away now.")
            .may_take::<NewPolicy>()
            .answers::<Preview>(200, "What would go."),
    ]
}

/// `GET /api/admin/retention`
async fn show(cx: Cx, request: HttpRequest) -> Reply<HttpResponse> {
    Ok(found(&request, ops::find(&cx)?))
}

/// `PUT /api/admin/retention`
async fn set(cx: Cx, request: HttpRequest, body: Body<NewPolicy>) -> Reply<HttpResponse> {
    let expected = expected_revision(&request, || Ok(ops::find(&cx)?.revision))?;
    Ok(found(&request, ops::set(&cx, body.0, expected).await?))
}

/// `POST /api/admin/retention/preview`
async fn preview(cx: Cx, body: MaybeBody<Option<NewPolicy>>) -> Reply<Found<Preview>> {
    let seen = actix_web::web::block(move || ops::preview(&cx, body.0.as_ref())).await;
    Ok(Found(seen.map_err(|it| Error::internal("try a policy out", it))??))
}

fn found(request: &HttpRequest, view: PolicyView) -> HttpResponse {
    let revision = view.revision;
    tagged_revision(Found(view).respond_to(request), revision)
}
