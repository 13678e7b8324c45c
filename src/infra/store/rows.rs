//! Typed rows, their indexes, and reading them within one organization or within the appliance's own tables.

use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::backend::{PairIter, Snapshot};
use super::keys::{Key, end_of};
use crate::base::{Cursor, Doing, Id, OrgId, PageRequest, Result};

/// A table's place in the store. Numbers and meanings are on disk and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    pub number: u16,
    pub name: &'static str,
    /// Whether its changes appear in the change feed.
    pub feed: bool,
}

impl Table {
    pub const fn new(number: u16, name: &'static str) -> Self {
        Self { number, name, feed: false }
    }

    pub const fn with_feed(number: u16, name: &'static str) -> Self {
        Self { number, name, feed: true }
    }
}

/// Whose row it is: an organization's, or the appliance's.
pub trait Scope: Send + Sync + 'static {}

pub struct PerOrg;
pub struct PerAppliance;

impl Scope for PerOrg {}
impl Scope for PerAppliance {}

/// A kind of row. Stored as MessagePack with field names behind one version byte, so that a field added with
/// `#[serde(default)]` needs no migration.
pub trait Row: Serialize + DeserializeOwned {
    type Scope: Scope;
    const TABLE: Table;

    fn key(&self) -> Key;

    /// Says by what else the row can be found. The store keeps these entries with the row.
    fn indexes(&self, _: &mut Indexes) {}
}

/// Collects the index entries of one row.
#[derive(Default)]
pub struct Indexes(pub(super) Vec<(u8, Key)>);

impl Indexes {
    /// `index` numbers the index within its table, from 1, and is on disk.
    pub fn add(&mut self, index: u8, key: Key) {
        debug_assert!(index > 0, "index 0 is the row itself");
        self.0.push((index, key));
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    Oldest,
    #[default]
    Newest,
}

const ROW_FORMAT: u8 = 1;
/// Rows a filtered list looks at before it answers with a shorter page.
const MAX_SCANNED: usize = 5_000;
const MAX_SCANNED_BYTES: usize = 64 << 20;
/// A page that has so much is long enough.
const MAX_PAGE_BYTES: usize = 8 << 20;

pub(super) fn encode<R: Row>(row: &R) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(256);
    bytes.push(ROW_FORMAT);
    row.serialize(&mut rmp_serde::Serializer::new(&mut bytes).with_struct_map()).doing("encode a row")?;
    Ok(bytes)
}

pub(super) fn decode<R: Row>(bytes: &[u8]) -> Result<R> {
    match bytes.split_first() {
        Some((&ROW_FORMAT, rest)) => rmp_serde::from_slice(rest).doing("decode a row"),
        _ => Err("unknown row format").doing("decode a row"),
    }
}

pub(super) fn full_key(prefix: &[u8; 16], table: Table, index: u8, rest: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(19 + rest.len());
    key.extend_from_slice(prefix);
    key.extend_from_slice(&table.number.to_be_bytes());
    key.push(index);
    key.extend_from_slice(rest);
    key
}

const HEAD: usize = 19;
/// Stands where an organization's id would, in the keys of the appliance's own rows.
pub(super) const APPLIANCE: [u8; 16] = [0; 16];

/// Reading within one scope. `OrgTx`, `ApplianceTx` and `View` all read this way; inside a transaction one
/// sees what it has written.
pub trait Rows<S: Scope> {
    #[doc(hidden)]
    fn source(&self) -> (&dyn Snapshot, &[u8; 16]);

    fn get<R: Row<Scope = S>>(&self, key: impl Into<Key>) -> Result<Option<R>> {
        let (snapshot, prefix) = self.source();
        let bytes = snapshot.get(&full_key(prefix, R::TABLE, 0, key.into().as_slice()))?;
        bytes.map(|it| decode(&it)).transpose()
    }

    fn exists<R: Row<Scope = S>>(&self, key: impl Into<Key>) -> Result<bool> {
        let (snapshot, prefix) = self.source();
        Ok(snapshot.get(&full_key(prefix, R::TABLE, 0, key.into().as_slice()))?.is_some())
    }

    /// The first row that an index names under `key`.
    fn by_index<R: Row<Scope = S>>(&self, index: u8, key: Key) -> Result<Option<R>> {
        let mut found = None;
        self.scan_index(index, key, Order::Oldest, |row| {
            found = Some(row);
            Ok(false)
        })?;
        Ok(found)
    }

    /// Visits rows whose key begins with `prefix` until `visit` answers `false`.
    fn scan<R: Row<Scope = S>>(
        &self,
        prefix: Key,
        order: Order,
        mut visit: impl FnMut(R) -> Result<bool>,
    ) -> Result<()> {
        let (snapshot, scope) = self.source();
        let from = full_key(scope, R::TABLE, 0, prefix.as_slice());
        for pair in snapshot.range(&from, &end_of(&from), order)? {
            if !visit(decode(&pair?.1)?)? {
                break;
            }
        }
        Ok(())
    }

    /// As `scan`, beginning at `from` (inclusive) within `prefix`, oldest first.
    fn scan_from<R: Row<Scope = S>>(
        &self,
        prefix: Key,
        from: Key,
        mut visit: impl FnMut(R) -> Result<bool>,
    ) -> Result<()> {
        let (snapshot, scope) = self.source();
        let all = full_key(scope, R::TABLE, 0, prefix.as_slice());
        let low = full_key(scope, R::TABLE, 0, from.as_slice()).max(all.clone());
        for pair in snapshot.range(&low, &end_of(&all), Order::Oldest)? {
            if !visit(decode(&pair?.1)?)? {
                break;
            }
        }
        Ok(())
    }

    /// As `scan`, over the rows that index `index` names under `prefix`, in the index's order.
    fn scan_index<R: Row<Scope = S>>(
        &self,
        index: u8,
        prefix: Key,
        order: Order,
        mut visit: impl FnMut(R) -> Result<bool>,
    ) -> Result<()> {
        let (snapshot, scope) = self.source();
        let from = full_key(scope, R::TABLE, index, prefix.as_slice());
        for pair in snapshot.range(&from, &end_of(&from), order)? {
            if let Some(row) = self.indexed(&pair?)?
                && !visit(row)?
            {
                break;
            }
        }
        Ok(())
    }

    /// As `scan_index`, beginning at `from` (inclusive) within `prefix`, oldest first.
    fn scan_index_from<R: Row<Scope = S>>(
        &self,
        index: u8,
        prefix: Key,
        from: Key,
        mut visit: impl FnMut(R) -> Result<bool>,
    ) -> Result<()> {
        let (snapshot, scope) = self.source();
        let all = full_key(scope, R::TABLE, index, prefix.as_slice());
        let low = full_key(scope, R::TABLE, index, from.as_slice()).max(all.clone());
        for pair in snapshot.range(&low, &end_of(&all), Order::Oldest)? {
            if let Some(row) = self.indexed(&pair?)?
                && !visit(row)?
            {
                break;
            }
        }
        Ok(())
    }

    /// All rows under `prefix`, for tables that are known to be small.
    fn all<R: Row<Scope = S>>(&self, prefix: Key, order: Order) -> Result<Vec<R>> {
        let mut rows = Vec::new();
        self.scan(prefix, order, |row| {
            rows.push(row);
            Ok(true)
        })?;
        Ok(rows)
    }

    /// How many rows stand under `prefix`, and their bytes, index entries left out.
    fn stored<R: Row<Scope = S>>(&self, prefix: Key) -> Result<(usize, u64)> {
        let (snapshot, scope) = self.source();
        let from = full_key(scope, R::TABLE, 0, prefix.as_slice());
        let (mut rows, mut bytes) = (0, 0);
        for pair in snapshot.range(&from, &end_of(&from), Order::Oldest)? {
            let (key, value) = pair?;
            rows += 1;
            bytes += (key.len() + value.len()) as u64;
        }
        Ok((rows, bytes))
    }

    /// One page of the rows under `prefix` that `keep` keeps. `index` 0 walks the rows themselves.
    /// A page may be shorter than asked for and still have a next one: it ends where its rows have 8 MiB, and filters
    /// look at a bounded number of rows.
    ///
    /// Errors: `ValidationFailed` for a cursor that lies outside `prefix`.
    fn page<R: Row<Scope = S>>(
        &self,
        index: u8,
        prefix: Key,
        order: Order,
        request: &PageRequest,
        mut keep: impl FnMut(&R) -> bool,
    ) -> Result<(Vec<R>, Option<Cursor>)> {
        let (snapshot, scope) = self.source();
        let all = full_key(scope, R::TABLE, index, prefix.as_slice());
        let (mut from, mut to) = (all.clone(), end_of(&all));
        // Of which table and index a cursor is.
        let mark = [R::TABLE.number.to_be_bytes().as_slice(), &[index]].concat();
        if let Some(cursor) = &request.cursor {
            let rest = cursor.0.strip_prefix(mark.as_slice()).ok_or_else(Cursor::foreign)?;
            let at = full_key(scope, R::TABLE, index, rest);
            if !at.starts_with(&all) {
                return Err(Cursor::foreign());
            }
            match order {
                Order::Newest => to = at,
                Order::Oldest => from = [at.as_slice(), &[0]].concat(),
            }
        }
        let (mut rows, mut scanned) = (Vec::new(), 0);
        let (mut kept_bytes, mut scanned_bytes) = (0, 0);
        let mut last: Option<Vec<u8>> = None;
        let mut pairs: PairIter<'_> = snapshot.range(&from, &to, order)?;
        for pair in &mut pairs {
            let is_full = rows.len() == request.limit() || kept_bytes >= MAX_PAGE_BYTES;
            if is_full || scanned == MAX_SCANNED || scanned_bytes >= MAX_SCANNED_BYTES {
                return Ok((rows, last.map(|key| Cursor([mark.as_slice(), &key[HEAD..]].concat()))));
            }
            let pair = pair?;
            scanned += 1;
            let bytes = if index == 0 { Some(pair.1) } else { self.indexed_bytes::<R>(&pair)? };
            if let Some(bytes) = bytes {
                scanned_bytes += bytes.len();
                let row: R = decode(&bytes)?;
                if keep(&row) {
                    kept_bytes += bytes.len();
                    rows.push(row);
                }
            }
            last = Some(pair.0);
        }
        Ok((rows, None))
    }

    /// The row that an index entry names.
    #[doc(hidden)]
    fn indexed<R: Row<Scope = S>>(&self, entry: &(Vec<u8>, Vec<u8>)) -> Result<Option<R>> {
        self.indexed_bytes::<R>(entry)?.map(|it| decode(&it)).transpose()
    }

    /// An entry's value is the length of the row's key, which ends the entry's.
    #[doc(hidden)]
    fn indexed_bytes<R: Row<Scope = S>>(&self, entry: &(Vec<u8>, Vec<u8>)) -> Result<Option<Vec<u8>>> {
        let (snapshot, scope) = self.source();
        let (key, value) = entry;
        let length = usize::from(value.first().copied().unwrap_or(0));
        let primary = &key[key.len().saturating_sub(length)..];
        Ok(snapshot.get(&full_key(scope, R::TABLE, 0, primary))?)
    }
}

/// The committed state at one moment, seen from one scope.
pub struct View<S: Scope> {
    snapshot: Arc<dyn Snapshot>,
    prefix: [u8; 16],
    scope: PhantomData<S>,
}

impl View<PerOrg> {
    pub(super) fn org(snapshot: Arc<dyn Snapshot>, org: OrgId) -> Self {
        Self { snapshot, prefix: org.bytes(), scope: PhantomData }
    }
}

impl View<PerAppliance> {
    pub(super) fn appliance(snapshot: Arc<dyn Snapshot>) -> Self {
        Self { snapshot, prefix: APPLIANCE, scope: PhantomData }
    }
}

impl<S: Scope> Rows<S> for View<S> {
    fn source(&self) -> (&dyn Snapshot, &[u8; 16]) {
        (self.snapshot.as_ref(), &self.prefix)
    }
}
