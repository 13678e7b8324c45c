//! Which passwords are accepted: long enough, and not among the first that an attacker tries. No rule about
//! kinds of characters, which makes passwords harder to remember and no harder to guess.

use super::{guess, normalized};
use crate::base::{Error, Result};
use crate::infra::Secret;

pub const MIN_CHARS: usize = 12;
/// Where a second factor is asked for too.
pub const MIN_CHARS_WITH_SECOND_FACTOR: usize = 8;
pub const MAX_BYTES: usize = 1_024;
/// Guesses, as a power of two, that a password must withstand before it counts as its own.
const MIN_BITS: f64 = 28.0;
const PRODUCT: &[&str] = &["reeve", "appliance", "agent", "agents"];

pub struct PasswordRules {
    min_chars: usize,
}

impl PasswordRules {
    /// `min_chars` can raise the minimum, never lower it.
    pub fn new(min_chars: usize) -> Self {
        Self { min_chars: min_chars.max(MIN_CHARS) }
    }

    /// For users who have a second factor.
    pub fn with_second_factor() -> Self {
        Self { min_chars: MIN_CHARS_WITH_SECOND_FACTOR }
    }

    /// `personal`: what is known about the user and the organization (names, e-mail address): guessed first.
    ///
    /// Errors: `ValidationFailed` at `/password`, with what would be right.
    pub fn check(&self, password: &Secret, personal: &[&str]) -> Result<()> {
        let refuse = |message: String| Err(Error::invalid_at("password", message));
        if password.expose().len() > MAX_BYTES {
            return refuse(format!("has at most {MAX_BYTES} bytes"));
        }
        let Some(text) = normalized(password) else {
            return refuse("is text".to_owned());
        };
        if text.chars().count() < self.min_chars {
            return refuse(format!("has at least {} characters", self.min_chars));
        }
        let personal: Vec<String> =
            personal.iter().copied().chain(PRODUCT.iter().copied()).flat_map(words_of).collect();
        if guess::bits(&text, &personal) < MIN_BITS {
            return refuse(
                "is not made of common words, names, dates or rows of keys alone; four words that do not belong together are good"
                    .to_owned(),
            );
        }
        Ok(())
    }
}

/// `Ada Lovelace` and `ada@example.org` as the words that turn up in passwords.
fn words_of(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let mut words: Vec<String> = lower
        .split(|it: char| !it.is_alphanumeric())
        .filter(|it| it.chars().count() >= 3)
        .map(str::to_owned)
        .collect();
    let joined: String = lower.chars().filter(|it| it.is_alphanumeric()).collect();
    if joined.chars().count() >= 3 && !words.contains(&joined) {
        words.push(joined);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(text: &str) -> bool {
        PasswordRules::new(12)
            .check(
                &Secret::from(text.to_owned()),
                &["Ada Lovelace", "ada@analytical.example", "Engine Works"],
            )
            .is_ok()
    }

    #[test]
    fn what_attackers_try_first_is_refused() {
        for text in [
            "password1234",
            "P@ssw0rd1234",
            "passwordpassword",
            "Password!2026",
            "qwertyuiop123",
            "1qaz2wsx3edc4rfv",
            "123456789012",
            "987654321987",
            "aaaaaaaaaaaaaaaaaaaaaaaa",
            "abcabcabcabc",
            "abcdefghijkl",
            "iloveyou2024!!",
            "Summer2026!!",
            "letmein12345",
            "administrator1",
            "dragonmonkey1",
            "Lovelace2026",
            "adalovelace12",
            "analytical123",
            "engineworks1!",
            "reeve-appliance",
            "welcome-reeve1",
            "qwerty qwerty qwerty",
            "!@#$%^&*()!@#",
            "00000000000001",
            "trustno1trustno1",
            "\u{ff50}\u{ff41}\u{ff53}\u{ff53}\u{ff57}\u{ff4f}\u{ff52}\u{ff44}1234",
        ] {
            assert!(!accepts(text), "{text}");
        }
    }

    #[test]
    fn what_is_ones_own_is_accepted_whatever_its_characters() {
        for text in [
            "correct horse battery staple",
            "kettle-violet-oxbow-73",
            "xkqjwzvbnpfg",
            "804417263590",
            "wij eten graag stroopwafels",
            "лодка у причала ночью",
            "T9v#kQ2!mZ7w",
            "ada likes warm bread rolls",
        ] {
            assert!(accepts(text), "{text}");
        }
    }

    #[test]
    fn lengths_are_counted_in_characters_and_capped_in_bytes() {
        let rules = PasswordRules::new(12);
        let check = |rules: &PasswordRules, text: &str| {
            rules.check(&Secret::from(text.to_owned()), &[]).map_err(|it| it.message().to_owned())
        };
        assert_eq!(check(&rules, "vkqjwzpbnfg"), Err("password: has at least 12 characters".to_owned()));
        assert!(check(&rules, "ключик7жуть€").is_ok());
        let long: String =
            (0..MAX_BYTES as u32 + 1).map(|it| char::from(b'a' + (it * it * 7 % 26) as u8)).collect();
        assert_eq!(check(&rules, &long), Err("password: has at most 1024 bytes".to_owned()));
        assert!(check(&rules, &long[1..]).is_ok());
        assert!(check(&PasswordRules::new(4), "xkqjwzvb").is_err(), "the minimum cannot be lowered");
        assert!(check(&PasswordRules::new(20), "xkqjwzvbnpfgtr").is_err(), "it can be raised");
        assert!(check(&PasswordRules::with_second_factor(), "xkqjwzvb").is_ok());
        assert!(check(&PasswordRules::with_second_factor(), "sunshine").is_err());
    }
}
