//! What came back, and what of it is the result.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Value, json};

use super::config::Config;
use crate::adapters::mapping::{self, MappingError, Scope};
use crate::adapters::{CallError, Outcome};
use crate::base::Json;
use crate::infra::egress::Response;

pub(super) struct Answer {
    pub(super) body: Json,
    pub(super) status: StatusCode,
    /// Names in lower case.
    pub(super) headers: BTreeMap<String, String>,
}

impl Answer {
    pub(super) fn head_of(response: &Response) -> Self {
        let headers = response
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
        Self { body: Json::null(), status: response.status, headers: headers.collect() }
    }

    /// Errors: `ExecutionFailed` where the config's own condition says that it went wrong, or a mapping does not
    /// fit the answer.
    pub(super) async fn outcome(self, config: &Config) -> Result<Outcome, CallError> {
        if config.response.is_none() && config.success_when.is_none() {
            return Ok(Outcome { output: self.body });
        }
        let scope = Scope::default()
            .with_json("body", self.body.as_str())
            .with("status", self.status.as_u16())
            .with_json("headers", &json!(self.headers).to_string());
        let unfit = |it: MappingError| {
            CallError::failed(format!("the answer does not fit the mapping: {it}"))
                .detail("status", self.status.as_u16())
        };
        if let Some(condition) = &config.success_when
            && !mapping::holds(condition, &scope).map_err(unfit)?
        {
            return Err(self.went_wrong(config, &scope));
        }
        let output = match &config.response {
            Some(mapping) => mapping::apply(mapping, &scope).await.map_err(unfit)?,
            None => self.body,
        };
        Ok(Outcome { output })
    }

    fn went_wrong(&self, config: &Config, scope: &Scope) -> CallError {
        let said = config.error_message.as_deref().and_then(|it| mapping::text_of(it, scope).ok().flatten());
        let said = said.or_else(|| super::super::http::said_by(self.body.as_str().as_bytes()));
        let message = match &said {
            Some(said) => {
                format!("the far end says that it failed: {}", said.chars().take(300).collect::<String>())
            }
            None => "the far end says that it failed".to_owned(),
        };
        let error = CallError::failed(message).detail("status", self.status.as_u16());
        match said {
            Some(said) => error.detail("answer", Value::from(said.chars().take(300).collect::<String>())),
            None => error,
        }
    }
}
