//! Agents that run here: a model, the agent's instructions and its output schema. The model is `builtin` for now.
//!
//! The input becomes one message of the user: a JSON string is its text, anything else its JSON. What the builtin
//! model makes of an object (`text`, `question`, `labels` …) is said in `models::builtin`. With an output schema the
//! output is a value of it, without one `{"text": …}`; either way it streams as text.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Abilities, Adapter, Asked, Call, CallError, Check, Estimate, Event, LogLevel, Outcome, Probe, Sink,
    Upstream, Usage,
};
use crate::base::{Code, Invalid, Json, in_words};
use crate::models::builtin::{DESCRIPTION, Task, count_tokens, most_tokens};
use crate::models::{Builtin, Ended, Message, Model, Reply, Request, Role};

pub(super) struct Native;

/// No answer is longer.
const MAX_OUTPUT_TOKENS: u64 = 1_000_000;

#[derive(Deserialize)]
#[serde(default)]
struct Config {
    model: String,
    task: Task,
    max_output_tokens: Option<u64>,
}

impl Default for Config {
    fn default() -> Self {
        Self { model: Builtin::NAME.to_owned(), task: Task::Auto, max_output_tokens: None }
    }
}

impl Config {
    fn read(config: &Value) -> Result<Self, CallError> {
        Config::deserialize(config).map_err(|it| {
            let it = in_words(String::new(), &it.to_string());
            CallError::failed(format!("the config cannot be read: {} {}", it.path, it.message))
                .with_code(Code::InvalidAgentConfig)
        })
    }

    fn model(&self) -> Result<Box<dyn Model>, CallError> {
        match self.model.as_str() {
            Builtin::NAME => Ok(Box::new(Builtin::new(self.task))),
            other => Err(CallError::failed(format!("there is no model {other} here; use builtin"))
                .with_code(Code::InvalidAgentConfig)),
        }
    }
}

#[async_trait]
impl Adapter for Native {
    fn kind(&self) -> &'static str {
        "native"
    }

    fn label(&self) -> &'static str {
        "Native"
    }

    fn summary(&self) -> &'static str {
        "Runs inside this program: a model with your instructions and schemas."
    }

    fn config_schema(&self) -> Value {
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Native agent",
            "type": "object",
            "required": ["model"],
            "additionalProperties": false,
            "properties": {
                "model": {
                    "title": "Model",
                    "description": DESCRIPTION,
                    "type": "string",
                    "enum": [Builtin::NAME],
                    "default": Builtin::NAME,
                },
                "task": {
                    "title": "Task",
                    "description": "What to do with a text. Auto tells from the output schema, the question and the \
                                    instructions; an output schema always decides before this.",
                    "type": "string",
                    "enum": Task::ALL.map(Task::name),
                    "default": Task::Auto.name(),
                    "x-order": 1,
                },
                "max_output_tokens": {
                    "title": "Longest answer",
                    "description": "The answer is cut after so many tokens. With an output schema, an answer that is \
                                    longer fails instead.",
                    "type": "integer",
                    "minimum": 1,
                    "maximum": MAX_OUTPUT_TOKENS,
                    "examples": [2000],
                    "x-unit": "tokens",
                    "x-group": "Advanced",
                    "x-order": 2,
                },
            },
        })
    }

    fn credential_kinds(&self) -> &'static [&'static str] {
        &[]
    }

    fn abilities(&self) -> Abilities {
        Abilities { streams: true, cancels: true, resumes: false }
    }

    /// Its models run in this process.
    fn when_stopped(&self) -> Upstream {
        Upstream::Confirmed
    }

    fn template(&self) -> Value {
        json!({ "model": Builtin::NAME, "task": Task::Auto.name() })
    }

    fn check(&self, config: &Value) -> Vec<Invalid> {
        let wrong = |path: &str, message: String| vec![Invalid { path: path.to_owned(), message }];
        match Config::deserialize(config) {
            Err(error) => vec![in_words(String::new(), &error.to_string())],
            Ok(it) if it.model != Builtin::NAME => {
                wrong("/model", format!("the models here are: {}", Builtin::NAME))
            }
            Ok(it) if it.max_output_tokens.is_some_and(|it| !(1..=MAX_OUTPUT_TOKENS).contains(&it)) => {
                wrong("/max_output_tokens", format!("an answer has 1 to {MAX_OUTPUT_TOKENS} tokens"))
            }
            Ok(_) => Vec::new(),
        }
    }

    async fn probe(&self, call: &Call) -> Probe {
        let started = Instant::now();
        let config = Config::read(&call.config);
        let (settings, model) = match &config {
            Ok(config) => (passed("config", started, "the config can be read"), config.model()),
            Err(error) => (
                failed("config", started, &error.message, "choose the model `builtin`"),
                Err(CallError::failed("the config cannot be read")),
            ),
        };
        let mut checks = vec![settings];
        if let Some(schema) = &call.output_schema {
            checks.push(match jsonschema::validator_for(schema) {
                Ok(_) => passed("output schema", started, "the output schema is a JSON Schema"),
                Err(error) => failed(
                    "output schema",
                    started,
                    &format!("the output schema is no JSON Schema: {error}"),
                    "correct the schema, or leave it out to get text",
                ),
            });
        }
        let asked = Instant::now();
        checks.push(match model {
            Err(error) => failed("model", asked, &error.message, "choose the model `builtin`"),
            Ok(model) => {
                let request = Request {
                    instructions: call.instructions.clone(),
                    output_schema: call.output_schema.clone(),
                    ..Request::of("", "The probe asks for an answer. Anna Meyer sent it on 2 January 2026.")
                };
                match model.answer(request, &|_| {}, &call.stop).await {
                    Ok(reply) => passed(
                        "model",
                        asked,
                        &format!("the model answered in {} tokens", reply.tokens.output),
                    ),
                    Err(error) => failed("model", asked, &error.message, "try again"),
                }
            }
        });
        let ok = checks.iter().all(|it| it.ok);
        let trouble = checks.iter().find(|it| !it.ok).map(|it| it.detail.clone());
        let detail = trouble.unwrap_or_else(|| "the builtin model is ready".to_owned());
        Probe { ok, latency_ms: millis(started), detail, checks }
    }

    /// The builtin model costs nothing, and is told nothing of what was said before.
    fn estimate(&self, asked: &Asked<'_>) -> Estimate {
        let limit = Config::read(asked.config).ok().and_then(|it| it.max_output_tokens);
        let content = content(asked.input);
        let most = most_tokens(&content, asked.output_schema);
        Estimate {
            input_tokens: Some(count_tokens(asked.instructions) + count_tokens(&content)),
            output_tokens: Some(limit.map_or(most, |it| it.min(most))),
            prices: Some((0.0, 0.0)),
        }
    }

    async fn run(&self, call: &Call, sink: &dyn Sink) -> Result<Outcome, CallError> {
        let config = Config::read(&call.config)?;
        let model = config.model()?;
        let request = Request {
            instructions: call.instructions.clone(),
            messages: vec![Message { role: Role::User, content: content(&call.input) }],
            output_schema: call.output_schema.clone(),
            max_output_tokens: config.max_output_tokens,
            temperature: None,
        };
        let deltas = |delta: &str| sink.emit(Event::Text(delta.to_owned()));
        let reply = model.answer(request, &deltas, &call.stop).await.map_err(|it| {
            // It was free all the same.
            sink.emit(Event::Usage(Usage { unpriced_calls: 0, ..Usage::of_unknown_call() }));
            CallError {
                retriable: it.retriable,
                retry_after: it.retry_after,
                ..CallError::failed(it.message).with_code(it.code)
            }
        })?;
        for note in &reply.notes {
            sink.emit(Event::Log { level: LogLevel::Info, message: note.clone() });
        }
        sink.emit(Event::Usage(Usage {
            api_calls: 1,
            input_tokens: reply.tokens.input,
            output_tokens: reply.tokens.output,
            cost_micros: 0,
            cpu_time_ms: reply.cpu_time_ms,
            ..Usage::default()
        }));
        outcome(reply, call.output_schema.as_ref())
    }
}

fn outcome(reply: Reply, schema: Option<&Arc<Value>>) -> Result<Outcome, CallError> {
    if schema.is_some() && reply.ended == Ended::Length {
        return Err(CallError::failed("the answer is longer than max_output_tokens allows")
            .with_code(Code::InvalidOutput)
            .detail("output_tokens", reply.tokens.output));
    }
    let output = match reply.json {
        Some(_) => Json::parse(&reply.text)
            .map_err(|it| CallError::failed(it.message().to_owned()).with_code(Code::InvalidOutput))?,
        None => Json::of(&json!({ "text": reply.text })),
    };
    Ok(Outcome { output })
}

/// A JSON string is its text.
fn content(input: &Json) -> String {
    match serde_json::from_str::<String>(input.as_str()) {
        Ok(text) => text,
        Err(_) => input.as_str().to_owned(),
    }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn passed(name: &str, since: Instant, detail: &str) -> Check {
    Check {
        name: name.to_owned(),
        ok: true,
        duration_ms: millis(since),
        detail: detail.to_owned(),
        remedy: None,
    }
}

fn failed(name: &str, since: Instant, detail: &str, remedy: &str) -> Check {
    let remedy = Some(remedy.to_owned());
    Check { name: name.to_owned(), ok: false, duration_ms: millis(since), detail: detail.to_owned(), remedy }
}

#[cfg(test)]
mod tests;
