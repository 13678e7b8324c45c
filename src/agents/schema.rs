//! JSON Schemas: those that people write for input and output, and those of the adapters' configs. Nothing is
//! fetched for a schema, and its patterns run in linear time.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use jsonschema::{PatternOptions, Validator};
use parking_lot::RwLock;
use serde_json::Value;

use crate::adapters::Adapter;
use crate::base::{Code, Error, Invalid, Json, Result};

const MAX_SCHEMA_BYTES: usize = 64 << 10;
const MAX_SCHEMA_DEPTH: usize = 32;
const MAX_PATTERN_BYTES: usize = 1 << 20;
const MAX_ERRORS: usize = 20;
const MAX_MESSAGE_CHARS: usize = 300;

fn compile(schema: &Value) -> std::result::Result<Validator, String> {
    jsonschema::options()
        .with_pattern_options(
            PatternOptions::regex().size_limit(MAX_PATTERN_BYTES).dfa_size_limit(MAX_PATTERN_BYTES),
        )
        .should_validate_formats(true)
        .build(schema)
        .map_err(|it| shortened(&it.to_string()))
}

/// Compiles a schema that a person wrote; `None` where it takes anything. `at` is its field.
pub fn of_person(schema: &Json, at: &str) -> Result<Option<Arc<Validator>>, Invalid> {
    let wrong = |message: String| Invalid { path: at.to_owned(), message };
    if schema.len() > MAX_SCHEMA_BYTES {
        return Err(wrong(format!("a schema has at most {MAX_SCHEMA_BYTES} bytes")));
    }
    let value = schema.to_value();
    if !value.is_object() {
        return Err(wrong("a schema is a JSON object".to_owned()));
    }
    if depth(&value) > MAX_SCHEMA_DEPTH {
        return Err(wrong(format!("a schema may nest {MAX_SCHEMA_DEPTH} levels deep")));
    }
    if takes_anything(&value) {
        return Ok(None);
    }
    compile(&value).map(|it| Some(Arc::new(it))).map_err(|it| wrong(format!("this is no JSON Schema: {it}")))
}

fn takes_anything(schema: &Value) -> bool {
    schema.as_object().is_some_and(|it| it.is_empty())
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// What `config` lacks by the schema of its type. Paths begin with `/config`.
pub(super) fn wrong_config(adapter: &dyn Adapter, config: &Value) -> Result<Vec<Invalid>> {
    let validator = of_adapter(adapter)?;
    Ok(wrong(&validator, config, "/config"))
}

/// Adapters are part of the program, so that their schemas are compiled once.
fn of_adapter(adapter: &dyn Adapter) -> Result<Arc<Validator>> {
    static COMPILED: LazyLock<RwLock<HashMap<&'static str, Arc<Validator>>>> = LazyLock::new(RwLock::default);
    if let Some(found) = COMPILED.read().get(adapter.kind()) {
        return Ok(found.clone());
    }
    let validator = compile(&adapter.config_schema())
        .map(Arc::new)
        .map_err(|it| Error::internal("compile the schema of an agent type", it))?;
    COMPILED.write().insert(adapter.kind(), validator.clone());
    Ok(validator)
}

/// What of `value` does not fit, as JSON Pointers below `at`. Never repeats the value.
pub(super) fn wrong(validator: &Validator, value: &Value, at: &str) -> Vec<Invalid> {
    validator
        .iter_errors(value)
        .take(MAX_ERRORS)
        .map(|error| Invalid {
            path: format!("{at}{}", error.instance_path().as_str()),
            message: shortened(&error.masked_with("this value").to_string()),
        })
        .collect()
}

/// Errors: `code` with all that does not fit.
pub fn check(validator: &Validator, value: &Value, code: Code, at: &str) -> Result<()> {
    if validator.is_valid(value) {
        return Ok(());
    }
    Err(Error::invalid_fields(code, wrong(validator, value, at)))
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(MAX_MESSAGE_CHARS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(schema: Value) -> Invalid {
        of_person(&Json::of(&schema), "/input_schema").expect_err("refused")
    }

    #[test]
    fn an_empty_schema_takes_anything() {
        assert!(of_person(&Json::of(&json!({})), "/x").expect("compiles").is_none());
    }

    #[test]
    fn what_cannot_be_a_schema_is_refused() {
        let mut deep = json!({ "type": "string" });
        for _ in 0..20 {
            deep = json!({ "properties": { "a": deep } });
        }
        for schema in [
            json!([]),
            json!({ "type": "strnig" }),
            json!({ "$ref": "http://127.0.0.1:1/schema.json" }),
            json!({ "$ref": "file:///etc/passwd" }),
            json!({ "$ref": "#/nowhere" }),
            json!({ "pattern": "(" }),
            json!({ "pattern": "(a)\\1" }),
            json!({ "description": "x".repeat(64 << 10) }),
            deep,
        ] {
            assert_eq!(refused(schema).path, "/input_schema");
        }
    }

    #[test]
    fn what_does_not_fit_is_named_by_its_path_and_not_repeated() {
        let schema = json!({ "type": "object", "required": ["text"], "properties": { "text": { "type": "integer" } } });
        let validator = of_person(&Json::of(&schema), "/x").expect("compiles").expect("one");
        let error =
            check(&validator, &json!({ "text": "hush" }), Code::InvalidInput, "/input").expect_err("no fit");
        assert_eq!(error.invalid_list()[0].path, "/input/text");
        assert!(!error.message().contains("hush"), "{}", error.message());
        assert!(check(&validator, &json!({}), Code::InvalidInput, "/input").is_err());
        assert!(check(&validator, &json!({ "text": 1 }), Code::InvalidInput, "/input").is_ok());
    }

    #[test]
    fn patterns_cost_linear_time() {
        let schema = json!({ "type": "string", "pattern": "^(a+)+$" });
        let validator = of_person(&Json::of(&schema), "/x").expect("compiles").expect("one");
        assert!(!validator.is_valid(&json!(format!("{}!", "a".repeat(100_000)))));
    }
}
