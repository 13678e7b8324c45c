//! API keys: made, listed, revoked. A key has its maker's rights of the moment, within its scopes.

use crate::access::cx::Cx;
use crate::access::role::{Action, Role};
use crate::access::store::{KeyRef, KeyRow, MembershipRow};
use crate::access::types::{ApiKey, NewKey, NewKeyRequest, name_of};
use crate::audit::Note;
use crate::base::{AgentId, Error, KeyId, Page, PageRequest, Result, Timestamp};
use crate::infra::store::{Key, Order, PerOrg, Rows};
use crate::infra::token::{self, TokenKind};

use super::login::text_of;
use super::sessions::person;

const DAY_MS: u64 = 86_400_000;
const DEFAULT_DAYS: u64 = 90;
const MAX_DAYS: u64 = 366;
const MAX_SCOPES: usize = 200;

/// The caller's keys, and for those who keep members everyone's; newest first.
pub fn keys(cx: &Cx, page: &PageRequest) -> Result<Page<ApiKey>> {
    cx.require(Action::KeysRead)?;
    let (all, me) = (cx.role() >= Role::Admin, cx.user_id());
    let (rows, next) =
        cx.read()?.page::<KeyRow>(0, Key::new(), Order::Newest, page, |it| all || Some(it.user_id) == me)?;
    Ok(Page::new(rows.into_iter().map(shown).collect(), next))
}

/// One of those that `keys` lists.
///
/// Errors: `NotFound`.
pub fn key(cx: &Cx, id: KeyId) -> Result<ApiKey> {
    cx.require(Action::KeysRead)?;
    let row = cx.read()?.get::<KeyRow>(id)?;
    let row = row.filter(|it| cx.role() >= Role::Admin || Some(it.user_id) == cx.user_id());
    row.map(shown).ok_or_else(|| Error::not_found("API key", id))
}

/// Whether the organization has this key.
pub fn is_key(rows: &impl Rows<PerOrg>, id: KeyId) -> Result<bool> {
    rows.exists::<KeyRow>(id)
}

/// Makes a key of the caller's. Its secret is in the answer and nowhere else.
///
/// Errors: `ValidationFailed` for a scope that does not exist; `InsufficientPermissions` and `AgentAccessDenied`
/// for one that the caller does not have.
pub async fn create_key(cx: &Cx, request: NewKeyRequest) -> Result<NewKey> {
    cx.require(Action::KeysWrite)?;
    let user = person(cx)?;
    let name = name_of("name", &request.name)?;
    check_scopes(cx, &request.scopes)?;
    let token::Minted { text: secret, hash, display } = token::mint(cx.env(), TokenKind::ApiKey);
    let hash = hash.bytes();
    let text = text_of(&secret)?;
    let row = KeyRow {
        id: cx.id(),
        name,
        user_id: user,
        prefix: display,
        hash,
        scopes: request.scopes,
        created_at: cx.now(),
        expires_at: expiry(cx.now(), request.expires_at)?,
        last_used_at: None,
    };
    let (cx_in, org) = (cx.clone(), cx.org());
    let row = cx
        .services()
        .store
        .write(move |tx| {
            tx.org(org).insert(&row)?;
            tx.appliance().insert(&KeyRef { hash, org_id: org, key_id: row.id })?;
            let note = Note::of("key.create", "key", row.id).with("scopes", row.scopes.clone());
            cx_in.note(&mut tx.org(org), note)?;
            Ok(row)
        })
        .await?;
    Ok(NewKey { key: shown(row), secret: text })
}

/// Ends a key: one's own, or that of a member whose role is not above the caller's.
///
/// Errors: `NotFound`.
pub async fn revoke_key(cx: &Cx, id: KeyId) -> Result<()> {
    cx.require(Action::KeysWrite)?;
    let (cx_in, org) = (cx.clone(), cx.org());
    cx.services()
        .store
        .write(move |tx| {
            let none = || Error::not_found("API key", id);
            let row = tx.org(org).get::<KeyRow>(id)?.ok_or_else(none)?;
            let owner = tx.org(org).get::<MembershipRow>(row.user_id)?.map(|it| it.role);
            let may = Some(row.user_id) == cx_in.user_id()
                || (cx_in.role() >= Role::Admin && owner.is_none_or(|it| it <= cx_in.role()));
            if !may {
                return Err(none());
            }
            tx.org(org).delete::<KeyRow>(id)?;
            tx.appliance().delete::<KeyRef>(Key::new().bytes(&row.hash))?;
            cx_in.note(&mut tx.org(org), Note::of("key.revoke", "key", id))
        })
        .await
}

/// Each scope exists, and is the caller's to give.
fn check_scopes(cx: &Cx, scopes: &[String]) -> Result<()> {
    if scopes.is_empty() || scopes.len() > MAX_SCOPES {
        return Err(Error::invalid_at("scopes", format!("a key has 1 to {MAX_SCOPES} scopes")));
    }
    for (place, scope) in scopes.iter().enumerate() {
        if let Some(action) = Action::from_scope(scope) {
            cx.require(action)?;
        } else if let Ok(agent) = scope.parse::<AgentId>() {
            cx.require_on(Action::AgentsRead, agent)?;
            if cx.role().may(Action::AgentsExecute) {
                cx.require_on(Action::AgentsExecute, agent)?;
            }
        } else {
            return Err(Error::invalid_at(
                &format!("/scopes/{place}"),
                "a scope is the name of an action such as agents:read, or the id of an agent",
            ));
        }
    }
    Ok(())
}

fn expiry(now: Timestamp, wanted: Option<Timestamp>) -> Result<Timestamp> {
    let expires_at = wanted.unwrap_or_else(|| now.plus_ms(DEFAULT_DAYS * DAY_MS));
    if expires_at <= now || expires_at.since(now) > MAX_DAYS * DAY_MS {
        return Err(Error::invalid_at("expires_at", format!("a key ends within {MAX_DAYS} days from now")));
    }
    Ok(expires_at)
}

fn shown(row: KeyRow) -> ApiKey {
    ApiKey {
        id: row.id,
        name: row.name,
        user_id: row.user_id,
        prefix: row.prefix,
        scopes: row.scopes,
        created_at: row.created_at,
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
    }
}
