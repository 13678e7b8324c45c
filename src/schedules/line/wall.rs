//! The `cron` crate, asked about a wall clock that never changes.

use std::str::FromStr;

use chrono::NaiveDateTime;

use super::field::{Field, WEEKDAY};
use crate::base::{Doing, Result};

/// One schedule of the crate, or two of which either may match: it wants days of the month and of the week both.
#[derive(Debug, Clone)]
pub(super) struct Wall {
    one: cron::Schedule,
    other: Option<cron::Schedule>,
}

impl Wall {
    /// `fields` from seconds to weekdays. `either`: one kind of day is enough.
    pub(super) fn new(fields: [&Field; 6], either: bool) -> Result<Self> {
        let texts = fields.map(list);
        let [seconds, minutes, hours, days, months, weekdays] = texts.each_ref().map(String::as_str);
        let schedule = |days: &str, weekdays: &str| {
            cron::Schedule::from_str(&format!("{seconds} {minutes} {hours} {days} {months} {weekdays}"))
                .doing("hand a cron line over")
        };
        match either {
            true => Ok(Self { one: schedule(days, "*")?, other: Some(schedule("*", weekdays)?) }),
            false => Ok(Self { one: schedule(days, weekdays)?, other: None }),
        }
    }

    pub(super) fn after(&self, wall: NaiveDateTime) -> Option<NaiveDateTime> {
        let next = |it: &cron::Schedule| it.after(&wall.and_utc()).next().map(|it| it.naive_utc());
        let other = self.other.as_ref().and_then(next);
        match (next(&self.one), other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }
}

/// All values, in the crate's numbers.
fn list(field: &Field) -> String {
    if field.is_any() {
        return "*".to_owned();
    }
    let first = u8::from(field.unit == WEEKDAY);
    let values: Vec<String> = field.values().into_iter().map(|it| (it + first).to_string()).collect();
    values.join(",")
}
