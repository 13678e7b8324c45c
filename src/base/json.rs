//! JSON kept as the text it came as: inputs and outputs pass through without being taken apart.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Error, Result};

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

/// Errors: `ValidationFailed` where brackets nest deeper than `MAX_JSON_DEPTH`. Looks at brackets outside
/// strings only; whether the text is JSON at all is the parser's business.
pub fn check_depth(text: &[u8]) -> Result<()> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth > MAX_JSON_DEPTH {
                    return Err(Error::invalid(format!("JSON may nest {MAX_JSON_DEPTH} levels deep")));
                }
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
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
    fn text_survives_both_encodings() {
        let json = Json::parse(r#" {"b":1.0,"a":[1e5]} "#).expect("parses");
        assert_eq!(serde_json::to_string(&json).expect("json"), r#"{"b":1.0,"a":[1e5]}"#);
        let bytes = rmp_serde::to_vec_named(&json).expect("packs");
        assert_eq!(rmp_serde::from_slice::<Json>(&bytes).expect("unpacks"), json);
    }
}
