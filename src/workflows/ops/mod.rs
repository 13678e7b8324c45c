//! What can be done with chains. Each op checks the caller and owns its transaction.

mod change;
mod delete;
mod execute;
mod look;

pub use change::{create, update};
pub use delete::{DeleteGuards, delete, refuse_while_used};
pub(super) use execute::again;
pub use execute::{ChainRun, execute, execute_with, may_run, ready};
pub(super) use look::inspect;
pub use look::{ChainFilter, ChainName, find, list, name_of, optimize, seen, validate};
