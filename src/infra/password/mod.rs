//! Passwords: which are accepted, and how they are kept.
//!
//! Kept as Argon2id in PHC strings; hashed off the reactor by a few at a time, because each takes 19 MiB and
//! about 30 ms. Text is brought to Unicode NFKC first, so that it does not matter which keyboard typed it.

mod guess;
mod hasher;
mod rules;

pub use hasher::Hasher;
pub use rules::{MAX_BYTES, MIN_CHARS, MIN_CHARS_WITH_SECOND_FACTOR, PasswordRules};

use zeroize::Zeroizing;

use super::Secret;

/// The form in which passwords are compared and hashed; `None` for bytes that are no text.
fn normalized(password: &Secret) -> Option<Zeroizing<String>> {
    let text = password.expose_str()?;
    let nfkc = icu_normalizer::ComposingNormalizerBorrowed::new_nfkc();
    Some(Zeroizing::new(nfkc.normalize(text).into_owned()))
}
