//! Memberships. The row in the organization is the truth; a row of the appliance says where a person is a
//! member, and is written with it.

use serde::{Deserialize, Serialize};

use super::{KeyRef, KeyRow, end_sessions};
use crate::access::Role;
use crate::access::types::MemberStatus;
use crate::base::{Id, OrgId, Result, Timestamp, UserId};
use crate::infra::store::{Key, Order, OrgTx, PerAppliance, PerOrg, Row, Rows, Table, WriteTx};

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct MembershipRow {
    pub user_id: UserId,
    pub role: Role,
    pub status: MemberStatus,
    pub joined_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Row for MembershipRow {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(40, "memberships");

    fn key(&self) -> Key {
        self.user_id.into()
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct MembershipRef {
    pub user_id: UserId,
    pub org_id: OrgId,
}

impl Row for MembershipRef {
    type Scope = PerAppliance;
    const TABLE: Table = Table::new(33, "membership_refs");

    fn key(&self) -> Key {
        Key::of(self.user_id).id(self.org_id)
    }
}

/// The organizations a person has a seat in, also where it is suspended.
pub(crate) fn orgs_of(rows: &impl Rows<PerAppliance>, user: UserId) -> Result<Vec<OrgId>> {
    let refs = rows.all::<MembershipRef>(Key::of(user), Order::Oldest)?;
    Ok(refs.into_iter().map(|it| it.org_id).collect())
}

/// Active owners; the last of them cannot go.
pub(crate) fn owners(tx: &OrgTx<'_, '_>) -> Result<usize> {
    let mut count = 0;
    tx.scan::<MembershipRow>(Key::new(), Order::Oldest, |it| {
        count += usize::from(it.role == Role::Owner && it.status == MemberStatus::Active);
        Ok(true)
    })?;
    Ok(count)
}

pub(crate) fn add_membership(tx: &mut WriteTx<'_>, org: OrgId, row: &MembershipRow) -> Result<()> {
    tx.appliance().put(&MembershipRef { user_id: row.user_id, org_id: org })?;
    tx.org(org).put(row)
}

/// Takes the seat, the person's keys in the organization and the person's sessions in it.
pub(crate) fn remove_membership(tx: &mut WriteTx<'_>, org: OrgId, user: UserId) -> Result<()> {
    tx.org(org).delete::<MembershipRow>(user)?;
    tx.appliance().delete::<MembershipRef>(Key::of(user).id(org))?;
    let keys = tx.org(org).all::<KeyRow>(Key::new(), Order::Oldest)?;
    for key in keys.iter().filter(|it| it.user_id == user) {
        tx.org(org).delete::<KeyRow>(key.id)?;
        tx.appliance().delete::<KeyRef>(Key::new().bytes(&key.hash))?;
    }
    end_sessions_in(tx, org, user)?;
    Ok(())
}

/// Ends a person's sessions in one organization; answers how many.
pub(crate) fn end_sessions_in(tx: &mut WriteTx<'_>, org: OrgId, user: UserId) -> Result<usize> {
    end_sessions(&mut tx.appliance(), user, |it| it.org_id.bytes() == org.bytes())
}
