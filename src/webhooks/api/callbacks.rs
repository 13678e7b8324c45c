//! REST endpoints of callbacks.

use actix_web::HttpRequest;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::access::{Action, Cx};
use crate::base::{Code, Page, PageRequest};
use crate::web::{Accepted, Found, MaybeBody, Query, Reply, Route, part};
use crate::webhooks::callbacks::{self, CallbackFilter, CallbackSigning, CallbackView, NewCallbackSecret};
use crate::webhooks::delivery::State;
use crate::webhooks::types::Rotation;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/executions/{execution}/callback", show)
            .needs(Action::ExecutionsRead)
            .of("execution")
            .says("How the end of a run is told to the callback_url that it named")
            .answers::<CallbackView>(200, "The callback")
            .errs(&[Code::NotFound]),
        Route::post("/api/executions/{execution}/callback/resend", resend)
            .needs(Action::ExecutionsRetry)
            .of("execution")
            .says("Tell the end of a run once more under the same webhook-id; one that waits is sent at once")
            .answers::<CallbackView>(202, "The callback that will be attempted")
            .errs(&[Code::NotFound, Code::Conflict, Code::ResourceExhausted]),
        Route::get("/api/callbacks", list)
            .needs(Action::WebhooksRead)
            .says("Ends of runs that were and will be told to the addresses that the runs named, newest run first")
            .query::<ListQuery>()
            .answers::<Page<CallbackView>>(200, "One page of callbacks"),
        Route::get("/api/callbacks/signing", signing)
            .needs(Action::WebhooksRead)
            .says("What signs the callbacks of this organization")
            .answers::<CallbackSigning>(200, "About the secret; not the secret"),
        Route::post("/api/callbacks/signing/rotate", rotate)
            .needs(Action::WebhooksWrite)
            .says(
                "Make a signing secret for callbacks. One that is there signs too, until the overlap is over. Until this \
                 was called once, callbacks are signed with a secret that nobody has seen",
            )
            .may_take::<Rotation>()
            .shows_secret_once()
            .answers::<NewCallbackSecret>(200, "The new secret, shown once")
            .errs(&[Code::Unavailable]),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CallbackQuery")]
struct ListQuery {
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u64>,
    cursor: Option<String>,
    status: Option<State>,
}

/// `GET /api/executions/{execution}/callback`
async fn show(cx: Cx, request: HttpRequest) -> Reply<Found<CallbackView>> {
    Ok(Found(callbacks::callback(&cx, part(&request, "execution")?)?))
}

/// `POST /api/executions/{execution}/callback/resend`
async fn resend(cx: Cx, request: HttpRequest) -> Reply<Accepted<CallbackView>> {
    let body = callbacks::resend_callback(&cx, part(&request, "execution")?).await?;
    Ok(Accepted { location: format!("/api/executions/{}/callback", body.execution_id), body })
}

/// `GET /api/callbacks`
async fn list(cx: Cx, query: Query<ListQuery>) -> Reply<Found<Page<CallbackView>>> {
    let page = PageRequest::parse(query.0.limit, query.0.cursor.as_deref())?;
    Ok(Found(callbacks::callbacks(&cx, CallbackFilter { state: query.0.status }, &page)?))
}

/// `GET /api/callbacks/signing`
async fn signing(cx: Cx) -> Reply<Found<CallbackSigning>> {
    Ok(Found(callbacks::signing(&cx)?))
}

/// `POST /api/callbacks/signing/rotate`
async fn rotate(cx: Cx, body: MaybeBody<Rotation>) -> Reply<Found<NewCallbackSecret>> {
    Ok(Found(callbacks::rotate_signing(&cx, body.0).await?))
}
