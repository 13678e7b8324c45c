//! Machinery without product rules. Nothing here knows agents, roles or pages.

mod cache;
pub mod descriptors;
pub mod harden;
mod kept;
mod never;
mod secret;
pub mod signature;
pub mod store;
pub mod egress;
pub mod sse;
pub mod telemetry;
pub mod vault;
pub mod jwt;
pub mod limits;
pub mod password;
pub mod token;

pub use cache::Cache;
pub use kept::Kept;
pub use secret::Secret;
