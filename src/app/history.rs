//! Lets the history of runs age out, round by round, as long as the appliance lives.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::access::{self, Services};
use crate::base::Result;
use crate::retention;

pub(super) fn start(services: &Arc<Services>) {
    let round = Duration::from_millis(services.config.retention.round_ms);
    let services = Arc::downgrade(services);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(round).await;
            let Some(alive) = Weak::upgrade(&services) else { return };
            if let Err(error) = sweep(&alive).await {
                tracing::warn!(cause = ?error, "old runs could not be taken away; the next round tries again");
            }
        }
    });
}

async fn sweep(services: &Arc<Services>) -> Result<()> {
    for org in access::every_org(services)? {
        let gone = retention::sweep(services, org).await?;
        if gone.runs > 0 {
            tracing::info!(org.id = %org, runs = gone.runs, "took {} old runs away", gone.runs);
        }
    }
    Ok(())
}
