//! What is read, what is refused and how, and that the crate below finds exactly what the fields say.

use chrono::{NaiveDate, TimeDelta};
use proptest::prelude::*;

use super::*;

fn wall(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").expect(text)
}

fn check(line: &str, after: &str, next: &str) {
    let found = Line::parse(line).expect(line).after(wall(after));
    assert_eq!(found, Some(wall(next)), "{line}");
}

#[test]
fn weekdays_count_from_monday_and_sunday_is_0_and_7() {
    // 2027-03-01 is a Monday.
    for (line, day) in [
        ("0 9 * * 1", 1),
        ("0 9 * * MON", 1),
        ("0 9 * * friday", 5),
        ("0 9 * * 6", 6),
        ("0 9 * * 0", 7),
        ("0 9 * * 7", 7),
    ] {
        check(line, "2027-02-28 23:59:59", &format!("2027-03-0{day} 09:00:00"));
    }
    check("0 9 * * FRI-SUN", "2027-03-06 09:00:00", "2027-03-07 09:00:00");
    check("0 9 * * 5-7", "2027-03-07 09:00:00", "2027-03-12 09:00:00");
}

#[test]
fn five_fields_fire_at_second_0_and_six_at_the_seconds_they_name() {
    check("*/20 * * * *", "2027-03-01 10:00:00", "2027-03-01 10:20:00");
    check("*/20 * * * * *", "2027-03-01 10:00:00", "2027-03-01 10:00:20");
    check("5/20 * * * *", "2027-03-01 10:45:00", "2027-03-01 11:05:00");
    check("10-30/10,50 * * * *", "2027-03-01 10:30:00", "2027-03-01 10:50:00");
    check("@yearly", "2027-03-01 10:30:00", "2028-01-01 00:00:00");
    check("  0   12\t29 feb ? ", "2027-03-01 10:30:00", "2028-02-29 12:00:00");
}

#[test]
fn two_kinds_of_days_are_either_of_them_unless_one_has_a_star() {
    // The 13th or a Friday; 2027-03-05 is a Friday, the 13th a Saturday.
    check("0 0 13 * 5", "2027-03-01 00:00:00", "2027-03-05 00:00:00");
    check("0 0 13 * 5", "2027-03-12 00:00:00", "2027-03-13 00:00:00");
    // Odd days that are Mondays.
    check("0 0 */2 * 1", "2027-03-01 00:00:00", "2027-03-15 00:00:00");
}

#[test]
fn what_is_wrong_is_said_with_what_would_be_right() {
    for (line, says) in [
        ("", "five fields (minute hour day month weekday), or six with seconds first; for every day at nine"),
        ("0 9 * *", "or six with seconds first, not 4"),
        ("0 0 9 * * * 2027", "leave the year out"),
        ("60 9 * * *", "the minute field: 0 to 59, not “60”"),
        ("0 24 * * *", "the hour field: 0 to 23, not “24”"),
        ("0 9 0 * *", "the day of the month field: 1 to 31, not “0”"),
        ("0 9 * 13 *", "the month field: 1 to 12, or JAN to DEC, not “13”"),
        ("0 9 * * 8", "the weekday field: 0 to 7 (0 and 7 are Sunday), or SUN to SAT, not “8”"),
        ("0 9 * * MO", "the weekday field"),
        ("0 9 L * *", "L, W and # are not known here; name each value, 1 to 31"),
        ("0 9 * * 1#2", "L, W and # are not known here"),
        ("0 22-2 * * *", "a range goes upwards: write 22-23,0-2 for 22-2"),
        ("0 9 * * FRI-MON", "a range goes upwards: write 5-6,0-1 for FRI-MON"),
        ("*/0 * * * *", "a step is 1 to 60, not “0”"),
        ("*/ * * * *", "a step is 1 to 60, not “”"),
        ("1,,2 * * * *", "a value is missing before or after a comma, dash or slash"),
        ("-5 * * * *", "a value is missing"),
        ("+5 * * * *", "0 to 59, not “+5”"),
        ("@reboot", "a nickname is @hourly, @daily, @weekly, @monthly or @yearly"),
        ("0 0 31 2 *", "this line never fires"),
        ("0 0 31 4,6,9,11 *", "this line never fires"),
        ("0 0 30,31 2 *", "this line never fires"),
    ] {
        let error = Line::parse(line).expect_err(line);
        assert!(error.message().contains(says), "{line}: {error}");
    }
    assert!(Line::parse(&"1,".repeat(5_000)).is_err());
    assert!(Line::parse("0 0 29 2 *").is_ok(), "leap years have one");
    assert!(Line::parse("0 0 31 2 1").is_ok(), "its Mondays fire");
}

fn any_field(min: u8, max: u8) -> impl Strategy<Value = String> {
    let value = min..=max;
    let pair = (min..=max, min..=max).prop_map(|(a, b)| (a.min(b), a.max(b)));
    prop_oneof![
        3 => Just("*".to_owned()),
        2 => value.clone().prop_map(|it| it.to_string()),
        1 => (1..=max).prop_map(|it| format!("*/{it}")),
        1 => (pair.clone(), 1_u8..7).prop_map(|((a, b), step)| format!("{a}-{b}/{step}")),
        1 => (pair, value).prop_map(|((a, b), c)| format!("{c},{a}-{b}")),
    ]
}

/// A line, and a time from which to look.
fn cases() -> impl Strategy<Value = (String, NaiveDateTime)> {
    let fields = (
        any_field(0, 59),
        any_field(0, 59),
        any_field(0, 23),
        any_field(1, 28),
        any_field(1, 12),
        any_field(0, 6),
    );
    let line = (fields, any::<bool>()).prop_map(|((s, m, h, d, mo, w), six)| match six {
        true => format!("{s} {m} {h} {d} {mo} {w}"),
        false => format!("{m} {h} {d} {mo} {w}"),
    });
    let start = NaiveDate::from_ymd_opt(2024, 1, 1).and_then(|it| it.and_hms_opt(0, 0, 0)).expect("a day");
    (line, (0_i64..7 * 366 * 86_400).prop_map(move |it| start + TimeDelta::seconds(it)))
}

proptest! {
    #[test]
    fn the_next_match_is_later_fits_and_is_the_first((line, at) in cases()) {
        let line = Line::parse(&line).expect("parses");
        let next = line.after(at).expect("fires again");
        prop_assert!(next > at);
        prop_assert!(line.fits(next));
        // Nothing between: minute by minute, or second by second where they are close.
        let step = TimeDelta::seconds(if next - at < TimeDelta::hours(2) { 1 } else { 60 });
        let mut between = if step == TimeDelta::seconds(1) { at + step } else { at - TimeDelta::seconds(i64::from(at.second())) + step };
        let far = at + TimeDelta::days(20);
        while between < next.min(far) {
            let second = line.seconds.values()[0];
            let probe = if step == TimeDelta::seconds(1) { between } else { between + TimeDelta::seconds(i64::from(second)) };
            prop_assert!(probe >= next || !line.fits(probe), "{probe} before {next}");
            between += step;
        }
    }

    #[test]
    fn nothing_that_people_send_breaks_the_reader(text in "[ -~*,/0-9a-zA-Z@#-]{0,60}") {
        if let Ok(line) = Line::parse(&text) {
            prop_assert!(line.after(wall("2027-03-01 00:00:00")).is_some());
        }
    }
}
