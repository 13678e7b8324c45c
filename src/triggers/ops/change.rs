//! Changing triggers: made, changed, given a new address or secret, deleted. Every change is in the audit log.

use super::super::hit::{Counts, Hit};
use super::super::scheme::Scheme;
use super::super::secrets;
use super::super::seen::Seen;
use super::super::store::{self, Address};
use super::super::types::{
    DEFAULT_OVERLAP_MS, Hook, Kind, MAX_OVERLAP_MS, MAX_TRIGGERS, NewTrigger, Rotated, Rotation, Trigger,
    TriggerUpdate, Wrong, event_of, name_of, named_of, scheme_of,
};
use super::super::view::{NewAddress, TriggerView};
use super::look::view;
use crate::access::{Action, Cx};
use crate::agents::Agent;
use crate::audit::Note;
use crate::base::{Code, Doing, Error, Result, TriggerId};
use crate::infra::Secret;
use crate::infra::store::{Key, Order, OrgTx, Rows, WriteTx};
use crate::infra::token::{Minted, TokenKind, mint};
use crate::keys::SigningSecrets;
use crate::targets::{self, Named, Target};
use crate::workflows::Workflow;

/// From the commit on, calls of its address, or its events, start runs. The answer holds the address and a
/// secret that was made, this once.
///
/// Errors: `ValidationFailed` with every wrong field; `AgentNotFound`, `NotFound`; `InsufficientPermissions` without the right to
/// run it; `Conflict` for a name that is taken; `OrganizationLimitExceeded`; `Unavailable` while sealed.
pub async fn create(cx: &Cx, new: NewTrigger) -> Result<NewAddress> {
    cx.require(Action::TriggersWrite)?;
    let mut wrong = Wrong::default();
    let name = name_of(&new.name, &mut wrong);
    let event = event_of(new.kind, new.event.as_deref(), &mut wrong);
    let scheme = match new.kind {
        Kind::Hook => Some(scheme_of(new.signature.as_ref(), &mut wrong)),
        Kind::Event => None,
    };
    wrong.check_secret(scheme.as_ref(), new.secret.is_some());
    let (rules, tolerance_ms) = new.rules(new.kind, &mut wrong);
    let named = named_of(new.agent_id.as_deref(), new.workflow_id.as_deref(), &mut wrong);
    wrong.done()?;
    let target = may_run(cx, named)?;
    let secret = match &scheme {
        Some(scheme) if scheme.is_signed() => Some(secrets::given_or_new(cx, scheme, new.secret)?),
        _ => None,
    };
    let address = scheme.is_some().then(|| mint(cx.env(), TokenKind::Hook));
    let url = address.as_ref().map(|it| url_of(cx, it));
    let shown = secret.as_ref().filter(|it| it.1).and_then(|it| it.0.expose_str().map(str::to_owned));
    let (caller, enabled) = (cx.clone(), new.enabled);
    let trigger = cx
        .services()
        .store
        .write(move |tx| {
            let (id, now) = (caller.id(), caller.now());
            let mut org = tx.org(caller.org());
            store::check_free(&org, &name, None)?;
            check_room(&org)?;
            still_there(&org, target)?;
            let hook = match (scheme, &address) {
                (Some(scheme), Some(address)) => {
                    let secrets = match secret {
                        Some((secret, _)) => {
                            let vault = &caller.services().vault;
                            Some(SigningSecrets::first(vault, &mut org, secrets::of(id), &secret, now)?)
                        }
                        None => None,
                    };
                    Some(hook_of(address, scheme, secrets, tolerance_ms))
                }
                _ => None,
            };
            let row = Trigger {
                id,
                name,
                agent_id: target.agent(),
                workflow_id: target.workflow(),
                enabled,
                hook,
                event,
                rules,
                revision: 0,
                created_at: now,
                created_by: caller.actor().to_string(),
                updated_at: now,
            };
            org.insert(&row)?;
            caller.note(&mut org, note_of("trigger.create", &row))?;
            caller.claim(&mut org)?;
            put_address(tx, &caller, &row)?;
            Ok(TriggerView::of(row, None, now))
        })
        .await?;
    Ok(NewAddress { trigger, url, secret: shown })
}

/// Replaces everything but address, secret and what kind it is.
///
/// Errors: as `create`; `NotFound`; `PreconditionFailed`.
pub async fn update(
    cx: &Cx,
    id: TriggerId,
    update: TriggerUpdate,
    expected: Option<u64>,
) -> Result<TriggerView> {
    cx.require(Action::TriggersWrite)?;
    let before = store::find(cx, &cx.read()?, id)?;
    let kind = before.kind();
    let mut wrong = Wrong::default();
    let name = name_of(&update.name, &mut wrong);
    let event = event_of(kind, update.event.as_deref(), &mut wrong);
    let scheme = match (kind, &update.signature) {
        (Kind::Hook, Some(given)) => Some(scheme_of(Some(given), &mut wrong)),
        _ => None,
    };
    let (rules, tolerance_ms) = update.rules(kind, &mut wrong);
    let named = named_of(update.agent_id.as_deref(), update.workflow_id.as_deref(), &mut wrong);
    wrong.done()?;
    let target = may_run(cx, named)?;
    let caller = cx.clone();
    cx.write(move |tx| {
        let mut row = found(&caller, tx, id, expected)?;
        store::check_free(tx, &name, Some(id))?;
        still_there(tx, target)?;
        if let Some(hook) = &mut row.hook {
            hook.tolerance_ms = tolerance_ms;
            change_scheme(hook, scheme)?;
        }
        row.name = name;
        row.lead_to(target);
        row.event = event;
        row.rules = rules;
        row.enabled = update.enabled;
        let note = note_of("trigger.update", &row);
        save(&caller, tx, row, note)
    })
    .await
}

/// A hook that was not signed has no secret to be signed with.
fn change_scheme(hook: &mut Hook, scheme: Option<Scheme>) -> Result<()> {
    let Some(scheme) = scheme else { return Ok(()) };
    if scheme.is_signed() && hook.secrets.is_none() {
        return Err(Error::invalid_at(
            "/signature",
            "this hook has no secret yet; make a new trigger that is signed",
        ));
    }
    if !scheme.is_signed() {
        hook.secrets = None;
    }
    hook.scheme = scheme;
    Ok(())
}

/// Puts a new address, or a new secret beside the old one, in place.
///
/// Errors: `ValidationFailed`, `NotFound`, `PreconditionFailed`; `Conflict` for an event, and for a secret of a hook
/// that is not signed; `Unavailable` while sealed.
pub async fn rotate(cx: &Cx, id: TriggerId, rotation: Rotation, expected: Option<u64>) -> Result<NewAddress> {
    cx.require(Action::TriggersWrite)?;
    let before = store::find(cx, &cx.read()?, id)?;
    let hook = before.hook.ok_or_else(|| Error::conflict("an event has neither address nor secret"))?;
    let overlap_ms = rotation.overlap_ms.unwrap_or(DEFAULT_OVERLAP_MS);
    if overlap_ms > MAX_OVERLAP_MS {
        return Err(Error::invalid_at("/overlap_ms", format!("is 0 to {MAX_OVERLAP_MS}")));
    }
    match rotation.what {
        Rotated::Address => rotate_address(cx, id, expected).await,
        Rotated::Secret => {
            let secret = secrets::given_or_new(cx, &hook.scheme, rotation.secret)?;
            rotate_secret(cx, id, expected, secret, overlap_ms).await
        }
    }
}

async fn rotate_address(cx: &Cx, id: TriggerId, expected: Option<u64>) -> Result<NewAddress> {
    let address = mint(cx.env(), TokenKind::Hook);
    let url = url_of(cx, &address);
    let caller = cx.clone();
    let trigger = cx
        .services()
        .store
        .write(move |tx| {
            let mut row = found(&caller, &tx.org(caller.org()), id, expected)?;
            if let Some(hook) = &mut row.hook {
                tx.appliance().delete::<Address>(Key::new().bytes(&hook.token))?;
                hook.token = address.hash.bytes();
                hook.shown = address.display;
            }
            put_address(tx, &caller, &row)?;
            let mut org = tx.org(caller.org());
            let note = Note::of("trigger.rotate", "trigger", id).with("what", "address");
            let view = save(&caller, &mut org, row, note)?;
            caller.claim(&mut org)?;
            Ok(view)
        })
        .await?;
    Ok(NewAddress { trigger, url: Some(url), secret: None })
}

async fn rotate_secret(
    cx: &Cx,
    id: TriggerId,
    expected: Option<u64>,
    (secret, is_new): (Secret, bool),
    overlap_ms: u64,
) -> Result<NewAddress> {
    let shown = secret.expose_str().filter(|_| is_new).map(str::to_owned);
    let caller = cx.clone();
    let trigger = cx
        .write(move |tx| {
            let mut row = found(&caller, tx, id, expected)?;
            let Some(secrets) = row.hook.as_mut().and_then(|it| it.secrets.as_mut()) else {
                return Err(Error::conflict("this hook is not signed, so it has no secret"));
            };
            let (vault, of) = (&caller.services().vault, secrets::of(id));
            secrets.rotate(vault, tx, of, &secret, (caller.now(), overlap_ms))?;
            let note = Note::of("trigger.rotate", "trigger", id)
                .with("what", "secret")
                .with("version", secrets.version())
                .with("overlap_ms", overlap_ms);
            save(&caller, tx, row, note)
        })
        .await?;
    Ok(NewAddress { trigger, url: None, secret: shown })
}

/// The trigger is gone, its address answers no more. Runs that it started stay.
///
/// Errors: `NotFound`, `PreconditionFailed`.
pub async fn delete(cx: &Cx, id: TriggerId, expected: Option<u64>) -> Result<()> {
    cx.require(Action::TriggersWrite)?;
    let caller = cx.clone();
    cx.services()
        .store
        .write(move |tx| {
            let row = found(&caller, &tx.org(caller.org()), id, expected)?;
            if let Some(hook) = &row.hook {
                tx.appliance().delete::<Address>(Key::new().bytes(&hook.token))?;
            }
            let mut org = tx.org(caller.org());
            org.delete::<Trigger>(id)?;
            org.delete::<Counts>(id)?;
            org.delete_all::<Hit>(id)?;
            org.delete_all::<Seen>(id)?;
            let note = Note::of("trigger.delete", "trigger", id).with("name", row.name.as_str());
            caller.note(&mut org, note)
        })
        .await
}

/// What is named, where the caller may run it: a trigger does nothing that its maker could not.
fn may_run(cx: &Cx, named: Option<Named>) -> Result<Target> {
    let named = named.ok_or("what is started was not checked").doing("check a trigger")?;
    targets::may_run(cx, &cx.read()?, &named)
}

fn still_there(rows: &OrgTx<'_, '_>, target: Target) -> Result<()> {
    let (is_there, kind) = match target {
        Target::Agent(id) => (rows.exists::<Agent>(id)?, "agent"),
        Target::Chain(id) => (rows.exists::<Workflow>(id)?, "chain"),
    };
    if is_there { Ok(()) } else { Err(Error::not_found(kind, target.id())) }
}

fn url_of(cx: &Cx, address: &Minted) -> String {
    let token = address.text.expose_str().unwrap_or_default();
    format!("{}/hooks/{token}", cx.services().config.public_url())
}

fn hook_of(address: &Minted, scheme: Scheme, secrets: Option<SigningSecrets>, tolerance_ms: u64) -> Hook {
    Hook { token: address.hash.bytes(), shown: address.display.clone(), scheme, secrets, tolerance_ms }
}

fn put_address(tx: &mut WriteTx<'_>, cx: &Cx, row: &Trigger) -> Result<()> {
    match &row.hook {
        Some(hook) => tx.appliance().put(&Address { token: hook.token, org: cx.org(), trigger: row.id }),
        None => Ok(()),
    }
}

/// Errors: `NotFound`, `InsufficientPermissions` for one whose target the caller may see but not run,
/// `PreconditionFailed`.
fn found(cx: &Cx, tx: &OrgTx<'_, '_>, id: TriggerId, expected: Option<u64>) -> Result<Trigger> {
    let row = store::find(cx, tx, id)?;
    if expected.is_some_and(|it| it != row.revision) {
        let message = "this was changed since you read it; read it again";
        return Err(Error::new(Code::PreconditionFailed, message));
    }
    Ok(row)
}

fn check_room(rows: &OrgTx<'_, '_>) -> Result<()> {
    let mut count = 0;
    rows.scan::<Trigger>(Key::new(), Order::Oldest, |_| {
        count += 1;
        Ok(true)
    })?;
    if count < MAX_TRIGGERS {
        return Ok(());
    }
    let message = format!("an organization has at most {MAX_TRIGGERS} triggers");
    Err(Error::new(Code::OrganizationLimitExceeded, message).suggest("delete one that is no longer used"))
}

fn note_of(action: &'static str, row: &Trigger) -> Note {
    let note = Note::of(action, "trigger", row.id)
        .with("name", row.name.as_str())
        .with("agent_id", row.agent_id.map(|it| it.to_string()))
        .with("workflow_id", row.workflow_id.map(|it| it.to_string()))
        .with("enabled", row.enabled);
    match (&row.hook, &row.event) {
        (Some(hook), _) => note
            .with("signature", hook.scheme.preset.name())
            .with("insecure_no_signature", !hook.scheme.is_signed()),
        (None, event) => note.with("event", event.clone()),
    }
}

fn save(cx: &Cx, tx: &mut OrgTx<'_, '_>, mut row: Trigger, note: Note) -> Result<TriggerView> {
    row.revision += 1;
    row.updated_at = cx.now();
    tx.put(&row)?;
    cx.note(tx, note)?;
    view(cx, tx, row)
}
