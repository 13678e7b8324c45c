//! How many runs of an agent may begin in a minute, by its own policy.

use crate::access::Services;
use crate::agents::Runnable;
use crate::base::{AgentId, Code, Error, Result};
use crate::infra::limits::{Limits, Rate};

/// Agents whose rates are counted; beyond them, new ones share their count.
const MAX_RATED_AGENTS: usize = 100_000;

/// How many runs of each agent began lately.
struct AgentRates(Limits<AgentId>);

impl Default for AgentRates {
    fn default() -> Self {
        Self(Limits::new(MAX_RATED_AGENTS))
    }
}

/// Counts one more run of the agent, or step with it.
///
/// Errors: `RateLimited` with the time to wait.
pub fn check_rate(services: &Services, runnable: &Runnable) -> Result<()> {
    let Some(count) = runnable.version.policy.rate_limit_per_minute else { return Ok(()) };
    let verdict = services.kept.get::<AgentRates>().0.check(Rate::per_minute(count), &runnable.agent.id);
    if verdict.allowed {
        return Ok(());
    }
    let message = format!("at most {count} runs of this agent may begin in a minute");
    Err(Error::new(Code::RateLimited, message).retry_after(verdict.retry_after_ms))
}
