//! What is remembered about a host that an organization calls: breaker, places, retry budget. Kept per
//! organization, so that one's bad day with a shared service is not another's.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::uri::{Authority, Scheme};
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use url::{Position, Url};

use super::breaker::Breaker;
use super::error::{EgressError, Kind};
use crate::base::OrgId;

/// Retries earned per request, and how many may be saved up.
const RETRY_EARNED: f32 = 0.1;
const RETRY_SAVED: f32 = 10.0;
const MAX_HOSTS: usize = 8_192;

pub(super) struct Host {
    pub(super) scheme: Scheme,
    pub(super) authority: Authority,
    /// Without brackets.
    pub(super) name: Arc<str>,
    pub(super) port: u16,
    pub(super) places: Arc<Semaphore>,
    breaker: Mutex<Breaker>,
    retries: Mutex<f32>,
}

impl Host {
    fn new(url: &Url, settings: HostSettings) -> Option<Self> {
        let authority = &url[Position::BeforeHost..Position::AfterPort];
        let name = url.host_str()?.trim_start_matches('[').trim_end_matches(']');
        Some(Self {
            scheme: if url.scheme() == "https" { Scheme::HTTPS } else { Scheme::HTTP },
            authority: authority.parse().ok()?,
            name: name.into(),
            port: url.port_or_known_default()?,
            places: Arc::new(Semaphore::new(settings.concurrency)),
            breaker: Mutex::new(Breaker::new(settings.breaker_failures, settings.breaker_open)),
            retries: Mutex::new(RETRY_SAVED),
        })
    }

    /// Errors: `BreakerOpen`.
    pub(super) fn pass(&self) -> Result<(), EgressError> {
        self.breaker.lock().pass(Instant::now()).map_err(|retry_after| {
            let message = format!(
                "{} failed too often lately and is left alone for another {} s",
                self.name,
                retry_after.as_secs_f32().ceil()
            );
            EgressError::new(Kind::BreakerOpen { retry_after }, message)
        })?;
        let mut retries = self.retries.lock();
        *retries = (*retries + RETRY_EARNED).min(RETRY_SAVED);
        Ok(())
    }

    pub(super) fn answered(&self) {
        self.breaker.lock().answered();
    }

    pub(super) fn succeeded(&self) {
        self.breaker.lock().succeeded();
    }

    pub(super) fn failed(&self, error: &EgressError) {
        let now = Instant::now();
        let mut breaker = self.breaker.lock();
        if error.counts_against_host() { breaker.failed(now) } else { breaker.undecided(now) }
    }

    /// Takes one retry from what successful traffic has earned.
    pub(super) fn take_retry(&self) -> bool {
        let mut retries = self.retries.lock();
        let granted = *retries >= 1.0;
        if granted {
            *retries -= 1.0;
        }
        granted
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct HostSettings {
    pub(super) concurrency: usize,
    pub(super) breaker_failures: u32,
    pub(super) breaker_open: Duration,
}

/// By organization, then by scheme, host and port as the URL writes them.
type Known = HashMap<OrgId, HashMap<Box<str>, Arc<Host>>>;

pub(super) struct Hosts {
    settings: HostSettings,
    known: Mutex<Known>,
}

impl Hosts {
    pub(super) fn new(settings: HostSettings) -> Self {
        Self { settings, known: Mutex::default() }
    }

    /// `None` for a URL whose host cannot stand in a request.
    pub(super) fn find(&self, org: OrgId, url: &Url) -> Option<Arc<Host>> {
        let origin = &url[..Position::BeforePath];
        let mut known = self.known.lock();
        if let Some(host) = known.get(&org).and_then(|it| it.get(origin)) {
            return Some(host.clone());
        }
        if known.values().map(HashMap::len).sum::<usize>() >= MAX_HOSTS {
            forget(&mut known);
        }
        let host = Arc::new(Host::new(url, self.settings)?);
        known.entry(org).or_default().insert(origin.into(), host.clone());
        Some(host)
    }
}

/// Drops the hosts that are not in use; those with a record of failures only where that is not enough.
fn forget(known: &mut Known) {
    let in_use = |it: &Arc<Host>| Arc::strong_count(it) > 1;
    for hosts in known.values_mut() {
        hosts.retain(|_, it| in_use(it) || !it.breaker.lock().is_calm());
    }
    if known.values().map(HashMap::len).sum::<usize>() >= MAX_HOSTS / 2 {
        for hosts in known.values_mut() {
            hosts.retain(|_, it| in_use(it));
        }
    }
    known.retain(|_, hosts| !hosts.is_empty());
}
