//! What is written to the journal of a run about its steps. Names are part of the contract with clients, and on
//! disk: a run that goes on after a crash reads them back.

use serde::{Deserialize, Serialize};

use crate::adapters::Usage;
use crate::agents::Number;
use crate::base::{AgentId, Code, Json, Timestamp};
use crate::engine::{EventKind, Failure};

/// `step.started`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Started {
    pub step: String,
    pub agent_id: AgentId,
    pub agent_version: Number,
    /// 1: the step's own agent; 2: the one that stands in for it.
    pub call: usize,
    /// Of this call, from 1.
    pub attempt: u32,
    /// What the agent gets as `Idempotency-Key`: the same on every attempt of this call.
    pub idempotency_key: String,
}

/// `step.completed`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Completed {
    pub step: String,
    pub output: Json,
    /// Of all attempts of this call.
    pub usage: Usage,
    pub duration_ms: u64,
}

/// `step.failed`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Failed {
    pub step: String,
    pub call: usize,
    pub attempt: u32,
    pub error: StepError,
    pub then: Then,
    /// Where `then` is `retry`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
    /// Where `then` is `goto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goto: Option<String>,
    /// Of all attempts of this call so far.
    pub usage: Usage,
    pub duration_ms: u64,
}

/// `step.skipped`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Skipped {
    pub step: String,
    pub reason: String,
}

/// What a step failed with, as later steps see it too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StepError {
    pub code: Code,
    pub message: String,
}

impl StepError {
    pub(super) fn of(failure: &Failure) -> Self {
        Self { code: failure.code, message: failure.message.clone() }
    }
}

/// What follows a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Then {
    /// Another attempt of the same call.
    Retry,
    /// The agent that stands in.
    Fallback,
    /// The next step.
    Continue,
    /// A later step.
    Goto,
    /// The run fails.
    Fail,
}

/// Whether entries of this kind are told here, or say what a step used whose end is not told.
pub(super) fn is_fact(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::StepStarted
            | EventKind::StepCompleted
            | EventKind::StepFailed
            | EventKind::StepSkipped
            | EventKind::Usage
    )
}
