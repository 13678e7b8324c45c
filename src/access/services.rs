//! What every call can reach: the machinery that `app` put together at start.

use crate::base::Env;
use crate::config::Config;
use crate::infra::store::Store;

pub struct Services {
    pub env: Env,
    pub config: Config,
    pub store: Store,
}
