//! What pages are made of: values in human words, and parts that render themselves.
//!
//! A part is a small struct with its own template; it may be written anywhere in a page as `{{ part }}` without
//! being escaped again, because its template has escaped what it was given.

mod badge;
mod chart;
mod diff;
mod field;
mod format;
mod given;
mod href;
mod json;
mod limit;
mod shell;
mod sparkline;
mod status;
mod waterfall;

pub use badge::{Ago, Badge};
pub use chart::{Chart, Say, Series};
pub use diff::Diff;
pub use field::{Choice, Field, id_of as field_id, pairs_of_lines};
pub use format::{
    UNKNOWN, ago, bytes, compact, count, duration, initials, known_cost, money, percent, same, sentence,
};
pub use given::Given;
pub use href::href;
pub use json::JsonView;
pub use limit::LimitBar;
pub use shell::{shell_word, signed_by_standard};
pub use sparkline::Sparkline;
pub use status::{Status, Tone, words as status_words};
pub use waterfall::{Step, Waterfall};
