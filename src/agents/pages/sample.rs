//! Inputs to try an agent with: those of the package that it was made from, else one that its schema would take.

use serde_json::{Map, Value, json};

use super::super::catalog::{self, Sample};
use super::super::schema;
use super::super::view::AgentView;
use crate::base::Json;

const MAX_DEPTH: usize = 6;

/// At least one, where an input can be made up at all. What the schema would refuse is left out, for the agent
/// may have changed since it was made.
pub(super) fn samples(agent: &AgentView, input_schema: &Value) -> Vec<Sample> {
    let package = agent.metadata.to_value();
    let package = package.get("package").and_then(Value::as_str);
    let mut found =
        package.and_then(|it| catalog::template(it).ok()).map(|it| it.samples).unwrap_or_default();
    if found.is_empty() {
        found.push(Sample { name: "Sample".to_owned(), input: sample(input_schema) });
    }
    let Ok(validator) = schema::of_person(&Json::of(input_schema), "input_schema") else { return Vec::new() };
    found.retain(|it| validator.as_ref().is_none_or(|validator| validator.is_valid(&it.input)));
    found
}

/// A value as the schema might take it: its example, its default, or something of its type.
pub(super) fn sample(schema: &Value) -> Value {
    at_depth(schema, 0)
}

fn at_depth(schema: &Value, depth: usize) -> Value {
    let given = schema.get("examples").and_then(|it| it.get(0)).or_else(|| schema.get("default"));
    let given = given.or_else(|| schema.get("const")).or_else(|| schema.get("enum").and_then(|it| it.get(0)));
    if let Some(value) = given {
        return value.clone();
    }
    let kind = match schema.get("type") {
        Some(Value::Array(several)) => several.first().and_then(Value::as_str),
        kind => kind.and_then(Value::as_str),
    };
    let properties = schema.get("properties").and_then(Value::as_object);
    match (kind, properties) {
        (_, Some(properties)) if depth < MAX_DEPTH => {
            let required = schema.get("required").and_then(Value::as_array);
            let wanted = |key: &str| required.is_none_or(|it| it.iter().any(|it| it == key));
            let fields = properties.iter().filter(|it| wanted(it.0));
            Value::Object(fields.map(|(key, inner)| (key.clone(), at_depth(inner, depth + 1))).collect())
        }
        (Some("string"), _) => json!("text"),
        (Some("integer"), _) => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        (Some("number"), _) => schema.get("minimum").cloned().unwrap_or_else(|| json!(0.5)),
        (Some("boolean"), _) => json!(true),
        (Some("array"), _) if depth < MAX_DEPTH => {
            schema.get("items").map_or_else(|| json!([]), |it| json!([at_depth(it, depth + 1)]))
        }
        (Some("array"), _) => json!([]),
        (Some("object"), _) => Value::Object(Map::new()),
        (Some("null"), _) => Value::Null,
        _ => json!({"text": "Hello"}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_fits_its_schema() {
        for schema in [
            json!({"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}, "n": {"type": "integer"}}}),
            json!({"type": "array", "items": {"type": "number", "minimum": 3}}),
            json!({"type": ["string", "null"], "examples": ["it's"]}),
            json!({"enum": ["a", "b"]}),
            json!({}),
        ] {
            let value = sample(&schema);
            assert!(jsonschema::is_valid(&schema, &value), "{schema} {value}");
        }
    }
}
