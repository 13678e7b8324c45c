//! The store against plain maps: any interleaving of writers, failures, pages and restarts.

use std::sync::Arc;

use proptest::prelude::*;
use reeve::base::{Code, Cursor, Error, PageRequest};
use reeve::infra::store::{Key, Order, Row, Rows, Store};

use super::medium::Medium;
use super::model::{Change, Held, Line, Model, Note, compare, count, orgs};
use super::power::{empty_image, open};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Ending {
    Succeeds,
    Fails,
    Panics,
}

/// One closure.
#[derive(Debug, Clone)]
struct Job {
    changes: Vec<(usize, Change)>,
    ending: Ending,
}

#[derive(Debug, Clone)]
enum Step {
    /// Closures of as many threads at once.
    Write(Vec<Job>),
    /// All pages of a list.
    Walk {
        org: usize,
        index: u8,
        color: Option<u8>,
        newest: bool,
        limit: usize,
    },
    Reopen,
}

/// Names and labels that come near each other, and near the escapes.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[\\x00-\\x02ab\\u{10ffff}]{1,3}", Just("n".repeat(200))]
}

fn change() -> impl Strategy<Value = Change> {
    let note = (name(), 0..6_u8, proptest::option::of(name()), "[a-z]{0,20}")
        .prop_map(|(name, color, label, body)| Change::Put(Arc::new(Note { name, color, label, body })));
    let line = (0..20_u64, "[a-z]{0,9}").prop_map(|(number, text)| Change::Line(Line { number, text }));
    prop_oneof![8 => note, 3 => name().prop_map(Change::Remove), 2 => line, 1 => Just(Change::RemoveAll)]
}

fn job() -> impl Strategy<Value = Job> {
    let ending =
        prop_oneof![6 => Just(Ending::Succeeds), 1 => Just(Ending::Fails), 1 => Just(Ending::Panics)];
    let changes = proptest::collection::vec((0..orgs().len(), change()), 0..6);
    (changes, ending).prop_map(|(changes, ending)| Job { changes, ending })
}

fn step() -> impl Strategy<Value = Step> {
    let walk = (0..orgs().len(), 0..3_u8, proptest::option::of(0..5_u8), any::<bool>(), 1..9_usize)
        .prop_map(|(org, index, color, newest, limit)| Step::Walk { org, index, color, newest, limit });
    prop_oneof![
        6 => proptest::collection::vec(job(), 1..6).prop_map(Step::Write),
        3 => walk,
        1 => Just(Step::Reopen),
    ]
}

/// A closure that succeeded.
struct Done {
    /// Its place among all of them.
    number: u64,
    changes: Vec<(usize, Change)>,
    /// How many notes each organization had, as the closure saw it.
    seen: Vec<usize>,
}

/// Runs the jobs at once; answers those that succeeded, in the order in which they did.
fn write(store: &Store, jobs: Vec<Job>) -> Vec<Done> {
    let mut done = std::thread::scope(|scope| {
        let threads: Vec<_> = jobs
            .into_iter()
            .map(|job| {
                scope.spawn(move || {
                    let changes = job.changes.clone();
                    let outcome = store.write_blocking(move |tx| {
                        for (org, change) in &changes {
                            change.make(&mut tx.org(orgs()[*org]))?;
                        }
                        match job.ending {
                            Ending::Succeeds => {}
                            Ending::Fails => return Err(Error::conflict("on purpose")),
                            Ending::Panics => panic!("on purpose"),
                        }
                        let mut seen = Vec::new();
                        for org in orgs() {
                            seen.push(tx.org(org).all::<Note>(Key::new(), Order::Oldest)?.len());
                        }
                        Ok((count(tx)?, seen))
                    });
                    assert_eq!(outcome.is_ok(), job.ending == Ending::Succeeds, "{outcome:?}");
                    let code = outcome.as_ref().err().map(Error::code);
                    let expected = match job.ending {
                        Ending::Succeeds => None,
                        Ending::Fails => Some(Code::Conflict),
                        Ending::Panics => Some(Code::Internal),
                    };
                    assert_eq!(code, expected);
                    outcome.ok().map(|(number, seen)| Done { number, changes: job.changes, seen })
                })
            })
            .collect();
        threads.into_iter().filter_map(|it| it.join().expect("no panic escapes")).collect::<Vec<_>>()
    });
    done.sort_by_key(|it| it.number);
    done
}

/// Walks the whole list; answers all rows.
fn walk(store: &Store, org: usize, index: u8, prefix: &Key, order: Order, limit: usize) -> Vec<Note> {
    let view = store.org(orgs()[org]).expect("a view");
    let (mut rows, mut request) = (Vec::new(), PageRequest::first(limit));
    loop {
        let (page, next) =
            view.page::<Note>(index, prefix.clone(), order, &request, |_| true).expect("a page");
        assert!(page.len() <= limit);
        assert!(next.is_none() || page.len() == limit, "a page with a next one is full");
        rows.extend(page);
        match next {
            None => return rows,
            // As a client sends it.
            Some(next) => request.cursor = Some(Cursor::parse(&next.to_string()).expect("one of ours")),
        }
    }
}

fn expected(held: &Held, index: u8, color: Option<u8>, newest: bool) -> Vec<Note> {
    let mut notes: Vec<Note> = held
        .by_index(index)
        .iter()
        .filter(|it| index != Note::BY_COLOR || color.is_none_or(|color| it.color == color))
        .map(|it| it.as_ref().clone())
        .collect();
    if newest {
        notes.reverse();
    }
    notes
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if super::full() { 2_000 } else { 150 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_store_is_what_plain_maps_are(steps in proptest::collection::vec(step(), 1..12)) {
        let (medium, mut model, mut counted) = (Medium::holding(empty_image()), Model::new(), 0);
        let mut store = open(&medium).expect("opens");
        for step in steps {
            match step {
                Step::Write(jobs) => {
                    for Done { number, changes, seen } in write(&store, jobs) {
                        counted += 1;
                        prop_assert_eq!(number, counted);
                        for (org, change) in &changes {
                            change.imagine(model.entry(orgs()[*org]).or_default());
                        }
                        let held: Vec<usize> =
                            orgs().iter().map(|it| model.get(it).map_or(0, |it| it.notes.len())).collect();
                        prop_assert_eq!(seen, held);
                    }
                }
                Step::Walk { org, index, color, newest, limit } => {
                    let order = if newest { Order::Newest } else { Order::Oldest };
                    let prefix = match (index, color) {
                        (Note::BY_COLOR, Some(color)) => Key::new().byte(color),
                        _ => Key::new(),
                    };
                    let held = model.get(&orgs()[org]).cloned().unwrap_or_default();
                    prop_assert_eq!(
                        walk(&store, org, index, &prefix, order, limit),
                        expected(&held, index, color, newest)
                    );
                }
                Step::Reopen => {
                    drop(store);
                    store = open(&medium).expect("opens again");
                }
            }
            prop_assert_eq!(compare(&store, &model).expect("readable"), Ok(()));
        }
    }

    #[test]
    fn no_cursor_leaves_its_list(bytes: Vec<u8>, newest: bool, index in 0..3_u8) {
        let store = open(&Medium::holding(empty_image())).expect("opens");
        store.write_blocking(|tx| {
            for (number, org) in orgs().into_iter().enumerate() {
                for name in ["", "a", "\u{10ffff}"] {
                    tx.org(org).put(&Note {
                        name: name.into(), color: 1, label: Some("l".into()), body: number.to_string(),
                    })?;
                }
            }
            Ok(())
        }).expect("commits");
        let order = if newest { Order::Newest } else { Order::Oldest };
        for (number, org) in orgs().into_iter().enumerate() {
            let view = store.org(org).expect("a view");
            let page = |index, prefix, request: &PageRequest| {
                view.page::<Note>(index, prefix, order, request, |_| true).map_err(|it| it.code())
            };
            let (_, first) = page(index, Key::new(), &PageRequest::first(1)).expect("a page");
            // A real one begins with what list it is of.
            let of_list = first.expect("more").0[..3].to_vec();
            let with = |cursor: Vec<u8>| PageRequest { limit: None, cursor: Some(Cursor(cursor)) };
            let request = with([of_list.as_slice(), &bytes].concat());
            let (rows, next) = page(index, Key::new(), &request).expect("a page");
            prop_assert!(rows.iter().all(|it| it.body == number.to_string()));
            prop_assert!(next.is_none());
            let fits = index == Note::BY_COLOR && bytes.starts_with(b"\x01?");
            let elsewhere = page(Note::BY_COLOR, Key::new().byte(1).bytes(b"?"), &request);
            prop_assert_eq!(elsewhere.err(), (!fits).then_some(Code::ValidationFailed));
            if !bytes.starts_with(&of_list) {
                prop_assert_eq!(page(index, Key::new(), &with(bytes.clone())).err(), Some(Code::ValidationFailed));
            }
        }
    }
}

#[test]
fn a_name_is_not_found_under_one_that_begins_like_it() {
    let store = open(&Medium::holding(empty_image())).expect("opens");
    let note = Note { name: "x".into(), color: 9, label: Some("a\0".into()), body: String::new() };
    store.write_blocking(move |tx| tx.org(orgs()[0]).put(&note)).expect("commits");
    let view = store.org(orgs()[0]).expect("a view");
    assert!(view.by_index::<Note>(Note::BY_LABEL, Key::from("a")).expect("readable").is_none());
    assert!(view.by_index::<Note>(Note::BY_LABEL, Key::from("a\0")).expect("readable").is_some());
}

#[test]
fn erasing_an_organization_takes_all_its_rows_and_no_other() {
    let store = open(&Medium::holding(empty_image())).expect("opens");
    let mut model = Model::new();
    for erased in 0..orgs().len() {
        let all: Vec<_> = (0..orgs().len())
            .map(|org| {
                let note = Note { name: "n".into(), color: 1, label: Some("l".into()), body: String::new() };
                (org, Change::Put(Arc::new(note)))
            })
            .collect();
        for (org, change) in &all {
            change.imagine(model.entry(orgs()[*org]).or_default());
        }
        super::power::commit(&store, all).expect("commits");
        store.write_blocking(move |tx| tx.erase_org(orgs()[erased])).expect("commits");
        model.remove(&orgs()[erased]);
        assert_eq!(compare(&store, &model).expect("readable"), Ok(()));
    }
    let nobody = reeve::base::Id::from_bytes([0; 16]);
    assert!(store.write_blocking(move |tx| tx.erase_org(nobody)).is_err(), "the appliance's rows stay");
}

#[test]
fn a_row_that_cannot_be_stored_changes_nothing() {
    let store = open(&Medium::holding(empty_image())).expect("opens");
    let long = Note { name: "n".repeat(300), color: 1, label: Some("l".into()), body: String::new() };
    assert!(long.key().as_slice().len() > 255);
    store
        .write_blocking(move |tx| {
            assert!(tx.org(orgs()[0]).put(&long).is_err());
            Ok(())
        })
        .expect("the closure goes on");
    assert_eq!(compare(&store, &Model::new()).expect("readable"), Ok(()));
    assert_eq!(store.last_change().expect("readable"), 0);
}

#[tokio::test]
async fn many_writers_share_a_commit_and_hear_of_it_in_order() {
    let store = open(&Medium::holding(empty_image())).expect("opens");
    let mut changes = store.follow();
    let gate = Arc::new(std::sync::Barrier::new(2));
    let closed = gate.clone();
    let first = store.clone();
    let first = tokio::task::spawn_blocking(move || {
        first.write_blocking(move |_| {
            closed.wait();
            closed.wait();
            Ok(())
        })
    });
    let waiting = gate.clone();
    tokio::task::spawn_blocking(move || waiting.wait()).await.expect("the writer is busy");
    let mut writes: Vec<_> = (0..64_u64)
        .map(|number| {
            let store = store.clone();
            Box::pin(async move {
                let note = Note { name: number.to_string(), color: 1, label: None, body: String::new() };
                store.write_org(orgs()[0], move |tx| tx.put(&note)).await
            })
        })
        .collect();
    // Each is polled once, so that all of them wait in the queue.
    for write in &mut writes {
        assert!(futures_util::poll!(write.as_mut()).is_pending());
    }
    let before = store.syncs();
    let commits = || store.stats().commits.load(std::sync::atomic::Ordering::Relaxed);
    let commits_before = commits();
    gate.wait();
    first.await.expect("no panic").expect("commits");
    for write in writes {
        write.await.expect("commits");
    }
    assert_eq!(commits() - commits_before, 1, "all of them in one commit");
    assert_eq!(store.syncs() - before, 1);
    let batch = changes.recv().await.expect("a batch");
    assert_eq!((batch.number, batch.changes.len()), (1, 64));
    assert_eq!(store.last_change().expect("readable"), 1);
}
