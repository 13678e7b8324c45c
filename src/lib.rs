//! Reeve: one program and one data folder for all of a team's AI agents.
//!
//! The list of modules below is the architecture. A module imports only modules listed above it, and the
//! features among them (`audit` to `insights`) stand in the order in which they may depend on each other;
//! `tests/it/architecture.rs` holds that. A feature's endpoints (`api`, `pages`) rank after `web`, and only `app`
//! imports them.
//!
//! How a run goes: `executions::api` takes the request, `agents` finds the version and says whether the caller
//! may, `executions` writes the run and its task in one commit (`infra::store`), the `engine` gives it a place
//! among the organizations and drives it, `adapters` speak with the far end through `infra::egress`, what happens
//! goes to the engine's journal, and the end is one commit again: run, journal, `metering`.
//!
//! What is absent matters as much. `engine` does not know agents. `adapters` do not know organizations, pages or
//! rows. Nothing but `infra::egress` opens a socket, nothing but `infra::store` touches the database file, and no
//! feature holds a handle that could name another organization's rows. No rule lives in a handler or a template.
//!
//! Where this differs from the house style's own list: `audit` stands before `access`, because log-ins are
//! audited; `models` and `packages` are modules of their own beside `adapters`, which they serve; the bench on
//! which far ends leave late answers (`adapters::CallbackDesk`) is machinery of adapters.

pub mod base;
pub mod config;
pub mod infra;
pub mod engine;
pub mod models;
pub mod adapters;
pub mod packages;
pub mod keys;
pub mod audit;
pub mod access;
pub mod metering;
pub mod connections;
pub mod stops;
pub mod agents;
pub mod budgets;
pub mod executions;
pub mod retention;
pub mod webhooks;
pub mod workflows;
pub mod targets;
pub mod schedules;
pub mod triggers;
pub mod insights;
pub mod web;
pub mod app;
