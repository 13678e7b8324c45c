//! The list of webhooks.

use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;

use super::HTML;
use super::show::overlap;
use crate::access::{Action, Cx};
use crate::base::{PageRequest, Result, Timestamp};
use crate::web::view::{Field, href};
use crate::web::{Faults, Frame, Framing, Html, Query, Reply, Route, render};
use crate::webhooks::callbacks::{self, CallbackSigning};
use crate::webhooks::ops;
use crate::webhooks::view::WebhookView;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/webhooks", index)
            .needs(Action::WebhooksRead)
            .query::<Listed>()
            .says("Endpoints that are told of events")
            .answers_plain(200, "The page.", HTML),
    ]
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "WebhooksListed")]
pub(super) struct Listed {
    #[serde(default)]
    cursor: String,
}

#[derive(Template)]
#[template(path = "webhooks/index.html")]
pub(super) struct Index {
    frame: Frame,
    rows: Vec<WebhookView>,
    first_href: &'static str,
    next_href: String,
    signing: CallbackSigning,
    /// Of callbacks; shown once, after it was made.
    pub secret: String,
    pub overlap: Field,
    pub other_faults: Vec<(String, String)>,
    may_write: bool,
    now: Timestamp,
}

/// `GET /webhooks`
async fn index(cx: Cx, framing: Framing, query: Query<Listed>) -> Reply<Html> {
    render(page_of(&cx, &framing, &query.0)?)
}

pub(super) fn page_of(cx: &Cx, framing: &Framing, listed: &Listed) -> Result<Index> {
    let cursor = &listed.cursor;
    let found = ops::list(cx, &PageRequest::parse(None, Some(cursor))?)?;
    Ok(Index {
        frame: framing.frame("Webhooks")?,
        rows: found.items,
        first_href: if cursor.is_empty() { "" } else { "/webhooks" },
        next_href: match found.next_cursor {
            Some(next) => href("/webhooks", [("cursor", next.as_str())]),
            None => String::new(),
        },
        signing: callbacks::signing(cx)?,
        secret: String::new(),
        overlap: overlap(&Faults::none()),
        other_faults: Vec::new(),
        may_write: cx.may(Action::WebhooksWrite),
        now: cx.now(),
    })
}
