//! Times as forms send them.

use crate::base::{Error, Result, Timestamp};

/// As browsers send a date with a time, or a whole RFC 3339.
pub fn moment(field: &str, text: &str) -> Result<Timestamp> {
    let full = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{text}:00Z"),
        19 => format!("{text}Z"),
        _ => text.to_owned(),
    };
    Timestamp::parse(&full).map_err(|it| Error::invalid_at(field, it.message()))
}

#[cfg(test)]
mod tests {
    use super::moment;

    #[test]
    fn times_are_read_as_browsers_send_them() {
        for (text, expected) in [
            ("2026-01-31", Some("2026-01-31T00:00:00.000Z")),
            ("2026-01-31T12:30", Some("2026-01-31T12:30:00.000Z")),
            ("2026-01-31T12:30:05", Some("2026-01-31T12:30:05.000Z")),
            ("2026-01-31T12:30:05+01:00", Some("2026-01-31T11:30:05.000Z")),
            ("yesterday", None),
        ] {
            assert_eq!(moment("from", text).ok().map(|it| it.to_string()).as_deref(), expected, "{text}");
        }
    }
}
