//! From a timer to the next one: a delivery is attempted, and what came of it is written with the timer's end.

use std::sync::{Arc, Weak};

use async_trait::async_trait;

use url::Url;

use super::attempt::{self, Destination, Made};
use super::callbacks::{self, Waiting};
use super::delivery::{Delivery, Next, Outcome, State, Try};
use super::event::Event;
use super::gate::{Endpoint, Gate, Gates};
use super::types::{Health, SwitchedOff, Webhook, Why};
use super::{secrets, store};
use crate::access::Services;
use crate::audit::{self, Note};
use crate::base::{Actor, Code, DeliveryId, Id, OrgId, Origin, Result, Timestamp, WebhookId};
use crate::engine::{Due, Fire, Timer, TimerKind};
use crate::infra::egress::{origin_of, parse_url};
use crate::infra::fault;
use crate::infra::store::{OrgTx, Rows};

/// Where nothing can be signed, because secrets are sealed, it is tried again after this.
const SEALED_PAUSE_MS: u64 = 60_000;
const NOTHING_SENT: &str = "nothing was sent: the host is left alone after failures, or secrets are sealed";
const REFUSED: Outcome = Outcome::Refused { retry_after_ms: None };

pub(super) struct Sender {
    /// The services own the timers, which own this.
    pub services: Weak<Services>,
}

#[async_trait]
impl Fire for Sender {
    async fn fire(&self, due: Due) -> Result<()> {
        let Some(services) = self.services.upgrade() else { return Ok(()) };
        let (org, id) = (due.org, DeliveryId::from_bytes(due.subject));
        attempt(&services, org, id, Some(due)).await
    }
}

/// What the rows say of a delivery that is due.
enum Found {
    /// Nothing is left to do.
    Over,
    /// The endpoint is gone or wants nothing.
    Unwanted(&'static str),
    Ready(Box<Ready>),
}

struct Ready {
    delivery: Delivery,
    to: To,
    event: Event,
}

enum To {
    Webhook(Box<Webhook>),
    /// The address that the run named.
    Callback(Url),
}

impl To {
    fn endpoint(&self, org: OrgId) -> Endpoint {
        match self {
            Self::Webhook(it) => Endpoint::Webhook(it.id),
            Self::Callback(url) => Endpoint::Origin(org, origin_of(url.as_str())),
        }
    }
}

/// One attempt, and what follows it. When this returns, that is on disk. `due`: the timer that brought it about.
pub(super) async fn attempt(
    services: &Arc<Services>,
    org: OrgId,
    id: DeliveryId,
    due: Option<Due>,
) -> Result<()> {
    let gates = services.kept.get::<Gates>();
    // Whoever is at it moves the timer.
    let Some(_under_way) = gates.begin(id) else { return Ok(()) };
    let ready = match find(services, org, id)? {
        Found::Over => return write(services, org, due, |_| Ok(())).await,
        Found::Unwanted(why) => return write(services, org, due, move |it| it.refuse(id, why)).await,
        Found::Ready(ready) => ready,
    };
    let gate = gates.of(org, ready.to.endpoint(org));
    let now = services.env.now();
    if let Some(until) = gate.closed_until(now).filter(|_| !ready.delivery.once) {
        return write(services, org, due, move |it| it.put_off(id, until)).await;
    }
    let place = match &due {
        None => gates.place_for_a_person(&gate).await.ok_or(0),
        Some(_) => gates.place(&gate, id),
    };
    let _place = match place {
        Ok(place) => place,
        Err(pause_ms) => {
            return write(services, org, due, move |it| it.put_off(id, now.plus_ms(pause_ms))).await;
        }
    };
    fault!("webhooks.send"?);
    let made = match sent(services, org, &ready).await {
        Ok(made) => made,
        Err(error) if error.is(Code::Unavailable) => Made::Later { pause_ms: SEALED_PAUSE_MS },
        Err(error) => Made::Attempt(REFUSED, not_sent(now, error.message())),
    };
    let now = services.env.now();
    let (outcome, attempt) = match made {
        Made::Attempt(outcome, attempt) => (outcome, attempt),
        Made::Later { pause_ms } if !ready.delivery.once => {
            let until = now.plus_ms(pause_ms.max(1_000));
            return write(services, org, due, move |it| it.put_off(id, until)).await;
        }
        Made::Later { .. } => (REFUSED, not_sent(now, NOTHING_SENT)),
    };
    fault!("webhooks.sent"?);
    gate.took(attempt.latency_ms);
    slow_down(&gate, &outcome, now);
    write(services, org, due, move |it| it.record(id, &outcome, attempt)).await
}

fn not_sent(at: Timestamp, why: &str) -> Try {
    Try { at, latency_ms: 0, status_code: None, answer: None, error: Some(why.to_owned()) }
}

fn find(services: &Services, org: OrgId, id: DeliveryId) -> Result<Found> {
    let rows = services.store.org(org)?;
    let Some(delivery) = rows.get::<Delivery>(id)?.filter(|it| it.state == State::Pending) else {
        return Ok(Found::Over);
    };
    let to = match (&delivery.callback_url, delivery.webhook_id) {
        (Some(address), _) => match parse_url(address) {
            Ok(url) => To::Callback(url),
            Err(_) => return Ok(Found::Unwanted("the address is none")),
        },
        (None, webhook) => match webhook.map(|it| rows.get::<Webhook>(it)).transpose()?.flatten() {
            None => return Ok(Found::Unwanted("the webhook was deleted")),
            Some(it) if !it.enabled && !delivery.once => {
                return Ok(Found::Unwanted("the webhook is switched off; switch it on, and send this again"));
            }
            Some(it) => To::Webhook(Box::new(it)),
        },
    };
    let event = store::event(&rows, delivery.event_id)?;
    Ok(Found::Ready(Box::new(Ready { delivery, to, event })))
}

async fn sent(services: &Arc<Services>, org: OrgId, ready: &Ready) -> Result<Made> {
    let to = match &ready.to {
        To::Webhook(webhook) => {
            let (rows, of) = (services.store.org(org)?, (org, secrets::of(webhook.id)));
            let secrets = webhook.secrets.open(&services.vault, &rows, of, services.env.now())?;
            Destination { url: parse_url(&webhook.url)?, secrets, purpose: "webhook" }
        }
        To::Callback(url) => {
            let secrets = callbacks::secrets(services, org).await?;
            Destination { url: url.clone(), secrets, purpose: "callback" }
        }
    };
    attempt::make(services, org, &to, &ready.event).await
}

/// An endpoint that names a time is left alone by all deliveries until then.
fn slow_down(gate: &Gate, outcome: &Outcome, now: Timestamp) {
    if let Outcome::Refused { retry_after_ms: Some(ms) } = outcome {
        gate.close_until(now.plus_ms((*ms).min(3_600_000)));
    }
}

/// What an outcome is written with.
struct Writing<'t, 'w, 'a> {
    services: &'t Services,
    tx: &'t mut OrgTx<'w, 'a>,
}

async fn write(
    services: &Arc<Services>,
    org: OrgId,
    due: Option<Due>,
    change: impl FnOnce(&mut Writing<'_, '_, '_>) -> Result<()> + Send + 'static,
) -> Result<()> {
    let held = services.clone();
    let write = move |tx: &mut OrgTx<'_, '_>| {
        // A timer that was moved meanwhile belongs to whoever moved it; what came of this attempt counts all the same.
        match due.map_or(Ok(()), |it| it.take(tx)) {
            Err(error) if !error.is(Code::Conflict) => return Err(error),
            _ => {}
        }
        change(&mut Writing { services: &held, tx })
    };
    services.store.write_org(org, write).await
}

impl Writing<'_, '_, '_> {
    fn pending(&self, id: DeliveryId) -> Result<Option<Delivery>> {
        Ok(self.tx.get::<Delivery>(id)?.filter(|it| it.state == State::Pending))
    }

    /// It ends without an attempt.
    fn refuse(&mut self, id: DeliveryId, why: &str) -> Result<()> {
        let Some(mut delivery) = self.pending(id)? else { return Ok(()) };
        delivery.note = Some(why.to_owned());
        self.end(delivery, State::Failed)
    }

    fn end(&mut self, mut delivery: Delivery, state: State) -> Result<()> {
        delivery.end(state, self.services.env.now());
        Timer::clear(self.tx, TimerKind::Delivery, delivery.id.bytes())?;
        if delivery.callback_url.is_some() {
            Waiting::went(self.tx, delivery.body_bytes)?;
        }
        self.tx.put(&delivery)
    }

    /// It is tried later, which is no attempt.
    fn put_off(&mut self, id: DeliveryId, until: Timestamp) -> Result<()> {
        let Some(delivery) = self.pending(id)? else { return Ok(()) };
        if delivery.callback_url.is_none() {
            return self.put_off_again(delivery, until);
        }
        match callbacks::put_off(&delivery, until, self.services.env.now()) {
            Some(until) => self.put_off_again(delivery, until),
            None => self.refuse(id, "its host took nothing for days"),
        }
    }

    fn record(&mut self, id: DeliveryId, outcome: &Outcome, attempt: Try) -> Result<()> {
        let Some(mut delivery) = self.pending(id)? else { return Ok(()) };
        let now = self.services.env.now();
        if let Some(webhook) = delivery.webhook_id {
            self.judge(webhook, outcome, attempt.error.as_deref(), now)?;
        }
        fault!("webhooks.record"?);
        delivery.attempts += 1;
        delivery.remember(attempt);
        let jitter = f64::from(u16::from_be_bytes(self.services.env.bytes())) / f64::from(u16::MAX);
        match delivery.next(outcome, now, jitter) {
            Next::Again(at) => self.put_off_again(delivery, at),
            Next::Ended(state) => self.end(delivery, state),
        }
    }

    fn put_off_again(&mut self, mut delivery: Delivery, at: Timestamp) -> Result<()> {
        delivery.next_attempt_at = Some(at);
        super::listen::put(self.tx, &delivery, at)
    }

    /// What the attempt says of the endpoint.
    fn judge(&mut self, id: WebhookId, outcome: &Outcome, error: Option<&str>, now: Timestamp) -> Result<()> {
        let Some(webhook) = self.tx.get::<Webhook>(id)? else { return Ok(()) };
        let mut health = self.tx.get::<Health>(id)?.unwrap_or_else(|| Health::new(id));
        let verdict = health.note(outcome, error, now);
        self.tx.put(&health)?;
        match verdict.filter(|_| webhook.enabled) {
            Some(why) => self.switch_off(webhook, why, &health, now),
            None => Ok(()),
        }
    }

    fn switch_off(&mut self, mut webhook: Webhook, why: Why, health: &Health, now: Timestamp) -> Result<()> {
        tracing::warn!(webhook.id = %webhook.id, "switched off a webhook: {}", why.name());
        let note = Note::of("webhook.switch_off", "webhook", webhook.id)
            .with("name", webhook.name.as_str())
            .with("why", why.name())
            .with("failures", health.failures);
        webhook.enabled = false;
        webhook.switched_off = Some(SwitchedOff { at: now, why });
        webhook.revision += 1;
        webhook.updated_at = now;
        self.tx.put(&webhook)?;
        audit::append(self.tx, &self.services.env, &Actor::system("webhooks"), &Origin::default(), note)
    }
}
