//! Changing webhooks: made, changed, given a new secret, deleted. Every change is in the audit log.

use super::super::delivery::Delivery;
use super::super::register::Register;
use super::super::store::{self, BY_WEBHOOK};
use super::super::types::{
    DEFAULT_OVERLAP_MS, Health, Labels, MAX_OVERLAP_MS, MAX_WEBHOOKS, NewWebhook, Rotation, Webhook,
    WebhookUpdate,
};
use super::super::view::{NewSecret, WebhookView};
use super::super::{secrets, sweep};
use super::look::view;
use crate::access::{Action, Cx};
use crate::agents::{self, Agent};
use crate::audit::Note;
use crate::base::{AgentId, Code, Error, Id, Result, WebhookId};
use crate::engine::{Timer, TimerKind};
use crate::infra::store::{Key, Order, OrgTx, Rows};
use crate::keys::SigningSecrets;

/// Deliveries that go in one transaction when their webhook is deleted.
const AT_ONCE: usize = 500;

/// From the commit on, ends of runs are sent there. The answer holds a secret that was made, this once.
///
/// Errors: `ValidationFailed`, `EgressDenied` for an address that is closed, `Conflict` for a name that is taken,
/// `OrganizationLimitExceeded`, `Unavailable` while sealed.
pub async fn create(cx: &Cx, new: NewWebhook) -> Result<NewSecret> {
    cx.require(Action::WebhooksWrite)?;
    let agent_ids = ids_of(cx, &new.agent_ids)?;
    let labels = Labels::check(&cx.services().egress, &new.name, &new.url, &new.events, &agent_ids)?;
    let (secret, is_new) = secrets::given_or_new(cx, new.secret)?;
    let (caller, enabled) = (cx.clone(), new.enabled);
    cx.write(move |tx| {
        store::check_free(tx, &labels.name, None)?;
        check_room(tx)?;
        check_agents(tx, &labels.agent_ids)?;
        let (id, now) = (caller.id(), caller.now());
        let row = Webhook {
            id,
            name: labels.name,
            url: labels.url.to_string(),
            events: labels.events,
            agent_ids: labels.agent_ids,
            enabled,
            switched_off: None,
            secrets: SigningSecrets::first(&caller.services().vault, tx, secrets::of(id), &secret, now)?,
            revision: 0,
            created_at: now,
            created_by: caller.actor().to_string(),
            updated_at: now,
        };
        caller.services().kept.get::<Register>().mark(caller.org());
        tx.insert(&row)?;
        caller.note(tx, note_of("webhook.create", &row))?;
        Ok(NewSecret::of(WebhookView::of(row, None, now), &secret, is_new))
    })
    .await
}

/// Replaces everything but the secret. Switching on forgets earlier failures.
///
/// Errors: as `create`; `NotFound`; `PreconditionFailed`.
pub async fn update(
    cx: &Cx,
    id: WebhookId,
    update: WebhookUpdate,
    expected: Option<u64>,
) -> Result<WebhookView> {
    cx.require(Action::WebhooksWrite)?;
    let it = &update;
    let agent_ids = ids_of(cx, &it.agent_ids)?;
    let labels = Labels::check(&cx.services().egress, &it.name, &it.url, &it.events, &agent_ids)?;
    let caller = cx.clone();
    cx.write(move |tx| {
        let mut row = found(tx, id, expected)?;
        store::check_free(tx, &labels.name, Some(id))?;
        // Agents that were deleted since may stay in the list; new ones have to exist.
        let added: Vec<AgentId> =
            labels.agent_ids.iter().copied().filter(|it| !row.agent_ids.contains(it)).collect();
        check_agents(tx, &added)?;
        if update.enabled && !row.enabled {
            tx.delete::<Health>(id)?;
        }
        if update.enabled != row.enabled {
            row.switched_off = None;
        }
        row.name = labels.name;
        row.url = labels.url.to_string();
        row.events = labels.events;
        row.agent_ids = labels.agent_ids;
        row.enabled = update.enabled;
        let note = note_of("webhook.update", &row);
        save(&caller, tx, row, note)
    })
    .await
}

/// A new secret signs from now on; the old one signs too, until the overlap is over.
///
/// Errors: `ValidationFailed`, `NotFound`, `PreconditionFailed`, `Unavailable` while sealed.
pub async fn rotate(cx: &Cx, id: WebhookId, rotation: Rotation, expected: Option<u64>) -> Result<NewSecret> {
    cx.require(Action::WebhooksWrite)?;
    let overlap_ms = rotation.overlap_ms.unwrap_or(DEFAULT_OVERLAP_MS);
    if overlap_ms > MAX_OVERLAP_MS {
        return Err(Error::invalid_at("/overlap_ms", format!("is 0 to {MAX_OVERLAP_MS}")));
    }
    let (secret, is_new) = secrets::given_or_new(cx, rotation.secret)?;
    let caller = cx.clone();
    cx.write(move |tx| {
        let mut row = found(tx, id, expected)?;
        let (of, now) = (secrets::of(id), caller.now());
        row.secrets.rotate(&caller.services().vault, tx, of, &secret, (now, overlap_ms))?;
        let note = Note::of("webhook.rotate", "webhook", id)
            .with("version", row.secrets.version())
            .with("overlap_ms", overlap_ms);
        Ok(NewSecret::of(save(&caller, tx, row, note)?, &secret, is_new))
    })
    .await
}

/// The endpoint, its secrets and its deliveries are gone; what waits is not sent any more.
///
/// Errors: `NotFound`, `PreconditionFailed`.
pub async fn delete(cx: &Cx, id: WebhookId, expected: Option<u64>) -> Result<()> {
    cx.require(Action::WebhooksWrite)?;
    let caller = cx.clone();
    cx.write(move |tx| {
        let row = found(tx, id, expected)?;
        tx.delete::<Webhook>(id)?;
        tx.delete::<Health>(id)?;
        caller.note(tx, Note::of("webhook.delete", "webhook", id).with("name", row.name.as_str()))
    })
    .await?;
    // What a crash leaves of these is unwanted when it is due, and ages out.
    while cx.services().store.write_org(cx.org(), move |tx| remove_some(tx, id)).await? == AT_ONCE {}
    Ok(())
}

fn remove_some(tx: &mut OrgTx<'_, '_>, id: WebhookId) -> Result<usize> {
    let mut some: Vec<Delivery> = Vec::new();
    tx.scan_index::<Delivery>(BY_WEBHOOK, Key::of(id), Order::Oldest, |it| {
        some.push(it);
        Ok(some.len() < AT_ONCE)
    })?;
    for it in &some {
        Timer::clear(tx, TimerKind::Delivery, it.id.bytes())?;
        sweep::remove(tx, it)?;
    }
    Ok(some.len())
}

fn found(tx: &OrgTx<'_, '_>, id: WebhookId, expected: Option<u64>) -> Result<Webhook> {
    let row = store::find(tx, id)?;
    if expected.is_some_and(|it| it != row.revision) {
        let message = "this was changed since you read it; read it again";
        return Err(Error::new(Code::PreconditionFailed, message));
    }
    Ok(row)
}

fn check_room(tx: &OrgTx<'_, '_>) -> Result<()> {
    let mut count = 0;
    tx.scan::<Webhook>(Key::new(), Order::Oldest, |_| {
        count += 1;
        Ok(true)
    })?;
    if count < MAX_WEBHOOKS {
        return Ok(());
    }
    let message = format!("an organization has at most {MAX_WEBHOOKS} webhooks");
    Err(Error::new(Code::OrganizationLimitExceeded, message).suggest("delete one that is no longer used"))
}

/// Errors: `ValidationFailed` with every slug that names no agent. Ids are looked at in the transaction.
fn ids_of(cx: &Cx, named: &[String]) -> Result<Vec<AgentId>> {
    let rows = cx.read()?;
    let mut ids = Vec::with_capacity(named.len());
    let mut error = None;
    for (at, name) in named.iter().enumerate() {
        match name.parse().map_or_else(|_| agents::id_of(&rows, name), |it| Ok(Some(it)))? {
            Some(id) => ids.push(id),
            None => {
                let shown: String = name.chars().take(80).collect();
                let message = format!("there is no agent {shown} in this organization");
                let so_far: Error = error.unwrap_or_else(|| Error::invalid(message.clone()));
                error = Some(so_far.at(&format!("/agent_ids/{at}"), message));
            }
        }
    }
    error.map_or(Ok(ids), Err)
}

/// Errors: `ValidationFailed` with every agent that is not there.
fn check_agents(tx: &OrgTx<'_, '_>, ids: &[AgentId]) -> Result<()> {
    let mut error = None;
    for id in ids {
        if !tx.exists::<Agent>(*id)? {
            let message = format!("there is no agent {id} in this organization");
            let so_far: Error = error.unwrap_or_else(|| Error::invalid(message.clone()));
            error = Some(so_far.at("/agent_ids", message));
        }
    }
    error.map_or(Ok(()), Err)
}

/// The host, not the whole address, in which some write a token.
fn note_of(action: &'static str, row: &Webhook) -> Note {
    let host = url::Url::parse(&row.url).ok().and_then(|it| it.host_str().map(str::to_owned));
    Note::of(action, "webhook", row.id)
        .with("name", row.name.as_str())
        .with("host", host)
        .with("events", row.events.iter().map(|it| it.name()).collect::<Vec<_>>())
        .with("enabled", row.enabled)
}

fn save(cx: &Cx, tx: &mut OrgTx<'_, '_>, mut row: Webhook, note: Note) -> Result<WebhookView> {
    row.revision += 1;
    row.updated_at = cx.now();
    tx.put(&row)?;
    cx.note(tx, note)?;
    view(cx, tx, row)
}
