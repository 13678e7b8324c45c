//! Sessions, refresh tokens and one-time links. Secrets are here as their SHA-256 only.

use serde::{Deserialize, Serialize};

use crate::access::types::SessionKind;
use crate::base::{OrgId, Result, SessionId, Timestamp, UserId};
use crate::infra::store::{ApplianceTx, Indexes, Key, Order, PerAppliance, Row, Rows, Table};

const BY_USER: u8 = 1;
const BY_COOKIE: u8 = 2;
const BY_SESSION: u8 = 1;

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SessionRow {
    pub id: SessionId,
    pub user_id: UserId,
    /// The organization it is in; all zero for a superadmin who is in none.
    pub org_id: OrgId,
    pub kind: SessionKind,
    /// SHA-256 of the cookie's value; none for a program's session.
    pub cookie: Option<[u8; 32]>,
    pub created_at: Timestamp,
    pub seen_at: Timestamp,
    pub expires_at: Timestamp,
    pub address: Option<String>,
}

impl Row for SessionRow {
    type Scope = PerAppliance;
    const TABLE: Table = Table::new(31, "sessions");

    fn key(&self) -> Key {
        self.id.into()
    }

    fn indexes(&self, index: &mut Indexes) {
        index.add(BY_USER, Key::of(self.user_id));
        if let Some(hash) = &self.cookie {
            index.add(BY_COOKIE, Key::new().bytes(hash));
        }
    }
}

/// One refresh token of a session. Used ones stay until the session ends, so that reuse is noticed.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct RefreshRow {
    pub hash: [u8; 32],
    pub session_id: SessionId,
    pub used: bool,
}

impl Row for RefreshRow {
    type Scope = PerAppliance;
    const TABLE: Table = Table::new(32, "refresh_tokens");

    fn key(&self) -> Key {
        Key::new().bytes(&self.hash)
    }

    fn indexes(&self, index: &mut Indexes) {
        index.add(BY_SESSION, Key::of(self.session_id));
    }
}

/// A one-time link to set a password.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ResetRow {
    pub hash: [u8; 32],
    pub user_id: UserId,
    pub expires_at: Timestamp,
}

impl Row for ResetRow {
    type Scope = PerAppliance;
    const TABLE: Table = Table::new(37, "password_resets");

    fn key(&self) -> Key {
        Key::new().bytes(&self.hash)
    }

    fn indexes(&self, index: &mut Indexes) {
        index.add(BY_USER, Key::of(self.user_id));
    }
}

impl ResetRow {
    /// Takes away every link of one person.
    pub(crate) fn forget(tx: &mut ApplianceTx<'_, '_>, user: UserId) -> Result<()> {
        for row in found::<Self>(tx, BY_USER, Key::of(user))? {
            tx.delete::<Self>(row.key())?;
        }
        Ok(())
    }
}

pub(crate) fn session_by_cookie(
    rows: &impl Rows<PerAppliance>,
    hash: &[u8; 32],
) -> Result<Option<SessionRow>> {
    rows.by_index(BY_COOKIE, Key::new().bytes(hash))
}

pub(crate) fn sessions_of(rows: &impl Rows<PerAppliance>, user: UserId) -> Result<Vec<SessionRow>> {
    found(rows, BY_USER, Key::of(user))
}

/// Takes a session and its refresh tokens away.
pub(crate) fn end_session(tx: &mut ApplianceTx<'_, '_>, id: SessionId) -> Result<Option<SessionRow>> {
    for token in found::<RefreshRow>(tx, BY_SESSION, Key::of(id))? {
        tx.delete::<RefreshRow>(token.key())?;
    }
    tx.delete(id)
}

/// Ends those sessions of a person that `which` names; answers how many.
pub(crate) fn end_sessions(
    tx: &mut ApplianceTx<'_, '_>,
    user: UserId,
    which: impl Fn(&SessionRow) -> bool,
) -> Result<usize> {
    let mut ended = 0;
    for session in sessions_of(tx, user)?.iter().filter(|it| which(it)) {
        end_session(tx, session.id)?;
        ended += 1;
    }
    Ok(ended)
}

fn found<R: Row<Scope = PerAppliance>>(
    rows: &impl Rows<PerAppliance>,
    index: u8,
    key: Key,
) -> Result<Vec<R>> {
    let mut all = Vec::new();
    rows.scan_index(index, key, Order::Oldest, |row| {
        all.push(row);
        Ok(true)
    })?;
    Ok(all)
}
