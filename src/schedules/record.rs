//! Writing down what became of ticks, and setting the timer of the next one.

use super::plan::{Skipped, Ticks};
use super::store;
use super::timetable::Timetable;
use super::types::{MAX_TICKS, Schedule, Tick, TickKind};
use crate::base::{Id, Result, ScheduleId, Timestamp};
use crate::engine::{Timer, TimerKind};
use crate::infra::store::{Key, Order, OrgTx, PerOrg, Rows};

/// Rows that go at once where a history is full.
const SWEPT_AT_ONCE: usize = 500;
/// Ticks that were decided already and lie ahead of a clock that went back.
const MAX_AHEAD: usize = 20_000;

/// Keeps the tick, and brings the schedule's summary up to date. The caller writes the schedule.
pub(super) fn keep(tx: &mut OrgTx<'_, '_>, schedule: &mut Schedule, tick: &Tick) -> Result<()> {
    tx.put(tick)?;
    schedule.ticks += 1;
    schedule.last = Some(tick.last());
    if schedule.ticks > MAX_TICKS + SWEPT_AT_ONCE as u64 {
        sweep(tx, schedule)?;
    }
    Ok(())
}

/// Keeps a row for each skipped tick, or one for all where they are many.
pub(super) fn keep_skipped(
    tx: &mut OrgTx<'_, '_>,
    schedule: &mut Schedule,
    skipped: &Skipped,
    now: Timestamp,
) -> Result<()> {
    match &skipped.ticks {
        Ticks::Single(ticks) => {
            for at in ticks {
                // One that ran before its clock went back stays what it was.
                if !is_decided(tx, schedule, *at)? {
                    keep(tx, schedule, &Tick::skipped(schedule, *at, skipped.reason, now))?;
                }
            }
            Ok(())
        }
        Ticks::Span { first, last, count } => {
            let one = Tick::skipped(schedule, *first, skipped.reason, now);
            keep(tx, schedule, &Tick { kind: TickKind::Span, until: Some(*last), count: *count, ..one })
        }
    }
}

/// The oldest rows go, but for runs that are under way.
fn sweep(tx: &mut OrgTx<'_, '_>, schedule: &mut Schedule) -> Result<()> {
    let mut oldest = Vec::with_capacity(SWEPT_AT_ONCE);
    tx.scan::<Tick>(Key::of(schedule.id), Order::Oldest, |it| {
        oldest.push(it);
        Ok(oldest.len() < SWEPT_AT_ONCE)
    })?;
    for tick in oldest.iter().filter(|it| it.is_over()) {
        store::forget(tx, tick)?;
        schedule.ticks = schedule.ticks.saturating_sub(1);
        schedule.swept_until = schedule.swept_until.max(tick.at);
    }
    Ok(())
}

/// Whether the tick at `at` has run, waits, or was skipped for more than the hour on the clock.
pub(super) fn is_decided(rows: &impl Rows<PerOrg>, schedule: &Schedule, at: Timestamp) -> Result<bool> {
    if at <= schedule.swept_until {
        return Ok(true);
    }
    let tick = store::tick(rows, schedule.id, at)?;
    Ok(tick.is_some_and(|it| !it.reason.is_some_and(|it| it.is_of_the_clock())))
}

/// The first tick after `after` that is not decided yet.
pub(super) fn first_open(
    rows: &impl Rows<PerOrg>,
    schedule: &Schedule,
    table: &Timetable,
    after: Timestamp,
) -> Result<Option<Timestamp>> {
    for at in table.ticks_after(after).take(MAX_AHEAD) {
        if !is_decided(rows, schedule, at)? {
            return Ok(Some(at));
        }
    }
    Ok(table.next_after(after.max(schedule.swept_until)))
}

/// Sets the timer to the schedule's next tick, or takes it away where there is none.
pub(super) fn arm(tx: &mut OrgTx<'_, '_>, schedule: &Schedule) -> Result<()> {
    match schedule.due_at() {
        Some(due) => Timer::set(tx, TimerKind::Schedule, schedule.id.bytes(), due),
        None => Timer::clear(tx, TimerKind::Schedule, schedule.id.bytes()),
    }
}

/// Lets the oldest tick that waits begin.
pub(super) fn wake(tx: &mut OrgTx<'_, '_>, id: ScheduleId, now: Timestamp) -> Result<()> {
    Timer::set(tx, TimerKind::ScheduleQueue, id.bytes(), now)
}
