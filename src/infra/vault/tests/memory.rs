//! Secrets are gone from memory when they are dropped, as far as it can be seen from inside.

use std::io::{Read, Seek, SeekFrom};

use super::*;

/// Looks for a value in all of the process's own writable memory. The value is kept masked, so that the search
/// does not find itself.
struct Canary {
    masked: Vec<u8>,
    mask: u8,
}

impl Canary {
    fn new() -> Self {
        let mask = 0xA5;
        let masked = (0..40).map(|_| (b'a' + (rand::random::<u8>() % 26)) ^ mask).collect();
        Self { masked, mask }
    }

    fn secret(&self) -> Secret {
        Secret::new(self.masked.iter().map(|it| it ^ self.mask).collect::<Vec<u8>>())
    }

    fn copies(&self) -> usize {
        let maps = std::fs::read_to_string("/proc/self/maps").expect("maps");
        let mut memory = std::fs::File::open("/proc/self/mem").expect("memory");
        let mut copies = 0;
        for line in maps.lines().filter(|it| it.contains(" rw-p ") && !it.contains("[v")) {
            let (from, to) = line.split(' ').next().and_then(|it| it.split_once('-')).expect("a range");
            let from = u64::from_str_radix(from, 16).expect("an address");
            let to = u64::from_str_radix(to, 16).expect("an address");
            let mut bytes = vec![0; (to - from) as usize];
            if memory.seek(SeekFrom::Start(from)).is_err() || memory.read_exact(&mut bytes).is_err() {
                continue;
            }
            for byte in &mut bytes {
                *byte ^= self.mask;
            }
            copies += bytes.windows(self.masked.len()).filter(|it| *it == self.masked).count();
            // The buffer is itself memory that is read next.
            bytes.fill(0);
        }
        copies
    }
}

#[test]
fn a_secret_leaves_no_copy_behind() {
    let vault = vault();
    let wrapped = vault.new_ring(org(1)).expect("ring");
    let ring = vault.ring(org(1), &wrapped).expect("opens");
    let binding = place("credentials", "row", "value");
    let canary = Canary::new();
    let sealed = {
        let secret = canary.secret();
        vault.seal(&ring, &binding, &secret).expect("seals")
    };
    assert_eq!(canary.copies(), 0, "after sealing");
    let loaded = vault.open(&ring, &binding, &sealed).expect("opens");
    assert!(canary.copies() > 0, "the search finds what is there");
    drop(loaded);
    assert_eq!(canary.copies(), 0, "after use");
}

#[test]
fn what_holds_keys_is_wiped_when_dropped() {
    fn wiped<T: zeroize::ZeroizeOnDrop>() {}
    wiped::<Secret>();
    wiped::<ed25519_dalek::SigningKey>();
    wiped::<zeroize::Zeroizing<[u8; 32]>>();
}
