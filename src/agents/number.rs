//! Version numbers: `MAJOR.MINOR.PATCH`, sorted as semantic versioning sorts them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::base::{Error, Result};
use crate::infra::store::Key;

const MAX_PART: u32 = 999_999;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Number {
    pub const FIRST: Self = Self::new(1, 0, 0);

    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// The number that a new draft gets when nobody names one.
    pub fn next(self) -> Self {
        if self.patch < MAX_PART {
            Self { patch: self.patch + 1, ..self }
        } else if self.minor < MAX_PART {
            Self { minor: self.minor + 1, patch: 0, ..self }
        } else {
            Self { major: self.major + 1, minor: 0, patch: 0 }
        }
    }

    pub(super) fn key(self, key: Key) -> Key {
        key.u64(self.major.into()).u64(self.minor.into()).u64(self.patch.into())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for Number {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let part = |it: &str| {
            let plain = !it.is_empty()
                && it.len() <= 6
                && it.bytes().all(|byte| byte.is_ascii_digit())
                && (it == "0" || !it.starts_with('0'));
            if plain { it.parse::<u32>().ok() } else { None }
        };
        let parts: Option<Vec<u32>> = text.split('.').map(part).collect();
        match parts.as_deref() {
            Some(&[major, minor, patch]) => Ok(Self { major, minor, patch }),
            _ => Err(Error::invalid_at("version", "a version number is written as in 1.4.0")),
        }
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|_| de::Error::custom("a version number is written as in 1.4.0"))
    }
}

impl schemars::JsonSchema for Number {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "VersionNumber".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": r"^(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})$",
            "description": "A semantic version: major, minor, patch.",
            "examples": ["1.0.0"]
        })
    }
}

/// Which version of an agent is meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Spec {
    /// The published version that runs now.
    #[default]
    Current,
    /// What is being worked on: for the test console.
    Draft,
    Exactly(Number),
}

impl FromStr for Spec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "current" => Ok(Self::Current),
            "draft" => Ok(Self::Draft),
            number => number.parse().map(Self::Exactly).map_err(|_| {
                Error::invalid_at("version", "a version is a number such as 1.4.0, \"current\" or \"draft\"")
            }),
        }
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current => f.write_str("current"),
            Self::Draft => f.write_str("draft"),
            Self::Exactly(number) => number.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_number() -> impl Strategy<Value = Number> {
        (0..=MAX_PART, 0..=MAX_PART, 0..=MAX_PART).prop_map(|(a, b, c)| Number::new(a, b, c))
    }

    proptest! {
        #[test]
        fn text_comes_back(number in any_number()) {
            prop_assert_eq!(number.to_string().parse::<Number>().expect("parses"), number);
        }

        #[test]
        fn keys_sort_as_numbers_do(a in any_number(), b in any_number()) {
            prop_assert_eq!(a.cmp(&b), a.key(Key::new()).cmp(&b.key(Key::new())));
        }

        #[test]
        fn the_next_number_is_higher(number in any_number()) {
            prop_assert!(number.next() > number);
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = text.parse::<Spec>();
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in
            ["", "1", "1.0", "1.0.0.0", "01.0.0", "1.0.0-rc1", "v1.0.0", "1.0.+1", "1.0.1000000", "1. 0.0"]
        {
            assert!(text.parse::<Number>().is_err(), "{text}");
        }
    }
}
