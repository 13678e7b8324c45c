//! Credentials: what agents need to be let in elsewhere. A value comes in once, is sealed, and is opened for one
//! call at a time; no answer, log line or event ever holds it.

pub mod api;
mod check;
mod holders;
mod hosts;
mod open;
mod ops;
pub mod pages;
mod seal;
mod store;
mod types;
mod value;
mod view;

pub use check::check;
pub use holders::{Holder, Holders, Register};
pub use open::{Opened, Use, open};
pub use ops::{create, delete, find, list, rotate, update, validate, vault_status};
/// For forms of features that use credentials.
pub use pages::{Inline as NewInline, KindWords, kind_of, words};
pub use store::limits;
pub use types::{CredentialUpdate, Kind, NewCredential, Rotation};
pub use view::{CredentialFilter, CredentialView, Finding, Validation, VaultStatus};
