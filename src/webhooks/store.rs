//! Rows. Takes a transaction or a view, never opens one. Numbers 130 to 133; those of callbacks are 134 and 135.

use super::delivery::{Delivery, State};
use super::event::Event;
use super::types::{Health, Webhook};
use crate::base::{DeliveryId, Error, EventId, Result, WebhookId};
use crate::infra::store::{Indexes, Key, PerOrg, Row, Rows, Table};

/// Of `Webhook`.
const BY_NAME: u8 = 1;
/// Of `Delivery`.
pub(super) const BY_WEBHOOK: u8 = 1;
pub(super) const BY_WEBHOOK_STATE: u8 = 2;
pub(super) const BY_EVENT: u8 = 3;
pub(super) const BY_EXPIRY: u8 = 4;
/// Those that are callbacks, by run.
pub(super) const BY_CALLBACK: u8 = 5;
pub(super) const BY_CALLBACK_STATE: u8 = 6;

impl Row for Webhook {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(130, "webhooks");

    fn key(&self) -> Key {
        Key::of(self.id)
    }

    fn indexes(&self, index: &mut Indexes) {
        index.add(BY_NAME, Key::new().text(&self.name.to_lowercase()));
    }
}

impl Row for Health {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(131, "webhook_health");

    fn key(&self) -> Key {
        Key::of(self.webhook_id)
    }
}

impl Row for Event {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(132, "webhook_events");

    fn key(&self) -> Key {
        Key::of(self.id)
    }
}

impl Row for Delivery {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(133, "webhook_deliveries");

    fn key(&self) -> Key {
        Key::of(self.id)
    }

    fn indexes(&self, index: &mut Indexes) {
        if let Some(webhook) = self.webhook_id {
            index.add(BY_WEBHOOK, Key::of(webhook));
            index.add(BY_WEBHOOK_STATE, state_key(webhook, self.state));
        }
        if let Some(run) = self.execution_id.filter(|_| self.callback_url.is_some()) {
            index.add(BY_CALLBACK, Key::of(run));
            index.add(BY_CALLBACK_STATE, Key::new().byte(self.state as u8));
        }
        index.add(BY_EVENT, Key::of(self.event_id));
        if let Some(at) = self.expires_at() {
            index.add(BY_EXPIRY, Key::new().time(at));
        }
    }
}

pub(super) fn state_key(webhook: WebhookId, state: State) -> Key {
    Key::of(webhook).byte(state as u8)
}

pub(super) fn find(rows: &impl Rows<PerOrg>, id: WebhookId) -> Result<Webhook> {
    rows.get(id)?.ok_or_else(|| Error::not_found("webhook", id))
}

/// Errors: `NotFound` also for a delivery of another webhook.
pub(super) fn delivery(rows: &impl Rows<PerOrg>, webhook: WebhookId, id: DeliveryId) -> Result<Delivery> {
    let found: Option<Delivery> = rows.get(id)?;
    found.filter(|it| it.webhook_id == Some(webhook)).ok_or_else(|| Error::not_found("delivery", id))
}

pub(super) fn event(rows: &impl Rows<PerOrg>, id: EventId) -> Result<Event> {
    rows.get(id)?.ok_or_else(|| Error::not_found("event", id))
}

/// Errors: `Conflict` where a webhook other than `own` has the name.
pub(super) fn check_free(rows: &impl Rows<PerOrg>, name: &str, own: Option<WebhookId>) -> Result<()> {
    let holder: Option<Webhook> = rows.by_index(BY_NAME, Key::new().text(&name.to_lowercase()))?;
    match holder {
        Some(it) if Some(it.id) != own => {
            Err(Error::conflict("a webhook of this organization has this name already")
                .at("/name", "take another name"))
        }
        _ => Ok(()),
    }
}
