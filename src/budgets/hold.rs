//! What is held back of a budget, and what is known of the call that it is held for.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::adapters::{Estimate, Usage};
use crate::base::{BudgetId, ExecutionId, Timestamp};

/// Money and tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Amount {
    #[serde(rename = "m")]
    pub micros: i64,
    #[serde(rename = "t")]
    pub tokens: u64,
}

impl Amount {
    pub(super) fn plus(self, more: Self) -> Self {
        Self {
            micros: self.micros.saturating_add(more.micros),
            tokens: self.tokens.saturating_add(more.tokens),
        }
    }

    /// Not below nothing: what was held is given back once.
    pub(super) fn less(self, other: Self) -> Self {
        Self {
            micros: self.micros.saturating_sub(other.micros).max(0),
            tokens: self.tokens.saturating_sub(other.tokens),
        }
    }

    pub(super) fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

/// The most that a call may use; what is not known is left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Need {
    #[serde(rename = "m")]
    pub micros: Option<i64>,
    #[serde(rename = "t")]
    pub tokens: Option<u64>,
}

impl Need {
    pub(super) fn of(estimate: &Estimate) -> Self {
        Self { micros: estimate.cost_micros(), tokens: estimate.tokens() }
    }

    /// What is held back for it.
    pub(super) fn amount(self) -> Amount {
        Amount { micros: self.micros.unwrap_or(0), tokens: self.tokens.unwrap_or(0) }
    }
}

/// A place in one budget's count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Hold {
    pub budget: BudgetId,
    pub start: Timestamp,
    pub until: Option<Timestamp>,
    pub subject: u128,
    /// Where it is a session's count, whose `subject` says no name: the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Where it is the agent's own budget, which has no row: its limit in millionths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_limit: Option<i64>,
}

/// Millionths or tokens: by what a budget is passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Money,
    Tokens,
}

/// By what a call would pass the limits, beside what is used and held; `None` where it fits. What is free passes no
/// limit; what nobody can price may be made as long as something is left.
pub(super) fn lack(limits: (Option<i64>, Option<u64>), taken: Amount, need: Need) -> Option<Unit> {
    let passes = |taken: i128, need: Option<i128>, limit: i128| match need {
        Some(0) => false,
        Some(need) => taken + need > limit,
        None => taken >= limit,
    };
    let (micros, tokens) = (need.micros.map(i128::from), need.tokens.map(i128::from));
    if limits.0.is_some_and(|it| passes(taken.micros.into(), micros, it.into())) {
        return Some(Unit::Money);
    }
    let over = limits.1.is_some_and(|it| passes(taken.tokens.into(), tokens, it.into()));
    over.then_some(Unit::Tokens)
}

/// What a call has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spent {
    pub amount: Amount,
    /// Whether the money is known.
    pub priced: bool,
}

/// One attempt at a call that a budget covers, as this process knows it.
#[derive(Debug)]
pub struct Held {
    pub(super) execution: ExecutionId,
    pub(super) call: String,
    estimate: Estimate,
    /// Whether it was made at all.
    sent: AtomicBool,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    usage: Usage,
    text_bytes: u64,
    /// It came back with an error, and nothing was cut off.
    refused: bool,
}

impl Held {
    pub(super) fn new(execution: ExecutionId, call: &str, estimate: Estimate) -> Self {
        Self {
            execution,
            call: call.to_owned(),
            estimate,
            sent: AtomicBool::new(false),
            seen: Mutex::default(),
        }
    }

    pub fn sent(&self) {
        self.sent.store(true, SeqCst);
    }

    /// What the far end says that it used.
    pub fn used(&self, usage: Usage) {
        self.seen.lock().usage.add(usage);
    }

    /// It has answered a piece of text.
    pub fn answered(&self, text_bytes: usize) {
        self.seen.lock().text_bytes += text_bytes as u64;
    }

    /// The far end would not, or could not, and said so.
    pub fn refused(&self) {
        self.seen.lock().refused = true;
    }

    /// Where the far end has said nothing, a call that was cut off has used its input and what it answered.
    pub(super) fn spent(&self) -> Spent {
        let seen = self.seen.lock();
        let (usage, estimate) = (&seen.usage, &self.estimate);
        let said = Amount {
            micros: usage.cost_micros,
            tokens: usage.input_tokens.saturating_add(usage.output_tokens),
        };
        let priced = said.micros != 0 || estimate.prices.is_some();
        let was_refused = seen.refused && seen.text_bytes == 0;
        if !self.sent.load(SeqCst) || was_refused {
            return Spent { amount: said, priced: true };
        }
        if !said.is_nothing() {
            return Spent { amount: said, priced };
        }
        let (tokens, micros) = estimate.after(seen.text_bytes);
        Spent { amount: Amount { micros, tokens }, priced }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Id;

    fn held(prices: Option<(f64, f64)>) -> Held {
        let estimate = Estimate { input_tokens: Some(10), output_tokens: Some(100), prices };
        Held::new(ExecutionId::from_bytes([1; 16]), "", estimate)
    }

    fn check(held: &Held, micros: i64, tokens: u64, priced: bool) {
        assert_eq!(held.spent(), Spent { amount: Amount { micros, tokens }, priced });
    }

    #[test]
    fn a_call_fits_or_lacks() {
        let check = |limits, taken: (i64, u64), need: (Option<i64>, Option<u64>), expected| {
            let taken = Amount { micros: taken.0, tokens: taken.1 };
            assert_eq!(lack(limits, taken, Need { micros: need.0, tokens: need.1 }), expected);
        };
        let known = (Some(10), Some(10));
        check((Some(100), None), (90, 0), known, None);
        check((Some(100), None), (91, 0), known, Some(Unit::Money));
        check((None, Some(100)), (500, 91), known, Some(Unit::Tokens));
        check((Some(100), None), (500, 0), (Some(0), Some(10)), None);
        check((Some(100), None), (99, 0), (None, None), None);
        check((Some(100), None), (100, 0), (None, None), Some(Unit::Money));
        check((Some(0), None), (0, 0), (None, None), Some(Unit::Money));
        check((Some(i64::MAX), None), (i64::MAX, 0), known, Some(Unit::Money));
    }

    #[test]
    fn what_the_far_end_says_counts() {
        let it = held(Some((1.0, 2.0)));
        check(&it, 0, 0, true);
        it.sent();
        it.answered(300);
        it.used(Usage { input_tokens: 3, output_tokens: 4, cost_micros: 11, ..Usage::default() });
        check(&it, 11, 7, true);
    }

    #[test]
    fn what_was_cut_off_is_counted_as_far_as_it_is_known() {
        let it = held(Some((1.0, 2.0)));
        it.sent();
        check(&it, 10, 10, true);
        it.answered(6);
        check(&it, 14, 12, true);
        let refused = held(Some((1.0, 2.0)));
        refused.sent();
        refused.refused();
        check(&refused, 0, 0, true);
        refused.answered(6);
        check(&refused, 14, 12, true);
    }

    #[test]
    fn where_no_price_is_known_the_money_is_not() {
        let it = held(None);
        it.sent();
        check(&it, 0, 10, false);
    }

    proptest::proptest! {
        /// Calls are let in, and end in another order, each with no more than was held for it.
        #[test]
        fn used_and_held_never_pass_the_limit(
            limit in 0_i64..1_000,
            calls in proptest::collection::vec((0_i64..200, 0_i64..=100, proptest::bool::ANY), 0..60),
        ) {
            let (mut used, mut held) = (Amount::default(), Amount::default());
            let mut open = Vec::new();
            for (most, share, ends) in calls {
                let need = Need { micros: Some(most), tokens: None };
                if lack((Some(limit), None), used.plus(held), need).is_none() {
                    held = held.plus(need.amount());
                    open.push((need, most * share / 100));
                }
                proptest::prop_assert!(used.plus(held).micros <= limit);
                if ends && let Some((need, micros)) = open.pop() {
                    held = held.less(need.amount());
                    used = used.plus(Amount { micros, tokens: 0 });
                }
                proptest::prop_assert!(used.plus(held).micros <= limit);
            }
            for (need, micros) in open {
                held = held.less(need.amount());
                used = used.plus(Amount { micros, tokens: 0 });
            }
            proptest::prop_assert_eq!(held, Amount::default());
            proptest::prop_assert!(used.micros <= limit);
        }
    }
}
