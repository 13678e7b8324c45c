//! One webhook: how it does, what was sent, what can be changed.

use actix_web::HttpRequest;
use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;

use super::HTML;
use super::form::{Typed, WebhookFields, says};
use crate::access::{self, Action, Cx};
use crate::agents;
use crate::base::{PageRequest, Result, Timestamp, WebhookId};
use crate::web::view::{Choice, Field, href, signed_by_standard};
use crate::web::{Faults, Frame, Framing, Html, Query, Reply, Route, part, render};
use crate::webhooks::delivery::State;
use crate::webhooks::ops::{self, DeliveryFilter};
use crate::webhooks::types::Why;
use crate::webhooks::view::{DeliveryView, WebhookView};

/// Deliveries on the page.
const SHOWN: usize = 20;
/// How long the old secret may sign on, as it can be chosen.
pub(super) const OVERLAPS: &[(&str, &str)] =
    &[("86400000", "A day"), ("3600000", "An hour"), ("604800000", "A week"), ("0", "Not at all")];

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/webhooks/{webhook}", show)
            .needs(Action::WebhooksRead)
            .of("webhook")
            .query::<Listed>()
            .says("One webhook and what was sent there")
            .answers_plain(200, "The page.", HTML),
    ]
}

/// Of its deliveries.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(rename = "DeliveriesListed")]
pub(super) struct Listed {
    #[serde(default)]
    status: String,
    #[serde(default)]
    cursor: String,
}

#[derive(Template)]
#[template(path = "webhooks/show.html")]
pub(super) struct Show {
    frame: Frame,
    pub it: WebhookView,
    /// Shown once, after it was made.
    pub secret: String,
    pub secret_title: &'static str,
    host: String,
    by: String,
    events: Vec<&'static str>,
    agents: Vec<(String, String)>,
    trouble: Option<(&'static str, String)>,
    deliveries: Vec<DeliveryView>,
    status: String,
    /// Label, address, whether it is this one.
    tabs: Vec<(&'static str, String, bool)>,
    first_href: String,
    next_href: String,
    curl: String,
    pub fields: WebhookFields,
    pub overlap: Field,
    pub other_faults: Vec<(String, String)>,
    may_write: bool,
    now: Timestamp,
}

pub(super) fn page_of(cx: &Cx, framing: &Framing, id: WebhookId) -> Result<Show> {
    listing(cx, framing, id, &Listed::default())
}

fn listing(cx: &Cx, framing: &Framing, id: WebhookId, listed: &Listed) -> Result<Show> {
    let it = ops::find(cx, id)?;
    let request = PageRequest { limit: Some(SHOWN), ..PageRequest::parse(None, Some(&listed.cursor))? };
    let state = State::from_name(&listed.status);
    let found = ops::deliveries(cx, id, DeliveryFilter { state }, &request)?;
    let place = format!("/webhooks/{id}");
    let kept = [("status", state.map_or("", State::name))];
    let none = Faults::none();
    Ok(Show {
        frame: framing.frame(it.name.as_str())?,
        secret: String::new(),
        secret_title: "",
        host: host_of(&it.url),
        by: access::called(cx, &it.created_by)?,
        events: it.events.iter().map(|it| says(*it)).collect(),
        agents: agents_of(cx, &it)?,
        trouble: trouble(&it),
        deliveries: found.items,
        status: kept[0].1.to_owned(),
        tabs: tabs(&place, state),
        first_href: if listed.cursor.is_empty() { String::new() } else { href(&place, kept) },
        next_href: match &found.next_cursor {
            Some(next) => href(&place, kept.into_iter().chain([("cursor", next.as_str())])),
            None => String::new(),
        },
        curl: signed_by_standard(&it.url, &sample(cx.now())),
        fields: WebhookFields::of(cx, &Typed::of(&it), &none)?,
        overlap: overlap(&none),
        other_faults: Vec::new(),
        may_write: cx.may(Action::WebhooksWrite),
        now: cx.now(),
        it,
    })
}

fn tabs(place: &str, state: Option<State>) -> Vec<(&'static str, String, bool)> {
    [
        ("All", None),
        ("Waiting", Some(State::Pending)),
        ("Delivered", Some(State::Delivered)),
        ("Failed", Some(State::Failed)),
    ]
    .into_iter()
    .map(|(label, of)| (label, href(place, [("status", of.map_or("", State::name))]), of == state))
    .collect()
}

pub(super) fn overlap(faults: &Faults) -> Field {
    let choices = OVERLAPS.iter().map(|(ms, label)| Choice::new(ms, label)).collect();
    Field::select("overlap_ms", "The old secret signs too, for", choices)
        .help("Until then each message carries both signatures, so that the other side can change over in its own time.")
        .value(OVERLAPS[0].0)
        .error(faults.on("overlap_ms"))
}

pub(super) fn host_of(url: &str) -> String {
    let host = url::Url::parse(url).ok().and_then(|it| it.host_str().map(str::to_owned));
    host.unwrap_or_else(|| url.to_owned())
}

/// Id and name.
fn agents_of(cx: &Cx, it: &WebhookView) -> Result<Vec<(String, String)>> {
    let rows = cx.read()?;
    let named = |id: &crate::base::AgentId| {
        let name = agents::name_of(&rows, *id)?;
        Ok((id.to_string(), name.map_or_else(|| id.to_string(), |it| it.name)))
    };
    it.agent_ids.iter().map(named).collect()
}

/// Title and sentence, where something is wrong.
fn trouble(it: &WebhookView) -> Option<(&'static str, String)> {
    let last = it.last_failure.clone().unwrap_or_default();
    match (it.disabled_reason, it.failing_since) {
        (Some(Why::Gone), _) => Some((
            "Switched off: it answered 410",
            "The other side says that it wants no more events. Switch it on again if that was a mistake."
                .to_owned(),
        )),
        (Some(Why::Failing), _) => Some((
            "Switched off: it took nothing for days",
            format!("Last: {last}. Mend the other side, send a test, and switch it on again."),
        )),
        (None, Some(_)) if it.enabled => Some((
            "The last attempts failed",
            format!("Last: {last}. What failed is sent again by itself, ten times over three days."),
        )),
        _ => None,
    }
}

fn sample(now: Timestamp) -> String {
    serde_json::json!({ "type": "webhook.test", "timestamp": now, "data": { "message": "hello" } })
        .to_string()
}

/// `GET /webhooks/{webhook}`
async fn show(cx: Cx, request: HttpRequest, framing: Framing, query: Query<Listed>) -> Reply<Html> {
    render(listing(&cx, &framing, part(&request, "webhook")?, &query.0)?)
}
