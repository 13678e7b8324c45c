//! The web layer, over real HTTP.

mod answers;
mod hostile;
mod openapi;
mod probe;
mod raw;
