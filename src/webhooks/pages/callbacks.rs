//! What signs callbacks, on the page of webhooks.

use schemars::JsonSchema;
use serde::Deserialize;

use super::HTML;
use super::index::{Listed, page_of};
use super::show::overlap;
use crate::access::{Action, Cx};
use crate::base::{Error, Result};
use crate::web::{Faults, Form, Framing, Reply, Route, Sent, again, render};
use crate::webhooks::callbacks::{self, NewCallbackSecret};
use crate::webhooks::types::Rotation;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/callbacks/signing/rotate", rotate)
            .needs(Action::WebhooksWrite)
            .says("Makes a signing secret for callbacks, and shows it once")
            .form::<RotateForm>()
            .shows_secret_once()
            .answers_plain(200, "The webhooks, with the new secret.", HTML),
    ]
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "CallbackRotateForm")]
struct RotateForm {
    overlap_ms: String,
}

/// `POST /callbacks/signing/rotate`
async fn rotate(cx: Cx, framing: Framing, form: Form<RotateForm>) -> Reply<Sent> {
    match rotated(&cx, &form.0.overlap_ms).await {
        Ok(made) => {
            let mut page = page_of(&cx, &framing, &Listed::default())?;
            page.secret = made.secret.unwrap_or_default();
            Ok(Sent::Page(render(page)?))
        }
        Err(error) => {
            let faults = Faults::of(error)?;
            let mut page = page_of(&cx, &framing, &Listed::default())?;
            page.overlap = overlap(&faults);
            page.other_faults = faults.summary(["overlap_ms"]);
            again(page)
        }
    }
}

async fn rotated(cx: &Cx, overlap_ms: &str) -> Result<NewCallbackSecret> {
    let overlap_ms =
        overlap_ms.parse().map_err(|_| Error::invalid_at("overlap_ms", "choose from the list"))?;
    callbacks::rotate_signing(cx, Rotation { overlap_ms: Some(overlap_ms), secret: None }).await
}
