//! What can be done with credentials. Each op checks the caller and owns its transaction.

mod change;
mod look;

pub use change::{create, delete, rotate, update};
pub use look::{find, list, validate, vault_status};
