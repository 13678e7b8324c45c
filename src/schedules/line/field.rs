//! One field of a cron line: which values it takes, and what is wrong with it.

use crate::base::{Error, Result};

/// What a field counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::schedules) struct Unit {
    pub name: &'static str,
    pub min: u8,
    pub max: u8,
    names: &'static [&'static str],
    /// The value of the first name.
    first_name: u8,
}

pub(super) const SECOND: Unit = Unit { name: "second", min: 0, max: 59, names: &[], first_name: 0 };
pub(super) const MINUTE: Unit = Unit { name: "minute", ..SECOND };
pub(super) const HOUR: Unit = Unit { name: "hour", max: 23, ..SECOND };
pub(super) const DAY: Unit = Unit { name: "day of the month", min: 1, max: 31, ..SECOND };
pub(super) const MONTH: Unit = Unit { name: "month", min: 1, max: 12, names: MONTHS, first_name: 1 };
/// 0 and 7 are Sunday.
pub(super) const WEEKDAY: Unit = Unit { name: "weekday", min: 0, max: 7, names: WEEKDAYS, first_name: 0 };

pub(in crate::schedules) const MONTHS: &[&str] = &[
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(in crate::schedules) const WEEKDAYS: &[&str] =
    &["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Every nth value of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::schedules) struct Step {
    pub from: u8,
    pub to: u8,
    pub every: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::schedules) struct Field {
    pub unit: Unit,
    /// A bit for each value; Sunday is bit 0.
    set: u64,
    /// It begins with `*`: days of a month and of a week must then both fit, as in every Unix cron.
    pub starred: bool,
    /// The field, where it is one part with a step.
    pub step: Option<Step>,
}

impl Field {
    /// Only the smallest value.
    pub(super) fn least(unit: Unit) -> Self {
        Self { unit, set: 1 << unit.min, starred: false, step: None }
    }

    /// Errors: `ValidationFailed` that says which field, and what it may hold.
    pub(super) fn parse(unit: Unit, text: &str) -> Result<Self> {
        let mut field = Self { unit, set: 0, starred: text.starts_with(['*', '?']), step: None };
        let parts: Vec<&str> = text.split(',').collect();
        for part in &parts {
            let step = field.part(part)?;
            for value in (step.from..=step.to).step_by(usize::from(step.every)) {
                field.set |= 1 << if unit == WEEKDAY { value % 7 } else { value };
            }
            field.step = (parts.len() == 1 && step.every > 1).then_some(step);
        }
        Ok(field)
    }

    fn part(&self, part: &str) -> Result<Step> {
        let (range, step) = match part.split_once('/') {
            None => (part, None),
            Some((range, step)) => (range, Some(step)),
        };
        let last = if self.unit == WEEKDAY { 6 } else { self.unit.max };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" || range == "?" => (self.unit.min, last),
            Some((from, to)) => self.range(from, to)?,
            None => {
                let value = self.value(range)?;
                // "5/15" is "5-59/15", as most crons read it.
                (value, if step.is_some() { last.max(value) } else { value })
            }
        };
        let every = match step {
            None => 1,
            Some(text) => self.every(text)?,
        };
        Ok(Step { from, to, every })
    }

    fn range(&self, from: &str, to: &str) -> Result<(u8, u8)> {
        let (low, mut high) = (self.value(from)?, self.value(to)?);
        if self.unit == WEEKDAY && high == 0 && low > 0 {
            high = 7;
        }
        if low <= high {
            return Ok((low, high));
        }
        let (first, last) = (self.unit.min, if self.unit == WEEKDAY { 6 } else { self.unit.max });
        let turned = format!("{low}-{last},{first}-{high}");
        Err(self.wrong(format!("a range goes upwards: write {turned} for {from}-{to}")))
    }

    fn every(&self, text: &str) -> Result<u8> {
        let most = self.unit.max - self.unit.min + u8::from(self.unit != WEEKDAY);
        let every = text.parse().ok().filter(|it| (1..=most).contains(it));
        every.ok_or_else(|| self.wrong(format!("a step is 1 to {most}, not {}", shown(text))))
    }

    fn value(&self, text: &str) -> Result<u8> {
        if let Some(place) = self.unit.names.iter().position(|it| is_name(it, text)) {
            return Ok(self.unit.first_name + place as u8);
        }
        let Unit { min, max, .. } = self.unit;
        if text.bytes().all(|it| it.is_ascii_digit())
            && let Ok(value) = text.parse::<u8>()
            && (min..=max).contains(&value)
        {
            return Ok(value);
        }
        Err(self.wrong(self.allowed(text)))
    }

    fn allowed(&self, text: &str) -> String {
        let Unit { min, max, names, .. } = self.unit;
        if text.is_empty() {
            return "a value is missing before or after a comma, dash or slash".to_owned();
        }
        let word = text.to_ascii_uppercase();
        if word.contains('#') || matches!(word.as_str(), "L" | "W" | "LW") || word.ends_with(['L', 'W']) {
            return format!("L, W and # are not known here; name each value, {min} to {max}");
        }
        let names = match names {
            [first, .., last] => {
                format!(", or {} to {}", &first[..3].to_uppercase(), &last[..3].to_uppercase())
            }
            _ => String::new(),
        };
        let sunday = if self.unit == WEEKDAY { " (0 and 7 are Sunday)" } else { "" };
        format!("{min} to {max}{sunday}{names}, not {}", shown(text))
    }

    fn wrong(&self, message: String) -> Error {
        Error::invalid(format!("the {} field: {message}", self.unit.name))
    }

    pub(in crate::schedules) fn has(&self, value: u32) -> bool {
        value < 64 && self.set & (1 << value) != 0
    }

    /// Takes every value there is.
    pub(in crate::schedules) fn is_any(&self) -> bool {
        self.values().len() == self.all().len()
    }

    fn all(&self) -> std::ops::RangeInclusive<u8> {
        self.unit.min..=if self.unit == WEEKDAY { 6 } else { self.unit.max }
    }

    /// In ascending order; a weekday is 0 (Sunday) to 6.
    pub(in crate::schedules) fn values(&self) -> Vec<u8> {
        self.all().filter(|it| self.has(u32::from(*it))).collect()
    }
}

/// The whole name, or its first three letters.
fn is_name(name: &str, text: &str) -> bool {
    name.eq_ignore_ascii_case(text) || name[..3].eq_ignore_ascii_case(text)
}

/// Part of a message; what people send may be long.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(20).filter(|it| !it.is_control()).collect();
    if short.len() < text.len() { format!("“{short}…”") } else { format!("“{short}”") }
}
