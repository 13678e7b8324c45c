//! From a value to what would have been typed.

use serde_json::Value;

use super::Typed;
use super::plan::{Kind, Plan};
use super::read;

pub(super) fn typed(place: &str, plan: &Plan, value: &Value, keeps_defaults: bool) -> Typed {
    match plan {
        Plan::Json(property) => vec![(place.to_owned(), text(&property.kind, value))],
        Plan::Fields(properties) => {
            let pair = |property: &super::Property| {
                let inner = property.path.iter().try_fold(value, |value, key| value.get(key));
                // A switch that is not sent is off, whatever its default.
                let default = property.default.as_ref().filter(|_| keeps_defaults || property.is_switch());
                let inner = inner.filter(|it| !it.is_null()).or(default)?;
                Some((property.name(place), text(&property.kind, inner)))
            };
            properties.iter().filter_map(pair).collect()
        }
    }
}

/// A value in the form in which `read` takes it back.
pub(super) fn text(kind: &Kind, value: &Value) -> String {
    match (kind, value) {
        (Kind::Json, Value::Null) => String::new(),
        (Kind::Json, value) => pretty(value),
        (Kind::TextOrJson, Value::String(it)) if read::text_or_json(it) == *value => it.clone(),
        (Kind::Lines, Value::Array(items)) => lines(items).unwrap_or_else(|| pretty(value)),
        (Kind::Pairs, Value::Object(_)) => pairs(value).unwrap_or_else(|| pretty(value)),
        (Kind::TextOrJson, value) => pretty(value),
        (_, Value::String(it)) => it.clone(),
        (_, Value::Null) => String::new(),
        (_, value) => value.to_string(),
    }
}

/// `None` where a line could not hold an item.
fn lines(items: &[Value]) -> Option<String> {
    let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
    let text = texts?.join("\n");
    (read::lines(&text) == Value::Array(items.to_vec())).then_some(text)
}

fn pairs(value: &Value) -> Option<String> {
    let line = |(name, value): (&String, &Value)| value.as_str().map(|value| format!("{name}: {value}"));
    let text = value.as_object()?.iter().map(line).collect::<Option<Vec<_>>>()?.join("\n");
    read::pairs(&text).is_ok_and(|it| it == *value).then_some(text)
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
