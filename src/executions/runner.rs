//! Who runs: an agent's version or a workflow's revision, and what that makes of a request.

use super::sessions;
use super::types::{Execution, NewExecution, Trigger};
use crate::access::Cx;
use crate::adapters::Usage;
use crate::agents::{Delivery, Policy, Runnable};
use crate::base::{AgentId, Id, Json, Result, VersionId, WorkflowId};
use crate::budgets::{self, Ahead, Ask, By, Plan};
use crate::connections;
use crate::engine::{Lane, Repeat, Retry, Status, Task};
use crate::infra::store::{PerOrg, Rows};

/// A workflow that may run, as its owner says.
#[derive(Debug, Clone)]
pub struct WorkflowRun {
    pub id: WorkflowId,
    pub revision: u32,
    /// For the whole run, where the request names none.
    pub timeout_ms: u64,
    pub max_concurrency: Option<u32>,
}

pub(super) enum Runner {
    Agent(Runnable),
    Workflow(WorkflowRun),
}

/// Smaller inputs count as nothing.
const LARGE_INPUT_BYTES: usize = 256 << 10;

/// An input at work is there twice: as it is, and in what is sent.
fn weight_of(input: &Json) -> u64 {
    let bytes = input.as_str().len();
    if bytes > LARGE_INPUT_BYTES { bytes as u64 * 2 } else { 0 }
}

impl Runner {
    pub(super) fn is_deprecated(&self) -> bool {
        matches!(self, Self::Agent(it) if it.deprecated)
    }

    pub(super) fn execution(&self, cx: &Cx, trigger: Trigger, request: NewExecution) -> Execution {
        Execution {
            id: cx.id(),
            agent_id: self.agent().map(|it| it.0),
            version_id: self.agent().map(|it| it.1),
            agent_version: match self {
                Self::Agent(it) => Some(it.version.number.to_string()),
                Self::Workflow(_) => None,
            },
            workflow_id: self.workflow().map(|it| it.0),
            workflow_revision: self.workflow().map(|it| it.1),
            parent_id: None,
            batch: None,
            paused_at: None,
            undone: false,
            interrupted_by: None,
            retried_by: None,
            callback_url: request.callback_url,
            upstream: None,
            status: Status::Pending,
            input: request.input,
            output: None,
            failure: None,
            session_id: request.session_id,
            attempts: 0,
            trigger,
            metadata: request.metadata,
            traceparent: cx.traceparent().map(str::to_owned),
            usage: Usage::default(),
            timeout_ms: request.timeout_ms.unwrap_or(self.timeout_ms()),
            priority: request.priority.unwrap_or(0),
            created_at: cx.now(),
            started_at: None,
            completed_at: None,
        }
    }

    pub(super) fn task(&self, cx: &Cx, execution: &Execution) -> Result<Task> {
        let (lanes, repeat, retry) = match self {
            Self::Agent(it) => {
                let policy = &it.version.policy;
                let retry = Retry {
                    max_attempts: policy.retry.max_attempts,
                    backoff_ms: policy.retry.backoff_ms,
                    max_backoff_ms: policy.retry.max_backoff_ms,
                };
                let lanes = match it.version.credential_ids.is_empty() {
                    true => vec![own_lane(it)],
                    false => lanes_of(&cx.read()?, it)?,
                };
                (lanes, repeat_of(policy.delivery), retry)
            }
            // Its steps know what may run again; the run as a whole goes on where it was.
            Self::Workflow(it) => {
                let retry = Retry { max_attempts: 1, backoff_ms: 0, max_backoff_ms: 0 };
                (vec![lane_of(it.id.bytes(), it.max_concurrency)], Repeat::AtLeastOnce, retry)
            }
        };
        let session = execution.session_id.as_deref().map(sessions::lane_of);
        let mut lanes = lanes.into_iter().chain(session);
        let own = lanes.next().unwrap_or(lane_of(execution.id.bytes(), None));
        Ok(Task {
            id: execution.id,
            org: cx.org(),
            lane: own.id,
            lane_limit: own.limit,
            priority: execution.priority,
            repeat,
            retry,
            timeout_ms: execution.timeout_ms,
            accepted_at: execution.created_at,
            ready_at: execution.created_at,
            pause_ms: 0,
            attempts: 0,
            begun_at: None,
            in_flight: false,
            resting: false,
            held_since: None,
            held_ms: 0,
            more_lanes: lanes.collect(),
            turn: Vec::new(),
            weight: weight_of(&execution.input),
            attempt_timeout_ms: self.policy().and_then(|it| it.attempt_timeout_ms),
            queue_timeout_ms: self.policy().and_then(|it| it.queue_timeout_ms),
        })
    }

    fn policy(&self) -> Option<&Policy> {
        match self {
            Self::Agent(it) => Some(&it.version.policy),
            Self::Workflow(_) => None,
        }
    }

    /// What budgets hold back for the run; of a workflow, whose steps reserve one by one, only whether anything is left.
    pub(super) fn budgets(&self, cx: &Cx, execution: &Execution) -> Result<Option<Plan>> {
        // What is said until it begins is counted then.
        let history = || match self {
            Self::Agent(it) if it.version.adapter.takes_history() => {
                sessions::history(&cx.read()?, execution)
            }
            _ => Ok(Vec::new()),
        };
        let ask = match self {
            Self::Agent(it) => Some(Ask { agent: it, input: &execution.input, history: &history }),
            Self::Workflow(_) => None,
        };
        let session = execution.session_id.as_deref();
        let ahead = Ahead { org: cx.org(), execution: execution.id, session, ask };
        budgets::plan(cx.services(), &ahead, || Ok(By::actor(cx.actor())))
    }

    fn agent(&self) -> Option<(AgentId, VersionId)> {
        match self {
            Self::Agent(it) => Some((it.agent.id, it.version.id)),
            Self::Workflow(_) => None,
        }
    }

    fn workflow(&self) -> Option<(WorkflowId, u32)> {
        match self {
            Self::Agent(_) => None,
            Self::Workflow(it) => Some((it.id, it.revision)),
        }
    }

    pub(super) fn timeout_ms(&self) -> u64 {
        match self {
            Self::Agent(it) => it.version.policy.timeout_ms,
            Self::Workflow(it) => it.timeout_ms,
        }
    }
}

/// The lanes that a call of this version keeps to: its agent's, and those of its credentials that have a limit of
/// their own, which all agents that use them share.
pub fn lanes_of(rows: &impl Rows<PerOrg>, runnable: &Runnable) -> Result<Vec<Lane>> {
    let limits = connections::limits(rows, &runnable.version.credential_ids)?;
    let shared = limits.into_iter().map(|(id, limit)| lane_of(id.bytes(), Some(limit)));
    Ok(std::iter::once(own_lane(runnable)).chain(shared).collect())
}

fn own_lane(runnable: &Runnable) -> Lane {
    lane_of(runnable.agent.id.bytes(), runnable.version.policy.max_concurrency)
}

/// Without a limit of its own, only the organization's holds.
fn lane_of(id: [u8; 16], limit: Option<u32>) -> Lane {
    Lane { id, limit: limit.unwrap_or(u32::MAX) }
}

fn repeat_of(delivery: Delivery) -> Repeat {
    match delivery {
        Delivery::AtLeastOnce => Repeat::AtLeastOnce,
        Delivery::AtMostOnce => Repeat::AtMostOnce,
    }
}
