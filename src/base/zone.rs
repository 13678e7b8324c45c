//! Time zones by the names of the IANA database, which is part of the program.

use chrono_tz::{TZ_VARIANTS, Tz};

use super::{Error, Result};

/// Of the database in this program.
pub const DATA_VERSION: &str = chrono_tz::IANA_TZDB_VERSION;

/// What people type, and which zone they mean.
const MEANT: &[(&str, &str)] = &[
    ("pst", "America/Los_Angeles"),
    ("pdt", "America/Los_Angeles"),
    ("pacific", "America/Los_Angeles"),
    ("cst", "America/Chicago"),
    ("cdt", "America/Chicago"),
    ("edt", "America/New_York"),
    ("eastern", "America/New_York"),
    ("bst", "Europe/London"),
    ("cest", "Europe/Berlin"),
    ("ist", "Asia/Kolkata"),
    ("jst", "Asia/Tokyo"),
    ("aest", "Australia/Sydney"),
    ("z", "UTC"),
];

/// Errors: `ValidationFailed` with the zone that was perhaps meant.
pub fn zone(name: &str) -> Result<Tz> {
    if let Some(found) = TZ_VARIANTS.iter().find(|it| it.name().eq_ignore_ascii_case(name.trim())) {
        return Ok(*found);
    }
    let error = "a time zone is a name such as Europe/Berlin, America/New_York or UTC";
    match meant(name.trim()) {
        Some(it) => Err(Error::invalid(format!("{error}; did you mean {it}?"))),
        None => Err(Error::invalid(error)),
    }
}

/// Every name, in alphabetical order.
pub fn names() -> impl Iterator<Item = &'static str> {
    TZ_VARIANTS.iter().map(|it| it.name())
}

fn meant(name: &str) -> Option<&'static str> {
    let wanted = name.to_lowercase().replace(' ', "_");
    if wanted.is_empty() || wanted.len() > 64 {
        return None;
    }
    let known = MEANT.iter().find(|it| it.0 == wanted).map(|it| it.1);
    let city = || names().find(|it| it.to_lowercase().rsplit('/').next() == Some(wanted.as_str()));
    let near = || {
        let distance = |it: &&str| distance(&it.to_lowercase(), &wanted);
        names().min_by_key(distance).filter(|it| distance(it) <= 2 + wanted.len() / 8)
    };
    known.or_else(city).or_else(near)
}

/// How many letters to add, take away or change.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_whatever_their_case_and_guessed_where_they_are_wrong() {
        for name in ["Europe/Berlin", "europe/berlin", " UTC ", "America/Argentina/Buenos_Aires"] {
            zone(name).expect(name);
        }
        for (typed, means) in [
            ("Berlin", "Europe/Berlin"),
            ("Europe/Berln", "Europe/Berlin"),
            ("new york", "America/New_York"),
            ("PST", "America/Los_Angeles"),
            ("America/NewYork", "America/New_York"),
        ] {
            let error = zone(typed).expect_err(typed);
            assert!(error.message().ends_with(&format!("did you mean {means}?")), "{error}");
        }
        for typed in ["", "Mars/Olympus_Mons", &"x".repeat(10_000)] {
            assert!(!zone(typed).expect_err(typed).message().contains("mean"), "{typed}");
        }
    }
}
