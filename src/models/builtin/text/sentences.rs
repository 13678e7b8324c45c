//! Where sentences end. A full stop is not enough: abbreviations, initials, ordinals, versions and addresses have
//! them too. Other scripts' marks (。！？ । ؟) end a sentence without a blank after them.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use super::words::fold;

/// A sentence without an end is cut near this length, in bytes, at a blank.
const MAX_BYTES: usize = 1_200;

/// After these a full stop never ends a sentence.
const TITLES: &str = "mr mrs ms dr prof rev hon st sr jr gen col sgt capt lt messrs mme mlle fr hr nr no nos art abs \
 vgl ca fig figs eq vol pp p ed eds tel ext approx dept est al e.g i.e eg ie z.b d.h u.a s.o z.t bzw cf vs v viz \
 resp incl excl inkl exkl geb str bsp evtl ggf max min";
/// After these it does where the next word is one that begins sentences.
const SHORT: &str = "inc ltd co corp llc plc gmbh ag etc usw jan feb mar apr jun jul aug sep sept oct nov dec a.m p.m \
 am pm u.s u.k e.u s.a b.v mo tu we th mon tue wed thu fri sat sun km cm mm kg lb oz ft hrs hr min sec";
const STARTERS: &str = "the a an it this that these those he she they we you i in on at if when while as but and so \
 however there here our your their his her its for to from with after before please what why how who where no \
 yes der die das ein eine es wir sie er ich im in bei nach le la les un une il elle nous vous el los las";

fn set(text: &str) -> HashSet<&str> {
    text.split_whitespace().collect()
}

static NEVER: LazyLock<HashSet<&str>> = LazyLock::new(|| set(TITLES));
static SOMETIMES: LazyLock<HashSet<&str>> = LazyLock::new(|| set(SHORT));
static BEGINS: LazyLock<HashSet<&str>> = LazyLock::new(|| set(STARTERS));

/// Byte ranges of the sentences in one block of text, trimmed, in order, none empty.
pub(in super::super) fn split(text: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let wide = matches!(c, '。' | '！' | '？' | '।' | '؟' | '｡');
        let narrow = matches!(c, '.' | '!' | '?' | '…');
        if !wide && !narrow {
            if c.is_whitespace() && at - start > MAX_BYTES {
                push(text, start..at, &mut ranges);
                start = at;
            }
            continue;
        }
        let mut end = at + c.len_utf8();
        while let Some((next_at, next)) = chars.peek().copied() {
            let closes = matches!(next, '"' | '\'' | '”' | '’' | ')' | ']' | '»' | '」' | '』' | '）');
            let repeats = matches!(next, '.' | '!' | '?' | '…' | '。' | '！' | '？');
            if !closes && !repeats {
                break;
            }
            end = next_at + next.len_utf8();
            chars.next();
        }
        if wide || ends_here(text, start, at, c, end) {
            push(text, start..end, &mut ranges);
            start = end;
        }
    }
    push(text, start..text.len(), &mut ranges);
    ranges
}

fn push(text: &str, range: Range<usize>, ranges: &mut Vec<Range<usize>>) {
    let slice = &text[range.clone()];
    let from = range.start + (slice.len() - slice.trim_start().len());
    let to = from + slice.trim().len();
    if from < to {
        ranges.push(from..to);
    }
}

/// Whether the mark at `at` (with what closes it up to `end`) ends the sentence begun at `start`.
fn ends_here(text: &str, start: usize, at: usize, mark: char, end: usize) -> bool {
    let after = &text[end..];
    if after.is_empty() {
        return true;
    }
    if !after.starts_with(char::is_whitespace) {
        return false;
    }
    let next = after.trim_start();
    let first = next.trim_start_matches(['"', '\'', '“', '„', '‘', '(', '[', '«', '*', '_']).chars().next();
    if first.is_some_and(char::is_lowercase) && mark != '!' && mark != '?' {
        return false;
    }
    if mark != '.' {
        return !first.is_some_and(char::is_lowercase);
    }
    if end > at + 1 {
        return true;
    }
    let before =
        text[start..at].rsplit(|c: char| c.is_whitespace() || matches!(c, '(' | '"' | '“' | '/')).next();
    let Some(before) = before.filter(|it| !it.is_empty()) else { return true };
    let next_word =
        fold(next.split(|c: char| !c.is_alphanumeric()).find(|it| !it.is_empty()).unwrap_or_default());
    let word = fold(before);
    if NEVER.contains(word.as_str()) {
        return matches!(word.as_str(), "max" | "min" | "no" | "al") && BEGINS.contains(next_word.as_str());
    }
    if SOMETIMES.contains(word.as_str()) {
        return BEGINS.contains(next_word.as_str());
    }
    let mut letters = before.chars();
    let initial = letters.next().is_some_and(char::is_uppercase) && letters.next().is_none();
    if initial {
        return BEGINS.contains(next_word.as_str()) && before != "I" && next_word.len() > 1;
    }
    let ordinal = before.len() <= 2 && before.bytes().all(|it| it.is_ascii_digit());
    !(ordinal && crate::models::builtin::find::month(&next_word).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<&str> = split(text).into_iter().map(|it| &text[it]).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn sentences_end_where_a_reader_ends_them() {
        check("One. Two! Three? Four", &["One.", "Two!", "Three?", "Four"]);
        check(
            "Mr. Smith met Dr. Jones at 5 p.m. They spoke.",
            &["Mr. Smith met Dr. Jones at 5 p.m.", "They spoke."],
        );
        check("Use e.g. Redis, i.e. a cache.", &["Use e.g. Redis, i.e. a cache."]);
        check(
            "Version 1.2.3 costs $3.50. See example.com for more.",
            &["Version 1.2.3 costs $3.50.", "See example.com for more."],
        );
        check(
            "J. R. Tolkien wrote it. He said \"No.\" Then he left.",
            &["J. R. Tolkien wrote it.", "He said \"No.\"", "Then he left."],
        );
        check(
            "Acme Inc. was founded by Ann. It grew at Acme Inc. The end.",
            &["Acme Inc. was founded by Ann.", "It grew at Acme Inc.", "The end."],
        );
        check("Am 3. Mai kam er. Es war spät.", &["Am 3. Mai kam er.", "Es war spät."]);
        check("請求書が二重です。返金してください！", &["請求書が二重です。", "返金してください！"]);
        check("यह पहला है। यह दूसरा है।", &["यह पहला है।", "यह दूसरा है।"]);
        check("Wait... what? Yes.", &["Wait... what?", "Yes."]);
        check("  ", &[]);
    }
}
