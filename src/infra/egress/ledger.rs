//! What is written down about every request that left, or was kept from leaving.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::request::Caller;

/// One request (one hop of a redirect): whose it was, where it went, what became of it.
#[derive(Debug, Clone)]
pub struct Contact {
    pub caller: Caller,
    /// As written in the address: a name, or an address without brackets.
    pub host: Arc<str>,
    pub port: u16,
    /// Where it was connected, or would have been; `None` where it did not come to that.
    pub address: Option<IpAddr>,
    /// Body bytes. Heads are not counted.
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub outcome: ContactOutcome,
    pub duration: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContactOutcome {
    /// Answered with this status.
    Sent {
        status: u16,
    },
    /// Connected for a probe, and nothing sent.
    Reached,
    /// The guard kept it from leaving; the reason's name.
    Refused {
        reason: &'static str,
    },
    Failed {
        reason: String,
    },
}

/// Takes every contact twice: when it begins and, once, when it is over. Called on the request's path: must be
/// cheap and not block.
pub trait Ledger: Send + Sync {
    /// Of a contact that is about to be; only whose it is and where it goes is known yet.
    fn begin(&self, _: &Contact) {}

    /// What to wait for before anything leaves, so that even a crash in the middle leaves the place in the ledger.
    /// `None` where it is there already.
    fn settle(&self, _: &Contact) -> Option<BoxFuture<'_, ()>> {
        None
    }

    fn record(&self, contact: Contact);
}

/// For tools that keep no record (`reeve doctor`, tests).
pub struct NoLedger;

impl Ledger for NoLedger {
    fn record(&self, _: Contact) {}
}
