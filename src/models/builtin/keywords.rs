//! Key phrases: runs of one to three content words that come back, longer ones before the words inside them.

use std::collections::{HashMap, HashSet};

use super::text::{Doc, Kind, is_ideograph, words};

const MAX_PHRASE_WORDS: usize = 3;
/// Distinct phrases counted; a text that has more has told its subject by then.
const MAX_CANDIDATES: usize = 60_000;

struct Candidate {
    times: f32,
    words: usize,
    first: usize,
    capitals: usize,
    shapes: HashMap<String, usize>,
}

/// The best `count` phrases, as the text writes them, best first.
pub(super) fn keywords(doc: &Doc, count: usize) -> Vec<String> {
    let mut found: HashMap<String, Candidate> = HashMap::new();
    for (at, block) in doc.blocks.iter().enumerate() {
        let weight = match block.kind {
            Kind::Heading(_) => 2.0,
            Kind::Code => continue,
            Kind::Row => 0.5,
            Kind::Field => 0.7,
            _ => 1.0,
        };
        collect(doc, &block.text, weight, at, &mut found);
    }
    let mut best: Vec<(f32, String, String)> = found
        .into_iter()
        .filter(|(_, it)| it.times >= 2.0 || it.words > 1 || it.capitals > 0 || doc.sentences.len() < 8)
        .map(|(key, it)| {
            let early = 1.0 + 0.5 / (1.0 + it.first as f32 / 4.0);
            let name = if it.capitals as f32 >= it.times * 0.6 { 1.25 } else { 1.0 };
            let length = [1.0, 1.0, 2.4, 2.7][it.words.min(3)];
            let often = if it.words > 1 && it.times < 2.0 { 0.45 } else { 1.0 };
            let shape = it.shapes.into_iter().max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(&a.0)));
            (
                (1.0 + it.times).ln() * length * early * name * often,
                key,
                shape.map(|it| it.0).unwrap_or_default(),
            )
        })
        .collect();
    best.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    without_overlap(best, count)
}

fn without_overlap(best: Vec<(f32, String, String)>, count: usize) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (_, key, shape) in best {
        if kept.len() == count {
            break;
        }
        let parts: HashSet<&str> = key.split(' ').collect();
        let known = parts.iter().filter(|it| seen.contains_key(**it)).count();
        let worn = parts.iter().any(|it| seen.get(*it).is_some_and(|times| *times >= 2));
        if known == parts.len() || worn || shape.is_empty() {
            continue;
        }
        for part in parts {
            *seen.entry(part.to_owned()).or_default() += 1;
        }
        kept.push(shape);
    }
    kept
}

fn collect(doc: &Doc, text: &str, weight: f32, block: usize, found: &mut HashMap<String, Candidate>) {
    let all = words(text);
    for start in 0..all.len() {
        if text[..all[start].start].ends_with(['_', '/', '@', '\\', '.'])
            || text[all[start].end..].starts_with(['_', '@', '/'])
        {
            continue;
        }
        let mut key = String::new();
        for end in start..all.len().min(start + MAX_PHRASE_WORDS) {
            let word = &all[end];
            if !word.is_content(doc.language) || is_number(&word.folded) {
                break;
            }
            let first = word.folded.chars().next().unwrap_or(' ');
            if end > start {
                let gap = &text[all[end - 1].end..word.start.max(all[end - 1].end)];
                if !matches!(gap, " " | "-") || is_ideograph(first) {
                    break;
                }
                key.push(' ');
            } else if word.folded.len() < 3 || (is_ideograph(first) && word.folded.chars().count() < 2) {
                break;
            }
            key.push_str(&word.stem);
            if found.len() >= MAX_CANDIDATES && !found.contains_key(&key) {
                continue;
            }
            let surface = &text[all[start].start..word.end];
            let inside = start > 0 && !text[..all[start].start].trim_end().ends_with(['.', '!', '?', ':']);
            let capital = inside && surface.chars().next().is_some_and(char::is_uppercase);
            let shown =
                if capital || is_acronym(surface) { surface.to_owned() } else { lower_first(surface) };
            let it = found.entry(key.clone()).or_insert_with(|| Candidate {
                times: 0.0,
                words: end - start + 1,
                first: block,
                capitals: 0,
                shapes: HashMap::new(),
            });
            it.times += weight;
            it.capitals += usize::from(capital);
            if it.shapes.len() < 8 || it.shapes.contains_key(&shown) {
                *it.shapes.entry(shown).or_default() += 1;
            }
        }
    }
}

fn is_number(word: &str) -> bool {
    word.chars().all(|c| c.is_numeric())
}

fn is_acronym(text: &str) -> bool {
    text.chars().filter(|c| c.is_uppercase()).count() > 1
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_that_come_back_lead() {
        let doc = Doc::read(
            "The heat pump warms the house. A heat pump needs little current. Old radiators are fine with a heat pump, \
             says Anna. Radiators stay.",
        );
        let found = keywords(&doc, 3);
        assert_eq!(found[0], "heat pump");
        assert!(found.iter().any(|it| it.to_lowercase().contains("radiators")), "{found:?}");
    }
}
