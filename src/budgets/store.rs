//! Rows. Takes a transaction or a view, never opens one. Numbers 161 to 164.

use serde::{Deserialize, Serialize};

use super::hold::{Amount, Hold, Need};
use super::plan::By;
use super::types::{Budget, OnLimit, Scope, Window};
use crate::base::{AgentId, BudgetId, Error, ExecutionId, Id, Result, Timestamp};
use crate::infra::store::{Indexes, Key, Order, OrgTx, PerOrg, Row, Rows, Table};

/// Of `Budget`.
const BY_NAME: u8 = 1;
/// Counts stay so long after their window began.
const KEPT_MS: u64 = 400 * 24 * 3_600_000;
/// Old counts that go with one new count.
const SWEPT: usize = 32;

impl Row for Budget {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(161, "budgets");

    fn key(&self) -> Key {
        Key::of(self.id)
    }

    fn indexes(&self, index: &mut Indexes) {
        index.add(BY_NAME, Key::new().text(&self.name.to_lowercase()));
    }
}

/// What one subject of a budget has used in one window.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Counter {
    pub budget: BudgetId,
    pub start: Timestamp,
    pub until: Option<Timestamp>,
    /// `EVERYONE` where the budget counts everything together.
    pub subject: u128,
    /// The session, where it is one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    pub used: Amount,
    pub held: Amount,
    /// Calls that were settled, and those of them whose cost nobody knows.
    pub calls: u64,
    pub unpriced: u64,
    /// The highest share of the limit that was told, in per cent.
    pub told: u8,
    /// The first refusal of the window.
    pub refused_at: Option<Timestamp>,
}

impl Row for Counter {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(162, "budget_counters");

    fn key(&self) -> Key {
        counter_key(self.budget, self.start, self.subject)
    }
}

pub(super) fn counter_key(budget: BudgetId, start: Timestamp, subject: u128) -> Key {
    window_key(budget, start).bytes(&subject.to_be_bytes())
}

/// All subjects of one window.
pub(super) fn window_key(budget: BudgetId, start: Timestamp) -> Key {
    Key::of(budget).time(start)
}

/// What is held back for one call of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Reservation {
    pub execution: ExecutionId,
    /// Empty: the run itself. Else the key of the step's call.
    pub call: String,
    pub by: By,
    pub agent: Option<AgentId>,
    pub need: Need,
    /// Whether the call may have been made.
    pub begun: bool,
    pub holds: Vec<Hold>,
}

impl Row for Reservation {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(163, "budget_reservations");

    fn key(&self) -> Key {
        reservation_key(self.execution, &self.call)
    }
}

pub(super) fn reservation_key(execution: ExecutionId, call: &str) -> Key {
    Key::of(execution).text(call)
}

/// Who used how much of a budget in one window.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Share {
    pub budget: BudgetId,
    pub start: Timestamp,
    /// `agt_…`, or an actor as text.
    pub who: String,
    pub used: Amount,
    pub calls: u64,
}

impl Row for Share {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(164, "budget_shares");

    fn key(&self) -> Key {
        window_key(self.budget, self.start).text(&self.who)
    }
}

pub(super) fn find(rows: &impl Rows<PerOrg>, id: BudgetId) -> Result<Budget> {
    rows.get(id)?.ok_or_else(|| Error::not_found("budget", id))
}

pub(super) fn all(rows: &impl Rows<PerOrg>) -> Result<Vec<Budget>> {
    rows.all(Key::new(), Order::Oldest)
}

/// Errors: `Conflict` where a budget other than `own` has the name.
pub(super) fn check_free(rows: &impl Rows<PerOrg>, name: &str, own: Option<BudgetId>) -> Result<()> {
    let holder: Option<Budget> = rows.by_index(BY_NAME, Key::new().text(&name.to_lowercase()))?;
    match holder {
        Some(it) if Some(it.id) != own => {
            Err(Error::conflict("a budget of this organization has this name already")
                .at("/name", "take another name"))
        }
        _ => Ok(()),
    }
}

/// The budget that an agent's own policy sets, under the agent's id; `None` for one that was deleted.
pub(super) fn of_hold(rows: &impl Rows<PerOrg>, hold: &Hold) -> Result<Option<Budget>> {
    match hold.own_limit {
        Some(limit) => Ok(Some(own_budget(hold.budget, limit))),
        None => rows.get(hold.budget),
    }
}

pub(super) fn own_id(agent: AgentId) -> BudgetId {
    BudgetId::from_bytes(agent.bytes())
}

pub(super) fn own_budget(id: BudgetId, limit_micros: i64) -> Budget {
    let never = Timestamp::from_millis(0);
    Budget {
        id,
        name: "budget_micros_per_day".to_owned(),
        scope: Scope::Agent,
        subject: u128::from_be_bytes(id.bytes()),
        window: Window::Day,
        limit_micros: Some(limit_micros),
        limit_tokens: None,
        action: OnLimit::Stop,
        enabled: true,
        revision: 0,
        created_at: never,
        created_by: String::new(),
        updated_at: never,
    }
}

/// The present count, or a new one: then old ones of the budget go.
pub(super) fn counter_of(tx: &mut OrgTx<'_, '_>, hold: &Hold) -> Result<Counter> {
    if let Some(found) = counter(tx, hold)? {
        return Ok(found);
    }
    if hold.until.is_some() {
        sweep(tx, hold.budget, hold.start.minus_ms(KEPT_MS))?;
    }
    Ok(Counter::new(hold))
}

pub(super) fn counter(rows: &impl Rows<PerOrg>, hold: &Hold) -> Result<Option<Counter>> {
    rows.get(counter_key(hold.budget, hold.start, hold.subject))
}

impl Counter {
    /// Whose count it is, as text.
    pub(super) fn subject_id(&self, scope: Scope) -> Option<String> {
        if scope == Scope::Session { self.session.clone() } else { scope.id_of(self.subject) }
    }

    pub(super) fn new(hold: &Hold) -> Self {
        Self {
            budget: hold.budget,
            start: hold.start,
            until: hold.until,
            subject: hold.subject,
            session: hold.session.clone(),
            used: Amount::default(),
            held: Amount::default(),
            calls: 0,
            unpriced: 0,
            told: 0,
            refused_at: None,
        }
    }
}

fn sweep(tx: &mut OrgTx<'_, '_>, budget: BudgetId, before: Timestamp) -> Result<()> {
    let (mut counters, mut shares) = (Vec::new(), Vec::new());
    tx.scan::<Counter>(Key::of(budget), Order::Oldest, |it| {
        let is_old = it.start < before && counters.len() < SWEPT;
        counters.extend(is_old.then(|| it.key()));
        Ok(is_old)
    })?;
    tx.scan::<Share>(Key::of(budget), Order::Oldest, |it| {
        let is_old = it.start < before && shares.len() < SWEPT;
        shares.extend(is_old.then(|| it.key()));
        Ok(is_old)
    })?;
    counters.into_iter().try_for_each(|it| tx.delete::<Counter>(it).map(drop))?;
    shares.into_iter().try_for_each(|it| tx.delete::<Share>(it).map(drop))
}

/// The counts of a budget that is no more.
pub(super) fn forget(tx: &mut OrgTx<'_, '_>, budget: BudgetId) -> Result<()> {
    tx.delete_all::<Counter>(Key::of(budget))?;
    tx.delete_all::<Share>(Key::of(budget)).map(drop)
}
