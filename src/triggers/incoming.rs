//! A call as it came, and what expressions see of it.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::scheme::Scheme;
use crate::adapters::mapping::Scope;
use crate::base::{Json, check_depth};

/// Never shown to an expression: they would end up in inputs and logs.
const SECRET_HEADERS: &[&str] = &["authorization", "proxy-authorization", "cookie", "x-api-key"];
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// By their names in lower case; of several, the first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Headers(BTreeMap<String, String>);

impl Headers {
    pub(super) fn of(pairs: Vec<(String, String)>) -> Self {
        let mut headers = BTreeMap::new();
        for (name, value) in pairs {
            headers.entry(name.to_ascii_lowercase()).or_insert(value);
        }
        Self(headers)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Without what is secret and what only the scheme needs.
    fn shown(&self, scheme: &Scheme) -> Map<String, Value> {
        let (own, mut left) = (scheme.own_headers(), MAX_HEADER_BYTES);
        let shown = self
            .0
            .iter()
            .filter(|it| !SECRET_HEADERS.contains(&it.0.as_str()) && !own.contains(&it.0.as_str()));
        let mut kept = Map::new();
        for (name, value) in shown {
            let Some(rest) = left.checked_sub(name.len() + value.len()) else { break };
            left = rest;
            kept.insert(name.clone(), value.as_str().into());
        }
        kept
    }
}

#[derive(Debug, Clone)]
pub(super) struct Incoming {
    pub headers: Headers,
    /// As it stands behind the question mark.
    pub query: String,
    pub body: Bytes,
    /// Where it came from.
    pub address: Option<String>,
}

impl Incoming {
    /// The body as JSON: a form as an object of its fields, other text as text.
    pub(super) fn body_json(&self) -> Result<Json, String> {
        let kind = self.headers.get("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if kind == "application/x-www-form-urlencoded" {
            return Ok(Json::of(&Value::Object(form(&self.body))));
        }
        let Ok(text) = std::str::from_utf8(&self.body) else {
            return Err("the body is not UTF-8 text".to_owned());
        };
        if text.trim().is_empty() {
            return Ok(Json::null());
        }
        let says_json = kind == "application/json" || kind.ends_with("+json");
        match check_depth(&self.body).and_then(|()| Json::parse(text)) {
            Ok(json) => Ok(json),
            Err(error) if says_json => Err(format!("the body says it is JSON: {}", error.message())),
            Err(_) => Ok(Json::of(&text.into())),
        }
    }

    pub(super) fn scope(&self, scheme: &Scheme, body: &Json) -> Scope {
        let query = Value::Object(form(self.query.as_bytes())).to_string();
        let headers = Value::Object(self.headers.shown(scheme)).to_string();
        Scope::default()
            .with_json("body", body.as_str())
            .with_json("headers", &headers)
            .with_json("query", &query)
    }
}

/// Fields by name; of several with one name, a list.
fn form(bytes: &[u8]) -> Map<String, Value> {
    let mut fields: Map<String, Value> = Map::new();
    for (name, value) in url::form_urlencoded::parse(bytes) {
        let value = Value::from(value.into_owned());
        match fields.get_mut(name.as_ref()) {
            None => {
                fields.insert(name.into_owned(), value);
            }
            Some(Value::Array(list)) => list.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::scheme::Preset;
    use super::*;

    fn body(kind: &str, text: &str) -> Result<Value, String> {
        let headers = Headers::of(vec![("Content-Type".to_owned(), kind.to_owned())]);
        let incoming =
            Incoming { headers, query: String::new(), body: text.to_owned().into(), address: None };
        incoming.body_json().map(|it| it.to_value())
    }

    #[test]
    fn bodies_are_read_by_what_they_are() {
        assert_eq!(body("application/json", r#"{"a":1}"#), Ok(json!({ "a": 1 })));
        assert_eq!(
            body("application/x-www-form-urlencoded", "a=1&b=x+y&a=2"),
            Ok(json!({ "a": ["1", "2"], "b": "x y" }))
        );
        assert_eq!(body("text/plain", "hello"), Ok(json!("hello")));
        assert_eq!(body("", "[1]"), Ok(json!([1])));
        assert_eq!(body("application/json", ""), Ok(Value::Null));
        assert!(body("application/cloudevents+json", "{").is_err());
        assert!(body("application/json", &"[".repeat(100)).is_err());
    }

    #[test]
    fn no_expression_sees_a_secret() {
        let pairs =
            [("Authorization", "Bearer x"), ("X-Hub-Signature-256", "sha256=0"), ("X-GitHub-Event", "push")];
        let headers = Headers::of(pairs.iter().map(|it| (it.0.to_owned(), it.1.to_owned())).collect());
        let shown = headers.shown(&Scheme::of(Preset::Github));
        assert_eq!(Value::Object(shown), json!({ "x-github-event": "push" }));
    }
}
