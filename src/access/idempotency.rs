//! Requests that carry an `Idempotency-Key`: what the first one did is remembered for a day, in the transaction
//! that did it, so that a repetition, a retry after a crash or a race of two cannot do it twice.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::base::{Code, Error, Result, Timestamp};
use crate::infra::fault;
use crate::infra::store::{Indexes, Key, Order, OrgTx, PerOrg, Row, Rows, Table};

/// How long a key is remembered.
const KEPT_MS: u64 = 24 * 3_600_000;
/// Rows that one sweep takes away.
const SWEPT_AT_ONCE: usize = 2_000;
const BY_EXPIRY: u8 = 1;

/// One request's key on its way through the program.
pub struct Idempotency {
    key: [u8; 32],
    body: [u8; 32],
    owner: [u8; 16],
    now: Timestamp,
    claimed: AtomicBool,
    resource: Mutex<Option<Resource>>,
}

/// What the first request made: `execution`, `exe_…`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    pub kind: String,
    pub id: String,
}

/// The first answer, as far as it can be given again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAnswer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstOutcome {
    /// Being worked on, or the program ended before it could say.
    #[default]
    Unknown,
    Answered(KeptAnswer),
    /// It held a secret that is shown once.
    Secret,
    /// A stream, or too large to keep.
    NotKept,
}

/// What is remembered of the first request with a key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FirstRequest {
    key: [u8; 32],
    body: [u8; 32],
    owner: [u8; 16],
    pub expires_at: Timestamp,
    pub resource: Option<Resource>,
    pub outcome: FirstOutcome,
}

impl Row for FirstRequest {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(90, "idempotency");

    fn key(&self) -> Key {
        Key::new().bytes(&self.key)
    }

    fn indexes(&self, indexes: &mut Indexes) {
        indexes.add(BY_EXPIRY, Key::new().time(self.expires_at));
    }
}

impl Idempotency {
    /// `key` is hashed with its scope (actor, method, path); `body` is the hash of what was asked; `owner`
    /// tells this request from its twins.
    pub fn new(key: [u8; 32], body: [u8; 32], owner: [u8; 16], now: Timestamp) -> Self {
        Self { key, body, owner, now, claimed: false.into(), resource: Mutex::new(None) }
    }

    /// What the first request with this key left; `None` where this one is the first.
    ///
    /// Errors: `IdempotencyKeyReused` where it asked for something else.
    pub fn first(&self, rows: &impl Rows<PerOrg>) -> Result<Option<FirstRequest>> {
        let first = rows.get::<FirstRequest>(Key::new().bytes(&self.key))?;
        let Some(first) = first.filter(|it| it.expires_at > self.now && it.owner != self.owner) else {
            return Ok(None);
        };
        if first.body != self.body {
            return Err(Error::new(
                Code::IdempotencyKeyReused,
                "this Idempotency-Key was used for another request; take a new one",
            ));
        }
        Ok(Some(first))
    }

    /// Whether a transaction that holds the claim was made.
    pub fn is_claimed(&self) -> bool {
        self.claimed.load(Relaxed)
    }

    pub(super) fn name_resource(&self, kind: &str, id: String) {
        *self.resource.lock() = Some(Resource { kind: kind.to_owned(), id });
        self.claimed.store(false, Relaxed);
    }

    /// Errors: `Conflict` where a twin was first.
    pub(super) fn check(&self, rows: &impl Rows<PerOrg>) -> Result<()> {
        match self.first(rows)? {
            None => Ok(()),
            Some(first) => Err(first.carried_out()),
        }
    }

    /// Puts the claim into the transaction of the work itself.
    pub(super) fn claim(&self, tx: &mut OrgTx<'_, '_>) -> Result<()> {
        if self.is_claimed() {
            return Ok(());
        }
        tx.put(&self.row(FirstOutcome::Unknown))?;
        fault!("idempotency.claim"?);
        self.claimed.store(true, Relaxed);
        Ok(())
    }

    /// Keeps the answer. A request that wrote nothing is remembered only where it succeeded, so that one that
    /// was refused can be corrected and sent again.
    pub fn keep(&self, tx: &mut OrgTx<'_, '_>, succeeded: bool, outcome: FirstOutcome) -> Result<()> {
        let row = tx.get::<FirstRequest>(Key::new().bytes(&self.key))?;
        match row.filter(|it| it.expires_at > self.now) {
            Some(row) if row.owner != self.owner => Ok(()),
            None if !succeeded => Ok(()),
            _ => tx.put(&self.row(outcome)),
        }
    }

    fn row(&self, outcome: FirstOutcome) -> FirstRequest {
        FirstRequest {
            key: self.key,
            body: self.body,
            owner: self.owner,
            expires_at: self.now.plus_ms(KEPT_MS),
            resource: self.resource.lock().clone(),
            outcome,
        }
    }
}

impl FirstRequest {
    /// The refusal of a repetition whose first answer cannot be given again.
    pub fn carried_out(&self) -> Error {
        let message = match &self.outcome {
            FirstOutcome::Unknown => {
                "a request with this Idempotency-Key was taken before, and its answer is not known"
            }
            FirstOutcome::Secret => {
                "a request with this Idempotency-Key was carried out; its answer held a secret that is shown once"
            }
            FirstOutcome::Answered(_) | FirstOutcome::NotKept => {
                "a request with this Idempotency-Key was carried out; its answer was not kept"
            }
        };
        let error = Error::conflict(message);
        match &self.resource {
            None => error.suggest("look at the list of what it was to make before you send it again"),
            Some(it) => error
                .detail("resource_kind", it.kind.as_str())
                .detail("resource_id", it.id.as_str())
                .suggest(format!("look at the {} {}", it.kind, it.id)),
        }
    }
}

/// Takes away keys that have expired; answers how many. Fewer than `SWEPT_AT_ONCE` means that none is left.
pub fn sweep_idempotency(tx: &mut OrgTx<'_, '_>, now: Timestamp) -> Result<usize> {
    let mut expired = Vec::new();
    tx.scan_index::<FirstRequest>(BY_EXPIRY, Key::new(), Order::Oldest, |row| {
        let gone = row.expires_at <= now && expired.len() < SWEPT_AT_ONCE;
        if gone {
            expired.push(row.key());
        }
        Ok(gone)
    })?;
    for key in &expired {
        tx.delete::<FirstRequest>(key.clone())?;
    }
    Ok(expired.len())
}
