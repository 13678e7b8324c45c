//! How many steps ask one agent at once: as many as its own `max_concurrency` leaves beside its own runs.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::access::Services;
use crate::agents::Runnable;
use crate::base::{AgentId, Id, OrgId};

/// Steps at work by agent.
#[derive(Default)]
pub(super) struct Places(Mutex<HashMap<AgentId, u32>>);

/// A place that is taken, until this goes.
pub(super) struct Pass {
    places: Arc<Places>,
    agent: AgentId,
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock();
        if let Some(count) = taken.get_mut(&self.agent) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.agent);
            }
        }
    }
}

/// A place for one more step; `None` where all are taken.
pub(super) fn enter(services: &Services, org: OrgId, runnable: &Runnable) -> Option<Pass> {
    let agent = runnable.agent.id;
    let places = services.kept.get::<Places>();
    let mut taken = places.0.lock();
    let steps = taken.get(&agent).copied().unwrap_or(0);
    if let Some(limit) = runnable.version.policy.max_concurrency {
        let runs = u32::try_from(services.engine.running_in(org, agent.bytes())).unwrap_or(u32::MAX);
        if steps.saturating_add(runs) >= limit {
            return None;
        }
    }
    taken.insert(agent, steps + 1);
    drop(taken);
    Some(Pass { places, agent })
}
