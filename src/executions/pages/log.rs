//! The lines of a run's log.

use crate::adapters::LogLevel;
use crate::engine::{Entry, EventKind};

/// Lines that a page shows; what came before them is in the interface for programs.
const SHOWN: usize = 500;

pub(super) struct Line {
    pub at: String,
    pub level: &'static str,
    pub message: String,
}

pub(super) struct Log {
    pub lines: Vec<Line>,
    /// Lines before the first one shown.
    pub left_out: usize,
}

pub(super) const LEVELS: &[(&str, &str)] =
    &[("", "All"), ("info", "Info"), ("warn", "Warnings"), ("error", "Errors")];

/// Anything unknown is every level.
pub(super) fn level_of(word: &str) -> LogLevel {
    serde_json::from_value(word.into()).unwrap_or(LogLevel::Debug)
}

/// The last lines of at least `level`, oldest first.
pub(super) fn log(entries: &[Entry], level: LogLevel) -> Log {
    let mut lines: Vec<Line> = entries
        .iter()
        .filter(|it| it.kind == EventKind::Log)
        .filter_map(|it| {
            let data = it.data.to_value();
            let found = serde_json::from_value(data["level"].clone()).unwrap_or(LogLevel::Info);
            (found >= level).then(|| Line {
                at: it.at.utc().format("%H:%M:%S%.3f").to_string(),
                level: word(found),
                message: data["message"].as_str().unwrap_or_default().to_owned(),
            })
        })
        .collect();
    let left_out = lines.len().saturating_sub(SHOWN);
    Log { lines: lines.split_off(left_out), left_out }
}

fn word(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    }
}
