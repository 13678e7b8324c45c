//! A cron line in a time zone: the instants at which it fires.
//!
//! Where clocks change, a line that names its hours fires once in a repeated hour, and at the first valid instant
//! after a skipped one. A line that goes by intervals (any hour, or every so many) keeps its spacing: it fires in
//! both passes of a repeated hour, and has no ticks in a skipped one. Instants always ascend.

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::line::Line;
use super::words;
use crate::base::{Error, Result, Timestamp, zone};

const SECOND: TimeDelta = TimeDelta::seconds(1);
/// No clock was ever put forward by more.
const WIDEST_GAP: TimeDelta = TimeDelta::days(3);

#[derive(Debug, Clone)]
pub(super) struct Timetable {
    line: Line,
    zone: Tz,
}

/// What clocks do at a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// The hour that the line names does not exist that day; this is the first instant after it.
    Moved,
    /// The same time comes twice that day; this is the first of the two.
    First,
    Second,
}

impl Timetable {
    /// Errors: `ValidationFailed` at `/cron` and `/time_zone`.
    pub(super) fn parse(cron: &str, time_zone: &str) -> Result<Self> {
        match (Line::parse(cron), zone::zone(time_zone)) {
            (Ok(line), Ok(zone)) => Ok(Self { line, zone }),
            (line, zone) => {
                let faults = [("/cron", line.err()), ("/time_zone", zone.err())];
                let faults = faults.into_iter().filter_map(|it| Some((it.0, it.1?)));
                let faults = faults.map(|(path, it)| crate::base::Invalid {
                    path: path.to_owned(),
                    message: it.message().to_owned(),
                });
                Err(Error::invalid_fields(crate::base::Code::ValidationFailed, faults.collect()))
            }
        }
    }

    pub(super) fn zone_name(&self) -> &'static str {
        self.zone.name()
    }

    pub(super) fn words(&self) -> String {
        words::describe(&self.line)
    }

    /// The first tick after `at`; none after the year 2100.
    pub(super) fn next_after(&self, at: Timestamp) -> Option<Timestamp> {
        let after = DateTime::from_timestamp(at.millis().div_euclid(1_000), 0)?;
        let next = if self.line.is_interval() { self.next_interval(after) } else { self.next_fixed(after) };
        next.map(|it| Timestamp::from_millis(it.timestamp_millis()))
    }

    /// The ticks after `at`, in order.
    pub(super) fn ticks_after(&self, at: Timestamp) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(self.next_after(at), |it| self.next_after(*it))
    }

    /// The time on the zone's clocks, with its distance from UTC.
    pub(super) fn local(&self, at: Timestamp) -> DateTime<Tz> {
        at.utc().with_timezone(&self.zone)
    }

    /// What clocks do at the tick `at`.
    pub(super) fn change_at(&self, at: Timestamp) -> Option<Change> {
        let (instant, wall) = (at.utc(), self.wall(at.utc()));
        match self.zone.from_local_datetime(&wall) {
            _ if !self.line.fits(wall) => Some(Change::Moved),
            MappedLocalTime::Ambiguous(first, _) if first == instant => Some(Change::First),
            MappedLocalTime::Ambiguous(..) => Some(Change::Second),
            _ => None,
        }
    }

    /// Wall times map to instants in order here, the earlier of two where there are two. Those of a stretch that
    /// is repeated lie behind in its second pass, and are passed over.
    fn next_fixed(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut wall = self.wall(after);
        loop {
            wall = self.line.after(wall)?;
            let instant = match self.zone.from_local_datetime(&wall) {
                MappedLocalTime::Single(it) | MappedLocalTime::Ambiguous(it, _) => it.to_utc(),
                MappedLocalTime::None => self.instant(self.end_of_gap(wall)?)?,
            };
            if instant > after {
                return Some(instant);
            }
        }
    }

    fn next_interval(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut wall = self.wall(after);
        if let MappedLocalTime::Ambiguous(first, second) = self.zone.from_local_datetime(&wall)
            && first == after
        {
            // The first pass of a repeated stretch. Where it has no more ticks, the second begins anew.
            let turn = self.turn(first.to_utc(), second.to_utc());
            let ahead = self.line.after(wall)? - wall;
            if after + ahead >= turn {
                wall = self.wall(turn) - SECOND;
            }
        }
        loop {
            wall = self.line.after(wall)?;
            match self.zone.from_local_datetime(&wall) {
                MappedLocalTime::Single(it) => return Some(it.to_utc()),
                MappedLocalTime::Ambiguous(first, _) if first > after => return Some(first.to_utc()),
                MappedLocalTime::Ambiguous(_, second) => return Some(second.to_utc()),
                MappedLocalTime::None => wall = self.end_of_gap(wall)? - SECOND,
            }
        }
    }

    fn wall(&self, instant: DateTime<Utc>) -> NaiveDateTime {
        instant.with_timezone(&self.zone).naive_local()
    }

    /// The earlier one, where there are two.
    fn instant(&self, wall: NaiveDateTime) -> Option<DateTime<Utc>> {
        self.zone.from_local_datetime(&wall).earliest().map(|it| it.to_utc())
    }

    fn exists(&self, wall: NaiveDateTime) -> bool {
        !matches!(self.zone.from_local_datetime(&wall), MappedLocalTime::None)
    }

    /// The first wall time after the skipped stretch in which `wall` lies.
    fn end_of_gap(&self, wall: NaiveDateTime) -> Option<NaiveDateTime> {
        let (mut missing, mut reach) = (wall, SECOND);
        while !self.exists(wall + reach) {
            missing = wall + reach;
            reach = reach * 2;
            if reach > WIDEST_GAP * 2 {
                return None;
            }
        }
        let mut found = wall + reach;
        while found - missing > SECOND {
            let middle = missing + TimeDelta::seconds((found - missing).num_seconds() / 2);
            if self.exists(middle) { found = middle } else { missing = middle }
        }
        Some(found)
    }

    /// The instant between the two at which clocks are changed.
    fn turn(&self, mut before: DateTime<Utc>, mut after: DateTime<Utc>) -> DateTime<Utc> {
        let offset = |it: DateTime<Utc>| self.zone.offset_from_utc_datetime(&it.naive_utc()).fix();
        let old = offset(before);
        while after - before > SECOND {
            let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
            if offset(middle) == old { before = middle } else { after = middle }
        }
        after
    }
}

#[cfg(test)]
mod tests;
