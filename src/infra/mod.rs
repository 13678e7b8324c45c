//! Machinery without product rules. Nothing here knows agents, roles or pages.

mod secret;
pub mod store;
pub mod egress;
pub mod sse;

pub use secret::Secret;
