//! The list of triggers.

use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;

use super::HTML;
use super::form::from_of;
use crate::access::{Action, Cx};
use crate::base::{PageRequest, Timestamp};
use crate::targets::{self, Shown};
use crate::triggers::ops::{self, TriggerFilter};
use crate::triggers::view::TriggerView;
use crate::web::view::href;
use crate::web::{Frame, Framing, Html, Query, Reply, Route, render};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/triggers", index)
            .needs(Action::TriggersRead)
            .query::<Filters>()
            .says("What starts runs from elsewhere")
            .answers_plain(200, "The page.", HTML),
    ]
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "TriggerFilters")]
struct Filters {
    #[serde(default)]
    q: String,
    #[serde(default)]
    cursor: String,
}

#[derive(Template)]
#[template(path = "triggers/index.html")]
struct Index {
    frame: Frame,
    filters: Filters,
    clear_href: &'static str,
    rows: Vec<Row>,
    first_href: String,
    next_href: String,
    may_write: bool,
    now: Timestamp,
}

struct Row {
    it: TriggerView,
    from: &'static str,
    runs: Option<Shown>,
}

/// `GET /triggers`
async fn index(cx: Cx, framing: Framing, query: Query<Filters>) -> Reply<Html> {
    let filters = query.0;
    let q = Some(filters.q.trim().to_owned()).filter(|it| !it.is_empty());
    let filter = TriggerFilter { q, ..TriggerFilter::default() };
    let found = ops::list(&cx, &filter, &PageRequest::parse(None, Some(&filters.cursor))?)?;
    let kept = [("q", filters.q.as_str())];
    let (view, mut rows) = (cx.read()?, Vec::with_capacity(found.items.len()));
    for it in found.items {
        let runs = it.target().map(|target| targets::shown(&cx, &view, target)).transpose()?;
        rows.push(Row { from: from_of(&it).label, runs, it });
    }
    render(Index {
        frame: framing.frame("Triggers")?,
        clear_href: if filter.q.is_some() { "/triggers" } else { "" },
        rows,
        first_href: if filters.cursor.is_empty() { String::new() } else { href("/triggers", kept) },
        next_href: match found.next_cursor {
            Some(next) => href("/triggers", kept.into_iter().chain([("cursor", next.as_str())])),
            None => String::new(),
        },
        may_write: cx.may(Action::TriggersWrite),
        now: cx.now(),
        filters,
    })
}
