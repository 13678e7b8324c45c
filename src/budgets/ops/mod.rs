//! What can be done with budgets.

mod change;
mod look;

pub use change::{create, delete, replace_all, update};
pub use look::{find, list, of_agent};
