//! Opaque tokens: 256 random bits in base32 behind a prefix that says what it is, with a check at the end so that
//! a mistyped or cut token is told from a wrong one without a look into the store.

use sha2::{Digest, Sha256};

use crate::base::Env;
use crate::infra::Secret;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const CHECK_CHARS: usize = 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    ApiKey,
    Session,
    Refresh,
    Invitation,
    Reset,
    Setup,
}

impl TokenKind {
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Self::ApiKey => "rv_live_",
            Self::Session => "rv_session_",
            Self::Refresh => "rv_refresh_",
            Self::Invitation => "rv_invite_",
            Self::Reset => "rv_reset_",
            Self::Setup => "rv_setup_",
        }
    }
}

/// A new token. Only its hash is stored.
pub(crate) fn mint(env: &Env, kind: TokenKind) -> (Secret, [u8; 32]) {
    let mut text = kind.prefix().to_owned();
    text.push_str(&base32(&env.bytes::<32>()));
    let check = check_of(&text);
    text.push('_');
    text.push_str(&check);
    let hash = hash_of(text.as_bytes());
    (Secret::from(text), hash)
}

/// What a token is looked up by.
pub(crate) fn hash_of(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

fn check_of(text: &str) -> String {
    let mut check = base32(&hash_of(text.as_bytes()));
    check.truncate(CHECK_CHARS);
    check
}

fn base32(bytes: &[u8]) -> String {
    let (mut text, mut held, mut bits) = (String::new(), 0_u32, 0);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(ALPHABET[((held >> bits) & 31) as usize]));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(char::from(ALPHABET[((held << (5 - bits)) & 31) as usize]));
    }
    text
}
