//! A runnable of LangChain behind LangServe. The shapes of its endpoints are those that langserve 0.3.3 was seen to
//! have.
//!
//! LangServe has no call that stops a run. It stops one whose stream nobody reads any more; one that was asked for in
//! one piece (`"answer": "whole"`) goes on to its end.
//!
//! A text becomes `{"text": …}`, a message its text (with `tool_calls` where it has any); other JSON stays as it is.

mod config;
mod discover;
mod pieces;
mod schema;
mod stream;

use async_trait::async_trait;
use http::header::{ACCEPT, HeaderValue};
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use url::Url;

use super::http::{Steps, json_type, refused};
use super::{Abilities, Adapter, Call, CallError, Event, Found, Outcome, Probe, Sink, Upstream};
use super::{headers, messages};
use crate::base::{Code, Invalid, Json, in_words};
use crate::infra::egress::{Request, Response};
use config::{Answer, Config, Takes};
use stream::Reading;

/// Where the reason of a failure is: never in the answer.
const REASON_IS_THERE: &str = "LangServe keeps the reason to itself; its own log has it";

pub(super) struct LangChain;

#[async_trait]
impl Adapter for LangChain {
    fn kind(&self) -> &'static str {
        "langchain"
    }

    fn label(&self) -> &'static str {
        "LangChain"
    }

    fn summary(&self) -> &'static str {
        "A chain or another runnable of LangChain that LangServe serves."
    }

    fn config_schema(&self) -> Value {
        schema::schema()
    }

    fn credential_kinds(&self) -> &'static [&'static str] {
        &["api_key", "bearer", "basic_auth", "header"]
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
                if steps.reach(call, &config.url).await {
                    probe_schema(call, &config, &mut steps).await;
                }
            }
            Err(error) => {
                steps.add("config", false, Default::default(), error.to_string(), Some("correct the config"))
            }
        }
        steps.finish("LangServe answers, takes the credential and has the runnable")
    }

    async fn discover(&self, call: &Call, address: &Url) -> Result<Vec<Found>, CallError> {
        discover::runnables(call, address).await
    }

    fn takes_history(&self) -> bool {
        true
    }

    async fn run(&self, call: &Call, sink: &dyn Sink) -> Result<Outcome, CallError> {
        let config = Config::read(&call.config)
            .map_err(|it| CallError::failed(it.to_string()).with_code(Code::InvalidAgentConfig))?;
        let asked = ask(call, &config, sink).await;
        if config.answer == Answer::Whole && call.stop.is_cancelled() {
            sink.emit(Event::Stopped(Upstream::Unknown));
        }
        Ok(Outcome { output: Json::of(&pieces::result(asked?)) })
    }
}

async fn ask(call: &Call, config: &Config, sink: &dyn Sink) -> Result<Value, CallError> {
    let post = Request::post(config.endpoint(config.answer.endpoint())?, body(call, config));
    let mut post = prepared(call, config, post)?;
    json_type(&mut post.headers);
    if config.answer != Answer::Whole {
        post.headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
    }
    let response = call.egress.send(&call.caller, post).await?;
    if !response.status.is_success() {
        return Err(explain(response, call).await);
    }
    let mut reading = Reading::new(sink);
    let (whole, tokens) = match config.answer {
        Answer::Stream => (reading.pieces(response).await, reading.tokens),
        Answer::Events => (reading.events(response).await, reading.tokens),
        Answer::Whole => {
            let whole = in_one_piece(response).await;
            let tokens = whole.as_ref().ok().and_then(pieces::usage_of);
            (whole, tokens)
        }
    };
    sink.emit(Event::Usage(pieces::usage(tokens)));
    whole
}

async fn in_one_piece(response: Response) -> Result<Value, CallError> {
    let answer: Value = serde_json::from_slice(&response.bytes().await?).unwrap_or_default();
    match answer {
        Value::Object(mut fields) if fields.contains_key("output") => {
            Ok(fields.remove("output").unwrap_or_default())
        }
        _ => Err(CallError::failed("what answers is no LangServe: there is no output in its answer")),
    }
}

fn prepared(call: &Call, config: &Config, what: Request) -> Result<Request, CallError> {
    headers::prepared(call, what, &config.headers, &config.api_key_header(), config.timeout_ms)
}

fn body(call: &Call, config: &Config) -> Vec<u8> {
    let input = match config.takes {
        Takes::Json => call.input.to_value(),
        Takes::Text => messages::text_of(&call.input).into(),
        Takes::Messages => said(call),
    };
    let mut body = json!({ "input": input });
    let mut configurable: Map<String, Value> = config.configurable.clone();
    if let (Some(key), Some(session)) = (&config.session_key, &call.session_id) {
        configurable.insert(key.clone(), session.as_str().into());
    }
    if !configurable.is_empty() {
        body["config"] = json!({ "configurable": configurable });
    }
    serde_json::to_vec(&body).unwrap_or_default()
}

/// The conversation in LangChain's words: `{type, content}`.
fn said(call: &Call) -> Value {
    let system = Some(call.instructions.as_str()).filter(|it| !it.trim().is_empty());
    let mut messages = messages::of(&call.input, &call.history, system);
    for message in messages.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        let role = message.remove("role").unwrap_or_default();
        let kind = match role.as_str() {
            Some("user") => "human",
            Some("assistant") => "ai",
            Some("developer") => "system",
            Some(other) => other,
            None => "human",
        };
        message.insert("type".to_owned(), kind.into());
    }
    messages
}

/// What an error status means at LangServe.
async fn explain(response: Response, call: &Call) -> CallError {
    let status = response.status.as_u16();
    let hint = match status {
        401 | 403 if call.credentials.is_empty() => {
            "its operator asks for a key; give the agent a credential"
        }
        401 | 403 => "the key is wrong, or goes in another header: see the agent's advanced settings",
        404 => "no runnable is mounted at this address",
        422 => "the runnable takes another input; see what the config says it takes",
        500 => REASON_IS_THERE,
        _ => "",
    };
    let mut error = refused(response, Some(hint).filter(|it| !it.is_empty())).await;
    match status {
        401 | 403 => error.code = Code::CredentialInvalid,
        422 => error.code = Code::InvalidInput,
        _ => {}
    }
    error
}

/// Asks what the runnable takes: needs the key, and runs nothing.
async fn probe_schema(call: &Call, config: &Config, steps: &mut Steps) {
    let started = Instant::now();
    let asked = async {
        let get = prepared(call, config, Request::get(config.endpoint("input_schema")?))?;
        let response = call.egress.send(&call.caller, get).await?;
        if !response.status.is_success() {
            return Err(explain(response, call).await);
        }
        Ok(response.bytes().await?)
    };
    let bytes = match asked.await {
        Ok(bytes) => bytes,
        Err(error) => {
            let (name, remedy) = match error.code {
                Code::CredentialInvalid => ("authentication", "check the credential"),
                _ => ("runnable", "check the address: it ends where the runnable is mounted"),
            };
            return steps.add(name, false, started.elapsed(), error.message, Some(remedy));
        }
    };
    steps.add("authentication", true, started.elapsed(), "LangServe took the request", None);
    let schema = serde_json::from_slice::<Value>(&bytes).ok().filter(Value::is_object);
    match schema {
        Some(schema) => {
            let title = schema["title"].as_str().unwrap_or("no name");
            let detail = format!("the runnable says what it takes ({title})");
            steps.add("runnable", true, Default::default(), detail, None);
        }
        None => steps.add(
            "runnable",
            false,
            Default::default(),
            "what answers is no LangServe",
            Some("check the address: it ends where the runnable is mounted"),
        ),
    }
}
