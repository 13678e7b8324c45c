//! Dates as people write them, made ISO 8601 where day, month and year are known.

use std::sync::LazyLock;

use chrono::NaiveDate;
use regex::{Captures, Regex};

use super::super::text::fold;
use super::{At, MAX_FOUND, overlaps};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Date {
    pub(in super::super) written: String,
    /// `2026-01-31` where the year is known.
    pub(in super::super) iso: Option<String>,
    /// `12:30:00`, with `Z` or an offset where one was written.
    pub(in super::super) time: Option<String>,
    /// Sorts like the date: year, month, day (0 where unknown).
    pub(in super::super) parts: (i32, u32, u32),
}

const MONTHS: [&str; 12] = [
    "january jan januar janvier janv enero ene gennaio janeiro januari janner",
    "february feb februar fevrier fevr febrero febbraio fevereiro februari",
    "march mar marz maerz mars marzo marco maart",
    "april apr avril avr abril abr aprile",
    "may mai mayo maggio maio mei",
    "june jun juni juin junio giugno junho",
    "july jul juli juillet juil julio luglio julho",
    "august aug aout agosto ago augustus",
    "september sep sept septembre septiembre settembre setembro",
    "october oct oktober okt octobre octubre ottobre outubro",
    "november nov novembre noviembre novembro",
    "december dec dezember dez decembre diciembre dicembre dezembro",
];

/// The number of a month by its name in one of seven languages.
pub(in super::super) fn month(name: &str) -> Option<u32> {
    let name = fold(name.trim_end_matches('.'));
    let at = MONTHS.iter().position(|names| names.split(' ').any(|it| it == name))?;
    Some(at as u32 + 1)
}

const NAME: &str = r"(?P<m>[\p{L}]{3,10})\.?";

static ISO: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?-u:\b)(?P<y>\d{4})-(?P<n>\d{2})-(?P<d>\d{2})(?:[T ](?P<t>\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)?(?P<z>Z|[+-]\d{2}:?\d{2})?)?").expect("fixed")
});
static NUMERIC: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?-u:\b)(?P<a>\d{1,2})(?P<s>[./-])\s?(?P<b>\d{1,2})(?P<s2>[./-])\s?(?P<y>\d{4}|\d{2})(?-u:\b)|(?-u:\b)(?P<y2>\d{4})/(?P<a2>\d{1,2})/(?P<b2>\d{1,2})(?-u:\b)").expect("fixed")
});
static DAY_FIRST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!(r"(?-u:\b)(?P<d>\d{{1,2}})(?:st|nd|rd|th|er|\.|º)?\s+(?:of\s+|de\s+)?{NAME}(?:,?\s+(?:de\s+|del\s+)?(?P<y>\d{{4}})(?-u:\b))?"))
        .expect("fixed")
});
static MONTH_FIRST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!(
        r"(?-u:\b){NAME}\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?-u:\b)(?:,?\s+(?P<y>\d{{4}})(?-u:\b))?"
    ))
    .expect("fixed")
});
static MONTH_YEAR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!(r"(?-u:\b){NAME}\s+(?P<y>(?:19|20)\d{{2}})(?-u:\b)")).expect("fixed")
});
static EAST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?P<y>\d{4})\s?[年년]\s?(?P<n>\d{1,2})\s?[月월]\s?(?P<d>\d{1,2})\s?[日일]").expect("fixed")
});
static TIME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?-u:\b)(?P<h>[01]?\d|2[0-3])(?::(?P<m>[0-5]\d)(?::[0-5]\d)?\s?(?P<p>[ap]\.?m(?-u:\b))?|\s?(?P<q>[ap]\.?m(?-u:\b))|\s?(?:Uhr|h)(?-u:\b))").expect("fixed")
});

/// Year, month, day out of what a pattern found; 0 where unknown.
type Read<'a> = &'a dyn Fn(&Captures<'_>) -> Option<(i32, u32, u32)>;

/// The dates in `text`, in order, none overlapping.
pub(in super::super) fn dates(text: &str) -> Vec<At<Date>> {
    let mut found: Vec<At<Date>> = Vec::new();
    let day_first = evidence_day_first(text);
    let mut take = |regex: &Regex, read: Read<'_>| {
        for captures in regex.captures_iter(text) {
            if found.len() >= MAX_FOUND {
                break;
            }
            let Some(whole) = captures.get(0) else { continue };
            let Some(parts) = read(&captures) else { continue };
            let taken: Vec<(usize, usize)> = found.iter().map(|it| (it.start, it.end)).collect();
            if overlaps(&taken, whole.start(), whole.end()) || !is_real(parts) {
                continue;
            }
            let iso =
                (parts.0 > 0 && parts.2 > 0).then(|| format!("{:04}-{:02}-{:02}", parts.0, parts.1, parts.2));
            let time = captures.name("t").map(|it| {
                let seconds = if it.as_str().len() == 5 { ":00" } else { "" };
                format!("{}{seconds}{}", it.as_str(), captures.name("z").map_or("", |it| it.as_str()))
            });
            let date = Date { written: whole.as_str().trim().to_owned(), iso, time, parts };
            found.push(At { start: whole.start(), end: whole.end(), it: date });
        }
    };
    let number = |it: &Captures<'_>, name: &str| it.name(name).and_then(|it| it.as_str().parse::<u32>().ok());
    let year = |it: &Captures<'_>| number(it, "y").map_or(0, |it| it as i32);
    take(&ISO, &|it| Some((year(it), number(it, "n")?, number(it, "d")?)));
    take(&EAST, &|it| Some((year(it), number(it, "n")?, number(it, "d")?)));
    take(&NUMERIC, &|it| {
        if let Some(year) = number(it, "y2") {
            return Some((year as i32, number(it, "a2")?, number(it, "b2")?));
        }
        let (a, b) = (number(it, "a")?, number(it, "b")?);
        let part_of_more = text[..it.get(0)?.start()].ends_with(['.', '/', '-', ':']);
        if a == 0 || b == 0 || it["s"] != it["s2"] || part_of_more {
            return None;
        }
        let year = match number(it, "y")? {
            short @ 0..70 => 2000 + short,
            short @ 70..100 => 1900 + short,
            long => long,
        };
        let day_leads = a > 12 || (b <= 12 && (&it["s"] == "." || day_first));
        Some(if day_leads { (year as i32, b, a) } else { (year as i32, a, b) })
    });
    take(&DAY_FIRST, &|it| Some((year(it), month(&it["m"])?, number(it, "d")?)));
    take(&MONTH_FIRST, &|it| Some((year(it), month(&it["m"])?, number(it, "d")?)));
    take(&MONTH_YEAR, &|it| Some((year(it), month(&it["m"])?, 0)));
    found.sort_by_key(|it| it.start);
    found.truncate(MAX_FOUND);
    found
}

fn is_real((year, month, day): (i32, u32, u32)) -> bool {
    let leap = if year == 0 { 2024 } else { year };
    (year == 0 || (1000..=2999).contains(&year)) && NaiveDate::from_ymd_opt(leap, month, day.max(1)).is_some()
}

/// Whether some `a/b/year` in the text can only be day first.
fn evidence_day_first(text: &str) -> bool {
    NUMERIC
        .captures_iter(text)
        .take(200)
        .any(|it| it.name("a").is_some_and(|it| it.as_str().parse::<u32>().is_ok_and(|a| a > 12)))
}

pub(super) fn is_date(text: &str) -> bool {
    dates(text).iter().any(|it| it.it.iso.is_some())
}

/// Clock times as `HH:MM`, in order.
pub(in super::super) fn times(text: &str) -> Vec<At<String>> {
    let read = |it: Captures<'_>| {
        let whole = it.get(0)?;
        let hour: u32 = it["h"].parse().ok()?;
        let half = it.name("p").or_else(|| it.name("q")).map(|it| it.as_str().to_lowercase());
        let hour = match half.as_deref() {
            Some(half) if half.starts_with('p') && hour < 12 => hour + 12,
            Some(half) if half.starts_with('a') && hour == 12 => 0,
            _ => hour,
        };
        let minute = it.name("m").map_or("00", |it| it.as_str());
        Some(At { start: whole.start(), end: whole.end(), it: format!("{hour:02}:{minute}") })
    };
    TIME.captures_iter(text).take(MAX_FOUND).filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found = dates(text);
        let found: Vec<&str> =
            found.iter().map(|it| it.it.iso.as_deref().unwrap_or(it.it.written.as_str())).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn dates_are_made_iso() {
        check("on 2026-01-31 and 2026-02-30", &["2026-01-31"]);
        check("on 31.01.2026", &["2026-01-31"]);
        check("on 1/31/2026", &["2026-01-31"]);
        check("on 31/1/26 and 02/03/26", &["2026-01-31", "2026-03-02"]);
        check("January 5, 2026; Jan 6th 2026", &["2026-01-05", "2026-01-06"]);
        check("the 3rd of March 2026", &["2026-03-03"]);
        check(
            "am 3. März 2026, le 1er février 2026, el 4 de mayo de 2026",
            &["2026-03-03", "2026-02-01", "2026-05-04"],
        );
        check("2026年1月5日に", &["2026-01-05"]);
        check("by May 5 or in June 2026", &["May 5", "June 2026"]);
        check("you may 5 times call version 1.2.3", &["may 5"]);
        check("12 units of 4711 at 10.0.0.2/24", &[]);
    }

    #[test]
    fn times_are_made_24_hours() {
        let found: Vec<String> =
            times("at 9:30 am, 5pm, 14:05 and 8 Uhr").into_iter().map(|it| it.it).collect();
        assert_eq!(found, ["09:30", "17:00", "14:05", "08:00"]);
    }
}
