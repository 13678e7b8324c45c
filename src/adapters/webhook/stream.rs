//! Answers that come in pieces: server-sent events and lines of JSON.

use serde_json::{Value, json};

use super::super::http::{is_json, said_by};
use super::answer::Answer;
use super::config::{Config, Stream};
use crate::adapters::mapping::{self, Scope};
use crate::adapters::{CallError, Event, Sink};
use crate::base::Json;
use crate::infra::egress::Response;
use crate::infra::sse::{LineSplitter, LineTooLong, SseEvent, SseParser};

const MAX_PIECE_BYTES: usize = 1 << 20;

/// Reads to the end, handing on every piece as it arrives. A far end that answers in one piece after all is heard.
pub(super) async fn read(
    response: Response,
    kind: Stream,
    config: &Config,
    sink: &dyn Sink,
) -> Result<Answer, CallError> {
    if kind == Stream::Sse && is_json(&response) {
        return Answer::read(response).await;
    }
    let head = Answer::head_of(&response);
    let mut pieces = Pieces { config, sink, text: String::new(), values: Vec::new() };
    match kind {
        Stream::Ndjson => lines(response, &mut pieces).await?,
        _ => events(response, &mut pieces).await?,
    }
    Ok(Answer { body: pieces.whole(), ..head })
}

async fn events(mut response: Response, pieces: &mut Pieces<'_>) -> Result<(), CallError> {
    let mut parser = SseParser::new(MAX_PIECE_BYTES);
    while let Some(chunk) = response.chunk().await? {
        parser.feed(&chunk, |event| pieces.event(&event))?;
    }
    Ok(())
}

async fn lines(mut response: Response, pieces: &mut Pieces<'_>) -> Result<(), CallError> {
    let mut splitter = LineSplitter::ndjson(MAX_PIECE_BYTES);
    while let Some(chunk) = response.chunk().await? {
        splitter.feed(&chunk, |line| pieces.line(line))?;
    }
    splitter.finish().map_or(Ok(()), |line| pieces.line(&line))
}

impl From<LineTooLong> for CallError {
    fn from(error: LineTooLong) -> Self {
        Self::failed(error.to_string())
    }
}

struct Pieces<'c> {
    config: &'c Config,
    sink: &'c dyn Sink,
    text: String,
    values: Vec<Value>,
}

impl Pieces<'_> {
    fn event(&mut self, event: &SseEvent) -> Result<(), CallError> {
        if event.data == "[DONE]" {
            return Ok(());
        }
        if event.event.as_deref() == Some("error") {
            return Err(broke_off(&event.data));
        }
        self.piece(&event.data, event.event.as_deref())
    }

    fn line(&mut self, line: &[u8]) -> Result<(), CallError> {
        let line = std::str::from_utf8(line).map_err(|_| CallError::failed("the stream is not UTF-8"))?;
        if line.trim().is_empty() {
            return Ok(());
        }
        let json = Json::parse(line).map_err(|_| CallError::failed("a line of the stream is not JSON"))?;
        self.piece(json.as_str(), None)
    }

    fn piece(&mut self, data: &str, event: Option<&str>) -> Result<(), CallError> {
        if let Some(expression) = &self.config.stream_text {
            let scope = Scope::default().with_json("data", data).with("event", event.unwrap_or("message"));
            let text = mapping::text_of(expression, &scope).map_err(|it| {
                CallError::failed(format!("a piece of the stream does not fit the mapping: {it}"))
            })?;
            if let Some(text) = text.filter(|it| !it.is_empty()) {
                self.say(text);
            }
            return Ok(());
        }
        match serde_json::from_str(data) {
            Ok(Value::String(text)) => self.say(text),
            Ok(value @ (Value::Object(_) | Value::Array(_))) => {
                if value.get("error").is_some_and(|it| !it.is_null()) || value["type"] == "error" {
                    return Err(broke_off(data));
                }
                self.sink.emit(Event::Piece(value.clone()));
                self.values.push(value);
            }
            _ => self.say(data.to_owned()),
        }
        Ok(())
    }

    fn say(&mut self, text: String) {
        self.text.push_str(&text);
        self.sink.emit(Event::Text(text));
    }

    fn whole(self) -> Json {
        if self.values.is_empty() {
            return Json::of(&json!({ "text": self.text }));
        }
        Json::of(&Value::Array(self.values))
    }
}

fn broke_off(data: &str) -> CallError {
    let said = said_by(data.as_bytes()).unwrap_or_else(|| "it gave no reason".to_owned());
    CallError::failed(format!("the far end failed while it was answering: {said}"))
}
