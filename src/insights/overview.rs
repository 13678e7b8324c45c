//! How things stand now.

use crate::access::{Action, Cx};
use crate::agents::{self, AgentFilter, AgentView, Health, Status};
use crate::base::{PageRequest, Result};
use crate::executions::{self, ExecutionFilter, ExecutionView};

/// Agents that are looked at; an organization that has more sees "at least".
const LOOKED_AT: usize = 1_000;
const LAST_FAILURES: usize = 5;

/// Agents that the caller may see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AgentCounts {
    pub all: usize,
    pub published: usize,
    pub drafts: usize,
    pub disabled: usize,
    pub healthy: usize,
    pub degraded: usize,
    pub unhealthy: usize,
    /// There are more than were counted.
    pub is_cut: bool,
}

/// At work, and waiting for their turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    pub running: usize,
    pub queued: usize,
}

pub fn now(cx: &Cx) -> Result<Now> {
    cx.require(Action::InsightsRead)?;
    let (running, queued) = cx.services().engine.load_of(cx.org());
    Ok(Now { running, queued })
}

/// The counts, and the agents that are not well.
pub fn agent_counts(cx: &Cx) -> Result<(AgentCounts, Vec<AgentView>)> {
    let (mut counts, mut unwell) = (AgentCounts::default(), Vec::new());
    let mut page = PageRequest::first(crate::base::MAX_LIMIT);
    loop {
        let found = agents::list(cx, &AgentFilter::default(), &page)?;
        for agent in found.items {
            count(&mut counts, &agent);
            if agent.enabled && matches!(agent.health, Health::Unhealthy | Health::Degraded) {
                unwell.push(agent);
            }
        }
        let Some(next) = found.next_cursor else { break };
        if counts.all >= LOOKED_AT {
            counts.is_cut = true;
            break;
        }
        page = PageRequest::parse(Some(crate::base::MAX_LIMIT as u64), Some(&next))?;
    }
    Ok((counts, unwell))
}

fn count(counts: &mut AgentCounts, agent: &AgentView) {
    counts.all += 1;
    counts.published += usize::from(agent.status.runs());
    counts.drafts += usize::from(agent.status == Status::Draft);
    counts.disabled += usize::from(!agent.enabled);
    match agent.health {
        Health::Healthy => counts.healthy += 1,
        Health::Degraded => counts.degraded += 1,
        Health::Unhealthy => counts.unhealthy += 1,
        Health::Unknown => {}
    }
}

/// The last runs that failed or took too long, newest first.
pub fn needs_attention(cx: &Cx) -> Result<Vec<ExecutionView>> {
    let mut found = Vec::new();
    for status in [crate::engine::Status::Failed, crate::engine::Status::Timeout] {
        let filter = ExecutionFilter { status: Some(status), ..ExecutionFilter::default() };
        found.extend(executions::list(cx, &filter, &PageRequest::first(LAST_FAILURES))?.items);
    }
    found.sort_by_key(|it| std::cmp::Reverse(it.created_at));
    found.truncate(LAST_FAILURES);
    Ok(found)
}
