//! Workflows: agents put together. A chain asks one after the other, hands on what they answer, and goes on after a
//! crash where it stood.
//!
//! `Chain` is what people write; `Plan` is what runs. How far a run has come is what its journal says, laid over the
//! plan (`progress`), so that a step whose result is recorded never runs again.

pub mod api;
mod check;
mod conductor;
mod facts;
mod fit;
mod input;
mod ledger;
mod ops;
mod optimize;
pub mod pages;
mod plan;
mod prepared;
mod progress;
mod rights;
mod ruling;
mod run;
mod store;
mod types;
mod valid;
mod values;
mod view;

pub use conductor::ChainConductor;
pub use input::{ChainUpdate, NewChain, NewStep};
pub use ops::{
    ChainFilter, ChainName, ChainRun, DeleteGuards, create, delete, execute, execute_with, find, list,
    may_run, name_of, optimize, ready, refuse_while_used, seen, update, validate,
};
pub use optimize::{Optimization, StepFigures, Suggestion, SuggestionKind};
pub use rights::{Rights, access};
pub use store::forget_run;
pub use types::{Chain, ErrorHandling, Fallback, OnError, Step, StepRetry, Workflow};
pub use view::{ChainView, Validation};

#[cfg(test)]
mod tests;
