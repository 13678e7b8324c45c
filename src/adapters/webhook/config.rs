//! A webhook agent's config, and what the schema cannot say about it.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::super::http::fixed_part;
use super::super::{Call, CallError};
use crate::adapters::mapping::{self, MappingError};
use crate::base::{Code, Invalid};
use crate::infra::egress::parse_url;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    pub(super) url: String,
    #[serde(default)]
    pub(super) method: Verb,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) query: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) body_format: BodyFormat,
    pub(super) request: Option<Value>,
    pub(super) response: Option<Value>,
    #[serde(default)]
    success_statuses: Vec<String>,
    pub(super) success_when: Option<String>,
    pub(super) error_message: Option<String>,
    #[serde(default)]
    pub(super) reply: Reply,
    pub(super) callback_header: Option<String>,
    pub(super) callback_field: Option<String>,
    #[serde(default)]
    pub(super) stream: Stream,
    pub(super) stream_text: Option<String>,
    api_key_header: Option<String>,
    pub(super) timeout_ms: Option<u64>,
    pub(super) health_url: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Verb {
    Get,
    #[default]
    Post,
    Put,
    Patch,
    Delete,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum BodyFormat {
    #[default]
    Json,
    Form,
    Text,
    None,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    #[default]
    Sync,
    Callback,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stream {
    #[default]
    None,
    Sse,
    Ndjson,
}

impl Verb {
    pub(super) fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
            Self::Patch => Method::PATCH,
            Self::Delete => Method::DELETE,
        }
    }

    pub(super) fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }
}

/// Set by the program, or steering the connection.
const RESERVED_HEADERS: [&str; 8] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "accept-encoding",
    "idempotency-key",
    "traceparent",
    "upgrade",
];

impl Config {
    pub(super) fn read(config: &Value) -> Result<Self, serde_json::Error> {
        let mut config = Self::deserialize(config)?;
        // A form sends what was left empty as empty text.
        for optional in [
            &mut config.success_when,
            &mut config.error_message,
            &mut config.callback_header,
            &mut config.callback_field,
            &mut config.stream_text,
            &mut config.api_key_header,
            &mut config.health_url,
        ] {
            optional.take_if(|it| it.trim().is_empty());
        }
        for mapping in [&mut config.request, &mut config.response] {
            mapping.take_if(|it| it.is_null() || it.as_str().is_some_and(|it| it.trim().is_empty()));
        }
        if config.reply == Reply::Callback
            && config.callback_header.is_none()
            && config.callback_field.is_none()
        {
            config.callback_header = Some("X-Callback-Url".to_owned());
        }
        Ok(config)
    }

    /// Time for this attempt.
    pub(super) fn limit(&self, call: &Call) -> Duration {
        self.timeout_ms.map_or(call.timeout, Duration::from_millis).min(call.timeout)
    }

    /// Whether the input has to be taken apart for this config.
    pub(super) fn looks_at_input(&self) -> bool {
        self.request.is_some()
            || self.body_format == BodyFormat::Form
            || self.body_format == BodyFormat::Text
            || std::iter::once(&self.url)
                .chain(self.headers.values())
                .chain(self.query.values())
                .any(|it| mapping::is_template(it))
    }

    pub(super) fn succeeds(&self, status: StatusCode) -> bool {
        if self.success_statuses.is_empty() {
            return status.is_success();
        }
        self.success_statuses.iter().any(|it| status_matches(it, status.as_u16()))
    }

    pub(super) fn api_key_header(&self) -> Result<HeaderName, CallError> {
        let name = self.api_key_header.as_deref().unwrap_or("X-API-Key");
        HeaderName::try_from(name).map_err(|_| {
            CallError::failed(format!("\"{name}\" is not the name of a header"))
                .with_code(Code::InvalidAgentConfig)
        })
    }

    pub(super) fn check(&self) -> Vec<Invalid> {
        let mut found = Findings(Vec::new());
        found.url(&self.url);
        for (name, value) in &self.headers {
            found.header(name, value);
        }
        for (name, value) in &self.query {
            found.mapping(&format!("/query/{}", pointer(name)), mapping::check_template(value));
        }
        for (path, mapping) in [("/request", &self.request), ("/response", &self.response)] {
            found.mapping(path, mapping.as_ref().map_or(Ok(()), mapping::check));
        }
        for (path, expression) in [
            ("/success_when", &self.success_when),
            ("/error_message", &self.error_message),
            ("/stream_text", &self.stream_text),
        ] {
            let checked = expression.as_deref().map_or(Ok(()), |it| mapping::check(&Value::from(it)));
            found.mapping(path, checked);
        }
        for (at, status) in self.success_statuses.iter().enumerate() {
            let is_class = status.len() == 3
                && matches!(status.as_bytes()[0], b'1'..=b'5')
                && (status[1..].eq_ignore_ascii_case("xx")
                    || status[1..].bytes().all(|it| it.is_ascii_digit()));
            if !is_class {
                found.add(
                    &format!("/success_statuses/{at}"),
                    "a status is written as in 200, or as a class as in 2xx",
                );
            }
        }
        if let Some(name) = self.callback_header.as_deref().filter(|it| HeaderName::try_from(*it).is_err()) {
            found.add("/callback_header", format!("\"{name}\" is not the name of a header"));
        }
        if self.callback_field.is_some() && (!self.method.has_body() || self.body_format != BodyFormat::Json)
        {
            found.add(
                "/callback_field",
                "a field for the callback address needs a JSON body (POST, PUT or PATCH)",
            );
        }
        if let Err(error) = self.api_key_header() {
            found.add("/api_key_header", error.message);
        }
        if self.reply == Reply::Callback && self.stream != Stream::None {
            found.add("/stream", "an answer that comes by callback does not stream; choose none");
        }
        if let Some(Err(error)) = self.health_url.as_deref().map(parse_url) {
            found.add("/health_url", error.message);
        }
        if self.timeout_ms.is_some_and(|it| it == 0) {
            found.add("/timeout_ms", "a time limit is at least 1 ms");
        }
        found.0
    }
}

struct Findings(Vec<Invalid>);

impl Findings {
    fn add(&mut self, path: &str, message: impl Into<String>) {
        self.0.push(Invalid { path: path.to_owned(), message: message.into() });
    }

    fn mapping(&mut self, path: &str, checked: Result<(), MappingError>) {
        if let Err(error) = checked {
            self.add(path, error.0);
        }
    }

    fn url(&mut self, url: &str) {
        self.mapping("/url", mapping::check_template(url));
        let fixed = fixed_part(url);
        let authority_ends = fixed.split_once("://").is_some_and(|(_, it)| it.contains(['/', '?', '#']));
        if mapping::is_template(url) && !authority_ends {
            self.add("/url", "the host is written out; {{ }} may stand in the path and the query");
        } else if let Err(error) = parse_url(fixed) {
            self.add("/url", error.message);
        }
    }

    fn header(&mut self, name: &str, value: &str) {
        let path = format!("/headers/{}", pointer(name));
        if HeaderName::try_from(name).is_err() {
            self.add(&path, format!("\"{name}\" is not the name of a header"));
        } else if RESERVED_HEADERS.iter().any(|it| name.eq_ignore_ascii_case(it)) {
            self.add(&path, format!("{name} is set by the program"));
        } else if name.eq_ignore_ascii_case("authorization") {
            self.add(&path, "put a secret into a credential, where it is kept encrypted");
        }
        if !mapping::is_template(value) && HeaderValue::try_from(value).is_err() {
            self.add(&path, "a header is one line of plain text");
        }
        self.mapping(&path, mapping::check_template(value));
    }
}

/// A name as a part of a JSON Pointer.
fn pointer(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn status_matches(pattern: &str, status: u16) -> bool {
    let status = status.to_string();
    pattern.len() == status.len()
        && pattern
            .bytes()
            .zip(status.bytes())
            .all(|(want, is)| want == is || want.eq_ignore_ascii_case(&b'x'))
}
