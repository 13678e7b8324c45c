//! Any HTTP endpoint as an agent: what goes there, what comes back, and what of it is the answer.
//!
//! What a far end answers in text becomes `{"text": …}`, nothing becomes `null`, JSON stays as it is. A stream's
//! answer is its text put together as `{"text": …}`, or the list of its pieces where they are no text.
//! Redirects are never followed: a far end that moved is a config to correct.

mod answer;
mod config;
mod outgoing;
mod schema;
mod stream;

use async_trait::async_trait;
use http::StatusCode;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::http::{Steps, fixed_part, is_json, refused, request, secrets};
use super::{Abilities, Adapter, Call, CallError, Callback, Event, Outcome, Probe, Sink, Usage};
use crate::base::{Code, Invalid, Json, in_words};
use crate::infra::egress::{Request, parse_url};
use answer::Answer;
use config::{Config, Reply, Stream};

pub(super) struct Webhook;

#[async_trait]
impl Adapter for Webhook {
    fn kind(&self) -> &'static str {
        "webhook"
    }

    fn label(&self) -> &'static str {
        "Webhook"
    }

    fn summary(&self) -> &'static str {
        "Any HTTP endpoint: an n8n, Make or Zapier workflow, a function, a service of your own."
    }

    fn config_schema(&self) -> Value {
        schema::schema()
    }

    fn credential_kinds(&self) -> &'static [&'static str] {
        &["bearer", "api_key", "basic_auth", "header", "webhook"]
    }

    fn abilities(&self) -> Abilities {
        Abilities { streams: true, cancels: false, resumes: false }
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
        let config = match Config::read(&call.config) {
            Ok(config) => config,
            Err(error) => {
                steps.add("config", false, Default::default(), error.to_string(), Some("correct the config"));
                return steps.finish("");
            }
        };
        if steps.reach(call, fixed_part(&config.url)).await {
            probe_credentials(call, &config, &mut steps);
        }
        match config.health_url.as_deref().filter(|_| steps.all_ok()) {
            Some(health_url) => {
                probe_health(call, &config, health_url, &mut steps).await;
                steps.finish("the far end answers and is healthy")
            }
            None => steps.finish(
                "the far end can be reached; it was not called, because a call would start its work. A health address in the config makes a test say more",
            ),
        }
    }

    async fn run(&self, call: &Call, sink: &dyn Sink) -> Result<Outcome, CallError> {
        let config = Config::read(&call.config)
            .map_err(|it| CallError::failed(it.to_string()).with_code(Code::InvalidAgentConfig))?;
        let started = Instant::now();
        let callback = match config.reply {
            Reply::Sync => None,
            Reply::Callback => Some(call.callbacks.open().map_err(|it| {
                CallError::failed(format!("no callback address: {}", it.message())).with_code(it.code())
            })?),
        };
        let request = outgoing::build(call, &config, callback.as_ref().map(|it| it.url.as_str())).await?;
        let response = call.egress.send(&call.caller, request).await?;
        sink.emit(Event::Usage(Usage::of_unknown_call()));
        if !config.succeeds(response.status) {
            return Err(refused(response, None).await);
        }
        let answer = match (callback, config.stream) {
            (Some(callback), _) => {
                let deadline = started + config.limit(call);
                Answer { body: wait(call, callback, deadline).await?, ..Answer::head_of(&response) }
            }
            (None, Stream::None) => Answer::read(response).await?,
            (None, kind) => stream::read(response, kind, &config, sink).await?,
        };
        answer.outcome(&config).await
    }
}

/// What the far end leaves at the callback address.
async fn wait(call: &Call, callback: Callback, deadline: Instant) -> Result<Json, CallError> {
    let late = || {
        CallError::failed("the far end took the work and left no answer at the callback address in time")
            .with_code(Code::ExecutionTimeout)
    };
    tokio::select! {
        () = call.stop.cancelled() => {
            Err(CallError::failed("the call was stopped").with_code(Code::ExecutionCancelled))
        }
        answer = timeout_at(deadline, callback.answer) => match answer {
            Err(_) => Err(late()),
            Ok(Err(_)) => Err(CallError::temporary("the callback address was closed before an answer came")),
            Ok(Ok(answer)) => Ok(answer),
        }
    }
}

fn probe_credentials(call: &Call, config: &Config, steps: &mut Steps) {
    let checked =
        config.api_key_header().and_then(|it| secrets(call, &it)).and_then(|_| outgoing::check_signing(call));
    match checked {
        Ok(()) if call.credentials.is_empty() => {}
        Ok(()) => steps.add("credential", true, Default::default(), "the credential is complete", None),
        Err(error) => {
            steps.add("credential", false, Default::default(), error.message, Some("correct the credential"))
        }
    }
}

async fn probe_health(call: &Call, config: &Config, health_url: &str, steps: &mut Steps) {
    let started = Instant::now();
    let asked = async {
        let mut get = request(call, Request::get(parse_url(health_url)?), config.timeout_ms);
        get.secrets = secrets(call, &config.api_key_header()?)?;
        let response = call.egress.send(&call.caller, get).await?;
        if response.status.is_success() { Ok(response.status) } else { Err(refused(response, None).await) }
    };
    match asked.await {
        Ok(status) => steps.add("answer", true, started.elapsed(), format!("it answered {status}"), None),
        Err(error) => {
            let status = error.details.get("status").and_then(Value::as_u64);
            let is_auth = matches!(status, Some(401 | 403));
            let (name, remedy) = if is_auth {
                ("authentication", "check the credential")
            } else {
                ("answer", "look at the far end's own log")
            };
            steps.add(name, false, started.elapsed(), error.message, Some(remedy));
        }
    }
}

impl Answer {
    async fn read(response: crate::infra::egress::Response) -> Result<Self, CallError> {
        let (head, is_declared_json) = (Self::head_of(&response), is_json(&response));
        let bytes = response.bytes().await?;
        let body = if head.status == StatusCode::NO_CONTENT {
            Json::null()
        } else {
            super::http::body_as_json(&bytes, is_declared_json)?
        };
        Ok(Self { body, ..head })
    }
}
