//! What exists: a credential, its kind, what a person says to make or change one.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::hosts;
use super::value::Value;
use crate::base::{CredentialId, Error, Invalid, Result, Timestamp};
use crate::infra::vault::Sealed;

pub(super) const MAX_NAME_CHARS: usize = 120;
const MAX_CONCURRENCY: u32 = 100_000;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $text:literal [$($field:literal),*],)*) => {
        /// What a credential is made of, and how it is sent.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            pub const ALL: &'static [Kind] = &[$(Kind::$name,)*];

            pub const fn name(self) -> &'static str {
                match self { $(Kind::$name => $text,)* }
            }

            /// The fields of its value; none where a person chooses them.
            pub const fn fields(self) -> &'static [&'static str] {
                match self { $(Kind::$name => &[$($field),*],)* }
            }
        }
    };
}

kinds! {
    /// A key in a header that the agent's config names.
    ApiKey "api_key" ["key"],
    /// `Authorization: Bearer …`.
    Bearer "bearer" ["token"],
    /// `Authorization: Basic …`.
    BasicAuth "basic_auth" ["username", "password"],
    /// Signs the body (Standard Webhooks).
    Webhook "webhook" ["secret"],
    /// Any one header.
    Header "header" ["name", "value"],
    /// Fields with names of one's own, for agents that ask for them.
    Custom "custom" [],
}

/// A credential as it is stored: the value in sealed fields, each bound to this row and to `version`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Credential {
    pub id: CredentialId,
    /// Unique in the organization, whatever the case of its letters.
    pub name: String,
    pub kind: Kind,
    pub fields: BTreeMap<String, Sealed>,
    /// Counts the values that it has had.
    pub version: u32,
    /// Tells two values apart and says nothing about either.
    pub hint: String,
    pub expires_at: Option<Timestamp>,
    pub allowed_hosts: Vec<String>,
    /// Runs that may use it at once.
    #[serde(default)]
    pub max_concurrency: Option<u32>,
    /// Counts the changes of this row.
    pub revision: u64,
    pub created_at: Timestamp,
    pub created_by: String,
    pub updated_at: Timestamp,
    /// When the present value came.
    pub rotated_at: Timestamp,
}

impl Credential {
    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|it| it <= now)
    }
}

/// How often a value was handed out, beside the audit log, which says to what.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Uses {
    pub id: CredentialId,
    pub count: u64,
    pub last_at: Timestamp,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCredential {
    #[schemars(length(min = 1, max = 120))]
    pub name: String,
    pub kind: Kind,
    pub value: Value,
    /// From then on it is refused.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// `api.example.com`, `*.example.com`; empty: wherever an agent that uses it points.
    #[serde(default)]
    #[schemars(length(max = 50))]
    pub allowed_hosts: Vec<String>,
    /// Runs at work at once that use it, of whatever agents; `null`: as many as there are.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_concurrency: Option<u32>,
}

/// Replaces everything but the kind; without a value, the present one stays.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialUpdate {
    #[schemars(length(min = 1, max = 120))]
    pub name: String,
    #[serde(default)]
    pub value: Option<Value>,
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// More hosts than before need the value again: what cannot be read cannot be led elsewhere either.
    #[serde(default)]
    #[schemars(length(max = 50))]
    pub allowed_hosts: Vec<String>,
    /// Counts for runs that are accepted from then on.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_concurrency: Option<u32>,
}

/// A new value for the same credential.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    pub value: Value,
    /// `null`: it does not expire any more.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// Labels and limits, as they will be stored.
pub(super) struct Labels {
    pub name: String,
    pub expires_at: Option<Timestamp>,
    pub allowed_hosts: Vec<String>,
}

impl Labels {
    /// Errors: `ValidationFailed` with every wrong field.
    pub(super) fn check(
        name: &str,
        expires_at: Option<Timestamp>,
        allowed_hosts: &[String],
        max_concurrency: Option<u32>,
        now: Timestamp,
    ) -> Result<Self> {
        let mut wrong = Vec::new();
        let name = name.trim().to_owned();
        if name.is_empty() || name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control) {
            let message = format!("a name has 1 to {MAX_NAME_CHARS} characters, in one line");
            wrong.push(Invalid { path: "/name".into(), message });
        }
        wrong.extend(check_expiry(expires_at, now).err());
        if max_concurrency.is_some_and(|it| !(1..=MAX_CONCURRENCY).contains(&it)) {
            let message = format!("is 1 to {MAX_CONCURRENCY}, or empty");
            wrong.push(Invalid { path: "/max_concurrency".into(), message });
        }
        let allowed_hosts = hosts::normal(allowed_hosts, &mut wrong);
        match wrong.is_empty() {
            true => Ok(Self { name, expires_at, allowed_hosts }),
            false => Err(Error::invalid_fields(crate::base::Code::ValidationFailed, wrong)),
        }
    }
}

pub(super) fn check_expiry(expires_at: Option<Timestamp>, now: Timestamp) -> Result<(), Invalid> {
    match expires_at {
        Some(at) if at <= now => {
            Err(Invalid { path: "/expires_at".into(), message: "an expiry lies in the future".into() })
        }
        _ => Ok(()),
    }
}
