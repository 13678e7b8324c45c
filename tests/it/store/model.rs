//! Rows for these tests, and what the store should hold of them, in plain maps.

use std::collections::BTreeMap;
use std::sync::Arc;

use reeve::base::{Id, OrgId, Result};
use reeve::infra::store::{
    Indexes, Key, Order, OrgTx, PerAppliance, PerOrg, Row, Rows, Store, Table, WriteTx,
};
use serde::{Deserialize, Serialize};

/// A row with indexes, one of them only for some rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    pub name: String,
    pub color: u8,
    pub label: Option<String>,
    pub body: String,
}

impl Note {
    pub(super) const BY_COLOR: u8 = 1;
    pub(super) const BY_LABEL: u8 = 2;
}

impl Row for Note {
    type Scope = PerOrg;
    const TABLE: Table = Table::with_feed(901, "test_notes");

    fn key(&self) -> Key {
        Key::new().text(&self.name)
    }

    fn indexes(&self, indexes: &mut Indexes) {
        if self.color < 4 {
            indexes.add(Self::BY_COLOR, Key::new().byte(self.color));
        }
        if let Some(label) = &self.label {
            indexes.add(Self::BY_LABEL, Key::new().text(label));
        }
    }
}

/// A row without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    pub number: u64,
    pub text: String,
}

impl Row for Line {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(902, "test_lines");

    fn key(&self) -> Key {
        Key::new().u64(self.number)
    }
}

/// Closures that succeeded so far.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Counter {
    pub count: u64,
}

impl Row for Counter {
    type Scope = PerAppliance;
    const TABLE: Table = Table::new(903, "test_counter");

    fn key(&self) -> Key {
        counter_key()
    }
}

fn counter_key() -> Key {
    Key::new().byte(0)
}

/// Adds one; the new count numbers the closure among all that succeed.
pub(super) fn count(tx: &mut WriteTx<'_>) -> Result<u64> {
    let mut tx = tx.appliance();
    let count = tx.get::<Counter>(counter_key())?.map_or(0, |it| it.count) + 1;
    tx.put(&Counter { count })?;
    Ok(count)
}

pub(super) fn counted(store: &Store) -> Result<u64> {
    Ok(store.appliance()?.get::<Counter>(counter_key())?.map_or(0, |it| it.count))
}

/// Ids that lie next to each other, and at the end of all ids.
pub(super) fn orgs() -> [OrgId; 5] {
    let mut next = [0; 16];
    next[15] = 1;
    let mut after = next;
    after[15] = 2;
    let mut last_but_one = [0xff; 16];
    last_but_one[15] = 0xfe;
    [next, after, [0x41; 16], last_but_one, [0xff; 16]].map(OrgId::from_bytes)
}

#[derive(Debug, Clone)]
pub(super) enum Change {
    Put(Arc<Note>),
    Remove(String),
    RemoveAll,
    Line(Line),
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Held {
    pub notes: BTreeMap<Vec<u8>, Arc<Note>>,
    pub lines: BTreeMap<u64, Line>,
}

/// What each organization holds.
pub(super) type Model = BTreeMap<OrgId, Held>;

impl Change {
    pub(super) fn make(&self, tx: &mut OrgTx<'_, '_>) -> Result<()> {
        match self {
            Self::Put(note) => tx.put(note.as_ref()),
            Self::Remove(name) => tx.delete::<Note>(name.as_str()).map(drop),
            Self::RemoveAll => tx.delete_all::<Note>(Key::new()).map(drop),
            Self::Line(line) => tx.put(line),
        }
    }

    pub(super) fn imagine(&self, held: &mut Held) {
        match self {
            Self::Put(note) => drop(held.notes.insert(note.key().into_vec(), note.clone())),
            Self::Remove(name) => drop(held.notes.remove(Key::from(name.as_str()).as_slice())),
            Self::RemoveAll => held.notes.clear(),
            Self::Line(line) => drop(held.lines.insert(line.number, line.clone())),
        }
    }

    /// Whether the feed hears of it.
    pub(super) fn is_fed(&self, held: &Held) -> bool {
        match self {
            Self::Put(_) => true,
            Self::Remove(name) => held.notes.contains_key(Key::from(name.as_str()).as_slice()),
            Self::RemoveAll => !held.notes.is_empty(),
            Self::Line(_) => false,
        }
    }
}

impl Held {
    /// The notes that the index names, in its order.
    pub(super) fn by_index(&self, index: u8) -> Vec<Arc<Note>> {
        let mut entries: Vec<(Vec<u8>, Arc<Note>)> = Vec::new();
        for (key, note) in &self.notes {
            let part = match index {
                0 => Some(Key::new()),
                Note::BY_COLOR => (note.color < 4).then(|| Key::new().byte(note.color)),
                _ => note.label.as_ref().map(|it| Key::new().text(it)),
            };
            entries.extend(part.map(|it| ([it.as_slice(), key].concat(), note.clone())));
        }
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        entries.into_iter().map(|it| it.1).collect()
    }
}

/// Compares everything that can be read with `model`.
///
/// Errors: those of the store. The inner error says what differs.
pub(super) fn compare(store: &Store, model: &Model) -> Result<std::result::Result<(), String>> {
    let nothing = Held::default();
    for org in orgs() {
        let (view, held) = (store.org(org)?, model.get(&org).unwrap_or(&nothing));
        for index in 0..=2 {
            let mut found = Vec::new();
            let keep = |note: Note| {
                found.push(note);
                Ok(true)
            };
            match index {
                0 => view.scan(Key::new(), Order::Oldest, keep)?,
                _ => view.scan_index(index, Key::new(), Order::Oldest, keep)?,
            }
            let expected = held.by_index(index);
            if !found.iter().eq(expected.iter().map(AsRef::as_ref)) {
                return Ok(Err(format!("{org}, index {index}: {} of {}", found.len(), expected.len())));
            }
        }
        let lines = view.all::<Line>(Key::new(), Order::Oldest)?;
        if !lines.iter().eq(held.lines.values()) {
            return Ok(Err(format!("{org}: {} lines of {}", lines.len(), held.lines.len())));
        }
    }
    Ok(Ok(()))
}
