//! What a write closure holds: the whole store for the few who may, one scope for everyone else.

use super::backend::{Snapshot, WriteSet};
use super::feed::Change;
use super::keys::Key;
use super::layers::Layered;
use super::rows::{APPLIANCE, Indexes, PerAppliance, PerOrg, Row, Rows, Scope, decode, encode, full_key};
use crate::base::{Doing, Error, Id, OrgId, Result};

/// An index entry keeps the length in one byte.
const MAX_KEY_BYTES: usize = 255;

/// One closure's view of the store and its changes so far. Only machinery and the access layer hold it;
/// features get an `OrgTx`.
pub struct WriteTx<'a> {
    layers: Layered<'a>,
    changes: Vec<Change>,
}

impl<'a> WriteTx<'a> {
    pub(super) fn new(base: &'a dyn Snapshot, batch: &'a WriteSet) -> Self {
        Self { layers: Layered { base, batch, own: WriteSet::new() }, changes: Vec::new() }
    }

    pub(super) fn finish(self) -> (WriteSet, Vec<Change>) {
        (self.layers.own, self.changes)
    }

    pub fn org(&mut self, org: OrgId) -> OrgTx<'_, 'a> {
        Tx { prefix: org.bytes(), tx: self, scope: std::marker::PhantomData }
    }

    pub fn appliance(&mut self) -> ApplianceTx<'_, 'a> {
        Tx { prefix: APPLIANCE, tx: self, scope: std::marker::PhantomData }
    }

    /// Every row and index entry of `org` goes.
    pub fn erase_org(&mut self, org: OrgId) -> Result<()> {
        let from = org.bytes();
        if from == APPLIANCE {
            return Err(Error::not_found("organization", org));
        }
        let to = super::keys::end_of(&from);
        let keys: Vec<_> = self
            .layers
            .range(&from, &to, super::Order::Oldest)?
            .map(|pair| pair.map(|it| it.0))
            .collect::<Result<_, _>>()?;
        for key in keys {
            self.layers.own.insert(key, None);
        }
        Ok(())
    }

    pub(super) fn put_raw(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.layers.own.insert(key, value);
    }
}

/// Reading and writing within one scope.
pub struct Tx<'t, 'a, S: Scope> {
    tx: &'t mut WriteTx<'a>,
    prefix: [u8; 16],
    scope: std::marker::PhantomData<S>,
}

pub type OrgTx<'t, 'a> = Tx<'t, 'a, PerOrg>;
pub type ApplianceTx<'t, 'a> = Tx<'t, 'a, PerAppliance>;

impl<S: Scope> Rows<S> for Tx<'_, '_, S> {
    fn source(&self) -> (&dyn Snapshot, &[u8; 16]) {
        (&self.tx.layers, &self.prefix)
    }
}

impl Tx<'_, '_, PerOrg> {
    pub fn org_id(&self) -> OrgId {
        OrgId::from_bytes(self.prefix)
    }
}

impl<S: Scope> Tx<'_, '_, S> {
    /// Writes the row, over an earlier one with the same key, and its index entries.
    pub fn put<R: Row<Scope = S>>(&mut self, row: &R) -> Result<()> {
        let at = full_key(&self.prefix, R::TABLE, 0, row.key().as_slice());
        let earlier = match self.tx.layers.get(&at)? {
            Some(bytes) => entries_of(&decode::<R>(&bytes)?),
            None => Vec::new(),
        };
        self.store(row, at, &earlier)
    }

    /// As `put`, for a key that is known to be new: spares the look at the earlier row.
    pub fn insert<R: Row<Scope = S>>(&mut self, row: &R) -> Result<()> {
        let at = full_key(&self.prefix, R::TABLE, 0, row.key().as_slice());
        debug_assert_eq!(self.tx.layers.get(&at), Ok(None), "a row with this key is there already");
        self.store(row, at, &[])
    }

    /// Nothing has changed where this fails: a closure may go on after an error.
    fn store<R: Row<Scope = S>>(&mut self, row: &R, at: Vec<u8>, earlier: &[(u8, Key)]) -> Result<()> {
        let key = row.key();
        if key.as_slice().len() > MAX_KEY_BYTES {
            return Err("a row's key has at most 255 bytes").doing(R::TABLE.name);
        }
        let bytes = encode(row)?;
        self.change_index::<R>(&key, earlier, &entries_of(row));
        self.tx.put_raw(at, Some(bytes));
        self.note::<R>(&key, false);
        Ok(())
    }

    /// Takes the row and its index entries away, and answers it.
    pub fn delete<R: Row<Scope = S>>(&mut self, key: impl Into<Key>) -> Result<Option<R>> {
        let key = key.into();
        let at = full_key(&self.prefix, R::TABLE, 0, key.as_slice());
        let Some(bytes) = self.tx.layers.get(&at)? else { return Ok(None) };
        let row = decode::<R>(&bytes)?;
        self.change_index::<R>(&key, &entries_of(&row), &[]);
        self.tx.put_raw(at, None);
        self.note::<R>(&key, true);
        Ok(Some(row))
    }

    /// Deletes every row whose key begins with `prefix`; answers how many.
    pub fn delete_all<R: Row<Scope = S>>(&mut self, prefix: impl Into<Key>) -> Result<usize> {
        let mut keys = Vec::new();
        self.scan::<R>(prefix.into(), super::Order::Oldest, |row| {
            keys.push(row.key());
            Ok(true)
        })?;
        for key in &keys {
            self.delete::<R>(key.clone())?;
        }
        Ok(keys.len())
    }

    fn change_index<R: Row<Scope = S>>(&mut self, key: &Key, earlier: &[(u8, Key)], now: &[(u8, Key)]) {
        let length = key.as_slice().len() as u8;
        let mut write = |(index, part): &(u8, Key), value: Option<Vec<u8>>| {
            let rest = [part.as_slice(), key.as_slice()].concat();
            self.tx.put_raw(full_key(&self.prefix, R::TABLE, *index, &rest), value);
        };
        for gone in earlier.iter().filter(|it| !now.contains(it)) {
            write(gone, None);
        }
        for new in now.iter().filter(|it| !earlier.contains(it)) {
            write(new, Some(vec![length]));
        }
    }

    fn note<R: Row>(&mut self, key: &Key, deleted: bool) {
        if R::TABLE.feed {
            self.tx.changes.push(Change {
                org: OrgId::from_bytes(self.prefix),
                table: R::TABLE.number,
                key: key.as_slice().to_vec(),
                deleted,
            });
        }
    }
}

fn entries_of<R: Row>(row: &R) -> Vec<(u8, Key)> {
    let mut indexes = Indexes::default();
    row.indexes(&mut indexes);
    indexes.0
}
