//! Instants where clocks change: cases by hand, laws, and every change of many zones against a slow oracle that
//! walks through the minutes.

use chrono::{Datelike, Timelike};
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect(text)
}

fn table(cron: &str, zone: &str) -> Timetable {
    Timetable::parse(cron, zone).expect(cron)
}

/// The ticks after `from`, as the zone's clocks and UTC show them: `02:30+02:00`.
fn ticks(cron: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
    let table = table(cron, zone);
    let shown = |it| table.local(it).format("%d %H:%M%:z").to_string();
    table.ticks_after(at(from)).take(count).map(shown).collect()
}

#[test]
fn a_fixed_time_in_a_skipped_hour_comes_at_the_first_instant_after_it() {
    assert_eq!(
        ticks("30 2 * * *", "Europe/Berlin", "2027-03-26T12:00:00Z", 4),
        ["27 02:30+01:00", "28 03:00+02:00", "29 02:30+02:00", "30 02:30+02:00"]
    );
    // Two that fall on one instant are one tick.
    assert_eq!(
        ticks("0,30 2,3 * * *", "Europe/Berlin", "2027-03-27T12:00:00Z", 3),
        ["28 03:00+02:00", "28 03:30+02:00", "29 02:00+02:00"]
    );
    // Clocks that change by half an hour, at midnight, or by a whole day.
    assert_eq!(ticks("15 2 * * *", "Australia/Lord_Howe", "2027-10-02T12:00:00Z", 1), ["03 02:30+11:00"]);
    assert_eq!(ticks("30 0 * * *", "Africa/Cairo", "2027-04-29T12:00:00Z", 1), ["30 01:00+03:00"]);
    assert_eq!(ticks("0 9 30 * *", "Pacific/Apia", "2011-12-20T00:00:00Z", 1), ["31 00:00+14:00"]);
}

#[test]
fn a_fixed_time_in_a_repeated_hour_comes_once() {
    assert_eq!(
        ticks("30 2 * * *", "Europe/Berlin", "2027-10-30T12:00:00Z", 3),
        ["31 02:30+02:00", "01 02:30+01:00", "02 02:30+01:00"]
    );
    assert_eq!(
        ticks("*/30 1-3 * * *", "Europe/Berlin", "2027-10-30T22:00:00Z", 6),
        [
            "31 01:00+02:00",
            "31 01:30+02:00",
            "31 02:00+02:00",
            "31 02:30+02:00",
            "31 03:00+01:00",
            "31 03:30+01:00"
        ]
    );
}

#[test]
fn intervals_keep_their_spacing_when_clocks_change() {
    assert_eq!(
        ticks("*/20 * * * *", "Europe/Berlin", "2027-03-28T00:30:00Z", 3),
        ["28 01:40+01:00", "28 03:00+02:00", "28 03:20+02:00"]
    );
    assert_eq!(
        ticks("*/20 * * * *", "Europe/Berlin", "2027-10-30T23:59:00Z", 7),
        [
            "31 02:00+02:00",
            "31 02:20+02:00",
            "31 02:40+02:00",
            "31 02:00+01:00",
            "31 02:20+01:00",
            "31 02:40+01:00",
            "31 03:00+01:00"
        ]
    );
    for (from, count) in [("2027-03-27T00:00:00Z", 48), ("2027-10-30T00:00:00Z", 48)] {
        let all: Vec<Timestamp> =
            table("0 * * * *", "America/New_York").ticks_after(at(from)).take(count).collect();
        assert!(all.windows(2).all(|it| it[1].since(it[0]) == 3_600_000));
    }
}

#[test]
fn what_clocks_do_at_a_tick_is_known() {
    let berlin = table("30 2 * * *", "Europe/Berlin");
    assert_eq!(berlin.change_at(at("2027-03-28T01:00:00Z")), Some(Change::Moved));
    assert_eq!(berlin.change_at(at("2027-10-31T00:30:00Z")), Some(Change::First));
    assert_eq!(berlin.change_at(at("2027-03-29T00:30:00Z")), None);
    let often = table("30 * * * *", "Europe/Berlin");
    assert_eq!(often.change_at(at("2027-10-31T01:30:00Z")), Some(Change::Second));
}

#[test]
fn both_faults_are_told_at_once() {
    let error = Timetable::parse("0 24 * * *", "Berlin").expect_err("both are wrong");
    let paths: Vec<&str> = error.invalid_list().iter().map(|it| it.path.as_str()).collect();
    assert_eq!(paths, ["/cron", "/time_zone"]);
}

#[test]
fn a_table_ends_rather_than_to_search_forever() {
    let leap = table("0 0 29 2 *", "UTC");
    assert_eq!(leap.next_after(at("2097-01-01T00:00:00Z")), None);
    for far in [i64::MIN, i64::MIN / 2, -1, i64::MAX / 2, i64::MAX] {
        let _ = leap.next_after(Timestamp::from_millis(far));
    }
    assert_eq!(leap.next_after(at("1970-01-01T00:00:00Z")), Some(at("1972-02-29T00:00:00Z")));
    assert_eq!(
        table("14 3 * * *", "UTC").next_after(at("2038-01-19T03:14:07Z")),
        Some(at("2038-01-20T03:14:00Z"))
    );
}

/// Zones whose clocks change in many ways: both hemispheres, half hours, two hours, midnight, around a fast,
/// years of their own, and old links.
const ZONES: &[&str] = &[
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/Ceuta",
    "Africa/El_Aaiun",
    "America/Adak",
    "America/Anchorage",
    "America/Asuncion",
    "America/Chicago",
    "America/Denver",
    "America/Godthab",
    "America/Halifax",
    "America/Havana",
    "America/Los_Angeles",
    "America/Miquelon",
    "America/New_York",
    "America/Nuuk",
    "America/Port-au-Prince",
    "America/Santiago",
    "America/Scoresbysund",
    "America/St_Johns",
    "America/Tijuana",
    "Antarctica/Macquarie",
    "Antarctica/Troll",
    "Asia/Almaty",
    "Asia/Beirut",
    "Asia/Famagusta",
    "Asia/Gaza",
    "Asia/Hebron",
    "Asia/Jerusalem",
    "Asia/Nicosia",
    "Atlantic/Azores",
    "Atlantic/Bermuda",
    "Atlantic/Canary",
    "Atlantic/Madeira",
    "Australia/Adelaide",
    "Australia/Hobart",
    "Australia/Lord_Howe",
    "Australia/Melbourne",
    "Australia/Sydney",
    "Europe/Athens",
    "Europe/Berlin",
    "Europe/Chisinau",
    "Europe/Dublin",
    "Europe/Helsinki",
    "Europe/Kyiv",
    "Europe/Lisbon",
    "Europe/London",
    "Europe/Madrid",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Easter",
    "Pacific/Norfolk",
    "US/Pacific",
];

/// Named hours and intervals, at and around the hours at which clocks change.
const FORMS: [&str; 12] = [
    "30 2 * * *",
    "0 0 * * *",
    "15 0-3 * * *",
    "30 1,2,3 * * 0",
    "59 23 * * *",
    "0 3 * * 6,0",
    "*/10 1-2 * * *",
    "*/20 * * * *",
    "0 * * * *",
    "7 */2 * * *",
    "45 1/3 * * *",
    "* * * * *",
];

/// The instants after 2024 and before 2031 at which the zone's clocks change.
fn changes(zone: Tz) -> Vec<DateTime<Utc>> {
    let offset = |it: DateTime<Utc>| zone.offset_from_utc_datetime(&it.naive_utc()).fix();
    let day = |n: i64| at("2024-01-01T00:00:00Z").utc() + TimeDelta::days(n);
    let mut found = Vec::new();
    for n in 0..7 * 365 {
        let (mut before, mut after) = (day(n), day(n + 1));
        if offset(before) != offset(after) {
            while after - before > TimeDelta::minutes(1) {
                let middle = before + TimeDelta::minutes((after - before).num_minutes() / 2);
                if offset(middle) == offset(before) { before = middle } else { after = middle }
            }
            found.push(after);
        }
    }
    found
}

/// A reader of its own, for the fields of `FORMS`.
struct Oracle {
    /// Minute, hour, weekday.
    takes: [Vec<bool>; 3],
    interval: bool,
}

impl Oracle {
    fn new(form: &str) -> Self {
        let fields: Vec<&str> = form.split(' ').collect();
        let takes = |text: &str, size: usize| -> Vec<bool> {
            let takes_one = |value: usize| {
                text.split(',').any(|part| {
                    let (range, step) = part.split_once('/').unwrap_or((part, "1"));
                    let number = |it: &str| it.parse::<usize>().expect("a number");
                    let (from, to) = match range.split_once('-') {
                        Some((from, to)) => (number(from), number(to)),
                        None if range == "*" => (0, size - 1),
                        None if part.contains('/') => (number(range), size - 1),
                        None => (number(range), number(range)),
                    };
                    (from..=to).contains(&value) && (value - from).is_multiple_of(number(step))
                })
            };
            (0..size).map(takes_one).collect()
        };
        let interval = fields[1].starts_with('*') || fields[1].contains('/');
        Self { takes: [takes(fields[0], 60), takes(fields[1], 24), takes(fields[4], 7)], interval }
    }

    fn fits(&self, wall: NaiveDateTime) -> bool {
        self.takes[0][wall.minute() as usize]
            && self.takes[1][wall.hour() as usize]
            && self.takes[2][wall.weekday().num_days_from_sunday() as usize]
    }

    /// The walls are those of consecutive minutes of UTC.
    fn ticks(&self, walls: &[(DateTime<Utc>, NaiveDateTime)]) -> Vec<DateTime<Utc>> {
        let mut found = Vec::new();
        let mut highest = walls[0].1;
        for (instant, wall) in &walls[1..] {
            let fires = if self.interval {
                self.fits(*wall)
            } else {
                // Every wall time that is reached or passed for the first time.
                let mut passed = highest;
                let mut any = false;
                while passed < *wall {
                    passed += TimeDelta::minutes(1);
                    any |= self.fits(passed);
                }
                any
            };
            highest = highest.max(*wall);
            if fires {
                found.push(*instant);
            }
        }
        found
    }
}

#[test]
fn every_change_of_clocks_is_as_a_walk_through_the_minutes_says() {
    let full = std::env::var_os("REEVE_FULL").is_some();
    let oracles = FORMS.map(Oracle::new);
    let mut cases = 0;
    let mut zones = 0;
    for (place, name) in ZONES.iter().enumerate() {
        let zone = zone::zone(name).expect(name);
        let changes = changes(zone);
        zones += usize::from(!changes.is_empty());
        // Quick: each zone at some of its changes, another part of them in each zone.
        let chosen = changes.iter().enumerate().filter(|(it, _)| full || (it + place) % 4 == 0);
        for (_, change) in chosen {
            let (before, after) = (TimeDelta::hours(27), TimeDelta::hours(27));
            let start = *change - before;
            let minutes = (before + after).num_minutes();
            let walls: Vec<_> = (0..=minutes)
                .map(|it| start + TimeDelta::minutes(it))
                .map(|it| (it, it.with_timezone(&zone).naive_local()))
                .collect();
            for (form, oracle) in FORMS.iter().zip(&oracles) {
                let table = Timetable { line: Line::parse(form).expect(form), zone };
                let end = walls[walls.len() - 1].0;
                let found: Vec<DateTime<Utc>> = table
                    .ticks_after(Timestamp::from_millis(start.timestamp_millis()))
                    .map(Timestamp::utc)
                    .take_while(|it| *it <= end)
                    .collect();
                assert_eq!(found, oracle.ticks(&walls), "{form} in {name} around {change}");
                cases += 1;
            }
        }
    }
    eprintln!("{cases} cases in {zones} zones");
    assert!(zones >= 40 && cases >= if full { 5_000 } else { 1_900 }, "{cases} cases in {zones} zones");
}

fn any_zone() -> impl Strategy<Value = Tz> {
    proptest::sample::select(chrono_tz::TZ_VARIANTS.as_slice())
}

const LINES: &[&str] = &[
    "30 2 * * *",
    "*/20 * * * *",
    "0 */5 * * *",
    "15 0-3 * * 0",
    "@monthly",
    "0 0 29 2 *",
    "10,40 30 1-4 * * *",
    "*/30 * 2 * * *",
    "* * * * * *",
    "5 4 1-7 * 1",
    "0 12 */3 * 1-5",
];

proptest! {
    #[test]
    fn ticks_ascend_in_every_zone(zone in any_zone(), line in proptest::sample::select(LINES), from in 1_600_000_000_i64..2_000_000_000) {
        let table = Timetable { line: Line::parse(line).expect(line), zone };
        let from = Timestamp::from_millis(from * 1_000);
        let ticks: Vec<Timestamp> = table.ticks_after(from).take(20).collect();
        prop_assert!(!ticks.is_empty() && ticks[0] > from);
        prop_assert!(ticks.windows(2).all(|it| it[0] < it[1]), "{ticks:?}");
        for tick in &ticks {
            let moved = table.change_at(*tick) == Some(Change::Moved);
            prop_assert!(table.line.fits(table.wall(tick.utc())) != moved);
            prop_assert!(!(moved && table.line.is_interval()));
        }
    }

    #[test]
    fn where_one_begins_to_look_makes_no_difference(zone in any_zone(), line in proptest::sample::select(LINES), from in 1_600_000_000_i64..2_000_000_000, share in 0.0..1.0) {
        let table = Timetable { line: Line::parse(line).expect(line), zone };
        let from = Timestamp::from_millis(from * 1_000);
        let Some(next) = table.next_after(from) else { return Ok(()) };
        let between = Timestamp::from_millis(from.millis() + ((next.since(from) as f64) * share) as i64);
        if between < next {
            prop_assert_eq!(table.next_after(between), Some(next));
        }
    }
}
