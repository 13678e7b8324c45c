//! What callers send.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::types::{DEFAULT_TIMEOUT_MS, ErrorHandling, OnError, StepRetry, empty_object};
use crate::agents::{Number, Visibility};
use crate::base::Json;

fn object_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "object" })
}

fn default_timeout() -> u64 {
    DEFAULT_TIMEOUT_MS
}

/// A new chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewChain {
    /// Unique in the organization.
    #[schemars(length(min = 1, max = 120))]
    pub name: String,
    /// The name in addresses; made of `name` where absent.
    #[serde(default)]
    #[schemars(length(min = 1, max = 60), regex(pattern = r"^[a-z0-9]+(-[a-z0-9]+)*$"))]
    pub slug: Option<String>,
    #[serde(default)]
    #[schemars(length(max = 4_000))]
    pub description: String,
    #[serde(default)]
    pub visibility: Visibility,
    /// JSON Schema of its input; `{}` takes anything.
    #[serde(default = "empty_object")]
    #[schemars(schema_with = "object_schema")]
    pub input_schema: Json,
    #[schemars(length(min = 1, max = 50))]
    pub steps: Vec<NewStep>,
    /// What the run answers, out of `input`, `steps` and `previous`; absent: the output of the last step that
    /// completed.
    #[serde(default)]
    pub output_mapping: Option<Json>,
    /// What becomes of the run when a step fails that says nothing about it.
    #[serde(default)]
    pub error_handling: ErrorHandling,
    /// How steps are tried again that say nothing about it; absent: as their agents say.
    #[serde(default)]
    pub retry_policy: Option<StepRetry>,
    /// For the whole run, pauses included.
    #[serde(default = "default_timeout")]
    #[schemars(range(min = 1, max = 86_400_000))]
    pub timeout_ms: u64,
}

/// The whole of what can be changed. What is absent takes its default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChainUpdate {
    #[schemars(length(min = 1, max = 120))]
    pub name: String,
    #[serde(default)]
    #[schemars(length(max = 4_000))]
    pub description: String,
    #[serde(default)]
    pub visibility: Visibility,
    #[serde(default = "empty_object")]
    #[schemars(schema_with = "object_schema")]
    pub input_schema: Json,
    #[schemars(length(min = 1, max = 50))]
    pub steps: Vec<NewStep>,
    #[serde(default)]
    pub output_mapping: Option<Json>,
    #[serde(default)]
    pub error_handling: ErrorHandling,
    #[serde(default)]
    pub retry_policy: Option<StepRetry>,
    #[serde(default = "default_timeout")]
    #[schemars(range(min = 1, max = 86_400_000))]
    pub timeout_ms: u64,
}

/// One step: an agent, what it gets, when it is asked and what follows when it fails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ChainStep")]
pub struct NewStep {
    /// The name under which later steps find its output: `steps.ID.output`.
    #[schemars(length(min = 1, max = 40), regex(pattern = r"^[a-z][a-z0-9_]*$"))]
    pub id: String,
    /// Id or slug.
    pub agent_id: String,
    /// Absent: the version that is published when a run is accepted.
    #[serde(default)]
    pub version: Option<Number>,
    /// What the agent gets: an expression, or JSON with `{{ … }}` in its texts, over `input`, `steps` and
    /// `previous`. Absent: the output of the step before, or the run's input.
    #[serde(default)]
    pub input_mapping: Option<Json>,
    /// What counts as the step's output; sees `output` too. Absent: what the agent answered.
    #[serde(default)]
    pub output_mapping: Option<Json>,
    /// An expression; where it does not hold, the step is skipped.
    #[serde(default)]
    #[schemars(length(max = 4_096))]
    pub condition: Option<String>,
    /// For one attempt; absent: the agent's own.
    #[serde(default)]
    #[schemars(range(min = 1, max = 86_400_000))]
    pub timeout_ms: Option<u64>,
    /// `fail`, `continue`, `{"goto": "later_step"}` or `{"fallback": {"agent_id": "agt_…"}}`; absent: as the
    /// chain's `error_handling` says.
    #[serde(default)]
    pub on_error: Option<OnError>,
    #[serde(default)]
    pub retry: Option<StepRetry>,
}

impl NewChain {
    /// The same as a change, with the slug that was asked for.
    pub(super) fn split(self) -> (Option<String>, ChainUpdate) {
        let update = ChainUpdate {
            name: self.name,
            description: self.description,
            visibility: self.visibility,
            input_schema: self.input_schema,
            steps: self.steps,
            output_mapping: self.output_mapping,
            error_handling: self.error_handling,
            retry_policy: self.retry_policy,
            timeout_ms: self.timeout_ms,
        };
        (self.slug, update)
    }
}
