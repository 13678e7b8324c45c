//! From what a request carries to a `Cx`, by the store as it stands: person, session or key, membership.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::access::cx::{Cx, Principal, Scopes};
use crate::access::means::digest;
use crate::access::role::{Action, Role};
use crate::access::services::Services;
use crate::access::store::{KeyRef, KeyRow, MembershipRow, SessionRow, UserRow, session_by_cookie};
use crate::access::types::{MemberStatus, SessionKind};
use crate::base::{Actor, AgentId, Code, Error, Id, OrgId, Origin, Result, UserId};
use crate::infra::store::{Key, PerAppliance, Rows, View};
use crate::infra::token::{self, TokenKind};

/// What a request proves itself with.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// Of `Authorization: Bearer` or `X-API-Key`: an access token or an API key.
    Token(&'a str),
    /// Value of the session cookie.
    Cookie(&'a str),
}

const KEY_USE_STEP_MS: u64 = 300_000;
/// A session's last use is written this many times within the idle limit, not at every request.
const IDLE_STEPS: u64 = 24;

/// The caller, where the credential is good now.
///
/// Errors: `Unauthenticated`, with one sentence for every reason.
pub async fn authenticate(
    services: &Arc<Services>,
    credential: Credential<'_>,
    origin: Origin,
) -> Result<Cx> {
    let rows = services.store.appliance()?;
    match credential {
        Credential::Token(text) if text.starts_with(TokenKind::ApiKey.prefix()) => {
            by_key(services, &rows, text, origin).await
        }
        Credential::Token(text) => {
            let claims = services.means.access_tokens.verify(services.env.now(), text)?;
            let session = rows
                .get::<SessionRow>(claims.session)?
                .filter(|it| {
                    it.kind == SessionKind::Token && it.user_id == claims.user && it.org_id == claims.org
                })
                .ok_or_else(refused)?;
            by_session(services, &rows, session, None, origin).await
        }
        Credential::Cookie(text) => {
            let hash = token::hash_of(TokenKind::Session, text).ok_or_else(refused)?;
            let session = session_by_cookie(&rows, &hash.bytes())?.ok_or_else(refused)?;
            by_session(services, &rows, session, Some(csrf_of(text)), origin).await
        }
    }
}

fn refused() -> Error {
    Error::unauthenticated("this log-in or key is not valid, or has ended; log in again, or use another key")
}

/// Bound to the cookie, known to the session's own pages only.
fn csrf_of(cookie: &str) -> Arc<str> {
    URL_SAFE_NO_PAD.encode(digest(format!("csrf\0{cookie}").as_bytes())).into()
}

async fn by_session(
    services: &Arc<Services>,
    rows: &View<PerAppliance>,
    session: SessionRow,
    csrf: Option<Arc<str>>,
    origin: Origin,
) -> Result<Cx> {
    let now = services.env.now();
    let auth = &services.config.auth;
    let idle_ms = match session.kind {
        SessionKind::Browser => auth.session_idle_ms,
        SessionKind::Token => auth.refresh_token_ms,
    };
    if now >= session.expires_at || now.since(session.seen_at) >= idle_ms {
        return Err(refused());
    }
    let user = person(rows, session.user_id)?;
    let mut principal = in_org(services, &user, session.org_id)?;
    principal.session = Some(session.id);
    principal.csrf = csrf;
    if now.since(session.seen_at) >= idle_ms / IDLE_STEPS {
        noted(touch(services, session).await)?;
    }
    Ok(Cx::new(principal, origin, services.clone()))
}

/// A person's rights in one organization, as they are now.
///
/// Errors: `Unauthenticated` where there is no active membership.
pub(super) fn in_org(services: &Services, user: &UserRow, org: OrgId) -> Result<Principal> {
    let actor = Actor::User { user_id: user.id };
    let superadmin = user.superadmin;
    if org.uuid().is_nil() {
        if !superadmin {
            return Err(refused());
        }
        // Runs the appliance, belongs to nobody: sees no organization's rows.
        let actions = BTreeSet::from([Action::ProfileRead, Action::ProfileWrite]);
        let scopes = Scopes::Only { actions, agents: BTreeSet::new() };
        let role = Role::Viewer;
        return Ok(Principal { org, actor, role, superadmin, scopes, session: None, csrf: None });
    }
    let role = active_role(services, user.id, org)?.ok_or_else(refused)?;
    Ok(Principal { org, actor, role, superadmin, scopes: Scopes::All, session: None, csrf: None })
}

/// The person's role where the membership is active.
pub(super) fn active_role(services: &Services, user: UserId, org: OrgId) -> Result<Option<Role>> {
    let membership = services.store.org(org)?.get::<MembershipRow>(user)?;
    Ok(membership.filter(|it| it.status == MemberStatus::Active).map(|it| it.role))
}

fn person(rows: &View<PerAppliance>, id: UserId) -> Result<UserRow> {
    rows.get::<UserRow>(id)?.filter(|it| !it.disabled).ok_or_else(refused)
}

/// Who may read still may where nothing can be written; the use is noted another time.
fn noted(written: Result<()>) -> Result<()> {
    written.or_else(|error| if error.is(Code::Unavailable) { Ok(()) } else { Err(error) })
}

async fn touch(services: &Arc<Services>, session: SessionRow) -> Result<()> {
    let now = services.env.now();
    services
        .store
        .write(move |tx| {
            // It may have ended since it was read.
            let Some(mut row) = tx.appliance().get::<SessionRow>(session.id)? else { return Err(refused()) };
            row.seen_at = now;
            tx.appliance().put(&row)
        })
        .await
}

async fn by_key(
    services: &Arc<Services>,
    rows: &View<PerAppliance>,
    text: &str,
    origin: Origin,
) -> Result<Cx> {
    let now = services.env.now();
    let hash = token::hash_of(TokenKind::ApiKey, text).ok_or_else(refused)?;
    let place = rows.get::<KeyRef>(Key::new().bytes(&hash.bytes()))?.ok_or_else(refused)?;
    let key = services.store.org(place.org_id)?.get::<KeyRow>(place.key_id)?.ok_or_else(refused)?;
    if now >= key.expires_at {
        return Err(refused());
    }
    let user = person(rows, key.user_id)?;
    let role = active_role(services, user.id, place.org_id)?.ok_or_else(refused)?;
    let principal = Principal {
        org: place.org_id,
        actor: Actor::Key { key_id: key.id, user_id: user.id },
        role,
        // A key acts within one organization, whoever made it.
        superadmin: false,
        scopes: scopes_of(&key.scopes),
        session: None,
        csrf: None,
    };
    if key.last_used_at.is_none_or(|it| now.since(it) >= KEY_USE_STEP_MS) {
        let written = services
            .store
            .write_org(place.org_id, move |tx| {
                let Some(mut row) = tx.get::<KeyRow>(place.key_id)? else { return Err(refused()) };
                row.last_used_at = Some(now);
                tx.put(&row)
            })
            .await;
        noted(written)?;
    }
    Ok(Cx::new(principal, origin, services.clone()))
}

/// Names that mean nothing any more allow nothing.
pub(super) fn scopes_of(names: &[String]) -> Scopes {
    let actions = names.iter().filter_map(|it| Action::from_scope(it)).collect();
    let agents = names.iter().filter_map(|it| it.parse::<AgentId>().ok()).collect();
    Scopes::Only { actions, agents }
}
