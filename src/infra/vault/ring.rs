//! The data keys of one scope: one that seals, and older ones that still open until everything is sealed anew.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::binding::{Purpose, Scope};
use super::root::Root;
use super::wrap::{self, KeyBytes};
use crate::base::{Code, Error, Result};

/// The keys as they are kept at rest, by the caller, in one row of the scope. Deleting it erases for good what
/// they sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedRing {
    keys: Vec<WrappedKey>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct WrappedKey {
    version: u32,
    #[serde(with = "super::bytes")]
    wrapped: Vec<u8>,
}

impl WrappedRing {
    /// The version that seals.
    pub fn current(&self) -> u32 {
        self.keys.iter().map(|it| it.version).max().unwrap_or(0)
    }

    /// All versions that still open, oldest first.
    pub fn versions(&self) -> Vec<u32> {
        self.keys.iter().map(|it| it.version).collect()
    }

    /// Forgets all keys but the current one. To be done when nothing sealed with them is left: what is left does
    /// not open any more.
    pub fn retire_old(&mut self) {
        let current = self.current();
        self.keys.retain(|it| it.version == current);
    }

    pub(super) fn digest(&self) -> [u8; 32] {
        use sha2::Digest;
        let mut hash = Sha256::new();
        for key in &self.keys {
            hash.update(key.version.to_be_bytes());
            hash.update((key.wrapped.len() as u64).to_be_bytes());
            hash.update(&key.wrapped);
        }
        hash.finalize().into()
    }
}

/// The keys, open. In memory only; wiped when dropped.
pub struct Ring {
    pub(super) instance: Uuid,
    pub(super) scope: Scope,
    keys: Vec<DataKey>,
}

pub(super) struct DataKey {
    pub(super) version: u32,
    bytes: KeyBytes,
}

impl Ring {
    pub(super) fn generate(instance: Uuid, scope: Scope) -> Self {
        Self { instance, scope, keys: vec![DataKey::generate(1)] }
    }

    pub(super) fn unwrap(root: &Root, instance: Uuid, scope: Scope, wrapped: &WrappedRing) -> Result<Self> {
        Self::each(instance, scope, wrapped, |it| {
            wrap::unwrap(root, instance, scope, it.version, &it.wrapped)
        })
    }

    pub(super) fn recover(
        identity: &age::x25519::Identity,
        instance: Uuid,
        scope: Scope,
        wrapped: &WrappedRing,
    ) -> Result<Self> {
        Self::each(instance, scope, wrapped, |it| {
            wrap::recover(identity, instance, scope, it.version, &it.wrapped)
        })
    }

    fn each(
        instance: Uuid,
        scope: Scope,
        wrapped: &WrappedRing,
        open: impl Fn(&WrappedKey) -> Result<KeyBytes>,
    ) -> Result<Self> {
        let mut keys = Vec::with_capacity(wrapped.keys.len());
        for key in &wrapped.keys {
            keys.push(DataKey { version: key.version, bytes: open(key)? });
        }
        keys.sort_by_key(|it| it.version);
        if keys.is_empty() {
            return Err(Error::new(Code::Unavailable, "the key ring is empty; restore it from a backup"));
        }
        Ok(Self { instance, scope, keys })
    }

    pub(super) fn wrap(&self, root: &Root) -> Result<WrappedRing> {
        let keys = self.keys.iter().map(|it| {
            let wrapped = wrap::wrap(root, self.instance, self.scope, it.version, &it.bytes)?;
            Ok(WrappedKey { version: it.version, wrapped })
        });
        Ok(WrappedRing { keys: keys.collect::<Result<_>>()? })
    }

    /// A ring with one more key, which seals from now on.
    pub(super) fn rotated(&self) -> Self {
        let mut keys: Vec<DataKey> = self.keys.iter().map(DataKey::duplicate).collect();
        keys.push(DataKey::generate(self.current().version + 1));
        Self { instance: self.instance, scope: self.scope, keys }
    }

    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// The version that seals.
    pub fn current_version(&self) -> u32 {
        self.current().version
    }

    /// The newest key.
    pub(super) fn current(&self) -> &DataKey {
        self.keys.last().expect("a ring is never made without a key")
    }

    pub(super) fn version(&self, version: u32) -> Option<&DataKey> {
        self.keys.iter().find(|it| it.version == version)
    }

    pub(super) fn subkey(&self, key: &DataKey, purpose: Purpose) -> KeyBytes {
        let mut subkey = Zeroizing::new([0; 32]);
        let scope = self.scope.encode();
        let info: [&[u8]; 4] = [b"reeve subkey 1 ", purpose.label().as_bytes(), b" ", &scope];
        Hkdf::<Sha256>::new(Some(self.instance.as_bytes()), &*key.bytes)
            .expand_multi_info(&info, &mut *subkey)
            .expect("32 bytes are a valid length for HKDF-SHA256");
        subkey
    }

    /// A MAC under the current key, for values that leave and come back (cursors, form tokens).
    pub fn mac(&self, purpose: Purpose, message: &[u8]) -> [u8; 32] {
        self.hmac(self.current(), purpose, message).finalize().into_bytes().into()
    }

    /// Whether `mac` was made for this message by any key of the ring; in constant time.
    pub fn verify_mac(&self, purpose: Purpose, message: &[u8], mac: &[u8]) -> bool {
        self.keys.iter().any(|key| self.hmac(key, purpose, message).verify_slice(mac).is_ok())
    }

    fn hmac(&self, key: &DataKey, purpose: Purpose, message: &[u8]) -> Hmac<Sha256> {
        let subkey = self.subkey(key, purpose);
        let mut mac = Hmac::<Sha256>::new_from_slice(&*subkey).expect("HMAC takes keys of any length");
        mac.update(message);
        mac
    }
}

impl DataKey {
    fn generate(version: u32) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        rand::fill(&mut *bytes);
        Self { version, bytes }
    }

    fn duplicate(&self) -> Self {
        Self { version: self.version, bytes: self.bytes.clone() }
    }
}
