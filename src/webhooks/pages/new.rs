//! A new webhook, and its signing secret, once.

use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;

use super::HTML;
use super::form::{Typed, WebhookFields, at_name};
use super::show::page_of;
use crate::access::{Action, Cx};
use crate::base::Result;
use crate::web::{Faults, FormPairs, Frame, Framing, Html, Reply, Route, Sent, again, render};
use crate::webhooks::ops;
use crate::webhooks::view::NewSecret;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/webhooks/new", new)
            .needs(Action::WebhooksWrite)
            .says("Asks where events are to be sent")
            .answers_plain(200, "The page.", HTML),
        Route::post("/webhooks", create)
            .needs(Action::WebhooksWrite)
            .says("Makes a webhook, and shows its signing secret once")
            .form::<WebhookForm>()
            .shows_secret_once()
            .answers_plain(200, "The webhook with its signing secret.", HTML),
    ]
}

/// `event` and `agent` may stand more than once.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "read as pairs, for a name may come more than once; this describes the form")]
pub(super) struct WebhookForm {
    name: String,
    url: String,
    event: Vec<String>,
    agent: Option<Vec<String>>,
}

#[derive(Template)]
#[template(path = "webhooks/new.html")]
struct New {
    frame: Frame,
    fields: WebhookFields,
}

fn page(cx: &Cx, framing: &Framing, typed: &Typed, faults: &Faults) -> Result<New> {
    Ok(New { frame: framing.frame("New webhook")?, fields: WebhookFields::of(cx, typed, faults)? })
}

/// `GET /webhooks/new`
async fn new(cx: Cx, framing: Framing) -> Reply<Html> {
    render(page(&cx, &framing, &Typed::new(), &Faults::none())?)
}

/// `POST /webhooks`
async fn create(cx: Cx, framing: Framing, form: FormPairs) -> Reply<Sent> {
    let typed = Typed::read(form.0);
    match made(&cx, &typed).await {
        Ok(made) => {
            let mut page = page_of(&cx, &framing, made.webhook.id)?;
            page.secret = made.secret.unwrap_or_default();
            page.secret_title = "The webhook is made";
            Ok(Sent::Page(render(page)?))
        }
        Err(error) => again(page(&cx, &framing, &typed, &at_name(error)?)?),
    }
}

async fn made(cx: &Cx, typed: &Typed) -> Result<NewSecret> {
    ops::create(cx, typed.new_webhook()?).await
}
