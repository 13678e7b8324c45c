//! Which sentences say most: a random walk over the graph of similar sentences (as TextRank does), closeness to the
//! text as a whole, place, and shape; then a choice that does not say the same thing twice.

use super::text::{Doc, Kind, Sentence, words};

/// Sentences in the graph; more are narrowed down by closeness first, so that time stays linear.
const MAX_GRAPH: usize = 300;
const WALKS: usize = 24;
const DAMPING: f32 = 0.85;

/// A sentence's weights scaled to length one, by ascending term.
type Vector = Vec<(u32, f32)>;

/// Scores of all sentences of `doc` that could stand in a summary; `(sentence, score)`, best first.
pub(super) struct Ranked {
    pub(super) scores: Vec<(usize, f32)>,
    vectors: Vec<Vector>,
}

pub(super) fn rank(doc: &Doc) -> Ranked {
    let vectors: Vec<Vector> = doc.sentences.iter().map(|it| vector(doc, it)).collect();
    let centroid = centroid(doc, &vectors);
    let title: Vec<u32> = doc.title().map(|it| term_ids(doc, it)).unwrap_or_default();
    let mut scored: Vec<(usize, f32)> = (0..doc.sentences.len())
        .filter(|it| shape(doc, *it) > 0.0)
        .map(|it| (it, central(&vectors[it], &centroid) + 0.4 * place(doc, it)))
        .collect();
    sort(&mut scored);
    scored.truncate(MAX_GRAPH);
    let walk = walk(&scored.iter().map(|it| &vectors[it.0]).collect::<Vec<_>>());
    let top = |values: &[f32]| values.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let closeness: Vec<f32> = scored.iter().map(|it| central(&vectors[it.0], &centroid)).collect();
    let (most_walked, closest) = (top(&walk), top(&closeness));
    let mut scores: Vec<(usize, f32)> = scored
        .iter()
        .enumerate()
        .map(|(at, (sentence, _))| {
            let named = doc.sentences[*sentence].terms.iter().filter(|it| title.contains(&it.0)).count();
            let title = if title.is_empty() { 0.0 } else { named as f32 / title.len() as f32 };
            let sense =
                0.34 * walk[at] / most_walked + 0.30 * closeness[at] / closest + 0.10 * title.min(1.0);
            (*sentence, (sense + 0.36 * place(doc, *sentence)) * shape(doc, *sentence))
        })
        .collect();
    sort(&mut scores);
    Ranked { scores, vectors }
}

impl Ranked {
    /// The best `count` sentences that do not repeat each other nor those in `not`, spread over the sections, in the
    /// text's order. `early` is how much the beginning of the text is preferred: 0 not at all.
    pub(super) fn choose(&self, doc: &Doc, count: usize, not: &[usize], early: f32) -> Vec<usize> {
        let mut chosen: Vec<usize> = Vec::new();
        let mut sections: Vec<Option<usize>> = Vec::new();
        let depth = |it: usize| it as f32 / doc.sentences.len().max(1) as f32;
        let left = self.scores.iter().filter(|it| !not.contains(&it.0));
        let mut left: Vec<(usize, f32)> =
            left.map(|it| (it.0, it.1 * (1.0 + early * (1.0 - depth(it.0))))).collect();
        while chosen.len() < count && !left.is_empty() {
            let mut best: Option<(usize, f32)> = None;
            for (at, (sentence, score)) in left.iter().enumerate() {
                let alike = chosen
                    .iter()
                    .chain(not)
                    .map(|it| close(&self.vectors[*sentence], &self.vectors[*it]))
                    .fold(0.0, f32::max);
                let section = doc.blocks[doc.sentences[*sentence].block].under;
                let crowd = sections.iter().filter(|it| **it == section).count() as f32;
                let value = score * 0.87_f32.powf(crowd) - 0.45 * alike * score;
                if alike < 0.72 && best.is_none_or(|it| value > it.1) {
                    best = Some((at, value));
                }
            }
            let Some((at, _)) = best else { break };
            let (sentence, _) = left.remove(at);
            sections.push(doc.blocks[doc.sentences[sentence].block].under);
            chosen.push(sentence);
        }
        chosen.sort_unstable();
        chosen
    }
}

fn term_ids(doc: &Doc, text: &str) -> Vec<u32> {
    let words = words(text);
    words.iter().filter(|it| it.is_content(doc.language)).filter_map(|it| doc.terms.get(&it.stem)).collect()
}

fn sort(scores: &mut [(usize, f32)]) {
    scores.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
}

fn vector(doc: &Doc, sentence: &Sentence) -> Vector {
    let mut vector: Vector =
        sentence.terms.iter().map(|(term, times)| (*term, (1.0 + times.ln()) * doc.idf(*term))).collect();
    let length = vector.iter().map(|it| it.1 * it.1).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|it| it.1 /= length);
    }
    vector
}

/// The text as a whole: a weight per term, scaled to length one.
fn centroid(doc: &Doc, vectors: &[Vector]) -> Vec<f32> {
    let mut sums = vec![0.0_f32; doc.terms.sentences_with.len()];
    for (vector, sentence) in vectors.iter().zip(&doc.sentences) {
        let weight = if doc.kind_of(sentence) == Kind::Row { 0.3 } else { 1.0 };
        for (term, value) in vector {
            sums[*term as usize] += value * weight;
        }
    }
    let length = sums.iter().map(|it| it * it).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    sums.iter().map(|value| value / length).collect()
}

/// Cosine of a sentence and the text as a whole.
fn central(vector: &Vector, centroid: &[f32]) -> f32 {
    vector.iter().map(|(term, value)| value * centroid[*term as usize]).sum()
}

/// Cosine of two sentences.
fn close(a: &Vector, b: &Vector) -> f32 {
    let (mut i, mut j, mut sum) = (0, 0, 0.0);
    while i < a.len() && j < b.len() {
        match a[i].0.cmp(&b[j].0) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                sum += a[i].1 * b[j].1;
                i += 1;
                j += 1;
            }
        }
    }
    sum
}

fn walk(vectors: &[&Vector]) -> Vec<f32> {
    let count = vectors.len();
    let mut edges: Vec<Vec<(usize, f32)>> = vec![Vec::new(); count];
    for a in 0..count {
        for b in a + 1..count {
            let alike = close(vectors[a], vectors[b]);
            if alike > 0.08 {
                edges[a].push((b, alike));
                edges[b].push((a, alike));
            }
        }
    }
    let out: Vec<f32> = edges.iter().map(|it| it.iter().map(|edge| edge.1).sum::<f32>()).collect();
    let mut rank = vec![1.0_f32; count];
    for _ in 0..WALKS {
        rank = (0..count)
            .map(|it| {
                let from: f32 =
                    edges[it].iter().map(|(other, weight)| rank[*other] * weight / out[*other]).sum();
                1.0 - DAMPING + DAMPING * from
            })
            .collect();
    }
    rank
}

/// Between 0 and 1: first sentences open a text, a section, a paragraph for a reason.
fn place(doc: &Doc, index: usize) -> f32 {
    let block = doc.sentences[index].block;
    let first_in_block = index == 0 || doc.sentences[index - 1].block != block;
    let opens_section = block == 0 || matches!(doc.blocks[block - 1].kind, Kind::Heading(_) | Kind::Field);
    let depth = index as f32 / doc.sentences.len().max(1) as f32;
    let early = match index {
        0 => 0.55,
        1 | 2 => 0.35,
        _ => 0.2 * (1.0 - depth),
    };
    let opening = match (first_in_block, opens_section) {
        (true, true) => 0.45,
        (true, false) => 0.2,
        _ => 0.0,
    };
    let last = if index + 1 == doc.sentences.len() && index > 4 { 0.3 } else { 0.0 };
    early + opening + last
}

/// `X is a …`, where X is in the title: what a newcomer wants to know first.
fn defines(doc: &Doc, lower: &str) -> bool {
    let Some(verb) =
        [" is a ", " is an ", " is the ", " are ", " lets you ", " helps ", " ist ein", " est un", " es un"]
            .iter()
            .filter_map(|it| lower.find(it))
            .min()
    else {
        return false;
    };
    let subject = &lower[..verb];
    subject.split_whitespace().count() <= 5
        && doc.title().is_some_and(|title| {
            words(title).iter().any(|it| it.is_content(doc.language) && subject.contains(&it.folded))
        })
}

const DANGLING: &[&str] = &[
    "this ",
    "that ",
    "these ",
    "those ",
    "it ",
    "its ",
    "they ",
    "their ",
    "he ",
    "she ",
    "however",
    "but ",
    "and ",
    "so ",
    "then ",
    "also",
    "therefore",
    "thus",
    "such ",
    "here ",
    "for example",
    "for instance",
    "e.g",
    "instead",
    "otherwise",
    "meanwhile",
    "neither ",
    "none ",
    "another ",
    "again",
    "still ",
    "he ",
    "one of them",
    "see ",
    "note:",
    "below",
    "above",
    "both ",
    "either ",
    "hence",
    "yet ",
    "or ",
];
const DECIDING: &[&str] =
    &["agreed", "decided", "approved", "in short", "in summary", "to conclude", "main lesson", "beschlossen"];
const TELLING: &[&str] = &[
    "in summary",
    "in short",
    "to conclude",
    "in conclusion",
    "we decided",
    "was decided",
    "agreed",
    "results show",
    "we found",
    "important",
    "must ",
    "key ",
    "goal",
    "because",
    "as a result",
    "recommend",
    "require",
    "conclusion",
    "main ",
    "purpose",
    "would be great",
    "please",
    "could you",
    "cannot",
    "can't",
    "fails",
    "charged",
    "stuck",
    "deadline",
    "zusammenfass",
    "wichtig",
    "beschlossen",
    "en resume",
    "en resumen",
];

/// How well a sentence could stand alone: 0 not at all, 1 ordinary, a little over for those that sum up.
fn shape(doc: &Doc, index: usize) -> f32 {
    let sentence = &doc.sentences[index];
    let text = sentence.text.as_str();
    let kind = match doc.kind_of(sentence) {
        Kind::Paragraph => 1.0,
        Kind::Item => 0.82,
        Kind::Quote => 0.8,
        Kind::Row | Kind::Field => 0.12,
        Kind::Heading(_) | Kind::Code => return 0.0,
    };
    if sentence.terms.len() < 2 {
        return 0.0;
    }
    let length = match sentence.word_count {
        0..=3 => 0.15,
        4..=5 => 0.5,
        6..=8 => 0.8,
        9..=32 => 1.0,
        33..=45 => 0.75,
        46..=80 => 0.4,
        _ => 0.2,
    };
    let lower = text.to_lowercase();
    let contact = if text.contains('@') || lower.contains("my name is") { 0.3 } else { 1.0 };
    let dangling = if lower.starts_with("it would") {
        1.0
    } else if DANGLING.iter().any(|it| lower.starts_with(it)) {
        0.72
    } else {
        1.0
    };
    let end = match text.chars().next_back() {
        Some(':') => 0.3,
        Some('?' | '？' | '؟') => 0.55,
        Some('.' | '!' | '。' | '！' | '।' | '"' | '”' | ')') => 1.0,
        _ => 0.8,
    };
    let label = text.find(": ").is_some_and(|it| it < 24 && text[..it].split(' ').count() <= 2);
    let labelled = if label { 0.45 } else { 1.0 };
    let telling = if DECIDING.iter().any(|it| lower.contains(it)) {
        1.5
    } else if TELLING.iter().any(|it| lower.contains(it)) {
        1.12
    } else {
        1.0
    };
    let chars = text.chars().count().max(1);
    let signs = text.chars().filter(|c| !c.is_alphanumeric() && !c.is_whitespace()).count();
    let commas = text.matches([',', ';', '/', '·', '(', '|']).count();
    let table = if text.contains(['·', '=', '→', '|']) { 0.6 } else { 1.0 };
    let listing = table
        * if commas > 12 {
            0.35
        } else if commas > 7 {
            0.6
        } else {
            1.0
        };
    let noisy = listing
        * if signs * 7 > chars {
            0.5
        } else if signs * 11 > chars {
            0.8
        } else {
            1.0
        };
    let small = if text.starts_with(char::is_lowercase) { 0.5 } else { 1.0 };
    let telling = telling * small * if defines(doc, &lower) { 1.2 } else { 1.0 };
    contact * labelled * kind * length * dangling * end * telling * noisy
}
