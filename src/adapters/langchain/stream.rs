//! An answer that comes in pieces, or with everything that happens inside the runnable. A stream without its `end` is
//! one that was cut off.

use serde_json::Value;

use super::super::http::{log, said_by};
use super::pieces::{add, is_message, text_of, usage_of};
use crate::adapters::{CallError, Event, LogLevel, Sink};
use crate::infra::egress::Response;
use crate::infra::sse::{SseEvent, SseParser};

const MAX_EVENT_BYTES: usize = 4 << 20;

/// What was read so far.
pub(super) struct Reading<'s> {
    sink: &'s dyn Sink,
    whole: Option<Value>,
    /// In, out; `None` where no model has told.
    pub(super) tokens: Option<(u64, u64)>,
    /// The run of the runnable itself, among those of its parts.
    root: Option<String>,
    is_over: bool,
}

impl<'s> Reading<'s> {
    pub(super) fn new(sink: &'s dyn Sink) -> Self {
        Self { sink, whole: None, tokens: None, root: None, is_over: false }
    }

    /// The pieces of the answer, each handed on as it arrives.
    ///
    /// Errors: what the runnable failed with; a temporary one where the stream ends before the answer does.
    pub(super) async fn pieces(&mut self, response: Response) -> Result<Value, CallError> {
        self.read(response, Self::piece).await
    }

    /// As `pieces`, with steps, tools and models told on the way.
    pub(super) async fn events(&mut self, response: Response) -> Result<Value, CallError> {
        self.read(response, Self::event).await
    }

    async fn read(&mut self, mut response: Response, take: fn(&mut Self, Value)) -> Result<Value, CallError> {
        let mut parser = SseParser::new(MAX_EVENT_BYTES).with_bare_events();
        while let Some(bytes) = response.chunk().await? {
            parser.feed(&bytes, |event| self.heard(&event, take))?;
        }
        if !self.is_over {
            return Err(CallError::temporary("the stream ended before the answer did"));
        }
        Ok(self.whole.take().unwrap_or_default())
    }

    fn heard(&mut self, event: &SseEvent, take: fn(&mut Self, Value)) -> Result<(), CallError> {
        match event.event.as_deref() {
            Some("end") => self.is_over = true,
            Some("error") => return Err(failed(&event.data)),
            Some("metadata") => {}
            _ => {
                let data = serde_json::from_str(&event.data)
                    .map_err(|_| CallError::temporary("LangServe sent a piece that cannot be read"))?;
                take(self, data);
            }
        }
        Ok(())
    }

    fn piece(&mut self, piece: Value) {
        self.count(&piece);
        self.say(&piece);
        self.whole = Some(add(self.whole.take(), piece));
    }

    fn event(&mut self, event: Value) {
        let (kind, run) = (text(&event["event"]), text(&event["run_id"]));
        let root = self.root.get_or_insert_with(|| run.clone());
        let is_root = *root == run;
        let (name, data) = (text(&event["name"]), &event["data"]);
        match kind.as_str() {
            "on_tool_start" => {
                self.sink.emit(Event::ToolCalled { name, arguments: data["input"].clone() });
            }
            "on_tool_end" => self.sink.emit(Event::ToolReturned { name, result: data["output"].clone() }),
            "on_tool_error" => log(self.sink, LogLevel::Warn, format!("the tool {name} failed")),
            "on_chat_model_end" => self.count(&data["output"]),
            _ if is_root => {}
            _ if kind.ends_with("_start") => log(self.sink, LogLevel::Debug, format!("{name} begins")),
            _ => {}
        }
        if is_root && kind.ends_with("_stream") {
            self.say(&data["chunk"]);
        } else if is_root && kind.ends_with("_end") {
            self.whole = Some(data["output"].clone());
        }
    }

    fn say(&self, piece: &Value) {
        match text_of(piece) {
            Some(text) if text.is_empty() => {}
            Some(text) => self.sink.emit(Event::Text(text)),
            None if piece.is_null() || is_message(piece) => {}
            None => self.sink.emit(Event::Piece(piece.clone())),
        }
    }

    fn count(&mut self, message: &Value) {
        if let Some((input, output)) = usage_of(message) {
            let (known_input, known_output) = self.tokens.unwrap_or_default();
            self.tokens = Some((known_input.saturating_add(input), known_output.saturating_add(output)));
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn failed(data: &str) -> CallError {
    let said = said_by(data.as_bytes()).unwrap_or_else(|| "it gave no reason".to_owned());
    CallError::failed(format!("the runnable failed: {said} ({})", super::REASON_IS_THERE))
}
