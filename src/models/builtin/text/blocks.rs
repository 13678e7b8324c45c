//! Blocks of a text: headings, paragraphs, list items, table rows, quotes, code, `Name: value` lines. Reads
//! Markdown and plain text alike, keeps the line numbers, takes inline markup off.

use std::sync::LazyLock;

use regex::Regex;

use super::language::is_ideograph;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Kind {
    /// 1 is the outermost.
    Heading(u8),
    Paragraph,
    Item,
    Row,
    Quote,
    /// A `Name: value` line.
    Field,
    Code,
}

#[derive(Debug)]
pub(in super::super) struct Block {
    pub(in super::super) kind: Kind,
    /// Its lines joined, without markup.
    pub(in super::super) text: String,
    /// First line in the source, from 1.
    pub(in super::super) line: usize,
    /// The heading it stands under: an index into the same list.
    pub(in super::super) under: Option<usize>,
    /// Which paragraph of the text it is, from 1; headings count with what follows.
    pub(in super::super) paragraph: usize,
    /// Where in `text` each source line begins.
    lines: Vec<(usize, usize)>,
}

impl Block {
    /// The source line of a byte of `text`.
    pub(in super::super) fn line_at(&self, byte: usize) -> usize {
        self.lines.iter().rev().find(|it| it.0 <= byte).map_or(self.line, |it| it.1)
    }

    /// The value of a `Name: value` line of that name.
    pub(in super::super) fn field(&self, name: &str) -> Option<&str> {
        if self.kind != Kind::Field {
            return None;
        }
        let (key, value) = self.text.split_once(':')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    }

    /// The cells of a table row.
    pub(in super::super) fn cells(&self) -> Vec<&str> {
        self.text.split(" | ").map(str::trim).collect()
    }
}

static FIELD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[\p{L}][\p{L}\p{N}_/#.'-]*(?: [\p{L}\p{N}_/#.'-]+){0,3}\s?:\s+\S").expect("fixed")
});
static ITEM: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\s*(?:[-*+•‣–]|\(?\d{1,3}[.)]|\(?[a-z][)])\s+(?:\[[ xX]\]\s+)?").expect("fixed")
});
static IMAGE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"!\[[^\]]*\](?:\([^)]*\)|\[[^\]]*\])").expect("fixed"));
static LINK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\[([^\]\[]*)\](?:\([^)]*\)|\[[^\]]*\])").expect("fixed"));
static TAG: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"</?[a-zA-Z][a-zA-Z0-9-]*(?:\s[^<>@]{0,300})?/?>|<!--.*?-->").expect("fixed")
});
static STRONG: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\*{1,3}([^*\s](?:[^*]*[^*\s])?)\*{1,3}|\b_{1,2}([^_]+)_{1,2}\b").expect("fixed")
});

/// A line without inline markup.
pub(in super::super) fn plain(line: &str) -> String {
    let mut text = line.trim().to_owned();
    if text.contains('[') {
        text = IMAGE.replace_all(&text, "").into_owned();
        text = LINK.replace_all(&text, "$1").into_owned();
    }
    if text.contains('<') {
        text = TAG.replace_all(&text, "").into_owned();
    }
    if text.contains(['*', '_']) {
        text = STRONG.replace_all(&text, "$1$2").into_owned();
    }
    if text.contains('`') {
        text.retain(|c| c != '`');
    }
    text.trim().to_owned()
}

struct Splitter {
    blocks: Vec<Block>,
    open: Option<Block>,
    /// The heading now in force at each level.
    headings: Vec<(u8, usize)>,
    paragraph: usize,
}

impl Splitter {
    fn close(&mut self) {
        let Some(block) = self.open.take() else { return };
        if block.text.is_empty() {
            return;
        }
        if let Kind::Heading(level) = block.kind {
            self.headings.retain(|it| it.0 < level);
        }
        let under = self.headings.last().map(|it| it.1);
        if let Kind::Heading(level) = block.kind {
            self.headings.push((level, self.blocks.len()));
        }
        self.blocks.push(Block { under, ..block });
    }

    fn start(&mut self, kind: Kind, text: String, line: usize) {
        self.close();
        if !matches!(kind, Kind::Heading(_)) {
            self.paragraph += 1;
        }
        let paragraph = self.paragraph.max(1);
        self.open = Some(Block { kind, text, line, under: None, paragraph, lines: vec![(0, line)] });
    }

    fn extend(&mut self, text: &str, line: usize) {
        let Some(block) = &mut self.open else { return };
        if block.kind == Kind::Code {
            block.text.push('\n');
        } else if !block.text.is_empty() && !text.is_empty() {
            let joined = block.text.chars().next_back().is_some_and(is_ideograph)
                || text.chars().next().is_some_and(is_ideograph);
            if !joined {
                block.text.push(' ');
            }
        }
        block.lines.push((block.text.len(), line));
        block.text.push_str(text);
    }

    fn open_kind(&self) -> Option<Kind> {
        self.open.as_ref().map(|it| it.kind)
    }
}

/// The blocks of `source`, in order, none empty.
pub(in super::super) fn split(source: &str) -> Vec<Block> {
    let lines: Vec<&str> = source.lines().collect();
    let mut it = Splitter { blocks: Vec::new(), open: None, headings: Vec::new(), paragraph: 0 };
    let mut fence: Option<&str> = None;
    let mut at = front_matter(&lines, &mut it);
    while at < lines.len() {
        let (raw, line) = (lines[at], at + 1);
        let trimmed = raw.trim();
        at += 1;
        if let Some(mark) = fence {
            if trimmed.starts_with(mark) {
                fence = None;
                it.close();
            } else {
                it.extend(raw, line);
            }
            continue;
        }
        if trimmed.is_empty() {
            it.close();
            continue;
        }
        if let Some(mark) = ["```", "~~~"].into_iter().find(|mark| trimmed.starts_with(mark)) {
            fence = Some(mark);
            it.start(Kind::Code, String::new(), line + 1);
            continue;
        }
        one_line(&mut it, &lines, at, trimmed, line);
    }
    it.close();
    it.blocks
}

fn one_line(it: &mut Splitter, lines: &[&str], next: usize, trimmed: &str, line: usize) {
    let raw = lines[line - 1];
    if let Some(level) = heading_level(trimmed) {
        it.start(Kind::Heading(level), plain(trimmed.trim_matches('#')), line);
        return it.close();
    }
    if is_rule(trimmed) {
        let level = if trimmed.starts_with('=') { 1 } else { 2 };
        return match it.open.as_mut() {
            Some(block) if block.kind == Kind::Paragraph && block.lines.len() == 1 && trimmed.len() >= 3 => {
                block.kind = Kind::Heading(level);
                it.close();
            }
            _ => it.close(),
        };
    }
    if trimmed.starts_with('|') && trimmed.len() > 1 {
        if !trimmed.chars().all(|c| matches!(c, '|' | '-' | ':' | ' ')) {
            let cells: Vec<String> = trimmed.trim_matches('|').split('|').map(plain).collect();
            it.start(Kind::Row, cells.join(" | "), line);
        }
        return it.close();
    }
    if let Some(mark) = ITEM.find(raw) {
        return it.start(Kind::Item, plain(&raw[mark.end()..]), line);
    }
    if let Some(quoted) = trimmed.strip_prefix('>') {
        let text = plain(quoted.trim_start_matches('>'));
        return match it.open_kind() {
            Some(Kind::Quote) => it.extend(&text, line),
            _ => it.start(Kind::Quote, text, line),
        };
    }
    let continues = matches!(it.open_kind(), Some(Kind::Paragraph | Kind::Quote))
        || (it.open_kind() == Some(Kind::Item) && raw.starts_with([' ', '\t']));
    let is_field = |text: &str| FIELD.is_match(text) && !text.ends_with(['.', '!', '?']);
    if is_field(trimmed) && it.open_kind() != Some(Kind::Item) {
        let follows = lines.get(next).is_none_or(|it| it.trim().is_empty() || is_field(it.trim()));
        if !continues || follows {
            return it.start(Kind::Field, plain(trimmed), line);
        }
    }
    if continues {
        return it.extend(&plain(trimmed), line);
    }
    if looks_like_heading(trimmed, lines, line, next) {
        let level = if line == 1 || it.blocks.is_empty() { 1 } else { 2 };
        it.start(Kind::Heading(level), plain(trimmed), line);
        return it.close();
    }
    it.start(Kind::Paragraph, plain(trimmed), line);
}

/// Skips a `---` header and keeps its `name: value` lines. Answers where the body begins.
fn front_matter(lines: &[&str], it: &mut Splitter) -> usize {
    if lines.first().is_none_or(|first| first.trim_end() != "---") {
        return 0;
    }
    let Some(end) = lines.iter().skip(1).take(60).position(|line| line.trim_end() == "---") else { return 0 };
    if !lines[1..=end].iter().any(|line| line.contains(": ")) {
        return 0;
    }
    for (at, line) in lines[1..=end].iter().enumerate() {
        if FIELD.is_match(line) {
            it.start(Kind::Field, plain(line), at + 2);
            it.close();
        }
    }
    end + 2
}

fn heading_level(line: &str) -> Option<u8> {
    let marks = line.bytes().take_while(|it| *it == b'#').count();
    let rest = &line[marks..];
    ((1..=6).contains(&marks) && rest.starts_with([' ', '\t']) && !rest.trim().is_empty())
        .then_some(marks as u8)
}

fn is_rule(line: &str) -> bool {
    let Some(first) = line.chars().next() else { return false };
    matches!(first, '=' | '-' | '*' | '_') && line.len() >= 3 && line.chars().all(|c| c == first || c == ' ')
}

/// Plain text has headings too: a short line on its own, no end mark, with text below.
fn looks_like_heading(line: &str, lines: &[&str], number: usize, next: usize) -> bool {
    let alone = (number == 1 || lines.get(number - 2).is_some_and(|it| it.trim().is_empty()))
        && lines.get(next).is_some_and(|it| it.trim().is_empty());
    let first = line.chars().next().unwrap_or(' ');
    let greeting = line.ends_with([',', ';', '.', '!', '?', ':', '。', '！', '？', '…', '"', '”', '।']);
    let chars = line.chars().count();
    let below = lines.iter().skip(next).find(|it| !it.trim().is_empty());
    alone
        && !greeting
        && (3..=80).contains(&chars)
        && line.split_whitespace().count() <= 12
        && (first.is_uppercase() || first.is_numeric() || is_ideograph(first))
        && !line.contains(['@', '|'])
        && below.is_some_and(|it| it.trim().chars().count() > chars)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: &[(Kind, &str, usize)]) {
        let blocks = split(source);
        let found: Vec<(Kind, &str, usize)> =
            blocks.iter().map(|it| (it.kind, it.text.as_str(), it.line)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn markdown_comes_apart() {
        check(
            "# A *big* title\n\nOne [link](http://x.test/a) and\n`code` here.\n\n- item one\n  goes on\n- [x] two\n\n\
             | a | b |\n|---|---|\n| 1 | 2 |\n\n```rust\nlet x = 1;\n```\n> said\n> so\n",
            &[
                (Kind::Heading(1), "A big title", 1),
                (Kind::Paragraph, "One link and code here.", 3),
                (Kind::Item, "item one goes on", 6),
                (Kind::Item, "two", 8),
                (Kind::Row, "a | b", 10),
                (Kind::Row, "1 | 2", 12),
                (Kind::Code, "\nlet x = 1;", 15),
                (Kind::Quote, "said so", 17),
            ],
        );
    }

    #[test]
    fn plain_text_has_headings_and_fields_too() {
        check(
            "From: Ann <ann@example.test>\nSubject: Late again\n\nHello,\nthe parcel is late.\n\nSecond Part\n\nMore text \
             stands in this paragraph.",
            &[
                (Kind::Field, "From: Ann <ann@example.test>", 1),
                (Kind::Field, "Subject: Late again", 2),
                (Kind::Paragraph, "Hello, the parcel is late.", 4),
                (Kind::Heading(2), "Second Part", 7),
                (Kind::Paragraph, "More text stands in this paragraph.", 9),
            ],
        );
    }

    #[test]
    fn lines_and_headings_are_known() {
        let blocks = split("Top\n===\n\n## Sub\n\none\ntwo three\n");
        assert_eq!(blocks[2].line_at(blocks[2].text.find("three").expect("there")), 7);
        assert_eq!((blocks[2].under, blocks[1].under, blocks[0].under), (Some(1), Some(0), None));
    }
}
