//! What exists and what is valid: an endpoint, and what a person says to make or change one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::event::EventType;
use crate::base::{AgentId, Code, Error, Invalid, Result, Timestamp, WebhookId};
use crate::infra::Secret;
use crate::infra::egress::{Egress, parse_url};
use crate::keys::SigningSecrets;

pub(super) const MAX_WEBHOOKS: usize = 50;
pub(super) const MAX_NAME_CHARS: usize = 120;
const MAX_URL_BYTES: usize = 2_048;
const MAX_AGENTS: usize = 200;
/// As long as both secrets sign after a rotation, where nobody says otherwise.
pub(super) const DEFAULT_OVERLAP_MS: u64 = 24 * 3_600_000;
pub(super) const MAX_OVERLAP_MS: u64 = 7 * 24 * 3_600_000;

/// Where events go.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Webhook {
    pub id: WebhookId,
    pub name: String,
    pub url: String,
    pub events: Vec<EventType>,
    /// Only these agents' runs; empty: everyone's.
    pub agent_ids: Vec<AgentId>,
    pub enabled: bool,
    /// Set where the program itself switched it off.
    pub switched_off: Option<SwitchedOff>,
    pub secrets: SigningSecrets,
    /// Counts the changes of this row.
    pub revision: u64,
    pub created_at: Timestamp,
    pub created_by: String,
    pub updated_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SwitchedOff {
    pub at: Timestamp,
    pub why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "WebhookSwitchedOff")]
pub enum Why {
    /// The far end answered 410.
    Gone,
    /// Nothing was taken for days.
    Failing,
}

impl Why {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }
}

/// What the last attempts came to, apart from the endpoint, whose tag must not change with every delivery.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Health {
    pub webhook_id: WebhookId,
    /// The first of the failures in a row.
    pub failing_since: Option<Timestamp>,
    pub failures: u32,
    pub last_success_at: Option<Timestamp>,
    pub last_failure_at: Option<Timestamp>,
    pub last_failure: Option<String>,
}

impl Health {
    pub(super) fn new(webhook_id: WebhookId) -> Self {
        Self {
            webhook_id,
            failing_since: None,
            failures: 0,
            last_success_at: None,
            last_failure_at: None,
            last_failure: None,
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    #[schemars(length(min = 1, max = 120))]
    pub name: String,
    #[schemars(length(min = 1, max = 2048))]
    pub url: String,
    #[schemars(length(min = 1, max = 6))]
    pub events: Vec<EventType>,
    /// Only runs of these agents, by id or slug; empty: of all.
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub agent_ids: Vec<String>,
    #[serde(default = "yes")]
    pub enabled: bool,
    /// A secret of your own, as `whsec_` and base64 of 24 to 64 bytes; left out: one is made.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub secret: Option<Secret>,
}

/// Replaces everything but the secret.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookUpdate {
    #[schemars(length(min = 1, max = 120))]
    pub name: String,
    #[schemars(length(min = 1, max = 2048))]
    pub url: String,
    #[schemars(length(min = 1, max = 6))]
    pub events: Vec<EventType>,
    /// By id or slug.
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub agent_ids: Vec<String>,
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// A new secret beside the present one.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "WebhookRotation")]
pub struct Rotation {
    /// As long as the old secret signs too: 0 to 604800000, by default a day.
    #[serde(default)]
    #[schemars(range(min = 0, max = 604_800_000))]
    pub overlap_ms: Option<u64>,
    /// A secret of your own; left out: one is made.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub secret: Option<Secret>,
}

const fn yes() -> bool {
    true
}

/// Name, address and choice, as they will be stored.
pub(super) struct Labels {
    pub name: String,
    pub url: Url,
    pub events: Vec<EventType>,
    pub agent_ids: Vec<AgentId>,
}

impl Labels {
    /// Errors: `ValidationFailed` with every wrong field; `EgressDenied` for an address that is closed.
    pub(super) fn check(
        egress: &Egress,
        name: &str,
        url: &str,
        events: &[EventType],
        agent_ids: &[AgentId],
    ) -> Result<Self> {
        let mut wrong = Vec::new();
        let mut say = |path: &str, message: String| wrong.push(Invalid { path: path.to_owned(), message });
        let name = name.trim().to_owned();
        if name.is_empty() || name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control) {
            say("/name", format!("a name has 1 to {MAX_NAME_CHARS} characters, in one line"));
        }
        let url = url.trim();
        let parsed = parse_url(url);
        match &parsed {
            _ if url.len() > MAX_URL_BYTES => {
                say("/url", format!("an address has at most {MAX_URL_BYTES} bytes"));
            }
            Err(error) => say("/url", error.message.clone()),
            Ok(_) => {}
        }
        if events.is_empty() {
            say("/events", "choose at least one event".to_owned());
        }
        for (at, event) in events.iter().enumerate() {
            if !EventType::SUBSCRIBABLE.contains(event) {
                say(&format!("/events/{at}"), "this event is sent for a test only".to_owned());
            }
        }
        if agent_ids.len() > MAX_AGENTS {
            say("/agent_ids", format!("at most {MAX_AGENTS} agents; none stands for all"));
        }
        let url = match (parsed, wrong.is_empty()) {
            (Ok(url), true) => url,
            _ => return Err(Error::invalid_fields(Code::ValidationFailed, wrong)),
        };
        egress.check(&url).map_err(|it| {
            let message = it.message.clone();
            Error::from(it).at("/url", message)
        })?;
        Ok(Self { name, url, events: once(events), agent_ids: once(agent_ids) })
    }
}

/// Each once, in their order.
fn once<T: Copy + PartialEq>(given: &[T]) -> Vec<T> {
    let mut kept = Vec::with_capacity(given.len());
    for it in given {
        if !kept.contains(it) {
            kept.push(*it);
        }
    }
    kept
}
