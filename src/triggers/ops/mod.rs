//! What can be done with triggers. Each op checks the caller and owns its transaction.

mod change;
mod look;
mod publish;
mod try_out;

pub use change::{create, delete, rotate, update};
pub use look::{TriggerFilter, find, hits, list};
pub use publish::publish;
pub use try_out::{Sample, try_out};
