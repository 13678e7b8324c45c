//! Machinery without product rules. Nothing here knows agents, roles or pages.

mod secret;

pub use secret::Secret;
