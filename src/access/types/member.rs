//! Members of an organization, and those who are asked to become one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::Role;
use crate::base::{Error, InvitationId, Result, Timestamp, UserId};

const MAX_EMAIL_CHARS: usize = 254;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberStatus {
    Active,
    /// Keeps the seat, gets in nowhere: sessions have ended, keys are refused.
    Suspended,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Member {
    /// The person.
    pub id: UserId,
    pub email: String,
    pub name: String,
    pub role: Role,
    pub status: MemberStatus,
    pub joined_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberPatch {
    pub role: Option<Role>,
    pub status: Option<MemberStatus>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationRequest {
    pub email: String,
    pub role: Role,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Invitation {
    pub id: InvitationId,
    pub email: String,
    pub role: Role,
    pub invited_by: Option<UserId>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// An invitation at the one moment when its token can be seen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct NewInvitation {
    #[serde(flatten)]
    pub invitation: Invitation,
    /// What `POST /api/auth/register` takes as `invite`. Shown once.
    pub token: String,
    /// The page that takes it. Give it to the person; whoever has it can join with that address.
    pub url: String,
}

/// A one-time link to set a new password.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ResetLink {
    pub token: String,
    pub url: String,
    pub expires_at: Timestamp,
}

/// Errors: `ValidationFailed` for what is no address.
pub(crate) fn check_email(email: &str) -> Result<String> {
    let email = email.trim();
    let fits = email.chars().count() <= MAX_EMAIL_CHARS
        && !email.chars().any(|it| it.is_control() || it.is_whitespace() || "<>\"(),;:\\[]".contains(it))
        && email.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty() && !host.is_empty() && !host.contains('@') && !host.starts_with('.')
        });
    if !fits {
        return Err(Error::invalid_at("email", "an e-mail address looks like name@example.com"));
    }
    Ok(email.to_owned())
}

#[cfg(test)]
mod tests {
    use super::check_email;

    #[test]
    fn addresses_are_told_from_other_texts() {
        for (text, fits) in [
            ("a@b", true),
            (" ada@example.com ", true),
            ("ada+x@example.co.uk", true),
            ("ada", false),
            ("@b", false),
            ("a@", false),
            ("a@b@c", false),
            ("a b@c", false),
            ("a\u{0}@c", false),
            ("<a@c>", false),
        ] {
            assert_eq!(check_email(text).is_ok(), fits, "{text:?}");
        }
    }
}
