//! Runs of agents: accepted, watched, cancelled, tried again, and what they came to.

pub mod api;
pub mod batches;
mod call;
mod callback;
mod echo;
mod error;
mod events;
mod expire;
mod extend;
mod guards;
mod intake;
mod list;
mod logs;
mod ops;
pub mod pages;
mod rate;
mod runner;
mod seen;
pub mod sessions;
mod sink;
mod spent;
mod store;
mod types;
mod work;

pub use call::{AgentCall, failure_of};
pub use error::error_of;
pub use events::{StreamEvent, follow};
pub use expire::{Cutoff, Expiring, Gone, Old, Owner, next_owner, old_runs, take_away};
pub use extend::{Attempt, Conductor, Listener, Listeners, Podium};
pub use guards::{refuse_while_running, refuse_while_workflow_runs};
pub use list::{ExecutionFilter, list};
pub use logs::{LogLine, logs};
pub use ops::{
    BulkAction, BulkAnswer, BulkFailure, BulkGroup, Started, VersionChoice, bulk, cancel, find, pause,
    resume, retry, start, start_with, start_workflow, timeline,
};
pub use rate::check_rate;
pub use runner::{WorkflowRun, lanes_of};
pub use seen::{RunnerName, runner_of};
pub use sink::StepMark;
pub use store::feed_table;
pub use types::{
    Cancellation, Execution, ExecutionView, NewExecution, Trigger, TriggerKind, UsageView, WaitingFor,
};
pub use work::AgentWork;
