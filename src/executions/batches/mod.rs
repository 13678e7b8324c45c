//! Batches: many inputs that were handed in together, and how far they have come.

mod estimate;
mod input;
mod ops;
mod results;
mod row;
mod table;

pub use estimate::Estimate;
pub use input::{BatchFormat, NewBatch, read_inputs};
pub use ops::{BatchStarted, Checked, cancel, check_batch, find, list, start};
pub use results::{BatchResult, results};
pub use row::{BatchStatus, BatchView, feed_table};
pub(super) use row::{count_end, forget_if_empty, is_over, reopen};
pub use table::{TableFormat, table_of};
