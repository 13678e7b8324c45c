//! Triggers and hits as answers show them.

use schemars::JsonSchema;
use serde::Serialize;

use super::hit::{Counts, Hit, Outcome};
use super::scheme::Preset;
use super::types::{Algorithm, AnswerMode, Hook, Kind, Signature, Trigger};
use crate::base::{AgentId, ExecutionId, Invalid, Json, Timestamp, TriggerId, WorkflowId};
use crate::targets::Target;

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "EventTrigger")]
pub struct TriggerView {
    pub id: TriggerId,
    pub name: String,
    /// The agent that is run; none where that is a chain.
    pub agent_id: Option<AgentId>,
    pub workflow_id: Option<WorkflowId>,
    pub enabled: bool,
    pub kind: Kind,
    /// Of an event: its name, or how it begins.
    pub event: Option<String>,
    /// Of a hook.
    pub signature: Option<Signature>,
    /// How the token in the address begins; the whole address is shown once.
    pub address_hint: Option<String>,
    /// Four characters of a keyed fingerprint: tell two secrets apart, and say nothing about either.
    pub secret_hint: Option<String>,
    pub secret_since: Option<Timestamp>,
    /// Until then the secret before counts too.
    pub former_secret_until: Option<Timestamp>,
    pub tolerance_ms: Option<u64>,
    pub filter: Option<String>,
    pub mapping: Option<Json>,
    pub answer: AnswerMode,
    pub wait_ms: u64,
    pub dedupe_ms: u64,
    pub hits: HitCounts,
    pub last_hit_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub created_by: String,
    pub updated_at: Timestamp,
    /// Its tag.
    #[serde(skip)]
    pub(super) revision: u64,
}

#[derive(Debug, Clone, Copy, Default, Serialize, JsonSchema)]
pub struct HitCounts {
    pub accepted: u64,
    pub filtered: u64,
    pub refused: u64,
    pub deduplicated: u64,
}

impl TriggerView {
    pub fn target(&self) -> Option<Target> {
        Target::of(self.agent_id, self.workflow_id)
    }

    pub(super) fn of(it: Trigger, counts: Option<Counts>, now: Timestamp) -> Self {
        let kind = it.kind();
        let secrets = it.hook.as_ref().and_then(|it| it.secrets.as_ref());
        Self {
            id: it.id,
            name: it.name,
            agent_id: it.agent_id,
            workflow_id: it.workflow_id,
            enabled: it.enabled,
            kind,
            event: it.event,
            secret_hint: secrets.map(|it| it.hint().to_owned()),
            secret_since: secrets.map(|it| it.since()),
            former_secret_until: secrets.and_then(|it| it.former_until(now)),
            signature: it.hook.as_ref().map(signature_of),
            address_hint: it.hook.as_ref().map(|it| it.shown.clone()),
            tolerance_ms: it.hook.as_ref().filter(|it| it.scheme.is_timed()).map(|it| it.tolerance_ms),
            filter: it.rules.filter,
            mapping: it.rules.mapping,
            answer: it.rules.answer,
            wait_ms: it.rules.wait_ms,
            dedupe_ms: it.rules.dedupe_ms,
            last_hit_at: counts.as_ref().and_then(|it| it.last_at),
            hits: counts.map_or_else(HitCounts::default, |it| HitCounts {
                accepted: it.accepted,
                filtered: it.filtered,
                refused: it.refused,
                deduplicated: it.deduplicated,
            }),
            created_at: it.created_at,
            created_by: it.created_by,
            updated_at: it.updated_at,
            revision: it.revision,
        }
    }
}

fn signature_of(hook: &Hook) -> Signature {
    let (it, own) = (&hook.scheme, hook.scheme.preset == Preset::Hmac);
    Signature {
        scheme: it.preset,
        header: own.then(|| it.header.clone()),
        algorithm: own.then_some(Algorithm::Sha256),
        encoding: own.then_some(it.encoding),
        prefix: own.then(|| it.prefix.clone()),
        insecure_no_signature: (!it.is_signed()).then_some(true),
    }
}

/// A trigger at the one moment when its address, or a secret that was made here, can be seen.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(rename = "NewTriggerAddress")]
pub struct NewAddress {
    #[serde(flatten)]
    pub trigger: TriggerView,
    /// Where the sender is to call. Shown once.
    pub url: Option<String>,
    /// What the sender is to sign with, where it was made here. Shown once.
    pub secret: Option<String>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Hit")]
pub struct HitView {
    /// Counts from 1 for each trigger.
    pub number: u64,
    pub at: Timestamp,
    pub outcome: Outcome,
    pub reason: Option<String>,
    pub execution_id: Option<ExecutionId>,
    /// What the sender calls the message.
    pub delivery_id: Option<String>,
    pub size_bytes: u64,
    pub content_type: Option<String>,
    /// Where it came from.
    pub address: Option<String>,
}

impl HitView {
    pub(super) fn of(it: Hit) -> Self {
        Self {
            number: it.number,
            at: it.at,
            outcome: it.outcome,
            reason: it.reason,
            execution_id: it.execution_id,
            delivery_id: it.delivery_id,
            size_bytes: it.bytes,
            content_type: it.content_type,
            address: it.address,
        }
    }
}

/// What a call would come to.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "TriggerTrial")]
pub struct Trial {
    /// Whether the filter holds.
    pub wanted: bool,
    /// What the run would get.
    pub input: Option<Json>,
    /// What is wrong with that.
    pub problems: Vec<Invalid>,
    /// The run, where one was asked for.
    pub execution_id: Option<ExecutionId>,
}

/// One run that an event started, or did not.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Reaction {
    pub trigger_id: TriggerId,
    pub outcome: Outcome,
    pub execution_id: Option<ExecutionId>,
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "PublishedEvent")]
pub struct Published {
    /// As it was given, or made.
    pub id: String,
    pub name: String,
    /// What each trigger that hears it did.
    pub started: Vec<Reaction>,
}
