//! Triggers: what happens elsewhere starts a run here. A hook is an address of its own that others call, signed in
//! their way; an event is a name that members of the organization publish.
//!
//! A call is answered when its work is durable: the run, the memory that the call was here, and the line in the list of
//! hits are one transaction (`fire`). Whoever sends the same again is led to the first run.

pub mod api;
mod fire;
mod guard;
mod hit;
pub mod hooks;
mod incoming;
mod mapped;
mod ops;
pub mod pages;
mod scheme;
mod secrets;
mod seen;
mod store;
mod sweep;
mod types;
mod view;

pub use guard::start;
pub use ops::{Sample, TriggerFilter, create, delete, find, hits, list, publish, rotate, try_out, update};
pub use sweep::sweep;
pub use types::{NewEvent, NewTrigger, Rotation, TriggerUpdate};
pub use view::{HitView, NewAddress, Published, Trial, TriggerView};
