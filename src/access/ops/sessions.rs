//! One's own sessions: see them, end them, go to another organization.

use super::authenticate::in_org;
use super::login::{kind_name, open_session};
use crate::access::cx::Cx;
use crate::access::role::Action;
use crate::access::store::{self, SessionRow, UserRow, sessions_of};
use crate::access::types::{Opened, Session, SwitchRequest};
use crate::audit::{self, Note};
use crate::base::{Error, Id, Result, SessionId, UserId};
use crate::infra::store::Rows;

/// The caller's sessions that have not ended, newest first.
pub fn sessions(cx: &Cx) -> Result<Vec<Session>> {
    cx.require(Action::ProfileRead)?;
    let now = cx.now();
    let mut rows = sessions_of(&cx.services().store.appliance()?, person(cx)?)?;
    rows.sort_by_key(|it| std::cmp::Reverse(it.id));
    let shown = rows.into_iter().filter(|it| now < it.expires_at).map(|it| Session {
        id: it.id,
        kind: it.kind,
        org_id: it.org_id,
        current: cx.session_id() == Some(it.id),
        created_at: it.created_at,
        seen_at: it.seen_at,
        expires_at: it.expires_at,
        address: it.address,
    });
    Ok(shown.collect())
}

/// Ends one of the caller's sessions.
///
/// Errors: `NotFound` for one that is not the caller's.
pub async fn end_session(cx: &Cx, id: SessionId) -> Result<()> {
    cx.require(Action::ProfileWrite)?;
    let user = person(cx)?;
    let cx_in = cx.clone();
    cx.services()
        .store
        .write(move |tx| {
            let own = tx.appliance().get::<SessionRow>(id)?.filter(|it| it.user_id == user);
            let row = own.ok_or_else(|| Error::not_found("session", id))?;
            store::end_session(&mut tx.appliance(), row.id)?;
            cx_in.note(&mut tx.org(cx_in.org()), Note::of("session.end", "session", id))
        })
        .await
}

/// Ends all sessions of the caller but the one that calls; answers how many.
pub async fn end_other_sessions(cx: &Cx) -> Result<usize> {
    cx.require(Action::ProfileWrite)?;
    let (user, keep) = (person(cx)?, cx.session_id());
    let cx_in = cx.clone();
    cx.services()
        .store
        .write(move |tx| {
            let ended = store::end_sessions(&mut tx.appliance(), user, |it| Some(it.id) != keep)?;
            let note = Note::of("session.end_others", "user", user).with("ended", ended);
            cx_in.note(&mut tx.org(cx_in.org()), note)?;
            Ok(ended)
        })
        .await
}

/// Ends the session that calls.
///
/// Errors: `Conflict` for a key, which has none.
pub async fn log_out(cx: &Cx) -> Result<()> {
    let id = session_of(cx)?;
    let cx_in = cx.clone();
    cx.services()
        .store
        .write(move |tx| {
            store::end_session(&mut tx.appliance(), id)?;
            cx_in.note(&mut tx.org(cx_in.org()), Note::of("logout", "session", id))
        })
        .await
}

/// Leaves this session for a new one in another organization of the caller's.
///
/// Errors: `NotFound` for one that the caller has no active seat in.
pub async fn switch_org(cx: &Cx, request: SwitchRequest) -> Result<Opened> {
    let (user, from, org) = (person(cx)?, session_of(cx)?, request.org_id);
    let cx_in = cx.clone();
    cx.services()
        .store
        .write(move |tx| {
            let services = cx_in.services();
            let gone = || Error::unauthenticated("this session has ended; log in again");
            let mut user = tx.appliance().get::<UserRow>(user)?.filter(|it| !it.disabled).ok_or_else(gone)?;
            if org.uuid().is_nil() || in_org(services, &user, org).is_err() {
                return Err(Error::new(
                    crate::base::Code::NotFound,
                    format!("no organization {org} of yours"),
                ));
            }
            let earlier = store::end_session(&mut tx.appliance(), from)?.ok_or_else(gone)?;
            let minted = open_session(tx, services, cx_in.origin(), &user, org, earlier.kind)?;
            user.last_org = Some(org);
            tx.appliance().put(&user)?;
            let note = Note::of("login", "session", minted.id).with("kind", kind_name(earlier.kind));
            audit::append(&mut tx.org(org), cx_in.env(), cx_in.actor(), cx_in.origin(), note)?;
            minted.opened(services)
        })
        .await
}

pub(super) fn person(cx: &Cx) -> Result<UserId> {
    cx.user_id().ok_or_else(|| Error::forbidden("this is for people"))
}

pub(super) fn session_of(cx: &Cx) -> Result<SessionId> {
    cx.session_id().ok_or_else(|| Error::conflict("a key has no session; this needs a log-in"))
}
