//! The key check: what a data folder remembers of the key it was made with, so that a wrong key is named
//! before anything is tried with it.

use hmac::Mac;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::root::{Fingerprint, Root};
use crate::base::{Code, Error, Result};

const LABEL: &[u8] = b"key check";

/// Kept by the caller in a row of the instance. Tells nothing about the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCheck {
    pub fingerprint: Fingerprint,
    /// A MAC by the root key over the instance's id: cannot be made for a key one does not hold.
    proof: Vec<u8>,
}

impl KeyCheck {
    pub fn new(root: &Root, instance: Uuid) -> Self {
        let proof = root.mac(LABEL, instance.as_bytes()).finalize().into_bytes().to_vec();
        Self { fingerprint: root.fingerprint(), proof }
    }

    /// Errors: `Unavailable` for any other key than the one the check was made with; the sentence names both.
    pub fn verify(&self, root: &Root, instance: Uuid) -> Result<()> {
        let held = root.fingerprint();
        if held != self.fingerprint {
            return Err(Error::new(
                Code::Unavailable,
                format!(
                    "this data folder was made with key {}, but the key file holds {held}; configure the key file that belongs to this data folder",
                    self.fingerprint
                ),
            ));
        }
        root.mac(LABEL, instance.as_bytes()).verify_slice(&self.proof).map_err(|_| {
            Error::new(
                Code::Unavailable,
                "the key check of this data folder was altered or belongs to another instance; restore it from a backup",
            )
        })
    }
}
