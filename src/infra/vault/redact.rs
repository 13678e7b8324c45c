//! The second net: values of secrets that are in use are cut out of log lines by exact match.
//!
//! The first net is the type `Secret`, which cannot be printed. This one catches what a peer echoes back or a
//! library formats. Each value is watched as it is and in the forms in which it usually travels: escaped for
//! JSON and for URLs, in hexadecimal, in base64 at each of the three offsets.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use parking_lot::RwLock;
use zeroize::Zeroizing;

use crate::infra::Secret;

/// What stands in place of a secret.
const MARK: &str = "[secret]";
/// Shorter values are not watched: they would cut ordinary words out of every line.
const MIN_BYTES: usize = 8;
/// Longer values are watched by their beginning: enough to find, and the rest is cut to the end of the word.
const MAX_BYTES: usize = 4_096;
const FILTER_BITS: u32 = 12;

type Needle = Arc<Zeroizing<Vec<u8>>>;

/// Adding and removing cost a few map operations; a line costs one table look-up per byte while anything is
/// watched, and nothing otherwise.
#[derive(Default)]
pub struct Redactor {
    watched: AtomicUsize,
    table: RwLock<Table>,
}

#[derive(Default)]
struct Table {
    /// Needles by their first eight bytes.
    needles: HashMap<u64, Vec<(Needle, usize)>>,
    /// How many needles' beginnings fall into each slot: 0 means no needle begins like this.
    filter: Vec<u16>,
}

/// Keeps a value watched until dropped.
#[must_use = "a value is watched only while this lives"]
pub struct Watch {
    redactor: Option<Arc<Redactor>>,
    needles: Vec<Needle>,
}

impl Redactor {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Watches a value. Watching the same value twice is fine: it is watched until both are dropped.
    pub fn watch(self: &Arc<Self>, secret: &Secret) -> Watch {
        let forms = forms_of(secret.expose());
        if forms.is_empty() {
            return Watch { redactor: None, needles: Vec::new() };
        }
        let mut table = self.table.write();
        let needles: Vec<Needle> = forms.into_iter().map(|it| table.add(it)).collect();
        self.watched.fetch_add(needles.len(), Ordering::Release);
        Watch { redactor: Some(self.clone()), needles }
    }

    /// The text without any watched value. Borrowed where there was none.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.watched.load(Ordering::Acquire) == 0 || text.len() < MIN_BYTES {
            return Cow::Borrowed(text);
        }
        let table = self.table.read();
        let bytes = text.as_bytes();
        let mut clean: Option<Vec<u8>> = None;
        let (mut kept, mut at) = (0, 0);
        while at + MIN_BYTES <= bytes.len() {
            match table.match_at(&bytes[at..]) {
                None => at += 1,
                Some(length) => {
                    let out = clean.get_or_insert_with(|| Vec::with_capacity(bytes.len()));
                    out.extend_from_slice(&bytes[kept..at]);
                    out.extend_from_slice(MARK.as_bytes());
                    at += length;
                    kept = at;
                }
            }
        }
        match clean {
            None => Cow::Borrowed(text),
            Some(mut out) => {
                out.extend_from_slice(&bytes[kept..]);
                Cow::Owned(String::from_utf8_lossy(&out).into_owned())
            }
        }
    }

    /// How many forms of values are watched now.
    pub fn watched(&self) -> usize {
        self.watched.load(Ordering::Acquire)
    }
}

impl Table {
    fn add(&mut self, form: Zeroizing<Vec<u8>>) -> Needle {
        if self.filter.is_empty() {
            self.filter = vec![0; 1 << FILTER_BITS];
        }
        let head = head_of(&form);
        let known = self.needles.entry(head).or_default();
        if let Some((needle, holders)) = known.iter_mut().find(|(needle, _)| **needle == form) {
            *holders += 1;
            return needle.clone();
        }
        let needle = Arc::new(form);
        known.push((needle.clone(), 1));
        // The longest first, so that no rest of a longer value stays behind.
        known.sort_by_key(|(needle, _)| std::cmp::Reverse(needle.len()));
        let slot = &mut self.filter[slot_of(head)];
        *slot = slot.saturating_add(1);
        needle
    }

    fn remove(&mut self, needle: &Needle) {
        let head = head_of(needle);
        let Some(known) = self.needles.get_mut(&head) else { return };
        let Some(at) = known.iter().position(|(it, _)| Arc::ptr_eq(it, needle)) else { return };
        known[at].1 -= 1;
        if known[at].1 == 0 {
            known.swap_remove(at);
            known.sort_by_key(|(needle, _)| std::cmp::Reverse(needle.len()));
            let slot = &mut self.filter[slot_of(head)];
            // A slot that was ever full stays: a needle too many is looked for, never one too few.
            if *slot != u16::MAX {
                *slot -= 1;
            }
        }
        if known.is_empty() {
            self.needles.remove(&head);
        }
    }

    fn match_at(&self, bytes: &[u8]) -> Option<usize> {
        let head = head_of(bytes);
        if self.filter[slot_of(head)] == 0 {
            return None;
        }
        let known = self.needles.get(&head)?;
        let (needle, _) = known.iter().find(|(needle, _)| bytes.starts_with(needle))?;
        let rest = &bytes[needle.len()..];
        let cut = needle.len() >= MAX_BYTES;
        let tail = if cut { rest.iter().take_while(|it| !it.is_ascii_whitespace()).count() } else { 0 };
        Some(needle.len() + tail)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(redactor) = self.redactor.take() {
            let mut table = redactor.table.write();
            for needle in self.needles.drain(..) {
                table.remove(&needle);
                redactor.watched.fetch_sub(1, Ordering::Release);
            }
        }
    }
}

/// The first eight bytes as a number. `bytes` has at least eight.
fn head_of(bytes: &[u8]) -> u64 {
    let mut head = [0; MIN_BYTES];
    head.copy_from_slice(&bytes[..MIN_BYTES]);
    u64::from_le_bytes(head)
}

fn slot_of(head: u64) -> usize {
    (head.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - FILTER_BITS)) as usize
}

/// The value in the forms in which it travels, without doubles and without what is too short to watch.
fn forms_of(value: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let mut forms: Vec<Zeroizing<Vec<u8>>> = Vec::with_capacity(8);
    if value.len() < MIN_BYTES {
        return forms;
    }
    let mut add = |mut form: Zeroizing<Vec<u8>>| {
        form.truncate(MAX_BYTES);
        if form.len() >= MIN_BYTES && !forms.contains(&form) {
            forms.push(form);
        }
    };
    add(Zeroizing::new(value.to_vec()));
    if let Ok(text) = std::str::from_utf8(value) {
        let mut quoted = Zeroizing::new(Vec::with_capacity(value.len() * 6 + 2));
        if serde_json::to_writer(&mut *quoted, text).is_ok() {
            add(Zeroizing::new(quoted[1..quoted.len() - 1].to_vec()));
        }
        add(Zeroizing::new(url_escaped(value, b"+")));
        add(Zeroizing::new(url_escaped(value, b"%20")));
    }
    add(Zeroizing::new(hex(value, b"0123456789abcdef")));
    add(Zeroizing::new(hex(value, b"0123456789ABCDEF")));
    for offset in 0..3 {
        add(Zeroizing::new(base64_at(value, offset, &STANDARD_NO_PAD)));
        add(Zeroizing::new(base64_at(value, offset, &URL_SAFE_NO_PAD)));
    }
    forms
}

// These write into room made beforehand: growing would leave unwiped halves behind.

fn url_escaped(value: &[u8], space: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(value.len() * 3);
    for part in url::form_urlencoded::byte_serialize(value) {
        escaped.extend_from_slice(if part == "+" { space } else { part.as_bytes() });
    }
    escaped
}

fn hex(value: &[u8], digits: &[u8; 16]) -> Vec<u8> {
    let mut text = Vec::with_capacity(value.len() * 2);
    for byte in value {
        text.extend_from_slice(&[digits[(byte >> 4) as usize], digits[(byte & 15) as usize]]);
    }
    text
}

/// The digits that depend on the value alone when it begins `offset` bytes into a group of three.
fn base64_at(value: &[u8], offset: usize, engine: &impl Engine) -> Vec<u8> {
    let padded = Zeroizing::new([&[0; 2][..offset], value].concat());
    let digits = Zeroizing::new(engine.encode(&*padded).into_bytes());
    // A digit is the value's own where all of its six bits are.
    let first = (offset * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    digits[first.min(last)..last].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.as_bytes().to_vec())
    }

    #[test]
    fn a_watched_value_is_cut_out_in_every_form_and_no_longer_than_it_lives() {
        let redactor = Redactor::new();
        let value = "p\"ss wörd/with+marks";
        let lines: Vec<String> = {
            let quoted = serde_json::to_string(value).expect("json");
            let mut lines = vec![
                format!("sent {value} away"),
                format!("sent {quoted} away"),
                format!(
                    "sent {} away",
                    String::from_utf8(hex(value.as_bytes(), b"0123456789abcdef")).expect("hex")
                ),
                format!("q={}", url::form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>()),
            ];
            for user in ["", "u", "us", "usr"] {
                lines.push(format!("Basic {}", STANDARD_NO_PAD.encode(format!("{user}:{value}"))));
            }
            lines
        };
        let watch = redactor.watch(&secret(value));
        let again = redactor.watch(&secret(value));
        for line in &lines {
            assert!(redactor.redact(line).contains(MARK), "{line}");
        }
        drop(watch);
        assert!(redactor.redact(&lines[0]).contains(MARK), "one holder is left");
        drop(again);
        assert!(matches!(redactor.redact(&lines[0]), Cow::Borrowed(_)));
        assert_eq!(redactor.watched(), 0);
        assert!(redactor.table.read().needles.is_empty(), "no copy of the value stays");
    }

    #[test]
    fn what_holds_no_secret_is_returned_as_it_is() {
        let redactor = Redactor::new();
        let _watch = redactor.watch(&secret("correct-horse-battery"));
        let _short = redactor.watch(&secret("short"));
        for line in ["", "correct", "a short line", "correct-horse-batter"] {
            assert!(matches!(redactor.redact(line), Cow::Borrowed(_)), "{line}");
        }
    }

    #[test]
    fn of_two_values_that_begin_alike_the_longer_goes_first() {
        let redactor = Redactor::new();
        let _short = redactor.watch(&secret("sk-live-1234"));
        let _long = redactor.watch(&secret("sk-live-1234-and-more"));
        assert_eq!(redactor.redact("key sk-live-1234-and-more."), "key [secret].");
        assert_eq!(redactor.redact("sk-live-1234sk-live-1234"), "[secret][secret]");
    }

    proptest::proptest! {
        #[test]
        fn no_text_keeps_a_watched_value(
            values in proptest::collection::vec("[a-c]{8,12}", 1..6), text in "[a-c ]{0,200}",
        ) {
            let redactor = Redactor::new();
            let watches: Vec<Watch> = values.iter().map(|it| redactor.watch(&secret(it))).collect();
            let clean = redactor.redact(&text).into_owned();
            let plain = clean.replace(MARK, "\u{0}");
            for value in &values {
                proptest::prop_assert!(!plain.contains(value.as_str()));
            }
            drop(watches);
            proptest::prop_assert_eq!(redactor.redact(&text), text.as_str());
        }
    }
}
