//! Reeve.

pub mod base;
pub mod infra;
pub mod adapters;
