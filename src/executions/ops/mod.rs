//! What can be done with runs.

mod bulk;
mod cancel;
mod find;
mod pause;
mod retry;
mod start;

pub use bulk::{BulkAction, BulkAnswer, BulkFailure, BulkGroup, bulk};
pub use cancel::cancel;
pub(super) use cancel::cancel_all;
pub use find::{find, timeline};
pub use pause::{pause, resume};
pub use retry::{VersionChoice, retry};
pub(super) use start::{Planned, accept_all, check};
pub use start::{Started, start, start_with, start_workflow};
