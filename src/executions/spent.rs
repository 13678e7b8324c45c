//! What earlier attempts used, by what they left in the journal: for a process that has not seen them.

use crate::adapters::Usage;
use crate::base::{ExecutionId, Json, Result};
use crate::engine::{Entry, EventKind, Failure, entries_after};
use crate::infra::store::{PerOrg, Rows};

/// Entries that are read at once.
const CHUNK: usize = 500;

/// The last line that an attempt leaves that failed. It says which one: so it is told from one that was cut off.
pub(super) fn last_line(attempt: u32, failure: &Failure) -> Json {
    Json::of(&serde_json::json!({ "level": "error", "message": failure.message, "attempt": attempt }))
}

/// Of all `attempts` of a run that no attempt of this process knows.
pub(super) fn in_journal(rows: &impl Rows<PerOrg>, id: ExecutionId, attempts: u32) -> Result<Usage> {
    let (mut spent, mut last) = (Spent::default(), 0);
    loop {
        let entries = entries_after(rows, id, last, CHUNK)?;
        let Some(newest) = entries.last() else { return Ok(spent.of(attempts)) };
        last = newest.sequence;
        entries.iter().for_each(|it| spent.read(it));
    }
}

/// Whether entries of this kind say anything here.
pub(super) fn tells(kind: EventKind) -> bool {
    matches!(kind, EventKind::Started | EventKind::Usage | EventKind::Log)
}

#[derive(Default)]
pub(super) struct Spent {
    usage: Usage,
    begun: u32,
    /// Whether the last that began has said what it used, or has come to its own end.
    is_told: bool,
}

impl Spent {
    pub(super) fn read(&mut self, entry: &Entry) {
        match entry.kind {
            EventKind::Started => {
                self.close();
                self.begun += 1;
            }
            EventKind::Usage => {
                self.usage.add(serde_json::from_str(entry.data.as_str()).unwrap_or_else(|_| cut_off()));
                self.is_told = true;
            }
            EventKind::Log => self.is_told |= !entry.data.to_value()["attempt"].is_null(),
            _ => {}
        }
    }

    /// The sum, where so many attempts have begun: their beginning is not always on disk.
    pub(super) fn of(mut self, attempts: u32) -> Usage {
        self.close();
        (self.begun..attempts).for_each(|_| self.usage.add(cut_off()));
        self.usage
    }

    fn close(&mut self) {
        if self.begun > 0 && !self.is_told {
            self.usage.add(cut_off());
        }
        self.is_told = false;
    }
}

/// That it was made is all that is known of it.
fn cut_off() -> Usage {
    Usage::of_unknown_call()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::base::{Code, Id, Timestamp};

    fn entry(kind: EventKind, data: &Value) -> Entry {
        let (execution, at) = (ExecutionId::from_bytes([1; 16]), Timestamp::from_millis(1));
        Entry { execution, sequence: 1, at, kind, data: Json::of(data) }
    }

    /// `begun used cut`: entries; calls, those of unknown cost, and micros.
    fn check(entries: &str, attempts: u32, expected: (u64, u64, i64)) {
        let mut spent = Spent::default();
        for word in entries.split_whitespace() {
            let used = Usage { api_calls: 1, cost_micros: 7, ..Usage::default() };
            spent.read(&match word {
                "begun" => entry(EventKind::Started, &json!({})),
                "used" => entry(EventKind::Usage, &json!(used)),
                "said" => entry(EventKind::Log, &json!({ "level": "error", "message": "x" })),
                "failed" => {
                    let line = last_line(1, &Failure::new(Code::ExecutionFailed, "no"));
                    entry(EventKind::Log, &line.to_value())
                }
                other => panic!("{other}"),
            });
        }
        let usage = spent.of(attempts);
        assert_eq!((usage.api_calls, usage.unpriced_calls, usage.cost_micros), expected, "{entries}");
    }

    #[test]
    fn what_was_told_counts_once_and_what_was_cut_off_is_unknown() {
        check("", 0, (0, 0, 0));
        check("begun used failed begun used failed", 2, (2, 0, 14));
        check("begun failed", 1, (0, 0, 0));
        check("begun said", 1, (1, 1, 0));
        check("begun used failed begun", 2, (2, 1, 7));
        check("begun begun used", 2, (2, 1, 7));
        check("", 1, (1, 1, 0));
    }
}
