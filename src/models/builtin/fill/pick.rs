//! Chooses among facts of one kind: the one whose surroundings have the words of the property's name.

use super::super::find::At;
use super::super::text::{stem, words};

/// What people write where a schema says this.
const KIN: &[(&str, &[&str])] = &[
    ("due", &["deadline", "until", "by", "before", "payable", "fallig", "latest", "within"]),
    ("deadline", &["due", "until", "by", "before", "latest"]),
    ("start", &["from", "begin", "since", "starting", "ab"]),
    ("end", &["to", "until", "till", "ending", "bis"]),
    ("total", &["sum", "altogether", "overall", "gesamt", "grand", "due"]),
    ("invoice", &["invoice", "rechnung", "billed"]),
    ("order", &["ordered", "purchase", "bestellung", "bought"]),
    ("delivery", &["delivered", "arrive", "ship", "shipping"]),
    ("birth", &["born", "geboren", "dob"]),
    ("tax", &["vat", "mwst", "ust"]),
    ("customer", &["customer", "client", "buyer", "kunde", "name is"]),
    ("sender", &["from", "regards", "sincerely", "signed", "name is"]),
    ("refund", &["back", "return", "reimburse"]),
];

/// How far around a fact its words are looked for, in bytes.
const BEFORE: usize = 70;
const AFTER: usize = 40;

/// Index of the best of `facts`; with `sure`, only one that its surroundings speak for (or the only one there is).
pub(super) fn best<T>(text: &str, facts: &[At<T>], qualifiers: &[String], sure: bool) -> Option<usize> {
    if facts.is_empty() {
        return None;
    }
    if qualifiers.is_empty() {
        return Some(0);
    }
    let scores: Vec<f32> =
        facts.iter().take(400).map(|it| near(text, it.start, it.end, qualifiers)).collect();
    let at = (0..scores.len()).max_by(|a, b| scores[*a].total_cmp(&scores[*b]).then(b.cmp(a)))?;
    if scores[at] > 0.0 {
        return Some(at);
    }
    (!sure || facts.len() == 1).then_some(0)
}

/// How closely the words stand around `start..end`: nearer counts more, and what comes before counts most.
pub(super) fn near(text: &str, start: usize, end: usize, wanted: &[String]) -> f32 {
    let from = line_start(text, start, BEFORE);
    let before = &text[from..start];
    let to = ceil(text, (end + AFTER).min(text.len()));
    let after = text[end..to].split(['\n', '.', ';', '!', '?']).next().unwrap_or_default();
    let mut score = 0.0;
    for stem_wanted in wanted {
        let kin = KIN.iter().find(|it| stem(it.0) == *stem_wanted).map(|it| it.1).unwrap_or_default();
        let fits = |word: &str| -> f32 {
            if stem(word) == *stem_wanted {
                1.0
            } else if kin.contains(&word) {
                0.8
            } else {
                0.0
            }
        };
        let mut best = 0.0_f32;
        for (back, word) in words(before).iter().rev().enumerate() {
            best = best.max(fits(&word.folded) / (1.0 + back as f32 * 0.25));
        }
        for (ahead, word) in words(after).iter().enumerate() {
            best = best.max(0.6 * fits(&word.folded) / (1.0 + ahead as f32 * 0.4));
        }
        score += best;
    }
    score
}

fn line_start(text: &str, at: usize, most: usize) -> usize {
    let mut from = at.saturating_sub(most);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text[from..at].rfind("\n\n").map_or(from, |it| from + it)
}

fn ceil(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

/// Whether a name stands in a greeting: it is the reader's, not the writer's.
pub(super) fn greeted(text: &str, start: usize) -> bool {
    let from = line_start(text, start, 24);
    let before = text[from..start].to_lowercase();
    let last = before.trim_end_matches([' ', ',']);
    [
        "dear",
        "hello",
        "hi",
        "hey",
        "hallo",
        "liebe",
        "lieber",
        "bonjour",
        "hola",
        "thanks",
        "thank you",
        "mr",
        "ms",
        "mrs",
        "to:",
    ]
    .iter()
    .any(|it| last.ends_with(it))
}
