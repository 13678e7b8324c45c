//! Wrapping one data key for the root key and the recovery keys.
//!
//! age alone says neither who wrapped nor for what: so the plaintext names instance, scope and version, and
//! carries a MAC by the root key. A key that somebody else wrapped, or that was moved, is refused.

use std::io::{Read, Write};

use age::x25519;
use hmac::Mac;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::binding::Scope;
use super::root::Root;
use crate::base::{Code, Doing, Error, Result};

const FORMAT: u8 = 1;
const HEAD_BYTES: usize = 1 + 16 + 17 + 4;
const PLAIN_BYTES: usize = HEAD_BYTES + 32;
const WHOLE_BYTES: usize = PLAIN_BYTES + 32;
const LABEL: &[u8] = b"wrapped data key";

pub(super) type KeyBytes = Zeroizing<[u8; 32]>;

pub(super) fn wrap(
    root: &Root,
    instance: Uuid,
    scope: Scope,
    version: u32,
    key: &KeyBytes,
) -> Result<Vec<u8>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(WHOLE_BYTES));
    plain.extend_from_slice(&head(instance, scope, version));
    plain.extend_from_slice(&**key);
    let mac = root.mac(LABEL, &plain).finalize().into_bytes();
    plain.extend_from_slice(&mac);

    let encryptor = age::Encryptor::with_recipients(root.recipients()).doing("wrap a data key")?;
    let mut wrapped = Vec::with_capacity(512);
    let mut writer = encryptor.wrap_output(&mut wrapped).doing("wrap a data key")?;
    writer.write_all(&plain).doing("wrap a data key")?;
    writer.finish().doing("wrap a data key")?;
    Ok(wrapped)
}

/// Errors: `Unavailable` where the root key does not open it or did not wrap it for this place.
pub(super) fn unwrap(
    root: &Root,
    instance: Uuid,
    scope: Scope,
    version: u32,
    wrapped: &[u8],
) -> Result<KeyBytes> {
    let plain = decrypt(root.identity(), wrapped)?;
    let (body, mac) = split(&plain)?;
    root.mac(LABEL, body).verify_slice(mac).map_err(|_| refused())?;
    key_of(body, instance, scope, version)
}

/// With the private half of a recovery key, when the root key is lost. Who wrapped cannot be checked here.
pub(super) fn recover(
    identity: &x25519::Identity,
    instance: Uuid,
    scope: Scope,
    version: u32,
    wrapped: &[u8],
) -> Result<KeyBytes> {
    let plain = decrypt(identity, wrapped)?;
    key_of(split(&plain)?.0, instance, scope, version)
}

fn decrypt(identity: &x25519::Identity, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let decryptor = age::Decryptor::new_buffered(wrapped).map_err(|it| refused().caused_by(it))?;
    let mut reader = decryptor
        .decrypt(std::iter::once(identity as &dyn age::Identity))
        .map_err(|it| refused().caused_by(it))?;
    let mut plain = Zeroizing::new(vec![0; WHOLE_BYTES]);
    reader.read_exact(&mut plain).map_err(|it| refused().caused_by(it))?;
    match reader.read(&mut [0; 1]) {
        Ok(0) => Ok(plain),
        _ => Err(refused()),
    }
}

fn split(plain: &[u8]) -> Result<(&[u8], &[u8])> {
    plain.split_at_checked(PLAIN_BYTES).ok_or_else(refused)
}

fn key_of(body: &[u8], instance: Uuid, scope: Scope, version: u32) -> Result<KeyBytes> {
    let (place, key) = body.split_at_checked(HEAD_BYTES).ok_or_else(refused)?;
    if place != head(instance, scope, version) {
        return Err(refused());
    }
    let mut bytes = Zeroizing::new([0; 32]);
    bytes.copy_from_slice(key);
    Ok(bytes)
}

fn head(instance: Uuid, scope: Scope, version: u32) -> [u8; HEAD_BYTES] {
    let mut bytes = [0; HEAD_BYTES];
    bytes[0] = FORMAT;
    bytes[1..17].copy_from_slice(instance.as_bytes());
    bytes[17..34].copy_from_slice(&scope.encode());
    bytes[34..].copy_from_slice(&version.to_be_bytes());
    bytes
}

fn refused() -> Error {
    Error::new(
        Code::Unavailable,
        "a data key does not open with the root key: it was wrapped for another key, or altered; restore it from a backup",
    )
}
