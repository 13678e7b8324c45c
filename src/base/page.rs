//! Pages of a list: a limit, and an opaque cursor that says where the next page begins.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Error, Result};

pub const DEFAULT_LIMIT: usize = 50;
pub const MAX_LIMIT: usize = 200;

/// The key after which the next page begins. Opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub Vec<u8>);

impl Cursor {
    /// Errors: `ValidationFailed` for what is no cursor of ours, or was changed on its way.
    pub fn parse(text: &str) -> Result<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().filter(|it| it.len() <= 1_024);
        let parts = bytes.as_ref().and_then(|it| it.split_last_chunk());
        let whole = parts.filter(|(key, sum)| check_sum(key) == **sum);
        whole.map(|(key, _)| Self(key.to_vec())).ok_or_else(Self::foreign)
    }

    /// What is said of a cursor that another list has given.
    pub fn foreign() -> Error {
        Error::invalid_at(
            "cursor",
            "this is no cursor of this list; take next_cursor of its last page, or leave it out",
        )
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode([self.0.as_slice(), &check_sum(&self.0)].concat()))
    }
}

/// Tells nonsense from cursors, and keeps nobody from making one: what a list shows is checked row by row.
fn check_sum(key: &[u8]) -> [u8; 4] {
    let fnv = |sum: u32, byte: &u8| (sum ^ u32::from(*byte)).wrapping_mul(16_777_619);
    key.iter().fold(2_166_136_261, fnv).to_be_bytes()
}

/// What every list takes in its query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageRequest {
    pub limit: Option<usize>,
    pub cursor: Option<Cursor>,
}

impl PageRequest {
    /// Errors: `ValidationFailed` for a limit outside 1–200 or a cursor that is not one of ours.
    pub fn parse(limit: Option<u64>, cursor: Option<&str>) -> Result<Self> {
        let limit = match limit {
            None => None,
            Some(n) if (1..=MAX_LIMIT as u64).contains(&n) => Some(n as usize),
            Some(_) => return Err(Error::invalid_at("limit", format!("a limit is 1 to {MAX_LIMIT}"))),
        };
        Ok(Self { limit, cursor: cursor.filter(|it| !it.is_empty()).map(Cursor::parse).transpose()? })
    }

    pub fn first(limit: usize) -> Self {
        Self { limit: Some(limit), cursor: None }
    }

    pub fn limit(&self) -> usize {
        self.limit.unwrap_or(DEFAULT_LIMIT)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "{T}Page")]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Pass it as `cursor` for the next page; `null` on the last.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    pub fn new(items: Vec<T>, next: Option<Cursor>) -> Self {
        Self { items, next_cursor: next.map(|it| it.to_string()) }
    }

    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next_cursor: self.next_cursor }
    }
}
