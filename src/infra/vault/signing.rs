//! Ed25519 keys of the appliance: access tokens and heads of the audit chain are signed with them.

use ed25519_dalek::pkcs8::EncodePrivateKey;
use ed25519_dalek::{Signature, Signer};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::base::{Doing, Error, Result};
use crate::infra::Secret;

/// Not printable, not serializable; wiped when dropped. At rest it is sealed like any secret (`to_secret`).
pub struct SigningKey(ed25519_dalek::SigningKey);

/// The public half.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifyingKey(ed25519_dalek::VerifyingKey);

impl SigningKey {
    pub fn generate() -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rand::fill(&mut *seed);
        Self(ed25519_dalek::SigningKey::from_bytes(&seed))
    }

    /// The seed, to be sealed with `Purpose::Signing`.
    pub fn to_secret(&self) -> Secret {
        Secret::new(self.0.as_bytes().to_vec())
    }

    /// Errors: `Internal` where the secret is not a seed of 32 bytes.
    pub fn from_secret(secret: &Secret) -> Result<Self> {
        let seed: Zeroizing<[u8; 32]> =
            Zeroizing::new(secret.expose().try_into().doing("read a signing key")?);
        Ok(Self(ed25519_dalek::SigningKey::from_bytes(&seed)))
    }

    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }

    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key())
    }

    /// PKCS #8, as JWT libraries want it.
    pub fn to_pkcs8(&self) -> Result<Secret> {
        let der = self.0.to_pkcs8_der().doing("encode a signing key")?;
        Ok(Secret::new(der.as_bytes().to_vec()))
    }
}

impl VerifyingKey {
    /// Names the key: 16 hexadecimal digits of its hash.
    pub fn id(&self) -> String {
        Sha256::digest(self.0.as_bytes())[..8].iter().map(|it| format!("{it:02x}")).collect()
    }

    pub fn bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Errors: `ValidationFailed` where the bytes are no point of the curve.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self> {
        ed25519_dalek::VerifyingKey::from_bytes(bytes)
            .map(Self)
            .map_err(|_| Error::invalid("a public key is a point of Ed25519 in 32 bytes"))
    }

    /// Strict: no malleable signature, no weak key.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|it| self.0.verify_strict(message, &it).is_ok())
    }
}
