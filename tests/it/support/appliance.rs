//! A whole appliance on a folder of its own, behind real HTTP on a free port.

use std::path::PathBuf;
use std::sync::Arc;

use reeve::app::{self, Serving};
use reeve::base::{Env, SystemEntropy};
use reeve::config::Config;
use reeve::web::Route;
use tempfile::TempDir;

use super::clock::HeldClock;
use super::http::Http;

pub struct Appliance {
    pub inner: app::Appliance,
    serving: Option<Serving>,
    folder: Option<TempDir>,
    pub(super) owner: tokio::sync::OnceCell<super::people::Caller>,
}

impl Appliance {
    /// An appliance with an empty data folder.
    pub async fn start() -> Self {
        Self::start_with(|_| {}, Vec::new()).await
    }

    /// As `start`, with other settings and routes that only this test has.
    pub async fn start_with(change: impl FnOnce(&mut Config), extra: Vec<Route>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Self::config(folder.path().join("data"));
        change(&mut config);
        let mut appliance = Self::open(config, extra).await;
        appliance.folder = Some(folder);
        appliance
    }

    /// As `start_with`, at a time that the test holds.
    pub async fn start_held(change: impl FnOnce(&mut Config), extra: Vec<Route>) -> (Self, Arc<HeldClock>) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Self::config(folder.path().join("data"));
        change(&mut config);
        let clock = HeldClock::start();
        let env = Env::new(clock.clone(), Arc::new(SystemEntropy));
        let parts = app::Parts { env, ..app::Parts::default() };
        let mut appliance = Self::open_with(config, parts, extra).await;
        appliance.folder = Some(folder);
        (appliance, clock)
    }

    /// The settings of tests: any free port, the data in `folder`.
    pub fn config(folder: PathBuf) -> Config {
        let mut config = Config::default();
        config.server.listen = ([127, 0, 0, 1], 0).into();
        config.server.workers = 2;
        config.server.drain_ms = 2_000;
        config.data.dir = folder;
        config.data.min_free_bytes = 0;
        config
    }

    pub async fn open(config: Config, extra: Vec<Route>) -> Self {
        Self::open_with(config, app::Parts::default(), extra).await
    }

    pub async fn open_with(config: Config, parts: app::Parts, extra: Vec<Route>) -> Self {
        let inner = app::Appliance::open(config, parts).await.expect("opens");
        let mut routes = app::routes();
        routes.extend(extra);
        let serving = Serving::start(&inner, routes).expect("serves");
        Self { inner, serving: Some(serving), folder: None, owner: tokio::sync::OnceCell::new() }
    }

    /// A client without a log-in.
    pub fn anonymous(&self) -> Http {
        Http::new(format!("http://{}", self.serving.as_ref().expect("serving").address))
    }

    /// Stops in order. When this returns, the data folder is free. A folder of its own goes with it.
    pub async fn stop(self) {
        self.let_go().await;
    }

    /// As `restart`, with other settings, for a test that keeps the folder itself.
    pub async fn stop_and_open(self, config: Config) -> Self {
        self.stop().await;
        Self::open(config, Vec::new()).await
    }

    /// Stops, and waits until the last thread has let go of the data folder.
    async fn let_go(mut self) -> (Config, Option<TempDir>, Option<super::people::Caller>) {
        let config = self.inner.services.config.clone();
        let (folder, owner) = (self.folder.take(), self.owner.get().cloned());
        self.serving.take().expect("serving").stop().await;
        drop(self);
        let lock = std::fs::File::open(config.data.dir.join("reeve.lock")).expect("the lock file");
        let patience = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err() {
            assert!(std::time::Instant::now() < patience, "something holds the data folder");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        // In so many words: a child of another test that is between fork and exec has a copy of this file, and
        // closing ours would leave the lock to it.
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::Unlock).expect("lets go");
        (config, folder, owner)
    }

    /// Stops in order and starts again on the same data.
    pub async fn restart(self) -> Self {
        let (config, folder, owner) = self.let_go().await;
        let mut again = Self::open(config, Vec::new()).await;
        again.folder = folder;
        if let Some(owner) = owner {
            let owner = again.log_in(&owner.email).await;
            again.owner = tokio::sync::OnceCell::new_with(Some(owner));
        }
        again
    }
}
