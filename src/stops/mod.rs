//! The kill switch: no run of an agent, or of the whole organization, begins any more until somebody lifts it.
//!
//! A stop is a row, and the engine's lane is closed with it: new requests are refused with who, when and why; what
//! is queued stays queued or is cancelled; what runs is cancelled. It holds across restarts.

pub mod api;
mod ops;
pub mod pages;
mod store;
mod switch;
mod types;

pub use ops::{
    agent_stop, forget, lift_agent, of_org, org_stop, refuse, refuse_agent, resume_org, stop_agent, stop_org,
    take_up,
};
pub use switch::switch;
pub use types::{NewStop, OrgStop, Queued, Stop, StopReport, lifted_by};
