//! Appending to the chain, reading it, checking it.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::types::{AuditEntry, AuditFilter, BY_ACTION, BY_ACTOR, BY_OBJECT, Note};
use crate::base::{Actor, Doing, Env, Json, Origin, Page, PageRequest, Result};
use crate::infra::fault;
use crate::infra::store::{Key, Order, OrgTx, PerOrg, Row, Rows, Table};

/// The newest entry's place and hash, so that appending reads one row and a cut-off end is noticed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Head {
    sequence: u64,
    hash: String,
}

impl Row for Head {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(21, "audit_head");

    fn key(&self) -> Key {
        Key::new().byte(0)
    }
}

/// Adds an entry behind the newest. Durable with the transaction that it is part of.
pub fn append(tx: &mut OrgTx<'_, '_>, env: &Env, actor: &Actor, origin: &Origin, note: Note) -> Result<()> {
    fault!("audit.append"?);
    let head = tx.get::<Head>(Key::new().byte(0))?.unwrap_or_default();
    let mut entry = AuditEntry {
        id: env.id(),
        sequence: head.sequence + 1,
        at: env.now(),
        actor: actor.clone(),
        action: note.action.to_owned(),
        object: note.object.to_owned(),
        object_id: note.object_id,
        details: Json::of(&note.details.into()),
        request_id: origin.request_id.map(|it| it.to_string()),
        address: origin.address.map(|it| it.to_string()),
        hash: String::new(),
    };
    entry.hash = hash_of(&head.hash, &entry)?;
    tx.insert(&entry)?;
    tx.put(&Head { sequence: entry.sequence, hash: entry.hash })
}

/// Entries that `filter` keeps, newest first.
pub fn list(rows: &impl Rows<PerOrg>, filter: &AuditFilter, page: &PageRequest) -> Result<Page<AuditEntry>> {
    let (index, prefix) = match filter {
        AuditFilter { object_id: Some(id), .. } => (BY_OBJECT, Key::new().text(id)),
        AuditFilter { actor: Some(actor), .. } => (BY_ACTOR, Key::new().text(actor)),
        AuditFilter { action: Some(action), .. } => (BY_ACTION, Key::new().text(action)),
        _ => (0, Key::new()),
    };
    let (entries, next) = rows.page(index, prefix, Order::Newest, page, |it| filter.keeps(it))?;
    Ok(Page::new(entries, next))
}

/// The entry with this number, where there is one.
pub fn find(rows: &impl Rows<PerOrg>, sequence: u64) -> Result<Option<AuditEntry>> {
    rows.get(Key::new().u64(sequence))
}

/// What a check of the whole chain found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Verdict {
    pub ok: bool,
    /// Entries that were read.
    pub entries: u64,
    /// Sequence of the first entry that does not fit, where there is one.
    pub broken_at: Option<u64>,
    pub detail: String,
    /// Hash of the newest entry: keep it elsewhere, and a chain that was cut and written anew is found too.
    pub head: Option<String>,
}

/// Reads the whole chain from its first entry.
pub fn verify(rows: &impl Rows<PerOrg>) -> Result<Verdict> {
    let head = rows.get::<Head>(Key::new().byte(0))?.unwrap_or_default();
    let (mut sequence, mut hash, mut broken) = (0, String::new(), None);
    rows.scan::<AuditEntry>(Key::new(), Order::Oldest, |entry| {
        if entry.sequence != sequence + 1 {
            broken = Some((sequence + 1, "an entry is missing, or stands in another's place"));
        } else if entry.hash != hash_of(&hash, &entry)? {
            broken = Some((entry.sequence, "an entry was changed, or does not follow the one before it"));
        }
        sequence = entry.sequence;
        hash = entry.hash;
        Ok(broken.is_none())
    })?;
    if broken.is_none() && (head.sequence != sequence || head.hash != hash) {
        broken = Some((sequence + 1, "the newest entries are missing"));
    }
    Ok(Verdict {
        ok: broken.is_none(),
        entries: sequence,
        broken_at: broken.map(|it| it.0),
        detail: broken.map_or("every entry follows the one before it", |it| it.1).to_owned(),
        head: Some(head.hash).filter(|it| !it.is_empty()),
    })
}

/// Over the hash before and the entry with an empty hash, as JSON with the fields in their order.
fn hash_of(before: &str, entry: &AuditEntry) -> Result<String> {
    let bare = AuditEntry { hash: String::new(), ..entry.clone() };
    let text = serde_json::to_string(&bare).doing("hash an audit entry")?;
    let digest = Sha256::new().chain_update(before).chain_update([0]).chain_update(text).finalize();
    Ok(digest.iter().map(|it| format!("{it:02x}")).collect())
}
