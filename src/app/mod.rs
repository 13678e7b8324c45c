//! Assembly: what is put together at start, in which order it stops, and the command line.

mod appliance;
pub mod cli;
mod history;
mod janitor;
mod routes;
mod serving;

pub use appliance::{Appliance, Parts};
pub use routes::routes;
pub use serving::Serving;
