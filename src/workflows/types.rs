//! What exists: a workflow, its revisions, and the chain that is written into one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::agents::{Number, Visibility};
use crate::base::{AgentId, ExecutionId, Json, Timestamp, UserId, WorkflowId};

pub(super) const DEFAULT_TIMEOUT_MS: u64 = 600_000;

/// A sequence of steps, each of which asks one agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chain {
    /// `{}` takes anything.
    pub input_schema: Json,
    pub steps: Vec<Step>,
    /// What the run answers; `None`: the output of the last step that completed.
    pub output_mapping: Option<Json>,
    pub error_handling: ErrorHandling,
    /// Of steps that say nothing; `None`: that of their agents.
    pub retry_policy: Option<StepRetry>,
    /// For the whole run.
    pub timeout_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub id: String,
    pub agent_id: AgentId,
    /// `None`: the version that is published when a run is accepted.
    pub version: Option<Number>,
    /// What the agent gets; `None`: what came before.
    pub input_mapping: Option<Json>,
    /// What counts as the step's output; `None`: what the agent answered.
    pub output_mapping: Option<Json>,
    pub condition: Option<String>,
    /// For one attempt; `None`: the agent's own.
    pub timeout_ms: Option<u64>,
    pub on_error: Option<OnError>,
    pub retry: Option<StepRetry>,
}

/// What becomes of a run whose step has failed for good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ChainErrorHandling")]
pub enum ErrorHandling {
    /// It fails.
    #[default]
    Fail,
    /// It goes on with the next step; the failed one has no output.
    Continue,
}

/// What follows when a step has failed for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ChainStepOnError")]
pub enum OnError {
    /// The run fails.
    Fail,
    /// The next step; this one has no output.
    Continue,
    /// A later step by its id; those between are skipped.
    Goto(String),
    /// Another agent gets the same input, and its answer is the step's output.
    Fallback(Fallback),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ChainStepFallback")]
pub struct Fallback {
    pub agent_id: AgentId,
    #[serde(default)]
    pub version: Option<Number>,
}

/// The n-th pause is `backoff_ms` doubled n - 1 times, at most `max_backoff_ms`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "ChainStepRetry")]
pub struct StepRetry {
    /// Attempts in all; 1: never again.
    #[schemars(range(min = 1, max = 20))]
    pub max_attempts: u32,
    #[schemars(range(min = 0, max = 86_400_000))]
    pub backoff_ms: u64,
    /// At least `backoff_ms`.
    #[schemars(range(min = 0, max = 86_400_000))]
    pub max_backoff_ms: u64,
}

impl Default for StepRetry {
    fn default() -> Self {
        Self { max_attempts: 3, backoff_ms: 500, max_backoff_ms: 30_000 }
    }
}

impl Chain {
    /// Every agent that a run may ask, each once.
    pub fn agents(&self) -> Vec<AgentId> {
        let mut all: Vec<AgentId> = self.calls().map(|it| it.0).collect();
        all.sort();
        all.dedup();
        all
    }

    /// Agent and version of every call that a run may make: those of the steps in their order, each followed by
    /// its fallback.
    pub fn calls(&self) -> impl Iterator<Item = (AgentId, Option<Number>)> {
        self.steps.iter().flat_map(|step| {
            let fallback = match &step.on_error {
                Some(OnError::Fallback(it)) => Some((it.agent_id, it.version)),
                _ => None,
            };
            [(step.agent_id, step.version)].into_iter().chain(fallback)
        })
    }
}

/// What a workflow is made of. Names of kinds are on disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Definition {
    Chain(Chain),
}

impl Definition {
    pub(super) fn chain(&self) -> &Chain {
        match self {
            Self::Chain(chain) => chain,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workflow {
    pub id: WorkflowId,
    /// Unique in the organization; never changes.
    pub slug: String,
    /// Unique in the organization, whatever the case of its letters.
    pub name: String,
    pub description: String,
    pub visibility: Visibility,
    /// Nobody where the program itself made it.
    pub owner_id: Option<UserId>,
    /// Number of the revision that runs: counts the changes, from 1.
    pub revision: u32,
    /// Agents that it names, so that they know who needs them.
    pub agents: Vec<AgentId>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What a workflow was made of between two changes. Never changes itself, so that a run that was accepted with it
/// goes on with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Revision {
    pub workflow_id: WorkflowId,
    pub number: u32,
    pub definition: Definition,
    pub created_at: Timestamp,
    pub created_by: String,
}

/// With what a run was accepted: the versions of the agents it asks, in the order of `Chain::calls`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Accepted {
    #[serde(rename = "e")]
    pub execution: ExecutionId,
    #[serde(rename = "v")]
    pub versions: Vec<Number>,
}

/// What stays of a deleted workflow, so that its history can still be read by those who could read it before.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Gone {
    pub workflow: Workflow,
    pub deleted_at: Timestamp,
}

/// How many workflows there are, so that a limit costs one read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Count {
    pub workflows: u64,
}

pub(super) fn empty_object() -> Json {
    Json::of(&Value::Object(serde_json::Map::new()))
}
