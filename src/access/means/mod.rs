//! What getting in needs: password hashing off the reactor, tokens, signed access tokens, brakes on guessing.

mod throttle;

pub(super) use throttle::{Slot, Throttle};

use sha2::{Digest, Sha256};

use crate::base::{Env, Error, Result};
use crate::config::Config;
use crate::infra::Secret;
use crate::infra::jwt::AccessTokens;
use crate::infra::password::{Hasher, PasswordRules};
use crate::infra::token::{self, TokenKind};
use crate::infra::vault::SigningKey;

const AUDIENCE: &str = "reeve";

/// Made once at start.
pub struct Means {
    pub(super) hasher: Hasher,
    pub(super) rules: PasswordRules,
    pub(super) access_tokens: AccessTokens,
    pub(super) throttle: Throttle,
}

impl Means {
    /// `key` signs access tokens; with another one those given out before are void, and clients refresh.
    pub fn new(config: &Config, key: &SigningKey) -> Result<Self> {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let auth = &config.auth;
        Ok(Self {
            hasher: Hasher::new(cores.saturating_sub(1)),
            rules: PasswordRules::new(auth.password_min_chars),
            access_tokens: AccessTokens::new(key, &config.public_url(), AUDIENCE, auth.access_token_ms)?,
            throttle: Throttle::default(),
        })
    }

    /// Password hashes computed since the start: what log-ins cost, whoever tried them.
    pub fn password_hashes(&self) -> u64 {
        self.hasher.computed()
    }

    /// The hash of a new password. `personal`: names and addresses that others would guess first.
    ///
    /// Errors: `ValidationFailed` at `field` for a password that breaks a rule; `Unavailable` in a crowd.
    pub(super) async fn hash_new(&self, field: &str, password: &Secret, personal: &[&str]) -> Result<String> {
        check_password(&self.rules, field, password, personal)?;
        self.hasher.hash(password).await
    }
}

pub(super) fn check_password(
    rules: &PasswordRules,
    field: &str,
    password: &Secret,
    personal: &[&str],
) -> Result<()> {
    rules.check(password, personal).map_err(|it| {
        let message = it.invalid_list().first().map(|it| it.message.clone());
        Error::invalid_at(field, message.unwrap_or_else(|| it.message().to_owned()))
    })
}

/// A new token and the hash that is kept of it.
pub(super) fn mint(env: &Env, kind: TokenKind) -> (Secret, [u8; 32]) {
    let minted = token::mint(env, kind);
    (minted.text, minted.hash.bytes())
}

/// What a presented token is looked up by; `None` for what was never one of this kind.
pub(super) fn hash_of(kind: TokenKind, presented: &Secret) -> Option<[u8; 32]> {
    token::hash_of(kind, presented.expose_str()?).map(|it| it.bytes())
}

pub(super) fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
