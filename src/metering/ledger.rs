//! The egress ledger in memory: counts of every contact by whose it was and where it went, until they are written.
//!
//! Counting takes a lock and no memory beyond a bound. A place is on disk before anything leaves for it; what is
//! counted of it is on disk after the next `flush`, which `app` asks for soon after something was counted and at the
//! stop. A contact counts from its beginning, so that one that a crash cuts off is not missed.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::contacts::{self, Place, Tally};
use crate::access::Services;
use crate::base::{Env, Error, OrgId, Result};
use crate::infra::egress::{Contact, ContactOutcome, Ledger};
use crate::infra::store::{Store, WriteOptions};

/// Places that are counted apart between two flushes, and that are known to be on disk; what comes on top is
/// counted together, or written once more.
const MAX_PLACES: usize = 20_000;
/// A failed flush keeps the counts for the next one.
const ESSENTIAL: WriteOptions = WriteOptions { essential: true };

pub struct EgressLedger {
    env: Env,
    store: Store,
    tallies: Mutex<HashMap<(OrgId, Place), Tally>>,
    /// Places that have a row.
    written: Mutex<HashSet<(OrgId, Place)>>,
    /// One flush at a time, so that who waits for one sees all that was counted before.
    flushing: tokio::sync::Mutex<()>,
    counted: Arc<Notify>,
}

impl Drop for EgressLedger {
    /// Who waits for counts sees that none will come.
    fn drop(&mut self) {
        self.counted.notify_one();
    }
}

impl EgressLedger {
    pub fn new(env: Env, store: Store) -> Arc<Self> {
        Arc::new(Self {
            env,
            store,
            tallies: Mutex::default(),
            written: Mutex::default(),
            flushing: tokio::sync::Mutex::default(),
            counted: Arc::default(),
        })
    }

    /// Told when there is something to flush, and when the ledger is gone.
    pub fn counted(&self) -> Arc<Notify> {
        self.counted.clone()
    }

    /// When this returns, everything counted before is on disk.
    ///
    /// Errors: those of the store; the counts are kept for the next flush.
    pub async fn flush(&self) -> Result<()> {
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
                self.store.write_with(ESSENTIAL, move |tx| contacts::add(&mut tx.org(org), &tallies)).await;
            match written {
                Ok(()) => self.remember(org, kept),
                Err(error) => {
                    self.put_back(org, kept);
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn remember(&self, org: OrgId, tallies: Vec<(Place, Tally)>) {
        let mut written = self.written.lock();
        if written.len() + tallies.len() > MAX_PLACES {
            written.clear();
        }
        written.extend(tallies.into_iter().map(|it| (org, it.0)));
    }

    fn put_back(&self, org: OrgId, tallies: Vec<(Place, Tally)>) {
        let mut all = self.tallies.lock();
        for (place, tally) in tallies {
            add(&mut all, org, place, &tally);
        }
    }

    fn count(&self, contact: &Contact, tally: &Tally) {
        add(&mut self.tallies.lock(), contact.caller.org, Place::of(contact), tally);
        self.counted.notify_one();
    }
}

impl Place {
    fn of(contact: &Contact) -> Self {
        Self {
            host: contact.host.to_ascii_lowercase(),
            port: contact.port,
            agent: contact.caller.agent,
            purpose: contact.caller.purpose.to_owned(),
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
        && let Err(error) = ledger.flush().await
    {
        warn(&error);
    }
}

fn warn(error: &Error) {
    tracing::warn!(cause = ?error, "the egress ledger could not be written; its counts wait");
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
    fn begin(&self, contact: &Contact) {
        let now = self.env.now();
        self.count(contact, &Tally { requests: 1, first_at: now, last_at: now, ..Tally::default() });
    }

    fn settle(&self, contact: &Contact) -> Option<BoxFuture<'_, ()>> {
        let key = (contact.caller.org, Place::of(contact));
        if self.written.lock().contains(&key) {
            return None;
        }
        let settled = async {
            if let Err(error) = self.flush().await {
                warn(&error);
            }
        };
        Some(settled.boxed())
    }

    fn record(&self, contact: Contact) {
        let now = self.env.now();
        let mut tally = Tally {
            bytes_sent: contact.bytes_sent,
            bytes_received: contact.bytes_received,
            last_address: contact.address.map(|it| it.to_string()),
            first_at: now,
            last_at: now,
            ..Tally::default()
        };
        match &contact.outcome {
            ContactOutcome::Sent { .. } | ContactOutcome::Reached => {}
            ContactOutcome::Refused { reason } => {
                tally.refused = 1;
                tally.last_refusal = Some((*reason).to_owned());
            }
            ContactOutcome::Failed { reason } => {
                tally.failed = 1;
                tally.last_failure = Some(reason.chars().take(200).collect());
            }
        }
        self.count(&contact, &tally);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Id;
    use crate::infra::egress::Caller;
    use crate::infra::store::OpenOptions;

    const ORG: [u8; 16] = [7; 16];

    fn contact(host: &str) -> Contact {
        Contact {
            caller: Caller { org: OrgId::from_bytes(ORG), agent: None, purpose: "test" },
            host: host.into(),
            port: 443,
            address: None,
            bytes_sent: 1,
            bytes_received: 2,
            outcome: ContactOutcome::Sent { status: 200 },
            duration: std::time::Duration::ZERO,
        }
    }

    fn ledger() -> (Arc<EgressLedger>, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path(), OpenOptions::default(), &Env::system()).expect("opens");
        (EgressLedger::new(Env::system(), store), folder)
    }

    #[test]
    fn memory_is_bounded_and_no_count_is_lost() {
        let (ledger, _folder) = ledger();
        for n in 0..MAX_PLACES + 500 {
            let contact = contact(&format!("h{n}.example"));
            ledger.begin(&contact);
            ledger.record(contact);
        }
        let tallies = ledger.tallies.lock();
        assert_eq!(tallies.len(), MAX_PLACES + 1);
        assert_eq!(tallies.values().map(|it| it.requests).sum::<u64>(), (MAX_PLACES + 500) as u64);
        let org = OrgId::from_bytes(ORG);
        assert_eq!(tallies[&(org, Place::others())].requests, 500);
    }

    #[tokio::test]
    async fn a_place_is_on_disk_before_anything_leaves_and_counts_once() {
        let (ledger, _folder) = ledger();
        let rows = || {
            let rows = ledger.store.org(OrgId::from_bytes(ORG)).expect("reads");
            let page = crate::base::PageRequest::first(10);
            contacts::egress(&rows, &contacts::EgressFilter::default(), &page).expect("reads").items
        };
        let contact = contact("a.example");
        ledger.begin(&contact);
        ledger.settle(&contact).expect("a new place").await;
        let [begun] = rows().try_into().expect("one place");
        assert_eq!((begun.requests, begun.bytes_sent, begun.failed), (1, 0, 0));
        assert!(ledger.settle(&contact).is_none(), "it is known now");
        ledger.record(contact);
        ledger.flush().await.expect("writes");
        let [ended] = rows().try_into().expect("one place");
        assert_eq!((ended.requests, ended.bytes_sent, ended.first_at), (1, 1, begun.first_at));
    }
}
