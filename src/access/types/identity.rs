//! People: what they send to get in, and how they see themselves.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{OrgSummary, Organization};
use crate::access::Role;
use crate::base::{Error, OrgId, Result, Timestamp, UserId};
use crate::infra::Secret;

pub(crate) const MAX_NAME_CHARS: usize = 100;

/// The first owner and organization, with the token that the server printed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetupRequest {
    /// The one-time setup token; it stands in the terminal and in `setup-token` of the data folder.
    pub token: Secret,
    pub org_name: String,
    pub email: String,
    pub password: Secret,
    /// How others see you; the part of the e-mail address before the `@` where it is left out.
    pub name: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    pub email: String,
    pub password: Secret,
    /// Where you are a member of several; the one you were last in where it is left out.
    pub org_id: Option<OrgId>,
}

/// By invitation (`invite`), or, where this server allows it, with an organization of one's own (`org_name`).
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterRequest {
    /// Token of an invitation.
    pub invite: Option<Secret>,
    pub email: String,
    /// A new one; or your own, where you already have an account here.
    pub password: Secret,
    pub name: Option<String>,
    /// Name of the organization to make.
    pub org_name: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Registered {
    pub user_id: UserId,
    pub email: String,
    pub name: String,
    pub role: Role,
    pub organization: Organization,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetRequest {
    pub email: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetConfirm {
    /// From the one-time link.
    pub token: Secret,
    pub password: Secret,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    pub current_password: Secret,
    pub new_password: Secret,
}

/// Oneself, as seen from the organization one is in.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Profile {
    pub id: UserId,
    pub email: String,
    pub name: String,
    /// Whether this person runs the appliance.
    pub superadmin: bool,
    pub role: Role,
    /// The organization that this log-in or key is in.
    pub org_id: OrgId,
    /// All organizations this person is a member of.
    pub organizations: Vec<OrgSummary>,
    pub created_at: Timestamp,
    pub password_changed_at: Timestamp,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfilePatch {
    pub name: Option<String>,
    /// A new address; needs `current_password`.
    pub email: Option<String>,
    pub current_password: Option<Secret>,
}

/// What an address is looked up by: two spellings of one account have one key.
pub(crate) fn email_key(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Errors: `ValidationFailed` for an empty, long or unprintable name.
pub(crate) fn name_of(field: &str, name: &str) -> Result<String> {
    let name = name.trim();
    let count = name.chars().count();
    if count == 0 || count > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        return Err(Error::invalid_at(
            field,
            format!("a name has 1 to {MAX_NAME_CHARS} characters, none of them control characters"),
        ));
    }
    Ok(name.to_owned())
}
