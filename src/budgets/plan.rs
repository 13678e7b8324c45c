//! Which budgets cover a call, and what is held back of them before it is made.

use std::sync::Arc;

use chrono_tz::Tz;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::hold::{Amount, Hold, Need, lack};
use super::refusal::Refusal;
use super::register::Register;
use super::store::{self, Reservation};
use super::types::{Budget, EVERYONE, OnLimit, Scope, Window};
use super::window::Span;
use crate::access::{self, Services};
use crate::adapters::{Asked, Estimate};
use crate::agents::Runnable;
use crate::base::{Actor, AgentId, ExecutionId, Id, Json, KeyId, OrgId, Result, Timestamp, UserId};
use crate::infra::fault;
use crate::infra::store::OrgTx;

/// Who started a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// As runs write it: `usr_…`, `key_…`, `system:…`.
    pub(super) actor: String,
    pub(super) user: Option<UserId>,
    pub(super) key: Option<KeyId>,
}

impl By {
    pub fn actor(actor: &Actor) -> Self {
        let key = match actor {
            Actor::Key { key_id, .. } => Some(*key_id),
            _ => None,
        };
        Self { actor: actor.to_string(), user: actor.user_id(), key }
    }

    /// What a run's own row says; whose key it was is not there.
    pub(super) fn written(actor: &str) -> Self {
        Self { actor: actor.to_owned(), user: actor.parse().ok(), key: actor.parse().ok() }
    }
}

/// What is to be held back for one call. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(super) by: By,
    pub(super) agent: Option<AgentId>,
    pub(super) need: Need,
    pub(super) holds: Vec<Hold>,
    /// When it was made.
    pub(super) at: Timestamp,
    /// Why it was refused, where it was.
    pub(super) refusal: Arc<Mutex<Option<Refusal>>>,
}

/// The budgets that cover a call of `agent` with this input, or a run that has no agent of its own; `None` where none
/// does.
pub fn plan(
    services: &Services,
    org: OrgId,
    execution: ExecutionId,
    by: impl FnOnce() -> Result<By>,
    agent: Option<(&Runnable, &Json)>,
) -> Result<Option<Plan>> {
    let register = services.kept.get::<Register>();
    let own = agent.and_then(|it| it.0.version.policy.budget_micros_per_day);
    let budgets = match register.of(org) {
        Some(budgets) => budgets,
        None if own.is_none() => return Ok(None),
        None => Arc::from([]),
    };
    if budgets.is_empty() && own.is_none() {
        return Ok(None);
    }
    let (by, agent_id) = (by()?, agent.map(|it| it.0.agent.id));
    let mut places = Places { services, org, now: services.env.now(), zone: None, found: Vec::new() };
    for budget in budgets.iter().filter(|it| it.enabled) {
        if let Some(subject) = subject_in(budget, &by, agent_id, execution) {
            places.add(budget, subject, None)?;
        }
    }
    if let (Some(limit), Some(agent)) = (own, agent_id) {
        let budget = store::own_budget(store::own_id(agent), limit);
        places.add(&budget, budget.subject, Some(limit))?;
    }
    let (holds, at) = (places.found, places.now);
    if holds.is_empty() {
        return Ok(None);
    }
    register.mark(org);
    let need = agent.map_or_else(Need::default, |(it, input)| Need::of(&estimate(it, input)));
    Ok(Some(Plan { by, agent: agent_id, need, holds, at, refusal: Arc::default() }))
}

pub(super) fn estimate(agent: &Runnable, input: &Json) -> Estimate {
    let version = &agent.version;
    version.adapter.estimate(&Asked {
        config: &version.config,
        input,
        instructions: &version.instructions,
        output_schema: version.output_schema.as_deref(),
    })
}

/// As what the call counts in a budget; `None` where it does not.
fn subject_in(budget: &Budget, by: &By, agent: Option<AgentId>, execution: ExecutionId) -> Option<u128> {
    let number = |bytes: [u8; 16]| u128::from_be_bytes(bytes);
    let agent = agent.map(|it| number(it.bytes()));
    let own = match budget.scope {
        Scope::Organization => return Some(EVERYONE),
        Scope::Run => {
            let covers = budget.subject == EVERYONE || agent == Some(budget.subject);
            return covers.then(|| number(execution.bytes()));
        }
        Scope::Agent => agent,
        Scope::User => by.user.map(|it| number(it.bytes())),
        Scope::ApiKey => by.key.map(|it| number(it.bytes())),
    };
    own.filter(|it| budget.subject == EVERYONE || budget.subject == *it)
}

/// Collects places in counts; the time zone is read once, where one needs it.
struct Places<'a> {
    services: &'a Services,
    org: OrgId,
    now: Timestamp,
    zone: Option<Tz>,
    found: Vec<Hold>,
}

impl Places<'_> {
    fn add(&mut self, budget: &Budget, subject: u128, own_limit: Option<i64>) -> Result<()> {
        let zone = match (budget.window, self.zone) {
            (Window::Run | Window::Total, _) => Tz::UTC,
            (_, Some(zone)) => zone,
            (_, None) => *self.zone.insert(access::time_zone(self.services, self.org)?),
        };
        let Span { start, until } = Span::of(budget.window, zone, self.now);
        self.found.push(Hold { budget: budget.id, start, until, subject, own_limit });
        Ok(())
    }
}

impl Plan {
    /// The same once more, for another attempt at the call.
    pub(super) fn again(reservation: &Reservation, now: Timestamp) -> Self {
        Self {
            by: reservation.by.clone(),
            agent: reservation.agent,
            need: reservation.need,
            holds: reservation.holds.clone(),
            at: now,
            refusal: Arc::default(),
        }
    }

    /// Holds back what the run may use, in the transaction that accepts it.
    ///
    /// Errors: `ResourceExhausted` with the budget that it may pass. `tell` says so to those who want to know, once the
    /// transaction is over.
    pub fn reserve(&self, tx: &mut OrgTx<'_, '_>, execution: ExecutionId) -> Result<()> {
        self.hold(tx, execution, "", false).map(drop)
    }

    pub(super) fn hold(
        &self,
        tx: &mut OrgTx<'_, '_>,
        execution: ExecutionId,
        call: &str,
        begun: bool,
    ) -> Result<Reservation> {
        self.check(tx, Amount::default())?;
        for hold in &self.holds {
            let mut counter = store::counter_of(tx, hold)?;
            counter.held = counter.held.plus(self.need.amount());
            tx.put(&counter)?;
        }
        let reservation = Reservation {
            execution,
            call: call.to_owned(),
            by: self.by.clone(),
            agent: self.agent,
            need: self.need,
            begun,
            holds: self.holds.clone(),
        };
        tx.put(&reservation)?;
        fault!("budgets.reserve"?);
        Ok(reservation)
    }

    /// Whether the call fits into every budget that stops; `held` of what is held there is its own.
    ///
    /// Errors: as `reserve`.
    pub(super) fn check(&self, tx: &OrgTx<'_, '_>, held: Amount) -> Result<()> {
        for hold in &self.holds {
            let Some(budget) = store::of_hold(tx, hold)? else { continue };
            if !budget.enabled || budget.action != OnLimit::Stop {
                continue;
            }
            let counter = store::counter(tx, hold)?.unwrap_or_else(|| store::Counter::new(hold));
            let taken = counter.used.plus(counter.held).less(held);
            if let Some(unit) = lack((budget.limit_micros, budget.limit_tokens), taken, self.need) {
                let refusal = Refusal { budget, hold: hold.clone(), counter, need: self.need, unit };
                let error = refusal.error(self.at);
                *self.refusal.lock() = Some(refusal);
                return Err(error);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::BudgetId;

    fn budget(scope: Scope, subject: u128) -> Budget {
        Budget { scope, subject, ..store::own_budget(BudgetId::from_bytes([9; 16]), 1) }
    }

    #[test]
    fn a_budget_covers_what_it_names() {
        let (agent, other) = (AgentId::from_bytes([1; 16]), u128::from_be_bytes([2; 16]));
        let one = u128::from_be_bytes([1; 16]);
        let run = ExecutionId::from_bytes([7; 16]);
        let user = UserId::from_bytes([3; 16]);
        let by = By::actor(&Actor::Key { key_id: KeyId::from_bytes([4; 16]), user_id: user });
        let check = |scope, subject, agent, expected: Option<u128>| {
            assert_eq!(subject_in(&budget(scope, subject), &by, agent, run), expected, "{scope:?}");
        };
        check(Scope::Organization, EVERYONE, None, Some(EVERYONE));
        check(Scope::Agent, one, Some(agent), Some(one));
        check(Scope::Agent, other, Some(agent), None);
        check(Scope::Agent, EVERYONE, Some(agent), Some(one));
        check(Scope::Agent, EVERYONE, None, None);
        check(Scope::User, EVERYONE, None, Some(u128::from_be_bytes([3; 16])));
        check(Scope::ApiKey, u128::from_be_bytes([4; 16]), None, Some(u128::from_be_bytes([4; 16])));
        check(Scope::ApiKey, other, None, None);
        check(Scope::Run, EVERYONE, None, Some(u128::from_be_bytes([7; 16])));
        check(Scope::Run, one, Some(agent), Some(u128::from_be_bytes([7; 16])));
        check(Scope::Run, one, None, None);
    }
}
