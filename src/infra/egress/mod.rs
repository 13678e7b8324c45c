//! The one way out. Nothing else in the program opens a client socket.
//!
//! The guard sits where a connection is dialled: every address, literal or out of a name, is held against the
//! rules before a packet leaves, all answers for a name must pass, and the connection goes to the address that was
//! looked at. What is pooled was vetted under the rules in force; new rules come with an empty pool.
//! Absent on purpose: proxies out of the environment, cookies, transparent decompression, HTTP/2.

mod address;
mod allow;
mod breaker;
mod client;
mod connect;
mod error;
mod host;
mod ledger;
mod policy;
mod redirect;
mod request;
mod response;
mod room;
mod tls;

pub use address::{Class, class_of};
pub use allow::AllowRule;
pub use client::{Egress, EgressConfig};
pub use connect::{ReachStep, Resolver, SystemResolver};
pub use error::{Denial, EgressError, Kind};
pub use ledger::{Contact, ContactOutcome, Ledger, NoLedger};
pub use policy::{origin_of, parse_url};
pub use request::{CallLimits, Caller, MAX_REDIRECTS, Request, SecretHeader};
pub use response::Response;
pub use room::Seat;
