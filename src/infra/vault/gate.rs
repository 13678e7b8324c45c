//! The vault itself: open with a root key, or sealed with the reason why.
//!
//! Sealed, everything else of the appliance goes on; what needs a secret is refused with a sentence that says
//! what to do, and nothing is destroyed or made anew.

use std::ops::Deref;
use std::sync::Arc;

use arc_swap::ArcSwap;
use base64::Engine;
use uuid::Uuid;

use super::binding::{Binding, Purpose, Scope};
use super::cache::Cache;
use super::check::KeyCheck;
use super::keyfile::{KeySource, Refusal};
use super::redact::{Redactor, Watch};
use super::ring::{Ring, WrappedRing};
use super::root::{self, Fingerprint, RecoveryKey, Root};
use super::seal::{self, Sealed};
use super::signing::SigningKey;
use crate::base::{Code, Error, Result};
use crate::infra::Secret;

pub struct Vault {
    instance: Uuid,
    state: ArcSwap<State>,
    cache: Cache,
    redactor: Arc<Redactor>,
}

enum State {
    Open(Root),
    Sealed(String),
}

/// What a start with a key source led to.
pub struct Started {
    pub vault: Vault,
    /// To be stored before anything is sealed: set at the first start only.
    pub new_check: Option<KeyCheck>,
}

/// A secret that is in use. While it lives, logs do not show its value.
pub struct Loaded {
    secret: Secret,
    _watch: Watch,
}

impl Deref for Loaded {
    type Target = Secret;

    fn deref(&self) -> &Secret {
        &self.secret
    }
}

impl Vault {
    pub fn open_with(root: Root, instance: Uuid, redactor: Arc<Redactor>) -> Self {
        Self::with(State::Open(root), instance, redactor)
    }

    /// `reason` says what to do, as a sentence without its full stop.
    pub fn sealed(reason: impl Into<String>, instance: Uuid, redactor: Arc<Redactor>) -> Self {
        Self::with(State::Sealed(reason.into()), instance, redactor)
    }

    /// The vault of a data folder. Without a check (first start) the key is made where it is missing; with one,
    /// a missing or wrong key leads to a sealed vault and never to a new key.
    ///
    /// Errors: a key that others can read stops the start; so does a first start that cannot make its key.
    pub fn start(
        source: &KeySource,
        recovery: Vec<RecoveryKey>,
        check: Option<&KeyCheck>,
        instance: Uuid,
        redactor: Arc<Redactor>,
    ) -> Result<Started> {
        let opened = match (Root::open(source), check) {
            (Err(Refusal::Missing { .. }), None) => Ok(Root::create(source)?),
            (Err(refusal), None) => return Err(refusal.into()),
            (Err(refusal), Some(_)) if !refusal.may_run_sealed() => return Err(refusal.into()),
            (Err(refusal), Some(_)) => Err(refusal.to_string()),
            (Ok(root), None) => Ok(root),
            (Ok(root), Some(check)) => match check.verify(&root, instance) {
                Ok(()) => Ok(root),
                Err(error) => Err(error.message().to_owned()),
            },
        };
        Ok(match opened {
            Ok(root) => {
                let new_check = check.is_none().then(|| KeyCheck::new(&root, instance));
                Started {
                    vault: Self::open_with(root.with_recovery(recovery), instance, redactor),
                    new_check,
                }
            }
            Err(reason) => Started { vault: Self::sealed(reason, instance, redactor), new_check: None },
        })
    }

    fn with(state: State, instance: Uuid, redactor: Arc<Redactor>) -> Self {
        Self { instance, state: ArcSwap::from_pointee(state), cache: Cache::default(), redactor }
    }

    /// Why it is sealed; `None` when it is open.
    pub fn sealed_because(&self) -> Option<String> {
        match &**self.state.load() {
            State::Open(_) => None,
            State::Sealed(reason) => Some(reason.clone()),
        }
    }

    /// Of the root key; `None` when sealed.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.root(|root| Ok(root.fingerprint())).ok()
    }

    pub fn redactor(&self) -> &Arc<Redactor> {
        &self.redactor
    }

    /// From now on this root key is used: opens a sealed vault, or ends the rotation of the root key after every
    /// ring was re-wrapped and stored. Rings in memory are forgotten.
    pub fn adopt(&self, root: Root) {
        self.state.store(Arc::new(State::Open(root)));
        self.cache.clear();
    }

    /// A first ring for a scope, to be stored by the caller before anything is sealed with it.
    pub fn new_ring(&self, scope: Scope) -> Result<WrappedRing> {
        self.root(|root| Ring::generate(self.instance, scope).wrap(root))
    }

    /// The open ring. Cheap after the first time.
    pub fn ring(&self, scope: Scope, wrapped: &WrappedRing) -> Result<Arc<Ring>> {
        self.root(|root| {
            let digest = wrapped.digest();
            if let Some(ring) = self.cache.get(scope, &digest) {
                return Ok(ring);
            }
            let ring = Arc::new(Ring::unwrap(root, self.instance, scope, wrapped)?);
            self.cache.put(scope, digest, ring.clone());
            Ok(ring)
        })
    }

    /// Forgets the open ring of a scope (its organization is deleted).
    pub fn forget(&self, scope: Scope) {
        self.cache.forget(scope);
    }

    /// The ring with one more key, which seals from now on. The old ones open until `WrappedRing::retire_old`.
    pub fn rotate(&self, scope: Scope, wrapped: &WrappedRing) -> Result<WrappedRing> {
        let ring = self.ring(scope, wrapped)?;
        self.root(|root| ring.rotated().wrap(root))
    }

    /// The same keys wrapped for another root key (and its recovery keys). The vault's own root does not open
    /// the result.
    pub fn rewrap(&self, scope: Scope, wrapped: &WrappedRing, to: &Root) -> Result<WrappedRing> {
        self.ring(scope, wrapped)?.wrap(to)
    }

    /// When the root key is lost: opens a ring with the private half of a recovery key (`AGE-SECRET-KEY-1…`) and
    /// wraps it for `to`.
    ///
    /// Errors: `ValidationFailed` for text that is no private key, `Unavailable` where the ring was not wrapped
    /// for it.
    pub fn recover(
        instance: Uuid,
        scope: Scope,
        wrapped: &WrappedRing,
        recovery: &Secret,
        to: &Root,
    ) -> Result<WrappedRing> {
        let identity = recovery
            .expose_str()
            .and_then(root::parse_identity)
            .ok_or_else(|| Error::invalid("a private recovery key begins with AGE-SECRET-KEY-1"))?;
        Ring::recover(&identity, instance, scope, wrapped)?.wrap(to)
    }

    pub fn seal(&self, ring: &Ring, binding: &Binding<'_>, secret: &Secret) -> Result<Sealed> {
        self.require_open()?;
        seal::seal(ring, binding, secret)
    }

    /// Errors: `CredentialInvalid` where the value was altered, moved, or sealed with a retired key.
    pub fn open(&self, ring: &Ring, binding: &Binding<'_>, sealed: &Sealed) -> Result<Loaded> {
        self.require_open()?;
        let secret = seal::open(ring, binding, sealed)?;
        let watch = self.redactor.watch(&secret);
        Ok(Loaded { secret, _watch: watch })
    }

    /// The value under the current key; `None` where it is already.
    pub fn reseal(&self, ring: &Ring, binding: &Binding<'_>, sealed: &Sealed) -> Result<Option<Sealed>> {
        if sealed.key_version() == Some(ring.current_version()) {
            return Ok(None);
        }
        let secret = self.open(ring, binding, sealed)?;
        self.seal(ring, binding, &secret).map(Some)
    }

    /// Four characters by which a person tells two secrets apart: the end of a keyed fingerprint, which says
    /// nothing about the secret's own characters. Stored at the time of sealing: it changes with the key.
    pub fn hint(&self, ring: &Ring, secret: &Secret) -> Result<String> {
        self.require_open()?;
        let mac = ring.mac(Purpose::Hint, secret.expose());
        let text = base64::engine::general_purpose::STANDARD_NO_PAD.encode(mac).to_lowercase();
        Ok(text.chars().filter(char::is_ascii_alphanumeric).take(4).collect())
    }

    /// A new signing key, and how to store it.
    pub fn new_signing_key(&self, ring: &Ring, name: &str) -> Result<(SigningKey, Sealed)> {
        let key = SigningKey::generate();
        let sealed = self.seal(ring, &signing_place(name), &key.to_secret())?;
        Ok((key, sealed))
    }

    pub fn open_signing_key(&self, ring: &Ring, name: &str, sealed: &Sealed) -> Result<SigningKey> {
        SigningKey::from_secret(&*self.open(ring, &signing_place(name), sealed)?)
    }

    fn require_open(&self) -> Result<()> {
        self.root(|_| Ok(()))
    }

    fn root<T>(&self, with: impl FnOnce(&Root) -> Result<T>) -> Result<T> {
        match &**self.state.load() {
            State::Open(root) => with(root),
            State::Sealed(reason) => {
                Err(Error::new(Code::Unavailable, format!("secrets are sealed: {reason}"))
                    .retry_after(30_000))
            }
        }
    }
}

fn signing_place(name: &str) -> Binding<'_> {
    Binding { purpose: Purpose::Signing, table: "signing_keys", row: name.as_bytes(), field: "seed" }
}
