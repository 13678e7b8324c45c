//! Identity, by real HTTP.

mod flows;
