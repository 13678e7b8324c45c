//! What is to be done about the ticks that are due: pure, so that a clock may jump as it likes.

use super::timetable::Timetable;
use super::types::{LATE_MS, MissedRuns, Reason, Schedule};
use crate::base::Timestamp;

/// Skipped ticks that are recorded one by one; more become one row that says from when to when.
const MAX_SINGLE: usize = 100;
/// Skipped ticks that are counted.
const MAX_COUNTED: usize = 10_000;

/// Ticks that are skipped for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Skipped {
    pub reason: Reason,
    pub ticks: Ticks,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ticks {
    Single(Vec<Timestamp>),
    /// From the first to the last; `count` is none where they are too many to count.
    Span {
        first: Timestamp,
        last: Timestamp,
        count: Option<u64>,
    },
}

/// What is to be done now, in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub skipped: Option<Skipped>,
    /// The tick that is to run.
    pub fires: Option<Timestamp>,
    /// The tick after those; it may be due already.
    pub next: Option<Timestamp>,
}

/// Decides over the ticks from `next` on, at `now`. Those that are later than `LATE_MS` (and the schedule's jitter)
/// were missed; one that is not is run.
pub(super) fn plan(schedule: &Schedule, table: &Timetable, next: Timestamp, now: Timestamp) -> Plan {
    if schedule.due_of(next) > now {
        return Plan { skipped: None, fires: None, next: Some(next) };
    }
    let missed_until = now.minus_ms(LATE_MS + schedule.jitter_ms + 1);
    if next > missed_until {
        return Plan { skipped: None, fires: Some(next), next: table.next_after(next) };
    }
    let in_time = table.next_after(missed_until).filter(|it| *it <= now);
    let made_up = match schedule.missed_runs {
        MissedRuns::Skip => 0,
        MissedRuns::Once => usize::from(in_time.is_none()),
        MissedRuns::All => schedule.catch_up_limit as usize,
    };
    let reason = match schedule.missed_runs {
        MissedRuns::All => Reason::CatchUpLimit,
        MissedRuns::Skip | MissedRuns::Once => Reason::Missed,
    };
    let (ticks, kept) = split(table, next, missed_until, made_up);
    let skipped = ticks.map(|ticks| Skipped { reason, ticks });
    match kept {
        Some(tick) => Plan { skipped, fires: Some(tick), next: table.next_after(tick) },
        None => Plan { skipped, fires: None, next: table.next_after(missed_until) },
    }
}

/// All ticks from `first` to `until`, for a reason that leaves none.
pub(super) fn all(table: &Timetable, first: Timestamp, until: Timestamp) -> Option<Ticks> {
    if first > until { None } else { split(table, first, until, 0).0 }
}

/// Of the ticks from `first` to `until`: all but the last `keep`, and the first of those.
fn split(
    table: &Timetable,
    first: Timestamp,
    until: Timestamp,
    keep: usize,
) -> (Option<Ticks>, Option<Timestamp>) {
    let ticks = || std::iter::once(first).chain(table.ticks_after(first)).take_while(|it| *it <= until);
    let count = ticks().take(MAX_COUNTED + 1).count();
    let (skipped, kept) = match count {
        0..=MAX_COUNTED => {
            let skip = count.saturating_sub(keep);
            let last = ticks().take(skip).last();
            (last.map(|last| (last, Some(skip))), ticks().nth(skip).filter(|_| keep > 0))
        }
        _ => {
            let tail = tail(table, until, keep + 1);
            (tail.first().map(|it| (*it, None)), tail.get(1).copied())
        }
    };
    let ticks = skipped.map(|(last, count)| match count {
        Some(count) if count <= MAX_SINGLE => Ticks::Single(ticks().take(count).collect()),
        count => Ticks::Span { first, last, count: count.map(|it| it as u64) },
    });
    (ticks, kept)
}

/// The last `count` ticks up to `until`, of a table that has many more.
fn tail(table: &Timetable, until: Timestamp, count: usize) -> Vec<Timestamp> {
    let mut reach = 60_000_u64;
    loop {
        let from = until.minus_ms(reach);
        let mut ticks: Vec<Timestamp> = table.ticks_after(from).take_while(|it| *it <= until).collect();
        if ticks.len() >= count || reach > u64::MAX / 4 {
            return ticks.split_off(ticks.len().saturating_sub(count));
        }
        reach *= 2;
    }
}

#[cfg(test)]
mod tests;
