//! The colours of `tokens.css` can be read, in both themes: 4.5:1 for words, 3:1 for the edges of controls and
//! the marks of charts (WCAG 2.2, 1.4.3 and 1.4.11).

const TOKENS: &str = include_str!("../../static/css/tokens.css");

const WORDS: [&str; 9] = ["text", "text-soft", "text-faint", "accent", "ok", "warn", "bad", "info", "idle"];
const GROUNDS: [&str; 5] = ["page", "surface", "raised", "sunken", "hover"];
const TONES: [&str; 6] = ["accent", "ok", "warn", "bad", "info", "idle"];
const FILLS: [&str; 3] = ["accent-fill", "accent-fill-hover", "bad-button"];

/// The colour of `--name` in the light (0) or dark (1) theme.
fn colour(name: &str, theme: usize) -> [f64; 3] {
    let start = format!("--{name}: ");
    let value = TOKENS.lines().find_map(|it| it.trim().strip_prefix(&start)).expect("a token of that name");
    let hex = value.split('#').skip(1).nth(theme).expect("a colour for the theme");
    let part = |at: usize| f64::from(u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits")) / 255.0;
    [part(0), part(2), part(4)]
}

fn luminance(colour: [f64; 3]) -> f64 {
    let linear = colour.map(|it| if it <= 0.04045 { it / 12.92 } else { ((it + 0.055) / 1.055).powf(2.4) });
    0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
}

fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn check(front: &str, ground: &str, least: f64) {
    for theme in 0..2 {
        let got = contrast(colour(front, theme), colour(ground, theme));
        assert!(got >= least, "{front} on {ground}, theme {theme}: {got:.2}, at least {least} is right");
    }
}

#[test]
fn words_can_be_read_on_every_ground() {
    for ground in GROUNDS {
        for word in WORDS {
            check(word, ground, 4.5);
        }
    }
    for tone in TONES {
        check(tone, &format!("{tone}-soft"), 4.5);
        check("text", &format!("{tone}-soft"), 4.5);
        check("text-soft", &format!("{tone}-soft"), 4.5);
    }
}

#[test]
fn buttons_and_edges_can_be_seen() {
    for theme in 0..2 {
        for fill in FILLS {
            let got = contrast([1.0; 3], colour(fill, theme));
            assert!(got >= 4.5, "white on {fill}, theme {theme}: {got:.2}");
        }
    }
    for ground in ["page", "surface", "sunken"] {
        check("edge", ground, 3.0);
    }
    for tone in ["ok-fill", "bad-fill", "info-fill"] {
        check(tone, "surface", 3.0);
    }
}

#[test]
fn contrast_is_measured_as_the_standard_does() {
    assert!((contrast([0.0; 3], [1.0; 3]) - 21.0).abs() < 1e-9);
    assert!((contrast([1.0; 3], [1.0; 3]) - 1.0).abs() < 1e-9);
}
