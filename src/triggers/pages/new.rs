//! A new trigger: first where calls come from, then the rest; then its address, once.

use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;

use super::HTML;
use super::form::{FROM, Sender, TriggerFields, Typed, at_name, from_word};
use super::show::{Once, page_of};
use crate::access::{Action, Cx};
use crate::base::{Error, Result};
use crate::triggers::ops;
use crate::triggers::view::NewAddress;
use crate::web::{Faults, FormPairs, Frame, Framing, Html, Query, Reply, Route, Sent, again, render};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/triggers/new", new)
            .needs(Action::TriggersWrite)
            .query::<Chosen>()
            .says("Asks where calls come from, then for the rest")
            .answers_plain(200, "The page.", HTML),
        Route::post("/triggers", create)
            .needs(Action::TriggersWrite)
            .says("Makes a trigger, and shows its address once")
            .form::<TriggerForm>()
            .shows_secret_once()
            .answers_plain(200, "The trigger with its address.", HTML),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "TriggerChosen")]
struct Chosen {
    /// `github`, `stripe`, `slack`, `standard_webhooks`, `hmac`, `event`, `none`.
    #[serde(default)]
    from: String,
    /// Id of the agent or chain, where one came from its page.
    #[serde(default)]
    target: String,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "read as pairs, for the fields depend on the sender; this describes the form")]
pub(super) struct TriggerForm {
    from: String,
    name: String,
    /// Id of an agent or a chain.
    target: String,
    event: Option<String>,
    header: Option<String>,
    encoding: Option<String>,
    prefix: Option<String>,
    insecure_no_signature: Option<String>,
    secret: Option<String>,
    filter: Option<String>,
    mapping: Option<String>,
    answer: Option<String>,
    wait_ms: Option<String>,
    tolerance_ms: Option<String>,
    dedupe_ms: Option<String>,
}

#[derive(Template)]
#[template(path = "triggers/new.html")]
struct New {
    frame: Frame,
    all: &'static [Sender],
    chosen: Option<&'static Sender>,
    /// Of the chosen one.
    fields: TriggerFields,
}

fn page(
    cx: &Cx,
    framing: &Framing,
    from: Option<&'static Sender>,
    typed: &Typed,
    faults: &Faults,
) -> Result<New> {
    let fields = match from {
        Some(from) => TriggerFields::of(cx, from, typed, faults, true)?,
        None => TriggerFields::default(),
    };
    Ok(New { frame: framing.frame("New trigger")?, all: FROM, chosen: from, fields })
}

/// `GET /triggers/new`
async fn new(cx: Cx, framing: Framing, query: Query<Chosen>) -> Reply<Html> {
    let typed = Typed::read(vec![("target".to_owned(), query.0.target)]);
    render(page(&cx, &framing, from_word(&query.0.from), &typed, &Faults::none())?)
}

/// `POST /triggers`
async fn create(cx: Cx, framing: Framing, form: FormPairs) -> Reply<Sent> {
    let typed = Typed::read(form.0);
    let from = from_word(typed.get("from"));
    let from = from.ok_or_else(|| Error::invalid_at("from", "choose where calls come from first"))?;
    match made(&cx, from, &typed).await {
        Ok(made) => {
            let mut page = page_of(&cx, &framing, made.trigger.id)?;
            page.show_once(&cx, Once { title: "The trigger is made", url: made.url, secret: made.secret });
            Ok(Sent::Page(render(page)?))
        }
        Err(error) => again(page(&cx, &framing, Some(from), &typed, &at_name(error)?)?),
    }
}

async fn made(cx: &Cx, from: &Sender, typed: &Typed) -> Result<NewAddress> {
    ops::create(cx, typed.new_trigger(from)?).await
}
