//! What is done with a trigger: changed, switched, tried out, given a new address or secret, deleted.

use actix_web::HttpRequest;
use schemars::JsonSchema;
use serde::Deserialize;

use super::HTML;
use super::form::{TriggerFields, Typed, at_name, from_of};
use super::new::TriggerForm;
use super::show::{Once, page_of, sample, secret};
use crate::access::{Action, Cx};
use crate::base::{Error, Json, Result, TriggerId};
use crate::infra::Secret;
use crate::triggers::ops::{self, Sample};
use crate::triggers::types::{Rotated, Rotation};
use crate::triggers::view::{Trial, TriggerView};
use crate::web::{
    Faults, Flash, Form, FormPairs, Framing, Reply, Route, SeeOther, Sent, again, deleted, part, render,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/triggers/{trigger}", update)
            .needs(Action::TriggersWrite)
            .of("trigger")
            .says("Changes a trigger")
            .form::<TriggerForm>()
            .answers_plain(303, "Back to the trigger.", ""),
        Route::post("/triggers/{trigger}/switch", switch)
            .needs(Action::TriggersWrite)
            .of("trigger")
            .says("Switches a trigger on or off")
            .form::<SwitchForm>()
            .answers_plain(303, "Back to the trigger.", ""),
        Route::post("/triggers/{trigger}/test", test)
            .needs(Action::TriggersWrite)
            .of("trigger")
            .says("Shows what a call would come to")
            .form::<TestForm>()
            .answers_plain(200, "The trigger with what it comes to.", HTML),
        Route::post("/triggers/{trigger}/rotate", rotate)
            .needs(Action::TriggersWrite)
            .of("trigger")
            .says("Puts a new address or secret in place, and shows it once")
            .form::<RotateForm>()
            .shows_secret_once()
            .answers_plain(200, "The trigger with what is new.", HTML),
        Route::post("/triggers/{trigger}/delete", delete)
            .needs(Action::TriggersWrite)
            .of("trigger")
            .says("Deletes a trigger")
            .form::<DeleteForm>()
            .answers_plain(303, "To the list.", ""),
    ]
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "TriggerSwitchForm")]
struct SwitchForm {
    /// `on` or `off`.
    to: String,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "TriggerTestForm")]
struct TestForm {
    sample: String,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "TriggerRotateForm")]
struct RotateForm {
    /// `address` or `secret`.
    what: String,
    #[serde(default)]
    secret: String,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "TriggerDeleteForm")]
struct DeleteForm {
    /// The name, typed again.
    confirm: String,
}

/// `POST /triggers/{trigger}`
async fn update(cx: Cx, request: HttpRequest, framing: Framing, form: FormPairs) -> Reply<Sent> {
    let id: TriggerId = part(&request, "trigger")?;
    let typed = Typed::read(form.0);
    match save(&cx, id, &typed).await {
        Ok(_) => Ok(back(id, Flash::ok("The changes are saved."))),
        Err(error) => {
            let faults = at_name(error)?;
            let mut page = page_of(&cx, &framing, id)?;
            page.fields = TriggerFields::of(&cx, page.from, &typed, &faults, false)?;
            again(page)
        }
    }
}

async fn save(cx: &Cx, id: TriggerId, typed: &Typed) -> Result<TriggerView> {
    let before = ops::find(cx, id)?;
    ops::update(cx, id, typed.update(from_of(&before), before.enabled)?, None).await
}

/// `POST /triggers/{trigger}/switch`
async fn switch(cx: Cx, request: HttpRequest, form: Form<SwitchForm>) -> Reply<SeeOther> {
    let id: TriggerId = part(&request, "trigger")?;
    let before = ops::find(&cx, id)?;
    let enabled = form.0.to == "on";
    ops::update(&cx, id, Typed::of(&before).update(from_of(&before), enabled)?, None).await?;
    let said = if enabled {
        "Calls start runs from now on."
    } else {
        "Calls start nothing until you switch it on again."
    };
    Ok(SeeOther::to(format!("/triggers/{id}")).saying(Flash::ok(said)))
}

/// `POST /triggers/{trigger}/test`
async fn test(cx: Cx, request: HttpRequest, framing: Framing, form: Form<TestForm>) -> Reply<Sent> {
    let id: TriggerId = part(&request, "trigger")?;
    let typed = form.0.sample;
    match tried(&cx, id, &typed).await {
        Ok(trial) => {
            let mut page = page_of(&cx, &framing, id)?;
            page.show_trial(trial, &typed);
            Ok(Sent::Page(render(page)?))
        }
        Err(error) => {
            let faults = Faults::of(error)?;
            let mut page = page_of(&cx, &framing, id)?;
            page.sample = sample(&typed, &faults);
            page.other_faults = faults.summary(["sample"]);
            again(page)
        }
    }
}

async fn tried(cx: &Cx, id: TriggerId, typed: &str) -> Result<Trial> {
    let body = Json::parse(typed).map_err(|it| Error::invalid_at("sample", it.message()))?;
    let sample = Sample { body, headers: Default::default(), query: String::new(), run: false };
    ops::try_out(cx, id, sample).await
}

/// `POST /triggers/{trigger}/rotate`
async fn rotate(cx: Cx, request: HttpRequest, framing: Framing, form: Form<RotateForm>) -> Reply<Sent> {
    let id: TriggerId = part(&request, "trigger")?;
    let (what, title) = match form.0.what.as_str() {
        "address" => (Rotated::Address, "There is a new address"),
        _ => (Rotated::Secret, "The new secret is in place"),
    };
    let given = Some(form.0.secret.trim().to_owned()).filter(|it| !it.is_empty());
    let rotation = Rotation { what, secret: given.map(Secret::from), overlap_ms: None };
    match ops::rotate(&cx, id, rotation, None).await {
        Ok(made) => {
            let mut page = page_of(&cx, &framing, id)?;
            page.show_once(&cx, Once { title, url: made.url, secret: made.secret });
            Ok(Sent::Page(render(page)?))
        }
        Err(error) => {
            let faults = Faults::of(error)?;
            let mut page = page_of(&cx, &framing, id)?;
            page.secret = secret(page.from, &faults);
            page.other_faults = faults.summary(["secret"]);
            again(page)
        }
    }
}

/// `POST /triggers/{trigger}/delete`
async fn delete(cx: Cx, request: HttpRequest, framing: Framing, form: Form<DeleteForm>) -> Reply<Sent> {
    let id: TriggerId = part(&request, "trigger")?;
    let name = ops::find(&cx, id)?.name;
    let page = |wrong| {
        let mut page = page_of(&cx, &framing, id)?;
        page.other_faults = wrong;
        Ok(page)
    };
    deleted((&form.0.confirm, &name), "/triggers", ops::delete(&cx, id, None), page).await
}

fn back(id: TriggerId, said: Flash) -> Sent {
    SeeOther::to(format!("/triggers/{id}")).saying(said).into()
}
