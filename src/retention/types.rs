//! A policy, and what it would take away.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{AgentId, Error, OrNull, Result, Timestamp};
use crate::config;
use crate::executions::{Cutoff, Owner};

/// A hundred years.
const MOST_DAYS: u32 = 36_500;
const MOST_AGENTS: usize = 1_000;
const DAY_MS: u64 = 86_400_000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "RetentionOfAgent")]
pub struct AgentDays {
    pub agent_id: AgentId,
    #[schemars(range(min = 1, max = 36_500))]
    pub days: u32,
}

/// What a caller sets; replaces what was set before.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewRetention")]
pub struct NewPolicy {
    /// Days that a run is kept after its end; `null`: the appliance's default.
    #[schemars(range(min = 1, max = 36_500))]
    pub days: OrNull<u32>,
    /// Agents with a time of their own.
    pub agents: Vec<NewAgentDays>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewRetentionOfAgent")]
pub struct NewAgentDays {
    /// Id or slug.
    pub agent_id: String,
    #[schemars(range(min = 1, max = 36_500))]
    pub days: u32,
}

/// An organization's policy, as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Policy {
    pub days: Option<u32>,
    pub agents: BTreeMap<AgentId, u32>,
    pub revision: u64,
}

impl Policy {
    /// `id_of` says which agent one is, by its id or slug.
    ///
    /// Errors: `ValidationFailed` with every wrong number, and for an agent that is not there.
    pub(super) fn of(
        new: &NewPolicy,
        config: &config::Retention,
        revision: u64,
        id_of: impl Fn(&str) -> Result<Option<AgentId>>,
    ) -> Result<Self> {
        let least = config.least_days;
        let fits = |days: u32| (least..=MOST_DAYS).contains(&days);
        let rule = format!("has to be {least} to {MOST_DAYS} days");
        if new.days.0.is_some_and(|it| !fits(it)) {
            return Err(Error::invalid_at("days", rule));
        }
        if new.agents.len() > MOST_AGENTS {
            return Err(Error::invalid_at("agents", format!("may hold at most {MOST_AGENTS} agents")));
        }
        let mut agents = BTreeMap::new();
        for (place, it) in new.agents.iter().enumerate() {
            if !fits(it.days) {
                return Err(Error::invalid_at(&format!("/agents/{place}/days"), rule));
            }
            let wrong = |why: &str| Error::invalid_at(&format!("/agents/{place}/agent_id"), why);
            let agent =
                id_of(&it.agent_id)?.ok_or_else(|| wrong("this agent is not in this organization"))?;
            if agents.insert(agent, it.days).is_some() {
                return Err(wrong("this agent comes twice; each has one number of days"));
            }
        }
        Ok(Self { days: new.days.0, agents, revision })
    }

    /// Before when runs of this one must have ended to go.
    pub(super) fn cutoff(&self, config: &config::Retention, owner: Owner, now: Timestamp) -> Cutoff {
        let own = match owner {
            Owner::Agent(id) => self.agents.get(&id).copied(),
            Owner::Workflow(_) => None,
        };
        // The floor may have been raised since.
        let days = own.or(self.days).unwrap_or(config.days).max(config.least_days);
        let before = |days: u32| now.minus_ms(u64::from(days) * DAY_MS);
        Cutoff { ended: before(days), dead: before(days.max(config.dead_letter_days)) }
    }
}

/// What the round that is under way has taken away so far.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Round {
    pub runs: u64,
    pub bytes: u64,
}

/// A policy as answers show it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Retention")]
pub struct PolicyView {
    /// What the organization has set; `null`: nothing.
    pub days: Option<u32>,
    pub agents: Vec<AgentDays>,
    /// The appliance's own, where nothing is set.
    pub default_days: u32,
    /// Less than this cannot be set.
    pub least_days: u32,
    /// Dead letters, which failed and were not tried again, are kept at least so long.
    pub dead_letter_days: u32,
    #[serde(skip)]
    pub revision: u64,
}

impl PolicyView {
    pub(super) fn of(policy: Policy, config: &config::Retention) -> Self {
        let agents = policy.agents.into_iter().map(|(agent_id, days)| AgentDays { agent_id, days });
        Self {
            days: policy.days,
            agents: agents.collect(),
            default_days: config.days,
            least_days: config.least_days,
            dead_letter_days: config.dead_letter_days,
            revision: policy.revision,
        }
    }
}

/// What a policy would take away now.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[schemars(rename = "RetentionPreview")]
pub struct Preview {
    pub runs: u64,
    /// Of those runs and what happened in them; entries of indexes come on top.
    pub freed_bytes: u64,
    /// There are more than were counted.
    pub is_cut: bool,
}
