//! E-mail addresses, web addresses, telephone numbers.

use std::sync::LazyLock;

use regex::Regex;

use super::{At, MAX_FOUND};

static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@[A-Za-z0-9](?:[A-Za-z0-9-]*\.)+[A-Za-z]{2,24}")
        .expect("fixed")
});
static URL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(?:https?://|ftp://|www\.)[^\s<>"'`\[\]{}|\\]+"#).expect("fixed"));
static PHONE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:\+|(?-u:\b)00|\(|(?-u:\b))\d(?:[\d ()/.\u{a0}-]{5,22})\d(?-u:\b)").expect("fixed")
});
static PHONE_WORD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:phone|tel|telefon|téléphone|teléfono|mobile|mobil|cell|call|fax|ring|handy|reach me|number is)[^\n]{0,24}$")
        .expect("fixed")
});

pub(in super::super) fn emails(text: &str) -> Vec<At<String>> {
    let at = |it: regex::Match<'_>| At { start: it.start(), end: it.end(), it: it.as_str().to_owned() };
    EMAIL.find_iter(text).take(MAX_FOUND).map(at).collect()
}

/// Without the marks that end the sentence around them. `www.` addresses get their scheme.
pub(in super::super) fn urls(text: &str) -> Vec<At<String>> {
    let trim = |it: regex::Match<'_>| {
        let mut address =
            it.as_str().trim_end_matches(['.', ',', ';', ':', '!', '?', '*', '_', '”', '’', '»', '…']);
        if address.ends_with(')') && !address.contains('(') {
            address = address.trim_end_matches([')', '.', ',']);
        }
        let end = it.start() + address.len();
        let full =
            if address.starts_with("www.") { format!("https://{address}") } else { address.to_owned() };
        url::Url::parse(&full).ok()?.host_str()?;
        Some(At { start: it.start(), end, it: full })
    };
    URL.find_iter(text).filter_map(trim).take(MAX_FOUND).collect()
}

/// Numbers written as telephone numbers are: with `+`, with an area code in brackets, or after a word for it.
pub(in super::super) fn phones(text: &str) -> Vec<At<String>> {
    let judge = |it: regex::Match<'_>| {
        let written = it.as_str();
        let digits = written.bytes().filter(u8::is_ascii_digit).count();
        let from = text[..it.start()].char_indices().rev().nth(30).map_or(0, |at| at.0);
        let international = written.starts_with('+') || written.starts_with("00");
        let grouped = written.starts_with('(') || is_grouped(written);
        let announced = PHONE_WORD.is_match(&text[from..it.start()]);
        let date = super::dates::is_date(written);
        let fits = (7..=15).contains(&digits) && !date && (international || announced || grouped);
        fits.then(|| At { start: it.start(), end: it.end(), it: written.trim().to_owned() })
    };
    PHONE.find_iter(text).filter_map(judge).take(MAX_FOUND).collect()
}

/// `555-123-4567`, `030/1234567`.
fn is_grouped(written: &str) -> bool {
    let groups: Vec<usize> = written.split(['-', '.', ' ']).map(str::len).collect();
    groups == [3, 3, 4]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: &[At<String>], expected: &[&str]) {
        assert_eq!(found.iter().map(|it| it.it.as_str()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn addresses_come_without_the_sentence_around_them() {
        check(
            &emails("Write to anna.meyer+x@mail.example.test, or <b@c.de>."),
            &["anna.meyer+x@mail.example.test", "b@c.de"],
        );
        check(
            &urls("See (https://a.test/x_(y)), www.b.test. Or http://c.test/?q=1!"),
            &["https://a.test/x_(y))", "https://www.b.test", "http://c.test/?q=1"],
        );
    }

    #[test]
    fn telephone_numbers_are_told_from_dates_and_sums() {
        check(
            &phones("Call +49 30 1234567 or (555) 123-4567; 555-123-4567."),
            &["+49 30 1234567", "(555) 123-4567", "555-123-4567"],
        );
        check(&phones("On 2026-01-31 we paid 1234567 for order 20260131."), &[]);
        check(&phones("Tel.: 030 901820"), &["030 901820"]);
    }
}
