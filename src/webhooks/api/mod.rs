//! REST endpoints of outgoing webhooks.

mod callbacks;

use actix_web::{HttpRequest, HttpResponse, Responder};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::access::{Action, Cx};
use crate::base::{Code, Page, PageRequest, Result, WebhookId};
use crate::web::{
    Accepted, Body, Created, Found, MaybeBody, NoContent, Query, Reply, Route, expected_revision, part,
    tagged_revision,
};
use crate::webhooks::delivery::State;
use crate::webhooks::ops::{self, DeliveryFilter};
use crate::webhooks::types::{NewWebhook, Rotation, WebhookUpdate};
use crate::webhooks::view::{DeliveryDetail, DeliveryView, NewSecret, WebhookView};

const WRONG: &[Code] = &[Code::EgressDenied, Code::Conflict, Code::Unavailable];

pub fn routes() -> Vec<Route> {
    [webhooks(), callbacks::routes()].into_iter().flatten().collect()
}

fn webhooks() -> Vec<Route> {
    vec![
        Route::get("/api/webhooks", list)
            .needs(Action::WebhooksRead)
            .says("Endpoints that are told of events, newest first")
            .query::<ListQuery>()
            .answers::<Page<WebhookView>>(200, "One page of webhooks"),
        Route::post("/api/webhooks", create)
            .needs(Action::WebhooksWrite)
            .says("Tell an endpoint of events; a signing secret that was made is in this answer and never again")
            .takes::<NewWebhook>()
            .shows_secret_once()
            .answers::<NewSecret>(201, "The webhook with its signing secret")
            .errs(WRONG)
            .errs(&[Code::OrganizationLimitExceeded]),
        Route::get("/api/webhooks/{webhook}", show)
            .needs(Action::WebhooksRead)
            .of("webhook")
            .says("One webhook")
            .answers::<WebhookView>(200, "The webhook"),
        Route::put("/api/webhooks/{webhook}", update)
            .needs(Action::WebhooksWrite)
            .of("webhook")
            .says("Replace name, address, events and agents; switch it on or off")
            .takes::<WebhookUpdate>()
            .answers::<WebhookView>(200, "The webhook as it is now")
            .errs(WRONG),
        Route::delete("/api/webhooks/{webhook}", delete)
            .needs(Action::WebhooksWrite)
            .of("webhook")
            .says("Delete a webhook with its deliveries; what waits is not sent any more")
            .answers_plain(204, "Deleted", ""),
        Route::post("/api/webhooks/{webhook}/rotate", rotate)
            .needs(Action::WebhooksWrite)
            .of("webhook")
            .says(
                "Put a new signing secret beside the present one, which signs too until the overlap is over",
            )
            .may_take::<Rotation>()
            .shows_secret_once()
            .answers::<NewSecret>(200, "The webhook with its new signing secret")
            .errs(&[Code::Unavailable, Code::PreconditionFailed]),
        Route::post("/api/webhooks/{webhook}/test", test)
            .needs(Action::WebhooksWrite)
            .of("webhook")
            .says("Send a test event once, and see what comes back")
            .answers::<DeliveryView>(200, "What came of it"),
        Route::get("/api/webhooks/{webhook}/deliveries", deliveries)
            .needs(Action::WebhooksRead)
            .of("webhook")
            .says("What was and will be sent to an endpoint, newest first")
            .query::<DeliveryQuery>()
            .answers::<Page<DeliveryView>>(200, "One page of deliveries"),
        Route::get("/api/webhooks/{webhook}/deliveries/{delivery}", delivery)
            .needs(Action::WebhooksRead)
            .of("webhook")
            .says("One delivery with the message as it is sent")
            .answers::<DeliveryDetail>(200, "The delivery"),
        Route::post("/api/webhooks/{webhook}/deliveries/{delivery}/resend", resend)
            .needs(Action::WebhooksWrite)
            .of("webhook")
            .says("Send an event again under its own webhook-id; one that waits is sent at once")
            .answers::<DeliveryView>(202, "The delivery that will be attempted")
            .errs(&[Code::Conflict]),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "WebhookQuery")]
struct ListQuery {
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u64>,
    cursor: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DeliveryQuery {
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u64>,
    cursor: Option<String>,
    status: Option<State>,
}

/// `GET /api/webhooks`
async fn list(cx: Cx, query: Query<ListQuery>) -> Reply<Found<Page<WebhookView>>> {
    let page = PageRequest::parse(query.0.limit, query.0.cursor.as_deref())?;
    Ok(Found(ops::list(&cx, &page)?))
}

/// `POST /api/webhooks`
async fn create(cx: Cx, request: HttpRequest, body: Body<NewWebhook>) -> Reply<HttpResponse> {
    let body = ops::create(&cx, body.0).await?;
    let (location, revision) = (format!("/api/webhooks/{}", body.webhook.id), body.webhook.revision);
    Ok(tagged_revision(Created { location, body }.respond_to(&request), revision))
}

/// `GET /api/webhooks/{webhook}`
async fn show(cx: Cx, request: HttpRequest) -> Reply<HttpResponse> {
    Ok(found(&request, ops::find(&cx, part(&request, "webhook")?)?))
}

/// `PUT /api/webhooks/{webhook}`
async fn update(cx: Cx, request: HttpRequest, body: Body<WebhookUpdate>) -> Reply<HttpResponse> {
    let expected = expected(&cx, &request)?;
    Ok(found(&request, ops::update(&cx, part(&request, "webhook")?, body.0, expected).await?))
}

/// `DELETE /api/webhooks/{webhook}`
async fn delete(cx: Cx, request: HttpRequest) -> Reply<NoContent> {
    let expected = expected(&cx, &request)?;
    ops::delete(&cx, part(&request, "webhook")?, expected).await?;
    Ok(NoContent)
}

/// `POST /api/webhooks/{webhook}/rotate`
async fn rotate(cx: Cx, request: HttpRequest, body: MaybeBody<Rotation>) -> Reply<HttpResponse> {
    let expected = expected(&cx, &request)?;
    let rotated = ops::rotate(&cx, part(&request, "webhook")?, body.0, expected).await?;
    let revision = rotated.webhook.revision;
    Ok(tagged_revision(Found(rotated).respond_to(&request), revision))
}

/// `POST /api/webhooks/{webhook}/test`
async fn test(cx: Cx, request: HttpRequest) -> Reply<Found<DeliveryView>> {
    Ok(Found(ops::test(&cx, part(&request, "webhook")?).await?))
}

/// `GET /api/webhooks/{webhook}/deliveries`
async fn deliveries(
    cx: Cx,
    request: HttpRequest,
    query: Query<DeliveryQuery>,
) -> Reply<Found<Page<DeliveryView>>> {
    let page = PageRequest::parse(query.0.limit, query.0.cursor.as_deref())?;
    let filter = DeliveryFilter { state: query.0.status };
    Ok(Found(ops::deliveries(&cx, part(&request, "webhook")?, filter, &page)?))
}

/// `GET /api/webhooks/{webhook}/deliveries/{delivery}`
async fn delivery(cx: Cx, request: HttpRequest) -> Reply<Found<DeliveryDetail>> {
    Ok(Found(ops::delivery(&cx, part(&request, "webhook")?, part(&request, "delivery")?)?))
}

/// `POST /api/webhooks/{webhook}/deliveries/{delivery}/resend`
async fn resend(cx: Cx, request: HttpRequest) -> Reply<Accepted<DeliveryView>> {
    let body = ops::resend(&cx, part(&request, "webhook")?, part(&request, "delivery")?).await?;
    let location = format!("/api/webhooks/{}/deliveries/{}", body.webhook_id, body.id);
    Ok(Accepted { location, body })
}

fn found(request: &HttpRequest, view: WebhookView) -> HttpResponse {
    let revision = view.revision;
    tagged_revision(Found(view).respond_to(request), revision)
}

fn expected(cx: &Cx, request: &HttpRequest) -> Result<Option<u64>> {
    expected_revision(request, || Ok(ops::find(cx, part::<WebhookId>(request, "webhook")?)?.revision))
}
