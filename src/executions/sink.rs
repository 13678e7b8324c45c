//! Takes what an adapter reports and writes it into the run's journal.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;
use serde_json::json;

use crate::adapters::{Event, Sink, Usage};
use crate::base::Json;
use crate::engine::{EventKind, Run};

pub(super) struct JournalSink<'a> {
    run: &'a Run,
    max_lines: usize,
    lines: AtomicUsize,
    /// Of the whole run, earlier attempts included.
    usage: Arc<Mutex<Usage>>,
}

impl<'a> JournalSink<'a> {
    pub(super) fn new(run: &'a Run, max_lines: usize, usage: Arc<Mutex<Usage>>) -> Self {
        Self { run, max_lines, lines: AtomicUsize::new(0), usage }
    }

    fn log(&self, level: &str, message: &str) {
        let lines = self.lines.fetch_add(1, Relaxed) + 1;
        if lines <= self.max_lines {
            self.run.note(EventKind::Log, Json::of(&json!({ "level": level, "message": message })));
        } else if lines == self.max_lines + 1 {
            let message = format!("more than {} lines: the rest is not kept", self.max_lines);
            self.run.note(EventKind::Log, Json::of(&json!({ "level": "warn", "message": message })));
        }
    }
}

impl Sink for JournalSink<'_> {
    fn emit(&self, event: Event) {
        match event {
            Event::Text(text) => self.run.text(&text),
            Event::Piece(value) => self.run.note(EventKind::Delta, Json::of(&json!({ "json": value }))),
            Event::Log { level, message } => {
                let level = serde_json::to_value(level).unwrap_or_default();
                self.log(level.as_str().unwrap_or("info"), &message);
            }
            Event::ToolCalled { name, arguments } => {
                self.run
                    .note(EventKind::ToolCalled, Json::of(&json!({ "name": name, "arguments": arguments })));
            }
            Event::ToolReturned { name, result } => {
                self.run.note(EventKind::ToolReturned, Json::of(&json!({ "name": name, "result": result })));
            }
            Event::Usage(usage) => {
                add(&mut self.usage.lock(), usage);
                self.run.note(EventKind::Usage, Json::of(&json!(usage)));
            }
        }
    }
}

fn add(sum: &mut Usage, more: Usage) {
    sum.api_calls += more.api_calls;
    sum.input_tokens += more.input_tokens;
    sum.output_tokens += more.output_tokens;
    sum.cost_micros += more.cost_micros;
    sum.cpu_time_ms += more.cpu_time_ms;
}
