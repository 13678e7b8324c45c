//! Answers a question with the passages that fit it, word for word, and where they stand. Where no passage has
//! enough of what is asked, it says so.

use std::collections::BTreeSet;

use super::find::{Facts, NameKind};
use super::text::{Doc, Kind, fold, stem, words};

/// One passage of the text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Passage {
    pub(super) quote: String,
    pub(super) line: usize,
    pub(super) last_line: usize,
    pub(super) paragraph: usize,
    /// The headings above it, outermost first.
    pub(super) section: Vec<String>,
    /// 0 to 1: how much of what is asked it has.
    pub(super) score: f64,
}

/// The share of what is asked (rare words count more) that a passage needs.
const LEAST_SHARE: f32 = 0.42;
const K1: f32 = 1.2;
const B: f32 = 0.6;

/// Words of questions that are not their subject.
const ASKING: &[&str] = &[
    "what",
    "who",
    "when",
    "where",
    "why",
    "which",
    "how",
    "whose",
    "tell",
    "explain",
    "describe",
    "list",
    "find",
    "give",
    "show",
    "name",
    "say",
    "says",
    "text",
    "document",
    "mean",
    "means",
    "know",
    "anything",
    "much",
    "many",
    "long",
    "happen",
    "happens",
    "happened",
    "want",
    "does",
    "did",
    "was",
    "wer",
    "wann",
    "wo",
    "warum",
    "welche",
    "welcher",
    "qui",
    "quand",
    "quel",
    "quelle",
    "quien",
    "cuando",
    "donde",
    "cual",
    "author",
    "there",
    "according",
    "passage",
];

/// Words that mean much the same when one asks.
const KIN: &[&[&str]] = &[
    &["cost", "price", "fee", "pay", "paid", "charge", "expensive", "amount"],
    &["start", "begin", "launch", "open"],
    &["end", "finish", "expire", "stop", "close"],
    &["error", "failure", "fault", "problem", "issue", "bug"],
    &["fix", "repair", "solve", "resolve", "remedy"],
    &["cause", "reason", "because", "due"],
    &["buy", "purchase", "order"],
    &["create", "make", "build", "write"],
    &["delete", "remove", "erase"],
    &["need", "require", "must"],
    &["person", "people", "team", "staff", "employee"],
    &["deadline", "due", "until", "latest"],
    &["install", "setup", "deploy"],
    &["fast", "quick", "speed", "performance"],
    &["limit", "maximum", "most"],
    &["allow", "permit", "may"],
    &["attend", "present", "participant", "attendee"],
    &["decide", "decision", "agree"],
    &["license", "licence"],
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wants {
    Person,
    Date,
    Number,
    Money,
    Place,
    Reason,
    Anything,
}

fn wants(question: &str) -> Wants {
    let q = fold(question);
    let has = |any: &[&str]| any.iter().any(|it| q.contains(it));
    let money =
        ["price", "cost", "fee", "how expensive", "how much did", "how much does", "how much is", "kostet"];
    if has(&money) {
        Wants::Money
    } else if has(&[
        "how much",
        "how many",
        "how long",
        "how old",
        "how far",
        "how often",
        "wie viel",
        "combien",
    ]) {
        Wants::Number
    } else if has(&["when", "what date", "which day", "deadline", "wann ", "quand", "cuando"]) {
        Wants::Date
    } else if has(&["who ", "whom", "whose", "wer ", "qui ", "quien"]) {
        Wants::Person
    } else if has(&["where", "wo ", "donde"]) {
        Wants::Place
    } else if has(&["why", "warum", "pourquoi", "por que", "reason"]) {
        Wants::Reason
    } else {
        Wants::Anything
    }
}

/// At most `most` passages that answer `question`, best first; empty where nothing does.
pub(super) fn answer(doc: &Doc, facts: &Facts, question: &str, most: usize) -> Vec<Passage> {
    let asked = asked_terms(doc, question);
    if asked.is_empty() {
        return Vec::new();
    }
    let wants = wants(question);
    let total: f32 = asked.iter().map(|it| it.weight).sum();
    let average = doc.sentences.iter().map(|it| it.word_count).sum::<usize>() as f32
        / doc.sentences.len().max(1) as f32;
    // What `it` stands for is in the sentence before.
    let before = |index: usize, term: &Asked| {
        let Some(earlier) = index.checked_sub(1).map(|it| &doc.sentences[it]) else { return false };
        let same = earlier.block == doc.sentences[index].block;
        same && term.ids.iter().any(|it| it.1 == 1.0 && frequency(earlier, it.0) > 0.0)
    };
    let mut scored: Vec<(usize, f32, f32)> = Vec::new();
    for (index, sentence) in doc.sentences.iter().enumerate() {
        if doc.kind_of(sentence) == Kind::Code {
            continue;
        }
        let (mut score, mut share) = (0.0, 0.0);
        for term in &asked {
            let own = term.ids.iter().map(|(id, kin)| (frequency(sentence, *id), *kin)).find(|it| it.0 > 0.0);
            let nearby = || term.near.contains(&heading_of(doc, sentence.block));
            let (times, worth) = match own {
                Some((times, kin)) => (times, kin),
                None if nearby() => (1.0, 0.6),
                None if before(index, term) => (1.0, 0.5),
                None => continue,
            };
            let length = 1.0 - B + B * sentence.word_count as f32 / average.max(1.0);
            score += term.weight * worth * times * (K1 + 1.0) / (times + K1 * length);
            share += term.weight * worth;
        }
        if share / total >= LEAST_SHARE {
            let bonus = if fits(facts, doc, sentence, wants) { 1.6 } else { 1.0 };
            let asks = if sentence.text.ends_with('?') { 0.5 } else { 1.0 };
            scored.push((index, score * bonus * asks, (share / total).min(1.0)));
        }
    }
    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let best = scored.first().map_or(0.0, |it| it.1);
    scored.iter().filter(|it| it.1 >= best * 0.55).take(most).map(|it| passage(doc, it.0, it.2)).collect()
}

fn heading_of(doc: &Doc, block: usize) -> Option<usize> {
    doc.blocks[block].under
}

fn frequency(sentence: &super::text::Sentence, term: u32) -> f32 {
    sentence.terms.binary_search_by_key(&term, |it| it.0).map_or(0.0, |at| sentence.terms[at].1)
}

struct Asked {
    /// The term and its kin in this text, with how much each is worth.
    ids: Vec<(u32, f32)>,
    /// Headings that have the term.
    near: BTreeSet<Option<usize>>,
    weight: f32,
}

fn asked_terms(doc: &Doc, question: &str) -> Vec<Asked> {
    let mut seen = BTreeSet::new();
    let mut asked = Vec::new();
    for word in words(question) {
        let idle = !word.is_content(doc.language) || ASKING.contains(&word.folded.as_str());
        if idle || !seen.insert(word.stem.clone()) {
            continue;
        }
        let mut ids: Vec<(u32, f32)> = doc.terms.get(&word.stem).map(|it| (it, 1.0)).into_iter().collect();
        for group in KIN.iter().filter(|it| it.iter().any(|kin| stem(kin) == word.stem)) {
            ids.extend(group.iter().filter_map(|kin| doc.terms.get(&stem(kin))).map(|it| (it, 0.7)));
        }
        let near: BTreeSet<Option<usize>> = doc
            .blocks
            .iter()
            .enumerate()
            .filter(|(_, it)| matches!(it.kind, Kind::Heading(_)))
            .filter(|(_, it)| words(&it.text).iter().any(|part| part.stem == word.stem))
            .map(|it| Some(it.0))
            .collect();
        let weight = match ids.first() {
            Some((id, _)) => doc.idf(*id).max(0.3),
            None if !near.is_empty() => 1.5,
            None => (1.0 + doc.sentences.len() as f32).ln().max(1.2),
        };
        asked.push(Asked { ids, near, weight });
    }
    asked
}

/// Whether the sentence has the kind of thing that is asked for.
fn fits(facts: &Facts, doc: &Doc, sentence: &super::text::Sentence, wants: Wants) -> bool {
    let lower = || sentence.text.to_lowercase();
    let has_name =
        |kind| facts.names.iter().any(|it| it.it.kind == kind && sentence.text.contains(it.it.text.as_str()));
    match wants {
        Wants::Money => facts.amounts.iter().any(|it| sentence.text.contains(it.it.written.as_str())),
        Wants::Number => sentence.text.contains(|c: char| c.is_numeric()),
        Wants::Date => facts.dates.iter().any(|it| sentence.text.contains(it.it.written.as_str())),
        Wants::Person => has_name(NameKind::Person) || has_name(NameKind::Organization),
        Wants::Place => has_name(NameKind::Place),
        Wants::Reason => ["because", "since", "due to", "reason", "so that", "weil", "parce que"]
            .iter()
            .any(|it| lower().contains(it)),
        Wants::Anything => doc.kind_of(sentence) == Kind::Paragraph,
    }
}

/// A sentence as a passage.
pub(super) fn passage(doc: &Doc, index: usize, score: f32) -> Passage {
    let sentence = &doc.sentences[index];
    Passage {
        quote: sentence.text.clone(),
        line: sentence.line,
        last_line: sentence.last_line,
        paragraph: doc.blocks[sentence.block].paragraph,
        section: doc.path_of(sentence.block).into_iter().map(str::to_owned).collect(),
        score: (f64::from(score) * 100.0).round() / 100.0,
    }
}

impl Passage {
    /// `line 12, under “Setup › Install”`.
    pub(super) fn place(&self) -> String {
        let lines = if self.last_line > self.line {
            format!("lines {}–{}", self.line, self.last_line)
        } else {
            format!("line {}", self.line)
        };
        match self.section.is_empty() {
            true => format!("{lines}, paragraph {}", self.paragraph),
            false => format!("{lines}, under “{}”", self.section.join(" › ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Pumps\n\nA pump moves water.\n\n## Price\n\nThe small pump costs 120 euros. It weighs two \
                        kilos.\n\n## History\n\nAnna Meyer built the first one on 3 May 1998 in Berlin.\n";

    fn check(question: &str, expected: Option<(&str, usize)>) {
        let doc = Doc::read(TEXT);
        let found = answer(&doc, &Facts::of(&doc), question, 3);
        assert_eq!(found.first().map(|it| (it.quote.as_str(), it.line)), expected, "{question}: {found:?}");
    }

    #[test]
    fn the_passage_that_fits_is_quoted_with_its_place() {
        check("How much does the small pump cost?", Some(("The small pump costs 120 euros.", 7)));
        check("What is the price of a pump?", Some(("The small pump costs 120 euros.", 7)));
        check(
            "Who built the first one?",
            Some(("Anna Meyer built the first one on 3 May 1998 in Berlin.", 11)),
        );
        check(
            "When was the first pump built?",
            Some(("Anna Meyer built the first one on 3 May 1998 in Berlin.", 11)),
        );
        check("Does it support bluetooth headphones?", None);
        check("???", None);
    }
}
