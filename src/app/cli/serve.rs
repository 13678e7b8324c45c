//! `reeve serve`: the server, until it is told to stop.

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use super::{Settings, runtime};
use crate::app::{Appliance, Parts, Serving, routes};
use crate::base::{Error, Result};

#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    #[command(flatten)]
    settings: Settings,
}

impl Serve {
    pub(super) fn run(self) -> Result<ExitCode> {
        let config = self.settings.load()?;
        runtime()?.block_on(async {
            let appliance = Appliance::open(config, Parts::default()).await?;
            let serving = Serving::start(&appliance, routes())?;
            announce(&serving, &appliance);
            until_stopped(serving, &appliance).await
        })
    }
}

#[expect(clippy::print_stdout, reason = "the address is this command's answer")]
fn announce(serving: &Serving, appliance: &Appliance) {
    let config = &appliance.services.config;
    let url = if config.server.public_url.is_empty() {
        format!("http://{}", serving.address)
    } else {
        config.public_url()
    };
    println!("Reeve is ready at {url}");
}

/// Serves until a signal or a failure of the storage; drains; answers the exit code.
pub(super) async fn until_stopped(serving: Serving, appliance: &Appliance) -> Result<ExitCode> {
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut failure = appliance.services.store.failure();
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        failed = failure.wait_for(Option::is_some) => {
            if failed.is_ok() {
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    tracing::info!("stopping: no new work is taken; a second signal stops at once");
    tokio::select! {
        left = serving.stop() => {
            if left > 0 {
                tracing::info!(runs = left, "{left} runs were under way and go on at the next start");
            }
            Ok(ExitCode::SUCCESS)
        }
        _ = terminate.recv() => Ok(ExitCode::FAILURE),
        _ = interrupt.recv() => Ok(ExitCode::FAILURE),
    }
}

fn listen(kind: SignalKind) -> Result<tokio::signal::unix::Signal> {
    signal(kind).map_err(|it| Error::internal("listen for signals", it))
}
