//! From what was typed to a value.

use serde_json::{Map, Number, Value};

use super::plan::{Kind, Plan, Property};
use super::text_of;
use crate::web::page::Faults;
use crate::web::view::pairs_of_lines;

pub(super) fn value(
    place: &str,
    plan: &Plan,
    typed: &[(String, String)],
    keeps_defaults: bool,
) -> Result<Value, Faults> {
    let properties = match plan {
        Plan::Json(property) => {
            let text = text_of(typed, place).unwrap_or_default();
            let found = one(property, text).map_err(|message| Faults::none().at(place, message))?;
            return Ok(found.unwrap_or_else(|| Value::Object(Map::new())));
        }
        Plan::Fields(properties) => properties,
    };
    let (mut root, mut faults) = (Map::new(), Faults::none());
    for property in properties {
        let name = property.name(place);
        match one(property, text_of(typed, &name).unwrap_or_default()) {
            Err(message) => faults = faults.at(&name, message),
            Ok(None) if property.required => faults = faults.at(&name, "this is needed"),
            Ok(None) => make_parent(&mut root, property),
            Ok(found) if !keeps_defaults && !property.required && found == property.default => {
                make_parent(&mut root, property);
            }
            Ok(Some(found)) => put(&mut root, &property.path, found),
        }
    }
    if faults.is_empty() { Ok(Value::Object(root)) } else { Err(faults) }
}

/// An object that must be there is there, also where nothing in it was filled in.
fn make_parent(root: &mut Map<String, Value>, property: &Property) {
    if let ([above @ .., _], true) = (property.path.as_slice(), property.parent_required) {
        let _ = object_at(root, above);
    }
}

fn put(root: &mut Map<String, Value>, path: &[String], value: Value) {
    if let [above @ .., key] = path
        && let Some(object) = object_at(root, above)
    {
        object.insert(key.clone(), value);
    }
}

/// The object at `path`, made where it is missing.
fn object_at<'a>(root: &'a mut Map<String, Value>, path: &[String]) -> Option<&'a mut Map<String, Value>> {
    path.iter().try_fold(root, |object, key| {
        object.entry(key).or_insert_with(|| Value::Object(Map::new())).as_object_mut()
    })
}

/// `None` for a field that was left empty.
fn one(property: &Property, text: &str) -> Result<Option<Value>, String> {
    let text = &text.replace("\r\n", "\n");
    let trimmed = text.trim();
    if property.kind == Kind::Switch {
        let on = trimmed == "true";
        return Ok((on || property.default.is_some() || property.required).then_some(Value::Bool(on)));
    }
    if trimmed.is_empty() {
        return Ok(None);
    }
    Ok(Some(match &property.kind {
        Kind::Line | Kind::Secret => Value::String(trimmed.to_owned()),
        Kind::Area | Kind::Code => Value::String(text.clone()),
        Kind::Number { whole } => number(trimmed, *whole)?,
        Kind::Choice(texts, values) => {
            let place = texts.iter().position(|it| it == trimmed).ok_or("choose one of the list")?;
            values[place].clone()
        }
        Kind::Lines => lines(trimmed),
        Kind::Pairs => pairs(trimmed)?,
        Kind::TextOrJson => text_or_json(text),
        Kind::Json => json(trimmed)?,
        Kind::Switch => return Ok(None),
    }))
}

fn number(text: &str, whole: bool) -> Result<Value, String> {
    if let Ok(number) = text.parse::<i64>() {
        return Ok(number.into());
    }
    if whole {
        return Err("a whole number, such as 30".to_owned());
    }
    let number = text.parse::<f64>().ok().and_then(Number::from_f64);
    number.map(Value::Number).ok_or_else(|| "a number, such as 0.5".to_owned())
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|it| format!("this is not JSON: {it}"))
}

/// A line each; or a list as JSON, for items that no line can hold.
pub(super) fn lines(text: &str) -> Value {
    if let Ok(list @ Value::Array(_)) = serde_json::from_str(text) {
        return list;
    }
    text.lines().map(str::trim).filter(|it| !it.is_empty()).collect()
}

/// A pair each line; or an object as JSON, for pairs that no line can hold.
pub(super) fn pairs(text: &str) -> Result<Value, String> {
    if let Ok(object @ Value::Object(_)) = serde_json::from_str(text) {
        return Ok(object);
    }
    let pairs = pairs_of_lines(text)?;
    Ok(Value::Object(pairs.into_iter().map(|(name, value)| (name, Value::String(value))).collect()))
}

/// JSON where it is an object, a list or a quoted string; the text itself otherwise.
pub(super) fn text_or_json(text: &str) -> Value {
    match serde_json::from_str::<Value>(text) {
        Ok(value @ (Value::Object(_) | Value::Array(_) | Value::String(_))) => value,
        _ => Value::String(text.to_owned()),
    }
}
