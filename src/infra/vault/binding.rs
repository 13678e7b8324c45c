//! Where a sealed value belongs. A value that is moved to another row, field, table, organization, instance or
//! key version does not open there.

use uuid::Uuid;

use crate::base::{Id, OrgId};

/// Whose data key: an organization's, or the appliance's own for what belongs to no organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    Appliance,
    Org(OrgId),
}

impl Scope {
    /// One tag byte and the id, so that no organization's id can be taken for the appliance.
    pub(super) fn encode(self) -> [u8; 17] {
        let mut bytes = [0; 17];
        if let Self::Org(org) = self {
            bytes[0] = 1;
            bytes[1..].copy_from_slice(&org.bytes());
        }
        bytes
    }
}

/// What a subkey is for. Each purpose has a key of its own, so that a value sealed or signed for one is
/// worthless for another. Labels are part of what is on disk and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    Credential,
    WebhookSecret,
    TotpSeed,
    Cursor,
    IdempotentAnswer,
    Hint,
    Signing,
    /// Settings of the appliance that are secrets: a mail password, a licence.
    Setting,
    /// Tokens that a form or a page carries (CSRF, unsubscribe).
    Form,
}

impl Purpose {
    #[cfg(test)]
    pub(super) const ALL: [Self; 9] = [
        Self::Credential,
        Self::WebhookSecret,
        Self::TotpSeed,
        Self::Cursor,
        Self::IdempotentAnswer,
        Self::Hint,
        Self::Signing,
        Self::Setting,
        Self::Form,
    ];

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::WebhookSecret => "webhook-secret",
            Self::TotpSeed => "totp-seed",
            Self::Cursor => "cursor",
            Self::IdempotentAnswer => "idempotent-answer",
            Self::Hint => "hint",
            Self::Signing => "signing",
            Self::Setting => "setting",
            Self::Form => "form",
        }
    }
}

/// The place of one value; the data key adds instance, organization and key version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding<'a> {
    pub purpose: Purpose,
    pub table: &'a str,
    /// The row's key, in the bytes under which the store has it.
    pub row: &'a [u8],
    pub field: &'a str,
}

impl Binding<'_> {
    /// The associated data. Every part of unknown length is preceded by its length: two places never encode alike.
    pub(super) fn encode(&self, format: u8, instance: Uuid, scope: Scope, version: u32) -> Vec<u8> {
        let parts = [self.purpose.label().as_bytes(), self.table.as_bytes(), self.row, self.field.as_bytes()];
        let length: usize = parts.iter().map(|it| it.len() + 8).sum();
        let mut bytes = Vec::with_capacity(length + 38);
        bytes.push(format);
        bytes.extend_from_slice(instance.as_bytes());
        bytes.extend_from_slice(&scope.encode());
        bytes.extend_from_slice(&version.to_be_bytes());
        for part in parts {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }
}
