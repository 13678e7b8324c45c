//! What every call can reach: the machinery that `app` put together at start.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::means::Means;
use crate::adapters::CallbackDesk;
use crate::base::Env;
use crate::config::Config;
use crate::engine::{Engine, Timers};
use crate::infra::Kept;
use crate::infra::egress::Egress;
use crate::infra::store::Store;
use crate::infra::vault::Vault;

pub struct Services {
    pub env: Env,
    pub config: Config,
    pub store: Store,
    /// Password hashing, tokens, brakes on guessing.
    pub means: Means,
    /// Opens and seals secrets; sealed where the appliance's key is missing or wrong.
    pub vault: Vault,
    pub egress: Egress,
    pub engine: Engine,
    /// What is to happen at a time.
    pub timers: Timers,
    /// Where agents that answer later leave their answers.
    pub callbacks: Arc<CallbackDesk>,
    /// What features keep in memory: caches, registers.
    pub kept: Kept,
    /// Set when the server stops: it is alive, but wants no more requests.
    pub draining: AtomicBool,
}
