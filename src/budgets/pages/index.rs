//! The list of budgets, with how they stand.

use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;

use super::bar::bars;
use super::{HTML, words};
use crate::access::{Action, Cx};
use crate::base::{PageRequest, Timestamp};
use crate::budgets::ops;
use crate::budgets::view::BudgetView;
use crate::web::view::{Badge, LimitBar, href};
use crate::web::{Frame, Framing, Html, Query, Reply, Route, render};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/budgets", index)
            .needs(Action::BudgetsRead)
            .query::<Listed>()
            .says("Budgets, and how far they are used")
            .answers_plain(200, "The page.", HTML),
    ]
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "BudgetsListed")]
struct Listed {
    #[serde(default)]
    cursor: String,
}

struct Listing {
    it: BudgetView,
    covers: String,
    limits: String,
    state: Badge,
    at_limit: &'static str,
    bars: Vec<LimitBar>,
    /// Of the count that is nearest to its limit, where each has their own.
    nearest: String,
    resets_at: Option<Timestamp>,
}

impl Listing {
    fn of(cx: &Cx, it: BudgetView) -> crate::base::Result<Self> {
        let standing = it.standing.as_ref();
        let nearest = standing.and_then(|it| it.subject_id.as_deref());
        Ok(Self {
            covers: words::covers_for(cx, &it)?,
            limits: words::limits(&it),
            state: words::state(&it),
            at_limit: words::at_limit(it.action),
            bars: standing.map(|standing| bars(&it, standing)).unwrap_or_default(),
            nearest: nearest
                .map_or(Ok(String::new()), |id| words::counted(cx, it.scope, id).map(|it| it.name))?,
            resets_at: standing.and_then(|it| it.resets_at),
            it,
        })
    }
}

#[derive(Template)]
#[template(path = "budgets/index.html")]
struct Index {
    frame: Frame,
    rows: Vec<Listing>,
    first_href: &'static str,
    next_href: String,
    may_write: bool,
    now: Timestamp,
}

/// `GET /budgets`
async fn index(cx: Cx, framing: Framing, query: Query<Listed>) -> Reply<Html> {
    let cursor = query.0.cursor;
    let found = ops::list(&cx, &PageRequest::parse(None, Some(&cursor))?)?;
    let rows = found.items.into_iter().map(|it| Listing::of(&cx, it)).collect::<Result<_, _>>()?;
    render(Index {
        frame: framing.frame("Budgets")?,
        rows,
        first_href: if cursor.is_empty() { "" } else { "/budgets" },
        next_href: match found.next_cursor {
            Some(next) => href("/budgets", [("cursor", next.as_str())]),
            None => String::new(),
        },
        may_write: cx.may(Action::BudgetsWrite),
        now: cx.now(),
    })
}
