//! Takes what an adapter reports and writes it into the run's journal.

use parking_lot::Mutex;
use serde_json::json;

use crate::adapters::{Event, Sink, Usage};
use crate::base::Json;
use crate::engine::{EventKind, Run};

pub(super) struct JournalSink<'a> {
    run: &'a Run,
    max_lines: usize,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    usage: Usage,
    lines: usize,
}

impl<'a> JournalSink<'a> {
    pub(super) fn new(run: &'a Run, max_lines: usize) -> Self {
        Self { run, max_lines, seen: Mutex::default() }
    }

    /// What was used so far.
    pub(super) fn usage(&self) -> Usage {
        self.seen.lock().usage
    }

    fn log(&self, level: &str, message: &str) {
        let lines = {
            let mut seen = self.seen.lock();
            seen.lines += 1;
            seen.lines
        };
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
                add(&mut self.seen.lock().usage, usage);
                self.run.note(EventKind::Usage, Json::of(&json!(usage)));
            }
        }
    }
}

pub(super) fn add(sum: &mut Usage, more: Usage) {
    sum.api_calls += more.api_calls;
    sum.input_tokens += more.input_tokens;
    sum.output_tokens += more.output_tokens;
    sum.cost_micros += more.cost_micros;
    sum.cpu_time_ms += more.cpu_time_ms;
}
