//! Organizations as they are shown and changed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::Role;
use crate::base::{OrgId, Timestamp};

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Organization {
    pub id: OrgId,
    pub name: String,
    pub slug: String,
    /// Of the IANA database; days and months of budgets begin in it.
    pub time_zone: String,
    pub quotas: Quotas,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What one organization may have here.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Quotas {
    pub members: usize,
    pub agents: usize,
    pub running: usize,
    pub queued: usize,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrgPatch {
    pub name: Option<String>,
    /// A name of the IANA database: `Europe/Berlin`, `UTC`.
    pub time_zone: Option<String>,
}

/// One of the organizations of a person.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct OrgSummary {
    pub id: OrgId,
    pub name: String,
    pub slug: String,
    pub role: Role,
}
