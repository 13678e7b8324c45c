//! Who may do what: organizations, people, sessions, keys, roles, and the context `Cx` that every call begins
//! with.

mod cx;
mod role;
mod services;

pub use cx::{Cx, Idempotency, Scopes};
pub use role::{Action, Role};
pub use services::Services;
