//! Words of a sentence: runs of letters and digits, folded and stemmed; ideographs as overlapping pairs.

use super::language::{Language, is_ideograph};
use super::stem::stem;

pub(in super::super) struct Word {
    /// Byte range in the text it came from.
    pub(in super::super) start: usize,
    pub(in super::super) end: usize,
    /// Lower case, without accents.
    pub(in super::super) folded: String,
    pub(in super::super) stem: String,
}

impl Word {
    /// Whether it says something about the subject.
    pub(in super::super) fn is_content(&self, language: Language) -> bool {
        let mut chars = self.folded.chars();
        match chars.next() {
            None => false,
            Some(first) if is_ideograph(first) => true,
            Some(first) if first.is_ascii_digit() && self.folded.len() < 2 => false,
            Some(_) if chars.next().is_none() => false,
            Some(_) => !language.is_stopword(&self.folded),
        }
    }
}

/// The words of `text`, in order.
pub(in super::super) fn words(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((start, first)) = chars.next() {
        if is_ideograph(first) {
            let mut end = start + first.len_utf8();
            if let Some((at, next)) = chars.peek()
                && is_ideograph(*next)
            {
                end = at + next.len_utf8();
            }
            let pair = &text[start..end];
            found.push(Word { start, end, folded: pair.to_owned(), stem: pair.to_owned() });
            continue;
        }
        if !first.is_alphanumeric() {
            continue;
        }
        let mut end = start + first.len_utf8();
        while let Some((at, c)) = chars.peek().copied() {
            let joins = (c.is_alphanumeric() && !is_ideograph(c)) || is_mark(c);
            let apostrophe = matches!(c, '\'' | '’')
                && text[at + c.len_utf8()..].chars().next().is_some_and(char::is_alphabetic);
            if !joins && !apostrophe {
                break;
            }
            end = at + c.len_utf8();
            chars.next();
        }
        let folded = fold(&text[start..end]);
        let stem = stem(&folded);
        found.push(Word { start, end, folded, stem });
    }
    found
}

/// Combining marks continue the letter before them.
fn is_mark(c: char) -> bool {
    matches!(c as u32, 0x0300..=0x036F | 0x064B..=0x065F | 0x0900..=0x0903 | 0x093A..=0x094F | 0x0E31..=0x0E4E)
}

/// Lower case, typographic apostrophes made plain, Latin accents dropped.
pub(in super::super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'à'..='å' | 'ā' | 'ă' | 'ą' => folded.push('a'),
            'æ' => folded.push_str("ae"),
            'ç' | 'ć' | 'č' => folded.push('c'),
            'è'..='ë' | 'ē' | 'ę' | 'ě' => folded.push('e'),
            'ì'..='ï' | 'ī' | 'ı' => folded.push('i'),
            'ñ' | 'ń' | 'ň' => folded.push('n'),
            'ò'..='ö' | 'ø' | 'ō' | 'ő' => folded.push('o'),
            'œ' => folded.push_str("oe"),
            'ß' => folded.push_str("ss"),
            'ś' | 'š' | 'ş' => folded.push('s'),
            'ù'..='ü' | 'ū' | 'ů' | 'ű' => folded.push('u'),
            'ý' | 'ÿ' => folded.push('y'),
            'ź' | 'ż' | 'ž' => folded.push('z'),
            'ł' => folded.push('l'),
            'ř' => folded.push('r'),
            '’' => folded.push('\''),
            '\u{300}'..='\u{36F}' => {}
            _ => folded.push(c),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(words(text).iter().map(|it| it.folded.as_str()).collect::<Vec<_>>(), expected, "{text:?}");
    }

    #[test]
    fn words_are_folded_runs() {
        check("Don’t panic: café №5!", &["don't", "panic", "cafe", "5"]);
        check("state-of-the-art", &["state", "of", "the", "art"]);
        check("東京都 x", &["東京", "京都", "都", "x"]);
        check("Ärger über Straße", &["arger", "uber", "strasse"]);
    }
}
