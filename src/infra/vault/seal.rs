//! One sealed value: XChaCha20-Poly1305 under a subkey, bound to its place.
//!
//! Layout: format (1 byte), key version (4, big-endian), nonce (24, random), ciphertext and tag.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use super::binding::Binding;
use super::bytes::opaque_bytes;
use super::ring::Ring;
use crate::base::{Code, Doing, Error, Result};
use crate::infra::Secret;

const FORMAT: u8 = 1;
const HEAD_BYTES: usize = 1 + 4;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;

/// A value at rest. Safe to store and to back up; opens only where it was sealed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

opaque_bytes!(Sealed);

impl Sealed {
    /// The version of the data key that opens it.
    pub fn key_version(&self) -> Option<u32> {
        self.parts().map(|it| it.version)
    }

    fn parts(&self) -> Option<Parts<'_>> {
        if self.0.len() < HEAD_BYTES + NONCE_BYTES + TAG_BYTES || self.0[0] != FORMAT {
            return None;
        }
        let version = u32::from_be_bytes(self.0[1..HEAD_BYTES].try_into().ok()?);
        let (nonce, body) = self.0[HEAD_BYTES..].split_at(NONCE_BYTES);
        Some(Parts { version, nonce, body })
    }
}

struct Parts<'a> {
    version: u32,
    nonce: &'a [u8],
    body: &'a [u8],
}

pub(super) fn seal(ring: &Ring, binding: &Binding<'_>, secret: &Secret) -> Result<Sealed> {
    let key = ring.current();
    let cipher = XChaCha20Poly1305::new((&*ring.subkey(key, binding.purpose)).into());
    let aad = binding.encode(FORMAT, ring.instance, ring.scope, key.version);
    let mut nonce = [0; NONCE_BYTES];
    rand::fill(&mut nonce);
    let body = cipher
        .encrypt(XNonce::from_slice(&nonce), Payload { msg: secret.expose(), aad: &aad })
        .map_err(|_| "the value is too large for the cipher")
        .doing("seal a secret")?;

    let mut bytes = Vec::with_capacity(HEAD_BYTES + NONCE_BYTES + body.len());
    bytes.push(FORMAT);
    bytes.extend_from_slice(&key.version.to_be_bytes());
    bytes.extend_from_slice(&nonce);
    bytes.extend_from_slice(&body);
    Ok(Sealed(bytes))
}

/// Errors: `CredentialInvalid` where the value was altered, moved, or sealed with a key that is gone.
pub(super) fn open(ring: &Ring, binding: &Binding<'_>, sealed: &Sealed) -> Result<Secret> {
    let parts = sealed.parts().ok_or_else(refused)?;
    let key = ring.version(parts.version).ok_or_else(refused)?;
    let cipher = XChaCha20Poly1305::new((&*ring.subkey(key, binding.purpose)).into());
    let aad = binding.encode(FORMAT, ring.instance, ring.scope, key.version);
    cipher
        .decrypt(XNonce::from_slice(parts.nonce), Payload { msg: parts.body, aad: &aad })
        .map(Secret::new)
        .map_err(|_| refused())
}

/// One sentence for all causes: which of them it was would help nobody but an attacker.
fn refused() -> Error {
    Error::new(
        Code::CredentialInvalid,
        "the stored secret does not open here: it was altered, moved or sealed with a retired key; enter it anew",
    )
}
