//! A value that fits a schema, for examples: its own examples and defaults first, then the least that it takes.

use serde_json::{Map, Value, json};

const MAX_DEPTH: usize = 8;

/// `document` holds what `schema` refers to.
pub(crate) fn sample(schema: &Value, document: &Value) -> Value {
    at(schema, document, "", 0)
}

fn at(schema: &Value, document: &Value, name: &str, depth: usize) -> Value {
    if depth > MAX_DEPTH {
        return Value::Null;
    }
    if let Some(given) = given(schema) {
        return given;
    }
    if let Some(target) = schema["$ref"].as_str().and_then(|it| document.pointer(it.strip_prefix('#')?)) {
        return at(target, document, name, depth + 1);
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let mut whole = Map::new();
        for part in parts.iter().map(|it| at(it, document, name, depth + 1)) {
            match part {
                Value::Object(fields) => whole.extend(fields),
                other => return other,
            }
        }
        return Value::Object(whole);
    }
    let options = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
    if let Some(option) = options.and_then(|it| it.iter().find(|it| it["type"] != "null")) {
        let mut chosen = at(option, document, name, depth + 1);
        if let (Value::Object(chosen), Value::Object(own)) = (&mut chosen, object(schema, document, depth)) {
            chosen.extend(own);
        }
        return chosen;
    }
    match kind_of(schema) {
        "object" => object(schema, document, depth),
        "array" if schema["minItems"].as_u64().unwrap_or(0) == 0 => json!([]),
        "array" => json!([at(&schema["items"], document, name, depth + 1)]),
        "string" => json!(text(schema, name)),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(1)),
        "boolean" => json!(true),
        "null" => Value::Null,
        _ => json!({}),
    }
}

/// What the schema itself offers.
fn given(schema: &Value) -> Option<Value> {
    let first = |name: &str| schema[name].as_array().and_then(|it| it.first()).cloned();
    let default = || schema.get("default").filter(|it| !it.is_null()).cloned();
    first("examples").or_else(default).or_else(|| schema.get("const").cloned()).or_else(|| first("enum"))
}

fn kind_of(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => {
            kinds.iter().filter_map(Value::as_str).find(|it| *it != "null").unwrap_or("null")
        }
        _ if schema["properties"].is_object() => "object",
        _ => "",
    }
}

fn object(schema: &Value, document: &Value, depth: usize) -> Value {
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let fields = required
        .filter_map(|name| {
            let field = schema["properties"].get(name)?;
            Some((name.to_owned(), at(field, document, name, depth + 1)))
        })
        .collect();
    Value::Object(fields)
}

fn text(schema: &Value, name: &str) -> String {
    let pattern = schema["pattern"].as_str().unwrap_or_default();
    if let Some((prefix, _)) = pattern.strip_prefix('^').and_then(|it| it.split_once("_[0-7]")) {
        return format!("{prefix}_00000000000000000000000000");
    }
    match schema["format"].as_str() {
        Some("date-time") => "2026-01-31T12:00:00.000Z".to_owned(),
        Some("email") => "someone@example.com".to_owned(),
        Some("uri" | "url") => "https://example.com/".to_owned(),
        Some("password") => "a long secret of your own".to_owned(),
        _ if name.contains("url") => "https://example.com/".to_owned(),
        _ if name.is_empty() => "text".to_owned(),
        _ => name.to_owned(),
    }
}
