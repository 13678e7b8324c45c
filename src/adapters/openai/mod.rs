//! Any service that speaks OpenAI's chat completions: OpenAI, LiteLLM, vLLM, llama.cpp, LM Studio, Ollama's `/v1`.
//!
//! The input is a text, `{"text": …}` (or `prompt`, `question`, `message`), or `{"messages": […]}`; any other JSON
//! is given to the model as JSON. The result is `{"text": …}`, with `finish_reason` where it is not `stop` and
//! `tool_calls` where the model asked for any; with structured output it is the JSON that the model wrote.

mod answer;
mod config;
mod schema;
mod stream;

use async_trait::async_trait;
use http::StatusCode;
use http::header::{ACCEPT, HeaderValue};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::estimate::{USUAL_OUTPUT_TOKENS, tokens_in};
use super::http::{Steps, is_json, json_type, refused};
use super::{Abilities, Adapter, Asked, Call, CallError, Estimate, Event, Outcome, Probe, Sink, Usage};
use super::{headers, messages};
use crate::base::{Code, Invalid, in_words};
use crate::infra::egress::{Request, Response, parse_url};
use answer::{Completion, Reply};
use config::{Config, Structured};

pub(super) struct OpenAi;

#[async_trait]
impl Adapter for OpenAi {
    fn kind(&self) -> &'static str {
        "openai"
    }

    fn label(&self) -> &'static str {
        "OpenAI-compatible model"
    }

    fn summary(&self) -> &'static str {
        "A model behind a chat completions endpoint: OpenAI, LiteLLM, vLLM, llama.cpp, LM Studio, Ollama."
    }

    fn config_schema(&self) -> Value {
        schema::schema()
    }

    fn credential_kinds(&self) -> &'static [&'static str] {
        &["bearer", "api_key"]
    }

    fn abilities(&self) -> Abilities {
        Abilities { streams: true, cancels: true, resumes: false }
    }

    fn template(&self) -> Value {
        schema::template()
    }

    fn check(&self, config: &Value) -> Vec<Invalid> {
        match Config::read(config) {
            Ok(config) => config.check(),
            Err(error) => vec![in_words(String::new(), &error.to_string())],
        }
    }

    async fn probe(&self, call: &Call) -> Probe {
        let mut steps = Steps::new();
        match Config::read(&call.config) {
            Ok(config) => {
                if steps.reach(call, &config.base_url).await {
                    probe_models(call, &config, &mut steps).await;
                }
            }
            Err(error) => {
                steps.add("config", false, Default::default(), error.to_string(), Some("correct the config"))
            }
        }
        steps.finish("the service answers, takes the credential and has the model")
    }

    fn estimate(&self, asked: &Asked<'_>) -> Estimate {
        let Ok(config) = Config::read(asked.config) else { return Estimate::default() };
        let messages =
            messages::of(asked.input, asked.history, system(&config, asked.instructions)).to_string();
        Estimate {
            input_tokens: Some(tokens_in(messages.len() as u64)),
            output_tokens: Some(config.most_tokens().unwrap_or(USUAL_OUTPUT_TOKENS)),
            prices: config.prices(),
        }
    }

    fn takes_history(&self) -> bool {
        true
    }

    async fn run(&self, call: &Call, sink: &dyn Sink) -> Result<Outcome, CallError> {
        let config = Config::read(&call.config)
            .map_err(|it| CallError::failed(it.to_string()).with_code(Code::InvalidAgentConfig))?;
        let mut post = prepared(
            call,
            &config,
            Request::post(config.endpoint("chat/completions")?, body(call, &config)),
        )?;
        json_type(&mut post.headers);
        if config.stream {
            post.headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        }
        let response = call.egress.send(&call.caller, post).await?;
        if !response.status.is_success() {
            return Err(explain(response, &config, call).await);
        }
        // A service that does not stream answers in one piece, whatever it was asked.
        let reply = if config.stream && !is_json(&response) {
            stream::read(response, sink).await?
        } else {
            let reply = Completion::parse(&response.bytes().await?)?.into_reply()?;
            sink.emit(Event::Text(reply.text.clone()));
            reply
        };
        sink.emit(Event::Usage(usage(&reply, &config)));
        reply.outcome(&config, call.output_schema.is_some(), sink)
    }
}

fn prepared(call: &Call, config: &Config, what: Request) -> Result<Request, CallError> {
    headers::prepared(call, what, &config.headers, &config.api_key_header(), config.timeout_ms)
}

/// The agent's own instructions go before the config's.
fn system<'a>(config: &'a Config, instructions: &'a str) -> Option<&'a str> {
    if instructions.trim().is_empty() { config.system.as_deref() } else { Some(instructions) }
}

fn body(call: &Call, config: &Config) -> Vec<u8> {
    let mut body: Map<String, Value> = config.extra.clone();
    body.insert("model".to_owned(), config.model.as_str().into());
    let system = system(config, &call.instructions);
    body.insert("messages".to_owned(), messages::of(&call.input, &call.history, system));
    for (name, value) in [
        ("temperature", config.temperature.map(Value::from)),
        ("max_tokens", config.max_tokens.map(Value::from)),
    ] {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    }
    if config.stream {
        body.insert("stream".to_owned(), true.into());
        if config.include_usage {
            body.insert("stream_options".to_owned(), json!({ "include_usage": true }));
        }
    }
    match (config.structured_output, &call.output_schema) {
        (Structured::JsonSchema, Some(schema)) => {
            let format = json!({"type": "json_schema", "json_schema": {"name": "result", "schema": **schema, "strict": config.strict_schema}});
            body.insert("response_format".to_owned(), format);
        }
        (Structured::JsonObject, _) | (Structured::JsonSchema, None) => {
            body.insert("response_format".to_owned(), json!({"type": "json_object"}));
        }
        (Structured::None, _) => {}
    }
    serde_json::to_vec(&body).unwrap_or_default()
}

fn usage(reply: &Reply, config: &Config) -> Usage {
    let Some((input_tokens, output_tokens)) = reply.tokens else {
        let is_free = config.prices() == Some((0.0, 0.0));
        return Usage { unpriced_calls: u64::from(!is_free), ..Usage::of_unknown_call() };
    };
    Usage {
        api_calls: 1,
        input_tokens,
        output_tokens,
        cost_micros: config.cost_micros(input_tokens, output_tokens),
        unpriced_calls: u64::from(config.prices().is_none()),
        ..Usage::default()
    }
}

/// What an error status means at a model service.
async fn explain(response: Response, config: &Config, call: &Call) -> CallError {
    let status = response.status;
    let hint = match status.as_u16() {
        401 | 403 if call.credentials.is_empty() => {
            Some("the service wants a key; give the agent a credential".to_owned())
        }
        401 | 403 => Some("the key is wrong, expired, or may not use this model".to_owned()),
        404 => {
            Some(format!("is the model {} known there, and does the base address end in /v1?", config.model))
        }
        400 | 422 => Some(format!(
            "it does not take this request; check the model name {} and the advanced settings",
            config.model
        )),
        413 => Some("the input is too long for this model".to_owned()),
        429 => Some("too many requests, or the account has no credit left".to_owned()),
        500..=599 => Some("the service has a problem of its own".to_owned()),
        _ => None,
    };
    let mut error = refused(response, hint.as_deref()).await;
    // Nothing is left behind by a completion that failed, so asking again is safe where it may help.
    error.retriable = error.retriable || status == StatusCode::INTERNAL_SERVER_ERROR;
    if matches!(status.as_u16(), 401 | 403) {
        error.code = Code::CredentialInvalid;
    }
    error
}

/// Asks for the list of models: takes the key, costs nothing.
async fn probe_models(call: &Call, config: &Config, steps: &mut Steps) {
    let started = Instant::now();
    let asked = async {
        let get = prepared(call, config, Request::get(config.endpoint("models")?))?;
        let response = call.egress.send(&call.caller, get).await?;
        if !response.status.is_success() {
            return Err(explain(response, config, call).await);
        }
        Ok(response.bytes().await?)
    };
    let listed = match asked.await {
        Ok(listed) => listed,
        Err(error) => {
            let (name, remedy) = match error.code {
                Code::CredentialInvalid => ("authentication", "check the credential"),
                _ => ("answer", "check the base address; it usually ends in /v1"),
            };
            return steps.add(name, false, started.elapsed(), error.message, Some(remedy));
        }
    };
    steps.add("authentication", true, started.elapsed(), "the service took the request", None);
    let names: Option<Vec<String>> = serde_json::from_slice::<Value>(&listed).ok().and_then(|it| {
        let models = it.get("data")?.as_array()?;
        Some(models.iter().filter_map(|it| it["id"].as_str().map(str::to_owned)).collect())
    });
    match names {
        Some(names) if names.contains(&config.model) => {
            steps.add("model", true, Default::default(), format!("{} is there", config.model), None);
        }
        // Some services list nothing, or only what they have loaded.
        Some(names) if names.is_empty() => {
            steps.add(
                "model",
                true,
                Default::default(),
                "the service lists no models; the first run will tell",
                None,
            );
        }
        Some(names) => {
            let some: Vec<&str> = names.iter().take(8).map(String::as_str).collect();
            let detail = format!("no model {} there; it has {}", config.model, some.join(", "));
            steps.add(
                "model",
                false,
                Default::default(),
                detail,
                Some("choose one of the models that are there"),
            );
        }
        None => steps.add(
            "answer",
            false,
            started.elapsed(),
            "what answers is no OpenAI-compatible service",
            Some("check the base address; it usually ends in /v1"),
        ),
    }
}

/// The base address with a path behind it.
impl Config {
    fn endpoint(&self, path: &str) -> Result<url::Url, CallError> {
        Ok(parse_url(&format!("{}/{path}", self.base_url.trim_end_matches('/')))?)
    }
}
