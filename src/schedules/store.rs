//! Rows. Takes a transaction or a view, never opens one. Numbers 110 to 112.

use super::types::{Count, Outcome, Schedule, Tick, TickKind, missing};
use crate::base::{ExecutionId, Result, ScheduleId, Timestamp};
use crate::infra::store::{Indexes, Key, Order, OrgTx, PerOrg, Row, Rows, Table};
use crate::targets::Target;

/// Of schedules.
const BY_AGENT: u8 = 1;
const BY_CHAIN: u8 = 2;
/// Of ticks, as long as their run is under way.
const OPEN: u8 = 1;
const BY_EXECUTION: u8 = 2;
/// Of ticks that wait.
const QUEUED: u8 = 3;

impl Row for Schedule {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(110, "schedules");

    fn key(&self) -> Key {
        Key::of(self.id)
    }

    fn indexes(&self, index: &mut Indexes) {
        let (place, key) = place_of(self.target);
        index.add(place, key);
    }
}

impl Row for Tick {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(111, "schedule_ticks");

    fn key(&self) -> Key {
        tick_key(self.schedule_id, self.at, self.kind)
    }

    fn indexes(&self, index: &mut Indexes) {
        if self.is_open() {
            index.add(OPEN, Key::of(self.schedule_id));
            if let Some(execution) = self.execution_id {
                index.add(BY_EXECUTION, Key::of(execution));
            }
        }
        if self.outcome == Outcome::Queued {
            index.add(QUEUED, Key::of(self.schedule_id));
        }
    }
}

impl Row for Count {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(112, "schedule_count");

    fn key(&self) -> Key {
        Key::new().byte(0)
    }
}

fn tick_key(schedule: ScheduleId, at: Timestamp, kind: TickKind) -> Key {
    let kind = match kind {
        TickKind::Due => 0,
        TickKind::Manual => 1,
        TickKind::Span => 2,
    };
    Key::of(schedule).time(at).byte(kind)
}

/// Errors: `NotFound`.
pub(super) fn find(rows: &impl Rows<PerOrg>, id: ScheduleId) -> Result<Schedule> {
    rows.get(id)?.ok_or_else(|| missing(id))
}

/// In which index, and where in it, schedules stand that run it.
pub(super) fn place_of(target: Target) -> (u8, Key) {
    target.place(BY_AGENT, BY_CHAIN)
}

pub(super) fn of_target(rows: &impl Rows<PerOrg>, target: Target) -> Result<Vec<Schedule>> {
    let mut found = Vec::new();
    let (index, prefix) = place_of(target);
    rows.scan_index(index, prefix, Order::Oldest, |it| {
        found.push(it);
        Ok(true)
    })?;
    Ok(found)
}

/// What was decided of the line's tick at `at`.
pub(super) fn tick(rows: &impl Rows<PerOrg>, id: ScheduleId, at: Timestamp) -> Result<Option<Tick>> {
    rows.get(tick_key(id, at, TickKind::Due))
}

/// A manual run at just that millisecond.
pub(super) fn manual(rows: &impl Rows<PerOrg>, id: ScheduleId, at: Timestamp) -> Result<Option<Tick>> {
    rows.get(tick_key(id, at, TickKind::Manual))
}

pub(super) fn forget(tx: &mut OrgTx<'_, '_>, tick: &Tick) -> Result<()> {
    tx.delete::<Tick>(tick.key()).map(drop)
}

/// A tick whose run is under way.
pub(super) fn open(rows: &impl Rows<PerOrg>, id: ScheduleId) -> Result<Option<Tick>> {
    rows.by_index(OPEN, Key::of(id))
}

pub(super) fn of_run(rows: &impl Rows<PerOrg>, execution: ExecutionId) -> Result<Option<Tick>> {
    rows.by_index(BY_EXECUTION, Key::of(execution))
}

/// Ticks that wait, oldest first; `most` of them.
pub(super) fn queued(rows: &impl Rows<PerOrg>, id: ScheduleId, most: usize) -> Result<Vec<Tick>> {
    let mut found = Vec::new();
    rows.scan_index(QUEUED, Key::of(id), Order::Oldest, |it| {
        found.push(it);
        Ok(found.len() < most)
    })?;
    Ok(found)
}

/// Changes how many schedules there are.
pub(super) fn count(tx: &mut OrgTx<'_, '_>, change: i64) -> Result<u64> {
    let count = tx.get::<Count>(Key::new().byte(0))?.unwrap_or_default();
    let schedules = count.schedules.saturating_add_signed(change);
    tx.put(&Count { schedules })?;
    Ok(schedules)
}
