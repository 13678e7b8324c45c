//! Members: listed, given another role, suspended, removed. An organization always has an active owner, and nobody
//! reaches above their own role.

use crate::access::cx::Cx;
use crate::access::role::{Action, Role};
use crate::access::store::{self, MembershipRow, UserRow, end_sessions_in, owners};
use crate::access::types::{Member, MemberPatch, MemberStatus};
use crate::audit::Note;
use crate::base::{Error, Page, PageRequest, Result, UserId};
use crate::infra::store::{Key, Order, PerAppliance, PerOrg, Rows, WriteTx};

/// Members, newest account first.
pub fn members(cx: &Cx, page: &PageRequest) -> Result<Page<Member>> {
    cx.require(Action::MembersRead)?;
    let (rows, next) = cx.read()?.page::<MembershipRow>(0, Key::new(), Order::Newest, page, |_| true)?;
    let people = cx.services().store.appliance()?;
    let mut page_rows = Vec::with_capacity(rows.len());
    for row in rows {
        page_rows.extend(shown(&people, row)?);
    }
    Ok(Page::new(page_rows, next))
}

/// Errors: `NotFound`.
pub fn member(cx: &Cx, id: UserId) -> Result<Member> {
    cx.require(Action::MembersRead)?;
    let row = cx.read()?.get::<MembershipRow>(id)?.ok_or_else(|| none(id))?;
    shown(&cx.services().store.appliance()?, row)?.ok_or_else(|| none(id))
}

/// Whether the person has a seat in the organization, of whatever kind.
pub fn is_member(rows: &impl Rows<PerOrg>, id: UserId) -> Result<bool> {
    rows.exists::<MembershipRow>(id)
}

/// Gives a member another role, or suspends or readmits them. Sessions that the member has in the organization
/// end with the change.
///
/// Errors: `NotFound`; `InsufficientPermissions` where the member or the new role is above the caller;
/// `Conflict` where no active owner would be left.
pub async fn update_member(cx: &Cx, id: UserId, patch: MemberPatch) -> Result<Member> {
    cx.require(Action::MembersWrite)?;
    let cx_in = cx.clone();
    cx.services()
        .store
        .write(move |tx| {
            let org = cx_in.org();
            let mut row = reachable(tx, &cx_in, id)?;
            if patch.role.is_some_and(|it| it > cx_in.role()) {
                return Err(Error::forbidden("nobody can give a role above their own"));
            }
            if patch.status == Some(MemberStatus::Suspended) && cx_in.user_id() == Some(id) {
                return Err(Error::conflict("nobody can suspend themselves"));
            }
            let before = (row.role, row.status);
            row.role = patch.role.unwrap_or(row.role);
            row.status = patch.status.unwrap_or(row.status);
            if before != (row.role, row.status) {
                row.updated_at = cx_in.now();
                tx.org(org).put(&row)?;
                check_owner_left(tx, &cx_in)?;
                end_sessions_in(tx, org, id)?;
                let note = Note::of("member.update", "member", id)
                    .with("role", row.role.name())
                    .with("role_before", before.0.name())
                    .with("suspended", row.status == MemberStatus::Suspended);
                cx_in.note(&mut tx.org(org), note)?;
            }
            shown(&tx.appliance(), row)?.ok_or_else(|| none(id))
        })
        .await
}

/// Removes a member with their sessions and keys in the organization. One may remove oneself.
///
/// Errors: as `update_member`.
pub async fn remove_member(cx: &Cx, id: UserId) -> Result<()> {
    cx.require(Action::MembersWrite)?;
    let cx_in = cx.clone();
    cx.services()
        .store
        .write(move |tx| {
            let row = reachable(tx, &cx_in, id)?;
            store::remove_membership(tx, cx_in.org(), id)?;
            check_owner_left(tx, &cx_in)?;
            let note = Note::of("member.remove", "member", id).with("role", row.role.name());
            cx_in.note(&mut tx.org(cx_in.org()), note)
        })
        .await
}

/// A membership whose role is not above the caller's.
pub(super) fn reachable(tx: &mut WriteTx<'_>, cx: &Cx, id: UserId) -> Result<MembershipRow> {
    let row = tx.org(cx.org()).get::<MembershipRow>(id)?.ok_or_else(|| none(id))?;
    if row.role > cx.role() {
        return Err(Error::forbidden("this member's role is above yours"));
    }
    Ok(row)
}

fn check_owner_left(tx: &mut WriteTx<'_>, cx: &Cx) -> Result<()> {
    if owners(&tx.org(cx.org()))? > 0 {
        return Ok(());
    }
    Err(Error::conflict(format!(
        "an organization keeps an active {}; give someone else that role first",
        Role::Owner.name()
    )))
}

fn none(id: UserId) -> Error {
    Error::not_found("member", id)
}

fn shown(people: &impl Rows<PerAppliance>, row: MembershipRow) -> Result<Option<Member>> {
    let Some(user) = people.get::<UserRow>(row.user_id)? else { return Ok(None) };
    Ok(Some(Member {
        id: user.id,
        email: user.email,
        name: user.name,
        role: row.role,
        status: row.status,
        joined_at: row.joined_at,
        updated_at: row.updated_at,
    }))
}
