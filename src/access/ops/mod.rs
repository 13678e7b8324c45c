//! What can be done with people, sessions, keys and organizations.

mod authenticate;
mod called;
pub mod console;
mod denial;
mod invitations;
mod keys;
mod login;
mod members;
mod org;
mod password;
mod profile;
mod refresh;
mod register;
mod sessions;
mod setup;
mod sweep;

pub use authenticate::{Credential, authenticate};
pub use called::called;
pub use denial::note_denial;
pub use invitations::{invitation_for, invitations, invite, revoke_invitation};
pub use keys::{create_key, is_key, key, keys, revoke_key};
pub use login::{log_in, log_in_browser};
pub use members::{is_member, member, members, remove_member, update_member};
pub use org::{every_org, every_org_named, organization, organizations, time_zone, update_organization};
pub use password::{change_password, confirm_reset, issue_reset, request_reset};
pub use profile::{profile, update_profile};
pub use refresh::refresh;
pub use register::accept;
pub use sessions::{end_other_sessions, end_session, log_out, sessions, switch_org};
pub use setup::{check_setup, prepare_setup, setup, setup_is_done};
pub use sweep::sweep;
