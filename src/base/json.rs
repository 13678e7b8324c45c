//! JSON kept as the text it came as: inputs and outputs pass through without being taken apart.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Doing, Error, Result};

/// Nesting that a body may have.
pub const MAX_JSON_DEPTH: usize = 64;

/// One valid JSON value as text. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json(Arc<str>);

impl Json {
    /// Errors: `ValidationFailed` for text that is not one JSON value, or nests deeper than `MAX_JSON_DEPTH`.
    pub fn parse(text: &str) -> Result<Self> {
        check_depth(text.as_bytes())?;
        let _: &RawValue =
            serde_json::from_str(text).map_err(|it| Error::invalid(format!("this is not JSON: {it}")))?;
        Ok(Self(text.trim().into()))
    }

    pub fn of(value: &Value) -> Self {
        Self(value.to_string().into())
    }

    /// What `value` is written as. JSON inside keeps its text.
    ///
    /// Errors: only ours, for what has no JSON.
    pub fn written(value: &impl Serialize) -> Result<Self> {
        Ok(Self(serde_json::to_string(value).doing("write a value as JSON")?.into()))
    }

    pub fn null() -> Self {
        Self("null".into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn to_value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or(Value::Null)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
            raw.serialize(serializer)
        } else {
            serializer.serialize_str(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let raw = Box::<RawValue>::deserialize(deserializer)?;
            Ok(Self(raw.get().into()))
        } else {
            let text = Cow::<'de, str>::deserialize(deserializer)?;
            Ok(Self(text.into()))
        }
    }
}

impl schemars::JsonSchema for Json {
    fn schema_name() -> Cow<'static, str> {
        "Json".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "description": "Any JSON value." })
    }
}

/// Refuses what passes as JSON text and still could not be read as a value: deeper nesting than
/// `MAX_JSON_DEPTH`, half of a surrogate pair, a number beyond what 64 bits of float hold. Whether the text is JSON
/// at all is the parser's business.
///
/// Errors: `ValidationFailed`.
pub fn check_depth(text: &[u8]) -> Result<()> {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' => at = end_of_string(text, at)?,
            b'[' | b'{' => {
                depth += 1;
                if depth > MAX_JSON_DEPTH {
                    return Err(Error::invalid(format!("JSON may nest {MAX_JSON_DEPTH} levels deep")));
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'0'..=b'9' => at = end_of_number(text, at - 1)?,
            _ => {}
        }
    }
    Ok(())
}

/// The place behind a string whose quotation mark stands before `at`.
fn end_of_string(text: &[u8], mut at: usize) -> Result<usize> {
    let mut is_open = false;
    while let Some(byte) = text.get(at) {
        let unit = match byte {
            b'\\' if text.get(at + 1) == Some(&b'u') => code_unit(text, at + 2),
            _ => None,
        };
        match (is_open, unit) {
            (false, Some(0xD800..=0xDBFF)) => is_open = true,
            (true, Some(0xDC00..=0xDFFF)) => is_open = false,
            (true, _) | (false, Some(0xDC00..=0xDFFF)) => {
                return Err(Error::invalid("a string holds half of a surrogate pair"));
            }
            (false, _) => {}
        }
        match byte {
            b'"' => return Ok(at + 1),
            b'\\' => at += if unit.is_some() { 6 } else { 2 },
            _ => at += 1,
        }
    }
    Ok(at)
}

fn code_unit(text: &[u8], at: usize) -> Option<u16> {
    let digits = std::str::from_utf8(text.get(at..at + 4)?).ok()?;
    u16::from_str_radix(digits, 16).ok()
}

/// The place behind a number that begins at `at`.
fn end_of_number(text: &[u8], at: usize) -> Result<usize> {
    let is_part = |it: &u8| matches!(it, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
    let length = text[at..].iter().take_while(|it| is_part(it)).count();
    let digits = &text[at..at + length];
    // Short whole numbers, nearly all there are, need no closer look.
    if length > 100 || digits.iter().any(|it| matches!(it, b'e' | b'E')) {
        let number = std::str::from_utf8(digits).ok().and_then(|it| it.parse::<f64>().ok());
        if number.is_some_and(f64::is_infinite) {
            return Err(Error::invalid("a number is too large"));
        }
    }
    Ok(at + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_brackets_outside_strings() {
        assert!(check_depth("[".repeat(64).as_bytes()).is_ok());
        assert!(check_depth("[".repeat(65).as_bytes()).is_err());
        assert!(check_depth(format!("\"{}\\\"{}\"", "[".repeat(70), "[".repeat(70)).as_bytes()).is_ok());
    }

    #[test]
    fn what_could_not_be_read_later_is_refused_at_once() {
        let refused = |text: &str| assert!(Json::parse(text).is_err(), "{text}");
        let passes = |text: &str| {
            let json = Json::parse(text).expect(text);
            assert!(!json.to_value().is_null(), "{text}");
        };
        refused(r#"{"a":"\ud800"}"#);
        refused(r#"{"\udc00":1}"#);
        refused(r#"["\ud800\ud800"]"#);
        refused(r#"["\ud800x"]"#);
        refused("[1e999999]");
        refused(&format!("[{}]", "9".repeat(400)));
        passes(r#"["\ud83d\ude00","\\ud800","\"\\"]"#);
        passes(&format!("[1e300,-0.5,{}]", "9".repeat(200)));
        passes(r#"{"1e999":"1e999 ["}"#);
    }

    #[test]
    fn text_survives_both_encodings() {
        let json = Json::parse(r#" {"b":1.0,"a":[1e5]} "#).expect("parses");
        assert_eq!(serde_json::to_string(&json).expect("json"), r#"{"b":1.0,"a":[1e5]}"#);
        let bytes = rmp_serde::to_vec_named(&json).expect("packs");
        assert_eq!(rmp_serde::from_slice::<Json>(&bytes).expect("unpacks"), json);
    }
}
