//! What the tests of this feature's parts are made of.

use serde_json::{Value, json};

use super::types::{Chain, DEFAULT_TIMEOUT_MS, ErrorHandling, OnError, Step, StepRetry};
use crate::base::Json;

fn given<T: serde::de::DeserializeOwned>(value: &Value, name: &str) -> Option<T> {
    let found = value.get(name).filter(|it| !it.is_null())?;
    Some(serde_json::from_value(found.clone()).expect("reads"))
}

fn json_at(value: &Value, name: &str) -> Option<Json> {
    value.get(name).filter(|it| !it.is_null()).map(Json::of)
}

/// A chain, of which `change` says what matters.
pub(super) fn a_chain(change: Value) -> Chain {
    let steps = change["steps"].as_array().cloned().unwrap_or_else(|| vec![json!({ "id": "first" })]);
    Chain {
        input_schema: Json::of(&json!({})),
        steps: steps.iter().map(a_step).collect(),
        output_mapping: json_at(&change, "output_mapping"),
        error_handling: given::<ErrorHandling>(&change, "error_handling").unwrap_or_default(),
        retry_policy: given::<StepRetry>(&change, "retry_policy"),
        timeout_ms: DEFAULT_TIMEOUT_MS,
    }
}

fn a_step(change: &Value) -> Step {
    Step {
        id: change["id"].as_str().expect("an id").to_owned(),
        agent_id: "agt_00000000000000000000000005".parse().expect("an id"),
        version: None,
        input_mapping: json_at(change, "input_mapping"),
        output_mapping: json_at(change, "output_mapping"),
        condition: given::<String>(change, "condition"),
        timeout_ms: given::<u64>(change, "timeout_ms"),
        on_error: given::<OnError>(change, "on_error"),
        retry: given::<StepRetry>(change, "retry"),
    }
}
