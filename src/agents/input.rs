//! What callers send, and which of it is valid by itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::types::{Agent, Definition, Policy, TriggerMode, Visibility};
use crate::base::{Code, CredentialId, Error, Invalid, Json, Result};

fn empty_object() -> Json {
    Json::of(&Value::Object(serde_json::Map::new()))
}

fn object_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "object" })
}

/// A new agent, whose first version is a draft.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAgent {
    /// Unique in the organization.
    #[schemars(length(min = 1, max = 120))]
    pub name: String,
    /// The name in addresses; made of `name` where absent.
    #[serde(default)]
    #[schemars(length(min = 1, max = 60), regex(pattern = r"^[a-z0-9]+(-[a-z0-9]+)*$"))]
    pub slug: Option<String>,
    pub agent_type: String,
    #[serde(default)]
    #[schemars(length(max = 4_000))]
    pub description: String,
    /// As the schema of the type says.
    #[serde(default = "empty_object")]
    #[schemars(schema_with = "object_schema")]
    pub config: Json,
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub credential_ids: Vec<CredentialId>,
    #[serde(default)]
    #[schemars(length(max = 64), inner(length(min = 1, max = 80)))]
    pub capabilities: Vec<String>,
    #[serde(default)]
    #[schemars(length(max = 32), inner(length(min = 1, max = 80)))]
    pub tags: Vec<String>,
    /// The agent's instructions.
    #[serde(default)]
    #[schemars(length(max = 64_000))]
    pub persona: String,
    #[serde(default)]
    #[schemars(length(max = 64), inner(length(min = 1, max = 80)))]
    pub skillset: Vec<String>,
    /// JSON Schema of its input; `{}` takes anything.
    #[serde(default = "empty_object")]
    #[schemars(schema_with = "object_schema")]
    pub input_schema: Json,
    #[serde(default = "empty_object")]
    #[schemars(schema_with = "object_schema")]
    pub output_schema: Json,
    #[serde(default)]
    pub trigger_mode: TriggerMode,
    #[serde(default)]
    pub execution: Policy,
    #[serde(default)]
    pub visibility: Visibility,
    #[serde(default = "empty_object")]
    #[schemars(schema_with = "object_schema")]
    pub metadata: Json,
}

/// The whole of what can be changed. What is absent takes its default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentUpdate {
    #[schemars(length(min = 1, max = 120))]
    pub name: String,
    /// May be given, and is then the type that the agent has.
    #[serde(default)]
    pub agent_type: Option<String>,
    #[serde(default)]
    #[schemars(length(max = 4_000))]
    pub description: String,
    #[serde(default = "empty_object")]
    #[schemars(schema_with = "object_schema")]
    pub config: Json,
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub credential_ids: Vec<CredentialId>,
    #[serde(default)]
    #[schemars(length(max = 64), inner(length(min = 1, max = 80)))]
    pub capabilities: Vec<String>,
    #[serde(default)]
    #[schemars(length(max = 32), inner(length(min = 1, max = 80)))]
    pub tags: Vec<String>,
    #[serde(default)]
    #[schemars(length(max = 64_000))]
    pub persona: String,
    #[serde(default)]
    #[schemars(length(max = 64), inner(length(min = 1, max = 80)))]
    pub skillset: Vec<String>,
    #[serde(default = "empty_object")]
    #[schemars(schema_with = "object_schema")]
    pub input_schema: Json,
    #[serde(default = "empty_object")]
    #[schemars(schema_with = "object_schema")]
    pub output_schema: Json,
    #[serde(default)]
    pub trigger_mode: TriggerMode,
    #[serde(default)]
    pub execution: Policy,
    #[serde(default)]
    pub visibility: Visibility,
    #[serde(default = "empty_object")]
    #[schemars(schema_with = "object_schema")]
    pub metadata: Json,
}

/// A JSON merge patch (RFC 7396) over what `PUT` takes: only what is named changes, `null` gives the default back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct AgentPatch(#[schemars(schema_with = "object_schema")] pub Value);

impl NewAgent {
    /// The same as a change, with the slug that was asked for.
    pub(super) fn split(self) -> (Option<String>, String, AgentUpdate) {
        let update = AgentUpdate {
            name: self.name,
            agent_type: Some(self.agent_type.clone()),
            description: self.description,
            config: self.config,
            credential_ids: self.credential_ids,
            capabilities: self.capabilities,
            tags: self.tags,
            persona: self.persona,
            skillset: self.skillset,
            input_schema: self.input_schema,
            output_schema: self.output_schema,
            trigger_mode: self.trigger_mode,
            execution: self.execution,
            visibility: self.visibility,
            metadata: self.metadata,
        };
        (self.slug, self.agent_type, update)
    }
}

impl AgentUpdate {
    /// An agent as it stands, in the form in which it is changed.
    pub fn of(agent: &Agent, definition: &Definition) -> Self {
        Self {
            name: agent.name.clone(),
            agent_type: Some(agent.agent_type.clone()),
            description: agent.description.clone(),
            config: definition.config.clone(),
            credential_ids: definition.credential_ids.clone(),
            capabilities: agent.capabilities.clone(),
            tags: agent.tags.clone(),
            persona: definition.persona.clone(),
            skillset: definition.skillset.clone(),
            input_schema: definition.input_schema.clone(),
            output_schema: definition.output_schema.clone(),
            trigger_mode: agent.trigger_mode,
            execution: definition.execution.clone(),
            visibility: agent.visibility,
            metadata: agent.metadata.clone(),
        }
    }

    pub(super) fn definition(&self, agent_type: &str) -> Definition {
        Definition {
            agent_type: agent_type.to_owned(),
            config: self.config.clone(),
            credential_ids: self.credential_ids.clone(),
            persona: self.persona.clone(),
            skillset: self.skillset.clone(),
            input_schema: self.input_schema.clone(),
            output_schema: self.output_schema.clone(),
            execution: self.execution.clone(),
        }
    }
}

/// Lays `patch` over `update`.
///
/// Errors: `ValidationFailed` with the path of what does not fit.
pub(super) fn patched(update: &AgentUpdate, patch: &Value) -> Result<AgentUpdate> {
    if !patch.is_object() {
        return Err(Error::invalid("a merge patch is a JSON object"));
    }
    let mut value =
        serde_json::to_value(update).map_err(|it| Error::internal("write an agent as a change", it))?;
    json_patch::merge(&mut value, patch);
    // The merge takes away what the patch sets to null; what was null before is absent in the same sense.
    serde_path_to_error::deserialize(value).map_err(|error| {
        let parts = error.path().iter().map(|it| format!("/{}", it.to_string().trim_matches(['[', ']'])));
        let path: String = parts.filter(|it| it != "/?").collect();
        let message = error.inner().to_string();
        Error::invalid_fields(Code::ValidationFailed, vec![Invalid { path, message }])
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn update(change: Value) -> AgentUpdate {
        let mut value = json!({ "name": "Ticket resolver", "config": {} });
        json_patch::merge(&mut value, &change);
        serde_json::from_value(value).expect("an update")
    }

    #[test]
    fn a_patch_changes_what_it_names() {
        let before = update(json!({ "tags": ["a"], "execution": { "budget_micros_per_day": 5 } }));
        let patch = json!({ "name": "New", "tags": null, "execution": { "timeout_ms": 7 } });
        let after = patched(&before, &patch).expect("patched");
        assert_eq!((after.name.as_str(), after.tags.len()), ("New", 0));
        assert_eq!((after.execution.timeout_ms, after.execution.budget_micros_per_day), (7, Some(5)));
        assert_eq!(patched(&before, &json!({})).expect("patched"), before);
    }

    #[test]
    fn a_patch_that_does_not_fit_is_refused_with_its_path() {
        let before = update(json!({}));
        for (patch, path) in [
            (json!({ "execution": { "retry": { "max_attempts": "x" } } }), "/execution/retry/max_attempts"),
            (json!({ "tags": ["a", 1] }), "/tags/1"),
            (json!({ "status": "published" }), "/status"),
            (json!({ "name": null }), ""),
            (json!([]), ""),
        ] {
            let error = patched(&before, &patch).expect_err("refused");
            assert_eq!(error.invalid_list().first().map_or("", |it| it.path.as_str()), path, "{patch}");
        }
    }
}
