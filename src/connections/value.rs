//! What a person enters as the value. Read so that no error ever repeats a part of it.

use std::collections::BTreeMap;
use std::fmt;

use http::HeaderName;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de};

use super::types::Kind;
use crate::base::{Code, Error, Invalid, Result};
use crate::infra::Secret;

const MAX_FIELDS: usize = 16;
const MAX_FIELD_BYTES: usize = 16 * 1024;
const MAX_FIELD_NAME: usize = 64;
/// Shorter ones can be guessed from a signed message.
const MIN_SIGNING_BYTES: usize = 8;
/// Headers that belong to the connection, or say where a request goes.
const NOT_FOR_SECRETS: &[&str] = &[
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "keep-alive",
    "accept-encoding",
    "cookie2",
    "proxy-connection",
];

/// The fields by name; by kind: `{"key"}`, `{"token"}`, `{"username", "password"}`, `{"secret"}`,
/// `{"name", "value"}`, or one's own. Write-only.
pub struct Value(pub(super) BTreeMap<String, Secret>);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

/// Serde's own answer to a value of the wrong type repeats the value.
fn silent<E: de::Error>() -> E {
    E::custom("a value is an object of fields, such as {\"key\": \"…\"}")
}

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of fields")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some((name, secret)) = map.next_entry::<String, Secret>()? {
            if fields.len() == MAX_FIELDS || fields.insert(name, secret).is_some() {
                return Err(de::Error::custom(format!("a value has at most {MAX_FIELDS} fields, each once")));
            }
        }
        Ok(Value(fields))
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Value, E> {
        Err(silent())
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Value, E> {
        Err(silent())
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Value, E> {
        Err(silent())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Value, E> {
        Err(silent())
    }
}

impl JsonSchema for Value {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "CredentialValue".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "object",
            "description": "The fields of the kind: api_key {key}, bearer {token}, basic_auth {username, password}, \
                webhook {secret}, header {name, value}, custom: fields of one's own. No answer ever holds them.",
            "writeOnly": true,
            "minProperties": 1,
            "maxProperties": MAX_FIELDS,
            "additionalProperties": { "type": "string", "format": "password", "maxLength": MAX_FIELD_BYTES },
        })
    }
}

impl Value {
    /// Errors: `CredentialInvalid` with every wrong field; no message repeats what was entered.
    pub(super) fn check(&self, kind: Kind) -> Result<()> {
        let mut wrong = Vec::new();
        let mut say = |path: String, message: String| wrong.push(Invalid { path, message });
        for name in kind.fields().iter().filter(|it| !self.0.contains_key(**it)) {
            say(format!("/value/{name}"), "this field is needed".to_owned());
        }
        if self.0.is_empty() && kind.fields().is_empty() {
            say("/value".to_owned(), "a value has at least one field".to_owned());
        }
        let is_known = |name: &str| match kind.fields() {
            [] => is_field_name(name),
            known => known.contains(&name),
        };
        if self.0.keys().any(|it| !is_known(it)) {
            say("/value".to_owned(), rule_for_names(kind));
        }
        for (name, secret) in self.0.iter().filter(|it| is_known(it.0)) {
            if let Some(rule) = wrong_field(kind, name, secret) {
                say(format!("/value/{name}"), rule);
            }
        }
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(Error::invalid_fields(Code::CredentialInvalid, wrong)),
        }
    }
}

fn rule_for_names(kind: Kind) -> String {
    match kind.fields() {
        [] => format!("a field's name has 1 to {MAX_FIELD_NAME} small letters, digits and underscores"),
        known => format!("the fields of a value of the kind {} are: {}", kind.name(), known.join(", ")),
    }
}

fn is_field_name(name: &str) -> bool {
    (1..=MAX_FIELD_NAME).contains(&name.len())
        && name.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_')
}

/// What would be right, where it is wrong.
fn wrong_field(kind: Kind, name: &str, secret: &Secret) -> Option<String> {
    let bytes = secret.expose();
    if bytes.is_empty() || bytes.len() > MAX_FIELD_BYTES {
        return Some(format!("this is 1 to {MAX_FIELD_BYTES} bytes long"));
    }
    match (kind, name) {
        (Kind::Custom, _) => None,
        (Kind::Webhook, _) if bytes.len() < MIN_SIGNING_BYTES => {
            Some(format!("a signing secret has at least {MIN_SIGNING_BYTES} characters"))
        }
        (Kind::Header, "name") => wrong_header(bytes),
        (Kind::BasicAuth, "username") if bytes.contains(&b':') => {
            Some("a user name has no colon in it".to_owned())
        }
        _ if bytes.iter().any(u8::is_ascii_control) => {
            Some("this is one line of text, without control characters".to_owned())
        }
        _ if bytes.first() == Some(&b' ') || bytes.last() == Some(&b' ') => {
            Some("this neither begins nor ends with a blank".to_owned())
        }
        _ => None,
    }
}

fn wrong_header(name: &[u8]) -> Option<String> {
    match HeaderName::from_bytes(name) {
        Err(_) => Some("this is the name of a header, such as X-Api-Key".to_owned()),
        Ok(name) if NOT_FOR_SECRETS.contains(&name.as_str()) => {
            Some("this header belongs to the connection and cannot carry a credential".to_owned())
        }
        Ok(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: Kind, json: &str, expected: Result<(), &str>) {
        let value: Value = serde_json::from_str(json).expect("reads");
        let found = value.check(kind).map_err(|it| it.invalid_list()[0].path.clone());
        assert_eq!(found.as_ref().map(|_| ()).map_err(String::as_str), expected, "{kind:?} {json}");
    }

    #[test]
    fn each_kind_takes_its_fields_and_no_others() {
        check(Kind::ApiKey, r#"{"key":"k"}"#, Ok(()));
        check(Kind::ApiKey, r#"{}"#, Err("/value/key"));
        check(Kind::ApiKey, r#"{"key":"k","more":"x"}"#, Err("/value"));
        check(Kind::ApiKey, r#"{"key":"two\nlines"}"#, Err("/value/key"));
        check(Kind::Bearer, r#"{"token":" t"}"#, Err("/value/token"));
        check(Kind::BasicAuth, r#"{"username":"a:b","password":"p"}"#, Err("/value/username"));
        check(Kind::BasicAuth, r#"{"username":"ab","password":"p:q"}"#, Ok(()));
        check(Kind::Webhook, r#"{"secret":"short"}"#, Err("/value/secret"));
        check(Kind::Header, r#"{"name":"X-Key","value":"v"}"#, Ok(()));
        check(Kind::Header, r#"{"name":"Host","value":"v"}"#, Err("/value/name"));
        check(Kind::Header, r#"{"name":"X Key","value":"v"}"#, Err("/value/name"));
        check(Kind::Custom, r#"{"dsn":"postgres://\n"}"#, Ok(()));
        check(Kind::Custom, r#"{}"#, Err("/value"));
        check(Kind::Custom, r#"{"A b":"x"}"#, Err("/value"));
    }

    #[test]
    fn no_error_repeats_what_was_entered() {
        for json in
            [r#""hunter22""#, "4242424242", "42.4242", r#"["hunter22"]"#, "true", "null", "-4242424242"]
        {
            for json in [json.to_owned(), format!(r#"{{"key":{json}}}"#)] {
                let Err(error) = serde_json::from_str::<Value>(&json) else { continue };
                let text = error.to_string();
                assert!(!text.contains("hunter") && !text.contains("4242"), "{text}");
            }
        }
    }
}
