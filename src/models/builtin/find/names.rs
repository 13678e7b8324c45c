//! Names of people, organizations and places: runs of capitalised words, judged by what is in them and beside
//! them. When in doubt a run is no name: a missing name is better than an invented one.

use std::sync::LazyLock;

use regex::Regex;

use super::super::text::{Doc, fold};
use super::lists::{FIRST_NAMES, PLAIN_WORDS, is_place};
use super::{At, MAX_FOUND};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum NameKind {
    Person,
    Organization,
    Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Name {
    pub(in super::super) kind: NameKind,
    pub(in super::super) text: String,
    /// The one who writes: a signature, a sender, "my name is".
    pub(in super::super) writes: bool,
}

/// Capitalised words in a row, with the small words that stand inside names.
static RUN: LazyLock<Regex> = LazyLock::new(|| {
    let word = r"(?:(?:Dr|Mr|Mrs|Ms|Prof|St|Jr|Sr|Mme|Sra?|Inc|Ltd|Corp|Co|Bros)\.|(?:\p{Lu}\.){1,3}|\p{Lu}[\p{L}\p{M}\p{N}'’&-]*)";
    let small = r"(?:(?:of|de|da|del|van|von|der|den|la|le|bin|al|und|and|für|&)[ \t]+){0,2}";
    Regex::new(&format!(r"{word}(?:[ \t]+{small}{word}){{0,5}}")).expect("fixed")
});
static ROLL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:present|attendees|attending|participants|apologies|absent|cc|team|authors?|anwesend|teilnehmer)\s*:[^\n.]*$")
        .expect("fixed")
});
static TITLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:\b(?:Mr|Mrs|Ms|Miss|Dr|Prof|Professor|Sir|Herrn?|Frau|Señora?|Sra?|Monsieur|Madame|Mme|M)\.?\s+)+$")
        .expect("fixed")
});
static LEADING_TITLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:(?:Mr|Mrs|Ms|Miss|Dr|Prof|Professor|Sir|Herrn?|Frau|Señora?|Sra?|Monsieur|Madame|Mme)\b\.?\s*)+").expect("fixed")
});
static INTRODUCES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:my name is|this is|i am|i'm|i’m|mein name ist|ich bin|ich heiße|je m'appelle|je suis|me llamo|soy|name\s*:|from\s*:|contact\s*:|customer\s*:|author\s*:|by\s*:|sender\s*:|patient\s*:|client\s*:|kontakt\s*:|kunde\s*:|signed\s*:?|attn\.?:?)\s+$").expect("fixed")
});
static SIGNS_OFF: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:regards|sincerely|best|cheers|thanks|thank you|yours|grüße|grüßen|gruß|cordialement|saludos|saluti|respectfully|faithfully)(?: [^\n.!?]{0,16})?[,.!]?\s*\n\s*(?:[-–—]+\s*)?$").expect("fixed")
});
static GREETS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:dear|hello|hi|hey|hallo|liebe|lieber|bonjour|hola|thanks|thank you)[ ,]+$")
        .expect("fixed")
});
static SPEAKS_BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:said|says|told|asked|wrote|explained|added|met|with|ceo|manager|director|colleague|engineer|president|minister|assigned to|reported by|approved by|owner|by)\s+$").expect("fixed")
});
static SPEAKS_AFTER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^,?\s+(?:said|says|told|asked|wrote|explained|added|argued|noted|will|agreed|proposed|presented|reported|confirmed|joined|called|has|is|was)\b").expect("fixed")
});
static WORKS_AT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:\bat|works? for|working for|on behalf of|company\s*:?|vendor\s*:?|employer\s*:?|firma\s*:?|bei der|bei|supplier\s*:?|organization\s*:?|customer\s*:|client\s*:|account\s*:)\s+$").expect("fixed")
});

const ORG_ENDS: &[&str] = &[
    "inc",
    "ltd",
    "llc",
    "corp",
    "corporation",
    "co",
    "gmbh",
    "ag",
    "kg",
    "plc",
    "sa",
    "sas",
    "bv",
    "nv",
    "oy",
    "ab",
    "as",
    "spa",
    "srl",
    "company",
    "group",
    "holding",
    "holdings",
    "bank",
    "university",
    "institute",
    "foundation",
    "association",
    "agency",
    "ministry",
    "department",
    "council",
    "committee",
    "commission",
    "hospital",
    "clinic",
    "school",
    "college",
    "museum",
    "press",
    "partners",
    "logistics",
    "systems",
    "technologies",
    "technology",
    "solutions",
    "software",
    "labs",
    "b.v",
    "s.a",
    "n.v",
    "s.p.a",
    "laboratories",
    "industries",
    "airlines",
    "airways",
    "insurance",
    "universität",
    "hochschule",
    "stiftung",
    "verein",
    "versicherung",
    "stadtwerke",
    "consulting",
    "studios",
    "media",
    "pharma",
    "motors",
    "energy",
    "telecom",
    "foods",
    "stores",
    "library",
    "union",
    "party",
    "court",
    "parliament",
    "office",
];
const ORG_BEGINS: &[&str] =
    &["university", "ministry", "department", "bank", "institute", "council", "universität"];

/// The names in `doc`, in order, each occurrence.
pub(in super::super) fn names(doc: &Doc) -> Vec<At<Name>> {
    let text = doc.source.as_str();
    let mut found: Vec<At<Name>> = Vec::new();
    for run in RUN.find_iter(text) {
        if found.len() >= MAX_FOUND {
            break;
        }
        if let Some(name) = judge(text, run.start(), run.end()) {
            found.push(name);
        }
    }
    let known: Vec<Name> = found.iter().map(|it| it.it.clone()).collect();
    let leaders: Vec<&Name> =
        known.iter().filter(|it| it.kind == NameKind::Person && it.text.contains(' ')).collect();
    for name in &mut found {
        if name.it.kind == NameKind::Person && !name.it.text.contains(' ') {
            let whole = leaders.iter().find(|it| it.text.split(' ').any(|part| part == name.it.text));
            if let Some(whole) = whole {
                name.it.text.clone_from(&whole.text);
                name.it.writes |= whole.writes;
            }
        }
    }
    found
}

fn judge(text: &str, start: usize, end: usize) -> Option<At<Name>> {
    let before = &text[floor(text, start.saturating_sub(60))..start];
    let after = &text[end..floor(text, (end + 40).min(text.len()))];
    if before.ends_with(['/', '@', '`', '#', '_']) || after.starts_with(['@', '/', '`', '_', '(']) {
        return None;
    }
    if is_place(&text[start..end]) {
        let text = text[start..end].to_owned();
        return Some(At { start, end, it: Name { kind: NameKind::Place, text, writes: false } });
    }
    let (start, end) = trim_plain(text, start, end)?;
    let untitled = start + LEADING_TITLE.find(&text[start..end]).map_or(0, |it| it.end());
    let (start, end) = if untitled < end { trim_plain(text, untitled, end)? } else { return None };
    let before = &text[floor(text, start.saturating_sub(60))..start];
    let run = &text[start..end];
    let words: Vec<&str> = run.split_whitespace().collect();
    let whole = |kind, writes| {
        Some(At {
            start,
            end,
            it: Name { kind, text: run.split_whitespace().collect::<Vec<_>>().join(" "), writes },
        })
    };
    let folded: Vec<String> = words.iter().map(|it| fold(it.trim_end_matches('.'))).collect();
    if is_place(run) {
        return whole(NameKind::Place, false);
    }
    let last = folded.last().map(String::as_str).unwrap_or_default();
    let ends_org = words.len() > 1 && ORG_ENDS.contains(&last);
    let begins_org = words.len() > 1 && ORG_BEGINS.contains(&folded[0].as_str()) && folded[1..].len() > 1;
    if ends_org || begins_org {
        return whole(NameKind::Organization, false);
    }
    let shouting = run.chars().filter(|c| c.is_alphabetic()).all(char::is_uppercase);
    let introduced = INTRODUCES.is_match(before);
    let signed = SIGNS_OFF.is_match(before) && after_is_line_end(after);
    let titled = TITLE.is_match(before);
    let named = FIRST_NAMES.contains(folded[0].as_str());
    let looks_personal = words.len() <= 4
        && words.iter().all(|it| it.chars().filter(|c| c.is_alphabetic()).count() > 1 || it.ends_with('.'));
    if !shouting
        && looks_personal
        && !words.iter().any(|it| it.contains(|c: char| c.is_numeric() || c == '&'))
    {
        let sure =
            titled || (signed && words.len() <= 3) || (introduced && words.len() <= 3 && words.len() > 1);
        let likely = named
            && (words.len() > 1
                || introduced
                || GREETS.is_match(before)
                || SPEAKS_BEFORE.is_match(before)
                || SPEAKS_AFTER.is_match(after));
        let enrolled = words.len() > 1 && ROLL.is_match(&text[floor(text, start.saturating_sub(200))..start]);
        if sure || likely || enrolled {
            return whole(NameKind::Person, signed || introduced);
        }
    }
    let acronym = shouting && words.len() == 1 && (2..=6).contains(&run.len()) && WORKS_AT.is_match(before);
    if acronym || (!shouting && WORKS_AT.is_match(before) && words.len() <= 4 && !named) {
        return whole(NameKind::Organization, false);
    }
    None
}

fn after_is_line_end(after: &str) -> bool {
    let rest = after.trim_start_matches([' ', '\t', ',', '.']);
    rest.is_empty() || rest.starts_with(['\n', '\r', '(', '|', '<'])
}

/// The run without the words at its ends that are only capitalised because a sentence begins.
fn trim_plain(text: &str, mut start: usize, mut end: usize) -> Option<(usize, usize)> {
    loop {
        let run = text.get(start..end)?;
        let word = run.split_whitespace().next()?;
        let bare = word.trim_end_matches(['.', '\'', '’']);
        if PLAIN_WORDS.contains(fold(bare).as_str()) || (bare.len() < 2 && !word.ends_with('.')) {
            let rest = run[word.len()..].trim_start();
            if rest.is_empty() {
                return None;
            }
            start = end - rest.len();
            if !rest.starts_with(char::is_uppercase) {
                let small = rest.split_whitespace().next()?;
                start += small.len();
                start += text.get(start..end)?.len() - text.get(start..end)?.trim_start().len();
            }
            continue;
        }
        let tail = run.split_whitespace().next_back()?;
        if run.len() > tail.len() && PLAIN_WORDS.contains(fold(tail.trim_end_matches('.')).as_str()) {
            end = start + run[..run.len() - tail.len()].trim_end().len();
            let left = text.get(start..end)?.split_whitespace().next_back()?;
            if left.starts_with(char::is_lowercase) || left == "&" {
                end = start + text[start..end - left.len()].trim_end().len();
            }
            continue;
        }
        let kept = run.trim_end_matches(['\'', '’', '-', '&']);
        let kept = kept.strip_suffix("'s").or_else(|| kept.strip_suffix("’s")).unwrap_or(kept);
        let word = fold(kept.split_whitespace().next_back()?.trim_end_matches('.'));
        let kept = if ["inc", "co", "corp", "ltd", "jr", "sr"].contains(&word.as_str())
            || word.len() == 1
            || word.contains('.')
        {
            kept
        } else {
            kept.trim_end_matches('.')
        };
        return (!kept.is_empty()).then_some((start, start + kept.len()));
    }
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(NameKind, &str)]) {
        let found = names(&Doc::read(text));
        let found: Vec<(NameKind, &str)> = found.iter().map(|it| (it.it.kind, it.it.text.as_str())).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn names_are_known_by_what_is_beside_them() {
        use NameKind::{Organization, Person, Place};
        check("My name is Anna Meyer and I live in Berlin.", &[(Person, "Anna Meyer"), (Place, "Berlin")]);
        check("The offer of Northwind Traders Ltd. came today.", &[(Organization, "Northwind Traders Ltd.")]);
        check("Please ask Dr. Okonkwo about it.", &[(Person, "Okonkwo")]);
        check("Best regards,\nPriya Natarajan\n", &[(Person, "Priya Natarajan")]);
        check("Yesterday Maria Lopez met Tom. Lopez agreed.", &[(Person, "Maria Lopez"), (Person, "Tom")]);
        check("I work at Contoso in New York.", &[(Organization, "Contoso"), (Place, "New York")]);
        check("The University of Oslo published it.", &[(Organization, "University of Oslo")]);
        check("Everything Is Broken Since Monday", &[]);
    }
}
