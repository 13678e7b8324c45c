//! A secret in memory: no `Debug`, no `Display`, no `Serialize`, no `Clone`; wiped when dropped; compared in
//! constant time. What must be sent somewhere is exposed at the last moment, by name.

use subtle::ConstantTimeEq;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::never::never_impl;

pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes themselves. Callers do not keep, log or copy them beyond the call that needs them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// As `expose`, for secrets that are text.
    pub fn expose_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// A second holder of the same secret, asked for by name because `Clone` would be too easy.
    pub fn duplicate(&self) -> Self {
        Self::new(self.0.to_vec())
    }
}

impl ZeroizeOnDrop for Secret {}

never_impl!(Secret: std::fmt::Debug);
never_impl!(Secret: std::fmt::Display);
never_impl!(Secret: serde::Serialize);
never_impl!(Secret: Clone);
never_impl!(Secret: std::ops::Deref);
never_impl!(Secret: AsRef<[u8]>);

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text.into_bytes())
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    /// Secrets come in (a request body, a config file); they never go out the same way, nor in an error: serde's
    /// own answer to a number in place of text repeats the number.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

fn no_text<E: serde::de::Error>() -> Result<Secret, E> {
    Err(E::custom("this is text in quotes"))
}

impl serde::de::Visitor<'_> for Visitor {
    type Value = Secret;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("text in quotes")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret::new(text.as_bytes()))
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Secret, E> {
        Ok(Secret::from(text))
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Secret, E> {
        no_text()
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Secret, E> {
        no_text()
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Secret, E> {
        no_text()
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Secret, E> {
        no_text()
    }
}

impl schemars::JsonSchema for Secret {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "password", "writeOnly": true })
    }
}
