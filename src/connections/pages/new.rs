//! A new credential: first its kind, then its fields.

use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;

use super::HTML;
use super::form::{KINDS, KindWords, Typed, kind_of, labels, value_fields, words};
use crate::access::{Action, Cx};
use crate::base::{Error, Result};
use crate::connections::ops;
use crate::connections::types::{Kind, NewCredential};
use crate::connections::view::CredentialView;
use crate::web::view::Field;
use crate::web::{
    Faults, Flash, FormPairs, Frame, Framing, Html, Query, Reply, Route, SeeOther, Sent, again, render,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/credentials/new", new)
            .needs(Action::CredentialsWrite)
            .query::<Chosen>()
            .says("Asks for the kind of a new credential, then for its fields")
            .answers_plain(200, "The page.", HTML),
        Route::post("/credentials", create)
            .needs(Action::CredentialsWrite)
            .says("Seals and keeps a credential")
            .form::<CredentialForm>()
            .answers_plain(303, "To the credential.", ""),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Chosen {
    #[serde(default)]
    kind: String,
}

/// Beside these: `value/FIELD` for each field of the kind, or `value` with a line per field.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "read as pairs, for the fields depend on the kind; this describes the form")]
struct CredentialForm {
    kind: String,
    name: String,
    expires_at: Option<String>,
    allowed_hosts: Option<String>,
    max_concurrency: Option<String>,
}

#[derive(Template)]
#[template(path = "connections/new.html")]
struct New {
    frame: Frame,
    kinds: &'static [KindWords],
    chosen: Option<&'static KindWords>,
    labels: Vec<Field>,
    value: Vec<Field>,
    faults: Vec<(String, String)>,
}

fn page_of(framing: &Framing, kind: Option<Kind>, typed: &Typed, faults: &Faults) -> Result<New> {
    let mut labels = labels(typed, faults);
    let value = kind.map(|it| value_fields(it, faults)).unwrap_or_default();
    let names: Vec<&str> = labels.iter().chain(&value).map(|it| it.name.as_str()).collect();
    let faults = faults.summary(names);
    labels.truncate(if kind.is_some() { labels.len() } else { 0 });
    Ok(New {
        frame: framing.frame("New credential")?,
        kinds: KINDS,
        chosen: kind.map(words),
        labels,
        value,
        faults,
    })
}

/// `GET /credentials/new`
async fn new(_: Cx, framing: Framing, query: Query<Chosen>) -> Reply<Html> {
    render(page_of(&framing, kind_of(&query.0.kind), &Typed::default(), &Faults::none())?)
}

/// `POST /credentials`
async fn create(cx: Cx, framing: Framing, form: FormPairs) -> Reply<Sent> {
    let kind = form.0.iter().find(|it| it.0 == "kind").and_then(|it| kind_of(&it.1));
    let kind = kind.ok_or_else(|| Error::invalid_at("kind", "choose the kind of the credential first"))?;
    let typed = Typed::read(form.0.clone());
    match keep(&cx, kind, Typed::read(form.0)).await {
        Ok(made) => {
            let said = Flash::ok(format!("{} is sealed and kept. Agents can use it now.", made.name));
            Ok(SeeOther::to(format!("/credentials/{}", made.id)).saying(said).into())
        }
        Err(error) => again(page_of(&framing, Some(kind), &typed, &at_name(error)?)?),
    }
}

pub(super) async fn keep(cx: &Cx, kind: Kind, typed: Typed) -> Result<CredentialView> {
    let (name, expires_at, allowed_hosts) = (typed.name.clone(), typed.expiry()?, typed.hosts());
    let max_concurrency = typed.concurrency()?;
    let value = typed.value(kind)?;
    ops::create(cx, NewCredential { name, kind, value, expires_at, allowed_hosts, max_concurrency }).await
}

/// A conflict is about the name, which is taken.
pub(super) fn at_name(error: Error) -> Result<Faults> {
    if error.is(crate::base::Code::Conflict) {
        return Ok(Faults::none().at("name", error.message()));
    }
    Faults::of(error)
}
