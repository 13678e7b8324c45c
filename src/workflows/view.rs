//! What answers show.

use schemars::JsonSchema;
use serde::Serialize;

use super::input::NewStep;
use super::types::{Definition, ErrorHandling, Step, StepRetry, Workflow};
use crate::agents::Visibility;
use crate::base::{Invalid, Json, Timestamp, UserId, WorkflowId};

/// A chain.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Chain")]
pub struct ChainView {
    pub id: WorkflowId,
    /// Stands for the id in addresses.
    pub slug: String,
    pub name: String,
    pub description: String,
    pub visibility: Visibility,
    pub input_schema: Json,
    pub steps: Vec<NewStep>,
    pub output_mapping: Option<Json>,
    pub error_handling: ErrorHandling,
    pub retry_policy: Option<StepRetry>,
    pub timeout_ms: u64,
    /// Counts the changes. A run goes on with the one that it was accepted with.
    pub revision: u32,
    pub owner_id: Option<UserId>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ChainView {
    pub(super) fn of(workflow: Workflow, definition: Definition) -> Self {
        let Definition::Chain(chain) = definition;
        Self {
            id: workflow.id,
            slug: workflow.slug,
            name: workflow.name,
            description: workflow.description,
            visibility: workflow.visibility,
            input_schema: chain.input_schema,
            steps: chain.steps.into_iter().map(shown).collect(),
            output_mapping: chain.output_mapping,
            error_handling: chain.error_handling,
            retry_policy: chain.retry_policy,
            timeout_ms: chain.timeout_ms,
            revision: workflow.revision,
            owner_id: workflow.owner_id,
            created_at: workflow.created_at,
            updated_at: workflow.updated_at,
        }
    }
}

/// As it is written.
fn shown(step: Step) -> NewStep {
    NewStep {
        id: step.id,
        agent_id: step.agent_id.to_string(),
        version: step.version,
        input_mapping: step.input_mapping,
        output_mapping: step.output_mapping,
        condition: step.condition,
        timeout_ms: step.timeout_ms,
        on_error: step.on_error,
        retry: step.retry,
    }
}

/// What a check without saving found.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ChainValidation")]
pub struct Validation {
    /// Whether it could be saved as it is.
    pub valid: bool,
    /// What is wrong, with the field's path and what would be right.
    pub validation_errors: Vec<Invalid>,
    /// What may go wrong, depending on the data or on what is done elsewhere.
    pub warnings: Vec<Invalid>,
}
