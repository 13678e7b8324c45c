//! The config of a runnable behind LangServe.

use std::collections::BTreeMap;

use http::HeaderName;
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use crate::adapters::{CallError, headers};
use crate::base::Invalid;
use crate::infra::egress::parse_url;

/// What people copy along with a runnable's address: its endpoints and its playground.
const ENDPOINTS: [&str; 9] = [
    "invoke",
    "batch",
    "stream",
    "stream_events",
    "stream_log",
    "input_schema",
    "output_schema",
    "config_schema",
    "playground",
];
/// What operators of LangServe commonly ask for.
pub(super) const DEFAULT_KEY_HEADER: HeaderName = HeaderName::from_static("x-api-key");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    pub(super) url: String,
    #[serde(default)]
    pub(super) takes: Takes,
    #[serde(default)]
    pub(super) answer: Answer,
    #[serde(default)]
    pub(super) configurable: Map<String, Value>,
    pub(super) session_key: Option<String>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    api_key_header: Option<String>,
    pub(super) timeout_ms: Option<u64>,
}

/// In which shape the runnable takes the input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Takes {
    #[default]
    Json,
    Text,
    Messages,
}

/// Which of its endpoints is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    #[default]
    Stream,
    Events,
    Whole,
}

impl Answer {
    pub(super) fn endpoint(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Events => "stream_events",
            Self::Whole => "invoke",
        }
    }
}

impl Config {
    pub(super) fn read(config: &Value) -> Result<Self, serde_json::Error> {
        let mut config = Self::deserialize(config)?;
        config.session_key.take_if(|it| it.trim().is_empty());
        config.api_key_header.take_if(|it| it.trim().is_empty());
        Ok(config)
    }

    pub(super) fn endpoint(&self, name: &str) -> Result<Url, CallError> {
        Ok(parse_url(&format!("{}/{name}", self.url.trim_end_matches('/')))?)
    }

    pub(super) fn api_key_header(&self) -> HeaderName {
        headers::key_header(self.api_key_header.as_deref(), DEFAULT_KEY_HEADER)
    }

    pub(super) fn check(&self) -> Vec<Invalid> {
        let mut found = Vec::new();
        let mut add = |path: &str, message: String| found.push(Invalid { path: path.to_owned(), message });
        match parse_url(&self.url) {
            Err(error) => add("/url", error.message),
            Ok(url) if url.query().is_some() || url.fragment().is_some() => {
                add(
                    "/url",
                    "the address of a runnable has no query: as in https://chains.example.com/echo"
                        .to_owned(),
                );
            }
            Ok(url) => {
                let last = url.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
                if ENDPOINTS.contains(&last) {
                    add("/url", format!("leave out /{last}: the address of the runnable ends before it"));
                }
            }
        }
        if let Some(key) = self.session_key.as_ref().filter(|it| self.configurable.contains_key(*it)) {
            add("/session_key", format!("{key} has a value of its own under configurable"));
        }
        found.extend(headers::wrong(&self.headers, self.api_key_header.as_deref()));
        found
    }
}
