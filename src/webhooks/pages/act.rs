//! What is done with a webhook: changed, switched, tested, given a new secret, deleted.

use actix_web::HttpRequest;
use schemars::JsonSchema;
use serde::Deserialize;

use super::HTML;
use super::form::{Typed, WebhookFields, at_name};
use super::new::WebhookForm;
use super::show::{overlap, page_of};
use crate::access::{Action, Cx};
use crate::base::{Error, Result, WebhookId};
use crate::web::{
    Faults, Flash, Form, FormPairs, Framing, Reply, Route, SeeOther, Sent, again, deleted, part, render,
};
use crate::webhooks::delivery::State;
use crate::webhooks::ops;
use crate::webhooks::types::{Rotation, WebhookUpdate};
use crate::webhooks::view::{NewSecret, WebhookView};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/webhooks/{webhook}", update)
            .needs(Action::WebhooksWrite)
            .of("webhook")
            .says("Changes name, address, events and agents")
            .form::<WebhookForm>()
            .answers_plain(303, "Back to the webhook.", ""),
        Route::post("/webhooks/{webhook}/switch", switch)
            .needs(Action::WebhooksWrite)
            .of("webhook")
            .says("Switches a webhook on or off")
            .form::<SwitchForm>()
            .answers_plain(303, "Back to the webhook.", ""),
        Route::post("/webhooks/{webhook}/test", test)
            .needs(Action::WebhooksWrite)
            .of("webhook")
            .says("Sends a test event")
            .answers_plain(303, "To what came of it.", ""),
        Route::post("/webhooks/{webhook}/rotate", rotate)
            .needs(Action::WebhooksWrite)
            .of("webhook")
            .says("Makes a new signing secret, and shows it once")
            .form::<RotateForm>()
            .shows_secret_once()
            .answers_plain(200, "The webhook with its new secret.", HTML),
        Route::post("/webhooks/{webhook}/delete", delete)
            .needs(Action::WebhooksWrite)
            .of("webhook")
            .says("Deletes a webhook")
            .form::<DeleteForm>()
            .answers_plain(303, "To the list.", ""),
    ]
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "WebhookSwitchForm")]
struct SwitchForm {
    /// `on` or `off`.
    to: String,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "WebhookRotateForm")]
struct RotateForm {
    overlap_ms: String,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "WebhookDeleteForm")]
struct DeleteForm {
    /// The name, typed again.
    confirm: String,
}

/// `POST /webhooks/{webhook}`
async fn update(cx: Cx, request: HttpRequest, framing: Framing, form: FormPairs) -> Reply<Sent> {
    let id: WebhookId = part(&request, "webhook")?;
    let typed = Typed::read(form.0);
    match save(&cx, id, &typed).await {
        Ok(_) => Ok(back(id, Flash::ok("The changes are saved."))),
        Err(error) => {
            let faults = at_name(error)?;
            let mut page = page_of(&cx, &framing, id)?;
            page.fields = WebhookFields::of(&cx, &typed, &faults)?;
            again(page)
        }
    }
}

async fn save(cx: &Cx, id: WebhookId, typed: &Typed) -> Result<WebhookView> {
    let enabled = ops::find(cx, id)?.enabled;
    ops::update(cx, id, typed.update(enabled)?, None).await
}

/// `POST /webhooks/{webhook}/switch`
async fn switch(cx: Cx, request: HttpRequest, form: Form<SwitchForm>) -> Reply<SeeOther> {
    let id: WebhookId = part(&request, "webhook")?;
    let it = ops::find(&cx, id)?;
    let enabled = form.0.to == "on";
    let agent_ids = it.agent_ids.iter().map(ToString::to_string).collect();
    let update = WebhookUpdate { name: it.name, url: it.url, events: it.events, agent_ids, enabled };
    ops::update(&cx, id, update, None).await?;
    let said = if enabled {
        "Events are sent there from now on."
    } else {
        "Nothing is sent there until you switch it on again."
    };
    Ok(SeeOther::to(format!("/webhooks/{id}")).saying(Flash::ok(said)))
}

/// `POST /webhooks/{webhook}/test`
async fn test(cx: Cx, request: HttpRequest) -> Reply<SeeOther> {
    let id: WebhookId = part(&request, "webhook")?;
    let sent = ops::test(&cx, id).await?;
    let said = match (sent.status, sent.response_code) {
        (State::Delivered, code) => {
            Flash::ok(format!("The test was taken with {}.", code.unwrap_or_default()))
        }
        _ => Flash::bad(format!("The test failed: {}.", sent.error.unwrap_or_default())),
    };
    Ok(SeeOther::to(format!("/webhooks/{id}/deliveries/{}", sent.id)).saying(said))
}

/// `POST /webhooks/{webhook}/rotate`
async fn rotate(cx: Cx, request: HttpRequest, framing: Framing, form: Form<RotateForm>) -> Reply<Sent> {
    let id: WebhookId = part(&request, "webhook")?;
    match rotated(&cx, id, &form.0.overlap_ms).await {
        Ok(made) => {
            let mut page = page_of(&cx, &framing, id)?;
            page.secret = made.secret.unwrap_or_default();
            page.secret_title = "There is a new secret";
            Ok(Sent::Page(render(page)?))
        }
        Err(error) => {
            let faults = Faults::of(error)?;
            let mut page = page_of(&cx, &framing, id)?;
            page.overlap = overlap(&faults);
            page.other_faults = faults.summary(["overlap_ms"]);
            again(page)
        }
    }
}

async fn rotated(cx: &Cx, id: WebhookId, overlap_ms: &str) -> Result<NewSecret> {
    let overlap_ms =
        overlap_ms.parse().map_err(|_| Error::invalid_at("overlap_ms", "choose from the list"))?;
    ops::rotate(cx, id, Rotation { overlap_ms: Some(overlap_ms), secret: None }, None).await
}

/// `POST /webhooks/{webhook}/delete`
async fn delete(cx: Cx, request: HttpRequest, framing: Framing, form: Form<DeleteForm>) -> Reply<Sent> {
    let id: WebhookId = part(&request, "webhook")?;
    let name = ops::find(&cx, id)?.name;
    let page = |wrong| {
        let mut page = page_of(&cx, &framing, id)?;
        page.other_faults = wrong;
        Ok(page)
    };
    deleted((&form.0.confirm, &name), "/webhooks", ops::delete(&cx, id, None), page).await
}

fn back(id: WebhookId, said: Flash) -> Sent {
    SeeOther::to(format!("/webhooks/{id}")).saying(said).into()
}
