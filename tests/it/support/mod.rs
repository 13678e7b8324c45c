//! What tests are made of.
#![allow(dead_code, reason = "each test uses its own part")]

pub mod appliance;
pub mod http;

pub use appliance::Appliance;
