//! Hears of the end of every run and of budgets, in their transactions, and writes down who is to be told.

use std::sync::Weak;

use super::callbacks;
use super::delivery::{Delivery, State};
use super::event::{Event, EventType, MAX_BODY_BYTES};
use super::register::Register;
use super::types::Webhook;
use crate::access::Services;
use crate::base::{AgentId, DeliveryId, Id, Result, Timestamp, WebhookId};
use crate::budgets::{self, Notice};
use crate::engine::{Timer, TimerKind};
use crate::executions::{Execution, Listener};
use crate::infra::fault;
use crate::infra::store::{Key, Order, OrgTx, Rows};

pub(super) struct Ends {
    /// The services own the list that this is in.
    pub services: Weak<Services>,
}

impl Listener for Ends {
    fn accepting(&self, tx: &OrgTx<'_, '_>, execution: &Execution) -> Result<()> {
        match (&execution.callback_url, self.services.upgrade()) {
            (Some(_), Some(services)) => callbacks::check_room(tx, services.config.limits.callbacks_waiting),
            _ => Ok(()),
        }
    }

    fn ended(&self, tx: &mut OrgTx<'_, '_>, execution: &Execution) -> Result<()> {
        let Some(services) = self.services.upgrade() else { return Ok(()) };
        let Some(kind) = EventType::of_end(execution.status) else { return Ok(()) };
        let wanting = wanting(&services, tx, kind, execution.agent_id)?;
        if !wanting.is_empty()
            && let Some(event) = event_of(&services, kind, execution, MAX_BODY_BYTES)
        {
            tell(&services, tx, &event, &wanting)?;
        }
        if execution.callback_url.is_some()
            && let Some(event) = event_of(&services, kind, execution, callbacks::MAX_BODY_BYTES)
        {
            call_back(&services, tx, &event, execution)?;
        }
        Ok(())
    }
}

/// `None` where it cannot be written: a run must not be kept from its end by what is told of it.
fn event_of(services: &Services, kind: EventType, run: &Execution, most_bytes: usize) -> Option<Event> {
    match Event::of_run(services.env.id(), kind, run, most_bytes, services.env.now()) {
        Ok(event) => Some(event),
        Err(error) => {
            tracing::error!(execution.id = %run.id, ?error, "the end of a run could not be told");
            None
        }
    }
}

impl budgets::Listener for Ends {
    fn told(&self, tx: &mut OrgTx<'_, '_>, notice: &Notice) -> Result<()> {
        let Some(services) = self.services.upgrade() else { return Ok(()) };
        let wanting = wanting(&services, tx, EventType::of_budget(notice.kind), notice.agent_id)?;
        if wanting.is_empty() {
            return Ok(());
        }
        match Event::of_budget(services.env.id(), notice) {
            Ok(event) => tell(&services, tx, &event, &wanting),
            Err(error) => {
                tracing::error!(?error, "how a budget stands could not be told");
                Ok(())
            }
        }
    }
}

/// Who wants this kind of event, of this agent. An organization without webhooks costs one look.
fn wanting(
    services: &Services,
    tx: &OrgTx<'_, '_>,
    kind: EventType,
    agent: Option<AgentId>,
) -> Result<Vec<WebhookId>> {
    if !services.kept.get::<Register>().has(tx.org_id()) {
        return Ok(Vec::new());
    }
    let webhooks: Vec<Webhook> = tx.all(Key::new(), Order::Oldest)?;
    Ok(webhooks.iter().filter(|it| wants(it, kind, agent)).map(|it| it.id).collect())
}

fn wants(webhook: &Webhook, kind: EventType, agent: Option<AgentId>) -> bool {
    let agent_fits =
        webhook.agent_ids.is_empty() || agent.is_some_and(|agent| webhook.agent_ids.contains(&agent));
    webhook.enabled && webhook.events.contains(&kind) && agent_fits
}

fn tell(services: &Services, tx: &mut OrgTx<'_, '_>, event: &Event, webhooks: &[WebhookId]) -> Result<()> {
    let now = services.env.now();
    fault!("webhooks.tell"?);
    tx.insert(event)?;
    for webhook in webhooks {
        put(tx, &new_delivery(services.env.id(), *webhook, event, now), now)?;
    }
    Ok(())
}

fn call_back(services: &Services, tx: &mut OrgTx<'_, '_>, event: &Event, run: &Execution) -> Result<()> {
    let now = services.env.now();
    tx.insert(event)?;
    let callback = new_callback(services.env.id(), event, run.callback_url.clone(), now);
    callbacks::Waiting::came(tx, callback.body_bytes)?;
    put(tx, &callback, now)
}

pub(super) fn new_callback(
    id: DeliveryId,
    event: &Event,
    address: Option<String>,
    now: Timestamp,
) -> Delivery {
    let body_bytes = u64::try_from(event.body.len()).unwrap_or(u64::MAX);
    Delivery { callback_url: address, body_bytes, ..delivery_of(id, event, now) }
}

pub(super) fn new_delivery(id: DeliveryId, webhook: WebhookId, event: &Event, now: Timestamp) -> Delivery {
    Delivery { webhook_id: Some(webhook), ..delivery_of(id, event, now) }
}

fn delivery_of(id: DeliveryId, event: &Event, now: Timestamp) -> Delivery {
    Delivery {
        id,
        webhook_id: None,
        callback_url: None,
        body_bytes: 0,
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
