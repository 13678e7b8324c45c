//! Looking at budgets and at how they stand.

use std::cmp::Reverse;

use crate::access::{self, Action, Cx};
use crate::agents::{self, Agent, Policy};
use crate::base::{AgentId, BudgetId, Id, Json, Micros, Page, PageRequest, Result};
use crate::budgets::hold::{Amount, Hold, Need, Unit, lack};
use crate::budgets::plan::estimate;
use crate::budgets::store::{self, Counter, Share, window_key};
use crate::budgets::types::{Budget, CURRENCY, EVERYONE, OnLimit, Scope};
use crate::budgets::view::{BudgetDetail, BudgetView, ShareView, Standing};
use crate::budgets::window::Span;
use crate::infra::store::{Key, Order, PerOrg, Rows};

/// Counts, agents and people that an answer names.
const SHOWN: usize = 50;
/// Counts that are compared for it: sessions can be very many.
const LOOKED_AT: usize = 10_000;

/// Newest first.
pub fn list(cx: &Cx, page: &PageRequest) -> Result<Page<BudgetView>> {
    cx.require(Action::BudgetsRead)?;
    let rows = cx.read()?;
    let (found, next) = rows.page::<Budget>(0, Key::new(), Order::Newest, page, |_| true)?;
    let views = found.into_iter().map(|it| view(cx, &rows, it)).collect::<Result<_>>()?;
    Ok(Page::new(views, next))
}

/// One budget, and who used it in the present window.
///
/// Errors: `NotFound`.
pub fn find(cx: &Cx, id: BudgetId) -> Result<BudgetDetail> {
    cx.require(Action::BudgetsRead)?;
    let rows = cx.read()?;
    let budget = store::find(&rows, id)?;
    let span = span_of(cx, &budget)?;
    let standings = match budget.is_for_each() && budget.scope != Scope::Run {
        true => standings(&rows, &budget, span)?,
        false => Vec::new(),
    };
    let mut shares: Vec<Share> = rows.all(window_key(budget.id, span.start), Order::Oldest)?;
    shares.sort_by_key(|it| Reverse((it.used.micros, it.used.tokens, it.calls)));
    let (agents, actors): (Vec<_>, Vec<_>) =
        shares.into_iter().map(ShareView::of).partition(|it| it.id.starts_with(AgentId::PREFIX));
    let most = |all: Vec<ShareView>| all.into_iter().take(SHOWN).collect();
    Ok(BudgetDetail {
        budget: view(cx, &rows, budget)?,
        standings,
        agents: most(agents),
        actors: most(actors),
    })
}

/// How an agent's own budget of the day stands; `None` where its policy sets none. The caller has seen the agent.
pub fn of_agent(cx: &Cx, agent: AgentId, policy: &Policy) -> Result<Option<BudgetView>> {
    let Some(limit) = policy.budget_micros_per_day else { return Ok(None) };
    let budget = store::own_budget(store::own_id(agent), limit);
    view(cx, &cx.read()?, budget).map(Some)
}

fn span_of(cx: &Cx, budget: &Budget) -> Result<Span> {
    Ok(Span::of(budget.window, access::time_zone(cx.services(), cx.org())?, cx.now()))
}

pub(super) fn view(cx: &Cx, rows: &impl Rows<PerOrg>, budget: Budget) -> Result<BudgetView> {
    let span = span_of(cx, &budget)?;
    let standing = match (budget.scope, budget.is_for_each()) {
        (Scope::Run, _) => None,
        (_, true) => standings(rows, &budget, span)?.into_iter().next(),
        (_, false) => {
            let Span { start, until } = span;
            let subject = if budget.scope == Scope::Organization { EVERYONE } else { budget.subject };
            let hold = Hold { budget: budget.id, start, until, subject, session: None, own_limit: None };
            let counter = store::counter(rows, &hold)?.unwrap_or_else(|| Counter::new(&hold));
            Some(Standing::of(&budget, &counter))
        }
    };
    let warning = too_small(cx, rows, &budget)?;
    Ok(BudgetView { warning, ..BudgetView::of(budget, standing) })
}

/// Said where not even one run of the agent that the budget names fits into it.
fn too_small(cx: &Cx, rows: &impl Rows<PerOrg>, budget: &Budget) -> Result<Option<String>> {
    let names_agent =
        matches!(budget.scope, Scope::Agent | Scope::Run | Scope::Session) && budget.subject != EVERYONE;
    if !names_agent || budget.action != OnLimit::Stop {
        return Ok(None);
    }
    let Some(agent) = rows.get::<Agent>(AgentId::from_bytes(budget.subject.to_be_bytes()))? else {
        return Ok(None);
    };
    // One that is stopped, say, is not looked at.
    let Ok(agent) = agents::accepted(cx.services(), rows, agent.id, agent.current_number()) else {
        return Ok(None);
    };
    // The least that it is asked for.
    let need = Need::of(&estimate(&agent, &Json::null(), &[]));
    let lacking = lack((budget.limit_micros, budget.limit_tokens), Amount::default(), need);
    let most = match lacking {
        None => return Ok(None),
        Some(Unit::Money) => need.micros.map(|it| format!("{} {CURRENCY}", Micros(it).plain())),
        Some(Unit::Tokens) => need.tokens.map(|it| format!("{it} tokens")),
    };
    let most = most.map_or_else(String::new, |it| format!(": even one with an empty input may use {it}"));
    Ok(Some(format!("no run of {} fits into this budget{most}", agent.agent.name)))
}

/// The nearest to the limit first.
fn standings(rows: &impl Rows<PerOrg>, budget: &Budget, span: Span) -> Result<Vec<Standing>> {
    let mut counters: Vec<Counter> = Vec::new();
    rows.scan(window_key(budget.id, span.start), Order::Oldest, |it| {
        counters.push(it);
        Ok(counters.len() < LOOKED_AT)
    })?;
    let mut standings: Vec<Standing> = counters.iter().map(|it| Standing::of(budget, it)).collect();
    standings.sort_by_key(|it| Reverse((it.percent, it.used_micros, it.used_tokens)));
    standings.truncate(SHOWN);
    Ok(standings)
}
