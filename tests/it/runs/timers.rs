//! Timers: each fires once, whatever becomes of the clock and the process.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use parking_lot::Mutex;
use reeve::access::Services;
use reeve::base::{Error, OrgId, Result};
use reeve::engine::{Due, Fire, Timer, TimerKind};
use tokio::sync::Notify;

use crate::support::Appliance;

/// Takes the timer, and fails as often as it is told to first.
struct Bell {
    services: Weak<Services>,
    failures: AtomicUsize,
    rung: Mutex<Vec<Due>>,
    heard: Notify,
}

impl Bell {
    fn of(appliance: &Appliance, failures: usize) -> Arc<Self> {
        let services = appliance.inner.services.clone();
        let bell = Arc::new(Self {
            services: Arc::downgrade(&services),
            failures: failures.into(),
            rung: Mutex::default(),
            heard: Notify::new(),
        });
        services.timers.register(TimerKind::Schedule, bell.clone());
        bell
    }

    /// Waits until it has rung `count` times.
    async fn rings(&self, count: usize) {
        loop {
            let heard = self.heard.notified();
            if self.rung.lock().len() >= count {
                return;
            }
            tokio::time::timeout(std::time::Duration::from_secs(30), heard).await.expect("it rings");
        }
    }
}

#[async_trait]
impl Fire for Bell {
    async fn fire(&self, due: Due) -> Result<()> {
        if self.failures.load(SeqCst) > 0 {
            self.failures.fetch_sub(1, SeqCst);
            return Err(Error::unavailable("not yet"));
        }
        let services = self.services.upgrade().expect("the appliance");
        services.store.write_org(due.org, move |tx| due.take(tx)).await?;
        self.rung.lock().push(due);
        self.heard.notify_waiters();
        Ok(())
    }
}

/// Sets a timer that many milliseconds from now.
async fn set(appliance: &Appliance, org: OrgId, subject: u8, in_ms: i64) {
    let services = &appliance.inner.services;
    let due = reeve::base::Timestamp::from_millis(services.env.now().millis() + in_ms);
    services
        .store
        .write_org(org, move |tx| Timer::set(tx, TimerKind::Schedule, [subject; 16], due))
        .await
        .expect("sets");
}

async fn org_of(appliance: &Appliance) -> OrgId {
    appliance.owner().await;
    reeve::access::every_org(&appliance.inner.services).expect("reads")[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_fires_at_its_last_time_and_not_before() {
    let (appliance, clock) = Appliance::start_held(|_| {}, Vec::new()).await;
    let (org, bell) = (org_of(&appliance).await, Bell::of(&appliance, 0));
    for (subject, in_ms) in [(1, 60_000), (2, 10_000), (1, 90_000), (3, -5_000)] {
        set(&appliance, org, subject, in_ms).await;
    }
    bell.rings(1).await;
    clock.advance_ms(60_000);
    appliance.inner.services.timers.look();
    bell.rings(2).await;
    clock.advance_ms(30_000);
    appliance.inner.services.timers.look();
    bell.rings(3).await;
    let order: Vec<u8> = bell.rung.lock().iter().map(|it| it.subject[0]).collect();
    assert_eq!((order, appliance.inner.services.timers.waiting()), (vec![3, 2, 1], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_that_failed_is_tried_again_and_one_taken_away_stays_silent() {
    let appliance = Appliance::start().await;
    let (org, bell) = (org_of(&appliance).await, Bell::of(&appliance, 1));
    set(&appliance, org, 9, 3_600_000).await;
    let services = &appliance.inner.services;
    services.store.write_org(org, |tx| Timer::clear(tx, TimerKind::Schedule, [9; 16])).await.expect("clears");
    set(&appliance, org, 1, 0).await;
    bell.rings(1).await;
    assert_eq!((bell.failures.load(SeqCst), services.timers.waiting()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_outlives_the_process_and_fires_once() {
    let appliance = Appliance::start().await;
    let org = org_of(&appliance).await;
    set(&appliance, org, 1, 3_600_000).await;
    let appliance = appliance.restart().await;
    let bell = Bell::of(&appliance, 0);
    assert_eq!(appliance.inner.services.timers.waiting(), 1);
    // Only now, so that nobody but the bell hears it.
    set(&appliance, org, 1, 0).await;
    bell.rings(1).await;
    let appliance = appliance.restart().await;
    assert_eq!((bell.rung.lock().len(), appliance.inner.services.timers.waiting()), (1, 0));
}
