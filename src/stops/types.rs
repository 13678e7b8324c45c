//! What a stop says.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::{AgentId, Code, Error, Json, Result, Timestamp};
use crate::engine::Failure;

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
            return Err(Error::invalid_at(
                "reason",
                format!(
                    "has to say why, in 1 to {MAX_REASON_CHARS} characters: everyone who is refused reads it"
                ),
            ));
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
        let details = self.details().into_iter();
        let plain = Error::new(Code::Stopped, self.sentence()).suggest(lifted_by(self.agent_id));
        details.fold(plain, |it, (name, value)| it.detail(name, value))
    }

    /// What those are told who wait for a run that it ends.
    pub(super) fn end(&self) -> Failure {
        let details = self.details().into_iter().map(|(name, value)| (name.to_owned(), value));
        Failure {
            details: Json::of(&Value::Object(details.collect())),
            ..Failure::new(Code::Stopped, format!("this run was ended, because {}", self.sentence()))
        }
    }

    fn sentence(&self) -> String {
        let what = match self.agent_id {
            Some(_) => "this agent was",
            None => "all agents of this organization were",
        };
        let at = self.at.utc().format("%Y-%m-%d %H:%M UTC");
        format!("{what} stopped by {} on {at}: {}", self.by_name, self.reason.trim_end_matches('.'))
    }

    fn details(&self) -> [(&'static str, Value); 5] {
        [
            ("stopped_agent_id", self.agent_id.map(|it| it.to_string()).into()),
            ("stopped_by", self.by.as_str().into()),
            ("stopped_by_name", self.by_name.as_str().into()),
            ("stopped_at", self.at.to_string().into()),
            ("reason", self.reason.as_str().into()),
        ]
    }
}

/// How the stop of an agent, or for `None` of everything, is lifted.
pub fn lifted_by(agent: Option<AgentId>) -> String {
    match agent {
        Some(agent) => format!("POST /api/agents/{agent}/resume lifts the stop"),
        None => "POST /api/org/resume lifts the stop".to_owned(),
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
