//! The web layer, over real HTTP.

mod answers;
mod codes;
mod developers;
mod hostile;
mod idempotency;
mod objects;
mod openapi;
mod probe;
mod rates;
mod raw;
