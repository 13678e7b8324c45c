//! The list of webhooks.

use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;

use super::HTML;
use crate::access::{Action, Cx};
use crate::base::{PageRequest, Timestamp};
use crate::web::view::href;
use crate::web::{Frame, Framing, Html, Query, Reply, Route, render};
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
struct Listed {
    #[serde(default)]
    cursor: String,
}

#[derive(Template)]
#[template(path = "webhooks/index.html")]
struct Index {
    frame: Frame,
    rows: Vec<WebhookView>,
    first_href: &'static str,
    next_href: String,
    may_write: bool,
    now: Timestamp,
}

/// `GET /webhooks`
async fn index(cx: Cx, framing: Framing, query: Query<Listed>) -> Reply<Html> {
    let cursor = query.0.cursor;
    let found = ops::list(&cx, &PageRequest::parse(None, Some(&cursor))?)?;
    render(Index {
        frame: framing.frame("Webhooks")?,
        rows: found.items,
        first_href: if cursor.is_empty() { "" } else { "/webhooks" },
        next_href: match found.next_cursor {
            Some(next) => href("/webhooks", [("cursor", next.as_str())]),
            None => String::new(),
        },
        may_write: cx.may(Action::WebhooksWrite),
        now: cx.now(),
    })
}
