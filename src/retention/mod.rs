//! How long the history of runs is kept: by the appliance's default, the organization's word, or that for one agent.
//!
//! A sweep now and then takes runs away that ended before that, with journal and index entries, in small transactions.
//! What has not ended never goes, nor a part of what is still shown: dead letters, batches of which not all is old.
//! Rollups stay. The room that the runs leave is written again by what comes.

pub mod api;
mod ops;
pub mod pages;
mod store;
mod sweep;
mod types;

pub use ops::{find, preview, set};
pub use sweep::{Swept, sweep};
pub use types::{AgentDays, NewPolicy, PolicyView, Preview};
