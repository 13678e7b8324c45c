//! Lets the history of runs age out, round by round, as long as the appliance lives, and gives the room back to the
//! disk where there is much of it.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::access::{self, Services};
use crate::base::{Doing, Result};
use crate::infra::store::Compaction;
use crate::infra::tend;
use crate::retention;

/// Between two pieces of a compaction at most; otherwise as long as the last one took.
const LONGEST_REST: Duration = Duration::from_secs(1);

pub(super) fn start(services: &Arc<Services>) {
    let round = Duration::from_millis(services.config.retention.round_ms);
    let services = Arc::downgrade(services);
    tokio::spawn(tend("lets history age out", move || rounds(services.clone(), round)));
}

async fn rounds(services: Weak<Services>, round: Duration) {
    // An earlier process may have left much.
    let mut freed = u64::MAX;
    loop {
        tokio::time::sleep(round).await;
        let Some(alive) = Weak::upgrade(&services) else { return };
        match sweep(&alive).await {
            Ok(bytes) => freed = freed.saturating_add(bytes),
            Err(error) => {
                tracing::warn!(cause = ?error, "old runs could not be taken away; the next round tries again");
            }
        }
        if freed > alive.store.size_bytes() / 4 {
            match compact(&alive).await {
                Ok(Compaction::Stopped) => {}
                Ok(_) => freed = 0,
                Err(error) => {
                    tracing::warn!(cause = ?error, "room could not be given back; the next round tries again");
                }
            }
        }
    }
}

/// Answers how many bytes went.
async fn sweep(services: &Arc<Services>) -> Result<u64> {
    let mut bytes = 0;
    for org in access::every_org(services)? {
        let gone = retention::sweep(services, org).await?;
        bytes += gone.bytes;
        if gone.runs > 0 {
            tracing::info!(org.id = %org, runs = gone.runs, "took {} old runs away", gone.runs);
        }
    }
    Ok(bytes)
}

async fn compact(services: &Arc<Services>) -> Result<Compaction> {
    let services = services.clone();
    let compacting = tokio::task::spawn_blocking(move || {
        services.store.compact(&|took| {
            std::thread::sleep(took.min(LONGEST_REST));
            !services.draining.load(Relaxed)
        })
    });
    let done = compacting.await.doing("compact the store")??;
    if let Compaction::Done { before_bytes, after_bytes } = done {
        tracing::info!(before_bytes, after_bytes, "gave room back to the disk");
    }
    Ok(done)
}
