//! What is started, as rows keep it and as people name it.

use serde::{Deserialize, Serialize};

use crate::base::{AgentId, Error, Result, WorkflowId};
use crate::infra::store::Key;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    Agent(AgentId),
    Chain(WorkflowId),
}

impl Target {
    /// What a row names; `None` where it names neither.
    pub fn of(agent: Option<AgentId>, workflow: Option<WorkflowId>) -> Option<Self> {
        agent.map(Self::Agent).or_else(|| workflow.map(Self::Chain))
    }

    /// In which of two indexes, and where in it, what starts it stands.
    pub fn place(self, of_agents: u8, of_chains: u8) -> (u8, Key) {
        match self {
            Self::Agent(id) => (of_agents, Key::of(id)),
            Self::Chain(id) => (of_chains, Key::of(id)),
        }
    }

    pub fn agent(self) -> Option<AgentId> {
        match self {
            Self::Agent(id) => Some(id),
            Self::Chain(_) => None,
        }
    }

    pub fn workflow(self) -> Option<WorkflowId> {
        match self {
            Self::Agent(_) => None,
            Self::Chain(id) => Some(id),
        }
    }

    pub fn id(self) -> String {
        match self {
            Self::Agent(id) => id.to_string(),
            Self::Chain(id) => id.to_string(),
        }
    }

    pub const fn field(self) -> &'static str {
        match self {
            Self::Agent(_) => "agent_id",
            Self::Chain(_) => "workflow_id",
        }
    }
}

/// An id or a slug of one of the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    Agent(String),
    Chain(String),
}

impl Named {
    /// Errors: `ValidationFailed` unless it is exactly one.
    pub fn one(agent: Option<&str>, workflow: Option<&str>) -> Result<Self> {
        match (agent, workflow) {
            (Some(agent), None) => Ok(Self::Agent(agent.to_owned())),
            (None, Some(workflow)) => Ok(Self::Chain(workflow.to_owned())),
            (None, None) => {
                Err(Error::invalid_at("agent_id", "name what is run: an agent_id or a workflow_id"))
            }
            (Some(_), Some(_)) => {
                Err(Error::invalid_at("workflow_id", "name either an agent_id or a workflow_id, not both"))
            }
        }
    }

    /// What was chosen from a list of both: ids of chains are told by how they begin.
    pub fn chosen(id: &str) -> Self {
        match id.parse::<WorkflowId>() {
            Ok(_) => Self::Chain(id.to_owned()),
            Err(_) => Self::Agent(id.to_owned()),
        }
    }

    /// As `agent_id` and `workflow_id`.
    pub fn fields(self) -> (Option<String>, Option<String>) {
        match self {
            Self::Agent(id) => (Some(id), None),
            Self::Chain(id) => (None, Some(id)),
        }
    }

    /// Whether that is the very id of `target`.
    pub fn is(&self, target: Target) -> bool {
        match (self, target) {
            (Self::Agent(named), Target::Agent(_)) | (Self::Chain(named), Target::Chain(_)) => {
                *named == target.id()
            }
            _ => false,
        }
    }
}

impl From<Target> for Named {
    fn from(target: Target) -> Self {
        match target {
            Target::Agent(id) => Self::Agent(id.to_string()),
            Target::Chain(id) => Self::Chain(id.to_string()),
        }
    }
}
