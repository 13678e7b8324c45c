//! Oneself: name and address.

use super::login::identify;
use super::org::organizations;
use super::sessions::person;
use crate::access::cx::Cx;
use crate::access::role::Action;
use crate::access::store::{ResetRow, UserRow, user_by_email};
use crate::access::types::{Profile, ProfilePatch, check_email, email_key, name_of};
use crate::audit::Note;
use crate::base::{Error, Result};
use crate::infra::store::Rows;

pub fn profile(cx: &Cx) -> Result<Profile> {
    cx.require(Action::ProfileRead)?;
    let user = cx.services().store.appliance()?.get::<UserRow>(person(cx)?)?.ok_or_else(gone)?;
    shown(cx, user)
}

/// Changes name or address. A new address needs the current password, because it is what one logs in with.
///
/// Errors: `ValidationFailed`; `Conflict` for an address that has an account; `RateLimited` after too many wrong
/// passwords.
pub async fn update_profile(cx: &Cx, patch: ProfilePatch) -> Result<Profile> {
    cx.require(Action::ProfileWrite)?;
    let id = person(cx)?;
    let name = patch.name.as_deref().map(|it| name_of("name", it)).transpose()?;
    let email = patch.email.as_deref().map(check_email).transpose()?;
    let now = cx.services().store.appliance()?.get::<UserRow>(id)?.ok_or_else(gone)?;
    let email = email.filter(|it| *it != now.email);
    if email.is_some() {
        let wrong = || Error::invalid_at("current_password", "a new address needs your current password");
        let password = patch.current_password.as_ref().ok_or_else(wrong)?;
        let (proven, slots) = identify(cx.services(), cx.origin(), &now.email, password).await?;
        proven.ok_or_else(wrong)?;
        cx.services().means.throttle.give_back(slots);
    }
    let cx_in = cx.clone();
    cx.services()
        .store
        .write(move |tx| {
            let mut user = tx.appliance().get::<UserRow>(id)?.ok_or_else(gone)?;
            let before = user.clone();
            user.name = name.unwrap_or(user.name);
            if let Some(email) = email {
                let taken = user_by_email(&tx.appliance(), &email)?.is_some_and(|it| it.id != id);
                if taken && email_key(&email) != email_key(&before.email) {
                    return Err(Error::conflict("this address has an account already"));
                }
                user.email = email;
                ResetRow::forget(&mut tx.appliance(), id)?;
            }
            if user.name != before.name || user.email != before.email {
                user.updated_at = cx_in.now();
                tx.appliance().put(&user)?;
                let note =
                    Note::of("profile.update", "user", id).with("email_changed", user.email != before.email);
                cx_in.note(&mut tx.org(cx_in.org()), note)?;
            }
            shown(&cx_in, user)
        })
        .await
}

fn shown(cx: &Cx, user: UserRow) -> Result<Profile> {
    Ok(Profile {
        id: user.id,
        email: user.email,
        name: user.name,
        superadmin: user.superadmin,
        role: cx.role(),
        org_id: cx.org(),
        organizations: organizations(cx.services(), user.id)?,
        created_at: user.created_at,
        password_changed_at: user.password_changed_at,
    })
}

fn gone() -> Error {
    Error::unauthenticated("this account is gone")
}
