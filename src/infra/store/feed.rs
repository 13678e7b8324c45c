//! The change feed: one row for each commit that touched a table with a feed, numbered without gaps. Derived
//! data follows it, remembers how far it has read, and is rebuilt where it has fallen behind the kept rows.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Order;
use super::keys::Key;
use super::rows::{PerAppliance, Row, Rows, Table};
use super::tx::WriteTx;
use crate::base::{OrgId, Result};

/// One changed row. Its content is read from the store, so that a reader always sees the newest. Names are short
/// because there are many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    #[serde(rename = "o", alias = "org")]
    pub org: OrgId,
    #[serde(rename = "t", alias = "table")]
    pub table: u16,
    #[serde(rename = "k", alias = "key", with = "bytes_of")]
    pub key: Vec<u8>,
    #[serde(rename = "d", alias = "deleted", default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

/// The changes of one commit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeBatch {
    pub number: u64,
    pub changes: Arc<[Change]>,
}

impl Row for ChangeBatch {
    type Scope = PerAppliance;
    const TABLE: Table = Table::new(1, "change_feed");

    fn key(&self) -> Key {
        Key::new().u64(self.number)
    }
}

/// Commits that the feed keeps.
const KEPT: u64 = 10_000;

/// Number of the last commit in the feed; 0 where there is none.
pub(super) fn last_number(rows: &impl Rows<PerAppliance>) -> Result<u64> {
    let mut last = 0;
    rows.scan::<ChangeBatch>(Key::new(), Order::Newest, |it| {
        last = it.number;
        Ok(false)
    })?;
    Ok(last)
}

/// Adds a batch and lets the oldest go.
pub(super) fn append(tx: &mut WriteTx, batch: &ChangeBatch) -> Result<()> {
    let mut tx = tx.appliance();
    tx.insert(batch)?;
    if batch.number > KEPT {
        tx.delete::<ChangeBatch>(Key::new().u64(batch.number - KEPT))?;
    }
    Ok(())
}

/// Batches after `number`, oldest first, at most `limit`; `None` where the feed no longer reaches back so far.
pub(super) fn after(
    rows: &impl Rows<PerAppliance>,
    number: u64,
    limit: usize,
) -> Result<Option<Vec<ChangeBatch>>> {
    let mut batches: Vec<ChangeBatch> = Vec::new();
    rows.scan_from::<ChangeBatch>(Key::new(), Key::new().u64(number + 1), |it| {
        batches.push(it);
        Ok(batches.len() < limit)
    })?;
    match batches.first() {
        Some(first) if first.number != number + 1 => Ok(None),
        None if last_number(rows)? > number => Ok(None),
        _ => Ok(Some(batches)),
    }
}

mod bytes_of {
    use serde::{Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}
