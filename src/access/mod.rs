//! Who may do what: organizations, people, sessions, keys, roles, and the context `Cx` that every call begins
//! with.
//!
//! A person (`UserRow`) belongs to the appliance and can be a member of several organizations; a session is in
//! one of them at a time. Every request is checked against the store as it stands (`authenticate`), so that what
//! is taken away is gone with the commit that took it. Secrets are stored as hashes only.

pub mod api;
mod cx;
mod idempotency;
mod means;
mod ops;
pub mod pages;
mod role;
mod services;
mod store;
mod types;

pub use cx::{Cx, Scopes};
pub use idempotency::{FirstOutcome, FirstRequest, Idempotency, KeptAnswer, Resource, sweep_idempotency};
pub use means::Means;
pub use ops::{
    Credential, accept, authenticate, called, change_password, check_setup, confirm_reset, console,
    create_key, end_other_sessions, end_session, every_org, every_org_named, invitation_for, invitations,
    invite, is_key, is_member, issue_reset, key, keys, log_in, log_in_browser, log_out, member, members,
    note_denial, organization, organizations, prepare_setup, profile, refresh, remove_member, request_reset,
    revoke_invitation, revoke_key, sessions, setup, setup_is_done, sweep, switch_org, time_zone,
    update_member, update_organization, update_profile,
};
pub use role::{Action, Role};
pub use services::Services;
pub use types::{
    ApiKey, Invitation, InvitationRequest, LoginRequest, Member, MemberPatch, MemberStatus, NewInvitation,
    NewKey, NewKeyRequest, Opened, OrgPatch, OrgSummary, Organization, PasswordChange, Profile, ProfilePatch,
    Quotas, RefreshRequest, RegisterRequest, Registered, ResetConfirm, ResetLink, ResetRequest, Session,
    SessionKind, SetupRequest, SwitchRequest, TokenPair,
};
