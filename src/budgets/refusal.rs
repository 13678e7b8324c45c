//! What is said where a call may pass a budget: which, how far it is used, when it begins anew, who can raise it.

use serde_json::json;

use super::hold::{Hold, Need, Unit};
use super::store::Counter;
use super::types::{Budget, CURRENCY, Window};
use crate::base::{Code, Error, Micros, Timestamp};

#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub budget: Budget,
    pub hold: Hold,
    pub counter: Counter,
    pub need: Need,
    pub unit: Unit,
}

impl Refusal {
    pub(super) fn error(&self, now: Timestamp) -> Error {
        let (limit, used, held, need) = self.figures();
        let words = |it: i64| match self.unit {
            Unit::Money => format!("{} {CURRENCY}", Micros(it).plain()),
            Unit::Tokens => format!("{it} tokens"),
        };
        let which = match self.hold.own_limit {
            Some(_) => "this agent's own budget".to_owned(),
            None => format!("the budget “{}”", self.budget.name),
        };
        let needs = need.map_or_else(
            || "and what this call may use is not known".to_owned(),
            |it| format!("and this call may use {}", words(it)),
        );
        let message = format!(
            "{which} allows {} {}: {} used, {} reserved, {needs}",
            words(limit),
            per(&self.budget),
            words(used),
            words(held),
        );
        let resource = match self.unit {
            Unit::Money => "budget_micros",
            Unit::Tokens => "budget_tokens",
        };
        let usage =
            json!({ "resource": resource, "used": used, "reserved": held, "needed": need, "limit": limit });
        let budget = self.hold.own_limit.is_none().then(|| self.budget.id.to_string());
        let error = Error::new(Code::ResourceExhausted, message)
            .detail("resource_usage", usage)
            .detail("budget_id", budget)
            .detail("budget_name", self.budget.name.as_str())
            .detail("budget_scope", self.budget.scope.name())
            .detail("budget_window", self.budget.window.name())
            .detail("session_id", self.hold.session.as_deref())
            .detail("currency", CURRENCY)
            .detail("resets_at", self.hold.until.map(|it| it.to_string()));
        let error = match self.hold.until {
            Some(at) => error.retry_after(at.since(now)).suggest(format!("it begins anew at {at}")),
            None => error,
        };
        let error = match self.hold.session {
            Some(_) => error.suggest("go on in a new session"),
            None => error,
        };
        error.suggest(match self.hold.own_limit {
            Some(_) => "whoever may change the agent can raise its budget_micros_per_day".to_owned(),
            None => format!("an admin can raise it: PUT /api/budgets/{}", self.budget.id),
        })
    }

    /// Limit, used, held and needed, in the unit that is short.
    fn figures(&self) -> (i64, i64, i64, Option<i64>) {
        let (budget, counter) = (&self.budget, &self.counter);
        let tokens = |it: u64| i64::try_from(it).unwrap_or(i64::MAX);
        match self.unit {
            Unit::Money => {
                (budget.limit_micros.unwrap_or(0), counter.used.micros, counter.held.micros, self.need.micros)
            }
            Unit::Tokens => (
                budget.limit_tokens.map_or(0, tokens),
                tokens(counter.used.tokens),
                tokens(counter.held.tokens),
                self.need.tokens.map(tokens),
            ),
        }
    }
}

fn per(budget: &Budget) -> &'static str {
    match budget.window {
        Window::Day => "a day",
        Window::Month => "a month",
        Window::Total => "in all",
        Window::Run => "a run",
    }
}
