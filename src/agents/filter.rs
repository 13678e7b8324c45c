//! What a list of agents keeps, and in which order it comes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::status::Status;
use super::types::{Agent, Health, Visibility};

/// In which order a list comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AgentSort")]
pub enum Sort {
    #[default]
    #[serde(rename = "-created_at")]
    Newest,
    #[serde(rename = "created_at")]
    Oldest,
    #[serde(rename = "name")]
    Name,
    #[serde(rename = "-name")]
    NameDown,
    #[serde(rename = "-updated_at")]
    LastChanged,
    #[serde(rename = "updated_at")]
    FirstChanged,
}

/// What a list keeps. Every filter that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct AgentFilter {
    pub agent_type: Option<String>,
    pub status: Option<Status>,
    pub health: Option<Health>,
    pub tag: Option<String>,
    pub capability: Option<String>,
    pub visibility: Option<Visibility>,
    pub enabled: Option<bool>,
    /// A part of name, slug or description, whatever the case.
    pub q: Option<String>,
    pub sort: Sort,
}

impl AgentFilter {
    /// Whether it is as wanted, but for its health. `needle` is `q` in lower case.
    pub(super) fn keeps(&self, agent: &Agent, needle: Option<&str>) -> bool {
        fn is<T: PartialEq>(wanted: Option<&T>, found: &T) -> bool {
            wanted.is_none_or(|it| it == found)
        }
        is(self.agent_type.as_ref(), &agent.agent_type)
            && is(self.status.as_ref(), &agent.status)
            && is(self.visibility.as_ref(), &agent.visibility)
            && is(self.enabled.as_ref(), &agent.enabled)
            && self.tag.as_ref().is_none_or(|it| agent.tags.contains(it))
            && self.capability.as_ref().is_none_or(|it| agent.capabilities.contains(it))
            && needle.is_none_or(|it| {
                [&agent.name, &agent.slug, &agent.description]
                    .iter()
                    .any(|text| text.to_lowercase().contains(it))
            })
    }
}
