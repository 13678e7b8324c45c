//! The pages, as a browser without scripts uses them: every form once right and once wrong.

mod account;
mod agents;
mod batches;
mod chains;
mod credentials;
mod executions;
mod frame;
mod organization;
mod overview;
mod schedules;
mod sessions;
