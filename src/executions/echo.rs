//! Between an adapter and the journal: cuts out what a far end says back of the credentials that it was sent.

use parking_lot::Mutex;
use serde_json::Value;

use crate::adapters::{Event, Sink};
use crate::base::Json;
use crate::connections::Opened;

/// Passes events on without the call's credentials. A text that might be the beginning of one waits for the next
/// piece; `finish` says that none comes.
pub(super) struct EchoSink<'a> {
    to: &'a dyn Sink,
    opened: &'a Opened,
    waiting: Mutex<String>,
}

impl<'a> EchoSink<'a> {
    pub(super) fn new(to: &'a dyn Sink, opened: &'a Opened) -> Self {
        Self { to, opened, waiting: Mutex::default() }
    }

    pub(super) fn finish(&self) {
        let rest = std::mem::take(&mut *self.waiting.lock());
        if !rest.is_empty() {
            self.to.emit(Event::Text(self.opened.clean(rest)));
        }
    }

    fn text(&self, piece: &str) {
        let mut waiting = self.waiting.lock();
        waiting.push_str(piece);
        let kept = self.opened.beginning_at_the_end(&waiting);
        let cut = waiting.len() - kept;
        let rest = waiting.split_off(cut);
        let whole = std::mem::replace(&mut *waiting, rest);
        if !whole.is_empty() {
            self.to.emit(Event::Text(self.opened.clean(whole)));
        }
    }

    fn value(&self, value: Value) -> Value {
        self.opened.clean_json(Json::of(&value)).to_value()
    }
}

impl Sink for EchoSink<'_> {
    fn emit(&self, event: Event) {
        if self.opened.is_empty() {
            return self.to.emit(event);
        }
        let clean = match event {
            Event::Text(piece) => return self.text(&piece),
            Event::Piece(value) => Event::Piece(self.value(value)),
            Event::Log { level, message } => Event::Log { level, message: self.opened.clean(message) },
            Event::ToolCalled { name, arguments } => {
                Event::ToolCalled { name, arguments: self.value(arguments) }
            }
            Event::ToolReturned { name, result } => Event::ToolReturned { name, result: self.value(result) },
            Event::Usage(usage) => Event::Usage(usage),
            Event::Stopped(upstream) => Event::Stopped(upstream),
        };
        self.to.emit(clean);
    }
}
