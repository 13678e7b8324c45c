//! Keys whose bytes sort as their parts do.

use crate::base::{Id, Timestamp};

/// A key, or the beginning of one, made of parts. Integers are big-endian; texts end with a zero byte, and
/// bytes 0 and 1 inside are written as 1 1 and 1 2, so that no text's key is the beginning of another's.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<u8>);

impl Key {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn of(id: impl Id) -> Self {
        Self::new().id(id)
    }

    pub fn id(mut self, id: impl Id) -> Self {
        self.0.extend_from_slice(&id.bytes());
        self
    }

    pub fn text(mut self, text: &str) -> Self {
        for byte in text.bytes() {
            if byte <= 1 {
                self.0.push(1);
                self.0.push(byte + 1);
            } else {
                self.0.push(byte);
            }
        }
        self.0.push(0);
        self
    }

    pub fn byte(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }

    pub fn u64(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    pub fn time(self, time: Timestamp) -> Self {
        // Flipping the sign bit makes signed numbers sort as unsigned ones.
        self.u64((time.millis() as u64) ^ (1 << 63))
    }

    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

impl<T: Id> From<T> for Key {
    fn from(id: T) -> Self {
        Self::of(id)
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self::new().text(text)
    }
}

/// The smallest key that is greater than every key beginning with `prefix`.
pub(super) fn end_of(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < 0xff {
            end.push(last + 1);
            return end;
        }
    }
    // Only 0xff: nothing is greater, so all keys of the store's length are covered by this.
    vec![0xff; 64]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Texts that meet the escapes often.
    const HOSTILE: &str = "[\\x00-\\x02ab\u{10ffff}]{0,6}";

    proptest! {
        #[test]
        fn texts_sort_alike(a in HOSTILE, b in HOSTILE) {
            prop_assert_eq!(a.as_bytes().cmp(b.as_bytes()), Key::from(a.as_str()).cmp(&Key::from(b.as_str())));
        }

        #[test]
        fn times_sort_alike(a: i64, b: i64) {
            let key = |it| Key::new().time(Timestamp::from_millis(it));
            prop_assert_eq!(a.cmp(&b), key(a).cmp(&key(b)));
        }

        #[test]
        fn no_text_is_the_beginning_of_another(a in HOSTILE, b in HOSTILE) {
            prop_assume!(a != b);
            prop_assert!(!Key::from(b.as_str()).as_slice().starts_with(Key::from(a.as_str()).as_slice()));
        }

        #[test]
        fn the_end_lies_behind_all_with_the_prefix(
            mut prefix in proptest::collection::vec(253_u8.., 1..8),
            rest: Vec<u8>,
        ) {
            prefix[0] = prefix[0].min(254);
            let end = end_of(&prefix);
            let key = [prefix.as_slice(), rest.as_slice()].concat();
            prop_assert!(key < end);
            prop_assert!(!end.starts_with(&prefix));
        }
    }
}
