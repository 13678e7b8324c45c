//! Who may do what: organizations, people, sessions, keys, roles, and the context `Cx` that every call begins
//! with.

mod cx;
mod idempotency;
mod role;
mod services;

pub use cx::{Cx, Scopes};
pub use idempotency::{FirstOutcome, FirstRequest, Idempotency, KeptAnswer, Resource, sweep_idempotency};
pub use role::{Action, Role};
pub use services::Services;
