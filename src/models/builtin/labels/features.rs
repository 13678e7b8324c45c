//! What a text offers as evidence: stems and phrases of up to three, weighed by place and number.

use std::collections::{BTreeMap, HashMap};

use super::super::text::{Doc, Kind, words};

/// Words looked at; a label is decided long before.
const MAX_WORDS: usize = 20_000;
const MAX_PHRASE: usize = 3;
/// Distinct words compared by spelling.
const MAX_SPELLED: usize = 2_000;
/// Shared letter triples, as a share, from which two words count as one misspelt.
const ALIKE: f32 = 0.6;

/// Words of descriptions and instructions that speak for no label.
pub(super) const SAYS_LITTLE: &[&str] = &[
    "anything",
    "about",
    "text",
    "ticket",
    "tickets",
    "message",
    "messages",
    "customer",
    "customers",
    "user",
    "users",
    "label",
    "category",
    "question",
    "questions",
    "request",
    "requests",
    "problem",
    "problems",
    "related",
    "thing",
    "something",
    "everything",
    "else",
    "concerns",
    "kind",
    "type",
    "case",
    "cases",
    "matter",
    "matters",
    "asks",
];

pub(in super::super) struct Features {
    weights: HashMap<String, (f32, String)>,
    /// The folded words in order, for what depends on order (negation).
    pub(super) folded: Vec<String>,
    pub(super) source: String,
}

/// The stems of a phrase, joined by blanks; small words kept, as in `not work`.
pub(super) fn phrase(text: &str) -> String {
    words(text).into_iter().map(|it| it.stem).collect::<Vec<_>>().join(" ")
}

impl Features {
    pub(in super::super) fn of(doc: &Doc) -> Self {
        let mut it = Self { weights: HashMap::new(), folded: Vec::new(), source: doc.source.clone() };
        for (at, block) in doc.blocks.iter().enumerate() {
            if it.folded.len() >= MAX_WORDS {
                break;
            }
            let subject = block.field("subject").or_else(|| block.field("title")).is_some();
            let weight = match block.kind {
                Kind::Heading(_) => 1.6,
                Kind::Field if subject => 1.8,
                Kind::Quote => 0.6,
                Kind::Code => 0.5,
                _ if at < 3 => 1.15,
                _ => 1.0,
            };
            it.read(&block.text, weight);
        }
        it
    }

    fn read(&mut self, text: &str, weight: f32) {
        let all = words(text);
        for start in 0..all.len() {
            if self.folded.len() >= MAX_WORDS {
                return;
            }
            let mut key = String::new();
            for (length, word) in all[start..].iter().take(MAX_PHRASE).enumerate() {
                if length > 0 {
                    key.push(' ');
                }
                key.push_str(&word.stem);
                let shown = &text[all[start].start..word.end];
                let it = self.weights.entry(key.clone()).or_insert_with(|| (0.0, shown.to_owned()));
                it.0 += weight;
            }
            self.folded.push(all[start].folded.clone());
        }
    }

    /// How strongly a stem or phrase is in the text, and how the text writes it.
    pub(super) fn weight(&self, term: &str) -> Option<(f32, String)> {
        self.weights.get(term).map(|(sum, shown)| (damped(*sum), shown.clone()))
    }

    pub(super) fn has(&self, term: &str) -> bool {
        self.weights.contains_key(term)
    }

    /// For terms that are not in the text: the word that is spelt most like them, at a discount.
    pub(super) fn similar<'t>(
        &self,
        terms: impl Iterator<Item = &'t String>,
    ) -> HashMap<&'t str, (f32, String)> {
        let mut index: BTreeMap<[char; 3], Vec<&'t str>> = BTreeMap::new();
        for term in terms.filter(|it| it.len() >= 5 && !it.contains(' ') && !self.weights.contains_key(*it)) {
            for triple in triples(term) {
                index.entry(triple).or_default().push(term);
            }
        }
        let mut best: HashMap<&'t str, (f32, String)> = HashMap::new();
        if index.is_empty() {
            return best;
        }
        let mut spelled: Vec<(&String, &(f32, String))> =
            self.weights.iter().filter(|it| it.0.len() >= 4 && !it.0.contains(' ')).collect();
        spelled.sort_by(|a, b| b.1.0.total_cmp(&a.1.0).then_with(|| a.0.cmp(b.0)));
        for (word, (sum, shown)) in spelled.into_iter().take(MAX_SPELLED) {
            let mine = triples(word);
            let mut shared: BTreeMap<&'t str, usize> = BTreeMap::new();
            for triple in &mine {
                for term in index.get(triple).into_iter().flatten() {
                    *shared.entry(term).or_default() += 1;
                }
            }
            for (term, count) in shared {
                let alike = 2.0 * count as f32 / (mine.len() + triples(term).len()) as f32;
                let value = damped(*sum) * alike * 0.8;
                if alike >= ALIKE && best.get(term).is_none_or(|it| value > it.0) {
                    best.insert(term, (value, shown.clone()));
                }
            }
        }
        best
    }
}

fn damped(sum: f32) -> f32 {
    if sum <= 1.0 { sum } else { 1.0 + sum.ln() * 0.6 }
}

/// Distinct letter triples of a word with its edges marked.
fn triples(word: &str) -> Vec<[char; 3]> {
    let padded: Vec<char> = std::iter::once(' ').chain(word.chars()).chain(std::iter::once(' ')).collect();
    let mut triples: Vec<[char; 3]> = padded.windows(3).map(|it| [it[0], it[1], it[2]]).collect();
    triples.sort_unstable();
    triples.dedup();
    triples
}
