//! Takes away, now and then, what is over: sessions, links, remembered answers. And looks whether the clock went
//! back behind a schedule.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::access::{self, Services};
use crate::base::Result;
use crate::infra::tend;
use crate::schedules;
use crate::triggers;
use crate::webhooks;

const ROUND: Duration = Duration::from_secs(600);

/// Sweeps every ten minutes, as long as the appliance lives.
pub(super) fn start(services: &Arc<Services>) {
    let services = Arc::downgrade(services);
    tokio::spawn(tend("takes away what is over", move || rounds(services.clone())));
}

async fn rounds(services: Weak<Services>) {
    if let Some(alive) = Weak::upgrade(&services)
        && let Err(error) = schedules::catch_up_with_clock(&alive).await
    {
        tracing::warn!(cause = ?error, "whether the clock went back could not be seen; the next round looks again");
    }
    loop {
        tokio::time::sleep(ROUND).await;
        let Some(alive) = Weak::upgrade(&services) else { return };
        if let Err(error) = sweep(&alive).await {
            tracing::warn!(cause = ?error, "a sweep failed; the next one takes its part along");
        }
    }
}

async fn sweep(services: &Arc<Services>) -> Result<()> {
    let now = services.env.now();
    access::sweep(services).await?;
    schedules::catch_up_with_clock(services).await?;
    for org in access::every_org(services)? {
        // A full round means that there is more.
        while services.store.write_org(org, move |tx| access::sweep_idempotency(tx, now)).await? > 0 {}
        while services.store.write_org(org, move |tx| webhooks::sweep(tx, now)).await? > 0 {}
        while services.store.write_org(org, move |tx| triggers::sweep(tx, now)).await? > 0 {}
    }
    Ok(())
}
