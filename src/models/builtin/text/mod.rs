//! Understanding the shape of a text: blocks (headings, paragraphs, items, rows, code), sentences, words.

mod blocks;
mod language;
mod sentences;
mod stem;
mod words;

use std::collections::HashMap;

pub(super) use blocks::{Block, Kind};
pub(super) use language::{Language, is_ideograph};
pub(super) use stem::stem;
pub(super) use words::{fold, words};

/// Sentences looked at; what comes after is counted but not ranked. 1 MiB of prose has about ten thousand.
const MAX_SENTENCES: usize = 20_000;

/// A text that has been read once, so that every task can look at it.
pub(super) struct Doc {
    pub(super) source: String,
    pub(super) blocks: Vec<Block>,
    pub(super) sentences: Vec<Sentence>,
    pub(super) language: Language,
    pub(super) word_count: usize,
    pub(super) terms: Terms,
}

pub(super) struct Sentence {
    pub(super) text: String,
    /// Index into `Doc::blocks`.
    pub(super) block: usize,
    /// Its first line in the source, from 1.
    pub(super) line: usize,
    pub(super) last_line: usize,
    pub(super) word_count: usize,
    /// Content terms and how often, by ascending id.
    pub(super) terms: Vec<(u32, f32)>,
}

/// Stemmed content words, numbered in order of appearance.
#[derive(Default)]
pub(super) struct Terms {
    ids: HashMap<String, u32>,
    /// In how many sentences each term is.
    pub(super) sentences_with: Vec<u32>,
}

impl Terms {
    pub(super) fn get(&self, term: &str) -> Option<u32> {
        self.ids.get(term).copied()
    }

    fn id(&mut self, term: String) -> u32 {
        let next = self.ids.len() as u32;
        let id = *self.ids.entry(term).or_insert(next);
        if id == next {
            self.sentences_with.push(0);
        }
        id
    }
}

impl Doc {
    pub(super) fn read(source: impl Into<String>) -> Self {
        let source = source.into();
        let blocks = blocks::split(&source);
        let language = Language::of(&source);
        let mut doc =
            Self { source, blocks, sentences: Vec::new(), language, word_count: 0, terms: Terms::default() };
        doc.read_sentences();
        doc
    }

    fn read_sentences(&mut self) {
        for (index, block) in self.blocks.iter().enumerate() {
            if block.kind == Kind::Code {
                continue;
            }
            for range in sentences::split(&block.text) {
                let text = &block.text[range.clone()];
                let all = words(text);
                self.word_count += all.len();
                if matches!(block.kind, Kind::Heading(_)) || self.sentences.len() >= MAX_SENTENCES {
                    continue;
                }
                let mut ids: Vec<u32> = all
                    .iter()
                    .filter(|it| it.is_content(self.language))
                    .map(|it| self.terms.id(it.stem.clone()))
                    .collect();
                ids.sort_unstable();
                let terms: Vec<(u32, f32)> =
                    ids.chunk_by(|a, b| a == b).map(|it| (it[0], it.len() as f32)).collect();
                for (id, _) in &terms {
                    self.terms.sentences_with[*id as usize] += 1;
                }
                self.sentences.push(Sentence {
                    text: text.to_owned(),
                    block: index,
                    line: block.line_at(range.start),
                    last_line: block.line_at(range.end.saturating_sub(1)),
                    word_count: all.len(),
                    terms,
                });
            }
        }
    }

    /// Rarity of a term among the sentences, at least 0.
    pub(super) fn idf(&self, term: u32) -> f32 {
        let with = self.terms.sentences_with.get(term as usize).copied().unwrap_or(0) as f32;
        (1.0 + (self.sentences.len() as f32 + 0.5) / (with + 0.5)).ln()
    }

    pub(super) fn kind_of(&self, sentence: &Sentence) -> Kind {
        self.blocks[sentence.block].kind
    }

    /// The headings above a block, outermost first.
    pub(super) fn path_of(&self, block: usize) -> Vec<&str> {
        let mut path = Vec::new();
        let mut above = self.blocks.get(block).and_then(|it| it.under);
        while let Some(index) = above {
            path.push(self.blocks[index].text.as_str());
            above = self.blocks[index].under;
        }
        path.reverse();
        path
    }

    /// What the text calls itself: its subject line, its first heading, else nothing.
    pub(super) fn title(&self) -> Option<&str> {
        let named =
            self.blocks.iter().take(12).find_map(|it| it.field("subject").or_else(|| it.field("title")));
        let heading = || {
            let headings = || {
                self.blocks.iter().filter_map(|it| match it.kind {
                    Kind::Heading(level) => Some((level, it.text.as_str())),
                    _ => None,
                })
            };
            let early = headings().next().filter(|(level, _)| *level <= 2).map(|it| it.1);
            early.or_else(|| headings().find(|it| it.0 == 1).map(|it| it.1))
        };
        named.or_else(heading).filter(|it| !it.is_empty())
    }
}

/// `text` cut at a word's end to at most `most` characters, with an ellipsis where something is missing.
pub(super) fn clip(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let keep = most.saturating_sub(1);
    let end = text.char_indices().nth(keep).map_or(text.len(), |it| it.0);
    let cut = match text[..end].rfind(char::is_whitespace) {
        Some(blank) if blank * 2 > end => &text[..blank],
        _ => &text[..end],
    };
    if most == 0 {
        return String::new();
    }
    format!("{}…", cut.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':')))
}
