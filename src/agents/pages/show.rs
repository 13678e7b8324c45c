//! One agent at a glance.

use actix_web::HttpRequest;

use super::super::ops;
use super::super::types::Health;
use super::super::view::HealthView;
use super::index::health_name;
use super::{HTML, Head, agent_of};
use crate::access::{Action, Cx};
use crate::base::{Micros, PageRequest, Result, Timestamp};
use crate::budgets::{self, BudgetView, Standing};
use crate::executions::{self, ExecutionFilter, ExecutionView};
use crate::metering::{self, Rollup, Span};
use crate::web::view::{LimitBar, Sparkline, count, duration, known_cost, percent};
use crate::web::{Frame, Framing, Html, Reply, Route, render};

const HOUR_MS: u64 = 3_600_000;
const HOURS: usize = 24;
const SHOWN_RUNS: usize = 6;
const SHOWN_CHECKS: usize = 6;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/agents/{agent}", show)
            .needs(Action::AgentsRead)
            .of("agent")
            .says("An agent at a glance")
            .answers_plain(200, "The page.", HTML),
    ]
}

#[derive(askama::Template)]
#[template(path = "agents/show.html")]
struct Show {
    frame: Frame,
    head: Head,
    health: HealthView,
    runs: Vec<ExecutionView>,
    day: Day,
    /// Its own budget of the day; none where it has none.
    budget: Option<LimitBar>,
    budget_ends: Option<Timestamp>,
    /// That not even one run fits into it; empty where one does.
    budget_warning: String,
    /// Whether others can be looked at.
    may_budget: bool,
    now: Timestamp,
}

impl Show {
    fn budgets_href(&self) -> &'static str {
        if self.may_budget { "/budgets" } else { "" }
    }

    fn health(&self, health: &Health) -> &'static str {
        health_name(*health)
    }

    fn recent_runs(&self) -> String {
        let runs = self.health.recent_runs;
        match (runs.executions, runs.failed) {
            (1, 0) => "The one run of the last hour completed.".to_owned(),
            (1, _) => "The one run of the last hour failed.".to_owned(),
            (all, 0) => format!("All {} runs of the last hour completed.", count(all)),
            (all, failed) => format!("Of {} runs in the last hour, {} failed.", count(all), count(failed)),
        }
    }
}

/// What the last 24 hours came to, in words.
struct Day {
    runs: String,
    success: String,
    success_tone: &'static str,
    failed: String,
    p95: String,
    cost: String,
    /// What is missing in it.
    cost_note: String,
    spark: Sparkline,
}

/// `GET /agents/{agent}`
async fn show(cx: Cx, request: HttpRequest, framing: Framing) -> Reply<Html> {
    let given = agent_of(&request)?;
    let head = Head::of(&cx, given, "")?;
    let mut health = ops::health(&cx, given)?;
    health.checks.truncate(SHOWN_CHECKS);
    let filter = ExecutionFilter { agent: Some(head.agent.id), ..ExecutionFilter::default() };
    let runs = match cx.may(Action::ExecutionsRead) {
        true => executions::list(&cx, &filter, &PageRequest::first(SHOWN_RUNS))?.items,
        false => Vec::new(),
    };
    let day = day_of(&cx, &head)?;
    let budget = budgets::of_agent(&cx, head.agent.id, &head.agent.execution)?;
    let standing = budget.as_ref().and_then(|it| it.standing.as_ref());
    render(Show {
        frame: framing.frame(head.title(""))?,
        health,
        runs,
        day,
        budget_warning: budget.as_ref().and_then(|it| it.warning.clone()).unwrap_or_default(),
        budget_ends: standing.and_then(|it| it.resets_at),
        budget: budget.as_ref().zip(standing).map(|(it, standing)| bar(it, standing)),
        may_budget: cx.may(Action::BudgetsRead),
        now: cx.now(),
        head,
    })
}

fn bar(budget: &BudgetView, it: &Standing) -> LimitBar {
    let (used, held) = (Micros(it.used_micros), Micros(it.reserved_micros));
    LimitBar::of_money("Money", used, held, Micros(budget.limit_micros.unwrap_or(0)), budget.currency)
}

fn day_of(cx: &Cx, head: &Head) -> Result<Day> {
    let now = cx.now();
    let from = Span::Hour.start(now.minus_ms(HOUR_MS * (HOURS as u64 - 1)));
    let agent = Some(head.agent.id);
    let hours = metering::rollups(&cx.read()?, agent, Span::Hour, from, now.plus_ms(1))?;
    let mut all = Rollup::empty(agent, Span::Day, from);
    let mut bars = vec![0.0; HOURS];
    for hour in &hours {
        all.merge(hour);
        let place = usize::try_from(hour.start.since(from) / HOUR_MS).unwrap_or(0);
        if let Some(bar) = bars.get_mut(place) {
            *bar = f64::from(u32::try_from(hour.runs).unwrap_or(u32::MAX));
        }
    }
    let bad = all.failed + all.timed_out;
    let (cost, cost_note) = known_cost(all.known_cost_micros(), all.unpriced_runs);
    Ok(Day {
        runs: count(all.runs),
        // Who cancels a run says nothing about the agent.
        success: percent(all.completed, all.runs - all.cancelled),
        success_tone: if bad == 0 { "idle" } else { "warn" },
        failed: count(bad),
        p95: all.durations.quantile(0.95).map_or_else(|| "–".to_owned(), duration),
        cost,
        cost_note,
        spark: Sparkline::new(format!("Runs per hour, last day: {} in all", all.runs), &bars),
    })
}
