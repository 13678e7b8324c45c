//! What tests are made of.
#![allow(dead_code, reason = "each test uses its own part")]

pub mod addresses;
pub mod appliance;
pub mod chromium;
pub mod call;
pub mod clock;
pub mod dice;
pub mod events;
pub mod http;
pub mod net;
pub mod peer;
pub mod people;
pub mod visitor;
pub mod wait;

pub use appliance::Appliance;
pub use people::PASSWORD;
pub use wait::until;
