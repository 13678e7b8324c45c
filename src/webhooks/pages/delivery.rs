//! One delivery: its attempts and its message.

use actix_web::HttpRequest;
use askama::Template;

use super::HTML;
use super::form::says;
use super::show::host_of;
use crate::access::{Action, Cx};
use crate::base::{Code, DeliveryId, Timestamp, WebhookId};
use crate::web::view::JsonView;
use crate::web::{Flash, Frame, Framing, Html, Reply, Route, SeeOther, part, render};
use crate::webhooks::delivery::State;
use crate::webhooks::event::EventType;
use crate::webhooks::ops;
use crate::webhooks::view::{DeliveryView, WebhookView};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/webhooks/{webhook}/deliveries/{delivery}", show)
            .needs(Action::WebhooksRead)
            .of("webhook")
            .says("One delivery with its attempts and its message")
            .answers_plain(200, "The page.", HTML),
        Route::post("/webhooks/{webhook}/deliveries/{delivery}/resend", resend)
            .needs(Action::WebhooksWrite)
            .of("webhook")
            .says("Sends an event again")
            .answers_plain(303, "To the delivery that is attempted.", ""),
    ]
}

#[derive(Template)]
#[template(path = "webhooks/delivery.html")]
struct Shown {
    frame: Frame,
    webhook: WebhookView,
    /// Of the webhook.
    place: String,
    it: DeliveryView,
    says: &'static str,
    host: String,
    status: &'static str,
    body: JsonView,
    /// What its button says; empty where it cannot be sent.
    resend: &'static str,
    now: Timestamp,
}

/// `GET /webhooks/{webhook}/deliveries/{delivery}`
async fn show(cx: Cx, request: HttpRequest, framing: Framing) -> Reply<Html> {
    let id: WebhookId = part(&request, "webhook")?;
    let webhook = ops::find(&cx, id)?;
    let found = ops::delivery(&cx, id, part(&request, "delivery")?)?;
    let it = found.delivery;
    let may = cx.may(Action::WebhooksWrite) && webhook.enabled && it.event != EventType::Test;
    render(Shown {
        frame: framing.frame(format!("Delivery · {}", webhook.name))?,
        says: says(it.event),
        host: host_of(&webhook.url),
        status: it.status.name(),
        body: JsonView::new("Message", &found.body.to_value()),
        resend: match (may, it.status) {
            (false, _) => "",
            (true, State::Pending) => "Send it now",
            (true, _) => "Send it again",
        },
        now: cx.now(),
        place: format!("/webhooks/{id}"),
        webhook,
        it,
    })
}

/// `POST /webhooks/{webhook}/deliveries/{delivery}/resend`
async fn resend(cx: Cx, request: HttpRequest) -> Reply<SeeOther> {
    let (id, delivery): (WebhookId, DeliveryId) = (part(&request, "webhook")?, part(&request, "delivery")?);
    match ops::resend(&cx, id, delivery).await {
        Ok(next) => {
            let said = Flash::ok("It is on its way, under the same webhook-id.");
            Ok(SeeOther::to(format!("/webhooks/{id}/deliveries/{}", next.id)).saying(said))
        }
        Err(error) if error.is(Code::Conflict) => {
            let said = Flash::bad(crate::web::view::sentence(error.message()));
            Ok(SeeOther::to(format!("/webhooks/{id}/deliveries/{delivery}")).saying(said))
        }
        Err(error) => Err(error),
    }
}
