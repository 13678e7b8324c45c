//! Counting: rollups of runs by minute, hour and day, written with the end of the run that they count, so
//! that no analysis ever reads executions.
//!
//! The egress ledger counts what leaves, by destination (`ledger`, `contacts`).

pub mod api;
mod contacts;
mod ledger;
mod mean;
pub mod pages;
mod rollup;
mod sketch;

pub use contacts::{EgressFilter, EgressView, egress};
pub use ledger::{EgressLedger, LedgerPlace, flush};
pub use mean::{Mean, mean};
pub use rollup::{Counted, Rollup, Span, record, record_call, rollups, subject_of};
pub use sketch::Sketch;
