//! Rate limits: so many calls a window for each key, organization or address, with what a client needs to know
//! to stay below. Memory is bounded whatever the callers send.

mod address;
mod cells;
mod limiter;
mod rate;

pub use address::AddressBlock;
pub use limiter::{Limiter, Limits};
pub use rate::{Rate, Verdict};
