//! Rotation of refresh tokens. Each is good once; one that comes back a second time was copied by someone, and
//! ends the session that it belongs to.

use std::sync::Arc;

use super::authenticate::in_org;
use super::login::pair;
use crate::access::means::{hash_of, mint};
use crate::access::services::Services;
use crate::access::store::{RefreshRow, SessionRow, UserRow, end_session};
use crate::access::types::{RefreshRequest, TokenPair};
use crate::audit::{self, Note};
use crate::base::{Actor, Error, Origin, Result};
use crate::infra::store::{Key, Rows, WriteTx};
use crate::infra::token::TokenKind;

/// A new pair for a refresh token that was not used yet.
///
/// Errors: `Unauthenticated`; where the token was used before, the session has ended as well.
pub async fn refresh(
    services: &Arc<Services>,
    origin: &Origin,
    request: RefreshRequest,
) -> Result<TokenPair> {
    let refused = || Error::unauthenticated("this refresh token is not valid; log in again");
    let hash = hash_of(TokenKind::Refresh, &request.refresh_token).ok_or_else(refused)?;
    let (services_in, origin) = (services.clone(), origin.clone());
    let rotated = services.store.write(move |tx| rotate(tx, &services_in, &origin, hash)).await?;
    rotated.ok_or_else(refused)
}

/// `None` is a refusal: an error would undo the end of the session.
fn rotate(
    tx: &mut WriteTx<'_>,
    services: &Services,
    origin: &Origin,
    hash: [u8; 32],
) -> Result<Option<TokenPair>> {
    let now = services.env.now();
    let Some(mut token) = tx.appliance().get::<RefreshRow>(Key::new().bytes(&hash))? else {
        return Ok(None);
    };
    let Some(mut session) = tx.appliance().get::<SessionRow>(token.session_id)? else { return Ok(None) };
    let actor = Actor::User { user_id: session.user_id };
    if token.used {
        end_session(&mut tx.appliance(), session.id)?;
        let note = Note::of("session.token_reused", "session", session.id);
        audit::append(&mut tx.org(session.org_id), &services.env, &actor, origin, note)?;
        return Ok(None);
    }
    let user = tx.appliance().get::<UserRow>(session.user_id)?.filter(|it| !it.disabled);
    let Some(user) = user.filter(|_| now < session.expires_at) else { return Ok(None) };
    if in_org(services, &user, session.org_id).is_err() {
        return Ok(None);
    }
    token.used = true;
    tx.appliance().put(&token)?;
    let (secret, hash) = mint(&services.env, TokenKind::Refresh);
    tx.appliance().insert(&RefreshRow { hash, session_id: session.id, used: false })?;
    session.seen_at = now;
    session.expires_at = now.plus_ms(services.config.auth.refresh_token_ms);
    tx.appliance().put(&session)?;
    pair(services, user.id, session.org_id, session.id, &secret).map(Some)
}
