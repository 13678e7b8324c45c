//! Helps to write the schema behind a form.

use serde_json::Value;

/// Numbers the properties as `names` has them (`x-order`). Those that are not named come last.
pub(super) fn ordered(mut schema: Value, names: &[&str]) -> Value {
    for (at, name) in names.iter().enumerate() {
        if let Some(property) = schema["properties"].get_mut(*name) {
            property["x-order"] = (at + 1).into();
        }
    }
    schema
}
