//! What getting in needs: password hashing off the reactor, tokens, signed access tokens, brakes on guessing.

mod jwt;
mod passwords;
mod throttle;
mod tokens;

pub(super) use jwt::Signer;
pub(super) use passwords::Passwords;
pub(super) use throttle::{Slot, Throttle};
pub(super) use tokens::{TokenKind, hash_of, mint};

use crate::base::Env;
use crate::config::Config;

/// Made once at start.
pub struct Means {
    pub(super) passwords: Passwords,
    pub(super) signer: Signer,
    pub(super) throttle: Throttle,
}

impl Means {
    pub fn new(config: &Config, env: &Env) -> Self {
        Self {
            passwords: Passwords::new(config.auth.password_min_chars),
            signer: Signer::new(env, &config.public_url()),
            throttle: Throttle::default(),
        }
    }
}
