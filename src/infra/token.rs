//! Tokens that mean nothing by themselves: 256 random bits, given out once, kept as a hash.
//!
//! Written `rv_live_<52 digits>_<6 digits>`: a kind that people and secret scanners recognize, the random part,
//! and a check that finds typing errors without a look into the store. The digits are the lower-case base32 of
//! our ids. A hash without salt is enough for what cannot be guessed.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::Secret;
use crate::base::Env;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const RANDOM_BYTES: usize = 32;
const RANDOM_DIGITS: usize = 52;
const CHECK_DIGITS: usize = 6;
/// How much of the random part may be shown later, so that people know their keys apart: 20 bits of 256.
const SHOWN_DIGITS: usize = 4;

/// What a token is for. One kind is never taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    ApiKey,
    Session,
    Refresh,
    Setup,
    Invitation,
    PasswordReset,
    /// In the address of an inbound hook.
    Hook,
}

impl TokenKind {
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::ApiKey => "rv_live_",
            Self::Session => "rv_session_",
            Self::Refresh => "rv_refresh_",
            Self::Setup => "rv_setup_",
            Self::Invitation => "rv_invite_",
            Self::PasswordReset => "rv_reset_",
            Self::Hook => "rv_hook_",
        }
    }
}

/// What is kept of a token, and looked up by. Does not lead back to it.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// As a key of the store.
    pub fn bytes(&self) -> [u8; 32] {
        self.0
    }

    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }
}

impl PartialEq for TokenHash {
    /// In constant time.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenHash {}

impl std::hash::Hash for TokenHash {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// A new token: the text to hand out now and never again, and what to keep.
pub struct Minted {
    pub text: Secret,
    pub hash: TokenHash,
    /// `rv_live_k3f9…`, for lists.
    pub display: String,
}

/// A token of 256 random bits.
pub fn mint(env: &Env, kind: TokenKind) -> Minted {
    let random = Zeroizing::new(env.bytes::<RANDOM_BYTES>());
    let mut text = String::with_capacity(kind.prefix().len() + RANDOM_DIGITS + 1 + CHECK_DIGITS);
    text.push_str(kind.prefix());
    push_digits(&mut text, &*random, RANDOM_DIGITS);
    let check = check_of(&text);
    text.push('_');
    text.push_str(&check);
    let hash = TokenHash::of(&text);
    let display = format!("{}…", &text[..kind.prefix().len() + SHOWN_DIGITS]);
    Minted { text: Secret::from(text), hash, display }
}

/// The hash by which a presented token is looked up; `None` for what was never given out as a token of this
/// kind (another kind, a typing error, cut off).
pub fn hash_of(kind: TokenKind, text: &str) -> Option<TokenHash> {
    let (body, check) = text.rsplit_once('_')?;
    let random = body.strip_prefix(kind.prefix())?;
    let well_formed = random.len() == RANDOM_DIGITS && random.bytes().all(|it| ALPHABET.contains(&it));
    let checked: bool = check_of(body).as_bytes().ct_eq(check.as_bytes()).into();
    (well_formed && checked).then(|| TokenHash::of(text))
}

/// Whether the text looks like a token of ours, so that a bearer can be told from a JWT.
pub fn kind_of(text: &str) -> Option<TokenKind> {
    use TokenKind::{ApiKey, Hook, Invitation, PasswordReset, Refresh, Session, Setup};
    [ApiKey, Session, Refresh, Setup, Invitation, PasswordReset, Hook]
        .into_iter()
        .find(|it| text.starts_with(it.prefix()))
}

fn check_of(body: &str) -> String {
    let digest = Sha256::new().chain_update(b"reeve token check ").chain_update(body.as_bytes()).finalize();
    let mut check = String::with_capacity(CHECK_DIGITS);
    push_digits(&mut check, &digest, CHECK_DIGITS);
    check
}

/// The first `count` base32 digits of the bytes, which are followed by zero bits where they end.
fn push_digits(text: &mut String, bytes: &[u8], count: usize) {
    for digit in 0..count {
        let bit = digit * 5;
        let high = bytes.get(bit / 8).copied().unwrap_or(0);
        let low = bytes.get(bit / 8 + 1).copied().unwrap_or(0);
        let pair = u16::from_be_bytes([high, low]);
        let value = (pair >> (11 - bit % 8)) & 31;
        text.push(char::from(ALPHABET[usize::from(value)]));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const KINDS: [TokenKind; 7] = [
        TokenKind::ApiKey,
        TokenKind::Session,
        TokenKind::Refresh,
        TokenKind::Setup,
        TokenKind::Invitation,
        TokenKind::PasswordReset,
        TokenKind::Hook,
    ];

    fn text(minted: &Minted) -> &str {
        minted.text.expose_str().expect("text")
    }

    #[test]
    fn a_token_is_known_by_its_hash_and_as_its_kind_only() {
        for kind in KINDS {
            let minted = mint(&Env::system(), kind);
            assert_eq!(text(&minted).len(), kind.prefix().len() + 59);
            assert_eq!(kind_of(text(&minted)), Some(kind));
            for other in KINDS {
                assert_eq!(hash_of(other, text(&minted)), (other == kind).then_some(minted.hash));
            }
            assert!(text(&minted).starts_with(minted.display.trim_end_matches('…')));
            assert_eq!(minted.display.chars().count(), kind.prefix().len() + SHOWN_DIGITS + 1);
        }
    }

    #[test]
    fn every_changed_or_missing_character_is_found_without_a_look_into_the_store() {
        let minted = mint(&Env::system(), TokenKind::ApiKey);
        let whole = text(&minted);
        for at in 0..whole.len() {
            let other = if &whole[at..=at] == "7" { "8" } else { "7" };
            let changed = format!("{}{other}{}", &whole[..at], &whole[at + 1..]);
            assert_eq!(hash_of(TokenKind::ApiKey, &changed), None, "at {at}");
            assert_eq!(hash_of(TokenKind::ApiKey, &whole[..at]), None, "cut at {at}");
        }
        for wrong in
            ["", "_", "rv_live_", "rv_live__", "rv_live_é_é", &whole.to_uppercase(), &format!("{whole} ")]
        {
            assert_eq!(hash_of(TokenKind::ApiKey, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn tokens_do_not_repeat_and_use_all_their_bits() {
        let mut seen = HashSet::new();
        let mut digits: Vec<HashSet<char>> = vec![HashSet::new(); RANDOM_DIGITS];
        for _ in 0..2_000 {
            let minted = mint(&Env::system(), TokenKind::Session);
            assert!(seen.insert(minted.hash.bytes()));
            let random = &text(&minted)[TokenKind::Session.prefix().len()..][..RANDOM_DIGITS];
            for (set, digit) in digits.iter_mut().zip(random.chars()) {
                set.insert(digit);
            }
        }
        let (last, others) = digits.split_last().expect("digits");
        assert!(others.iter().all(|it| it.len() == 32));
        assert_eq!(last.len(), 2, "256 bits are 51 digits and one bit");
    }
}
