//! Sending on request: a test, and what was sent before.

use super::super::delivery::{Delivery, State};
use super::super::event::Event;
use super::super::gate::Gates;
use super::super::view::DeliveryView;
use super::super::{listen, send, store};
use crate::access::{Action, Cx};
use crate::audit::Note;
use crate::base::{DeliveryId, Error, Result, WebhookId};

/// A test is attempted at once; where a crash meets it, by its timer after this.
const TEST_PATIENCE_MS: u64 = 60_000;

/// Sends a `webhook.test`, once, and answers what came of it. Also to an endpoint that is switched off.
///
/// Errors: `NotFound`.
pub async fn test(cx: &Cx, id: WebhookId) -> Result<DeliveryView> {
    cx.require(Action::WebhooksWrite)?;
    let caller = cx.clone();
    let made = cx
        .write(move |tx| {
            let webhook = store::find(tx, id)?;
            let now = caller.now();
            let data = serde_json::json!({
                "webhook_id": id.to_string(),
                "message": "This is a test. A real event tells of the end of a run.",
            });
            let event = Event::of_test(caller.id(), &data, now)?;
            tx.insert(&event)?;
            let mut delivery = listen::new_delivery(caller.id(), id, &event, now);
            delivery.once = true;
            listen::put(tx, &delivery, now.plus_ms(TEST_PATIENCE_MS))?;
            caller.note(tx, Note::of("webhook.test", "webhook", id).with("name", webhook.name.as_str()))?;
            Ok(delivery.id)
        })
        .await?;
    send::attempt(cx.services(), cx.org(), made, None).await?;
    Ok(DeliveryView::of(id, store::delivery(&cx.read()?, id, made)?))
}

/// Sends an event again, under its own `webhook-id`: a delivery that has ended as a new one, one that waits at once.
///
/// Errors: `NotFound`; `Conflict` for a test, one that is being sent now, and while the webhook is switched off.
pub async fn resend(cx: &Cx, webhook: WebhookId, id: DeliveryId) -> Result<DeliveryView> {
    cx.require(Action::WebhooksWrite)?;
    let caller = cx.clone();
    cx.write(move |tx| {
        let first = store::delivery(tx, webhook, id)?;
        if !store::find(tx, webhook)?.enabled {
            return Err(Error::conflict("this webhook is switched off").suggest("switch it on first"));
        }
        if first.once {
            return Err(Error::conflict("a test is not sent again").suggest("send another test"));
        }
        if caller.services().kept.get::<Gates>().is_under_way(id) {
            return Err(Error::conflict("this delivery is being sent right now"));
        }
        let event = store::event(tx, first.event_id)?;
        let now = caller.now();
        let next = match first.state {
            State::Pending => Delivery { next_attempt_at: Some(now), ..first },
            _ => Delivery { resend_of: Some(id), ..listen::new_delivery(caller.id(), webhook, &event, now) },
        };
        listen::put(tx, &next, now)?;
        caller
            .note(tx, Note::of("webhook.resend", "webhook", webhook).with("delivery_id", id.to_string()))?;
        Ok(DeliveryView::of(webhook, next))
    })
    .await
}
