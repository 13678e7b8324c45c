//! The log in front of the database: read back after an abort, refused where it is not whole.

use reeve::base::{Code, Env};
use reeve::infra::store::{Key, OpenOptions, Order, Rows, Store};

use super::medium::{LOG_BYTES, Medium};
use super::model::{Line, orgs};
use super::power::{empty_image, open};

fn put(store: &Store, number: u64) {
    let line = Line { number, text: format!("line {number} ").repeat(40) };
    store.write_blocking(move |tx| tx.org(orgs()[0]).put(&line)).expect("commits");
}

fn numbers(store: &Store) -> Vec<u64> {
    let lines = store.org(orgs()[0]).and_then(|it| it.all::<Line>(Key::new(), Order::Oldest));
    lines.expect("readable").into_iter().map(|it| it.number).collect()
}

/// What is on the disk while a store with lines up to `last` is open.
fn image_with(last: u64) -> Vec<u8> {
    let medium = Medium::holding(empty_image());
    let store = open(&medium).expect("opens");
    (1..=last).for_each(|number| put(&store, number));
    medium.image()
}

fn place_of(image: &[u8], text: &str) -> usize {
    image[..LOG_BYTES].windows(text.len()).position(|it| it == text.as_bytes()).expect("in the log")
}

#[test]
fn what_only_the_log_has_is_there_after_an_abort() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), OpenOptions::default(), &Env::system()).expect("opens");
    (1..=30).for_each(|number| put(&store, number));
    let copy = tempfile::tempdir().expect("a folder");
    for name in ["reeve.redb", "reeve.log", "reeve.log2", "VERSION"] {
        std::fs::copy(folder.path().join(name), copy.path().join(name)).expect("copies");
    }
    let database = std::fs::read(copy.path().join("reeve.redb")).expect("readable");
    assert!(!database.windows(8).any(|it| it == b"line 30 "), "the database has not taken it in yet");
    for _ in 0..2 {
        let again = Store::open(copy.path(), OpenOptions::default(), &Env::system()).expect("opens");
        assert_eq!(numbers(&again), (1..=30).collect::<Vec<_>>());
    }
    for log in ["reeve.log", "reeve.log2"] {
        std::fs::remove_file(copy.path().join(log)).expect("removes");
    }
    let alone = Store::open(copy.path(), OpenOptions::default(), &Env::system()).expect("opens");
    assert_eq!(numbers(&alone), (1..=30).collect::<Vec<_>>(), "a store that was closed is one file");
}

#[test]
fn a_commit_is_one_sync() {
    let store = open(&Medium::holding(empty_image())).expect("opens");
    let before = store.syncs();
    (1..=20).for_each(|number| put(&store, number));
    assert_eq!(store.syncs() - before, 20);
}

#[test]
fn a_last_record_that_is_torn_was_never_acknowledged() {
    let mut image = image_with(5);
    let at = place_of(&image, "line 5 ");
    image[at] ^= 1;
    assert_eq!(numbers(&open(&Medium::holding(image)).expect("opens")), [1, 2, 3, 4]);
}

#[test]
fn damage_in_the_middle_of_the_log_is_found() {
    let mut image = image_with(5);
    let at = place_of(&image, "line 3 ");
    image[at] ^= 1;
    let error = open(&Medium::holding(image)).err().expect("refused");
    assert!(error.is(Code::Unavailable), "{error:?}");
}

#[test]
fn a_log_of_another_time_is_refused() {
    let (mut early, late) = (image_with(5), image_with(400));
    early[..LOG_BYTES].copy_from_slice(&late[..LOG_BYTES]);
    assert!(open(&Medium::holding(early)).is_err(), "commits are missing in between");
    let late = Medium::holding(late);
    assert_eq!(numbers(&open(&late).expect("opens")), (1..=400).collect::<Vec<_>>());
}

/// Number of the first record in each half.
fn firsts(image: &[u8]) -> [u64; 2] {
    [0, LOG_BYTES].map(|at| u64::from_le_bytes(image[at + 8..at + 16].try_into().expect("8 bytes")))
}

#[test]
fn while_the_database_takes_one_half_in_both_count() {
    let medium = Medium::holding(empty_image());
    let store = open(&medium).expect("opens");
    let (mut turns, mut last) = (0, 0);
    while turns < 4 {
        let before = firsts(&medium.image());
        last += 1;
        put(&store, last);
        let image = medium.image();
        let now = firsts(&image);
        if before == now || last == 1 {
            continue;
        }
        turns += 1;
        let all: Vec<u64> = (1..=last).collect();
        assert_eq!(numbers(&open(&Medium::holding(image.clone())).expect("opens")), all);

        // The last record of the half that is full: only the other half tells that it once was whole.
        let (newer, full) = if now[0] > now[1] { (now[0], LOG_BYTES) } else { (now[1], 0) };
        let mut places = (full..full + LOG_BYTES).step_by(512);
        let place = places.rfind(|at| image[at + 8..at + 16] == (newer - 1).to_le_bytes());
        let mut damaged = image;
        damaged[place.expect("the last record") + 40] ^= 1;
        assert!(open(&Medium::holding(damaged)).is_err(), "a commit is missing in between");
    }
}
