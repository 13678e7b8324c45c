//! A completion that streams: chunks of text, pieces of tool calls, the usage last.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::answer::{Reply, Tokens, failed_midway};
use crate::adapters::{CallError, Event, Sink};
use crate::infra::egress::Response;
use crate::infra::sse::SseParser;

const MAX_EVENT_BYTES: usize = 1 << 20;
const MAX_TOOL_CALLS: usize = 128;
const LAST_WAIT: Duration = Duration::from_millis(20);

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    choices: Vec<ChunkChoice<'a>>,
    usage: Option<Tokens>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct ChunkChoice<'a> {
    #[serde(borrow, default)]
    delta: Delta<'a>,
    #[serde(borrow)]
    finish_reason: Option<Cow<'a, str>>,
}

#[derive(Default, Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    content: Option<Cow<'a, str>>,
    #[serde(borrow)]
    refusal: Option<Cow<'a, str>>,
    #[serde(default)]
    tool_calls: Option<Vec<CallPiece>>,
}

#[derive(Deserialize)]
struct CallPiece {
    #[serde(default)]
    index: usize,
    id: Option<String>,
    function: Option<FunctionPiece>,
}

#[derive(Deserialize)]
struct FunctionPiece {
    name: Option<String>,
    arguments: Option<String>,
}

#[derive(Default)]
struct ToolCall {
    id: String,
    name: String,
    arguments: String,
}

/// Reads to the end, handing on the text as it arrives.
///
/// Errors: a temporary one where the stream ends before the answer does.
pub(super) async fn read(mut response: Response, sink: &dyn Sink) -> Result<Reply, CallError> {
    let mut parser = SseParser::new(MAX_EVENT_BYTES);
    let mut growing = Growing { reply: Reply::default(), calls: Vec::new(), is_done: false, sink };
    while let Some(bytes) = response.chunk().await? {
        parser.feed(&bytes, |event| growing.take(&event.data))?;
        if growing.is_done {
            // Nothing of interest comes after the mark. Reading the end lets the connection be used again, but
            // nobody waits for it.
            let _ = timeout(LAST_WAIT, async { while let Ok(Some(_)) = response.chunk().await {} }).await;
            break;
        }
    }
    growing.finish()
}

struct Growing<'s> {
    reply: Reply,
    calls: Vec<ToolCall>,
    is_done: bool,
    sink: &'s dyn Sink,
}

impl Growing<'_> {
    fn take(&mut self, data: &str) -> Result<(), CallError> {
        if data.trim() == "[DONE]" {
            self.is_done = true;
        }
        if self.is_done || data.trim().is_empty() {
            return Ok(());
        }
        let chunk: Chunk<'_> = serde_json::from_str(data)
            .map_err(|_| CallError::temporary("the service sent a piece that cannot be read"))?;
        if let Some(error) = chunk.error.filter(|it| !it.is_null()) {
            return Err(failed_midway(&error));
        }
        if let Some(tokens) = chunk.usage.and_then(Tokens::pair) {
            self.reply.tokens = Some(tokens);
        }
        let Some(choice) = chunk.choices.into_iter().next() else { return Ok(()) };
        if let Some(text) = choice.delta.content.or(choice.delta.refusal).filter(|it| !it.is_empty()) {
            self.reply.text.push_str(&text);
            self.sink.emit(Event::Text(text.into_owned()));
        }
        for piece in choice.delta.tool_calls.into_iter().flatten() {
            self.grow(piece)?;
        }
        if let Some(reason) = choice.finish_reason {
            self.reply.finish_reason = Some(reason.into_owned());
        }
        Ok(())
    }

    fn grow(&mut self, piece: CallPiece) -> Result<(), CallError> {
        if piece.index >= MAX_TOOL_CALLS {
            return Err(CallError::failed("the model asks for too many tool calls at once"));
        }
        if self.calls.len() <= piece.index {
            self.calls.resize_with(piece.index + 1, ToolCall::default);
        }
        let call = &mut self.calls[piece.index];
        call.id.push_str(piece.id.as_deref().unwrap_or_default());
        if let Some(function) = piece.function {
            call.name.push_str(function.name.as_deref().unwrap_or_default());
            call.arguments.push_str(function.arguments.as_deref().unwrap_or_default());
        }
        Ok(())
    }

    fn finish(self) -> Result<Reply, CallError> {
        if !self.is_done && self.reply.finish_reason.is_none() {
            return Err(CallError::temporary("the stream ended before the answer did"));
        }
        let calls = self.calls.into_iter().map(|it| {
            json!({"id": it.id, "type": "function", "function": {"name": it.name, "arguments": it.arguments}})
        });
        Ok(Reply { tool_calls: calls.collect(), ..self.reply })
    }
}
