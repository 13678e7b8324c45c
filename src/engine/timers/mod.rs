//! Durable timers: what is to happen at a time, whatever happens to the process until then.
//!
//! A timer is a row that a feature sets in a transaction of its own. The wheel in memory hears of it from the
//! change feed, so nobody has to tell it, and is read back at start. When the time has come, the feature's
//! `Fire` records what follows and takes the timer in one transaction: a crash leaves both undone or both done,
//! so a timer fires once. A wall clock that is set forward makes timers due at once; one that is set back makes
//! them wait, and none fires again.

mod fire;
mod row;
mod wheel;

pub use fire::{Due, Fire, Timers};
pub use row::{Timer, TimerKind};
