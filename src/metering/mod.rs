//! Counting: rollups of runs by minute, hour and day, written with the end of the run that they count, so
//! that no analysis ever reads executions.

mod rollup;
mod sketch;

pub use rollup::{Counted, Rollup, Span, record, rollups};
pub use sketch::Sketch;
