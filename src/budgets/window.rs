//! From when to when a budget counts. Pure.

use chrono::{Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;

use super::types::Window;
use crate::base::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub start: Timestamp,
    /// When counting begins anew; never, where there is none.
    pub until: Option<Timestamp>,
}

impl Span {
    pub(super) fn of(window: Window, zone: Tz, now: Timestamp) -> Self {
        let today = now.utc().with_timezone(&zone).date_naive();
        let (first, next) = match window {
            Window::Run | Window::Total => {
                return Self { start: Timestamp::from_millis(0), until: None };
            }
            Window::Day => (today, today.checked_add_days(Days::new(1))),
            Window::Month => {
                let first = today.with_day(1).unwrap_or(today);
                (first, first.checked_add_months(Months::new(1)))
            }
        };
        Self { start: midnight(zone, first), until: next.map(|it| midnight(zone, it)) }
    }
}

/// The first instant of a day: where clocks skip midnight, the first that there is.
fn midnight(zone: Tz, day: NaiveDate) -> Timestamp {
    let quarters = (0..96).map(|it| day.and_time(NaiveTime::MIN) + TimeDelta::minutes(15 * it));
    let found = quarters.filter_map(|it| zone.from_local_datetime(&it).earliest()).next();
    let millis = found.map_or_else(
        || day.and_time(NaiveTime::MIN).and_utc().timestamp_millis(),
        |it| it.timestamp_millis(),
    );
    Timestamp::from_millis(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(window: Window, zone: &str, now: &str, start: &str, until: &str) {
        let at = |text| Timestamp::parse(text).expect(text);
        let span = Span::of(window, zone.parse().expect(zone), at(now));
        assert_eq!(span, Span { start: at(start), until: Some(at(until)) }, "{zone} {now}");
        assert!(span.start <= at(now) && span.until.is_some_and(|it| it > at(now)));
    }

    #[test]
    fn days_and_months_begin_where_the_organization_is() {
        let (day, month) = (Window::Day, Window::Month);
        check(day, "UTC", "2026-11-21T23:59:59Z", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z");
        check(day, "Europe/Berlin", "2026-11-21T23:30:00Z", "2026-11-21T23:00:00Z", "2026-11-22T23:00:00Z");
        check(day, "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z");
        // Clocks were put forward at midnight: the day began at one.
        check(
            day,
            "America/Sao_Paulo",
            "2018-11-04T12:00:00Z",
            "2018-11-04T03:00:00Z",
            "2018-11-05T02:00:00Z",
        );
        check(month, "Asia/Tokyo", "2026-11-30T15:00:00Z", "2026-11-30T15:00:00Z", "2026-12-31T15:00:00Z");
        check(month, "UTC", "2024-02-29T10:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z");
    }

    #[test]
    fn a_total_never_begins_anew() {
        let now = Timestamp::from_millis(1_000_000);
        assert_eq!(Span::of(Window::Total, Tz::UTC, now).until, None);
    }
}
