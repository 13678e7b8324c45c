//! Hears of the end of every run, in its transaction, and writes down who is to be told.

use std::sync::Weak;

use super::delivery::{Delivery, State};
use super::event::{Event, EventType};
use super::register::Register;
use super::types::Webhook;
use crate::access::Services;
use crate::base::{DeliveryId, Id, Result, Timestamp, WebhookId};
use crate::engine::{Timer, TimerKind};
use crate::executions::{Execution, Listener};
use crate::infra::store::{Key, Order, OrgTx, Rows};

pub(super) struct Ends {
    /// The services own the list that this is in.
    pub services: Weak<Services>,
}

impl Listener for Ends {
    fn ended(&self, tx: &mut OrgTx<'_, '_>, execution: &Execution) -> Result<()> {
        let Some(services) = self.services.upgrade() else { return Ok(()) };
        if !services.kept.get::<Register>().has(tx.org_id()) {
            return Ok(());
        }
        let Some(kind) = EventType::of_end(execution.status) else { return Ok(()) };
        let webhooks: Vec<Webhook> = tx.all(Key::new(), Order::Oldest)?;
        let mut wanting = webhooks.iter().filter(|it| wants(it, kind, execution)).peekable();
        if wanting.peek().is_none() {
            return Ok(());
        }
        let now = services.env.now();
        let event = match Event::of_run(services.env.id(), kind, execution, now) {
            Ok(event) => event,
            Err(error) => {
                // A run must not be kept from its end by what is told of it.
                tracing::error!(execution.id = %execution.id, ?error, "the end of a run could not be told");
                return Ok(());
            }
        };
        tx.insert(&event)?;
        for webhook in wanting {
            put(tx, &new_delivery(services.env.id(), webhook.id, &event, now), now)?;
        }
        Ok(())
    }
}

fn wants(webhook: &Webhook, kind: EventType, execution: &Execution) -> bool {
    let agent_fits = webhook.agent_ids.is_empty()
        || execution.agent_id.is_some_and(|agent| webhook.agent_ids.contains(&agent));
    webhook.enabled && webhook.events.contains(&kind) && agent_fits
}

pub(super) fn new_delivery(id: DeliveryId, webhook_id: WebhookId, event: &Event, now: Timestamp) -> Delivery {
    Delivery {
        id,
        webhook_id,
        event_id: event.id,
        event: event.kind,
        agent_id: event.agent_id,
        execution_id: event.execution_id,
        state: State::Pending,
        attempts: 0,
        next_attempt_at: Some(now),
        tries: Vec::new(),
        resend_of: None,
        once: false,
        note: None,
        created_at: now,
        ended_at: None,
    }
}

/// Writes a pending delivery, to be attempted at `due`.
pub(super) fn put(tx: &mut OrgTx<'_, '_>, delivery: &Delivery, due: Timestamp) -> Result<()> {
    tx.put(delivery)?;
    Timer::set(tx, TimerKind::Delivery, delivery.id.bytes(), due)
}
