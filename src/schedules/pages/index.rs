//! The list of schedules.

use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;

use super::HTML;
use crate::access::{Action, Cx};
use crate::base::{PageRequest, Result, Timestamp};
use crate::schedules::ops;
use crate::schedules::types::Outcome;
use crate::schedules::view::{LastTick, ScheduleFilter, ScheduleView};
use crate::targets::{self, Shown};
use crate::web::view::href;
use crate::web::{Frame, Framing, Html, Query, Reply, Route, render};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/schedules", index)
            .needs(Action::SchedulesRead)
            .query::<Filters>()
            .says("Schedules, with their next and last runs")
            .answers_plain(200, "The page.", HTML),
    ]
}

#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(rename = "ScheduleFilters")]
struct Filters {
    #[serde(default)]
    q: String,
    /// `on` or `off`.
    #[serde(default)]
    active: String,
    #[serde(default)]
    cursor: String,
}

const SWITCHES: &[(&str, &str)] = &[("on", "Active"), ("off", "Switched off")];

struct Line {
    it: ScheduleView,
    runs: Shown,
    last: &'static str,
}

#[derive(Template)]
#[template(path = "schedules/index.html")]
struct Index {
    frame: Frame,
    filters: Filters,
    switches: &'static [(&'static str, &'static str)],
    clear_href: &'static str,
    lines: Vec<Line>,
    first_href: String,
    next_href: String,
    may_write: bool,
    now: Timestamp,
}

/// The word of a status for what became of a tick.
pub(super) fn word(tick: &LastTick) -> &'static str {
    match (tick.outcome, tick.status) {
        (Outcome::Fired, None) => "running",
        (Outcome::Fired, Some(status)) => status.name(),
        (Outcome::Queued, _) => "queued",
        (Outcome::Skipped, _) => "skipped",
    }
}

/// `GET /schedules`
async fn index(cx: Cx, framing: Framing, query: Query<Filters>) -> Reply<Html> {
    let filters = query.0;
    let q = Some(filters.q.trim().to_owned()).filter(|it| !it.is_empty());
    let active = match filters.active.as_str() {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    };
    let page = PageRequest::parse(None, Some(&filters.cursor))?;
    let found = ops::list(&cx, &ScheduleFilter { target: None, active, q }, &page)?;
    let kept = [("q", filters.q.as_str()), ("active", filters.active.as_str())];
    let narrows = kept.iter().any(|it| !it.1.is_empty());
    render(Index {
        frame: framing.frame("Schedules")?,
        switches: SWITCHES,
        clear_href: if narrows { "/schedules" } else { "" },
        lines: lines(&cx, found.items)?,
        first_href: if filters.cursor.is_empty() { String::new() } else { href("/schedules", kept) },
        next_href: match found.next_cursor {
            Some(next) => href("/schedules", kept.into_iter().chain([("cursor", next.as_str())])),
            None => String::new(),
        },
        may_write: cx.may(Action::SchedulesWrite),
        now: cx.now(),
        filters,
    })
}

fn lines(cx: &Cx, schedules: Vec<ScheduleView>) -> Result<Vec<Line>> {
    let rows = cx.read()?;
    let line = |it: ScheduleView| {
        let runs = targets::shown(cx, &rows, it.target)?;
        let last = it.last_tick.as_ref().map_or("", word);
        Ok(Line { it, runs, last })
    };
    schedules.into_iter().map(line).collect()
}
