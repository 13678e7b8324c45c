//! Which messages were here: the memory that leads a repetition to the first run. Written with that run.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::base::{Error, ExecutionId, Result, Timestamp, TriggerId};
use crate::infra::store::{Indexes, Key, OrgTx, PerOrg, Row, Rows, Table};

pub(super) const BY_EXPIRY: u8 = 1;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Seen {
    pub trigger_id: TriggerId,
    pub mark: Mark,
    pub execution_id: ExecutionId,
    pub expires_at: Timestamp,
}

/// What a message is known by: a hash, so that nothing of it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark([u8; 32]);

impl Mark {
    /// Of what the sender calls the message.
    pub(super) fn of_id(id: &str) -> Self {
        Self::of(b"id", id.as_bytes())
    }

    /// Of the message itself.
    pub(super) fn of_body(query: &str, body: &[u8]) -> Self {
        let digest = Sha256::new().chain_update(query).chain_update([0]).chain_update(body).finalize();
        Self::of(b"body", &digest)
    }

    fn of(kind: &[u8], text: &[u8]) -> Self {
        Self(Sha256::new().chain_update(kind).chain_update([0]).chain_update(text).finalize().into())
    }
}

impl Row for Seen {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(122, "trigger_seen");

    fn key(&self) -> Key {
        key_of(self.trigger_id, self.mark)
    }

    fn indexes(&self, index: &mut Indexes) {
        index.add(BY_EXPIRY, Key::new().time(self.expires_at));
    }
}

fn key_of(trigger: TriggerId, mark: Mark) -> Key {
    Key::of(trigger).bytes(&mark.0)
}

/// The run of an earlier message with one of these marks.
pub(super) fn first(
    rows: &impl Rows<PerOrg>,
    trigger: TriggerId,
    marks: &[Mark],
    now: Timestamp,
) -> Result<Option<ExecutionId>> {
    for mark in marks {
        if let Some(seen) = rows.get::<Seen>(key_of(trigger, *mark))?.filter(|it| now < it.expires_at) {
            return Ok(Some(seen.execution_id));
        }
    }
    Ok(None)
}

/// Remembers the marks, for the run that this transaction accepts.
///
/// Errors: `Conflict` where a twin of the message was first; the transaction must fail with it.
pub(super) fn remember(
    tx: &mut OrgTx<'_, '_>,
    trigger_id: TriggerId,
    marks: &[Mark],
    execution_id: ExecutionId,
    (now, expires_at): (Timestamp, Timestamp),
) -> Result<()> {
    if first(tx, trigger_id, marks, now)?.is_some() {
        return Err(Error::conflict("this message was here before"));
    }
    marks.iter().try_for_each(|mark| tx.put(&Seen { trigger_id, mark: *mark, execution_id, expires_at }))
}
