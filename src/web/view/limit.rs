//! How far a limit is used, as a bar.

use askama::Template;
use askama::filters::HtmlSafe;

use super::format::{count, money};
use super::status::Tone;
use crate::base::Micros;

/// One limit: what is used of it, and what is held back.
#[derive(Template)]
#[template(path = "parts/limit.html")]
pub struct LimitBar {
    label: &'static str,
    used: String,
    limit: String,
    /// Empty where nothing is held back.
    held: String,
    /// 0 to 100.
    percent: u64,
    tone: Tone,
}

impl HtmlSafe for LimitBar {}

impl LimitBar {
    pub fn of_money(label: &'static str, used: Micros, held: Micros, limit: Micros, currency: &str) -> Self {
        let number = |it: Micros| u64::try_from(it.0).unwrap_or(0);
        let words = |it: u64| money(Micros(i64::try_from(it).unwrap_or(i64::MAX)), currency);
        Self::new(label, number(used), number(held), number(limit), words)
    }

    pub fn of_count(label: &'static str, used: u64, held: u64, limit: u64) -> Self {
        Self::new(label, used, held, limit, count)
    }

    fn new(label: &'static str, used: u64, held: u64, limit: u64, words: impl Fn(u64) -> String) -> Self {
        let percent = match (used, limit) {
            (0, _) => 0,
            (_, 0) => 100,
            _ => u64::try_from(u128::from(used) * 100 / u128::from(limit)).unwrap_or(100).min(100),
        };
        Self {
            label,
            used: words(used),
            limit: words(limit),
            held: if held == 0 { String::new() } else { words(held) },
            percent,
            tone: match percent {
                100 => Tone::Bad,
                80.. => Tone::Warn,
                _ => Tone::Info,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_says_how_near_the_limit_is() {
        let check = |used, limit, percent, tone| {
            let bar = LimitBar::of_count("Tokens", used, 0, limit);
            assert_eq!((bar.percent, bar.tone), (percent, tone), "{used} of {limit}");
        };
        check(0, 0, 0, Tone::Info);
        check(1, 0, 100, Tone::Bad);
        check(79, 100, 79, Tone::Info);
        check(80, 100, 80, Tone::Warn);
        check(250, 100, 100, Tone::Bad);
        check(u64::MAX, 1, 100, Tone::Bad);
    }
}
