//! Passwords: changed by their owner, or set anew through a one-time link that an administrator hands over. Every
//! session ends with the old password.

use std::sync::Arc;

use super::login::{appliance, identify, open_session, text_of};
use super::members::reachable;
use super::sessions::{person, session_of};
use crate::access::cx::Cx;
use crate::access::means::{hash_of, mint};
use crate::access::role::Action;
use crate::access::services::Services;
use crate::access::store::{ResetRow, SessionRow, UserRow, end_sessions, orgs_of, user_by_email};
use crate::access::types::{Opened, PasswordChange, ResetConfirm, ResetLink, ResetRequest, email_key};
use crate::audit::{self, Note};
use crate::base::{Actor, Code, Error, OrgId, Origin, Result, UserId};
use crate::infra::Secret;
use crate::infra::store::{Key, Rows, WriteTx};
use crate::infra::token::TokenKind;

/// How long a link is good for.
const RESET_MS: u64 = 86_400_000;

/// Sets another password, ends all sessions of the person and opens a new one for the caller.
///
/// Errors: `ValidationFailed` where the current password is wrong or the new one breaks a rule; `Conflict` for a
/// key; `RateLimited` after too many wrong passwords.
pub async fn change_password(cx: &Cx, request: PasswordChange) -> Result<Opened> {
    cx.require(Action::ProfileWrite)?;
    let (id, session) = (person(cx)?, session_of(cx)?);
    let services = cx.services();
    let user = services.store.appliance()?.get::<UserRow>(id)?.ok_or_else(gone)?;
    let (proven, slots) = identify(services, cx.origin(), &user.email, &request.current_password).await?;
    if proven.is_none() {
        return Err(Error::invalid_at("current_password", "this is not your current password"));
    }
    services.means.throttle.give_back(slots);
    let about = [user.email.as_str(), user.name.as_str()];
    let hash = services.means.hash_new("new_password", &request.new_password, &about).await?;
    let cx_in = cx.clone();
    services
        .store
        .write(move |tx| {
            let kind = tx.appliance().get::<SessionRow>(session)?.ok_or_else(gone)?.kind;
            let user = set(tx, cx_in.services(), id, hash)?;
            let minted = open_session(tx, cx_in.services(), cx_in.origin(), &user, cx_in.org(), kind)?;
            cx_in.note(&mut tx.org(cx_in.org()), Note::of("password.change", "user", id))?;
            minted.opened(cx_in.services())
        })
        .await
}

/// Writes down that a person asks for a new password, so that an administrator sees it. Does the same and answers
/// the same for an address that nobody has.
///
/// Errors: `RateLimited`.
pub async fn request_reset(services: &Arc<Services>, origin: &Origin, request: ResetRequest) -> Result<()> {
    let (limits, now) = (&services.config.limits, services.env.now());
    services.means.throttle.address(origin.address, limits.logins_per_minute, now)?;
    let key = format!("reset {}", email_key(&request.email));
    services.means.throttle.account(&key, limits.logins_per_account_per_hour, now)?;
    let (services_in, origin) = (services.clone(), origin.clone());
    services
        .store
        .write(move |tx| {
            let user = user_by_email(&tx.appliance(), &request.email)?;
            let orgs = match &user {
                Some(user) => orgs_of(&tx.appliance(), user.id)?,
                None => Vec::new(),
            };
            let whom = user.map_or_else(|| "unknown".to_owned(), |it| it.id.to_string());
            for org in if orgs.is_empty() { vec![appliance()] } else { orgs } {
                let note = Note::of("password.reset_requested", "user", &whom);
                audit::append(&mut tx.org(org), &services_in.env, &Actor::Anonymous, &origin, note)?;
            }
            Ok(())
        })
        .await
}

/// A one-time link for a member, in place of earlier ones. Whoever has it can set the member's password.
///
/// Errors: `NotFound`; `InsufficientPermissions` where the member is above the caller, runs the appliance or has a
/// seat in another organization too: then only who runs the appliance may.
pub async fn issue_reset(cx: &Cx, id: UserId) -> Result<ResetLink> {
    cx.require(Action::MembersWrite)?;
    let cx_in = cx.clone();
    cx.services()
        .store
        .write(move |tx| {
            reachable(tx, &cx_in, id)?;
            let user = tx.appliance().get::<UserRow>(id)?.ok_or_else(gone)?;
            let elsewhere = orgs_of(&tx.appliance(), id)?.iter().any(|it| *it != cx_in.org());
            if (elsewhere || user.superadmin) && !cx_in.is_superadmin() {
                return Err(Error::forbidden(
                    "this person is known beyond this organization; who runs the appliance can reset the password",
                ));
            }
            cx_in.note(&mut tx.org(cx_in.org()), Note::of("password.reset_issued", "user", id))?;
            link(tx, cx_in.services(), id)
        })
        .await
}

/// Writes a new link, instead of all earlier ones.
pub(super) fn link(tx: &mut WriteTx<'_>, services: &Services, user: UserId) -> Result<ResetLink> {
    ResetRow::forget(&mut tx.appliance(), user)?;
    let (token, hash) = mint(&services.env, TokenKind::PasswordReset);
    let expires_at = services.env.now().plus_ms(RESET_MS);
    tx.appliance().insert(&ResetRow { hash, user_id: user, expires_at })?;
    let token = text_of(&token)?;
    Ok(ResetLink { url: format!("{}/reset/{token}", services.config.public_url()), token, expires_at })
}

/// Sets the password of a link's person, and ends all of that person's sessions.
///
/// Errors: `NotFound` for a link that is not good (any more); `ValidationFailed`, which leaves the link good.
pub async fn confirm_reset(services: &Arc<Services>, origin: &Origin, request: ResetConfirm) -> Result<()> {
    let (limits, now) = (&services.config.limits, services.env.now());
    let slot = services.means.throttle.address(origin.address, limits.logins_per_minute, now)?;
    let user = {
        let rows = services.store.appliance()?;
        let row = find(&rows, services, &request.token)?;
        rows.get::<UserRow>(row.user_id)?.filter(|it| !it.disabled).ok_or_else(void)?
    };
    services.means.throttle.give_back([slot]);
    let about = [user.email.as_str(), user.name.as_str()];
    let hash = services.means.hash_new("password", &request.password, &about).await?;
    let (services_in, origin) = (services.clone(), origin.clone());
    services
        .store
        .write(move |tx| {
            let row = find(&tx.appliance(), &services_in, &request.token)?;
            set(tx, &services_in, row.user_id, hash)?;
            let orgs = orgs_of(&tx.appliance(), row.user_id)?;
            let places: Vec<OrgId> = if orgs.is_empty() { vec![appliance()] } else { orgs };
            for org in places {
                let note = Note::of("password.reset", "user", row.user_id);
                let actor = Actor::User { user_id: row.user_id };
                audit::append(&mut tx.org(org), &services_in.env, &actor, &origin, note)?;
            }
            Ok(())
        })
        .await
}

/// Writes the hash; ends links and sessions.
fn set(tx: &mut WriteTx<'_>, services: &Services, id: UserId, hash: String) -> Result<UserRow> {
    let mut user = tx.appliance().get::<UserRow>(id)?.filter(|it| !it.disabled).ok_or_else(gone)?;
    let now = services.env.now();
    user.password = Some(hash);
    user.password_changed_at = now;
    user.updated_at = now;
    tx.appliance().put(&user)?;
    ResetRow::forget(&mut tx.appliance(), id)?;
    end_sessions(&mut tx.appliance(), id, |_| true)?;
    Ok(user)
}

fn find(
    rows: &impl Rows<crate::infra::store::PerAppliance>,
    services: &Services,
    token: &Secret,
) -> Result<ResetRow> {
    let hash = hash_of(TokenKind::PasswordReset, token).ok_or_else(void)?;
    let row = rows.get::<ResetRow>(Key::new().bytes(&hash))?;
    row.filter(|it| services.env.now() < it.expires_at).ok_or_else(void)
}

fn void() -> Error {
    Error::new(Code::NotFound, "this link is not valid, or not any more; ask for a new one")
}

fn gone() -> Error {
    Error::unauthenticated("this account or session is gone; log in again")
}
