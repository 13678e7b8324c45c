//! From a completion to a result.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::http::{log, said_by};
use super::config::{Config, Structured};
use crate::adapters::{CallError, LogLevel, Outcome, Sink};
use crate::base::{Code, Json};

/// What the model said, however it arrived.
#[derive(Debug, Default)]
pub(super) struct Reply {
    pub(super) text: String,
    pub(super) finish_reason: Option<String>,
    pub(super) tool_calls: Vec<Value>,
    /// In, out; `None` where the service does not say.
    pub(super) tokens: Option<(u64, u64)>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Completion {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Tokens>,
    error: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    message: Message,
    finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Message {
    content: Option<String>,
    refusal: Option<String>,
    tool_calls: Option<Vec<Value>>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(super) struct Tokens {
    #[serde(default)]
    pub(super) prompt_tokens: Option<u64>,
    #[serde(default)]
    pub(super) completion_tokens: Option<u64>,
}

impl Tokens {
    pub(super) fn pair(self) -> Option<(u64, u64)> {
        let said = self.prompt_tokens.is_some() || self.completion_tokens.is_some();
        said.then(|| (self.prompt_tokens.unwrap_or(0), self.completion_tokens.unwrap_or(0)))
    }
}

impl Completion {
    pub(super) fn parse(body: &[u8]) -> Result<Self, CallError> {
        serde_json::from_slice(body).map_err(|_| {
            CallError::failed("what answers is no OpenAI-compatible service; check the base address")
        })
    }

    pub(super) fn into_reply(self) -> Result<Reply, CallError> {
        if let Some(error) = self.error.filter(|it| !it.is_null()) {
            return Err(failed_midway(&error));
        }
        let tokens = self.usage.and_then(Tokens::pair);
        let choice = self.choices.into_iter().next();
        let choice = choice.ok_or_else(|| CallError::temporary("the service answered without a choice"))?;
        Ok(Reply {
            text: choice.message.content.or(choice.message.refusal).unwrap_or_default(),
            finish_reason: choice.finish_reason,
            tool_calls: choice.message.tool_calls.unwrap_or_default(),
            tokens,
        })
    }
}

/// An error where an answer was due.
pub(super) fn failed_midway(error: &Value) -> CallError {
    let said = said_by(error.to_string().as_bytes()).unwrap_or_else(|| "it gave no reason".to_owned());
    let status = error["code"].as_u64().or_else(|| error["code"].as_str()?.parse().ok()).unwrap_or(0);
    let mut failed = CallError::failed(format!("the service failed while it was answering: {said}"));
    failed.retriable = matches!(status, 408 | 429 | 500..=599);
    failed
}

impl Reply {
    /// Errors: `InvalidOutput` where JSON was asked for and something else came.
    pub(super) fn outcome(
        self,
        config: &Config,
        has_schema: bool,
        sink: &dyn Sink,
    ) -> Result<Outcome, CallError> {
        let reason = self.finish_reason.as_deref().unwrap_or("stop");
        match reason {
            "length" => log(sink, LogLevel::Warn, "the answer was cut off at the model's token limit"),
            "content_filter" => log(sink, LogLevel::Warn, "the service's content filter cut the answer"),
            _ => {}
        }
        let wants_json = config.structured_output == Structured::JsonObject
            || (config.structured_output == Structured::JsonSchema && has_schema);
        if wants_json && self.tool_calls.is_empty() {
            let json = Json::parse(unfenced(&self.text)).map_err(|_| {
                CallError::failed(format!("the model was asked for JSON and wrote something else (it stopped because of \"{reason}\")"))
                    .with_code(Code::InvalidOutput)
            })?;
            return Ok(Outcome { output: json });
        }
        let mut output = json!({ "text": self.text });
        if reason != "stop" {
            output["finish_reason"] = reason.into();
        }
        if !self.tool_calls.is_empty() {
            output["tool_calls"] = self.tool_calls.into();
        }
        Ok(Outcome { output: Json::of(&output) })
    }
}

/// Models like to put JSON between fences.
fn unfenced(text: &str) -> &str {
    let text = text.trim();
    let inside = text.strip_prefix("```json").or_else(|| text.strip_prefix("```"));
    inside.and_then(|it| it.strip_suffix("```")).unwrap_or(text).trim()
}
