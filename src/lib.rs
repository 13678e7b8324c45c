//! Reeve.

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
pub mod agents;
pub mod executions;
pub mod web;
pub mod app;
