//! What exists in `access`, what comes in and what is shown. Requests and stored rows are different types.

mod identity;
mod key;
mod member;
mod org;
mod session;

pub use identity::{
    LoginRequest, PasswordChange, Profile, ProfilePatch, RegisterRequest, Registered, ResetConfirm,
    ResetRequest, SetupRequest,
};
pub(super) use identity::{email_key, name_of};
pub use key::{ApiKey, NewKey, NewKeyRequest};
pub(super) use member::check_email;
pub use member::{
    Invitation, InvitationRequest, Member, MemberPatch, MemberStatus, NewInvitation, ResetLink,
};
pub use org::{OrgPatch, OrgSummary, Organization, Quotas};
pub use session::{Opened, RefreshRequest, Session, SessionKind, SwitchRequest, TokenPair};
