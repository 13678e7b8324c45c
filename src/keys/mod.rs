//! The keys of one appliance: which root key the data folder was made with, one key ring for each organization,
//! and what is sealed for the appliance itself. Knows the vault and the store, and neither people nor features.

mod rows;
mod rings;
mod signing;
mod signing_secrets;
mod start;

pub use rings::{ring, ring_or_new};
pub use signing::signing_key;
pub use signing_secrets::{SecretsOf, SigningSecrets};
pub use start::{KeySettings, start};
