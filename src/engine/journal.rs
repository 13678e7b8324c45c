//! The journal: everything that happens in a run, numbered from 1 without gaps.

use std::sync::OnceLock;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ExecutionId, Json, Result, Timestamp};
use crate::infra::store::{Key, Order, OrgTx, PerOrg, Row, Rows, Table};

/// Names are part of the contract with clients, and on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum EventKind {
    #[serde(rename = "execution.started")]
    Started,
    #[serde(rename = "output.delta")]
    Delta,
    #[serde(rename = "step.started")]
    StepStarted,
    #[serde(rename = "step.completed")]
    StepCompleted,
    #[serde(rename = "step.failed")]
    StepFailed,
    #[serde(rename = "step.skipped")]
    StepSkipped,
    #[serde(rename = "tool.called")]
    ToolCalled,
    #[serde(rename = "tool.returned")]
    ToolReturned,
    #[serde(rename = "log")]
    Log,
    #[serde(rename = "usage")]
    Usage,
    #[serde(rename = "execution.completed")]
    Completed,
    #[serde(rename = "execution.failed")]
    Failed,
    #[serde(rename = "execution.cancelled")]
    Cancelled,
    #[serde(rename = "execution.timeout")]
    TimedOut,
}

impl EventKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Started => "execution.started",
            Self::Delta => "output.delta",
            Self::StepStarted => "step.started",
            Self::StepCompleted => "step.completed",
            Self::StepFailed => "step.failed",
            Self::StepSkipped => "step.skipped",
            Self::ToolCalled => "tool.called",
            Self::ToolReturned => "tool.returned",
            Self::Log => "log",
            Self::Usage => "usage",
            Self::Completed => "execution.completed",
            Self::Failed => "execution.failed",
            Self::Cancelled => "execution.cancelled",
            Self::TimedOut => "execution.timeout",
        }
    }

    /// Whether nothing follows it.
    pub const fn is_last(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled | Self::TimedOut)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub execution: ExecutionId,
    pub sequence: u64,
    pub at: Timestamp,
    pub kind: EventKind,
    pub data: Json,
}

/// As many bytes of data go into one row.
const MAX_CHUNK_BYTES: usize = 16 * 1024;

/// Entries of a run that were written together: one row, because short runs are many and write once. Found by
/// the number of the last one.
#[derive(Serialize, Deserialize)]
struct Chunk {
    #[serde(rename = "e")]
    execution: ExecutionId,
    /// Number of the first; each of the others has the next one.
    #[serde(rename = "n")]
    first: u64,
    #[serde(rename = "x", default)]
    entries: Vec<(Timestamp, EventKind, Json)>,
    /// Rows of the first version hold one entry, in these three fields.
    #[serde(rename = "t", default, skip_serializing)]
    at: Option<Timestamp>,
    #[serde(rename = "k", default, skip_serializing)]
    kind: Option<EventKind>,
    #[serde(rename = "d", default, skip_serializing)]
    data: Option<Json>,
}

impl Row for Chunk {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(11, "journal");

    fn key(&self) -> Key {
        let others = (self.entries.len() as u64).saturating_sub(1);
        Key::of(self.execution).u64(self.first + others)
    }
}

impl Chunk {
    fn of(entries: &[Entry]) -> Option<Self> {
        let first = entries.first()?;
        Some(Self {
            execution: first.execution,
            first: first.sequence,
            entries: entries.iter().map(|it| (it.at, it.kind, it.data.clone())).collect(),
            at: None,
            kind: None,
            data: None,
        })
    }

    fn into_entries(self) -> impl Iterator<Item = Entry> {
        let (execution, first) = (self.execution, self.first);
        let alone = self.at.zip(self.kind).zip(self.data).map(|((at, kind), data)| (at, kind, data));
        let all = alone.into_iter().chain(self.entries);
        (first..).zip(all).map(move |(sequence, (at, kind, data))| Entry {
            execution,
            sequence,
            at,
            kind,
            data,
        })
    }
}

/// Writes entries of one run, which are in order and follow those that are there.
pub(super) fn append(tx: &mut OrgTx<'_, '_>, mut entries: &[Entry]) -> Result<()> {
    while !entries.is_empty() {
        let mut bytes = 0;
        let fitting = entries.iter().take_while(|it| {
            bytes += it.data.len();
            bytes <= MAX_CHUNK_BYTES
        });
        let (together, rest) = entries.split_at(fitting.count().max(1));
        if let Some(chunk) = Chunk::of(together) {
            tx.insert(&chunk)?;
        }
        entries = rest;
    }
    Ok(())
}

/// A committed entry, shared by all who watch the run: what one of them makes of it, none makes again.
#[derive(Debug)]
pub struct Published {
    pub entry: Entry,
    data: OnceLock<Json>,
    text: OnceLock<Bytes>,
}

impl Published {
    pub(super) fn new(entry: Entry) -> Self {
        Self { entry, data: OnceLock::new(), text: OnceLock::new() }
    }

    /// The entry's data as it is told; made by the first who asks.
    pub fn data(&self, make: impl FnOnce() -> Result<Json>) -> Result<Json> {
        if let Some(data) = self.data.get() {
            return Ok(data.clone());
        }
        let data = make()?;
        Ok(self.data.get_or_init(|| data).clone())
    }

    /// The entry as it is sent; made by the first who asks.
    pub fn text(&self, make: impl FnOnce() -> Bytes) -> Bytes {
        self.text.get_or_init(make).clone()
    }
}

/// As `entries_after`, up to about `bytes` of data; and whether there may be more.
pub fn entries_within(
    rows: &impl Rows<PerOrg>,
    id: ExecutionId,
    after: u64,
    limit: usize,
    bytes: usize,
) -> Result<(Vec<Entry>, bool)> {
    let (mut entries, mut size, mut is_full) = (Vec::new(), 0, false);
    rows.scan_from::<Chunk>(Key::of(id), Key::of(id).u64(after.saturating_add(1)), |chunk| {
        for entry in chunk.into_entries().filter(|it| it.sequence > after) {
            size += entry.data.len();
            entries.push(entry);
        }
        is_full = entries.len() >= limit || size >= bytes;
        Ok(!is_full)
    })?;
    Ok((entries, is_full))
}

/// Up to `limit` entries of a run with a higher number than `after`, in order.
pub fn entries_after(
    rows: &impl Rows<PerOrg>,
    id: ExecutionId,
    after: u64,
    limit: usize,
) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    rows.scan_from::<Chunk>(Key::of(id), Key::of(id).u64(after.saturating_add(1)), |chunk| {
        entries.extend(chunk.into_entries().filter(|it| it.sequence > after));
        Ok(entries.len() < limit)
    })?;
    entries.truncate(limit);
    Ok(entries)
}

/// Number of the newest entry of a run; 0 where there is none.
pub fn last_sequence(rows: &impl Rows<PerOrg>, id: ExecutionId) -> Result<u64> {
    let mut last = 0;
    rows.scan::<Chunk>(Key::of(id), Order::Newest, |chunk| {
        last = chunk.into_entries().last().map_or(0, |it| it.sequence);
        Ok(false)
    })?;
    Ok(last)
}

/// Attempts of a run that have begun.
pub(super) fn attempts_begun(rows: &impl Rows<PerOrg>, id: ExecutionId) -> Result<u32> {
    let mut begun = 0;
    rows.scan::<Chunk>(Key::of(id), Order::Oldest, |chunk| {
        begun += chunk.into_entries().filter(|it| it.kind == EventKind::Started).count();
        Ok(true)
    })?;
    Ok(u32::try_from(begun).unwrap_or(u32::MAX))
}

/// Takes the whole journal of a run away; answers how many rows it had.
pub fn forget(tx: &mut OrgTx<'_, '_>, id: ExecutionId) -> Result<usize> {
    tx.delete_all::<Chunk>(Key::of(id))
}

/// Rows and bytes of a run's journal.
pub fn journal_stored(rows: &impl Rows<PerOrg>, id: ExecutionId) -> Result<(usize, u64)> {
    rows.stored::<Chunk>(Key::of(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Env, Id, OrgId};
    use crate::infra::store::{OpenOptions, Store};

    /// A row as the first version wrote it.
    #[derive(Serialize, Deserialize)]
    struct Old {
        e: ExecutionId,
        n: u64,
        t: Timestamp,
        k: EventKind,
        d: Json,
    }

    impl Row for Old {
        type Scope = PerOrg;
        const TABLE: Table = Chunk::TABLE;

        fn key(&self) -> Key {
            Key::of(self.e).u64(self.n)
        }
    }

    fn entry(sequence: u64, bytes: usize) -> Entry {
        let data = Json::of(&serde_json::json!({ "text": "x".repeat(bytes) }));
        let at = Timestamp::from_millis(sequence as i64);
        Entry { execution: ExecutionId::from_bytes([7; 16]), sequence, at, kind: EventKind::Delta, data }
    }

    #[test]
    fn entries_are_found_from_any_place_in_old_rows_and_in_chunks() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path(), OpenOptions::default(), &Env::system()).expect("opens");
        let (org, id) = (OrgId::from_bytes([1; 16]), entry(1, 0).execution);
        let all: Vec<Entry> = (1..=40).map(|it| entry(it, if it == 20 { 50_000 } else { 1_500 })).collect();
        let written = all.clone();
        store
            .write_blocking(move |tx| {
                let mut tx = tx.org(org);
                for Entry { execution: e, sequence: n, at: t, kind: k, data: d } in
                    written[..3].iter().cloned()
                {
                    tx.insert(&Old { e, n, t, k, d })?;
                }
                append(&mut tx, &written[3..5])?;
                append(&mut tx, &written[5..])
            })
            .expect("writes");
        let rows = store.org(org).expect("readable");
        for after in 0..=40_u64 {
            for limit in [1, 7, 100] {
                let found = entries_after(&rows, id, after, limit).expect("readable");
                let expected = &all[after as usize..(after as usize + limit).min(40)];
                assert_eq!(found, expected, "{limit} after {after}");
            }
        }
        assert_eq!(last_sequence(&rows, id).expect("readable"), 40);
    }
}
