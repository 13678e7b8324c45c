//! What answers show.

use schemars::JsonSchema;
use serde::Serialize;

use super::health::{RecentRuns, assess};
use super::number::Number;
use super::status::Status;
use super::store;
use super::types::{
    Agent, Definition, Health, HealthCheck, Policy, TriggerMode, Version, VersionStatus, Visibility,
};
use crate::base::{AgentId, CredentialId, Doing, Json, Result, Timestamp, UserId, VersionId};
use crate::infra::store::{PerOrg, Rows};
use crate::stops::{self, Stop};

/// An agent. Its definition is the draft's where there is one, else that of the version that runs.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Agent")]
pub struct AgentView {
    pub id: AgentId,
    /// Stands for the id in addresses.
    pub slug: String,
    pub name: String,
    pub description: String,
    pub agent_type: String,
    pub config: Json,
    pub credential_ids: Vec<CredentialId>,
    pub capabilities: Vec<String>,
    pub tags: Vec<String>,
    pub persona: String,
    pub skillset: Vec<String>,
    pub input_schema: Json,
    pub output_schema: Json,
    pub trigger_mode: TriggerMode,
    pub execution: Policy,
    pub visibility: Visibility,
    pub status: Status,
    pub enabled: bool,
    /// Who stopped it, when and why; no run of it begins until that is lifted.
    pub stopped: Option<Stop>,
    pub health: Health,
    /// What runs; before anything was published, the draft.
    pub current_version: Number,
    /// What is being worked on, where it is not what runs.
    pub draft_version: Option<Number>,
    pub owner_id: Option<UserId>,
    pub metadata: Json,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl AgentView {
    pub(super) fn of(
        rows: &impl Rows<PerOrg>,
        agent: Agent,
        definition: Definition,
        now: Timestamp,
    ) -> Result<Self> {
        let (health, stopped) = (assess(rows, &agent, now)?.0, stops::agent_stop(rows, agent.id)?);
        let (current_version, draft) = (agent.current_number(), agent.draft.map(|it| it.number));
        Ok(Self {
            id: agent.id,
            slug: agent.slug,
            name: agent.name,
            description: agent.description,
            agent_type: agent.agent_type,
            config: definition.config,
            credential_ids: definition.credential_ids,
            capabilities: agent.capabilities,
            tags: agent.tags,
            persona: definition.persona,
            skillset: definition.skillset,
            input_schema: definition.input_schema,
            output_schema: definition.output_schema,
            trigger_mode: agent.trigger_mode,
            execution: definition.execution,
            visibility: agent.visibility,
            status: agent.status,
            enabled: agent.enabled,
            stopped,
            health,
            current_version,
            draft_version: draft,
            owner_id: agent.owner_id,
            metadata: agent.metadata,
            created_at: agent.created_at,
            updated_at: agent.updated_at,
        })
    }

    pub(super) fn read(rows: &impl Rows<PerOrg>, agent: Agent, now: Timestamp) -> Result<Self> {
        let definition = definition(rows, &agent)?;
        Self::of(rows, agent, definition, now)
    }
}

/// What an agent's answers show of its versions.
pub(super) fn definition(rows: &impl Rows<PerOrg>, agent: &Agent) -> Result<Definition> {
    let shown = agent.shown().ok_or("an agent has no version").doing("read an agent")?;
    Ok(store::referred(rows, agent.id, shown)?.definition)
}

/// A version in a list.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "AgentVersionSummary")]
pub struct VersionSummary {
    pub id: VersionId,
    pub agent_id: AgentId,
    pub version: Number,
    pub status: VersionStatus,
    /// Whether it is the one that runs.
    pub current: bool,
    pub changelog: String,
    pub created_at: Timestamp,
    pub created_by: String,
    pub published_at: Option<Timestamp>,
    pub published_by: Option<String>,
}

impl VersionSummary {
    pub(super) fn of(version: &Version, agent: &Agent) -> Self {
        Self {
            id: version.id,
            agent_id: version.agent_id,
            version: version.number,
            status: version.status,
            current: agent.current.is_some_and(|it| it.number == version.number),
            changelog: version.changelog.clone(),
            created_at: version.created_at,
            created_by: version.created_by.clone(),
            published_at: version.published_at,
            published_by: version.published_by.clone(),
        }
    }
}

/// A version with its whole definition.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "AgentVersion")]
pub struct VersionView {
    pub id: VersionId,
    pub agent_id: AgentId,
    pub version: Number,
    pub status: VersionStatus,
    pub current: bool,
    pub changelog: String,
    pub agent_type: String,
    pub config: Json,
    pub credential_ids: Vec<CredentialId>,
    pub persona: String,
    pub skillset: Vec<String>,
    pub input_schema: Json,
    pub output_schema: Json,
    pub execution: Policy,
    pub created_at: Timestamp,
    pub created_by: String,
    pub published_at: Option<Timestamp>,
    pub published_by: Option<String>,
}

impl VersionView {
    pub(super) fn of(version: Version, agent: &Agent) -> Self {
        let current = agent.current.is_some_and(|it| it.number == version.number);
        let it = version.definition;
        Self {
            id: version.id,
            agent_id: version.agent_id,
            version: version.number,
            status: version.status,
            current,
            changelog: version.changelog,
            agent_type: it.agent_type,
            config: it.config,
            credential_ids: it.credential_ids,
            persona: it.persona,
            skillset: it.skillset,
            input_schema: it.input_schema,
            output_schema: it.output_schema,
            execution: it.execution,
            created_at: version.created_at,
            created_by: version.created_by,
            published_at: version.published_at,
            published_by: version.published_by,
        }
    }
}

/// Health and what led to it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct HealthView {
    pub agent_id: AgentId,
    pub health: Health,
    /// How runs have ended in the last hour, or since a check within it: they weigh more than the check.
    pub recent_runs: RecentRuns,
    pub checked_at: Option<Timestamp>,
    /// The last checks, newest first.
    pub checks: Vec<HealthCheck>,
}
