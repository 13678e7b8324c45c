//! One schedule: when it runs, how, and what became of its ticks.

use actix_web::HttpRequest;
use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;

use super::form::{Run, missed_words, overlap_words};
use super::index::word;
use super::{HTML, clock};
use crate::access::{self, Action, Cx};
use crate::base::{PageRequest, Result, ScheduleId, Timestamp};
use crate::schedules::ops;
use crate::schedules::timetable::Timetable;
use crate::schedules::types::{Outcome, TickKind};
use crate::schedules::view::{LastTick, NextRun, ScheduleView, TickView};
use crate::targets::{self, Shown};
use crate::web::view::{Ago, JsonView, count, href, sentence};
use crate::web::{Faults, Frame, Framing, Html, Query, Reply, Route, part, render};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/schedules/{schedule}", show)
            .needs(Action::SchedulesRead)
            .of("schedule")
            .query::<HistoryQuery>()
            .says("One schedule and its history")
            .answers_plain(200, "The page.", HTML),
    ]
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "ScheduleHistoryQuery")]
pub(super) struct HistoryQuery {
    #[serde(default)]
    outcome: String,
    #[serde(default)]
    cursor: String,
}

/// One line of the history.
struct Line {
    clock: String,
    exact: String,
    badge: &'static str,
    execution: String,
    says: String,
    by: String,
}

const OUTCOMES: &[(&str, &str)] = &[("fired", "Fired"), ("skipped", "Skipped"), ("queued", "Waiting")];

#[derive(Template)]
#[template(path = "schedules/show.html")]
pub(super) struct Show {
    frame: Frame,
    it: ScheduleView,
    runs_what: Shown,
    by: String,
    missed: &'static str,
    overlap: &'static str,
    runs: Vec<Run>,
    input: JsonView,
    curl: String,
    outcomes: &'static [(&'static str, &'static str)],
    query: HistoryQuery,
    lines: Vec<Line>,
    first_href: String,
    next_href: String,
    faults: Vec<(String, String)>,
    may_write: bool,
    may_run: bool,
    now: Timestamp,
}

impl Show {
    /// Errors: `NotFound`; `ValidationFailed` for a cursor of another list.
    pub(super) fn of(
        cx: &Cx,
        framing: &Framing,
        id: ScheduleId,
        query: HistoryQuery,
        faults: &Faults,
    ) -> Result<Self> {
        let it = ops::find(cx, id)?;
        let table = Timetable::parse(&it.cron, &it.time_zone)?;
        let outcome = match query.outcome.as_str() {
            "fired" => Some(Outcome::Fired),
            "skipped" => Some(Outcome::Skipped),
            "queued" => Some(Outcome::Queued),
            _ => None,
        };
        let request = PageRequest::parse(None, Some(&query.cursor))?;
        let history = ops::history(cx, id, outcome, &request)?;
        let place = format!("/schedules/{id}");
        let next_href = history
            .next_cursor
            .map(|next| href(&place, [("outcome", query.outcome.as_str()), ("cursor", next.as_str())]));
        let now = cx.now();
        Ok(Self {
            frame: framing.frame(it.name.as_str())?,
            runs_what: targets::shown(cx, &cx.read()?, it.target)?,
            by: access::called(cx, &it.created_by)?,
            missed: missed_words(it.missed_runs),
            overlap: overlap_words(it.overlap),
            runs: it.next_runs.iter().map(|at| run_of(&table, *at, now)).collect(),
            input: JsonView::new("Input", &it.input.to_value()),
            curl: curl(&cx.services().config.public_url(), id),
            outcomes: OUTCOMES,
            lines: history.items.into_iter().map(|it| line_of(cx, &table, it)).collect::<Result<_>>()?,
            first_href: match query.cursor.as_str() {
                "" => String::new(),
                _ => href(&place, [("outcome", query.outcome.as_str())]),
            },
            next_href: next_href.unwrap_or_default(),
            faults: faults.summary([]),
            may_write: cx.may(Action::SchedulesWrite),
            may_run: cx.may(Action::SchedulesRun),
            now,
            query,
            it,
        })
    }

    /// The first tick, where it is late.
    fn overdue_since(&self) -> Option<&Timestamp> {
        self.it.next_runs.first().filter(|_| self.it.overdue)
    }

    fn clear_href(&self) -> String {
        if self.query.outcome.is_empty() { String::new() } else { format!("/schedules/{}", self.it.id) }
    }
}

fn run_of(table: &Timetable, at: Timestamp, now: Timestamp) -> Run {
    let note = NextRun::of(table, at).note.unwrap_or_default();
    Run { clock: clock(&table.local(at)), ago: Ago::new(at, now), note }
}

fn line_of(cx: &Cx, table: &Timetable, it: TickView) -> Result<Line> {
    let last = LastTick {
        at: it.at,
        outcome: it.outcome,
        reason: it.reason,
        execution_id: it.execution_id,
        status: it.status,
    };
    let mut says = it.message.as_deref().map(sentence).unwrap_or_default();
    if it.kind == TickKind::Span {
        let many = it.count.map_or_else(|| "More than 10,000".to_owned(), count);
        let until = it.until.map(|it| clock(&table.local(it))).unwrap_or_default();
        says = format!("{many} ticks until {until}: {}", it.message.as_deref().unwrap_or_default());
    }
    let by = match it.actor {
        Some(actor) => access::called(cx, &actor)?,
        None => String::new(),
    };
    Ok(Line {
        clock: clock(&table.local(it.at)),
        exact: it.at.to_string(),
        badge: word(&last),
        execution: it.execution_id.map(|it| it.to_string()).unwrap_or_default(),
        says,
        by,
    })
}

fn curl(public_url: &str, id: ScheduleId) -> String {
    format!(
        "curl -X POST '{public_url}/api/schedules/{id}/run' \\\n  -H \"Authorization: Bearer $REEVE_API_KEY\""
    )
}

/// `GET /schedules/{schedule}`
async fn show(cx: Cx, request: HttpRequest, framing: Framing, query: Query<HistoryQuery>) -> Reply<Html> {
    render(Show::of(&cx, &framing, part(&request, "schedule")?, query.0, &Faults::none())?)
}
