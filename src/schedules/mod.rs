//! Schedules: what runs by itself, when, and what became of every tick.
//!
//! A schedule's next tick is a durable timer. When it fires, one transaction keeps the tick's row, accepts the run
//! and sets the timer of the next tick: for each schedule and instant there is at most one run, and every tick
//! that was due is in the history, fired or skipped with a reason.

pub mod api;
mod fire;
mod follow;
mod input;
mod line;
mod ops;
pub mod pages;
mod plan;
mod record;
mod store;
mod timetable;
mod types;
mod view;
mod words;

pub use follow::{catch_up_with_clock, start};
pub use input::NewSchedule;
pub use ops::{create, delete, disable, enable, find, history, list, preview, run, update};
pub use types::{MissedRuns, Outcome, Overlap, Reason, TickKind};
pub use view::{LastTick, NextRun, Preview, ScheduleFilter, ScheduleView, TickView};
