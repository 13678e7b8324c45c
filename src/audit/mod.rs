//! The audit log: who did what to what, written in the transaction of the change, chained by hash within each
//! organization so that an entry that was changed, removed, inserted or moved is found.

pub mod api;
mod chain;
pub mod pages;
mod types;

pub use chain::{Verdict, append, find, list, verify};
pub use types::{AuditEntry, AuditFilter, Note};
