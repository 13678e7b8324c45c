//! Webhooks and deliveries as answers show them.

use schemars::JsonSchema;
use serde::Serialize;

use super::delivery::{Delivery, State, Try};
use super::event::EventType;
use super::types::{Health, Webhook, Why};
use crate::base::{AgentId, DeliveryId, EventId, ExecutionId, Json, Timestamp, WebhookId};
use crate::infra::Secret;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "WebhookStatus")]
pub enum Status {
    /// It is told, and takes what it is told.
    Active,
    /// It is told, and its last attempts failed.
    Failing,
    /// Somebody switched it off.
    Paused,
    /// It was switched off because it answered 410, or took nothing for days.
    Disabled,
}

impl Status {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Failing => "failing",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
        }
    }
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Webhook")]
pub struct WebhookView {
    pub id: WebhookId,
    pub name: String,
    pub url: String,
    pub events: Vec<EventType>,
    /// Only runs of these agents; empty: of all.
    pub agent_ids: Vec<AgentId>,
    pub enabled: bool,
    pub status: Status,
    /// Why the program switched it off, where it did.
    pub disabled_reason: Option<Why>,
    pub disabled_at: Option<Timestamp>,
    /// The first of the failures in a row.
    pub failing_since: Option<Timestamp>,
    pub failures_in_row: u32,
    pub last_success_at: Option<Timestamp>,
    pub last_failure_at: Option<Timestamp>,
    pub last_failure: Option<String>,
    /// Four characters of a keyed fingerprint: tell two secrets apart, and say nothing about either.
    pub secret_hint: String,
    pub secret_since: Timestamp,
    /// Until then the secret before signs too.
    pub former_secret_until: Option<Timestamp>,
    pub created_at: Timestamp,
    pub created_by: String,
    pub updated_at: Timestamp,
    /// Its tag.
    #[serde(skip)]
    pub(super) revision: u64,
}

impl WebhookView {
    pub(super) fn of(it: Webhook, health: Option<Health>, now: Timestamp) -> Self {
        let health = health.unwrap_or_else(|| Health::new(it.id));
        let status = match (it.enabled, &it.switched_off) {
            (true, _) if health.failing_since.is_some() => Status::Failing,
            (true, _) => Status::Active,
            (false, None) => Status::Paused,
            (false, Some(_)) => Status::Disabled,
        };
        Self {
            id: it.id,
            name: it.name,
            url: it.url,
            events: it.events,
            agent_ids: it.agent_ids,
            enabled: it.enabled,
            status,
            disabled_reason: it.switched_off.as_ref().map(|it| it.why),
            disabled_at: it.switched_off.map(|it| it.at),
            failing_since: health.failing_since,
            failures_in_row: health.failures,
            last_success_at: health.last_success_at,
            last_failure_at: health.last_failure_at,
            last_failure: health.last_failure,
            secret_hint: it.secrets.hint().to_owned(),
            secret_since: it.secrets.since(),
            former_secret_until: it.secrets.former_until(now),
            created_at: it.created_at,
            created_by: it.created_by,
            updated_at: it.updated_at,
            revision: it.revision,
        }
    }
}

/// A webhook at the one moment when its signing secret can be seen.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(rename = "NewWebhookSecret")]
pub struct NewSecret {
    #[serde(flatten)]
    pub webhook: WebhookView,
    /// `whsec_…`, where it was made here. Shown once.
    pub secret: Option<String>,
}

impl NewSecret {
    pub(super) fn of(webhook: WebhookView, secret: &Secret, is_new: bool) -> Self {
        Self { webhook, secret: secret.expose_str().filter(|_| is_new).map(str::to_owned) }
    }
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Delivery")]
pub struct DeliveryView {
    pub id: DeliveryId,
    pub webhook_id: WebhookId,
    /// The `webhook-id` that is sent: the same on every attempt, and when it is sent again.
    pub event_id: EventId,
    pub event: EventType,
    pub agent_id: Option<AgentId>,
    pub execution_id: Option<ExecutionId>,
    pub status: State,
    /// Attempts that were made.
    pub attempts: u32,
    /// When it is tried (again), where it waits.
    pub next_attempt_at: Option<Timestamp>,
    /// Of the last attempt's answer.
    pub response_code: Option<u16>,
    /// Of the last attempt.
    pub latency_ms: Option<u64>,
    /// What went wrong last.
    pub error: Option<String>,
    /// The latest attempts, oldest first.
    pub tries: Vec<Try>,
    /// The delivery that this one repeats.
    pub resend_of: Option<DeliveryId>,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

impl DeliveryView {
    pub(super) fn of(webhook_id: WebhookId, it: Delivery) -> Self {
        let last = it.tries.last();
        Self {
            id: it.id,
            webhook_id,
            event_id: it.event_id,
            event: it.event,
            agent_id: it.agent_id,
            execution_id: it.execution_id,
            status: it.state,
            attempts: it.attempts,
            next_attempt_at: it.next_attempt_at,
            response_code: last.and_then(|it| it.status_code),
            latency_ms: last.map(|it| it.latency_ms),
            error: it.note.or_else(|| last.and_then(|it| it.error.clone())),
            tries: it.tries,
            resend_of: it.resend_of,
            created_at: it.created_at,
            ended_at: it.ended_at,
        }
    }
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DeliveryDetail {
    #[serde(flatten)]
    pub delivery: DeliveryView,
    /// The message as it is sent.
    pub body: Json,
}
