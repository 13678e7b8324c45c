//! Sums of money, percentages, plain numbers; written the English or the continental way.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::{At, MAX_FOUND, overlaps};

#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Amount {
    pub(in super::super) value: f64,
    /// ISO 4217.
    pub(in super::super) currency: &'static str,
    pub(in super::super) written: String,
}

const CURRENCIES: &[(&str, &[&str])] = &[
    ("USD", &["usd", "us$", "$", "dollar", "dollars", "us-dollar"]),
    ("EUR", &["eur", "€", "euro", "euros"]),
    ("GBP", &["gbp", "£", "pound", "pounds"]),
    ("JPY", &["jpy", "¥", "yen", "円"]),
    ("CHF", &["chf", "sfr", "franken"]),
    ("INR", &["inr", "₹", "rupee", "rupees"]),
    ("CNY", &["cny", "rmb", "yuan", "元"]),
    ("CAD", &["cad", "c$"]),
    ("AUD", &["aud", "a$"]),
    ("SEK", &["sek"]),
    ("NOK", &["nok"]),
    ("DKK", &["dkk"]),
    ("PLN", &["pln", "zł", "zloty"]),
    ("CZK", &["czk"]),
    ("BRL", &["brl", "r$", "reais"]),
    ("MXN", &["mxn"]),
    ("ZAR", &["zar"]),
    ("KRW", &["krw", "₩"]),
];
const SIGN: &str = r"US\$|C\$|A\$|R\$|\$|€|£|¥|₹|₩|(?-u:\b)(?:USD|EUR|GBP|JPY|CHF|INR|CNY|CAD|AUD|SEK|NOK|DKK|PLN|CZK|BRL|MXN|ZAR|KRW)(?-u:\b)";
const WORD: &str = r"€|\$|£|¥|円|元|zł|(?:USD|EUR|GBP|JPY|CHF|INR|CNY|RMB|CAD|AUD|SEK|NOK|DKK|PLN|CZK|BRL|MXN|ZAR|KRW|[Dd]ollars?|US-Dollar|[Ee]uros?|[Pp]ounds?|[Yy]en|[Yy]uan|[Ff]ranken|[Rr]upees?)(?-u:\b)";
const NUMBER: &str = r"\d{1,3}(?:[.,'’\u{a0}\u{202f} ]\d{3})+(?:[.,]\d{1,2})?|\d{1,15}(?:[.,]\d{1,4})?";
const SCALE: &str = r"(?:\s?(?P<k>k|K|thousand|Tsd|m|M|mn|million|millions|Mio|Millionen|bn|B|billion|billions|Mrd|Milliarden)(?-u:\b)\.?)?";

static BEFORE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(&format!(r"(?P<c>{SIGN})\s?(?P<n>-?(?:{NUMBER})){SCALE}")).expect("fixed"));
static AFTER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!(r"(?:^|[^\w.,])(?P<all>(?P<n>{NUMBER}){SCALE}(?:,?-)?\s?(?P<c>{WORD}))"))
        .expect("fixed")
});
static PERCENT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?P<n>[-+]?\d{1,9}(?:[.,]\d{1,6})?)\s?(?:%|percent(?-u:\b)|per cent(?-u:\b)|prozent(?-u:\b)|pour cent(?-u:\b)|por ciento(?-u:\b))")
        .expect("fixed")
});
static PLAIN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(&format!(r"(?:^|[\s(=~±<>≥≤])(?P<n>-?(?:{NUMBER}))")).expect("fixed"));

/// A number as either half of Europe or America writes it.
pub(super) fn parse(written: &str) -> Option<f64> {
    let digits: String =
        written.chars().filter(|c| !matches!(c, '\'' | '’' | ' ' | '\u{a0}' | '\u{202f}')).collect();
    let separators: Vec<(usize, char)> =
        digits.char_indices().filter(|it| matches!(it.1, '.' | ',')).collect();
    let decimal = match separators.as_slice() {
        [] => None,
        [(at, mark)] => {
            let behind = digits.len() - at - 1;
            let thousands = behind == 3
                && (*mark == ',' || !digits.starts_with('0'))
                && *at <= 3 + usize::from(digits.starts_with('-'));
            let point_three = *mark == '.' && behind == 3 && digits.starts_with('0');
            if thousands && !point_three { None } else { Some(*at) }
        }
        [.., (before, earlier), (at, mark)] => {
            let _ = before;
            (earlier != mark).then_some(*at)
        }
    };
    let plain: String = digits
        .char_indices()
        .filter_map(|(at, c)| match c {
            '.' | ',' if Some(at) == decimal => Some('.'),
            '.' | ',' => None,
            _ => Some(c),
        })
        .collect();
    plain.parse::<f64>().ok().filter(|it| it.is_finite())
}

fn scale(word: Option<&str>) -> f64 {
    match word.map(|it| it.trim_end_matches('.')) {
        Some("k" | "K" | "thousand" | "Tsd") => 1e3,
        Some("m" | "M" | "mn" | "million" | "millions" | "Mio" | "Millionen") => 1e6,
        Some(_) => 1e9,
        None => 1.0,
    }
}

fn currency(sign: &str) -> Option<&'static str> {
    let sign = sign.to_lowercase();
    CURRENCIES.iter().find(|it| it.1.contains(&sign.as_str())).map(|it| it.0)
}

/// The sums of money in `text`, in order.
pub(in super::super) fn amounts(text: &str) -> Vec<At<Amount>> {
    let read = |it: &Captures<'_>, whole: &str| {
        let value = parse(&it["n"])? * scale(it.name("k").map(|it| it.as_str()));
        let value = (value * 10_000.0).round() / 10_000.0;
        Some(Amount { value, currency: currency(&it["c"])?, written: whole.trim().to_owned() })
    };
    let mut found: Vec<At<Amount>> = Vec::new();
    for (regex, group) in [(&*BEFORE, 0), (&*AFTER, 1)] {
        let taken: Vec<(usize, usize)> = found.iter().map(|it| (it.start, it.end)).collect();
        for captures in regex.captures_iter(text).take(MAX_FOUND) {
            let Some(whole) = captures.get(group) else { continue };
            if !overlaps(&taken, whole.start(), whole.end())
                && let Some(amount) = read(&captures, whole.as_str())
            {
                found.push(At { start: whole.start(), end: whole.end(), it: amount });
            }
        }
    }
    found.sort_by_key(|it| it.start);
    found
}

/// `12.5 %` is `12.5`.
pub(in super::super) fn percentages(text: &str) -> Vec<At<f64>> {
    let read = |it: Captures<'_>| {
        let whole = it.get(0)?;
        let value = it["n"].trim_start_matches('+').replace(',', ".").parse().ok()?;
        Some(At { start: whole.start(), end: whole.end(), it: value })
    };
    PERCENT.captures_iter(text).take(MAX_FOUND).filter_map(read).collect()
}

/// Numbers that stand alone, outside `taken`.
pub(in super::super) fn numbers(text: &str, taken: &[(usize, usize)]) -> Vec<At<f64>> {
    let read = |it: Captures<'_>| {
        let number = it.name("n")?;
        let next = text[number.end()..].chars().next();
        let free = next.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '-' | '/' | '_' | '%' | ':'))
            && !overlaps(taken, number.start(), number.end());
        let value = parse(number.as_str()).filter(|_| free)?;
        Some(At { start: number.start(), end: number.end(), it: value })
    };
    PLAIN.captures_iter(text).filter_map(read).take(MAX_FOUND).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(f64, &str)]) {
        let found = amounts(text);
        let found: Vec<(f64, &str)> = found.iter().map(|it| (it.it.value, it.it.currency)).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn money_is_read_in_either_hand() {
        check("$1,234.56 and 1.234,56 €", &[(1234.56, "USD"), (1234.56, "EUR")]);
        check(
            "EUR 49,90, 12 dollars, £3.5m, USD 12k",
            &[(49.9, "EUR"), (12.0, "USD"), (3_500_000.0, "GBP"), (12_000.0, "USD")],
        );
        check("CHF 1'200.50; 5 Mio. Euro; ¥5000", &[(1200.5, "CHF"), (5_000_000.0, "EUR"), (5000.0, "JPY")]);
        check("version 1.2.3 of 4711", &[]);
    }

    #[test]
    fn percentages_and_numbers() {
        let found: Vec<f64> =
            percentages("up 12.5 % or 3,5% and 7 percent").into_iter().map(|it| it.it).collect();
        assert_eq!(found, [12.5, 3.5, 7.0]);
        let found: Vec<f64> =
            numbers("3 of 1,200 in v2 at 10:30 x4", &[]).into_iter().map(|it| it.it).collect();
        assert_eq!(found, [3.0, 1200.0]);
    }
}
