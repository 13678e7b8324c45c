//! Media that fail, and media that are full.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use reeve::base::{Code, Env};
use reeve::infra::store::{
    Backend, Key, LoggedBackend, OpenOptions, Order, Rows, Snapshot, Store, StoreError, WriteOptions,
    WriteSet,
};

use super::medium::{Call, Medium, Platter};
use super::model::{Line, Model, Note, compare, count, counted, orgs};
use super::power::{backend, commit, empty_image, imagine, open, some_changes};
use crate::support::dice::Dice;

/// Commits until the medium fails; then nothing more may be acknowledged, nothing acknowledged be lost.
fn fail_at(call: Call, nth: usize, seed: u64) -> bool {
    let (medium, mut dice) = (Medium::holding(empty_image()), Dice::new(seed));
    let store = open(&medium).expect("opens");
    let failure = store.failure();
    medium.fail(call, nth);
    let (mut model, mut acknowledged, mut refused) = (Model::new(), 0, false);
    let mut last_tried = Model::new();
    for number in 1..=60 {
        let changes = some_changes(&mut dice, number);
        match commit(&store, changes.clone()) {
            Ok(count) => {
                assert!(!refused, "{call:?} {nth}: acknowledged after a failure");
                acknowledged = count;
                imagine(&mut model, &changes);
                last_tried = model.clone();
            }
            Err(error) => {
                if !refused {
                    imagine(&mut last_tried, &changes);
                }
                refused = true;
                assert!(error.is(Code::Unavailable), "{error:?}");
            }
        }
    }
    assert_eq!(failure.borrow().is_some(), refused);
    assert_eq!(store.check_writable().is_err(), refused);
    drop(store);
    if call == Call::Sync {
        assert_eq!(medium.syncs_after_failure(), 0, "a sync was tried again after one failed");
    }
    let fired = medium.has_failed();

    let mut platter = Platter::new(empty_image());
    medium.log().iter().for_each(|it| platter.follow(it));
    for image in [medium.image(), platter.cut(&mut dice), platter.cut(&mut dice)] {
        let store = open(&Medium::holding(image)).expect("the next start is clean");
        let found = counted(&store).expect("readable");
        let model = if found == acknowledged { &model } else { &last_tried };
        assert!(found == acknowledged || found == acknowledged + 1, "{call:?} {nth}: {found} {acknowledged}");
        assert_eq!(compare(&store, model).expect("readable"), Ok(()), "{call:?} {nth}");
    }
    fired
}

#[test]
fn after_a_failed_write_or_sync_nothing_is_acknowledged() {
    let rounds = if super::full() { 60 } else { 12 };
    let mut fired = 0;
    for call in [Call::Sync, Call::Write, Call::ShortWrite, Call::Length] {
        for round in 0..rounds {
            let nth = if call == Call::Length { 1 + round % 4 } else { 1 + round * 7 };
            fired += usize::from(fail_at(call, nth, round as u64));
        }
    }
    assert!(fired >= rounds * 3, "the faults were met: {fired}");
}

#[test]
fn a_failed_read_is_an_error_and_never_an_empty_answer() {
    let medium = Medium::holding(empty_image());
    let store = open(&medium).expect("opens");
    let (mut model, mut dice) = (Model::new(), Dice::new(7));
    for number in 1..=40 {
        let changes = some_changes(&mut dice, number);
        imagine(&mut model, &changes);
        commit(&store, changes).expect("commits");
    }
    drop(store);
    let mut met = 0;
    for nth in 1..60 {
        let medium = Medium::holding(medium.image());
        medium.fail(Call::Read, nth);
        match open(&medium).and_then(|store| compare(&store, &model)) {
            Ok(same) => assert_eq!(same, Ok(())),
            Err(_) => met += 1,
        }
    }
    assert!(met > 0, "the failing reads were met");
}

fn line(number: u64, bytes: usize) -> Line {
    Line { number, text: "x".repeat(bytes) }
}

fn put_line(store: &Store, number: u64, bytes: usize) -> reeve::base::Result<u64> {
    store.write_blocking(move |tx| {
        tx.org(orgs()[0]).put(&line(number, bytes))?;
        count(tx)
    })
}

#[test]
fn a_full_disk_is_survived_without_a_restart() {
    for room in [0, 1, 2, 3, 5, 8, 13, 21, 34, 55] {
        let medium = Medium::holding(empty_image());
        let store = open(&medium).expect("opens");
        for number in 0..20 {
            put_line(&store, number, 8_000).expect("there is room");
        }
        medium.leave_room(Some(room));
        let (mut acknowledged, mut number) = (20, 20);
        let error = loop {
            match put_line(&store, number, 8_000) {
                Ok(_) => (acknowledged, number) = (acknowledged + 1, number + 1),
                Err(error) => break error,
            }
            assert!(number < 10_000, "the disk becomes full");
        };
        assert!(error.is(Code::Unavailable), "{error:?}");
        assert!(store.failure().borrow().is_none(), "a full disk is no failure");
        let lines = || store.org(orgs()[0]).and_then(|it| it.all::<Line>(Key::new(), Order::Oldest));
        assert_eq!(lines().expect("reads go on").len() as u64, acknowledged);

        medium.leave_room(None);
        for more in 0..20 {
            put_line(&store, number + more, 8_000).expect("recovered once there is room");
        }
        assert_eq!(lines().expect("readable").len() as u64, acknowledged + 20);
        drop(store);
        assert_eq!(counted(&open(&medium).expect("opens")).expect("readable"), acknowledged + 20);
    }
}

#[test]
fn a_read_only_medium_is_survived_without_a_restart() {
    // After each number of commits: before a record, and where the database is to take the log in.
    for commits in 0..24 {
        let medium = Medium::holding(empty_image());
        let store = open(&medium).expect("opens");
        for number in 0..commits {
            put_line(&store, number, 8_000).expect("is written");
        }
        medium.take_writes(false);
        let lines = || store.org(orgs()[0]).and_then(|it| it.all::<Line>(Key::new(), Order::Oldest));
        for _ in 0..3 {
            let refused = put_line(&store, commits, 8_000).expect_err("nothing is written");
            assert!(refused.is(Code::Unavailable) && refused.message().contains("read-only"), "{refused:?}");
            assert_eq!(lines().expect("reads go on").len() as u64, commits);
            assert!(store.check_writable().is_err());
        }
        assert!(store.failure().borrow().is_none(), "a read-only disk is no failure");

        medium.take_writes(true);
        for more in 0..20 {
            put_line(&store, commits + more, 8_000).expect("recovered");
        }
        assert!(store.check_writable().is_ok());
        assert_eq!(lines().expect("readable").len() as u64, commits + 20);
        drop(store);
        assert_eq!(counted(&open(&medium).expect("opens")).expect("readable"), commits + 20);
    }
}

/// Whoever looks whether it is ready makes the store look.
#[test]
fn a_medium_that_takes_writes_again_is_found_without_a_write() {
    let medium = Medium::holding(empty_image());
    let store = open(&medium).expect("opens");
    medium.take_writes(false);
    put_line(&store, 1, 10).expect_err("nothing is written");
    medium.take_writes(true);
    while store.check_writable().is_err() {
        std::thread::yield_now();
    }
    put_line(&store, 1, 10).expect("recovered");
}

/// A backend whose free space is set by hand.
struct Measured(LoggedBackend, Arc<AtomicU64>);

impl Backend for Measured {
    fn snapshot(&self) -> Result<Arc<dyn Snapshot>, StoreError> {
        self.0.snapshot()
    }
    fn commit(&self, changes: &WriteSet) -> Result<(), StoreError> {
        self.0.commit(changes)
    }
    fn recover(&self) -> Result<(), StoreError> {
        self.0.recover()
    }
    fn size_bytes(&self) -> u64 {
        self.0.size_bytes()
    }
    fn free_bytes(&self) -> Option<u64> {
        Some(self.1.load(Relaxed))
    }
}

#[tokio::test]
async fn below_the_floor_only_essential_writes_pass() {
    let (medium, free) = (Medium::holding(empty_image()), Arc::new(AtomicU64::new(100)));
    let backend = backend(&medium, 0).expect("opens");
    let options = OpenOptions { min_free_bytes: 50, ..OpenOptions::default() };
    let store = Store::on(Measured(backend, free.clone()), options, &Env::system()).expect("opens");
    let note = Note { name: "kept".into(), color: 1, label: None, body: String::new() };
    store.write_org(orgs()[0], move |tx| tx.put(&note)).await.expect("there is room");

    free.store(49, Relaxed);
    assert!(store.check_writable().is_err());
    let refused = store.write(count).await.expect_err("below the floor");
    assert!(refused.is(Code::Unavailable), "{refused:?}");
    let essential = WriteOptions { essential: true };
    let deleted = store.write_with(essential, |tx| tx.org(orgs()[0]).delete::<Note>("kept")).await;
    assert!(deleted.expect("deletions pass").is_some());
    assert_eq!(counted(&store).expect("reads go on"), 0);

    free.store(50, Relaxed);
    assert_eq!(store.write(count).await.expect("there is room again"), 1);
}

#[test]
fn a_snapshot_held_over_a_full_disk_answers_with_errors_or_its_own_state() {
    let medium = Medium::holding(empty_image());
    let store = open(&medium).expect("opens");
    for number in 0..200 {
        put_line(&store, number, 8_000).expect("there is room");
    }
    let old = store.org(orgs()[0]).expect("readable");
    medium.leave_room(Some(0));
    while put_line(&store, 1_000, 300_000).is_ok() {}
    medium.leave_room(None);
    for number in 0..200 {
        put_line(&store, number, 7_000).expect("recovered");
    }
    for number in 0..200 {
        if let Ok(found) = old.get::<Line>(Key::new().u64(number)) {
            assert_eq!(found, Some(line(number, 8_000)));
        }
    }
}
