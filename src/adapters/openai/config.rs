//! The config of an OpenAI-compatible model.

use std::collections::BTreeMap;

use http::HeaderName;
use http::header::AUTHORIZATION;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::adapters::headers;
use crate::base::Invalid;
use crate::infra::egress::parse_url;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    pub(super) base_url: String,
    pub(super) model: String,
    pub(super) system: Option<String>,
    pub(super) temperature: Option<f64>,
    pub(super) max_tokens: Option<u64>,
    #[serde(default = "yes")]
    pub(super) stream: bool,
    #[serde(default)]
    pub(super) structured_output: Structured,
    #[serde(default)]
    pub(super) strict_schema: bool,
    /// In the currency's units per million tokens, which are millionths per token; none where nobody has said it.
    input_price: Option<f64>,
    output_price: Option<f64>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) extra: Map<String, Value>,
    #[serde(default = "yes")]
    pub(super) include_usage: bool,
    api_key_header: Option<String>,
    pub(super) timeout_ms: Option<u64>,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Structured {
    #[default]
    None,
    JsonSchema,
    JsonObject,
}

/// What the program puts into the request itself.
const OWN_FIELDS: [&str; 8] =
    ["model", "messages", "stream", "stream_options", "response_format", "temperature", "max_tokens", "n"];

impl Config {
    pub(super) fn read(config: &Value) -> Result<Self, serde_json::Error> {
        let mut config = Self::deserialize(config)?;
        config.system.take_if(|it| it.trim().is_empty());
        config.api_key_header.take_if(|it| it.trim().is_empty());
        Ok(config)
    }

    pub(super) fn api_key_header(&self) -> HeaderName {
        headers::key_header(self.api_key_header.as_deref(), AUTHORIZATION)
    }

    pub(super) fn cost_micros(&self, input_tokens: u64, output_tokens: u64) -> i64 {
        let (input, output) = self.prices().unwrap_or_default();
        // Saturates: a price or a count that absurd is a limit, not an overflow.
        (input_tokens as f64 * input + output_tokens as f64 * output).round() as i64
    }

    /// In, out. One that is given alone stands beside a price of nothing.
    pub(super) fn prices(&self) -> Option<(f64, f64)> {
        let any = self.input_price.or(self.output_price);
        any.map(|_| (self.input_price.unwrap_or(0.0), self.output_price.unwrap_or(0.0)))
    }

    /// The longest answer that was asked for, under either of its names.
    pub(super) fn most_tokens(&self) -> Option<u64> {
        let other = || self.extra.get("max_completion_tokens").and_then(Value::as_u64);
        self.max_tokens.or_else(other)
    }

    pub(super) fn check(&self) -> Vec<Invalid> {
        let mut found = Vec::new();
        let mut add = |path: &str, message: String| found.push(Invalid { path: path.to_owned(), message });
        match parse_url(&self.base_url) {
            Err(error) => add("/base_url", error.message),
            Ok(url) if url.query().is_some() || url.fragment().is_some() => {
                add(
                    "/base_url",
                    "a base address has no query: write it as in https://api.openai.com/v1".to_owned(),
                );
            }
            Ok(url) if url.path().ends_with("/chat/completions") => {
                add("/base_url", "leave out /chat/completions: the base address ends before it".to_owned());
            }
            Ok(_) => {}
        }
        if self.model.trim().is_empty() {
            add("/model", "name a model, as in gpt-4.1-mini".to_owned());
        }
        if self.temperature.is_some_and(|it| !(0.0..=2.0).contains(&it)) {
            add("/temperature", "a temperature is 0 to 2".to_owned());
        }
        for (path, price) in [("/input_price", self.input_price), ("/output_price", self.output_price)] {
            if price.is_some_and(|it| !(0.0..=1e6).contains(&it)) {
                add(path, "a price is 0 to 1000000 per million tokens".to_owned());
            }
        }
        for name in self.extra.keys().filter(|it| OWN_FIELDS.contains(&it.as_str())) {
            add(&format!("/extra/{name}"), format!("{name} has a setting of its own"));
        }
        found.extend(headers::wrong(&self.headers, self.api_key_header.as_deref()));
        found
    }
}
