//! Looking at credentials: lists, one, whether one can be used, whether any can.

use super::super::holders::Register;
use super::super::seal;
use super::super::store;
use super::super::types::{Credential, Uses};
use super::super::value::Value;
use super::super::view::{CredentialFilter, CredentialView, Finding, Validation, VaultState, VaultStatus};
use crate::access::{Action, Cx};
use crate::audit::Note;
use crate::base::{Code, CredentialId, Page, PageRequest, Result};
use crate::infra::store::{Key, Order, PerOrg, Rows, View};
use crate::keys;

/// Newest first.
pub fn list(cx: &Cx, filter: &CredentialFilter, page: &PageRequest) -> Result<Page<CredentialView>> {
    cx.require(Action::CredentialsRead)?;
    let rows = cx.read()?;
    let (found, next) = rows.page(0, Key::new(), Order::Newest, page, |it| filter.keeps(it))?;
    let views = found.into_iter().map(|it| view(cx, &rows, it)).collect::<Result<_>>()?;
    Ok(Page::new(views, next))
}

/// Errors: `NotFound`.
pub fn find(cx: &Cx, id: CredentialId) -> Result<CredentialView> {
    cx.require(Action::CredentialsRead)?;
    let rows = cx.read()?;
    view(cx, &rows, store::find(&rows, id)?)
}

fn view(cx: &Cx, rows: &View<PerOrg>, credential: Credential) -> Result<CredentialView> {
    let uses = rows.get::<Uses>(credential.id)?;
    let holders = cx.services().kept.get::<Register>().seen(cx, rows, credential.id)?;
    Ok(CredentialView::of(credential, uses, holders, cx.now()))
}

/// Looks whether the stored value opens, still fits its kind, and has not expired. Sends it nowhere: whether the
/// far end accepts it is for the agent's own test.
///
/// Errors: `NotFound`; `Unavailable` while sealed.
pub async fn validate(cx: &Cx, id: CredentialId) -> Result<Validation> {
    cx.require(Action::CredentialsWrite)?;
    let checks = checks(cx, id)?;
    let ok = checks.iter().all(|it| it.ok);
    let caller = cx.clone();
    cx.write(move |tx| caller.note(tx, Note::of("credential.validate", "credential", id).with("ok", ok)))
        .await?;
    Ok(Validation { ok, checks })
}

fn checks(cx: &Cx, id: CredentialId) -> Result<Vec<Finding>> {
    let (rows, vault) = (cx.read()?, &cx.services().vault);
    let row = store::find(&rows, id)?;
    let mut checks = Vec::with_capacity(3);
    match keys::ring(vault, &rows, cx.org()).and_then(|ring| seal::open(vault, &ring, &row)) {
        Ok(fields) => {
            checks.push(finding("opens", Ok("the stored value opens")));
            let value = Value(fields.iter().map(|(name, it)| (name.clone(), it.duplicate())).collect());
            let fits = value.check(row.kind);
            checks
                .push(finding("fits", fits.as_ref().map(|()| "it fits its kind").map_err(|it| it.message())));
        }
        Err(error) if error.is(Code::CredentialInvalid) => {
            checks.push(finding("opens", Err(error.message())))
        }
        Err(error) => return Err(error),
    }
    let current = match (row.has_expired(cx.now()), row.expires_at) {
        (true, _) => Err("it has expired; give it a new value, or a later expiry"),
        (false, Some(_)) => Ok("it has not expired"),
        (false, None) => Ok("it does not expire"),
    };
    checks.push(finding("current", current));
    Ok(checks)
}

fn finding(name: &'static str, found: Result<&str, &str>) -> Finding {
    Finding { name, ok: found.is_ok(), detail: found.unwrap_or_else(|it| it).to_owned() }
}

/// Whether secrets can be used on this appliance, and what to do where not.
pub fn vault_status(cx: &Cx) -> Result<VaultStatus> {
    cx.require(Action::CredentialsRead)?;
    let vault = &cx.services().vault;
    let reason = vault.sealed_because();
    Ok(VaultStatus {
        state: if reason.is_none() { VaultState::Open } else { VaultState::Sealed },
        reason,
        key_fingerprint: vault.fingerprint().map(|it| it.to_string()),
    })
}
