//! Rows of the egress ledger: one for each place that an organization's traffic went to, or was kept from.
//! Numbers 106 and 107.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::base::{AgentId, Id, Page, PageRequest, Result, Timestamp};
use crate::infra::store::{Indexes, Key, Order, OrgTx, PerOrg, Row, Rows, Table};

/// Places that one organization has rows for; what comes on top is counted together.
const MAX_ROWS: u64 = 20_000;
const OTHERS: &str = "(others)";

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Place {
    pub host: String,
    pub port: u16,
    pub agent: Option<AgentId>,
    pub purpose: String,
}

impl Place {
    pub(super) fn others() -> Self {
        Self { host: OTHERS.to_owned(), port: 0, agent: None, purpose: OTHERS.to_owned() }
    }

    /// Of a fixed length, whatever the host is.
    fn digest(&self) -> [u8; 16] {
        let mut hash = Sha256::new();
        for part in [self.host.as_bytes(), self.purpose.as_bytes()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.update(self.port.to_be_bytes());
        hash.update(self.agent.map_or([0; 16], Id::bytes));
        let mut short = [0; 16];
        short.copy_from_slice(&hash.finalize()[..16]);
        short
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    pub requests: u64,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub refused: u64,
    pub failed: u64,
    pub last_refusal: Option<String>,
    pub last_failure: Option<String>,
    pub last_address: Option<String>,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
}

impl Tally {
    /// `newer` came later, or at the same time.
    pub(super) fn merge(&mut self, newer: &Self) {
        if *self == Self::default() {
            *self = newer.clone();
            return;
        }
        self.requests += newer.requests;
        self.bytes_sent += newer.bytes_sent;
        self.bytes_received += newer.bytes_received;
        self.refused += newer.refused;
        self.failed += newer.failed;
        for (mine, theirs) in [
            (&mut self.last_refusal, &newer.last_refusal),
            (&mut self.last_failure, &newer.last_failure),
            (&mut self.last_address, &newer.last_address),
        ] {
            if theirs.is_some() {
                mine.clone_from(theirs);
            }
        }
        self.first_at = self.first_at.min(newer.first_at);
        self.last_at = self.last_at.max(newer.last_at);
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct ContactRow {
    place: Place,
    tally: Tally,
}

const BY_LAST: u8 = 1;
const BY_HOST: u8 = 2;
const BY_AGENT: u8 = 3;

impl Row for ContactRow {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(106, "egress");

    fn key(&self) -> Key {
        Key::new().bytes(&self.place.digest())
    }

    fn indexes(&self, index: &mut Indexes) {
        index.add(BY_LAST, Key::new().time(self.tally.last_at));
        index.add(BY_HOST, Key::new().text(&self.place.host).time(self.tally.last_at));
        if let Some(agent) = self.place.agent {
            index.add(BY_AGENT, Key::of(agent).time(self.tally.last_at));
        }
    }
}

/// How many places there are, so that the bound costs one read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct ContactCount(u64);

impl Row for ContactCount {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(107, "egress_count");

    fn key(&self) -> Key {
        Key::new().byte(0)
    }
}

/// Adds counts to the organization's rows.
pub(super) fn add(tx: &mut OrgTx<'_, '_>, tallies: &[(Place, Tally)]) -> Result<()> {
    let mut count = tx.get::<ContactCount>(Key::new().byte(0))?.unwrap_or_default();
    let before = count.0;
    for (place, tally) in tallies {
        if !add_one(tx, place.clone(), tally, count.0 < MAX_ROWS)? {
            continue;
        }
        count.0 += 1;
    }
    if count.0 != before {
        tx.put(&count)?;
    }
    Ok(())
}

/// Whether a row came about.
fn add_one(tx: &mut OrgTx<'_, '_>, place: Place, tally: &Tally, has_room: bool) -> Result<bool> {
    let known: Option<ContactRow> = tx.get(Key::new().bytes(&place.digest()))?;
    match known {
        Some(mut row) => {
            row.tally.merge(tally);
            tx.put(&row)?;
            Ok(false)
        }
        None if has_room || place == Place::others() => {
            tx.put(&ContactRow { place, tally: tally.clone() })?;
            Ok(true)
        }
        None => add_one(tx, Place::others(), tally, true),
    }
}

/// One place that traffic went to, or was kept from.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "EgressPlace")]
pub struct EgressView {
    /// As written in the address; `(others)` counts what came when the ledger was full.
    pub host: String,
    pub port: u16,
    pub agent_id: Option<AgentId>,
    /// `execution`, `probe` …
    pub purpose: String,
    /// All of them, also those refused or failed.
    pub requests: u64,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    /// Kept from leaving.
    pub refused: u64,
    pub failed: u64,
    pub last_refusal: Option<String>,
    pub last_failure: Option<String>,
    pub last_address: Option<String>,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
}

impl From<ContactRow> for EgressView {
    fn from(ContactRow { place, tally }: ContactRow) -> Self {
        Self {
            host: place.host,
            port: place.port,
            agent_id: place.agent,
            purpose: place.purpose,
            requests: tally.requests,
            bytes_sent: tally.bytes_sent,
            bytes_received: tally.bytes_received,
            refused: tally.refused,
            failed: tally.failed,
            last_refusal: tally.last_refusal,
            last_failure: tally.last_failure,
            last_address: tally.last_address,
            first_at: tally.first_at,
            last_at: tally.last_at,
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct EgressFilter {
    pub host: Option<String>,
    pub agent: Option<AgentId>,
    /// `true`: where something was refused; `false`: where nothing was.
    pub refused: Option<bool>,
}

/// Those that were contacted last come first.
pub fn egress(
    rows: &impl Rows<PerOrg>,
    filter: &EgressFilter,
    page: &PageRequest,
) -> Result<Page<EgressView>> {
    let host = filter.host.as_ref().map(|it| it.trim().to_ascii_lowercase());
    let (index, prefix) = match (&host, filter.agent) {
        (Some(host), _) => (BY_HOST, Key::new().text(host)),
        (None, Some(agent)) => (BY_AGENT, Key::of(agent)),
        (None, None) => (BY_LAST, Key::new()),
    };
    let keep = |it: &ContactRow| {
        filter.agent.is_none_or(|agent| it.place.agent == Some(agent))
            && filter.refused.is_none_or(|refused| refused == (it.tally.refused > 0))
    };
    let (found, next) = rows.page(index, prefix, Order::Newest, page, keep)?;
    Ok(Page::new(found.into_iter().map(EgressView::from).collect(), next))
}
