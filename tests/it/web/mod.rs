//! The web layer, over real HTTP.

mod answers;
mod codes;
mod developers;
mod hostile;
mod idempotency;
mod openapi;
mod probe;
mod rates;
mod raw;
