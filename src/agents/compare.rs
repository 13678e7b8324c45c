//! What changed between two versions: for programs as a JSON Patch, for people as a diff of lines.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use similar::TextDiff;

use super::number::Number;
use super::types::Definition;
use crate::base::{Doing, Result};

/// A diff that takes longer is approximate.
const DIFF_TIME: Duration = Duration::from_millis(200);

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "VersionComparison")]
pub struct Comparison {
    pub from: Number,
    pub to: Number,
    /// RFC 6902: makes the one definition of the other.
    pub patch: Value,
    /// A unified diff of both definitions, written as JSON; empty where they are equal.
    pub diff: String,
}

pub(super) fn compare(from: (Number, &Definition), to: (Number, &Definition)) -> Result<Comparison> {
    let (old, new) = (as_json(from.1), as_json(to.1));
    let patch = serde_json::to_value(json_patch::diff(&old, &new)).doing("write a patch")?;
    let old = serde_json::to_string_pretty(&old).doing("write a version")?;
    let new = serde_json::to_string_pretty(&new).doing("write a version")?;
    let lines = TextDiff::configure().timeout(DIFF_TIME).diff_lines(old.as_str(), new.as_str());
    let diff =
        lines.unified_diff().context_radius(3).header(&from.0.to_string(), &to.0.to_string()).to_string();
    Ok(Comparison { from: from.0, to: to.0, patch, diff })
}

/// As answers show it.
fn as_json(definition: &Definition) -> Value {
    json!({
        "agent_type": definition.agent_type,
        "config": definition.config.to_value(),
        "credential_ids": definition.credential_ids,
        "persona": definition.persona,
        "skillset": definition.skillset,
        "input_schema": definition.input_schema.to_value(),
        "output_schema": definition.output_schema.to_value(),
        "execution": definition.execution,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::a_definition;
    use super::*;
    use crate::base::Json;

    const FROM: Number = Number::new(1, 0, 0);
    const TO: Number = Number::new(1, 0, 1);

    proptest! {
        #[test]
        fn the_patch_makes_the_one_of_the_other(
            url in ".{0,20}", words in proptest::collection::vec("[a-z~/]{1,4}", 0..5), timeout in 1_u64..9
        ) {
            let old = a_definition();
            let mut new = a_definition();
            new.config = Json::of(&json!({ "url": url, words.concat(): words }));
            new.skillset = words;
            new.execution.timeout_ms = timeout;
            let comparison = compare((FROM, &old), (TO, &new)).expect("compares");
            let mut value = as_json(&old);
            let patch: json_patch::Patch = serde_json::from_value(comparison.patch).expect("a patch");
            json_patch::patch(&mut value, &patch).expect("applies");
            prop_assert_eq!(value, as_json(&new));
        }
    }

    #[test]
    fn equal_versions_have_no_difference() {
        let comparison = compare((FROM, &a_definition()), (TO, &a_definition())).expect("compares");
        assert_eq!((comparison.patch, comparison.diff.as_str()), (json!([]), ""));
    }

    #[test]
    fn the_diff_shows_the_lines() {
        let mut new = a_definition();
        new.persona = "be brief".to_owned();
        let diff = compare((FROM, &a_definition()), (TO, &new)).expect("compares").diff;
        assert!(diff.starts_with("--- 1.0.0\n+++ 1.0.1\n"), "{diff}");
        assert!(diff.contains("\n-  \"persona\": \"\",\n+  \"persona\": \"be brief\",\n"), "{diff}");
    }
}
