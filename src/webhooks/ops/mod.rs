//! What can be done with webhooks. Each op checks the caller and owns its transaction.

mod change;
mod deliver;
mod look;

pub use change::{create, delete, rotate, update};
pub use deliver::{resend, test};
pub use look::{DeliveryFilter, deliveries, delivery, find, list};
