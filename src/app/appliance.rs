//! One appliance: store, way out and engine on one data folder.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use super::{history, janitor};
use crate::access::{self, Means, Services};
use crate::adapters::CallbackDesk;
use crate::agents::{CredentialHolders, DeleteGuards};
use crate::base::{Env, Result};
use crate::budgets;
use crate::config::Config;
use crate::connections;
use crate::engine::{Engine, Options, Timers};
use crate::executions::{self, AgentWork, Podium};
use crate::infra::egress::{Egress, EgressConfig, Resolver, SystemResolver};
use crate::infra::store::{OpenOptions, Store};
use crate::infra::vault::Redactor;
use crate::infra::{Kept, tend};
use crate::keys::{self, KeySettings};
use crate::metering::{self, EgressLedger};
use crate::schedules;
use crate::stops;
use crate::triggers;
use crate::webhooks;
use crate::workflows::{self, ChainConductor};

/// What a test may hand in instead of the real thing.
pub struct Parts {
    pub env: Env,
    pub resolver: Arc<dyn Resolver>,
    /// What unwraps the key file, and where the service manager hands one in.
    pub keys: KeySettings,
    /// Cuts secrets that are in use out of logs; the one that `telemetry` was started with.
    pub redactor: Arc<Redactor>,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            env: Env::system(),
            resolver: Arc::new(SystemResolver),
            keys: KeySettings::default(),
            redactor: Redactor::new(),
        }
    }
}

pub struct Appliance {
    pub services: Arc<Services>,
}

impl Appliance {
    /// Opens the data folder (made where it is missing) and takes up what an earlier process left. Runs on
    /// the caller's runtime.
    ///
    /// Errors: `ValidationFailed` for a setting, `Unavailable` for a folder that cannot be used.
    pub async fn open(config: Config, parts: Parts) -> Result<Self> {
        let appliance = Self::assemble(config, parts).await?;
        appliance.take_up().await?;
        Ok(appliance)
    }

    /// As `open`, for commands that look at the folder or change something in it: runs that wait there are left
    /// to the next server.
    pub async fn assemble(config: Config, parts: Parts) -> Result<Self> {
        let Parts { env, resolver, keys: settings, redactor } = parts;
        let store = Store::open(&config.data.dir, store_options(&config), &env)?;
        let vault = keys::start(&config, settings, &store, &env, redactor).await?;
        let ledger = EgressLedger::new(env.clone(), store.clone());
        let egress = Egress::new(EgressConfig::try_from(&config.egress)?, resolver, ledger.clone());
        let engine = Engine::start(
            env.clone(),
            store.clone(),
            engine_options(&config),
            tokio::runtime::Handle::current(),
        );
        let timers = Timers::new(env.clone(), store.clone());
        let callbacks = Arc::new(CallbackDesk::new(env.clone(), config.public_url()));
        let means = Means::new(&config, &keys::signing_key(&vault, &store, "access-tokens").await?)?;
        let services = Arc::new(Services {
            env,
            config,
            store,
            means,
            vault,
            egress,
            engine,
            timers,
            callbacks,
            kept: Kept::default(),
            draining: AtomicBool::new(false),
        });
        let counted = ledger.counted();
        services.kept.get::<metering::LedgerPlace>().set(ledger);
        services.kept.get::<connections::Register>().add(Arc::new(CredentialHolders));
        let counting = Arc::downgrade(&services);
        tokio::spawn(tend("writes the egress ledger", move || {
            write_ledger(counting.clone(), counted.clone())
        }));
        budgets::start(&services)?;
        services.engine.register(Arc::new(AgentWork::new(&services)));
        services.kept.get::<DeleteGuards>().add(executions::refuse_while_running);
        schedules::start(&services);
        triggers::start(&services);
        webhooks::start(&services)?;
        services.kept.get::<DeleteGuards>().add(workflows::refuse_while_used);
        services.kept.get::<executions::Expiring>().add(workflows::forget_run);
        services.kept.get::<Podium>().register(Arc::new(ChainConductor::new(&services)));
        Ok(Self { services })
    }

    /// Goes on with the runs that an earlier process left, and begins what is done now and then.
    pub async fn take_up(&self) -> Result<()> {
        let services = &self.services;
        let orgs = access::every_org(services)?;
        let stopped = stops::take_up(services, &orgs)?;
        let found = services.engine.recover(&orgs).await?;
        stopped.await;
        if found > 0 {
            tracing::info!(runs = found, "took up {found} runs of the last start");
        }
        let weak = Arc::downgrade(services);
        services.timers.start(move || weak.upgrade().map_or(Ok(Vec::new()), |it| access::every_org(&it)))?;
        janitor::start(services);
        history::start(services);
        Ok(())
    }
}

/// What a crash may take from the egress ledger's counts.
const LEDGER_DELAY: Duration = Duration::from_millis(500);

/// Until the appliance is gone. What comes after the last round is written by `Serving::stop`.
async fn write_ledger(services: Weak<Services>, counted: Arc<Notify>) {
    loop {
        counted.notified().await;
        tokio::time::sleep(LEDGER_DELAY).await;
        let Some(services) = services.upgrade() else { return };
        metering::flush(&services).await;
    }
}

fn store_options(config: &Config) -> OpenOptions {
    OpenOptions {
        cache_bytes: config.data.cache_bytes,
        min_free_bytes: config.data.min_free_bytes,
        ..OpenOptions::default()
    }
}

fn engine_options(config: &Config) -> Options {
    Options {
        max_running: config.engine.max_running,
        max_running_per_org: config.engine.max_running_per_org,
        max_weight: config.engine.large_inputs_bytes,
        max_queued_per_org: config.engine.max_queued_per_org,
        max_queued: config.engine.max_queued,
    }
}
