//! A digest: what a text is called, what it says in short, its key points, the facts in it, its size.

use std::collections::BTreeSet;

use super::find::{Facts, NameKind};
use super::quote::{self, Passage};
use super::rank::{Ranked, rank};
use super::task::{Length, Measure};
use super::text::{Doc, Kind, clip};

const WORDS_PER_MINUTE: usize = 220;
/// A text says early what it is about.
const EARLY: f32 = 0.6;
/// Facts shown of each kind.
const MAX_SHOWN: usize = 8;

/// A text with everything a digest is made of.
pub(super) struct Reading {
    pub(super) doc: Doc,
    pub(super) facts: Facts,
    pub(super) ranked: Ranked,
    /// A title that came beside the text.
    pub(super) given_title: Option<String>,
}

impl Reading {
    pub(super) fn of(text: impl Into<String>, given_title: Option<String>) -> Self {
        let doc = Doc::read(text);
        let facts = Facts::of(&doc);
        let ranked = rank(&doc);
        Self { doc, facts, ranked, given_title }
    }

    pub(super) fn title(&self) -> String {
        if let Some(title) = self.given_title.as_deref().or_else(|| self.doc.title()) {
            return clip(title, 120);
        }
        let best = self.ranked.choose(&self.doc, 1, &[], EARLY);
        let sentence = best.first().or(if self.doc.sentences.is_empty() { None } else { Some(&0) });
        let text = sentence.map(|it| self.doc.sentences[*it].text.as_str()).unwrap_or_default();
        clip(text.trim_end_matches(['.', '。']), 80)
    }

    /// Sentences that sum the text up, in its order.
    pub(super) fn summary(&self, sentences: usize) -> Vec<usize> {
        let early = if self.doc.sentences.len() <= 8 { 3.0 * EARLY } else { EARLY };
        let chosen = self.ranked.choose(&self.doc, sentences, &[], early);
        if chosen.is_empty() && !self.doc.sentences.is_empty() {
            return vec![0];
        }
        chosen
    }

    /// As many sentences as a text of this length deserves.
    pub(super) fn fitting(&self) -> usize {
        match self.doc.word_count {
            0..=35 => 1,
            36..=250 => 2,
            _ => 3,
        }
    }

    pub(super) fn summary_text(&self, sentences: usize) -> String {
        self.join(&self.summary(sentences))
    }

    pub(super) fn join(&self, sentences: &[usize]) -> String {
        let mut text = String::new();
        for index in sentences {
            let sentence = clip(&self.doc.sentences[*index].text, 420);
            if !text.is_empty() && !text.ends_with(['。', '！', '？']) {
                text.push(' ');
            }
            text.push_str(&sentence);
            let whole = sentence.ends_with(['.', '!', '?', '…', '。', '！', '？', '।', ':', '"', '”', ')']);
            if !whole {
                text.push('.');
            }
        }
        text
    }

    /// What is worth knowing beyond the summary.
    pub(super) fn key_points(&self, count: usize, not: &[usize]) -> Vec<Passage> {
        let chosen = self.ranked.choose(&self.doc, count, not, 0.0);
        chosen.into_iter().map(|it| quote::passage(&self.doc, it, 1.0)).collect()
    }

    /// What it is about; people are named elsewhere.
    pub(super) fn keywords(&self, count: usize) -> Vec<String> {
        let people = self.names(NameKind::Person);
        let mut found = super::keywords::keywords(&self.doc, count + people.len().min(20));
        found.retain(|it| !people.contains(it));
        found.truncate(count);
        found
    }

    pub(super) fn sentence_count(&self) -> usize {
        self.doc.sentences.len()
    }

    /// At least one minute for a text that has words.
    pub(super) fn reading_minutes(&self) -> usize {
        self.doc.word_count.div_ceil(WORDS_PER_MINUTE)
    }

    pub(super) fn names(&self, kind: NameKind) -> Vec<String> {
        distinct(self.facts.names.iter().filter(|it| it.it.kind == kind).map(|it| it.it.text.clone()))
    }

    pub(super) fn dates(&self) -> Vec<String> {
        let mut dates: Vec<_> = self.facts.dates.iter().map(|it| &it.it).collect();
        dates.sort_by_key(|it| (it.parts.0 == 0, it.parts));
        distinct(dates.into_iter().map(|it| it.iso.clone().unwrap_or_else(|| it.written.clone())))
    }

    pub(super) fn amounts(&self) -> Vec<String> {
        distinct(self.facts.amounts.iter().map(|it| it.it.written.clone()))
    }

    pub(super) fn headings(&self) -> Vec<String> {
        let headings = self.doc.blocks.iter().filter(|it| matches!(it.kind, Kind::Heading(_)));
        distinct(headings.map(|it| it.text.clone()))
    }

    /// The digest as Markdown; `length` is what the instructions asked for.
    pub(super) fn markdown(&self, length: Option<Length>) -> String {
        if self.doc.word_count == 0 {
            return "There is no text to summarize.".to_owned();
        }
        match length {
            Some(Length { count, of: Measure::Sentences }) => self.summary_text(count),
            Some(Length { count, of: Measure::Points }) => {
                let points = self.key_points(count, &[]);
                points.iter().map(|it| format!("- {}\n", clip(&it.quote, 420))).collect()
            }
            Some(Length { count, of: Measure::Words }) => self.within_words(count),
            None => self.whole_markdown(),
        }
    }

    fn within_words(&self, most: usize) -> String {
        let mut best = self.summary_text(1);
        for sentences in 2..=12 {
            let longer = self.summary_text(sentences);
            if longer.split_whitespace().count() > most {
                break;
            }
            best = longer;
        }
        let words: Vec<&str> = best.split_whitespace().collect();
        if words.len() > most { format!("{}…", words[..most].join(" ")) } else { best }
    }

    fn whole_markdown(&self) -> String {
        let summary = self.summary(self.fitting());
        let title = self.title();
        let mut out = format!("# {title}\n\n{}\n", self.join(&summary));
        let points = match self.doc.sentences.len() {
            0..=5 => Vec::new(),
            6..=15 => self.key_points(3, &summary),
            16..=60 => self.key_points(5, &summary),
            _ => self.key_points(7, &summary),
        };
        if !points.is_empty() {
            out.push_str("\n## Key points\n\n");
            for point in &points {
                out.push_str(&format!("- {} ({})\n", clip(&point.quote, 300), place(point, &title)));
            }
        }
        out.push('\n');
        let mut fact = |name: &str, values: Vec<String>| {
            if !values.is_empty() {
                let more = values.len().saturating_sub(MAX_SHOWN);
                let shown = values.into_iter().take(MAX_SHOWN).collect::<Vec<_>>().join(" · ");
                let more = if more > 0 { format!(" · and {more} more") } else { String::new() };
                out.push_str(&format!("**{name}:** {shown}{more}  \n"));
            }
        };
        fact("Keywords", self.keywords(MAX_SHOWN));
        fact("People", self.names(NameKind::Person));
        fact("Organizations", self.names(NameKind::Organization));
        fact("Places", self.names(NameKind::Place));
        fact("Dates", self.dates());
        fact("Amounts", self.amounts());
        fact("Identifiers", distinct(self.facts.identifiers.iter().map(|it| it.it.value.clone())));
        fact("E-mail", distinct(self.facts.emails.iter().map(|it| it.it.clone())));
        let language = self.doc.language.name().map(|it| format!(" · {it}")).unwrap_or_default();
        out.push_str(&format!(
            "\n{} words · {} sentences · {} min to read{language}\n",
            self.doc.word_count,
            self.sentence_count(),
            self.reading_minutes()
        ));
        out
    }
}

/// The section is told where it is not the whole text.
fn place(point: &Passage, title: &str) -> String {
    match point.section.last().filter(|it| *it != title) {
        Some(section) => format!("line {}, {}", point.line, clip(section, 40)),
        None => format!("line {}", point.line),
    }
}

/// In order, each once.
pub(super) fn distinct(values: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    values.filter(|it| !it.is_empty() && seen.insert(it.to_lowercase())).collect()
}
