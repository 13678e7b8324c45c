//! Numbers and times as people say them.

use super::Given;
use crate::base::{Micros, Timestamp};

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// `340 ms`, `1.24 s`, `3 m 05 s`, `2 h 05 m`, `3 d 4 h`.
pub fn duration(ms: impl Given<u64>) -> String {
    let ms = ms.given();
    match ms {
        0..SECOND => format!("{ms} ms"),
        SECOND..MINUTE => {
            // Truncated, so that 59.999 s does not read as 60.00 s.
            format!("{}.{:02} s", ms / SECOND, ms % SECOND / 10)
        }
        MINUTE..HOUR => format!("{} m {:02} s", ms / MINUTE, ms % MINUTE / SECOND),
        HOUR..DAY => format!("{} h {:02} m", ms / HOUR, ms % HOUR / MINUTE),
        _ => format!("{} d {} h", ms / DAY, ms % DAY / HOUR),
    }
}

/// `just now`, `5 min ago`, `in 3 h`. Says the same words as `js/behaviors/ago.js`.
pub fn ago(at: impl Given<Timestamp>, now: impl Given<Timestamp>) -> String {
    let (at, now) = (at.given(), now.given());
    let (ms, future) = if at > now { (at.since(now), true) } else { (now.since(at), false) };
    let amount = match ms {
        0..MINUTE if ms < 10 * SECOND => return "just now".to_owned(),
        0..MINUTE => format!("{} s", ms / SECOND),
        MINUTE..HOUR => format!("{} min", ms / MINUTE),
        HOUR..DAY => format!("{} h", ms / HOUR),
        _ if ms < 60 * DAY => format!("{} d", ms / DAY),
        _ if ms < 730 * DAY => format!("{} mo", ms / (30 * DAY)),
        _ => format!("{} y", ms / (365 * DAY)),
    };
    if future { format!("in {amount}") } else { format!("{amount} ago") }
}

/// `1,234,567`.
pub fn count(n: impl Given<u64>) -> String {
    let digits = n.given().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `980`, `12.3k`, `4.5M`: for tight places; three digits at most.
pub fn compact(n: impl Given<u64>) -> String {
    let n = n.given();
    const STEPS: [(u64, &str); 3] = [(1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k")];
    for (step, letter) in STEPS {
        if n >= step {
            let tenths = n / (step / 10);
            let text = if tenths < 1_000 && !tenths.is_multiple_of(10) {
                format!("{}.{}", tenths / 10, tenths % 10)
            } else {
                count(tenths / 10)
            };
            return text + letter;
        }
    }
    n.to_string()
}

/// `512 B`, `1.5 KiB`, `20 MiB`.
pub fn bytes(n: impl Given<u64>) -> String {
    let n = n.given();
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    let mut value = n as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let text = format!("{value:.1}");
    format!("{} {}", text.strip_suffix(".0").unwrap_or(&text), UNITS[unit])
}

/// `$12.34`, `€0.0042`, `CHF 1.00`. Less than a unit keeps four digits, so that the price of one run is seen.
pub fn money(amount: impl Given<Micros>, currency: &str) -> String {
    let amount = amount.given();
    let sign = if amount.0 < 0 { "−" } else { "" };
    let micros = amount.0.unsigned_abs();
    let symbol = match currency {
        "USD" | "" => "$".to_owned(),
        "EUR" => "€".to_owned(),
        "GBP" => "£".to_owned(),
        other => format!("{other} "),
    };
    if micros != 0 && micros < 1_000_000 {
        let rounded = (micros + 50) / 100;
        return match rounded {
            0 => format!("{sign}<{symbol}0.0001"),
            10_000 => format!("{sign}{symbol}1.00"),
            n if n % 100 == 0 => format!("{sign}{symbol}0.{:02}", n / 100),
            n => format!("{sign}{symbol}0.{n:04}"),
        };
    }
    let cents = (micros + 5_000) / 10_000;
    format!("{sign}{symbol}{}.{:02}", count(cents / 100), cents % 100)
}

/// Where nobody knows: not zero.
pub const UNKNOWN: &str = "Unknown";

/// A cost in words, and what is missing in it: that of so many runs.
pub fn known_cost(micros: Option<i64>, unknown_runs: u64) -> (String, String) {
    let runs =
        || if unknown_runs == 1 { "1 run".to_owned() } else { format!("{} runs", count(unknown_runs)) };
    match (micros, unknown_runs) {
        (None, _) => (UNKNOWN.to_owned(), format!("{} of unknown cost", runs())),
        (Some(micros), 0) => (money(Micros(micros), "USD"), String::new()),
        (Some(micros), _) => (money(Micros(micros), "USD"), format!("and {} of unknown cost", runs())),
    }
}

/// `97.5 %`; `–` where there is no whole.
pub fn percent(part: impl Given<u64>, whole: impl Given<u64>) -> String {
    let (part, whole) = (part.given(), whole.given());
    if whole == 0 {
        return "–".to_owned();
    }
    // Truncated: 99.96 % is not yet 100 %.
    let tenths = u128::from(part) * 1_000 / u128::from(whole);
    if tenths.is_multiple_of(10) {
        format!("{} %", tenths / 10)
    } else {
        format!("{}.{} %", tenths / 10, tenths % 10)
    }
}

/// One or two capital letters for a name or an e-mail address.
pub fn initials(name: &str) -> String {
    let local = name.split('@').next().unwrap_or(name);
    let mut words = local.split([' ', '.', '-', '_']).filter_map(|it| it.chars().next());
    let letters = [words.next(), words.next_back()];
    let text: String = letters.iter().flatten().flat_map(|it| it.to_uppercase()).collect();
    if text.is_empty() { "?".to_owned() } else { text }
}

/// Errors are written without a capital, to stand behind a colon; on a page they stand alone.
pub fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Whether two texts are the same, however a template holds them.
pub fn same(one: impl AsRef<str>, other: impl AsRef<str>) -> bool {
    one.as_ref() == other.as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (ms, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_240, "1.24 s"),
            (59_999, "59.99 s"),
            (185_000, "3 m 05 s"),
            (7_500_000, "2 h 05 m"),
            (3 * DAY + 4 * HOUR, "3 d 4 h"),
        ] {
            assert_eq!(duration(ms), text);
        }
    }

    #[test]
    fn distances_in_time() {
        let now = Timestamp::from_millis(100 * DAY as i64 * 10);
        for (ms, text) in
            [(0, "just now"), (30_000, "30 s"), (5 * MINUTE, "5 min"), (3 * HOUR, "3 h"), (59 * DAY, "59 d")]
        {
            let expected = if ms == 0 { text.to_owned() } else { format!("{text} ago") };
            assert_eq!(ago(now.minus_ms(ms), now), expected);
        }
        assert_eq!(ago(now.plus_ms(3 * HOUR), now), "in 3 h");
        assert_eq!(ago(now.minus_ms(90 * DAY), now), "3 mo ago");
        assert_eq!(ago(now.minus_ms(800 * DAY), now), "2 y ago");
    }

    #[test]
    fn counts_and_sizes() {
        assert_eq!((count(0), count(999), count(1_234_567)), ("0".into(), "999".into(), "1,234,567".into()));
        for (n, text) in
            [(980, "980"), (1_000, "1k"), (12_345, "12.3k"), (999_999, "999k"), (4_500_000, "4.5M")]
        {
            assert_eq!(compact(n), text);
        }
        for (n, text) in [
            (512, "512 B"),
            (1_536, "1.5 KiB"),
            (20 << 20, "20 MiB"),
            ((1 << 20) - 1, "1 MiB"),
            (1 << 40, "1 TiB"),
        ] {
            assert_eq!(bytes(n), text);
        }
    }

    #[test]
    fn sums_of_money() {
        for (micros, currency, text) in [
            (0, "USD", "$0.00"),
            (12_340_000, "USD", "$12.34"),
            (4_200, "EUR", "€0.0042"),
            (20, "USD", "<$0.0001"),
            (250_000, "USD", "$0.25"),
            (999_999, "USD", "$1.00"),
            (1_234_567_890_000, "CHF", "CHF 1,234,567.89"),
            (-1_500_000, "USD", "−$1.50"),
        ] {
            assert_eq!(money(Micros(micros), currency), text);
        }
    }

    #[test]
    fn shares_and_initials() {
        assert_eq!(
            (percent(1, 0), percent(1, 2), percent(9_996, 10_000)),
            ("–".into(), "50 %".into(), "99.9 %".into())
        );
        for (name, text) in [
            ("Ada Lovelace", "AL"),
            ("ada", "A"),
            ("ada.l@example.org", "AL"),
            ("", "?"),
            ("Jean Luc van Dyk", "JD"),
        ] {
            assert_eq!(initials(name), text);
        }
    }
}
