//! What schedules and triggers start: an agent or a chain, named, checked and started in one way.

mod ops;
mod types;

pub use ops::{Choice, Shown, choices, may_run, narrowed, ready, sees, shown, start};
pub use types::{Named, Target};
