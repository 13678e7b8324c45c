//! The log lines of a run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ops;
use crate::access::Cx;
use crate::adapters::LogLevel;
use crate::base::{Cursor, ExecutionId, Page, PageRequest, Result, Timestamp};
use crate::engine::{EventKind, entries_after};

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// Number in the run's journal.
    pub sequence: u64,
    pub at: Timestamp,
    pub level: LogLevel,
    pub message: String,
}

/// Journal entries that one page looks at.
const LOOKED_AT: usize = 5_000;

/// Lines of at least `level`, oldest first.
///
/// Errors: `NotFound` where the caller may not see the run.
pub fn logs(cx: &Cx, id: ExecutionId, level: LogLevel, page: &PageRequest) -> Result<Page<LogLine>> {
    ops::find(cx, id)?;
    let after = match &page.cursor {
        Some(Cursor(bytes)) => {
            u64::from_be_bytes(bytes.as_slice().try_into().map_err(|_| Cursor::foreign())?)
        }
        None => 0,
    };
    let entries = entries_after(&cx.read()?, id, after, LOOKED_AT)?;
    let all_seen = entries.len() < LOOKED_AT;
    let mut last = after;
    let mut lines = Vec::new();
    for entry in &entries {
        if lines.len() == page.limit() {
            return Ok(Page::new(lines, Some(Cursor(last.to_be_bytes().to_vec()))));
        }
        last = entry.sequence;
        if entry.kind == EventKind::Log {
            let data = entry.data.to_value();
            let found = serde_json::from_value(data["level"].clone()).unwrap_or(LogLevel::Info);
            if found >= level {
                let message = data["message"].as_str().unwrap_or_default().to_owned();
                lines.push(LogLine { sequence: entry.sequence, at: entry.at, level: found, message });
            }
        }
    }
    Ok(Page::new(lines, (!all_seen).then(|| Cursor(last.to_be_bytes().to_vec()))))
}
