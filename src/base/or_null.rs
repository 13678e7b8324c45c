//! A field that has to be sent, and may be `null`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

/// Where `Option` would take a field that was left out for `null`: in what replaces something as a whole.
// No transparent one: that would hide from the parser that it is no option.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct OrNull<T>(pub Option<T>);

impl<T: JsonSchema> JsonSchema for OrNull<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Option::<T>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Option::<T>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Thing {
        it: OrNull<u32>,
    }

    #[test]
    fn null_is_a_value_and_nothing_is_none() {
        let read = |text| serde_json::from_str::<Thing>(text).map(|it| it.it.0).map_err(|it| it.to_string());
        assert_eq!(read(r#"{"it":3}"#), Ok(Some(3)));
        assert_eq!(read(r#"{"it":null}"#), Ok(None));
        assert!(read("{}").is_err_and(|it| it.starts_with("missing field `it`")));
    }
}
