//! Cron lines in plain English. Common forms read as people would say them; any other is named field by field.

use super::line::{Field, Line, MONTHS, Step, WEEKDAYS};

/// Times of a day that are listed one by one.
const MAX_TIMES: usize = 6;

/// "Every day at 09:00", "Every 15 minutes from 09:00 to 17:45, Monday to Friday".
pub(super) fn describe(line: &Line) -> String {
    let (day, every_day) = days(line);
    let text = match time(line) {
        Time::At(times) if every_day => format!("every day at {times}"),
        Time::At(times) => format!("{day} at {times}"),
        Time::Every(often) if every_day => often,
        Time::Every(often) => format!("{often}, {day}"),
    };
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |it| it.to_uppercase().chain(letters).collect())
}

enum Time {
    /// Moments of a day: `09:00 and 17:30`.
    At(String),
    /// A rhythm: `every 15 minutes`.
    Every(String),
}

fn time(line: &Line) -> Time {
    let (seconds, minutes, hours) = (line.seconds.values(), line.minutes.values(), line.hours.values());
    if seconds.len() * minutes.len() * hours.len() <= MAX_TIMES {
        return Time::At(joined(clock_times(&seconds, &minutes, &hours)));
    }
    if let [second] = seconds[..] {
        let often = rhythm(line, &minutes, &hours);
        return Time::Every(if second == 0 {
            often
        } else {
            format!("{often}, {second} seconds past the minute")
        });
    }
    let often = match (&line.seconds, even(&line.seconds)) {
        (it, _) if it.is_any() => "every second".to_owned(),
        (_, Some(every)) => format!("every {every} seconds"),
        (it, None) => format!("at {}", counted("second", it)),
    };
    Time::Every(match (line.minutes.is_any(), line.hours.is_any()) {
        (true, true) => often,
        (true, false) => format!("{often}, {}", within(&line.hours)),
        (false, true) => format!("{often} of {}", counted("minute", &line.minutes)),
        (false, false) => {
            format!("{often} of {}, {}", counted("minute", &line.minutes), within(&line.hours))
        }
    })
}

/// How often within the day, at one second of a minute.
fn rhythm(line: &Line, minutes: &[u8], hours: &[u8]) -> String {
    let often = match (minutes, even(&line.minutes)) {
        _ if line.minutes.is_any() => "every minute".to_owned(),
        (_, Some(every)) => format!("every {every} minutes"),
        ([minute], None) => return hourly(*minute, line, hours),
        _ => {
            let at = counted("minute", &line.minutes);
            return match line.hours.is_any() {
                true => format!("at {at} of every hour"),
                false => format!("at {at}, {}", within(&line.hours)),
            };
        }
    };
    match (hours, run(hours)) {
        _ if line.hours.is_any() => often,
        ([only], _) => format!(
            "{often} from {} to {}",
            clock(*only, minutes[0]),
            clock(*only, minutes[minutes.len() - 1])
        ),
        (_, Some((first, last))) => {
            format!(
                "{often} from {} to {}",
                clock(first, minutes[0]),
                clock(last, minutes[minutes.len() - 1])
            )
        }
        _ => format!("{often}, {}", within(&line.hours)),
    }
}

/// Once in each of several hours.
fn hourly(minute: u8, line: &Line, hours: &[u8]) -> String {
    let past =
        if minute == 0 { String::new() } else { format!(" at {minute} {} past", plural("minute", minute)) };
    if line.hours.is_any() {
        return format!("every hour{past}");
    }
    match (even(&line.hours), run(hours)) {
        (Some(every), _) => format!("every {every} hours{past}"),
        (None, Some((first, last))) => {
            format!("every hour from {} to {}", clock(first, minute), clock(last, minute))
        }
        (None, None) => joined(hours.iter().map(|it| clock(*it, minute)).collect()),
    }
}

/// `*/n` where n divides the whole, so that the rhythm never breaks.
fn even(field: &Field) -> Option<u8> {
    let whole = field.unit.max - field.unit.min + 1;
    match field.step {
        Some(Step { from, to, every })
            if from == field.unit.min && to == field.unit.max && whole.is_multiple_of(every) =>
        {
            Some(every)
        }
        _ => None,
    }
}

/// The first and the last of values without a break.
fn run(values: &[u8]) -> Option<(u8, u8)> {
    let (first, last) = (*values.first()?, *values.last()?);
    (values.len() > 2 && usize::from(last - first) + 1 == values.len()).then_some((first, last))
}

fn within(hours: &Field) -> String {
    match (hours.step, run(&hours.values())) {
        (_, Some((first, last))) => format!("from {} to {}", clock(first, 0), clock(last, 59)),
        (Some(Step { every, .. }), None) if even(hours).is_some() => format!("in every {} hour", nth(every)),
        _ => format!(
            "in the {} beginning at {}",
            plural("hour", hours.values().len() as u8),
            joined(hours.values().iter().map(|it| clock(*it, 0)).collect())
        ),
    }
}

/// `minutes 5, 10 and 40`, `minutes 10 to 20`, `every 7th minute from 0`.
fn counted(unit: &str, field: &Field) -> String {
    let values = field.values();
    match (field.step, run(&values)) {
        (Some(Step { from, every, .. }), _) if values.len() > MAX_TIMES => {
            format!("every {} {unit} from {from} to {}", nth(every), values[values.len() - 1])
        }
        (_, Some((first, last))) => format!("{unit}s {first} to {last}"),
        _ => format!(
            "{} {}",
            plural(unit, values.len() as u8),
            joined(values.iter().map(u8::to_string).collect())
        ),
    }
}

/// The days in words, and whether that is simply every day.
fn days(line: &Line) -> (String, bool) {
    let (days, weekdays) = (&line.days, &line.weekdays);
    let (of, inside) = months(&line.months);
    match (days.is_any(), weekdays.is_any()) {
        (true, true) if inside.is_empty() => (String::new(), true),
        (true, true) => (format!("every day{inside}"), false),
        (true, false) => (format!("{}{inside}", on_weekdays(weekdays)), false),
        (false, true) => (format!("on {} {of}", of_month(days)), false),
        (false, false) if line.either_day() => {
            (format!("on {} {of} and also {}{inside}", of_month(days), on_weekdays(weekdays)), false)
        }
        (false, false) => (format!("{} that falls on {} {of}", any_weekday(weekdays), of_month(days)), false),
    }
}

fn of_month(days: &Field) -> String {
    let values = days.values();
    match (days.step, run(&values)) {
        (Some(Step { from, every, .. }), _) if values.len() > MAX_TIMES => {
            format!("every {} day from the {}", nth(every), nth(from))
        }
        (_, Some((first, last))) => format!("the {} to the {}", nth(first), nth(last)),
        _ => format!("the {}", joined(values.iter().map(|it| nth(*it)).collect())),
    }
}

fn on_weekdays(field: &Field) -> String {
    // The week begins on Monday where days are listed.
    let mut values: Vec<u8> = field.values().iter().map(|it| (it + 6) % 7).collect();
    values.sort_unstable();
    let name = |it: u8| WEEKDAYS[usize::from((it + 1) % 7)];
    match (&values[..], run(&values)) {
        ([one], _) => format!("every {}", name(*one)),
        (_, Some((first, last))) => format!("{} to {}", name(first), name(last)),
        _ => format!("on {}", joined(values.iter().map(|it| format!("{}s", name(*it))).collect())),
    }
}

fn any_weekday(field: &Field) -> String {
    let names: Vec<String> = field.values().iter().map(|it| WEEKDAYS[usize::from(*it)].to_owned()).collect();
    format!("every {}", names.join(" or "))
}

/// The months as the end of "the 1st of …" and of "every day …"; the latter empty for all of them.
fn months(field: &Field) -> (String, String) {
    let values = field.values();
    let name = |it: u8| MONTHS[usize::from(it - 1)].to_owned();
    match run(&values) {
        _ if field.is_any() => ("of every month".to_owned(), String::new()),
        Some((first, last)) => {
            let names = format!("{} to {}", name(first), name(last));
            (format!("of {names}"), format!(" from {names}"))
        }
        None => {
            let names = joined(values.into_iter().map(name).collect());
            (format!("of {names}"), format!(" in {names}"))
        }
    }
}

fn clock_times(seconds: &[u8], minutes: &[u8], hours: &[u8]) -> Vec<String> {
    let mut times = Vec::new();
    for hour in hours {
        for minute in minutes {
            for second in seconds {
                times.push(match seconds {
                    [0] => clock(*hour, *minute),
                    _ => format!("{}:{second:02}", clock(*hour, *minute)),
                });
            }
        }
    }
    times
}

fn clock(hour: u8, minute: u8) -> String {
    format!("{hour:02}:{minute:02}")
}

fn plural(unit: &str, count: u8) -> String {
    if count == 1 { unit.to_owned() } else { format!("{unit}s") }
}

/// `1st`, `2nd`, `23rd`.
fn nth(n: u8) -> String {
    let end = match (n % 10, n % 100) {
        (1, it) if it != 11 => "st",
        (2, it) if it != 12 => "nd",
        (3, it) if it != 13 => "rd",
        _ => "th",
    };
    format!("{n}{end}")
}

/// `a`, `a and b`, `a, b and c`.
fn joined(mut words: Vec<String>) -> String {
    match words.pop() {
        None => String::new(),
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} and {last}", words.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_read_as_people_would_say_them() {
        for (line, words) in [
            ("0 9 * * *", "Every day at 09:00"),
            ("30 2 * * 1-5", "Monday to Friday at 02:30"),
            ("0 9,17 * * MON", "Every Monday at 09:00 and 17:00"),
            ("0 9 * * 6,0", "On Saturdays and Sundays at 09:00"),
            ("0 9 * * 1,3,5", "On Mondays, Wednesdays and Fridays at 09:00"),
            ("* * * * *", "Every minute"),
            ("*/15 * * * *", "Every 15 minutes"),
            ("*/15 9-17 * * 1-5", "Every 15 minutes from 09:00 to 17:45, Monday to Friday"),
            ("* 9 * * *", "Every minute from 09:00 to 09:59"),
            ("*/7 * * * *", "At every 7th minute from 0 to 56 of every hour"),
            ("*/25 * * * *", "At minutes 0, 25 and 50 of every hour"),
            ("@hourly", "Every hour"),
            ("30 * * * *", "Every hour at 30 minutes past"),
            ("0 */6 * * *", "Every day at 00:00, 06:00, 12:00 and 18:00"),
            ("5 */2 * * *", "Every 2 hours at 5 minutes past"),
            ("0 8-18 * * *", "Every hour from 08:00 to 18:00"),
            ("5,35 8-18 * * *", "At minutes 5 and 35, from 08:00 to 18:59"),
            ("@daily", "Every day at 00:00"),
            ("@weekly", "Every Sunday at 00:00"),
            ("@monthly", "On the 1st of every month at 00:00"),
            ("@yearly", "On the 1st of January at 00:00"),
            ("0 12 1,15 * *", "On the 1st and 15th of every month at 12:00"),
            ("0 12 1-7 3,6 *", "On the 1st to the 7th of March and June at 12:00"),
            ("0 12 13 * 5", "On the 13th of every month and also every Friday at 12:00"),
            ("0 12 */2 * 1", "Every Monday that falls on every 2nd day from the 1st of every month at 12:00"),
            ("0 7 * 5-9 *", "Every day from May to September at 07:00"),
            ("*/10 * * * * *", "Every 10 seconds"),
            ("* * * * * *", "Every second"),
            ("30 0 9 * * *", "Every day at 09:00:30"),
            ("15 * * * * *", "Every minute, 15 seconds past the minute"),
            ("*/20 */5 9-17 * * *", "Every 20 seconds of every 5th minute from 0 to 55, from 09:00 to 17:59"),
        ] {
            assert_eq!(describe(&Line::parse(line).expect(line)), words, "{line}");
        }
    }
}
