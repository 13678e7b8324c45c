//! The vault: what keeps secrets closed at rest and out of the logs.
//!
//! One root key for the appliance (`root`, `keyfile`) wraps random data keys, one ring for each organization
//! (`ring`); a data key seals single values, each bound to its place (`seal`, `binding`). The vault touches no
//! store: callers keep the wrapped rings, the key check and the sealed values in rows of their own.

mod binding;
mod bytes;
mod cache;
mod check;
mod keyfile;
mod redact;
mod ring;
mod root;
mod seal;
mod signing;
mod gate;
mod wrap;

#[cfg(test)]
mod tests;

pub use binding::{Binding, Purpose, Scope};
pub use check::KeyCheck;
pub use gate::{Loaded, Started, Vault};
pub use keyfile::{KeySource, Refusal};
pub use redact::{Redactor, Watch};
pub use ring::{Ring, WrappedRing};
pub use root::{Fingerprint, RecoveryKey, Root};
pub use seal::Sealed;
pub use signing::{SigningKey, VerifyingKey};

macro_rules! stays_in {
    ($($type:ty),*) => {$(
        never_impl!($type: std::fmt::Debug);
        never_impl!($type: std::fmt::Display);
        never_impl!($type: serde::Serialize);
        never_impl!($type: Clone);
    )*};
}

use super::never::never_impl;

stays_in!(Root, Ring, SigningKey, Loaded, KeySource, Vault, Redactor);
