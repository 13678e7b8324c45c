//! Invitations that wait. One that was taken up or taken back has no row: the audit log remembers it.

use serde::{Deserialize, Serialize};

use crate::access::Role;
use crate::base::{InvitationId, OrgId, Timestamp, UserId};
use crate::infra::store::{Key, PerAppliance, PerOrg, Row, Table};

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct InvitationRow {
    pub id: InvitationId,
    pub email: String,
    pub role: Role,
    pub hash: [u8; 32],
    pub invited_by: Option<UserId>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

impl Row for InvitationRow {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(41, "invitations");

    fn key(&self) -> Key {
        self.id.into()
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct InvitationRef {
    pub hash: [u8; 32],
    pub org_id: OrgId,
    pub invitation_id: InvitationId,
}

impl Row for InvitationRef {
    type Scope = PerAppliance;
    const TABLE: Table = Table::new(38, "invitation_refs");

    fn key(&self) -> Key {
        Key::new().bytes(&self.hash)
    }
}
