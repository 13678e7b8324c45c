//! What changed between two texts, line by line, with a little of what stayed around it.

use askama::Template;
use askama::filters::HtmlSafe;
use similar::{ChangeTag, TextDiff};

const CONTEXT_LINES: usize = 3;
/// Beyond this a person reads a file, not a page.
const MAX_LINES: usize = 2_000;

#[derive(Template)]
#[template(path = "parts/diff.html")]
pub struct Diff {
    from: String,
    to: String,
    hunks: Vec<Vec<Line>>,
    added: usize,
    removed: usize,
    cut: bool,
}

impl HtmlSafe for Diff {}

#[derive(Debug, PartialEq, Eq)]
struct Line {
    kind: &'static str,
    sign: &'static str,
    old: String,
    new: String,
    text: String,
}

impl Diff {
    /// `from` and `to` name the two sides: `1.0.0`, `draft`.
    pub fn new(from: impl std::fmt::Display, to: impl std::fmt::Display, old: &str, new: &str) -> Self {
        let diff = TextDiff::from_lines(old, new);
        let (mut added, mut removed, mut shown) = (0, 0, 0);
        let mut hunks = Vec::new();
        for group in diff.grouped_ops(CONTEXT_LINES) {
            let mut lines = Vec::new();
            for change in group.iter().flat_map(|it| diff.iter_changes(it)) {
                let (kind, sign) = match change.tag() {
                    ChangeTag::Equal => ("same", " "),
                    ChangeTag::Insert => ("added", "+"),
                    ChangeTag::Delete => ("removed", "−"),
                };
                added += usize::from(kind == "added");
                removed += usize::from(kind == "removed");
                shown += 1;
                if shown <= MAX_LINES {
                    lines.push(Line {
                        kind,
                        sign,
                        old: number(change.old_index()),
                        new: number(change.new_index()),
                        text: change.value().trim_end_matches(['\n', '\r']).to_owned(),
                    });
                }
            }
            if !lines.is_empty() {
                hunks.push(lines);
            }
        }
        Self { from: from.to_string(), to: to.to_string(), hunks, added, removed, cut: shown > MAX_LINES }
    }
}

fn number(index: Option<usize>) -> String {
    index.map_or_else(String::new, |it| (it + 1).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_line_is_removed_and_added() {
        let diff = Diff::new("1.0.0", "draft", "a\nb\nc\n", "a\nB\nc\n");
        assert_eq!((diff.added, diff.removed, diff.hunks.len()), (1, 1, 1));
        let kinds: Vec<_> = diff.hunks[0].iter().map(|it| it.kind).collect();
        assert_eq!(kinds, ["same", "removed", "added", "same"]);
    }

    #[test]
    fn equal_texts_have_no_hunks_and_long_ones_are_cut() {
        assert!(Diff::new("a", "b", "same\n", "same\n").to_string().contains("No difference"));
        let long: String = (0..3_000).map(|it| format!("{it}\n")).collect();
        let diff = Diff::new("a", "b", "", &long);
        assert!(diff.cut && diff.added == 3_000);
        assert_eq!(diff.hunks.iter().map(Vec::len).sum::<usize>(), MAX_LINES);
    }
}
