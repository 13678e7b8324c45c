//! Which budgets cover a call, and what is held back of them before it is made.

use std::sync::Arc;

use chrono_tz::Tz;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::hold::{Amount, Hold, Need, lack};
use super::refusal::Refusal;
use super::register::Register;
use super::store::{self, Reservation};
use super::types::{Budget, EVERYONE, OnLimit, Scope, Window};
use super::window::Span;
use crate::access::{self, Services};
use crate::adapters::{Asked, Estimate, Turn};
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

/// A run, or a call of one of its steps, that budgets may cover.
pub struct Ahead<'a> {
    pub org: OrgId,
    pub execution: ExecutionId,
    pub session: Option<&'a str>,
    /// None for a run that has no agent of its own.
    pub ask: Option<Ask<'a>>,
}

/// What an agent is to be asked.
pub struct Ask<'a> {
    pub agent: &'a Runnable,
    pub input: &'a Json,
    /// What was said in the session before; read where a budget wants to know.
    pub history: &'a dyn Fn() -> Result<Vec<Turn>>,
}

/// The budgets that cover it; `None` where none does.
pub fn plan(services: &Services, ahead: &Ahead<'_>, by: impl FnOnce() -> Result<By>) -> Result<Option<Plan>> {
    let Ahead { org, execution, session, ask } = ahead;
    let (org, ask) = (*org, ask.as_ref());
    let register = services.kept.get::<Register>();
    let own = ask.and_then(|it| it.agent.version.policy.budget_micros_per_day);
    let budgets = match register.of(org) {
        Some(budgets) => budgets,
        None if own.is_none() => return Ok(None),
        None => Arc::from([]),
    };
    if budgets.is_empty() && own.is_none() {
        return Ok(None);
    }
    let (by, agent_id) = (by()?, ask.map(|it| it.agent.agent.id));
    let now = services.env.now();
    let mut places = Places { services, org, session: *session, now, zone: None, found: Vec::new() };
    for budget in budgets.iter().filter(|it| it.enabled) {
        if let Some(subject) = subject_in(budget, &by, agent_id, *execution, *session) {
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
    let need = match ask {
        Some(it) => Need::of(&estimate(it.agent, it.input, &(it.history)()?)),
        None => Need::default(),
    };
    Ok(Some(Plan { by, agent: agent_id, need, holds, at, refusal: Arc::default() }))
}

pub(super) fn estimate(agent: &Runnable, input: &Json, history: &[Turn]) -> Estimate {
    let version = &agent.version;
    version.adapter.estimate(&Asked {
        config: &version.config,
        input,
        history,
        instructions: &version.instructions,
        output_schema: version.output_schema.as_deref(),
    })
}

/// As what the call counts in a budget; `None` where it does not.
fn subject_in(
    budget: &Budget,
    by: &By,
    agent: Option<AgentId>,
    execution: ExecutionId,
    session: Option<&str>,
) -> Option<u128> {
    let number = |bytes: [u8; 16]| u128::from_be_bytes(bytes);
    let agent = agent.map(|it| number(it.bytes()));
    let covers = budget.subject == EVERYONE || agent == Some(budget.subject);
    let own = match budget.scope {
        Scope::Organization => return Some(EVERYONE),
        Scope::Run => return covers.then(|| number(execution.bytes())),
        Scope::Session => return session.filter(|_| covers).map(number_of),
        Scope::Agent => agent,
        Scope::User => by.user.map(|it| number(it.bytes())),
        Scope::ApiKey => by.key.map(|it| number(it.bytes())),
    };
    own.filter(|it| budget.subject == EVERYONE || budget.subject == *it)
}

/// A session's place among the counts: its name can be anything.
fn number_of(session: &str) -> u128 {
    let hash = Sha256::digest(session);
    hash.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}

/// Collects places in counts; the time zone is read once, where one needs it.
struct Places<'a> {
    services: &'a Services,
    org: OrgId,
    session: Option<&'a str>,
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
        let session = self.session.filter(|_| budget.scope == Scope::Session).map(str::to_owned);
        self.found.push(Hold { budget: budget.id, start, until, subject, session, own_limit });
        Ok(())
    }
}

impl Plan {
    /// The same once more, for an attempt at the call that may use so much: its session may have gone on since.
    pub(super) fn again(reservation: &Reservation, need: Need, now: Timestamp) -> Self {
        Self {
            by: reservation.by.clone(),
            agent: reservation.agent,
            need,
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

    /// Holds back what the call may use now, and no more what was held for it.
    pub(super) fn hold_instead(&self, tx: &mut OrgTx<'_, '_>, held: Amount) -> Result<()> {
        if held == self.need.amount() {
            return Ok(());
        }
        for hold in &self.holds {
            let mut counter = store::counter_of(tx, hold)?;
            counter.held = counter.held.less(held).plus(self.need.amount());
            tx.put(&counter)?;
        }
        Ok(())
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
            let found = subject_in(&budget(scope, subject), &by, agent, run, Some("talk"));
            assert_eq!(found, expected, "{scope:?}");
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
        check(Scope::Session, EVERYONE, None, Some(number_of("talk")));
        check(Scope::Session, one, Some(agent), Some(number_of("talk")));
        check(Scope::Session, other, Some(agent), None);
        let none = subject_in(&budget(Scope::Session, EVERYONE), &by, Some(agent), run, None);
        assert_eq!(none, None, "a run without a session is of none");
    }
}
