//! Log in. Whether an account exists, is locked out or has another password makes no difference that a caller
//! could see: the same sentence after the same work.

use std::sync::Arc;

use super::authenticate::{active_role, in_org};
use crate::access::means::{Slot, mint};
use crate::access::services::Services;
use crate::access::store::{RefreshRow, SessionRow, UserRow, orgs_of, user_by_email};
use crate::access::types::{LoginRequest, Opened, SessionKind, TokenPair, email_key};
use crate::audit::{self, Note};
use crate::base::{Actor, Doing, Error, Id, OrgId, Origin, Result, SessionId, UserId};
use crate::infra::Secret;
use crate::infra::store::{Rows, WriteTx};
use crate::infra::token::TokenKind;

/// A program's log-in.
///
/// Errors: `Unauthenticated` for anything that does not fit together; `RateLimited` after too many attempts.
pub async fn log_in(services: &Arc<Services>, origin: &Origin, request: LoginRequest) -> Result<TokenPair> {
    match open(services, origin, request, SessionKind::Token).await? {
        Opened::Tokens(pair) => Ok(pair),
        Opened::Browser(_) => Err(Error::internal("log in", "a program got a cookie")),
    }
}

/// A browser's log-in: the value of its cookie.
///
/// Errors: as `log_in`.
pub async fn log_in_browser(
    services: &Arc<Services>,
    origin: &Origin,
    request: LoginRequest,
) -> Result<Secret> {
    match open(services, origin, request, SessionKind::Browser).await? {
        Opened::Browser(cookie) => Ok(cookie),
        Opened::Tokens(_) => Err(Error::internal("log in", "a browser got tokens")),
    }
}

async fn open(
    services: &Arc<Services>,
    origin: &Origin,
    request: LoginRequest,
    kind: SessionKind,
) -> Result<Opened> {
    let (user, slots) = identify(services, origin, &request.email, &request.password).await?;
    // A wrong password is noted by now; the right one of a closed account is here, or it would be told by time.
    let user = user.ok_or_else(wrong)?;
    let org = if user.disabled { None } else { pick(services, &user, request.org_id)? };
    let Some(org) = org else {
        note_failure(services, origin, Some(&user)).await?;
        return Err(wrong());
    };
    services.means.throttle.give_back(slots);
    let (services_in, origin) = (services.clone(), origin.clone());
    services
        .store
        .write(move |tx| {
            let mut user = fresh(tx, &user)?;
            let minted = open_session(tx, &services_in, &origin, &user, org, kind)?;
            user.last_org = Some(org);
            tx.appliance().put(&user)?;
            let note = Note::of("login", "session", minted.id).with("kind", kind_name(kind));
            let actor = Actor::User { user_id: user.id };
            audit::append(&mut tx.org(org), &services_in.env, &actor, &origin, note)?;
            minted.opened(&services_in)
        })
        .await
}

/// Takes a slot of the account's and the address's attempts, and looks whether the password is right. Answers
/// the person, where it is, and the slots to be given back when all went well; a failure is audited.
pub(super) async fn identify(
    services: &Arc<Services>,
    origin: &Origin,
    email: &str,
    password: &Secret,
) -> Result<(Option<UserRow>, Vec<Slot>)> {
    let (limits, now) = (&services.config.limits, services.env.now());
    let throttle = &services.means.throttle;
    let by_address = throttle.address(origin.address, limits.logins_per_minute, now)?;
    let by_account = throttle.account(&email_key(email), limits.logins_per_account_per_hour, now)?;
    let user = user_by_email(&services.store.appliance()?, email)?;
    let hash = user.as_ref().and_then(|it| it.password.as_deref());
    let fits = services.means.hasher.verify(password, hash).await?;
    if !fits {
        note_failure(services, origin, user.as_ref()).await?;
    }
    Ok((user.filter(|_| fits), vec![by_address, by_account]))
}

pub(super) fn wrong() -> Error {
    Error::unauthenticated("e-mail address or password is wrong")
}

/// Into the log of each of the person's organizations; into the appliance's own where nobody has the address.
async fn note_failure(services: &Arc<Services>, origin: &Origin, user: Option<&UserRow>) -> Result<()> {
    let (id, services_in, origin) = (user.map(|it| it.id), services.clone(), origin.clone());
    services
        .store
        .write(move |tx| {
            let orgs = match id {
                Some(id) => orgs_of(&tx.appliance(), id)?,
                None => Vec::new(),
            };
            let places = if orgs.is_empty() { vec![appliance()] } else { orgs };
            for org in places {
                let whom = id.map_or_else(|| "unknown".to_owned(), |it| it.to_string());
                let note = Note::of("login.failed", "user", whom);
                audit::append(&mut tx.org(org), &services_in.env, &Actor::Anonymous, &origin, note)?;
            }
            Ok(())
        })
        .await
}

/// The chain of what belongs to no organization.
pub(super) fn appliance() -> OrgId {
    OrgId::from_bytes([0; 16])
}

/// The organization a log-in leads to: the one asked for, else the last, else the first with an active seat.
fn pick(services: &Services, user: &UserRow, wanted: Option<OrgId>) -> Result<Option<OrgId>> {
    if let Some(org) = wanted {
        return Ok(in_org(services, user, org).is_ok().then_some(org));
    }
    let orgs = orgs_of(&services.store.appliance()?, user.id)?;
    for org in user.last_org.into_iter().filter(|it| orgs.contains(it)).chain(orgs.iter().copied()) {
        if active_role(services, user.id, org)?.is_some() {
            return Ok(Some(org));
        }
    }
    Ok(user.superadmin.then(appliance))
}

/// The person as of this transaction.
///
/// Errors: `Unauthenticated` where password or lock have changed since `earlier` was read.
pub(super) fn fresh(tx: &mut WriteTx<'_>, earlier: &UserRow) -> Result<UserRow> {
    let now = tx.appliance().get::<UserRow>(earlier.id)?;
    now.filter(|it| !it.disabled && it.password == earlier.password).ok_or_else(wrong)
}

/// A session that was just made, with the secret that is never stored.
pub(super) struct Minted {
    pub id: SessionId,
    user: UserId,
    org: OrgId,
    kind: SessionKind,
    secret: Secret,
}

impl Minted {
    pub(super) fn opened(self, services: &Services) -> Result<Opened> {
        match self.kind {
            SessionKind::Browser => Ok(Opened::Browser(self.secret)),
            SessionKind::Token => {
                pair(services, self.user, self.org, self.id, &self.secret).map(Opened::Tokens)
            }
        }
    }
}

pub(super) fn pair(
    services: &Services,
    user: UserId,
    org: OrgId,
    session: SessionId,
    refresh: &Secret,
) -> Result<TokenPair> {
    let tokens = &services.means.access_tokens;
    let access = tokens.issue(services.env.now(), user, org, session)?;
    Ok(TokenPair {
        access_token: text_of(&access)?,
        token_type: "Bearer".to_owned(),
        expires_in: tokens.life_ms() / 1_000,
        refresh_token: text_of(refresh)?,
    })
}

/// A token in the one answer that shows it.
pub(super) fn text_of(token: &Secret) -> Result<String> {
    Ok(token.expose_str().ok_or("a token is text").doing("answer a token")?.to_owned())
}

/// Writes a new session of `user` in `org`.
pub(super) fn open_session(
    tx: &mut WriteTx<'_>,
    services: &Services,
    origin: &Origin,
    user: &UserRow,
    org: OrgId,
    kind: SessionKind,
) -> Result<Minted> {
    let (env, auth) = (&services.env, &services.config.auth);
    let (now, id) = (env.now(), env.id::<SessionId>());
    let (token, lasts_ms) = match kind {
        SessionKind::Browser => (TokenKind::Session, auth.session_max_ms),
        SessionKind::Token => (TokenKind::Refresh, auth.refresh_token_ms),
    };
    let (secret, hash) = mint(env, token);
    let row = SessionRow {
        id,
        user_id: user.id,
        org_id: org,
        kind,
        cookie: (kind == SessionKind::Browser).then_some(hash),
        created_at: now,
        seen_at: now,
        expires_at: now.plus_ms(lasts_ms),
        address: origin.address.map(|it| it.to_string()),
    };
    tx.appliance().insert(&row)?;
    if kind == SessionKind::Token {
        tx.appliance().insert(&RefreshRow { hash, session_id: id, used: false })?;
    }
    Ok(Minted { id, user: user.id, org, kind, secret })
}

pub(super) fn kind_name(kind: SessionKind) -> &'static str {
    match kind {
        SessionKind::Browser => "browser",
        SessionKind::Token => "token",
    }
}
