//! Durable execution that does not know what it executes.
//!
//! A `Task` is accepted by a commit; from then on it is attempted until it ends, across crashes. What happens
//! on the way goes to the journal, in order; the end is one commit with whatever rows the `Work` writes. In
//! memory: fair queues, the runs at work, and who watches them. After a crash the queues are read back.
//! What is to happen later, and is not a task yet, is a timer.

mod drive;
mod face;
mod hold;
mod journal;
mod live;
mod machine;
mod paused;
mod pen;
mod places;
mod queue;
mod task;
mod timers;

pub use face::{Engine, EngineStats, Options};
pub use journal::{
    Entry, EventKind, Published, entries_after, entries_within, forget, journal_stored, last_sequence,
};
pub use live::{Run, Underway, Watch};
pub use machine::{Next, next};
pub use places::Places;
pub use task::{End, Failure, Hold, Lane, Repeat, Retry, Status, Task, Verdict, Work, open_in_lane};
pub use timers::{Due, Fire, Timer, TimerKind, Timers};
