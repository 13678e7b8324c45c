//! Changing credentials: made, changed, given a new value, deleted. Every change is in the audit log.

use super::super::holders::{Holder, Register};
use super::super::types::{
    Credential, CredentialUpdate, Labels, NewCredential, Rotation, Uses, check_expiry,
};
use super::super::value::Value;
use super::super::view::CredentialView;
use super::super::{hosts, seal, store};
use crate::access::{Action, Cx};
use crate::audit::Note;
use crate::base::{Code, CredentialId, Error, Result};
use crate::infra::fault;
use crate::infra::store::{OrgTx, Rows};
use crate::keys;

/// Seals the value and keeps it. From here on nobody reads it.
///
/// Errors: `CredentialInvalid` for a value that does not fit the kind, `ValidationFailed` for the rest,
/// `Conflict` for a name that is taken, `Unavailable` while sealed.
pub async fn create(cx: &Cx, new: NewCredential) -> Result<CredentialView> {
    cx.require(Action::CredentialsWrite)?;
    let now = cx.now();
    let labels = Labels::check(&new.name, new.expires_at, &new.allowed_hosts, new.max_concurrency, now)?;
    new.value.check(new.kind)?;
    let caller = cx.clone();
    cx.write(move |tx| {
        store::check_free(tx, &labels.name, None)?;
        let id: CredentialId = caller.id();
        let (fields, hint) = sealed(&caller, tx, id, 1, &new.value)?;
        let row = Credential {
            id,
            name: labels.name,
            kind: new.kind,
            fields,
            version: 1,
            hint,
            expires_at: labels.expires_at,
            allowed_hosts: labels.allowed_hosts,
            max_concurrency: new.max_concurrency,
            revision: 0,
            created_at: now,
            created_by: caller.actor().to_string(),
            updated_at: now,
            rotated_at: now,
        };
        tx.insert(&row)?;
        let note = Note::of("credential.create", "credential", id).with("name", row.name.as_str());
        caller.note(tx, note.with("kind", row.kind.name()))?;
        Ok(CredentialView::of(row, None, Vec::new(), now))
    })
    .await
}

/// Replaces name, expiry and hosts, and the value where one is given. `expected` is the revision that the caller
/// has read.
///
/// Errors: as `create`; `NotFound`; `PreconditionFailed`; `ValidationFailed` for more hosts without the value.
pub async fn update(
    cx: &Cx,
    id: CredentialId,
    update: CredentialUpdate,
    expected: Option<u64>,
) -> Result<CredentialView> {
    cx.require(Action::CredentialsWrite)?;
    let labels = Labels::check(&update.name, None, &update.allowed_hosts, update.max_concurrency, cx.now())?;
    let caller = cx.clone();
    cx.write(move |tx| {
        let mut row = found(tx, id, expected)?;
        if update.expires_at != row.expires_at {
            check_expiry(update.expires_at, caller.now())
                .map_err(|it| Error::invalid_fields(Code::ValidationFailed, vec![it]))?;
        }
        store::check_free(tx, &labels.name, Some(id))?;
        if update.value.is_none() && !hosts::narrows(&row.allowed_hosts, &labels.allowed_hosts) {
            return Err(Error::invalid_at("/allowed_hosts", "more hosts than before need the value again"));
        }
        let note = Note::of("credential.update", "credential", id)
            .with("name", labels.name.as_str())
            .with("allowed_hosts", labels.allowed_hosts.clone())
            .with("new_value", update.value.is_some());
        row.name = labels.name;
        row.allowed_hosts = labels.allowed_hosts;
        row.expires_at = update.expires_at;
        row.max_concurrency = update.max_concurrency;
        if let Some(value) = &update.value {
            replace_value(&caller, tx, &mut row, value)?;
        }
        save(&caller, tx, row, note)
    })
    .await
}

/// Puts a new value in place of the old one, whose ciphertext is gone when this returns. Runs that have it open
/// end with it.
///
/// Errors: `NotFound`, `CredentialInvalid`, `ValidationFailed`, `PreconditionFailed`; `Unavailable` while sealed.
pub async fn rotate(
    cx: &Cx,
    id: CredentialId,
    rotation: Rotation,
    expected: Option<u64>,
) -> Result<CredentialView> {
    cx.require(Action::CredentialsWrite)?;
    check_expiry(rotation.expires_at, cx.now())
        .map_err(|it| Error::invalid_fields(Code::ValidationFailed, vec![it]))?;
    let caller = cx.clone();
    cx.write(move |tx| {
        let mut row = found(tx, id, expected)?;
        row.expires_at = rotation.expires_at;
        replace_value(&caller, tx, &mut row, &rotation.value)?;
        let note = Note::of("credential.rotate", "credential", id).with("version", row.version);
        save(&caller, tx, row, note)
    })
    .await
}

/// The credential and its value are gone. `force`: also where agents use it, whose runs then fail.
///
/// Errors: `NotFound`, `PreconditionFailed`; `Conflict` that names the agents that use it.
pub async fn delete(cx: &Cx, id: CredentialId, force: bool, expected: Option<u64>) -> Result<()> {
    cx.require(Action::CredentialsWrite)?;
    let caller = cx.clone();
    cx.write(move |tx| {
        let row = found(tx, id, expected)?;
        let holders = caller.services().kept.get::<Register>().held(&caller, tx, id)?;
        if !holders.is_empty() && !force {
            return Err(in_use(&holders));
        }
        tx.delete::<Credential>(id)?;
        tx.delete::<Uses>(id)?;
        let note = Note::of("credential.delete", "credential", id).with("name", row.name.as_str());
        caller.note(tx, note.with("used_by", holders.len()))
    })
    .await
}

fn found(tx: &OrgTx<'_, '_>, id: CredentialId, expected: Option<u64>) -> Result<Credential> {
    let row = store::find(tx, id)?;
    if expected.is_some_and(|it| it != row.revision) {
        let message = "this was changed since you read it; read it again";
        return Err(Error::new(Code::PreconditionFailed, message));
    }
    Ok(row)
}

fn replace_value(cx: &Cx, tx: &mut OrgTx<'_, '_>, row: &mut Credential, value: &Value) -> Result<()> {
    value.check(row.kind)?;
    row.version += 1;
    (row.fields, row.hint) = sealed(cx, tx, row.id, row.version, value)?;
    fault!("connections.rotate"?);
    row.rotated_at = cx.now();
    Ok(())
}

fn sealed(
    cx: &Cx,
    tx: &mut OrgTx<'_, '_>,
    id: CredentialId,
    version: u32,
    value: &Value,
) -> Result<(seal::SealedFields, String)> {
    let vault = &cx.services().vault;
    let ring = keys::ring_or_new(vault, tx)?;
    seal::seal(vault, &ring, id, version, value)
}

fn save(cx: &Cx, tx: &mut OrgTx<'_, '_>, mut row: Credential, note: Note) -> Result<CredentialView> {
    row.revision += 1;
    row.updated_at = cx.now();
    tx.put(&row)?;
    cx.note(tx, note)?;
    let holders = cx.services().kept.get::<Register>().held(cx, tx, row.id)?;
    Ok(CredentialView::of(row.clone(), tx.get(row.id)?, holders, cx.now()))
}

fn in_use(holders: &[Holder]) -> Error {
    let visible: Vec<&Holder> = holders.iter().filter(|it| it.is_visible).collect();
    let mut names: Vec<String> = visible.iter().map(|it| it.name.clone()).collect();
    match holders.len() - visible.len() {
        0 => {}
        1 => names.push("an agent that you cannot see".to_owned()),
        more => names.push(format!("{more} agents that you cannot see")),
    }
    Error::conflict(format!("this credential is used by {}", names.join(", ")))
        .detail("used_by", serde_json::json!(visible))
        .detail("used_by_count", holders.len())
        .suggest("take it out of these agents, or delete it with ?force=true, and their runs fail")
}
