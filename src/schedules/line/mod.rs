//! Cron lines as people write them: five fields as in Unix, or six with seconds first, or a nickname.
//!
//! The `cron` crate finds the next match on the wall clock. It counts weekdays from 1 (Sunday), wants seconds and
//! asks for both kinds of days at once, so that a line is read here first and handed over as plain lists; and it
//! loses or repeats ticks where clocks change, so that it never sees a zone (`Timetable` maps wall to instants).

mod field;
mod wall;

use chrono::{DateTime, Datelike, NaiveDateTime, Timelike};

use field::{DAY, HOUR, MINUTE, MONTH, SECOND, WEEKDAY};
pub(super) use field::{Field, MONTHS, Step, WEEKDAYS};
use wall::Wall;

use crate::base::{Error, Result};

const MAX_LINE_CHARS: usize = 200;

const NICKNAMES: &[(&str, &str)] = &[
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

#[derive(Debug, Clone)]
pub(super) struct Line {
    pub seconds: Field,
    pub minutes: Field,
    pub hours: Field,
    pub days: Field,
    pub months: Field,
    pub weekdays: Field,
    wall: Wall,
}

impl Line {
    /// Errors: `ValidationFailed` that says which field is wrong and what it may hold; also for a line that never
    /// fires.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.chars().count() > MAX_LINE_CHARS {
            return Err(Error::invalid(format!("a cron line has at most {MAX_LINE_CHARS} characters")));
        }
        let text = if text.starts_with('@') { nickname(text)? } else { text };
        let parts: Vec<&str> = text.split_whitespace().collect();
        let (seconds, rest) = match parts.as_slice() {
            [_, _, _, _, _] => (Field::least(SECOND), parts.as_slice()),
            [first, rest @ ..] if rest.len() == 5 => (Field::parse(SECOND, first)?, rest),
            other => return Err(miscounted(other.len())),
        };
        let minutes = Field::parse(MINUTE, rest[0])?;
        let hours = Field::parse(HOUR, rest[1])?;
        let days = Field::parse(DAY, rest[2])?;
        let months = Field::parse(MONTH, rest[3])?;
        let weekdays = Field::parse(WEEKDAY, rest[4])?;
        let either = !days.starred && !weekdays.starred;
        let wall = Wall::new([&seconds, &minutes, &hours, &days, &months, &weekdays], either)?;
        let line = Self { seconds, minutes, hours, days, months, weekdays, wall };
        match line.after(DateTime::UNIX_EPOCH.naive_utc()) {
            Some(_) => Ok(line),
            None => Err(Error::invalid("this line never fires: none of its months has such a day")),
        }
    }

    /// The first wall-clock time after `wall` that fits, as if clocks never changed.
    pub(super) fn after(&self, wall: NaiveDateTime) -> Option<NaiveDateTime> {
        self.wall.after(wall)
    }

    /// Either a day of the month or a weekday is enough: both are named, neither with a star.
    pub(super) fn either_day(&self) -> bool {
        !self.days.starred && !self.weekdays.starred
    }

    pub(super) fn fits(&self, wall: NaiveDateTime) -> bool {
        let day = self.days.has(wall.day());
        let weekday = self.weekdays.has(wall.weekday().num_days_from_sunday());
        self.seconds.has(wall.second())
            && self.minutes.has(wall.minute())
            && self.hours.has(wall.hour())
            && self.months.has(wall.month())
            && if self.either_day() { day || weekday } else { day && weekday }
    }

    /// It goes by intervals rather than by the clock: any hour, or every so many.
    pub(super) fn is_interval(&self) -> bool {
        self.hours.is_any() || self.hours.step.is_some()
    }
}

fn nickname(text: &str) -> Result<&'static str> {
    let found = NICKNAMES.iter().find(|it| it.0.eq_ignore_ascii_case(text));
    found.map(|it| it.1).ok_or_else(|| {
        Error::invalid("a nickname is @hourly, @daily, @weekly, @monthly or @yearly")
            .suggest("for anything else, write five fields: minute hour day month weekday")
    })
}

fn miscounted(count: usize) -> Error {
    const SHAPE: &str =
        "a cron line has five fields (minute hour day month weekday), or six with seconds first";
    match count {
        0 => Error::invalid(format!("{SHAPE}; for every day at nine, write 0 9 * * *")),
        7 => Error::invalid(format!("{SHAPE}; leave the year out")),
        count => Error::invalid(format!("{SHAPE}, not {count}")),
    }
}

#[cfg(test)]
mod tests;
