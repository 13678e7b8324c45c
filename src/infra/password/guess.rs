//! How many guesses a password withstands, as a power of two: the cheapest way to put it together from common
//! words, the user's own names, dates, runs, rows of keys, repetitions and, where nothing fits, characters.
//!
//! Words come from `common.txt`, a list of our own of what turns up in passwords everywhere.

use std::sync::LazyLock;

const WORD_BITS: f64 = 8.0;
const PERSONAL_BITS: f64 = 2.0;
const YEAR_BITS: f64 = 6.0;
const RUN_BITS: f64 = 4.0;
const REPEAT_BITS: f64 = 1.5;
/// Changing letters for look-alikes, or writing capitals, each adds little.
const DISGUISE_BITS: f64 = 1.0;
const MIN_RUN: usize = 3;
/// Longer blocks are found as repetitions of their halves or cost enough already.
const MAX_REPEAT: usize = 128;

const KEY_ROWS: &[&str] = &[
    "1234567890",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "yxcvbnm",
    "!@#$%^&*()",
    "!\"§$%&/()=",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "qazwsxedcrfvtgbyhnujm",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "147258369",
    "741852963",
    "159357",
];

/// By first letter: a password is tried against few of them at each place.
static COMMON: LazyLock<Vec<Vec<char>>> = LazyLock::new(|| {
    let mut words: Vec<Vec<char>> =
        include_str!("common.txt").split_whitespace().map(|it| it.chars().collect()).collect();
    words.sort_unstable();
    words.dedup();
    words
});

static ROWS: LazyLock<Vec<Vec<char>>> = LazyLock::new(|| {
    let forward = KEY_ROWS.iter().map(|it| it.chars().collect::<Vec<char>>());
    forward.flat_map(|it| [it.iter().rev().copied().collect(), it]).collect()
});

/// `personal`: lower-case words about the user, guessed first.
pub(super) fn bits(password: &str, personal: &[String]) -> f64 {
    let typed: Vec<char> = password.chars().collect();
    let lower: Vec<char> = typed.iter().map(|it| it.to_lowercase().next().unwrap_or(*it)).collect();
    let personal: Vec<Vec<char>> = personal.iter().map(|it| it.chars().collect()).collect();

    // best[i]: the fewest bits that make the first i characters.
    let mut best = vec![f64::INFINITY; typed.len() + 1];
    best[0] = 0.0;
    for at in 0..typed.len() {
        let here = best[at];
        let mut reach = |length: usize, bits: f64| {
            let end = &mut best[at + length];
            *end = end.min(here + bits);
        };
        reach(1, char_bits(typed[at]));
        for (words, cost) in [(&*COMMON, WORD_BITS), (&personal, PERSONAL_BITS)] {
            for word in
                words.iter().filter(|it| it.first().is_some_and(|first| looks_like(lower[at], *first)))
            {
                if let Some(disguise) = disguise(&typed[at..], &lower[at..], word) {
                    reach(word.len(), cost + disguise);
                }
            }
        }
        for length in [run_of_steps(&lower[at..]), run_of_keys(&lower[at..])] {
            for length in MIN_RUN..=length {
                reach(length, RUN_BITS + (length as f64).log2());
            }
        }
        if is_year(&lower[at..]) {
            reach(4, YEAR_BITS);
        }
        for length in 1..=at.min(typed.len() - at).min(MAX_REPEAT) {
            if lower[at - length..at] == lower[at..at + length] && (length > 1 || at > 1) {
                reach(length, REPEAT_BITS);
            }
        }
    }
    best[typed.len()]
}

fn char_bits(it: char) -> f64 {
    match it {
        '0'..='9' => 3.3,
        'a'..='z' => 4.7,
        'A'..='Z' => 5.7,
        _ => 6.0,
    }
}

/// What it costs to know that the text begins with this word in disguise; `None` where it does not.
fn disguise(typed: &[char], lower: &[char], word: &[char]) -> Option<f64> {
    let text = lower.get(..word.len())?;
    if !text.iter().zip(word).all(|(have, want)| looks_like(*have, *want)) {
        return None;
    }
    let swapped = text != word;
    let capitals = typed[..word.len()] != lower[..word.len()];
    Some(DISGUISE_BITS * (f64::from(swapped) + f64::from(capitals)))
}

fn looks_like(have: char, want: char) -> bool {
    have == want
        || match have {
            '0' => want == 'o',
            '1' | '!' | '|' => matches!(want, 'i' | 'l'),
            '3' | '€' => want == 'e',
            '4' | '@' => want == 'a',
            '5' | '$' => want == 's',
            '7' | '+' => want == 't',
            '8' => want == 'b',
            '9' => want == 'g',
            _ => false,
        }
}

/// How long the text goes on in equal steps of -1, 0 or 1: `aaa`, `abc`, `321`.
fn run_of_steps(text: &[char]) -> usize {
    let step = |pair: &[char]| i64::from(u32::from(pair[1])) - i64::from(u32::from(pair[0]));
    let Some(first) = text.windows(2).next().map(step).filter(|it| it.abs() <= 1) else { return 0 };
    1 + text.windows(2).take_while(|it| step(it) == first).count()
}

/// How long the text goes along a row of keys.
fn run_of_keys(text: &[char]) -> usize {
    let along = |row: &[char]| {
        let starts = row.iter().enumerate().filter(|(_, it)| **it == text[0]);
        starts
            .map(|(at, _)| row[at..].iter().zip(text).take_while(|(a, b)| a == b).count())
            .max()
            .unwrap_or(0)
    };
    ROWS.iter().map(|it| along(it)).max().unwrap_or(0)
}

fn is_year(text: &[char]) -> bool {
    let digits: Option<u32> =
        text.get(..4).and_then(|it| it.iter().try_fold(0, |sum, it| Some(sum * 10 + it.to_digit(10)?)));
    digits.is_some_and(|it| (1930..2040).contains(&it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_of_the_same_is_hardly_more() {
        let bits = |text: &str| bits(text, &["lovelace".to_owned()]);
        assert!(bits("password") < bits("passwords!"));
        assert!(bits("passwordpasswordpassword") < bits("password") + 4.0);
        assert!(bits(&"a".repeat(1_000)) < 20.0);
        assert!(bits("lovelace") < bits("dragon"));
        assert!(bits("l0v3lac3") < bits("dragon"));
        assert!(bits("vkqjwzpbnfgt") > 50.0);
    }

    #[test]
    fn the_list_is_lower_case_words_without_doubles() {
        let words: Vec<&str> = include_str!("common.txt").split_whitespace().collect();
        assert!(words.len() >= 500, "{}", words.len());
        assert_eq!(words.len(), COMMON.len(), "no doubles");
        assert!(words.iter().all(|it| it.len() >= 3 && *it == it.to_lowercase()));
    }
}
