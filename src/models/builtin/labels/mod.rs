//! Picks one of some labels for a text by what speaks for each: its own words, its description, hints and examples
//! given with it, a built-in lexicon of what such labels usually mean; compared by stem, phrase and spelling.

mod features;
mod lexicon;
mod scale;
mod tone;

use std::collections::{BTreeMap, HashMap};

pub(super) use features::Features;
pub(super) use scale::Scale;
pub(super) use tone::{sentiment, urgency};

use super::text::words;

/// One label that can be picked, and what is known of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Label {
    pub(super) name: String,
    /// What the schema, the instructions or the input say about it.
    pub(super) description: String,
    /// Words and phrases that speak for it.
    pub(super) hints: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    /// Index of the label.
    pub(super) label: usize,
    /// 0 to 1: how far ahead of the others it is. 0 where nothing in the text spoke for any.
    pub(super) confidence: f64,
    /// What spoke for it, strongest first, in the text's own words.
    pub(super) because: Vec<String>,
    /// By label, not scaled.
    pub(super) scores: Vec<f32>,
}

const FALLBACKS: &[&str] = &[
    "other",
    "others",
    "general",
    "none",
    "unknown",
    "misc",
    "miscellaneous",
    "uncategorized",
    "unclear",
    "undefined",
    "sonstige",
    "sonstiges",
    "andere",
    "autre",
    "otro",
    "general inquiry",
    "general question",
    "n/a",
    "not applicable",
];

/// Below this a fallback label wins, where there is one.
const LEAST: f32 = 0.9;

/// The label that fits best. `purpose` is what is asked (property name, description): it tells a scale of urgency
/// from one of mood. `labels` is not empty.
pub(super) fn pick(features: &Features, labels: &[Label], purpose: &str) -> Verdict {
    if let Some(scale) = Scale::of(labels, purpose) {
        return scale.pick(features, labels);
    }
    let evidence: Vec<BTreeMap<String, f32>> = labels.iter().map(evidence).collect();
    let mut holders: HashMap<&str, usize> = HashMap::new();
    for terms in &evidence {
        for term in terms.keys() {
            *holders.entry(term.as_str()).or_default() += 1;
        }
    }
    let mut scores = vec![0.0_f32; labels.len()];
    let mut because: Vec<Vec<(f32, String)>> = vec![Vec::new(); labels.len()];
    let similar = features.similar(evidence.iter().flat_map(BTreeMap::keys));
    for (at, terms) in evidence.iter().enumerate() {
        for (term, weight) in terms {
            let (strength, shown) = match features.weight(term) {
                Some(found) => found,
                None => match similar.get(term.as_str()) {
                    Some(found) => found.clone(),
                    None => continue,
                },
            };
            let rare = rarity(labels.len(), holders.get(term.as_str()).copied().unwrap_or(1));
            let value = weight * strength * rare;
            scores[at] += value;
            because[at].push((value, shown));
        }
    }
    let fallback = labels.iter().position(|it| is_fallback(&it.name));
    let best = (0..labels.len())
        .filter(|it| Some(*it) != fallback)
        .max_by(|a, b| scores[*a].total_cmp(&scores[*b]).then(b.cmp(a)))
        .unwrap_or(0);
    if scores[best] < LEAST
        && let Some(label) = fallback
    {
        let confidence = if scores[best] <= 0.0 { 0.0 } else { 0.3 };
        return Verdict { label, confidence, because: Vec::new(), scores };
    }
    let total: f32 = scores.iter().sum();
    let share = if total > 0.0 { scores[best] / total } else { 0.0 };
    let enough = scores[best] / (scores[best] + 1.5);
    let confidence = f64::from((share * (0.4 + 0.6 * enough)).clamp(0.0, 0.99));
    Verdict { label: best, confidence, because: strongest(&mut because[best]), scores }
}

pub(super) fn is_fallback(name: &str) -> bool {
    let plain = name.to_lowercase().replace(['_', '-'], " ");
    FALLBACKS.contains(&plain.trim())
}

/// How strongly the text speaks for one thing, by its words and the lexicon alone. 1 is a clear mention.
pub(super) fn affinity(features: &Features, label: &Label) -> (f32, Vec<String>) {
    let mut because = Vec::new();
    let mut sum = 0.0;
    for (term, weight) in evidence(label) {
        if let Some((strength, shown)) = features.weight(&term) {
            sum += weight * strength;
            because.push((weight * strength, shown));
        }
    }
    (sum, strongest(&mut because))
}

fn strongest(because: &mut [(f32, String)]) -> Vec<String> {
    because.sort_by(|a, b| {
        b.0.total_cmp(&a.0).then_with(|| b.1.len().cmp(&a.1.len())).then_with(|| a.1.cmp(&b.1))
    });
    let mut kept: Vec<String> = Vec::new();
    for (_, shown) in because.iter() {
        let lower = shown.to_lowercase();
        if kept.len() < 4 && !kept.iter().any(|it| it.to_lowercase().contains(&lower)) {
            kept.push(shown.clone());
        }
    }
    kept
}

/// A term that speaks for every label tells nothing.
fn rarity(labels: usize, holders: usize) -> f32 {
    if holders >= labels && labels > 1 {
        return 0.05;
    }
    1.0 / (holders as f32).powf(1.2)
}

/// Stems and phrases (stems joined by blanks) with weights.
fn evidence(label: &Label) -> BTreeMap<String, f32> {
    let mut terms: BTreeMap<String, f32> = BTreeMap::new();
    let mut put = |term: String, weight: f32| {
        let it = terms.entry(term).or_default();
        *it = it.max(weight);
    };
    let name = split_name(&label.name);
    for word in words(&name).into_iter().filter(|it| it.is_content(super::text::Language::En)) {
        for (term, weight) in lexicon::terms(&word.stem) {
            put(term.clone(), *weight);
        }
        put(word.stem, 1.6);
    }
    let phrase = features::phrase(&name);
    if phrase.contains(' ') {
        for (term, weight) in lexicon::terms(&phrase) {
            put(term.clone(), *weight);
        }
        put(phrase, 3.0);
    }
    for word in words(&label.description).into_iter().filter(|it| it.is_content(super::text::Language::En)) {
        if !features::SAYS_LITTLE.contains(&word.folded.as_str()) {
            put(word.stem, 1.0);
        }
    }
    for hint in &label.hints {
        let phrase = features::phrase(hint);
        if !phrase.is_empty() && phrase.split(' ').count() <= 4 {
            let weight = if phrase.contains(' ') { 3.0 } else { 2.2 };
            put(phrase, weight);
        } else {
            for word in words(hint).into_iter().filter(|it| it.is_content(super::text::Language::En)) {
                put(word.stem, 0.9);
            }
        }
    }
    terms
}

/// `featureRequest`, `feature_request` → `feature Request`, `feature request`.
pub(super) fn split_name(name: &str) -> String {
    let mut split = String::with_capacity(name.len() + 4);
    let mut before = ' ';
    for c in name.chars() {
        if c.is_uppercase() && before.is_lowercase() {
            split.push(' ');
        }
        split.push(if matches!(c, '_' | '-' | '/' | '.') { ' ' } else { c });
        before = c;
    }
    split
}

#[cfg(test)]
mod tests {
    use super::super::text::Doc;
    use super::*;

    fn check(text: &str, labels: &[&str], expected: &str) {
        let labels: Vec<Label> =
            labels.iter().map(|it| Label { name: (*it).to_owned(), ..Label::default() }).collect();
        let verdict = pick(&Features::of(&Doc::read(text)), &labels, "category");
        assert_eq!(labels[verdict.label].name, expected, "{text:?}: {verdict:?}");
    }

    const DESK: &[&str] =
        &["billing", "technical_issue", "account_access", "shipping", "feature_request", "other"];

    #[test]
    fn the_kind_of_a_ticket() {
        check("I was charged twice for invoice 4711, please refund one of them.", DESK, "billing");
        check("The app crashes with error 500 whenever I upload a file.", DESK, "technical_issue");
        check("I can't log in, the password reset mail never arrives.", DESK, "account_access");
        check("My parcel has been stuck at customs for a week, where is it?", DESK, "shipping");
        check("It would be great if you could add a dark mode.", DESK, "feature_request");
        check("Lovely weather today.", DESK, "other");
        check("Ich habe die Rechnung doppelt bezahlt.", DESK, "billing");
        check("The aplication chrashes and shows an eror", DESK, "technical_issue");
    }

    #[test]
    fn other_fields_of_life() {
        check(
            "The striker scored twice and the team won the match.",
            &["politics", "sports", "business"],
            "sports",
        );
        check(
            "Parliament passed the bill after the election.",
            &["politics", "sports", "business"],
            "politics",
        );
        check(
            "Shares fell as the company reported lower quarterly profit.",
            &["politics", "sports", "business"],
            "business",
        );
        check("Buy cheap pills now! Click here to claim your free prize!!!", &["spam", "ham"], "spam");
        check(
            "The service was terrible and I am very disappointed.",
            &["positive", "neutral", "negative"],
            "negative",
        );
        check("Not bad at all, I love it!", &["positive", "neutral", "negative"], "positive");
        check("The meeting is on Tuesday.", &["positive", "neutral", "negative"], "neutral");
        check("URGENT: production is down for all customers", &["low", "normal", "high", "urgent"], "urgent");
        check("Small typo on the about page, no rush.", &["low", "normal", "high", "urgent"], "low");
    }

    #[test]
    fn descriptions_and_hints_count() {
        let labels = [
            Label {
                name: "A".into(),
                description: "Letters about fish and boats".into(),
                ..Label::default()
            },
            Label { name: "B".into(), hints: vec!["brass band".into()], ..Label::default() },
        ];
        let features = Features::of(&Doc::read("Our brass band plays on Sunday."));
        assert_eq!(pick(&features, &labels, "").label, 1);
        let features = Features::of(&Doc::read("The boat smells of fish."));
        let verdict = pick(&features, &labels, "");
        assert_eq!((verdict.label, verdict.because), (0, vec!["boat".to_owned(), "fish".to_owned()]));
    }
}
