//! Passwords: the rules for a new one, and Argon2id on a few threads of its own, so that hashing never holds up
//! other requests and a flood of log-ins cannot use up the memory.

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use crate::base::{Doing, Error, Result};
use crate::infra::Secret;

const MAX_BYTES: usize = 1_024;

pub(crate) struct Passwords {
    min_chars: usize,
    /// One hash takes 19 MiB and a core.
    places: Semaphore,
    /// Hash of nothing anyone knows: checked where there is no account, so that this takes as long.
    dummy: std::sync::OnceLock<String>,
}

impl Passwords {
    pub(crate) fn new(min_chars: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self { min_chars, places: Semaphore::new(cores), dummy: std::sync::OnceLock::new() }
    }

    /// Checks the rules and hashes.
    ///
    /// Errors: `ValidationFailed` for a password that is too short, too long, or one that everyone tries first.
    pub(crate) async fn hash(&self, field: &str, password: &Secret, about: &[&str]) -> Result<String> {
        self.check(field, password, about)?;
        let password = password.duplicate();
        self.run(move || {
            let hash = Argon2::default().hash_password(password.expose());
            hash.map(|it| it.to_string()).map_err(|it| it.to_string()).doing("hash a password")
        })
        .await?
    }

    /// Whether `password` is the one behind `hash`. Without a hash the answer is no, after the same work.
    pub(crate) async fn verify(&self, password: &Secret, hash: Option<&str>) -> Result<bool> {
        let known = hash.is_some();
        let hash = match hash {
            Some(hash) => hash.to_owned(),
            None => self.dummy().await?,
        };
        if password.expose().len() > MAX_BYTES {
            return Ok(false);
        }
        let password = password.duplicate();
        let fits = self
            .run(move || {
                argon2::PasswordHash::new(&hash)
                    .is_ok_and(|it| Argon2::default().verify_password(password.expose(), &it).is_ok())
            })
            .await?;
        Ok(fits && known)
    }

    async fn dummy(&self) -> Result<String> {
        if let Some(hash) = self.dummy.get() {
            return Ok(hash.clone());
        }
        let hash = self
            .run(|| {
                let hash = Argon2::default().hash_password(b"no account has this password");
                hash.map(|it| it.to_string()).map_err(|it| it.to_string()).doing("hash a password")
            })
            .await??;
        Ok(self.dummy.get_or_init(|| hash).clone())
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let _place = self.places.acquire().await.doing("wait for a place to hash")?;
        tokio::task::spawn_blocking(work).await.doing("hash a password")
    }

    fn check(&self, field: &str, password: &Secret, about: &[&str]) -> Result<()> {
        let Some(text) = password.expose_str() else {
            return Err(Error::invalid_at(field, "a password is text"));
        };
        if text.chars().count() < self.min_chars || text.len() > MAX_BYTES {
            return Err(Error::invalid_at(
                field,
                format!(
                    "a password has at least {} characters and at most {MAX_BYTES} bytes",
                    self.min_chars
                ),
            ));
        }
        let lower = text.to_lowercase();
        let named = |it: &&str| it.chars().count() >= 4 && lower.contains(&it.to_lowercase());
        let mut letters: Vec<char> = lower.chars().collect();
        letters.sort_unstable();
        letters.dedup();
        if letters.len() < 4 || about.iter().any(|it| lower == it.to_lowercase()) || {
            // A password that is little more than a name that others know.
            about
                .iter()
                .chain(&["reeve", "password"])
                .filter(|it| named(it))
                .any(|it| text.chars().count() < it.chars().count() + 6)
        } {
            return Err(Error::invalid_at(
                field,
                "this password is easily guessed; several words that do not belong together are better",
            ));
        }
        Ok(())
    }
}
