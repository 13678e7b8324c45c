//! Whether what a step maps can be what its agent takes, as far as that can be told without data.

use serde_json::{Map, Value};

use crate::adapters::mapping::is_template;
use crate::base::Invalid;

/// What was found. Errors are certain, warnings depend on the data.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    pub errors: Vec<Invalid>,
    pub warnings: Vec<Invalid>,
}

impl Findings {
    pub(super) fn error(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.errors.push(Invalid { path: path.into(), message: message.into() });
    }

    pub(super) fn warning(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.warnings.push(Invalid { path: path.into(), message: message.into() });
    }

    /// Holds a mapping against the input schema of the agent that gets what it yields.
    pub(super) fn mapped(&mut self, mapping: &Value, schema: &Value, at: &str) {
        match mapping {
            // One expression: anything may come of it.
            Value::String(text) if !is_template(text) => {}
            other => self.shaped(other, schema, at),
        }
    }

    fn shaped(&mut self, mapping: &Value, schema: &Value, at: &str) {
        let Some(kind) = kind_of(mapping) else { return };
        if !takes(schema, kind) {
            let wanted = types(schema).join(" or ");
            self.error(at, format!("the agent takes {wanted} here, and this yields {kind}"));
            return;
        }
        if let Value::Object(fields) = mapping {
            self.fields(fields, schema, at);
        } else if !matches!(mapping, Value::Array(_)) && !holds_expression(mapping) {
            let allowed = schema.get("enum").and_then(Value::as_array);
            if allowed.is_some_and(|it| !it.contains(mapping)) {
                self.error(at, "the agent's input schema does not list this value");
            }
        }
    }

    fn fields(&mut self, fields: &Map<String, Value>, schema: &Value, at: &str) {
        for name in required(schema).filter(|it| !fields.contains_key(*it)) {
            self.error(format!("{at}/{}", escaped(name)), "the agent needs this field: map something to it");
        }
        for (name, mapped) in fields {
            let at = format!("{at}/{}", escaped(name));
            match schema.get("properties").and_then(|it| it.get(name)) {
                Some(schema) => self.shaped(mapped, schema, &at),
                None if is_closed(schema) => {
                    self.error(at, format!("the agent takes no field “{name}”: leave it out"));
                }
                None => {}
            }
        }
    }

    /// Holds what comes before, handed on as it is, against what the agent takes. `source`: what is known of it;
    /// `what`: how it is called.
    pub(super) fn handed_on(&mut self, source: &Value, what: &str, schema: &Value, at: &str) {
        let (has, wants) = (types(source), types(schema));
        if !has.is_empty() && !wants.is_empty() && !has.iter().any(|it| takes(schema, it)) {
            let message = format!(
                "the agent takes {}, and {what} is {}: add a mapping",
                wants.join(" or "),
                has.join(" or ")
            );
            return self.error(at, message);
        }
        let known = source.get("properties").and_then(Value::as_object);
        let always: Vec<&str> = required(source).collect();
        for name in required(schema) {
            let listed = known.is_some_and(|it| it.contains_key(name));
            if always.contains(&name) {
                continue;
            }
            if is_closed(source) && !listed {
                self.error(
                    at,
                    format!("the agent needs the field “{name}”, which {what} has not: add a mapping"),
                );
            } else if known.is_some_and(|it| !it.is_empty()) {
                self.warning(at, format!("the agent needs the field “{name}”, which {what} may lack"));
            }
        }
    }
}

/// What the value will be; `None` where an expression decides.
fn kind_of(mapping: &Value) -> Option<&'static str> {
    Some(match mapping {
        Value::String(text) if is_one_expression(text) => return None,
        Value::String(_) => "string",
        Value::Object(_) => "object",
        Value::Array(_) => "array",
        Value::Bool(_) => "boolean",
        Value::Null => "null",
        Value::Number(it) if it.is_f64() => "number",
        Value::Number(_) => "integer",
    })
}

/// Whether the text may keep the type of what its expression yields: nothing stands around `{{ … }}`.
fn is_one_expression(text: &str) -> bool {
    is_template(text) && text.starts_with("{{") && text.ends_with("}}")
}

fn holds_expression(mapping: &Value) -> bool {
    mapping.as_str().is_some_and(is_template)
}

fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(some)) => some.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn takes(schema: &Value, kind: &str) -> bool {
    let types = types(schema);
    types.is_empty() || types.contains(&kind) || (kind == "integer" && types.contains(&"number"))
}

fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Whether only listed fields may come.
fn is_closed(schema: &Value) -> bool {
    schema.get("additionalProperties") == Some(&Value::Bool(false))
        && schema.get("patternProperties").is_none()
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn errors(mapping: Value, schema: &Value) -> Vec<String> {
        let mut found = Findings::default();
        found.mapped(&mapping, schema, "/m");
        found.errors.into_iter().map(|it| it.path).collect()
    }

    #[test]
    fn what_cannot_fit_is_found_and_what_may_fit_is_not() {
        let schema = json!({
            "type": "object", "required": ["text"], "additionalProperties": false,
            "properties": {
                "text": { "type": "string" }, "count": { "type": "number" }, "tone": { "enum": ["calm", "warm"] },
                "inner": { "type": "object", "required": ["a"] },
            },
        });
        for (mapping, expected) in [
            (json!("previous"), vec![]),
            (json!("{{ previous }}"), vec![]),
            (json!({ "text": "{{ previous.n }}" }), vec![]),
            (json!({ "text": "plain", "count": 3, "tone": "calm" }), vec![]),
            (json!({ "text": "a {{ input.b }}", "tone": "{{ input.tone }}" }), vec![]),
            (json!({}), vec!["/m/text"]),
            (json!({ "text": 3 }), vec!["/m/text"]),
            (json!({ "text": "", "count": "n {{ input.n }}" }), vec!["/m/count"]),
            (json!({ "text": "", "tone": "loud" }), vec!["/m/tone"]),
            (json!({ "text": "", "other": 1 }), vec!["/m/other"]),
            (json!({ "text": "", "inner": {} }), vec!["/m/inner/a"]),
            (json!(["{{ previous }}"]), vec!["/m"]),
            (json!("say {{ previous }}"), vec!["/m"]),
        ] {
            assert_eq!(errors(mapping.clone(), &schema), expected, "{mapping}");
        }
        assert_eq!(errors(json!([1]), &json!({})), Vec::<String>::new());
    }

    #[test]
    fn what_is_handed_on_is_held_against_what_is_needed() {
        let wants = json!({ "type": "object", "required": ["text"] });
        let told = |source: Value| {
            let mut found = Findings::default();
            found.handed_on(&source, "the input", &wants, "/m");
            (found.errors.len(), found.warnings.len())
        };
        assert_eq!(told(json!({})), (0, 0));
        assert_eq!(told(json!({ "type": "object", "required": ["text"] })), (0, 0));
        assert_eq!(told(json!({ "properties": { "text": {} } })), (0, 1));
        assert_eq!(told(json!({ "properties": { "other": {} } })), (0, 1));
        assert_eq!(told(json!({ "properties": { "other": {} }, "additionalProperties": false })), (1, 0));
        assert_eq!(told(json!({ "type": "string" })), (1, 0));
    }
}
