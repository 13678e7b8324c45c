//! One credential: what is known of it, and what can be done with it.

use actix_web::HttpRequest;
use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;

use super::HTML;
use super::form::{Typed, labels, typed_time, value_fields, words};
use super::new::at_name;
use crate::access::{self, Action, Cx};
use crate::base::{CredentialId, Result, Timestamp};
use crate::connections::ops;
use crate::connections::types::{CredentialUpdate, Rotation};
use crate::connections::view::{CredentialView, Finding, Validation};
use crate::web::view::Field;
use crate::web::{
    Faults, Flash, Form, FormPairs, Frame, Framing, Html, Reply, Route, SeeOther, Sent, again, confirmed,
    part, render,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/credentials/{credential}", show)
            .needs(Action::CredentialsRead)
            .of("credential")
            .says("One credential; never its value")
            .answers_plain(200, "The page.", HTML),
        Route::post("/credentials/{credential}", update)
            .needs(Action::CredentialsWrite)
            .of("credential")
            .says("Changes name, hosts and expiry")
            .form::<LabelsForm>()
            .answers_plain(303, "Back to the credential.", ""),
        Route::post("/credentials/{credential}/value", replace)
            .needs(Action::CredentialsWrite)
            .of("credential")
            .says("Puts a new value in place of the old one")
            .form::<ValueForm>()
            .answers_plain(303, "Back to the credential.", ""),
        Route::post("/credentials/{credential}/validate", validate)
            .needs(Action::CredentialsWrite)
            .of("credential")
            .says("Looks whether the stored value opens and fits")
            .answers_plain(200, "The page with what was found.", HTML),
        Route::post("/credentials/{credential}/delete", delete)
            .needs(Action::CredentialsWrite)
            .of("credential")
            .says("Deletes a credential and its value")
            .form::<DeleteForm>()
            .answers_plain(303, "To the list.", ""),
    ]
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "read as pairs, as the form of a new one; this describes the form")]
struct LabelsForm {
    name: String,
    expires_at: Option<String>,
    allowed_hosts: Option<String>,
    max_concurrency: Option<String>,
}

/// Beside this: `value/FIELD` for each field of the kind, or `value` with a line per field.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "read as pairs, for the fields depend on the kind; this describes the form")]
struct ValueForm {
    expires_at: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct DeleteForm {
    /// The name, typed again.
    confirm: String,
    /// Also where agents use it.
    #[serde(default)]
    force: Option<bool>,
}

#[derive(Template)]
#[template(path = "connections/show.html")]
struct Show {
    frame: Frame,
    it: CredentialView,
    kind: &'static str,
    by: String,
    may_write: bool,
    labels: Vec<Field>,
    label_faults: Vec<(String, String)>,
    value: Vec<Field>,
    value_faults: Vec<(String, String)>,
    other_faults: Vec<(String, String)>,
    found: Option<Found>,
    now: Timestamp,
}

/// What a look at the value found.
struct Found {
    tone: &'static str,
    title: &'static str,
    checks: Vec<Finding>,
}

impl Found {
    fn of(it: Validation) -> Self {
        let (tone, title) = match it.ok {
            true => ("ok", "The stored value opens, fits and is current"),
            false => ("bad", "This credential cannot be used"),
        };
        Self { tone, title, checks: it.checks }
    }
}

fn page_of(cx: &Cx, framing: &Framing, id: CredentialId) -> Result<Show> {
    let it = ops::find(cx, id)?;
    let typed = Typed {
        name: it.name.clone(),
        expires_at: typed_time(it.expires_at),
        allowed_hosts: it.allowed_hosts.join("\n"),
        max_concurrency: it.max_concurrency.map(|it| it.to_string()).unwrap_or_default(),
        ..Typed::default()
    };
    let none = Faults::none();
    Ok(Show {
        frame: framing.frame(it.name.as_str())?,
        kind: words(it.kind).label,
        by: access::called(cx, &it.created_by)?,
        may_write: cx.may(Action::CredentialsWrite),
        labels: labels(&typed, &none),
        label_faults: Vec::new(),
        value: value_fields(it.kind, &none),
        value_faults: Vec::new(),
        other_faults: Vec::new(),
        found: None,
        now: cx.now(),
        it,
    })
}

/// `GET /credentials/{credential}`
async fn show(cx: Cx, request: HttpRequest, framing: Framing) -> Reply<Html> {
    render(page_of(&cx, &framing, part(&request, "credential")?)?)
}

/// `POST /credentials/{credential}`
async fn update(cx: Cx, request: HttpRequest, framing: Framing, form: FormPairs) -> Reply<Sent> {
    let id: CredentialId = part(&request, "credential")?;
    let typed = Typed::read(form.0);
    match save(&cx, id, &typed).await {
        Ok(_) => Ok(back(id, "The changes are saved.")),
        Err(error) => {
            let faults = at_name(error)?;
            let mut page = page_of(&cx, &framing, id)?;
            page.labels = labels(&typed, &faults);
            page.label_faults = faults.summary_of(&page.labels);
            again(page)
        }
    }
}

async fn save(cx: &Cx, id: CredentialId, typed: &Typed) -> Result<CredentialView> {
    let before = ops::find(cx, id)?;
    // A form holds minutes: what was not touched stays as exact as it was.
    let expires_at = match typed_time(before.expires_at) == typed.expires_at.trim() {
        true => before.expires_at,
        false => typed.expiry()?,
    };
    let update = CredentialUpdate {
        name: typed.name.clone(),
        value: None,
        expires_at,
        allowed_hosts: typed.hosts(),
        max_concurrency: typed.concurrency()?,
    };
    ops::update(cx, id, update, None).await
}

/// `POST /credentials/{credential}/value`
async fn replace(cx: Cx, request: HttpRequest, framing: Framing, form: FormPairs) -> Reply<Sent> {
    let id: CredentialId = part(&request, "credential")?;
    match rotated(&cx, id, Typed::read(form.0)).await {
        Ok(_) => Ok(back(id, "The new value is sealed. The old one is gone.")),
        Err(error) => {
            let faults = Faults::of(error)?;
            let mut page = page_of(&cx, &framing, id)?;
            page.value = value_fields(page.it.kind, &faults);
            page.value_faults = faults.summary_of(&page.value);
            again(page)
        }
    }
}

async fn rotated(cx: &Cx, id: CredentialId, typed: Typed) -> Result<CredentialView> {
    let before = ops::find(cx, id)?;
    // An expiry that has passed belonged to the old value.
    let expires_at = before.expires_at.filter(|_| !before.expired);
    ops::rotate(cx, id, Rotation { value: typed.value(before.kind)?, expires_at }, None).await
}

/// `POST /credentials/{credential}/validate`
async fn validate(cx: Cx, request: HttpRequest, framing: Framing) -> Reply<Html> {
    let id: CredentialId = part(&request, "credential")?;
    let found = ops::validate(&cx, id).await?;
    let mut page = page_of(&cx, &framing, id)?;
    page.found = Some(Found::of(found));
    render(page)
}

/// `POST /credentials/{credential}/delete`
async fn delete(cx: Cx, request: HttpRequest, framing: Framing, form: Form<DeleteForm>) -> Reply<Sent> {
    let id: CredentialId = part(&request, "credential")?;
    let name = ops::find(&cx, id)?.name;
    let deleted = match confirmed(&form.0.confirm, &name) {
        Ok(()) => ops::delete(&cx, id, form.0.force.unwrap_or(false), None).await,
        Err(error) => Err(error),
    };
    match deleted {
        Ok(()) => {
            let said = Flash::ok(format!("{name} and its value are gone."));
            Ok(SeeOther::to("/credentials").saying(said).into())
        }
        Err(error) => {
            let faults = Faults::of(error)?;
            let mut page = page_of(&cx, &framing, id)?;
            page.other_faults = faults.summary([]);
            again(page)
        }
    }
}

fn back(id: CredentialId, said: &str) -> Sent {
    SeeOther::to(format!("/credentials/{id}")).saying(Flash::ok(said)).into()
}
