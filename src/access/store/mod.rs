//! Rows of `access`. People, sessions and what is found by a token's hash belong to the appliance; memberships,
//! invitations and keys to their organization.

mod invitations;
mod keys;
mod members;
mod orgs;
mod sessions;
mod users;

pub(super) use invitations::{InvitationRef, InvitationRow};
pub(super) use keys::{KeyRef, KeyRow};
pub(super) use members::{
    MembershipRow, add_membership, end_sessions_in, orgs_of, owners, remove_membership,
};
pub(super) use orgs::{OrgRow, SetupRow, free_slug};
pub(super) use sessions::{
    RefreshRow, ResetRow, SessionRow, end_session, end_sessions, session_by_cookie, sessions_of,
};
pub(super) use users::{UserRow, user_by_email};
