//! Takes what an adapter reports and writes it into the run's journal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::adapters::{Event, Sink, Upstream, Usage};
use crate::base::Json;
use crate::budgets::Held;
use crate::engine::{EventKind, Run};

/// Whose call it is, where it is a step of a run.
#[derive(Clone)]
pub struct StepMark {
    pub id: Arc<str>,
    /// Used by this call, beside what the whole run used.
    pub usage: Arc<Mutex<Usage>>,
}

pub(super) struct JournalSink<'a> {
    run: &'a Run,
    max_lines: usize,
    lines: AtomicUsize,
    /// Of the whole run, earlier attempts included.
    usage: Arc<Mutex<Usage>>,
    step: Option<StepMark>,
    stopped: Mutex<Option<Upstream>>,
    held: Option<Arc<Held>>,
    /// Whether this call has said what it used.
    has_told: AtomicBool,
}

impl<'a> JournalSink<'a> {
    pub(super) fn new(
        run: &'a Run,
        max_lines: usize,
        usage: Arc<Mutex<Usage>>,
        step: Option<StepMark>,
    ) -> Self {
        Self {
            run,
            max_lines,
            lines: AtomicUsize::new(0),
            usage,
            step,
            stopped: Mutex::default(),
            held: None,
            has_told: AtomicBool::new(false),
        }
    }

    /// The call was cut off: where it has not said what it used, nobody knows.
    pub(super) fn cut_off(&self) {
        if !self.has_told.load(Relaxed) {
            self.used(Usage::of_unknown_call());
        }
    }

    /// The call goes out. Where it is given up before it is back, it was cut off.
    pub(super) fn out(&self) -> Out<'_, 'a> {
        Out { sink: self, is_back: false }
    }

    /// Tells what a budget holds for this call of what it uses.
    pub(super) fn counting(self, held: Option<Arc<Held>>) -> Self {
        Self { held, ..self }
    }

    /// What the far end knows of the stop, where the adapter has said so.
    pub(super) fn stopped(&self) -> Option<Upstream> {
        *self.stopped.lock()
    }

    fn note(&self, kind: EventKind, mut data: Value) {
        if let (Some(step), Some(fields)) = (&self.step, data.as_object_mut()) {
            fields.insert("step".to_owned(), Value::from(&*step.id));
        }
        self.run.note(kind, Json::of(&data));
    }

    fn text(&self, text: &str) {
        if let Some(held) = &self.held {
            held.answered(text.len());
        }
        match &self.step {
            None => self.run.text(text),
            Some(step) => self.run.text_of(&step.id, text),
        }
    }

    fn log(&self, level: &str, message: &str) {
        let lines = self.lines.fetch_add(1, Relaxed) + 1;
        if lines <= self.max_lines {
            self.note(EventKind::Log, json!({ "level": level, "message": message }));
        } else if lines == self.max_lines + 1 {
            let message = format!("more than {} lines: the rest is not kept", self.max_lines);
            self.note(EventKind::Log, json!({ "level": "warn", "message": message }));
        }
    }

    fn used(&self, usage: Usage) {
        self.has_told.store(true, Relaxed);
        self.usage.lock().add(usage);
        if let Some(held) = &self.held {
            held.used(usage);
        }
        if let Some(step) = &self.step {
            step.usage.lock().add(usage);
        }
        self.note(EventKind::Usage, json!(usage));
    }
}

/// A call that is out.
pub(super) struct Out<'s, 'a> {
    sink: &'s JournalSink<'a>,
    is_back: bool,
}

impl Out<'_, '_> {
    pub(super) fn back(mut self) {
        self.is_back = true;
    }
}

impl Drop for Out<'_, '_> {
    fn drop(&mut self) {
        if !self.is_back {
            self.sink.cut_off();
        }
    }
}

impl Sink for JournalSink<'_> {
    fn emit(&self, event: Event) {
        match event {
            Event::Text(text) => self.text(&text),
            Event::Piece(value) => self.note(EventKind::Delta, json!({ "json": value })),
            Event::Log { level, message } => {
                let level = serde_json::to_value(level).unwrap_or_default();
                self.log(level.as_str().unwrap_or("info"), &message);
            }
            Event::ToolCalled { name, arguments } => {
                self.note(EventKind::ToolCalled, json!({ "name": name, "arguments": arguments }));
            }
            Event::ToolReturned { name, result } => {
                self.note(EventKind::ToolReturned, json!({ "name": name, "result": result }));
            }
            Event::Usage(usage) => self.used(usage),
            Event::Stopped(upstream) => *self.stopped.lock() = Some(upstream),
        }
    }
}
