//! The root key: an age x25519 identity. It wraps data keys and does nothing else.

use std::fmt;
use std::str::FromStr;

use age::secrecy::{ExposeSecret, SecretString};
use age::x25519;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::keyfile::{KeySource, Refusal};
use crate::base::{Doing, Error, Result};
use crate::infra::Secret;

/// N = 2^17, r = 8: 128 MiB and about half a second, once at each start.
const SCRYPT_LOG_N: u8 = 17;
/// What we accept when reading: 2^20 is a gigabyte.
const MAX_SCRYPT_LOG_N: u8 = 20;

/// Names a key without telling anything about it: `4f2a-91c0-77de-03b8`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint(String);

impl Fingerprint {
    fn of(recipient: &x25519::Recipient) -> Self {
        let digest = Sha256::digest(recipient.to_string().as_bytes());
        let groups: Vec<String> =
            digest[..8].chunks(2).map(|it| format!("{:02x}{:02x}", it[0], it[1])).collect();
        Self(groups.join("-"))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The public half of a key that is kept off line; what is wrapped for it too can be opened when the
/// appliance's own key is lost.
#[derive(Clone)]
pub struct RecoveryKey(pub(super) x25519::Recipient);

impl FromStr for RecoveryKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        text.trim().parse().map(Self).map_err(|_| {
            Error::invalid(
                "a recovery key is the public half of an age key: \"age1\" and 58 letters and digits",
            )
        })
    }
}

impl fmt::Display for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

pub struct Root {
    identity: x25519::Identity,
    recipient: x25519::Recipient,
    recovery: Vec<RecoveryKey>,
}

impl Root {
    /// A new random key that is in memory only.
    pub fn generate() -> Self {
        Self::from_identity(x25519::Identity::generate())
    }

    /// The key that the source holds.
    pub fn open(source: &KeySource) -> Result<Self, Refusal> {
        let bytes = source.read()?;
        let damaged = |why: &str| Refusal::Damaged { path: source.path().to_owned(), why: why.to_owned() };
        let plain = if is_age_file(&bytes) { unwrap(source, &bytes)? } else { bytes };
        let text = std::str::from_utf8(&plain).map_err(|_| damaged("it is not text"))?;
        parse_identity(text)
            .map(Self::from_identity)
            .ok_or_else(|| damaged("no line begins with AGE-SECRET-KEY-1"))
    }

    /// Makes a key and writes it to the source. When this returns, the file is on disk to stay.
    ///
    /// Errors: `Unavailable` where a file is there already, where it cannot be written, or where the source is
    /// handed in from outside.
    pub fn create(source: &KeySource) -> Result<Self> {
        if let KeySource::HandedIn { path } = source {
            return Err(Refusal::Missing { path: path.clone() }.into());
        }
        let root = Self::generate();
        source.create(&root.file_text(source.passphrase())?)?;
        Ok(root)
    }

    /// Wraps for these keys too, from now on.
    pub fn with_recovery(mut self, recovery: Vec<RecoveryKey>) -> Self {
        self.recovery = recovery;
        self
    }

    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.recipient)
    }

    /// The public half, as a backup or a recovery key names it.
    pub fn public(&self) -> RecoveryKey {
        RecoveryKey(self.recipient.clone())
    }

    pub(super) fn identity(&self) -> &x25519::Identity {
        &self.identity
    }

    pub(super) fn recipients(&self) -> impl Iterator<Item = &dyn age::Recipient> {
        let own: &dyn age::Recipient = &self.recipient;
        std::iter::once(own).chain(self.recovery.iter().map(|it| &it.0 as &dyn age::Recipient))
    }

    /// A MAC only the holder of the root key can make; `label` keeps its uses apart.
    pub(super) fn mac(&self, label: &[u8], message: &[u8]) -> Hmac<Sha256> {
        let text = self.identity.to_string();
        let mut key = Zeroizing::new([0u8; 32]);
        hkdf::Hkdf::<Sha256>::new(Some(b"reeve root mac"), text.expose_secret().as_bytes())
            .expand(label, &mut *key)
            .expect("32 bytes are a valid length for HKDF-SHA256");
        let mut mac = Hmac::<Sha256>::new_from_slice(&*key).expect("HMAC takes keys of any length");
        mac.update(message);
        mac
    }

    fn from_identity(identity: x25519::Identity) -> Self {
        let recipient = identity.to_public();
        Self { identity, recipient, recovery: Vec::new() }
    }

    fn file_text(&self, passphrase: Option<&Secret>) -> Result<Zeroizing<Vec<u8>>> {
        let secret = self.identity.to_string();
        let text = Zeroizing::new(format!(
            "# The root key of a Reeve appliance, fingerprint {}. Keep a copy off this machine.\n# public key: {}\n{}\n",
            self.fingerprint(),
            self.recipient,
            secret.expose_secret()
        ));
        match passphrase {
            None => Ok(Zeroizing::new(text.as_bytes().to_vec())),
            Some(passphrase) => {
                let mut recipient = age::scrypt::Recipient::new(secret_text(passphrase)?);
                recipient.set_work_factor(SCRYPT_LOG_N);
                let armored =
                    age::encrypt_and_armor(&recipient, text.as_bytes()).doing("wrap the root key")?;
                Ok(Zeroizing::new(armored.into_bytes()))
            }
        }
    }
}

fn is_age_file(bytes: &[u8]) -> bool {
    bytes.starts_with(b"age-encryption.org/") || bytes.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----")
}

fn unwrap(source: &KeySource, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let path = source.path().to_owned();
    let Some(passphrase) = source.passphrase() else {
        return Err(Refusal::NeedsPassphrase { path });
    };
    let Ok(passphrase) = secret_text(passphrase) else {
        return Err(Refusal::WrongPassphrase { path });
    };
    let mut identity = age::scrypt::Identity::new(passphrase);
    identity.set_max_work_factor(MAX_SCRYPT_LOG_N);
    match age::decrypt(&identity, bytes) {
        Ok(plain) => Ok(Zeroizing::new(plain)),
        Err(age::DecryptError::DecryptionFailed | age::DecryptError::KeyDecryptionFailed) => {
            Err(Refusal::WrongPassphrase { path })
        }
        Err(error) => Err(Refusal::Damaged { path, why: error.to_string() }),
    }
}

fn secret_text(secret: &Secret) -> Result<SecretString> {
    let text = secret.expose_str().ok_or_else(|| Error::invalid("a passphrase is text"))?;
    Ok(SecretString::from(text.to_owned()))
}

/// The first identity in the text; lines that begin with `#` are remarks.
pub(super) fn parse_identity(text: &str) -> Option<x25519::Identity> {
    let mut line = text.lines().map(str::trim).find(|it| it.starts_with("AGE-SECRET-KEY-1"))?.to_owned();
    let identity = line.parse().ok();
    line.zeroize();
    identity
}
