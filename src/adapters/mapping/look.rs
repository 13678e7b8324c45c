//! What a mapping reads, said without data: so that a name that nobody gives is found before anything runs.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{MappingError, Part, Result, compiled, is_template, parts};

/// Names that are functions.
const FUNCTIONS: &[&str] = &["mul"];

/// One text of a mapping that holds expressions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Its place in the mapping, as a JSON Pointer.
    pub at: String,
    /// The names that it reads, as far as they can be told (`steps.first.output.text`); or why it cannot be used.
    pub reads: Result<BTreeSet<String>, MappingError>,
}

/// Every text of `mapping` that holds expressions, by the rules of `check`.
pub fn look(mapping: &Value) -> Vec<Look> {
    match mapping {
        Value::String(text) if !is_template(text) => vec![Look { at: String::new(), reads: names(text) }],
        other => {
            let mut found = Vec::new();
            look_inside(other, "", &mut found);
            found
        }
    }
}

fn look_inside(mapping: &Value, at: &str, found: &mut Vec<Look>) {
    match mapping {
        Value::String(text) if is_template(text) => {
            found.push(Look { at: at.to_owned(), reads: names_in_template(text) });
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                look_inside(item, &format!("{at}/{place}"), found);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                look_inside(field, &format!("{at}/{name}"), found);
            }
        }
        _ => {}
    }
}

fn names_in_template(text: &str) -> Result<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    for part in parts(text)? {
        if let Part::Expression(it) = part {
            all.extend(names(it)?);
        }
    }
    Ok(all)
}

fn names(expression: &str) -> Result<BTreeSet<String>> {
    let read = compiled(expression)?.undeclared_variables(true);
    Ok(read.into_iter().filter(|it| !FUNCTIONS.contains(&it.as_str())).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seen(mapping: &Value) -> Vec<(String, Vec<String>)> {
        look(mapping)
            .into_iter()
            .map(|it| (it.at, it.reads.map_or_else(|_| vec!["wrong".into()], |it| it.into_iter().collect())))
            .collect()
    }

    #[test]
    fn every_name_is_told_with_its_place() {
        let mapping = json!({
            "text": "{{ steps.first.output.text|upper }} and {{ input.n + mul(previous, 2) }}",
            "list": [1, "plain", "{{ steps['second'] }}"],
            "a/b": "{{ input. }}",
        });
        let expected = [
            ("/a~1b", vec!["wrong"]),
            ("/list/2", vec!["steps"]),
            ("/text", vec!["input.n", "previous", "steps.first.output.text"]),
        ];
        let expected: Vec<(String, Vec<String>)> = expected
            .map(|(at, names)| (at.to_owned(), names.into_iter().map(str::to_owned).collect()))
            .into();
        assert_eq!(seen(&mapping), expected);
        assert_eq!(seen(&json!("previous.a[0].b")), [(String::new(), vec!["previous.a".to_owned()])]);
        assert_eq!(seen(&json!("plain {{ 'text' }}")), [(String::new(), Vec::new())]);
    }
}
