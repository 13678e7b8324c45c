//! Token pieces: how this model counts and streams. Close to what byte-pair vocabularies give for ordinary text,
//! and easy to explain: a blank belongs to the word after it; a word of the Latin, Greek or Cyrillic script is a
//! piece per started eight letters; digits a piece per three; an ideograph, a kana or another script's letter
//! pair is a piece; punctuation is a piece per started three marks of the same kind. The pieces of a text,
//! joined, are the text.

/// The number of pieces in `text`.
pub fn count(text: &str) -> u64 {
    pieces(text).count() as u64
}

/// The pieces of `text`, in order.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let length = piece_length(rest)?;
        let (piece, after) = rest.split_at(length);
        rest = after;
        Some(piece)
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Blank,
    Break,
    Word,
    Digit,
    Ideograph,
    Letter,
    Mark(char),
}

fn class(c: char) -> Class {
    match c {
        '\n' | '\r' => Class::Break,
        _ if c.is_whitespace() => Class::Blank,
        _ if c.is_numeric() => Class::Digit,
        _ if super::text::is_ideograph(c) => Class::Ideograph,
        _ if c.is_alphabetic() && (c as u32) < 0x0590 => Class::Word,
        _ if c.is_alphanumeric() => Class::Letter,
        _ => Class::Mark(c),
    }
}

/// Bytes of the first piece; `None` at the end.
fn piece_length(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    let mut chars = text.char_indices().peekable();
    let mut kind = class(first);
    if kind == Class::Blank {
        chars.next();
        match chars.peek() {
            Some((_, next)) if !matches!(class(*next), Class::Blank | Class::Break) => kind = class(*next),
            _ => {}
        }
    }
    let most = match kind {
        Class::Blank | Class::Break => 16,
        Class::Word => 8,
        Class::Digit | Class::Mark(_) => 3,
        Class::Ideograph => 1,
        Class::Letter => 2,
    };
    for (taken, (at, c)) in chars.enumerate() {
        if taken == most || class(c) != kind {
            return Some(at);
        }
    }
    Some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(pieces(text).collect::<Vec<_>>(), expected);
        assert_eq!(count(text), expected.len() as u64);
    }

    #[test]
    fn a_blank_goes_with_its_word_and_long_words_break() {
        check("", &[]);
        check("Hello world", &["Hello", " world"]);
        check("internationalization", &["internat", "ionaliza", "tion"]);
        check("invoice 47110!", &["invoice", " 471", "10", "!"]);
        check("a\n\nb", &["a", "\n\n", "b"]);
        check("----", &["---", "-"]);
        check("請求書 12", &["請", "求", "書", " 12"]);
    }

    proptest::proptest! {
        #[test]
        fn pieces_joined_are_the_text(text in ".{0,200}") {
            proptest::prop_assert_eq!(pieces(&text).collect::<String>(), text);
        }
    }
}
