//! Invitations: made, listed, taken back. The token is shown once, to who invites.

use std::sync::Arc;

use super::authenticate::active_role;
use super::login::text_of;
use crate::access::cx::Cx;
use crate::access::means::{hash_of, mint};
use crate::access::role::Action;
use crate::access::services::Services;
use crate::access::store::{InvitationRef, InvitationRow, MembershipRow, user_by_email};
use crate::access::types::{Invitation, InvitationRequest, NewInvitation, check_email, email_key};
use crate::audit::Note;
use crate::base::{Code, Error, InvitationId, OrgId, Page, PageRequest, Result};
use crate::infra::Secret;
use crate::infra::store::{Key, Order, Rows};
use crate::infra::token::TokenKind;

/// Invitations that wait, newest first.
pub fn invitations(cx: &Cx, page: &PageRequest) -> Result<Page<Invitation>> {
    cx.require(Action::MembersWrite)?;
    let now = cx.now();
    let (rows, next) =
        cx.read()?.page::<InvitationRow>(0, Key::new(), Order::Newest, page, |it| now < it.expires_at)?;
    Ok(Page::new(rows.into_iter().map(shown).collect(), next))
}

/// Asks a person to join, in place of an earlier invitation to the same address.
///
/// Errors: `InsufficientPermissions` for a role above the caller's; `Conflict` where the person is a member.
pub async fn invite(cx: &Cx, request: InvitationRequest) -> Result<NewInvitation> {
    cx.require(Action::MembersWrite)?;
    let email = check_email(&request.email)?;
    let role = request.role;
    if role > cx.role() {
        return Err(Error::forbidden("nobody can give a role above their own"));
    }
    let (token, hash) = mint(cx.env(), TokenKind::Invitation);
    let row = InvitationRow {
        id: cx.id(),
        email,
        role,
        hash,
        invited_by: cx.user_id(),
        created_at: cx.now(),
        expires_at: cx.now().plus_ms(cx.services().config.auth.invitation_ms),
    };
    let (cx_in, org) = (cx.clone(), cx.org());
    let row = cx
        .services()
        .store
        .write(move |tx| {
            if let Some(user) = user_by_email(&tx.appliance(), &row.email)?
                && tx.org(org).exists::<MembershipRow>(user.id)?
            {
                return Err(Error::conflict("this person is a member already"));
            }
            let earlier = tx.org(org).all::<InvitationRow>(Key::new(), Order::Oldest)?;
            for it in earlier.iter().filter(|it| email_key(&it.email) == email_key(&row.email)) {
                tx.org(org).delete::<InvitationRow>(it.id)?;
                tx.appliance().delete::<InvitationRef>(Key::new().bytes(&it.hash))?;
            }
            tx.org(org).insert(&row)?;
            tx.appliance().insert(&InvitationRef { hash, org_id: org, invitation_id: row.id })?;
            let note = Note::of("invitation.create", "invitation", row.id).with("role", role.name());
            cx_in.note(&mut tx.org(org), note)?;
            Ok(row)
        })
        .await?;
    let token = text_of(&token)?;
    let url = format!("{}/invitations/{token}", cx.services().config.public_url());
    Ok(NewInvitation { invitation: shown(row), token, url })
}

/// Takes an invitation back.
///
/// Errors: `NotFound`.
pub async fn revoke_invitation(cx: &Cx, id: InvitationId) -> Result<()> {
    cx.require(Action::MembersWrite)?;
    let (cx_in, org) = (cx.clone(), cx.org());
    cx.services()
        .store
        .write(move |tx| {
            let row = tx.org(org).delete::<InvitationRow>(id)?;
            let row = row.ok_or_else(|| Error::not_found("invitation", id))?;
            tx.appliance().delete::<InvitationRef>(Key::new().bytes(&row.hash))?;
            cx_in.note(&mut tx.org(org), Note::of("invitation.revoke", "invitation", id))
        })
        .await
}

/// What the page of an invitation shows to who holds its token: the invitation and the organization's name.
///
/// Errors: `NotFound` where it is not valid (any more).
pub fn invitation_for(services: &Arc<Services>, token: &Secret) -> Result<(Invitation, String)> {
    let (org, row) = find_invitation(services, token)?;
    let org = services.store.appliance()?.get::<crate::access::store::OrgRow>(org)?.ok_or_else(not_valid)?;
    Ok((shown(row), org.name))
}

pub(super) fn find_invitation(services: &Services, token: &Secret) -> Result<(OrgId, InvitationRow)> {
    let hash = hash_of(TokenKind::Invitation, token).ok_or_else(not_valid)?;
    let place = services.store.appliance()?.get::<InvitationRef>(Key::new().bytes(&hash))?;
    let place = place.ok_or_else(not_valid)?;
    let row = services.store.org(place.org_id)?.get::<InvitationRow>(place.invitation_id)?;
    let row = row.filter(|it| services.env.now() < it.expires_at).ok_or_else(not_valid)?;
    // Who invited must still be one who could: an invitation does not outlive its maker's role.
    if let Some(by) = row.invited_by
        && active_role(services, by, place.org_id)?
            .is_none_or(|it| !it.may(Action::MembersWrite) || it < row.role)
    {
        return Err(not_valid());
    }
    Ok((place.org_id, row))
}

pub(super) fn not_valid() -> Error {
    Error::new(Code::NotFound, "this invitation is not valid, or not any more; ask for a new one")
}

fn shown(row: InvitationRow) -> Invitation {
    Invitation {
        id: row.id,
        email: row.email,
        role: row.role,
        invited_by: row.invited_by,
        created_at: row.created_at,
        expires_at: row.expires_at,
    }
}
