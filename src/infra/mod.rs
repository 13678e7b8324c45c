//! Machinery without product rules. Nothing here knows agents, roles or pages.

mod secret;
pub mod store;

pub use secret::Secret;
