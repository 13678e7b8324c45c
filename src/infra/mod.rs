//! Machinery without product rules. Nothing here knows agents, roles or pages.

mod cache;
pub mod descriptors;
pub(crate) mod faults;
pub mod harden;
mod kept;
mod never;
mod secret;
mod tend;
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
pub(crate) use faults::fault;
pub use kept::Kept;
pub use secret::Secret;
pub use tend::{keep_a_thread, tend};
