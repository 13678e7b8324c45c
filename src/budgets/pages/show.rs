//! One budget: how it stands, who used it, what can be changed.

use actix_web::HttpRequest;
use askama::Template;

use super::HTML;
use super::bar::bars;
use super::form::{Fields, Typed};
use super::words::{self, Named};
use crate::access::{self, Action, Cx};
use crate::base::{BudgetId, Micros, Result, Timestamp};
use crate::budgets::ops;
use crate::budgets::types::{CURRENCY, Scope};
use crate::budgets::view::{BudgetDetail, BudgetView, ShareView};
use crate::web::view::{Badge, LimitBar, count, money};
use crate::web::{Faults, Frame, Framing, Html, Reply, Route, part, render};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/budgets/{budget}", show)
            .needs(Action::BudgetsRead)
            .of("budget")
            .says("One budget with how it stands and who used it")
            .answers_plain(200, "The page.", HTML),
    ]
}

/// One count of a budget that counts each for themselves.
struct Counted {
    who: Named,
    bars: Vec<LimitBar>,
}

/// What one agent, person or key has used.
struct Used {
    who: Named,
    money: String,
    tokens: String,
    calls: String,
}

impl Used {
    fn of(cx: &Cx, it: &ShareView) -> Result<Self> {
        Ok(Self {
            who: Named::of(cx, &it.id)?,
            money: money(Micros(it.used_micros), CURRENCY),
            tokens: count(it.used_tokens),
            calls: count(it.calls),
        })
    }
}

#[derive(Template)]
#[template(path = "budgets/show.html")]
pub(super) struct Show {
    frame: Frame,
    it: BudgetView,
    covers: String,
    window: &'static str,
    covers_for: String,
    state: Badge,
    at_limit: &'static str,
    /// Where it has one count.
    bars: Vec<LimitBar>,
    counted: Vec<Counted>,
    /// Who used it: a title, and those that it names; empty where nobody did.
    shares: Vec<(&'static str, Vec<Used>)>,
    refused_at: Option<Timestamp>,
    resets_at: Option<Timestamp>,
    limits: String,
    by: String,
    curl: String,
    may_write: bool,
    pub(super) fields: Fields,
    pub(super) other_faults: Vec<(String, String)>,
    now: Timestamp,
}

pub(super) fn page_of(cx: &Cx, framing: &Framing, id: BudgetId) -> Result<Show> {
    let BudgetDetail { budget: it, standings, agents, actors } = ops::find(cx, id)?;
    let is_one = (standings.is_empty() && it.subject_id.is_some() && it.scope != Scope::Session)
        || it.scope == Scope::Organization;
    let own = it.standing.as_ref().filter(|_| is_one);
    let used = |all: &[ShareView]| all.iter().map(|it| Used::of(cx, it)).collect::<Result<Vec<_>>>();
    let counted = standings.iter().map(|standing| {
        let who = words::counted(cx, it.scope, standing.subject_id.as_deref().unwrap_or_default())?;
        Ok(Counted { who, bars: bars(&it, standing) })
    });
    let shares = match agents.is_empty() && actors.is_empty() {
        true => Vec::new(),
        false => vec![("By agent", used(&agents)?), ("By who started it", used(&actors)?)],
    };
    Ok(Show {
        frame: framing.frame(it.name.as_str())?,
        covers: words::covers(cx, &it)?,
        covers_for: words::covers_for(cx, &it)?,
        limits: words::limits(&it),
        window: words::window(it.window),
        state: words::state(&it),
        at_limit: words::at_limit(it.action),
        bars: own.map(|standing| bars(&it, standing)).unwrap_or_default(),
        counted: counted.collect::<Result<_>>()?,
        shares,
        refused_at: it.standing.as_ref().and_then(|it| it.refused_at),
        resets_at: it.standing.as_ref().and_then(|it| it.resets_at),
        by: access::called(cx, &it.created_by)?,
        curl: format!("curl -H \"Authorization: Bearer $REEVE_API_KEY\" $REEVE_URL/api/budgets/{id}"),
        may_write: cx.may(Action::BudgetsWrite),
        fields: Fields::of(&Typed::of(&it), &Faults::none()),
        other_faults: Vec::new(),
        now: cx.now(),
        it,
    })
}

/// `GET /budgets/{budget}`
async fn show(cx: Cx, request: HttpRequest, framing: Framing) -> Reply<Html> {
    render(page_of(&cx, &framing, part(&request, "budget")?)?)
}
