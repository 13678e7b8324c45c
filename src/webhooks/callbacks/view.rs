//! Callbacks as answers show them.

use schemars::JsonSchema;
use serde::Serialize;

use super::secret::Signing;
use crate::base::{DeliveryId, EventId, ExecutionId, Timestamp};
use crate::infra::Secret;
use crate::infra::egress::origin_of;
use crate::webhooks::delivery::{Delivery, State, Try};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "CallbackStatus")]
pub enum CallbackState {
    /// The run has not ended.
    Waiting,
    /// It will be attempted (again).
    Pending,
    /// The far end took it.
    Delivered,
    /// It is not attempted any more.
    Failed,
    /// What came of it is no longer kept.
    Forgotten,
}

impl CallbackState {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Forgotten => "forgotten",
        }
    }
}

impl From<State> for CallbackState {
    fn from(state: State) -> Self {
        match state {
            State::Pending => Self::Pending,
            State::Delivered => Self::Delivered,
            State::Failed => Self::Failed,
        }
    }
}

/// How the end of a run was told to the address that the run named.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Callback")]
pub struct CallbackView {
    pub execution_id: ExecutionId,
    /// Scheme, host and port of the address.
    pub origin: String,
    /// The whole address, in which some write a token: for those who may read webhooks.
    pub url: Option<String>,
    pub status: CallbackState,
    /// The latest delivery; none before the run's end.
    pub delivery_id: Option<DeliveryId>,
    /// The `webhook-id` that is sent: the same on every attempt, and when it is sent again.
    pub event_id: Option<EventId>,
    /// Attempts that were made.
    pub attempts: u32,
    /// When it is tried (again), where it waits.
    pub next_attempt_at: Option<Timestamp>,
    /// Of the last attempt's answer.
    pub response_code: Option<u16>,
    /// What went wrong last.
    pub error: Option<String>,
    /// The latest attempts, oldest first.
    pub tries: Vec<Try>,
    /// The delivery that this one repeats.
    pub resend_of: Option<DeliveryId>,
    pub created_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

impl CallbackView {
    /// Of a run that has not been told of.
    pub(super) fn untold(execution_id: ExecutionId, address: &str, has_ended: bool) -> Self {
        Self {
            execution_id,
            origin: origin_of(address),
            url: Some(address.to_owned()),
            status: if has_ended { CallbackState::Forgotten } else { CallbackState::Waiting },
            delivery_id: None,
            event_id: None,
            attempts: 0,
            next_attempt_at: None,
            response_code: None,
            error: None,
            tries: Vec::new(),
            resend_of: None,
            created_at: None,
            ended_at: None,
        }
    }

    pub(super) fn of(execution_id: ExecutionId, it: Delivery) -> Self {
        let last = it.tries.last();
        let address = it.callback_url.unwrap_or_default();
        Self {
            execution_id,
            origin: origin_of(&address),
            url: Some(address),
            status: it.state.into(),
            delivery_id: Some(it.id),
            event_id: Some(it.event_id),
            attempts: it.attempts,
            next_attempt_at: it.next_attempt_at,
            response_code: last.and_then(|it| it.status_code),
            error: it.note.or_else(|| last.and_then(|it| it.error.clone())),
            tries: it.tries,
            resend_of: it.resend_of,
            created_at: Some(it.created_at),
            ended_at: it.ended_at,
        }
    }

    /// For those who may not see the whole address; nor what its far end said, which may repeat it.
    pub(super) fn without_address(mut self) -> Self {
        self.url = None;
        for attempt in &mut self.tries {
            attempt.answer = None;
        }
        self
    }
}

/// What signs an organization's callbacks.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct CallbackSigning {
    /// Four characters of a keyed fingerprint: tell two secrets apart, and say nothing about either. None before the
    /// first callback.
    pub secret_hint: Option<String>,
    pub secret_since: Option<Timestamp>,
    /// Until then the secret before signs too.
    pub former_secret_until: Option<Timestamp>,
    /// Callbacks that were neither taken nor given up.
    pub callbacks_waiting: u64,
}

impl CallbackSigning {
    pub(super) fn of(signing: Option<&Signing>, callbacks_waiting: u64, now: Timestamp) -> Self {
        let secrets = signing.map(|it| &it.secrets);
        Self {
            secret_hint: secrets.map(|it| it.hint().to_owned()),
            secret_since: secrets.map(|it| it.since()),
            former_secret_until: secrets.and_then(|it| it.former_until(now)),
            callbacks_waiting,
        }
    }
}

/// The signing secret of callbacks at the one moment when it can be seen.
#[derive(Clone, Serialize, JsonSchema)]
pub struct NewCallbackSecret {
    #[serde(flatten)]
    pub signing: CallbackSigning,
    /// `whsec_…`, where it was made here. Shown once.
    pub secret: Option<String>,
}

impl NewCallbackSecret {
    pub(super) fn of(signing: CallbackSigning, secret: &Secret, is_new: bool) -> Self {
        Self { signing, secret: secret.expose_str().filter(|_| is_new).map(str::to_owned) }
    }
}
