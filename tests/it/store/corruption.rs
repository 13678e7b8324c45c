//! Damage to the file: found, or harmless; never a wrong answer served as right.

use std::path::Path;
use std::sync::Arc;

use reeve::base::{Code, Env, Id, OrgId};
use reeve::infra::store::{Key, OpenOptions, Order, Row, Rows, Store};

use super::model::{Line, Model, Note, compare, counted, orgs};
use super::power::{commit, imagine, some_changes};
use crate::support::dice::Dice;

fn open(folder: &Path) -> reeve::base::Result<Store> {
    // A small cache, so that answers come from the file.
    let options = OpenOptions { cache_bytes: 64 << 10, ..OpenOptions::default() };
    Store::open(folder, options, &Env::system())
}

/// A closed store with some hundred rows, and what it holds.
fn sound_file() -> (Vec<u8>, Model, u64) {
    let (folder, mut dice, mut model) = (tempfile::tempdir().expect("a folder"), Dice::new(14), Model::new());
    let store = open(folder.path()).expect("opens");
    let mut feed = 0;
    for number in 1..=60 {
        let mut changes = some_changes(&mut dice, number);
        changes.retain(|it| !matches!(it.1, super::model::Change::RemoveAll));
        feed += u64::from(imagine(&mut model, &changes));
        commit(&store, changes).expect("commits");
    }
    drop(store);
    (std::fs::read(folder.path().join("reeve.redb")).expect("readable"), model, feed)
}

/// How many answers were errors; panics on a wrong one.
fn ask_everything(store: &Store, model: &Model, feed: u64, what: &str) -> usize {
    let mut errors = 0;
    for (org, held) in model {
        let Ok(view) = store.org(*org) else {
            errors += 1;
            continue;
        };
        for (key, note) in &held.notes {
            match view.get::<Note>(Key::new().bytes(key)) {
                Ok(found) => assert_eq!(found.as_ref(), Some(note.as_ref()), "{what}"),
                Err(_) => errors += 1,
            }
        }
        for line in held.lines.values() {
            match view.get::<Line>(line.key()) {
                Ok(found) => assert_eq!(found.as_ref(), Some(line), "{what}"),
                Err(_) => errors += 1,
            }
        }
        match view.all::<Note>(Key::new(), Order::Newest) {
            Ok(found) => assert!(found.iter().rev().eq(held.notes.values().map(Arc::as_ref)), "{what}"),
            Err(_) => errors += 1,
        }
    }
    match compare(store, model) {
        Ok(same) => assert_eq!(same, Ok(()), "{what}"),
        Err(_) => errors += 1,
    }
    match counted(store) {
        Ok(found) => assert_eq!(found, 60, "{what}"),
        Err(_) => errors += 1,
    }
    match store.changes_after(0, usize::MAX) {
        Ok(found) => assert_eq!(found.map(|it| it.len() as u64), Some(feed), "{what}"),
        Err(_) => errors += 1,
    }
    errors
}

fn damage(image: &mut Vec<u8>, dice: &mut Dice) -> String {
    match dice.below(10) {
        0 => {
            let end = if dice.percent(30) { 20_000 } else { image.len() };
            image.truncate(dice.below(end));
            format!("truncated to {}", image.len())
        }
        1..=3 => {
            let page = dice.below(image.len() / 4096) * 4096;
            image[page..page + 4096].fill(0);
            format!("zeroed at {page}")
        }
        _ => {
            // Mostly within what is in use, which lies at the front.
            let end = if dice.percent(80) { image.len() / 3 } else { image.len() };
            let (at, bit) = (dice.below(end), dice.below(8));
            image[at] ^= 1 << bit;
            format!("bit {bit} of byte {at}")
        }
    }
}

#[test]
fn damage_is_found_or_harmless() {
    let rounds = if super::full() { 2_000 } else { 100 };
    let ((sound, model, feed), mut dice) = (sound_file(), Dice::new(3));
    let (mut unopenable, mut found, mut harmless) = (0, 0, 0);
    for _ in 0..rounds {
        let mut image = sound.clone();
        let what = damage(&mut image, &mut dice);
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("reeve.redb"), image).expect("written");
        match open(folder.path()) {
            Err(error) => {
                unopenable += 1;
                assert!(error.is(Code::Unavailable), "{what}: {error:?}");
                assert!(error.message().contains("put a copy of the data folder back"), "{what}: {error:?}");
            }
            Ok(store) => {
                match ask_everything(&store, &model, feed, &what) {
                    0 => harmless += 1,
                    _ => found += 1,
                }
                // Whether or not it is taken, the writer's thread answers.
                let _ = commit(&store, some_changes(&mut dice, 900));
            }
        }
    }
    eprintln!("damage: rounds={rounds} unopenable={unopenable} found={found} harmless={harmless} wrong=0");
    assert!(found > 0 && harmless > 0);
}

#[test]
fn a_flipped_bit_of_the_header_is_found_or_harmless() {
    let (sound, model, feed) = sound_file();
    let header = sound.windows(4).position(|it| it == b"redb").expect("a header");
    let (mut refused, mut dice) = (0, Dice::new(9));
    // The flags that redb has no checksum for are in the tenth byte.
    let some = if super::full() { 2_000 } else { 120 };
    let bits = (9 * 8..10 * 8).chain((0..some).map(|_| dice.below(320 * 8)));
    let folder = tempfile::tempdir().expect("a folder");
    for bit in bits.collect::<Vec<_>>() {
        let mut image = sound.clone();
        image[header + bit / 8] ^= 1 << (bit % 8);
        std::fs::write(folder.path().join("reeve.redb"), image).expect("written");
        match open(folder.path()) {
            Err(_) => refused += 1,
            Ok(store) => drop(ask_everything(&store, &model, feed, &format!("bit {bit} of the header"))),
        }
    }
    assert!(refused > 0);
}

#[test]
fn rows_beside_a_damaged_page_stay_readable() {
    let (mut image, model, _) = sound_file();
    // Not the first: its rows share a page with those that opening reads.
    let org = orgs()[2];
    let bodies = model[&org].notes.values().map(|it| it.body.as_bytes());
    let body = bodies.max_by_key(|it| it.len()).expect("a note");
    let places: Vec<usize> =
        image.windows(body.len()).enumerate().filter(|(_, it)| *it == body).map(|(at, _)| at).collect();
    for at in places {
        image[at + body.len() / 2] ^= 1;
    }
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("reeve.redb"), image).expect("written");
    let store = open(folder.path()).expect("opens");
    let (mut read, mut refused) = (0, 0);
    for _ in 0..2 {
        for (key, note) in &model[&org].notes {
            match store.org(org).expect("a view").get::<Note>(Key::new().bytes(key)) {
                Ok(found) => {
                    assert_eq!(found.as_ref(), Some(note.as_ref()));
                    read += 1;
                }
                Err(error) => {
                    assert!(error.is(Code::Unavailable), "{error:?}");
                    refused += 1;
                }
            }
        }
    }
    assert!(read > 0 && refused > 0, "{read} read, {refused} refused");
}

#[test]
fn a_file_of_something_else_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for content in ["", "x", "not a database at all"] {
        for times in [1, 5_000] {
            std::fs::write(folder.path().join("reeve.redb"), content.repeat(times)).expect("written");
            let message = open(folder.path()).err().expect("refused").message().to_owned();
            assert!(message.contains("cannot be opened"), "{message}");
        }
    }
    let nobody = OrgId::from_bytes([0; 16]);
    let store = open(tempfile::tempdir().expect("a folder").path()).expect("opens");
    assert!(store.org(nobody).err().expect("refused").is(Code::NotFound));
}
