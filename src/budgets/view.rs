//! Budgets as answers show them.

use schemars::JsonSchema;
use serde::Serialize;

use super::notice::percent;
use super::store::{Counter, Share};
use super::types::{Budget, CURRENCY, OnLimit, Scope, Window};
use crate::base::{BudgetId, Timestamp};

/// How a count stands in its present window.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "BudgetStanding")]
pub struct Standing {
    /// Whose count it is, where each has their own: the id of an agent, person, key or session.
    pub subject_id: Option<String>,
    pub used_micros: i64,
    /// Held back for calls under way.
    pub reserved_micros: i64,
    pub used_tokens: u64,
    pub reserved_tokens: u64,
    /// Of the limit that is nearest, rounded down; more than 100 where it was passed.
    pub percent: u64,
    /// Calls that were settled.
    pub calls: u64,
    /// Those of them whose cost nobody knows: it is not in `used_micros`.
    pub unpriced_calls: u64,
    /// When the first call of this window was refused.
    pub refused_at: Option<Timestamp>,
    /// None where counting never begins anew.
    pub since: Option<Timestamp>,
    pub resets_at: Option<Timestamp>,
}

impl Standing {
    pub(super) fn of(budget: &Budget, it: &Counter) -> Self {
        Self {
            subject_id: budget.is_for_each().then(|| it.subject_id(budget.scope)).flatten(),
            used_micros: it.used.micros,
            reserved_micros: it.held.micros,
            used_tokens: it.used.tokens,
            reserved_tokens: it.held.tokens,
            percent: percent(budget, it),
            calls: it.calls,
            unpriced_calls: it.unpriced,
            refused_at: it.refused_at,
            since: it.until.map(|_| it.start),
            resets_at: it.until,
        }
    }
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Budget")]
pub struct BudgetView {
    pub id: BudgetId,
    pub name: String,
    pub scope: Scope,
    /// The agent, person or key whose calls count; none: each of them for itself, or the organization.
    pub subject_id: Option<String>,
    pub window: Window,
    pub limit_micros: Option<i64>,
    pub limit_tokens: Option<u64>,
    pub currency: &'static str,
    pub action: OnLimit,
    pub enabled: bool,
    /// The count in the present window; where each has their own, the one that is nearest to its limit. None where
    /// nothing was counted yet, and where each run is counted for itself.
    pub standing: Option<Standing>,
    /// Where the budget names an agent, and one run of it may use more than the budget has: what to know of that.
    pub warning: Option<String>,
    pub created_at: Timestamp,
    pub created_by: String,
    pub updated_at: Timestamp,
    /// Its tag.
    #[serde(skip)]
    pub revision: u64,
}

impl BudgetView {
    pub(super) fn of(it: Budget, standing: Option<Standing>) -> Self {
        Self {
            subject_id: it.scope.id_of(it.subject),
            id: it.id,
            name: it.name,
            scope: it.scope,
            window: it.window,
            limit_micros: it.limit_micros,
            limit_tokens: it.limit_tokens,
            currency: CURRENCY,
            action: it.action,
            enabled: it.enabled,
            standing,
            warning: None,
            created_at: it.created_at,
            created_by: it.created_by,
            updated_at: it.updated_at,
            revision: it.revision,
        }
    }
}

/// What one agent, person or key has used.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "BudgetShare")]
pub struct ShareView {
    /// `agt_…`, `usr_…`, `key_…` or `system:…`.
    pub id: String,
    pub used_micros: i64,
    pub used_tokens: u64,
    pub calls: u64,
}

impl ShareView {
    pub(super) fn of(it: Share) -> Self {
        Self { id: it.who, used_micros: it.used.micros, used_tokens: it.used.tokens, calls: it.calls }
    }
}

/// One budget, and who used it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "BudgetDetail")]
pub struct BudgetDetail {
    #[serde(flatten)]
    pub budget: BudgetView,
    /// Where each has their own count: those nearest to their limit, in the present window; at most 50.
    pub standings: Vec<Standing>,
    /// Who used most in the present window: agents, and whoever started their runs; at most 50 of each.
    pub agents: Vec<ShareView>,
    pub actors: Vec<ShareView>,
}
