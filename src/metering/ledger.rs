//! The egress ledger in memory: counts of every contact by whose it was and where it went, until they are written.
//!
//! Recording takes a lock and no memory beyond a bound. What was recorded is on disk after the next `flush`,
//! which `app` asks for every few seconds and at the stop.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::contacts::{self, Place, Tally};
use crate::access::Services;
use crate::base::{Env, OrgId, Result};
use crate::infra::egress::{Contact, ContactOutcome, Ledger};
use crate::infra::store::{Store, WriteOptions};

/// Places that are counted apart between two flushes; what comes on top is counted together.
const MAX_PLACES: usize = 20_000;
/// A failed flush keeps the counts for the next one.
const ESSENTIAL: WriteOptions = WriteOptions { essential: true };

pub struct EgressLedger {
    env: Env,
    tallies: Mutex<HashMap<(OrgId, Place), Tally>>,
    /// One flush at a time, so that who waits for one sees all that was recorded before.
    flushing: tokio::sync::Mutex<()>,
}

impl EgressLedger {
    pub fn new(env: Env) -> Arc<Self> {
        Arc::new(Self { env, tallies: Mutex::default(), flushing: tokio::sync::Mutex::default() })
    }

    /// When this returns, everything recorded before is on disk.
    ///
    /// Errors: those of the store; the counts are kept for the next flush.
    pub async fn flush(&self, store: &Store) -> Result<()> {
        let _alone = self.flushing.lock().await;
        let taken = std::mem::take(&mut *self.tallies.lock());
        let mut by_org: HashMap<OrgId, Vec<(Place, Tally)>> = HashMap::new();
        for ((org, place), tally) in taken {
            by_org.entry(org).or_default().push((place, tally));
        }
        let mut failed = None;
        for (org, tallies) in by_org {
            let kept = tallies.clone();
            let written =
                store.write_with(ESSENTIAL, move |tx| contacts::add(&mut tx.org(org), &tallies)).await;
            if let Err(error) = written {
                self.put_back(org, kept);
                failed = Some(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn put_back(&self, org: OrgId, tallies: Vec<(Place, Tally)>) {
        let mut all = self.tallies.lock();
        for (place, tally) in tallies {
            add(&mut all, org, place, &tally);
        }
    }
}

/// Where `app` puts the ledger of this appliance, in `Services::kept`.
#[derive(Default)]
pub struct LedgerPlace(OnceLock<Arc<EgressLedger>>);

impl LedgerPlace {
    pub fn set(&self, ledger: Arc<EgressLedger>) {
        let _ = self.0.set(ledger);
    }
}

/// Writes what the ledger holds. A failure is logged, and the counts wait for the next time.
pub async fn flush(services: &Services) {
    if let Some(ledger) = services.kept.get::<LedgerPlace>().0.get()
        && let Err(error) = ledger.flush(&services.store).await
    {
        tracing::warn!(cause = ?error, "the egress ledger could not be written; its counts wait");
    }
}

fn add(all: &mut HashMap<(OrgId, Place), Tally>, org: OrgId, place: Place, tally: &Tally) {
    let full = all.len() >= MAX_PLACES;
    let key = (org, place);
    match all.get_mut(&key) {
        Some(known) => known.merge(tally),
        None if full => all.entry((org, Place::others())).or_default().merge(tally),
        None => {
            all.insert(key, tally.clone());
        }
    }
}

impl Ledger for EgressLedger {
    fn record(&self, contact: Contact) {
        let now = self.env.now();
        let place = Place {
            host: contact.host.to_ascii_lowercase(),
            port: contact.port,
            agent: contact.caller.agent,
            purpose: contact.caller.purpose.to_owned(),
        };
        let mut tally = Tally {
            requests: 1,
            bytes_sent: contact.bytes_sent,
            bytes_received: contact.bytes_received,
            last_address: contact.address.map(|it| it.to_string()),
            first_at: now,
            last_at: now,
            ..Tally::default()
        };
        match contact.outcome {
            ContactOutcome::Sent { .. } | ContactOutcome::Reached => {}
            ContactOutcome::Refused { reason } => {
                tally.refused = 1;
                tally.last_refusal = Some(reason.to_owned());
            }
            ContactOutcome::Failed { reason } => {
                tally.failed = 1;
                tally.last_failure = Some(reason.chars().take(200).collect());
            }
        }
        add(&mut self.tallies.lock(), contact.caller.org, place, &tally);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Id;

    #[test]
    fn memory_is_bounded_and_no_count_is_lost() {
        let ledger = EgressLedger::new(Env::system());
        let org = OrgId::from_bytes([7; 16]);
        for n in 0..MAX_PLACES + 500 {
            let contact = Contact {
                caller: crate::infra::egress::Caller { org, agent: None, purpose: "test" },
                host: format!("h{n}.example").into(),
                port: 443,
                address: None,
                bytes_sent: 1,
                bytes_received: 2,
                outcome: ContactOutcome::Sent { status: 200 },
                duration: std::time::Duration::ZERO,
            };
            ledger.record(contact);
        }
        let tallies = ledger.tallies.lock();
        assert_eq!(tallies.len(), MAX_PLACES + 1);
        assert_eq!(tallies.values().map(|it| it.requests).sum::<u64>(), (MAX_PLACES + 500) as u64);
        assert_eq!(tallies[&(org, Place::others())].requests, 500);
    }
}
