//! Takes away what is old enough: between its small transactions others have their turn, and it begins anew where a
//! crash left it. What a round has taken is counted in the transactions that take it, and told once, at its end.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::store::policy;
use super::types::Round;
use crate::access::{Cx, Services};
use crate::audit::Note;
use crate::base::{Doing, ExecutionId, OrgId, Result};
use crate::executions::{Cutoff, Expiring, Gone, Old, Owner, next_owner, old_runs, take_away};
use crate::infra::fault;
use crate::infra::store::{Key, OrgTx, Rows, WriteOptions};

/// Between two transactions at most; otherwise as long as the last one took.
const LONGEST_REST: Duration = Duration::from_millis(250);

/// What one round over one organization's history has taken away.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    pub runs: u64,
    /// Of their rows and journals, index entries left out.
    pub bytes: u64,
}

/// One round over one organization's history. Ends early where the server stops: the next round goes on.
pub async fn sweep(services: &Arc<Services>, org: OrgId) -> Result<Swept> {
    let (mut swept, mut owner) = (Swept::default(), None);
    while let Some(next) = next_owner(&services.store.org(org)?, owner)? {
        sweep_owner(services, org, next, &mut swept).await?;
        owner = Some(next);
        tokio::task::yield_now().await;
    }
    tell(services, org).await?;
    Ok(swept)
}

async fn sweep_owner(services: &Arc<Services>, org: OrgId, owner: Owner, swept: &mut Swept) -> Result<()> {
    let mut from = None;
    loop {
        let (old, cutoff) = look(services, org, owner, from).await?;
        let mut left = &old.runs[..];
        while !left.is_empty() {
            if services.draining.load(Relaxed) {
                return Ok(());
            }
            let began = Instant::now();
            let gone = take(services, org, left.to_vec(), cutoff).await?;
            fault!("retention.taken"?);
            left = &left[gone.done..];
            (swept.runs, swept.bytes) = (swept.runs + gone.runs, swept.bytes + gone.bytes);
            tokio::time::sleep(began.elapsed().min(LONGEST_REST)).await;
        }
        from = old.next;
        if from.is_none() {
            return Ok(());
        }
    }
}

/// Reads on a thread that may stand still.
async fn look(
    services: &Arc<Services>,
    org: OrgId,
    owner: Owner,
    from: Option<ExecutionId>,
) -> Result<(Old, Cutoff)> {
    let services = services.clone();
    let looking = tokio::task::spawn_blocking(move || {
        let rows = services.store.org(org)?;
        let cutoff = policy(&rows)?.cutoff(&services.config.retention, owner, services.env.now());
        Ok((old_runs(&rows, owner, from, cutoff)?, cutoff))
    });
    looking.await.doing("look for old runs")?
}

/// One transaction: runs of the front of the list, and how many that were.
async fn take(
    services: &Arc<Services>,
    org: OrgId,
    runs: Vec<(ExecutionId, usize, u64)>,
    cutoff: Cutoff,
) -> Result<Gone> {
    let expiring = services.kept.get::<Expiring>();
    write(services, org, move |tx| {
        let gone = take_away(tx, &expiring, &runs, cutoff)?;
        fault!("retention.take"?);
        let round = tx.get::<Round>(Key::new())?.unwrap_or_default();
        tx.put(&Round { runs: round.runs + gone.runs, bytes: round.bytes + gone.bytes })?;
        Ok(gone)
    })
    .await
}

/// Writes into the audit log what this round has taken, and one before it that a crash cut off.
async fn tell(services: &Arc<Services>, org: OrgId) -> Result<()> {
    if !services.store.org(org)?.exists::<Round>(Key::new())? {
        return Ok(());
    }
    let cx = Cx::system(services, org, "retention");
    write(services, org, move |tx| {
        let Some(round) = tx.get::<Round>(Key::new())? else { return Ok(()) };
        tx.delete::<Round>(Key::new())?;
        fault!("retention.tell"?);
        if round.runs == 0 {
            return Ok(());
        }
        let note = Note::of("history.expire", "org", org).with("runs", round.runs);
        cx.note(tx, note.with("bytes", round.bytes))
    })
    .await
}

/// Also on a full disk: that is when it is needed most.
async fn write<T: Send + 'static>(
    services: &Services,
    org: OrgId,
    change: impl FnOnce(&mut OrgTx<'_, '_>) -> Result<T> + Send + 'static,
) -> Result<T> {
    services.store.write_with(WriteOptions { essential: true }, move |tx| change(&mut tx.org(org))).await
}
