//! From the first attempt at a call to its end: what was held becomes what was used.

use std::sync::Arc;

use super::hold::{Amount, Held, Need, Spent};
use super::notice;
use super::plan::{Ahead, Ask, By, Plan, estimate, plan};
use super::register::Register;
use super::store::{self, Counter, Reservation, Share, reservation_key};
use super::types::{Budget, Scope};
use super::window::Span;
use crate::access::Services;
use crate::adapters::Turn;
use crate::agents::Runnable;
use crate::base::{ExecutionId, Id, Json, OrgId, Result, Timestamp};
use crate::infra::fault;
use crate::infra::store::{Key, Order, OrgTx, Rows};

/// A call that is about to be made.
pub struct Calling<'a> {
    pub org: OrgId,
    pub execution: ExecutionId,
    /// Of a step, the key of its call; none where the call is the whole run, whose acceptance has reserved.
    pub step: Option<&'a str>,
    /// Who started the run, as its row says.
    pub actor: &'a str,
    pub session: Option<&'a str>,
    pub agent: &'a Runnable,
    pub input: &'a Json,
    /// What was said in the session before, and is told to the agent.
    pub history: &'a [Turn],
}

impl Plan {
    /// Tells those who want to know that a transaction was refused by a budget, where it was.
    pub async fn tell(&self, services: &Arc<Services>, org: OrgId) {
        let refusal = self.refusal.lock().take();
        if let Some(refusal) = refusal {
            notice::after_refusal(services, org, refusal).await;
        }
    }
}

/// Before each attempt at a call: reserves, or goes on with what is reserved. When this returns, it is on disk that
/// the call may have been made; what an earlier attempt has used is counted. `None` where no budget covers the call.
///
/// Errors: `ResourceExhausted` with the budget that it may pass.
pub async fn begin(services: &Arc<Services>, calling: Calling<'_>) -> Result<Option<Arc<Held>>> {
    let Calling { org, execution, step, actor, session, agent, input, history } = calling;
    let register = services.kept.get::<Register>();
    let has_own = agent.version.policy.budget_micros_per_day.is_some();
    if register.of(org).is_none() && !has_own {
        return Ok(None);
    }
    let call = step.unwrap_or("");
    let rows = services.store.org(org)?;
    let found: Option<Reservation> = rows.get(reservation_key(execution, call))?;
    let estimate = estimate(agent, input, history);
    let need = Need::of(&estimate);
    let planned = match &found {
        Some(it) => Some(Plan::again(it, need, services.env.now())),
        None if step.is_none() => None,
        None => {
            let by = || {
                let run: Option<Reservation> = rows.get(reservation_key(execution, ""))?;
                Ok(run.map_or_else(|| By::written(actor), |it| it.by))
            };
            let ask = Ask { agent, input, history: &|| Ok(history.to_vec()) };
            plan(services, &Ahead { org, execution, session, ask: Some(ask) }, by)?
        }
    };
    drop(rows);
    let Some(planned) = planned else { return Ok(None) };
    let is_written = found.is_some_and(|it| !it.begun && it.need == need && need.amount().is_nothing());
    // Where nothing is held, nothing could be lost.
    if !is_written {
        let earlier = register.under_way(execution, call).map(|it| it.spent());
        write_begun(services, org, execution, call, &planned, earlier).await?;
    }
    let held = Arc::new(Held::new(execution, call, estimate));
    fault!("budgets.begun"?);
    register.begin(held.clone());
    Ok(Some(held))
}

async fn write_begun(
    services: &Arc<Services>,
    org: OrgId,
    execution: ExecutionId,
    call: &str,
    planned: &Plan,
    earlier: Option<Spent>,
) -> Result<()> {
    let (inner, plan, call) = (services.clone(), planned.clone(), call.to_owned());
    let written = services.store.write_org(org, move |tx| {
        let Some(row) = tx.get::<Reservation>(reservation_key(execution, &call))? else {
            return plan.hold(tx, execution, &call, true).map(drop);
        };
        if row.begun {
            let spent = earlier.unwrap_or_else(|| presumed(&row));
            count(&inner, tx, &row, Amount::default(), Some(spent))?;
        }
        if row.begun || row.need != plan.need {
            plan.check(tx, row.need.amount())?;
            plan.hold_instead(tx, row.need.amount())?;
        }
        fault!("budgets.begin"?);
        tx.put(&Reservation { begun: true, need: plan.need, ..row })
    });
    if let Err(error) = written.await {
        planned.tell(services, org).await;
        return Err(error);
    }
    Ok(())
}

/// What a call of an earlier process counts, of which nobody knows what it used: all that was held for it.
fn presumed(row: &Reservation) -> Spent {
    Spent { amount: row.need.amount(), priced: row.need.micros.is_some() }
}

/// Settles one call, in the transaction that records its end.
pub fn settle_call(services: &Services, tx: &mut OrgTx<'_, '_>, held: &Held) -> Result<()> {
    let row: Option<Reservation> = tx.get(reservation_key(held.execution, &held.call))?;
    row.map_or(Ok(()), |row| settle(services, tx, &row, Some(held.spent())))
}

/// Settles what a run still holds, in the transaction that ends it: a call whose end this process knows with what it
/// used, one that an earlier process had begun with all that was held, one that never began with nothing.
pub fn ended(services: &Services, tx: &mut OrgTx<'_, '_>, execution: ExecutionId) -> Result<()> {
    let register = services.kept.get::<Register>();
    let Some(budgets) = register.of(tx.org_id()) else { return Ok(()) };
    for row in tx.all::<Reservation>(Key::of(execution), Order::Oldest)? {
        let known = register.under_way(execution, &row.call).map(|it| it.spent());
        let spent = known.or_else(|| row.begun.then(|| presumed(&row)));
        settle(services, tx, &row, spent)?;
    }
    // What was counted for this run alone.
    let subject = u128::from_be_bytes(execution.bytes());
    for budget in budgets.iter().filter(|it| it.scope == Scope::Run) {
        let Span { start, .. } = Span::of(budget.window, chrono_tz::Tz::UTC, Timestamp::from_millis(0));
        tx.delete::<Counter>(store::counter_key(budget.id, start, subject))?;
    }
    Ok(())
}

/// The end of the run is on disk.
pub fn settled(services: &Services, execution: ExecutionId) {
    services.kept.get::<Register>().forget(execution);
}

fn settle(
    services: &Services,
    tx: &mut OrgTx<'_, '_>,
    row: &Reservation,
    spent: Option<Spent>,
) -> Result<()> {
    count(services, tx, row, row.need.amount(), spent)?;
    fault!("budgets.settle"?);
    tx.delete::<Reservation>(reservation_key(row.execution, &row.call)).map(drop)
}

/// Gives `released` back and counts what was used, in every budget that covers the call.
fn count(
    services: &Services,
    tx: &mut OrgTx<'_, '_>,
    row: &Reservation,
    released: Amount,
    spent: Option<Spent>,
) -> Result<()> {
    for hold in &row.holds {
        // One that was deleted counts no more.
        let Some(budget) = store::of_hold(tx, hold)? else { continue };
        let mut counter = store::counter_of(tx, hold)?;
        counter.held = counter.held.less(released);
        if let Some(spent) = spent {
            counter.used = counter.used.plus(spent.amount);
            counter.calls += 1;
            counter.unpriced += u64::from(!spent.priced);
            notice::after_use(services, tx, &budget, &mut counter, row.execution)?;
            share(tx, &budget, &counter, row, spent)?;
        }
        tx.put(&counter)?;
    }
    Ok(())
}

/// Who used it: the agent, and whoever started the run.
fn share(
    tx: &mut OrgTx<'_, '_>,
    budget: &Budget,
    counter: &Counter,
    row: &Reservation,
    spent: Spent,
) -> Result<()> {
    if budget.scope == Scope::Run {
        return Ok(());
    }
    let agent = row.agent.map(|it| it.to_string());
    for who in agent.iter().chain([&row.by.actor]) {
        let key = store::window_key(budget.id, counter.start).text(who);
        let found: Option<Share> = tx.get(key)?;
        let mut share = found.unwrap_or_else(|| Share {
            budget: budget.id,
            start: counter.start,
            who: who.clone(),
            used: Amount::default(),
            calls: 0,
        });
        share.used = share.used.plus(spent.amount);
        share.calls += 1;
        tx.put(&share)?;
    }
    Ok(())
}
