//! The one test binary. Tests go through the front door: a whole appliance, real HTTP.

#![allow(unreachable_pub, reason = "a test binary has no outside")]
#![allow(clippy::print_stdout, reason = "campaigns print their figures")]

mod access;
mod agents;
mod adapters;
mod architecture;
mod budgets;
mod canary;
mod chains;
mod cli;
mod crash;
mod credentials;
mod egress;
mod journey;
mod matrix;
mod peers;
mod planted;
mod pages;
mod runs;
mod schedules;
mod server;
mod simulation;
mod store;
mod support;
mod triggers;
mod web;
mod webhooks;
