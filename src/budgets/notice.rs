//! What is told of budgets: that a share of a limit is used, and that calls are refused. Each once in a window.

use std::sync::Arc;

use parking_lot::RwLock;
use schemars::JsonSchema;
use serde::Serialize;

use super::hold::Hold;
use super::refusal::Refusal;
use super::store::{self, Counter};
use super::types::{Budget, CURRENCY, Scope, Window};
use crate::access::Services;
use crate::base::{AgentId, BudgetId, ExecutionId, OrgId, Result, Timestamp};
use crate::infra::store::{Key, Order, OrgTx, Rows};

/// Shares of a limit that are told, in per cent.
const TOLD_AT: [u8; 3] = [50, 80, 100];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// A share of the limit is used.
    Threshold,
    /// The first call of the window was refused.
    Exhausted,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Notice {
    #[serde(skip)]
    pub kind: NoticeKind,
    #[serde(skip)]
    pub at: Timestamp,
    /// None for the budget that an agent's own policy sets.
    pub budget_id: Option<BudgetId>,
    pub name: String,
    pub scope: Scope,
    pub window: Window,
    /// Whose count it is, where the budget names or counts one.
    pub subject_id: Option<String>,
    /// The agent, where it is an agent's count.
    pub agent_id: Option<AgentId>,
    /// The run that used it, or was refused.
    pub execution_id: Option<ExecutionId>,
    /// Of the limit that is nearest, rounded down.
    pub percent: u64,
    pub limit_micros: Option<i64>,
    pub used_micros: i64,
    pub reserved_micros: i64,
    pub limit_tokens: Option<u64>,
    pub used_tokens: u64,
    pub reserved_tokens: u64,
    pub currency: &'static str,
    pub resets_at: Option<Timestamp>,
}

/// Wants to know of budgets.
pub trait Listener: Send + Sync {
    /// Told in the transaction that used or refused; an error undoes it.
    fn told(&self, tx: &mut OrgTx<'_, '_>, notice: &Notice) -> Result<()>;
}

/// Everyone who wants to know, registered at start.
#[derive(Default)]
pub struct Listeners(RwLock<Vec<Arc<dyn Listener>>>);

impl Listeners {
    pub fn add(&self, listener: Arc<dyn Listener>) {
        self.0.write().push(listener);
    }

    fn tell(&self, tx: &mut OrgTx<'_, '_>, notice: &Notice) -> Result<()> {
        self.0.read().iter().try_for_each(|it| it.told(tx, notice))
    }
}

/// How much of the nearest limit is used, in per cent; more than 100 where it was passed.
pub(super) fn percent(budget: &Budget, counter: &Counter) -> u64 {
    let share = |used: u128, limit: u128| match (used, limit) {
        (0, 0) => 0,
        (_, 0) => 100,
        _ => u64::try_from(used * 100 / limit).unwrap_or(u64::MAX),
    };
    let micros = |it: i64| u128::try_from(it).unwrap_or(0);
    let money = budget.limit_micros.map(|it| share(micros(counter.used.micros), micros(it)));
    let tokens = budget.limit_tokens.map(|it| share(counter.used.tokens.into(), it.into()));
    money.max(tokens).unwrap_or(0)
}

/// The highest share that is told of so much.
fn reached(percent: u64) -> Option<u8> {
    TOLD_AT.into_iter().rev().find(|it| u64::from(*it) <= percent)
}

/// After the limits have changed: what is reached now counts as told, and the next refusal is a first one.
pub(super) fn after_change(tx: &mut OrgTx<'_, '_>, budget: &Budget) -> Result<()> {
    let mut counters: Vec<Counter> = tx.all(Key::of(budget.id), Order::Newest)?;
    counters.retain(|it| it.told > 0 || it.refused_at.is_some());
    for mut counter in counters {
        counter.told = reached(percent(budget, &counter)).unwrap_or(0);
        counter.refused_at = None;
        tx.put(&counter)?;
    }
    Ok(())
}

/// After something was used: tells the highest share that was reached and not told yet. The caller keeps the count.
pub(super) fn after_use(
    services: &Services,
    tx: &mut OrgTx<'_, '_>,
    budget: &Budget,
    counter: &mut Counter,
    execution: ExecutionId,
) -> Result<()> {
    let percent = percent(budget, counter);
    // There are as many sessions as there are talks: only that one came to its end is told.
    let is_told = !matches!(budget.scope, Scope::Run | Scope::Session);
    let Some(reached) = reached(percent).filter(|it| *it > counter.told && is_told) else {
        return Ok(());
    };
    counter.told = reached;
    let notice = of(services, NoticeKind::Threshold, budget, counter, Some(execution));
    services.kept.get::<Listeners>().tell(tx, &notice)
}

/// After a call was refused: the first one of a window is kept with the count, and told.
pub(super) async fn after_refusal(services: &Arc<Services>, org: OrgId, refusal: Refusal) {
    if refusal.counter.refused_at.is_some() || refusal.budget.scope == Scope::Run {
        return;
    }
    let inner = services.clone();
    let written = services.store.write_org(org, move |tx| note_refusal(&inner, tx, &refusal.hold)).await;
    if let Err(error) = written {
        tracing::warn!(?error, "a refusal by a budget could not be told");
    }
}

fn note_refusal(services: &Services, tx: &mut OrgTx<'_, '_>, hold: &Hold) -> Result<()> {
    let Some(budget) = store::of_hold(tx, hold)? else { return Ok(()) };
    let mut counter = store::counter_of(tx, hold)?;
    if counter.refused_at.is_some() {
        return Ok(());
    }
    counter.refused_at = Some(services.env.now());
    let notice = of(services, NoticeKind::Exhausted, &budget, &counter, None);
    services.kept.get::<Listeners>().tell(tx, &notice)?;
    tx.put(&counter)
}

fn of(
    services: &Services,
    kind: NoticeKind,
    budget: &Budget,
    counter: &Counter,
    execution_id: Option<ExecutionId>,
) -> Notice {
    let subject_id = counter.subject_id(budget.scope);
    let agent_id = subject_id.as_ref().filter(|_| budget.scope == Scope::Agent);
    Notice {
        kind,
        at: services.env.now(),
        budget_id: (budget.revision > 0).then_some(budget.id),
        name: budget.name.clone(),
        scope: budget.scope,
        window: budget.window,
        agent_id: agent_id.and_then(|it| it.parse().ok()),
        subject_id,
        execution_id,
        percent: percent(budget, counter),
        limit_micros: budget.limit_micros,
        used_micros: counter.used.micros,
        reserved_micros: counter.held.micros,
        limit_tokens: budget.limit_tokens,
        used_tokens: counter.used.tokens,
        reserved_tokens: counter.held.tokens,
        currency: CURRENCY,
        resets_at: counter.until,
    }
}
