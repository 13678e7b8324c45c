//! Reaches calls of an agent that are steps of other runs: those are in other lanes of the engine.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::access::Services;
use crate::base::{AgentId, OrgId};

#[derive(Default)]
struct Switches(Mutex<HashMap<(OrgId, AgentId), CancellationToken>>);

/// Cancelled when the agent is stopped. Who takes it before asking whether the agent is stopped misses no stop.
pub fn switch(services: &Services, org: OrgId, agent: AgentId) -> CancellationToken {
    services.kept.get::<Switches>().0.lock().entry((org, agent)).or_default().clone()
}

pub(super) fn throw(services: &Services, org: OrgId, agent: AgentId) {
    if let Some(switch) = services.kept.get::<Switches>().0.lock().remove(&(org, agent)) {
        switch.cancel();
    }
}
