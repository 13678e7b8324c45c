//! The web layer, over real HTTP.

mod answers;
mod developers;
mod hostile;
mod openapi;
mod probe;
mod raw;
