//! Values with their name beside them: `Name: value` lines, `Name: value` in a sentence, table rows.

use super::super::text::{Doc, Kind, stem, words};

/// `Delivery address: 1 Main Street` is (`deliver address`, `1 Main Street`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Labelled {
    pub(in super::super) stems: Vec<String>,
    pub(in super::super) value: String,
    pub(in super::super) block: usize,
}

const MAX_LABEL_WORDS: usize = 5;

/// All labelled values of `doc`, in order. Of a table with a header the label is the column's; of one with two
/// columns it is the first cell too.
pub(in super::super) fn labelled(doc: &Doc) -> Vec<Labelled> {
    let mut found = Vec::new();
    let mut header: Vec<&str> = Vec::new();
    for (at, block) in doc.blocks.iter().enumerate().take(20_000) {
        if block.kind == Kind::Row {
            let cells = block.cells();
            if header.is_empty() {
                header.clone_from(&cells);
            } else {
                for (name, cell) in header.iter().zip(&cells) {
                    push(&mut found, name, cell, at);
                }
            }
            if let [name, value] = cells.as_slice() {
                push(&mut found, name, value, at);
            }
            continue;
        }
        header.clear();
        if !matches!(block.kind, Kind::Field | Kind::Item | Kind::Paragraph) {
            continue;
        }
        let Some((name, value)) = block.text.split_once(':') else { continue };
        if value.starts_with(' ') && !value.trim().is_empty() {
            push(&mut found, name, value, at);
        }
    }
    found
}

fn push(found: &mut Vec<Labelled>, name: &str, value: &str, block: usize) {
    let stems = stems(name);
    let value = value.trim().trim_end_matches(['.', ';']).trim();
    if (1..=MAX_LABEL_WORDS).contains(&stems.len()) && !value.is_empty() {
        found.push(Labelled { stems, value: value.to_owned(), block });
    }
}

fn stems(name: &str) -> Vec<String> {
    words(name).into_iter().map(|it| stem(&it.folded)).take(MAX_LABEL_WORDS + 1).collect()
}
