//! Publishing a named event: a run for every trigger that hears it.

use super::super::fire::{self, About, Fired, Message};
use super::super::hit::Outcome;
use super::super::seen::Mark;
use super::super::types::{NewEvent, Trigger, is_event_name};
use super::super::view::{Published, Reaction};
use crate::access::{Action, Cx};
use crate::adapters::mapping::Scope;
use crate::base::{Code, Error, EventId, Result};
use crate::executions::TriggerKind;
use crate::infra::store::{Key, Order, Rows};

const MAX_ID_CHARS: usize = 200;

/// Starts what hears the event. When this returns, every run that it names is durable; the same id again is led to
/// them. One trigger that cannot start does not keep the others from it.
///
/// Errors: `ValidationFailed`; `Unavailable` while draining, or where the store takes nothing.
pub async fn publish(cx: &Cx, event: NewEvent) -> Result<Published> {
    cx.require(Action::EventsPublish)?;
    let name = event.name.trim().to_owned();
    if !is_event_name(&name, false) {
        let message = "an event is named by words with dots between, such as order.paid";
        return Err(Error::invalid_at("/name", message));
    }
    let id = match event.id {
        Some(id) if id.is_empty() || id.chars().count() > MAX_ID_CHARS => {
            return Err(Error::invalid_at("/id", format!("an id has 1 to {MAX_ID_CHARS} characters")));
        }
        Some(id) => id,
        None => cx.id::<EventId>().to_string(),
    };
    let mut hearing = Vec::new();
    cx.read()?.scan::<Trigger>(Key::new(), Order::Oldest, |it| {
        if it.enabled && it.hears(&name) {
            hearing.push(it);
        }
        Ok(true)
    })?;
    let seen = serde_json::json!({ "name": name, "id": id, "data": event.data.to_value() }).to_string();
    let scope = Scope::default().with_json("event", &seen).with_json("body", event.data.as_str());
    let mut started = Vec::with_capacity(hearing.len());
    for trigger in hearing {
        let trigger_id = trigger.id;
        let marks = if trigger.rules.dedupe_ms > 0 { vec![Mark::of_id(&id)] } else { Vec::new() };
        let about = About {
            delivery_id: Some(id.clone()),
            bytes: event.data.len() as u64,
            content_type: None,
            address: cx.origin().address.map(|it| it.to_string()),
        };
        let (kind, scope, plain) = (TriggerKind::Event, scope.clone(), event.data.clone());
        let message = Message { trigger, kind, about, marks, scope, plain };
        let (outcome, execution_id, reason) = match fire::fire(cx.services(), cx.org(), message).await {
            Ok(Fired::Started(started)) => (Outcome::Accepted, Some(started.id), None),
            Ok(Fired::Again(run)) => (Outcome::Deduplicated, Some(run), None),
            Ok(Fired::Filtered) => (Outcome::Filtered, None, None),
            Err(error) if matches!(error.code(), Code::Unavailable | Code::Internal) => return Err(error),
            Err(error) => (Outcome::Refused, None, Some(error.message().to_owned())),
        };
        started.push(Reaction { trigger_id, outcome, execution_id, reason });
    }
    Ok(Published { id, name, started })
}
