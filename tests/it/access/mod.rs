//! Identity, by real HTTP.

mod cookies;
mod csrf;
mod flows;
mod guessing;
mod setup;
mod tokens;

pub use csrf::browser;
