//! Agents and their versions: what can be run, by whom, and how.
//!
//! An agent's row holds what is said about it and who may use it; a version holds everything that decides what
//! a run does, and never changes once it is published. `resolve` is the way from a name to a run.

pub mod api;
mod catalog;
mod check;
mod compare;
mod filter;
mod health;
mod holders;
mod input;
mod number;
mod ops;
pub mod pages;
mod resolve;
mod rights;
mod schema;
mod status;
mod store;
mod types;
mod valid;
mod view;

pub use catalog::{AgentType, FromTemplate, Template, from_template, template, templates, type_of, types};
pub use compare::Comparison;
pub use filter::{AgentFilter, Sort};
pub use health::RecentRuns;
pub use holders::CredentialHolders;
pub use input::{AgentPatch, AgentUpdate, NewAgent};
pub use number::{Number, Spec};
pub use ops::{
    AgentName, DeleteGuards, NewVersion, Validation, archive, by_id, clone_agent, compare, create,
    create_version, delete, deprecate, disable, enable, find, health, id_of, list, may_see_runs, name_of,
    patch, permissions, publish, resume, rollback, seen, set_permissions, stop, test, update, validate,
    version, versions, view,
};
pub use resolve::{Prepared, Runnable, accepted, resolve};
pub use rights::{Grant, Right, Rights, access};
pub use schema::{check as check_schema, of_person as compiled_schema};
pub use status::{Status, Verb, after};
pub use types::{
    Agent, Definition, Delivery, Health, HealthCheck, Policy, Retry, TriggerMode, Version, VersionRef,
    VersionStatus, Visibility,
};
pub use view::{AgentView, HealthView, VersionSummary, VersionView};

#[cfg(test)]
mod tests;
