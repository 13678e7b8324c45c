//! What a stop says.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{AgentId, Code, Error, Result, Timestamp};

const MAX_REASON_CHARS: usize = 500;

/// What becomes of runs that wait for their turn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "StopQueued")]
pub enum Queued {
    /// They begin when the stop is lifted.
    #[default]
    Keep,
    Cancel,
}

/// What a caller sends to stop.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStop {
    /// Shown to everyone who is refused.
    #[schemars(length(min = 1, max = 500))]
    pub reason: String,
    #[serde(default)]
    pub queued: Queued,
}

impl NewStop {
    /// Errors: `ValidationFailed` without a reason.
    pub(super) fn checked(self) -> Result<Self> {
        let reason = self.reason.trim().to_owned();
        if reason.is_empty() || reason.chars().count() > MAX_REASON_CHARS {
            return Err(Error::invalid_at("reason", format!("has 1 to {MAX_REASON_CHARS} characters")));
        }
        Ok(Self { reason, ..self })
    }
}

/// A stop that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stop {
    /// The agent that is stopped; `null`: the whole organization.
    pub agent_id: Option<AgentId>,
    /// Who stopped it, as actors are written (`usr_…`).
    pub by: String,
    /// What that one was called then.
    pub by_name: String,
    pub at: Timestamp,
    pub reason: String,
    pub queued: Queued,
}

impl Stop {
    /// What a caller is told who wants to run it all the same.
    pub(super) fn refusal(&self) -> Error {
        let (what, lift) = match self.agent_id {
            Some(agent) => ("this agent was", format!("POST /api/agents/{agent}/resume lifts the stop")),
            None => {
                ("all agents of this organization were", "POST /api/org/resume lifts the stop".to_owned())
            }
        };
        let at = self.at.utc().format("%Y-%m-%d %H:%M UTC");
        let reason = self.reason.trim_end_matches('.');
        Error::new(Code::Stopped, format!("{what} stopped by {} on {at}: {reason}", self.by_name))
            .detail("stopped_by", self.by.as_str())
            .detail("stopped_by_name", self.by_name.as_str())
            .detail("stopped_at", self.at.to_string())
            .detail("reason", self.reason.as_str())
            .suggest(lift)
    }
}

/// What a stop did.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StopReport {
    pub stopped: Stop,
    /// Runs that were under way or, where that was asked, queued, and are cancelled.
    pub cancelled: usize,
}

/// Whether the organization is stopped.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct OrgStop {
    pub stopped: Option<Stop>,
    /// Agents that are stopped on their own, as far as the caller sees them.
    pub agents: Vec<Stop>,
}
