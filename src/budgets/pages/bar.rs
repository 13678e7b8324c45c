//! A budget's limits as bars.

use crate::base::Micros;
use crate::budgets::types::CURRENCY;
use crate::budgets::view::{BudgetView, Standing};
use crate::web::view::LimitBar;

/// As far as one count has used them.
pub(super) fn bars(budget: &BudgetView, it: &Standing) -> Vec<LimitBar> {
    let money = budget.limit_micros.map(|limit| {
        let (used, held) = (Micros(it.used_micros), Micros(it.reserved_micros));
        LimitBar::of_money("Money", used, held, Micros(limit), CURRENCY)
    });
    let tokens = budget
        .limit_tokens
        .map(|limit| LimitBar::of_count("Tokens", it.used_tokens, it.reserved_tokens, limit));
    money.into_iter().chain(tokens).collect()
}
