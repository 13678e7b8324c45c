//! `reeve serve`: the server, until it is told to stop.

use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::secrets::{given_secret, key_settings};
use super::{ServerSettings, runtime};
use crate::access;
use crate::app::{Appliance, Parts, Serving, routes};
use crate::base::{Doing, Result};
use crate::config::Config;
use crate::infra::{Secret, descriptors, telemetry};

const LAST_ANSWERS: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    #[command(flatten)]
    settings: ServerSettings,
}

impl Serve {
    pub(super) fn run(self) -> Result<ExitCode> {
        let config = self.settings.load()?;
        runtime()?.block_on(async {
            let appliance = assembled(config).await?;
            appliance.take_up().await?;
            // Before the address is printed: who reads it may send a signal at once.
            let signals = Signals::listen()?;
            let serving = Serving::start(&appliance, routes())?;
            let given = given_secret("REEVE_SETUP_TOKEN")?;
            let token = access::prepare_setup(&appliance.services, given).await?;
            announce(&serving, &appliance, token.as_ref());
            until_stopped(serving, &appliance, signals).await
        })
    }
}

/// The log begins before the data folder is opened, so that it says what was found there.
pub(super) async fn assembled(config: Config) -> Result<Appliance> {
    let parts = Parts { keys: key_settings()?, ..Parts::default() };
    telemetry::init(&config.log, parts.redactor.clone())?;
    let files = descriptors::take_all_allowed();
    if files < descriptors::ENOUGH {
        tracing::warn!(files, "few files and connections can be open at once: raise the limit (ulimit -Hn)");
    }
    Appliance::assemble(config, parts).await
}

#[expect(clippy::print_stdout, reason = "the address is this command's answer")]
fn announce(serving: &Serving, appliance: &Appliance, setup_token: Option<&Secret>) {
    let config = &appliance.services.config;
    let url = if config.server.public_url.is_empty() {
        format!("http://{}", serving.address)
    } else {
        config.public_url()
    };
    println!("Reeve is ready at {url}");
    if let Some(token) = setup_token.and_then(Secret::expose_str) {
        println!("Nobody has an account yet. Open http://{}/setup on this machine.", serving.address);
        println!("Setup token: {token}");
        println!("It is also in {}", config.data.dir.join("setup-token").display());
    }
}

/// What tells the server to stop.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).doing("listen for signals");
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// After storage failed: begins nothing more, and stays for a moment, so that callers hear their refusal and
/// whoever looks at readiness sees it.
async fn last_answers(appliance: &Appliance) {
    tracing::error!("stopping: storage failed");
    let engine = &appliance.services.engine;
    tokio::join!(tokio::time::sleep(LAST_ANSWERS), engine.drain(LAST_ANSWERS));
}

/// Serves until a signal or a failure of the storage; drains; answers the exit code.
pub(super) async fn until_stopped(
    serving: Serving,
    appliance: &Appliance,
    mut signals: Signals,
) -> Result<ExitCode> {
    let mut failure = appliance.services.store.failure();
    tokio::select! {
        () = signals.next() => {}
        failed = failure.wait_for(Option::is_some) => {
            if failed.is_ok() {
                drop(failed);
                tokio::select! {
                    () = last_answers(appliance) => {}
                    () = signals.next() => {}
                }
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    tracing::info!("stopping: no new work is taken; a second signal stops at once");
    tokio::select! {
        left = serving.stop() => {
            if left > 0 {
                let were = if left == 1 { "run was" } else { "runs were" };
                tracing::info!(runs = left, "{left} {were} under way and will go on at the next start");
            }
        }
        () = signals.next() => return Ok(ExitCode::FAILURE),
    }
    let failed = failure.borrow().is_some();
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
