//! Argon2id, a bounded number at a time, and as slow for a user who does not exist.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::{MAX_BYTES, normalized};
use crate::base::{Code, Doing, Error, Result};
use crate::infra::Secret;

/// OWASP's first choice for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1_024;
const PASSES: u32 = 2;
/// More would wait longer than a person does: 64 waiting at two at a time are a second.
const MAX_WAITING: usize = 64;

pub struct Hasher {
    params: Params,
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
    computed: AtomicU64,
    /// The hash of no password: verified against when there is no user, so that both take the same time.
    nobody: String,
}

impl Hasher {
    /// `at_once` hashes at a time; 0 counts as 1. The cores less one is a good number.
    pub fn new(at_once: usize) -> Self {
        let params =
            Params::new(MEMORY_KIB, PASSES, 1, None).expect("the parameters are within Argon2's limits");
        Self::with_params(at_once, params)
    }

    fn with_params(at_once: usize, params: Params) -> Self {
        let nobody = hash_of_nobody(&params);
        let slots = Arc::new(Semaphore::new(at_once.max(1)));
        Self { params, slots, waiting: AtomicUsize::new(0), computed: AtomicU64::new(0), nobody }
    }

    /// A PHC string to store.
    ///
    /// Errors: `Unavailable` when too many are waiting already.
    pub async fn hash(&self, password: &Secret) -> Result<String> {
        let text = normalized(password).ok_or_else(|| Error::invalid_at("password", "is text"))?;
        let argon = self.argon();
        self.run(move || {
            let hash: PasswordHash = argon.hash_password(text.as_bytes()).doing("hash a password")?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether the password is the one that was hashed. Without a hash (no such user) it is not, and that takes
    /// as long.
    ///
    /// Errors: `Unavailable` when too many are waiting already; `Internal` for a stored hash that is none.
    pub async fn verify(&self, password: &Secret, stored: Option<&str>) -> Result<bool> {
        let text = normalized(password)
            .filter(|it| it.len() <= 4 * MAX_BYTES && password.expose().len() <= MAX_BYTES);
        let possible = stored.is_some() && text.is_some();
        let text = text.unwrap_or_else(|| Zeroizing::new(String::new()));
        let stored = stored.unwrap_or(&self.nobody).to_owned();
        let argon = self.argon();
        self.run(move || {
            let hash = PasswordHash::new(&stored).doing("read a stored password hash")?;
            Ok(argon.verify_password(text.as_bytes(), &hash).is_ok() && possible)
        })
        .await
    }

    /// Whether a stored hash was made with other parameters than today's: to be made anew at the next log-in.
    pub fn is_outdated(&self, stored: &str) -> bool {
        let Ok(hash) = PasswordHash::new(stored) else { return true };
        hash.algorithm.as_str() != Algorithm::Argon2id.as_str()
            || !Params::try_from(&hash).is_ok_and(|it| {
                (it.m_cost(), it.t_cost(), it.p_cost())
                    == (self.params.m_cost(), self.params.t_cost(), self.params.p_cost())
            })
    }

    /// Hashes that were computed, to keep or to compare.
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    fn argon(&self) -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone())
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let _place = Place::take(&self.waiting)?;
        let slot = self.slots.clone().acquire_owned().await.doing("wait to hash a password")?;
        self.computed.fetch_add(1, Ordering::Relaxed);
        // The slot goes with the work: a caller who hangs up does not free it before the work is done.
        let task = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            work()
        });
        task.await.doing("hash a password")?
    }
}

/// One of the places in the queue, given back when dropped.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Result<Self> {
        let place = Self(waiting);
        if waiting.fetch_add(1, Ordering::Relaxed) < MAX_WAITING {
            Ok(place)
        } else {
            Err(Error::new(Code::Unavailable, "too many log-ins at this moment; try again")
                .retry_after(1_000))
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A well-formed hash with random output: verifying does the whole work and fails.
fn hash_of_nobody(params: &Params) -> String {
    let (mut salt, mut output) = ([0; 16], [0; 32]);
    rand::fill(&mut salt);
    rand::fill(&mut output);
    PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: params.try_into().expect("the parameters fit a PHC string"),
        salt: Some(Salt::new(&salt).expect("16 bytes are a salt")),
        hash: Some(Output::new(&output).expect("32 bytes are an output")),
    }
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cheap() -> Hasher {
        Hasher::with_params(2, Params::new(64, 1, 1, None).expect("params"))
    }

    fn secret(text: &str) -> Secret {
        Secret::from(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_is_known_again_and_no_other_is() {
        let hasher = Hasher::new(1);
        let stored = hasher.hash(&secret("a quiet harbour")).await.expect("hashes");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(hasher.verify(&secret("a quiet harbour"), Some(&stored)).await.expect("verifies"));
        assert!(!hasher.verify(&secret("a quiet harbor"), Some(&stored)).await.expect("verifies"));
        assert!(!hasher.is_outdated(&stored));
        assert!(cheap().is_outdated(&stored));
        assert!(hasher.is_outdated("nonsense"));
    }

    #[tokio::test]
    async fn the_same_text_from_another_keyboard_is_the_same_password() {
        let hasher = cheap();
        let stored = hasher.hash(&secret("Caf\u{e9} \u{ff11}\u{ff12} lange Nacht")).await.expect("hashes");
        assert!(hasher.verify(&secret("Cafe\u{301} 12 lange Nacht"), Some(&stored)).await.expect("verifies"));
    }

    #[tokio::test]
    async fn two_hashes_of_one_password_differ() {
        let hasher = cheap();
        let (a, b) = (hasher.hash(&secret("same")).await, hasher.hash(&secret("same")).await);
        assert_ne!(a.expect("hashes"), b.expect("hashes"));
    }

    /// The same work is done: the parameters in the hash decide how much it is.
    #[tokio::test]
    async fn nobody_has_a_hash_that_costs_the_same_and_fits_no_password() {
        let hasher = cheap();
        let stored = hasher.hash(&secret("x")).await.expect("hashes");
        let head = |it: &str| it.rsplitn(3, '$').last().map(str::to_owned);
        assert_eq!(head(&hasher.nobody), head(&stored));
        assert_eq!(hasher.nobody.len(), stored.len());
        for text in ["", "x", "a quiet harbour"] {
            assert!(!hasher.verify(&secret(text), None).await.expect("verifies"));
        }
    }

    #[tokio::test]
    async fn overlong_and_binary_passwords_fit_nothing() {
        let hasher = cheap();
        let stored = hasher.hash(&secret("")).await.expect("hashes");
        assert!(!hasher.verify(&secret(&"a".repeat(MAX_BYTES + 1)), Some(&stored)).await.expect("verifies"));
        assert!(!hasher.verify(&Secret::new(vec![0xff]), Some(&stored)).await.expect("verifies"));
    }

    #[tokio::test]
    async fn a_crowd_is_turned_away_instead_of_piling_up() {
        let hasher = Arc::new(cheap());
        let block = hasher.slots.clone().acquire_many_owned(2).await.expect("slots");
        let mut waiting: Vec<_> = (0..MAX_WAITING)
            .map(|_| {
                let hasher = hasher.clone();
                tokio::spawn(async move { hasher.hash(&secret("x")).await.is_ok() })
            })
            .collect();
        while hasher.waiting.load(Ordering::Relaxed) < MAX_WAITING {
            tokio::task::yield_now().await;
        }
        let refused = hasher.hash(&secret("x")).await.expect_err("refused");
        assert!(refused.is(Code::Unavailable) && refused.retry_after_ms().is_some());
        drop(block);
        for task in waiting.drain(..) {
            assert!(task.await.expect("joins"));
        }
        assert_eq!(hasher.waiting.load(Ordering::Relaxed), 0);
    }
}
