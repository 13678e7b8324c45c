//! Power cuts: every seed writes some forty commits to a medium that remembers each operation; then the power
//! fails at many places of that story, often again while the store recovers, and what is found must be
//! exactly what was acknowledged, or one commit more.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use reeve::base::{Env, Result};
use reeve::infra::store::{LoggedBackend, OpenOptions, Store};

use super::medium::{Entry, LOG_BYTES, Medium, Platter};
use super::model::{Change, Line, Model, Note, compare, count, counted, orgs};
use crate::support::dice::Dice;

const COMMITS: u64 = 40;
const CUTS_PER_SEED: usize = 50;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bug {
    None,
    SyncsAreForgotten,
    AcknowledgedBeforeCommit,
}

#[derive(Default)]
struct Tally {
    cuts: AtomicU64,
    lost: AtomicU64,
    unopenable: AtomicU64,
    differences: AtomicU64,
}

impl Tally {
    fn report(&self, name: &str) -> [u64; 4] {
        let [cuts, lost, unopenable, differences] =
            [&self.cuts, &self.lost, &self.unopenable, &self.differences].map(|it| it.load(Relaxed));
        eprintln!("{name}: cuts={cuts} lost={lost} unopenable={unopenable} differences={differences}");
        [cuts, lost, unopenable, differences]
    }
}

/// A store as it is right after it was made.
pub(super) fn empty_image() -> Vec<u8> {
    static IMAGE: OnceLock<Vec<u8>> = OnceLock::new();
    let make = || {
        let medium = Medium::default();
        drop(open(&medium).expect("a new store opens"));
        medium.image()
    };
    IMAGE.get_or_init(make).clone()
}

pub(super) fn open(medium: &Medium) -> Result<Store> {
    open_late(medium, 2)
}

/// Half of the log is taken in so many commits after it was full.
fn open_late(medium: &Medium, late: u32) -> Result<Store> {
    Store::on(backend(medium, late)?, OpenOptions::default(), &Env::system())
}

pub(super) fn backend(medium: &Medium, late: u32) -> Result<LoggedBackend> {
    let (log, database) = (medium.log_parts(), medium.clone());
    Ok(LoggedBackend::on(move || Ok(database.database_part()), log, LOG_BYTES, 1 << 20, late)?)
}

/// What a seed did: the operations, and what the store held after each commit.
struct Story {
    log: Vec<Entry>,
    models: Vec<(Model, u64)>,
}

pub(super) fn some_changes(dice: &mut Dice, number: u64) -> Vec<(usize, Change)> {
    let mut changes = Vec::new();
    for _ in 0..=dice.below(6) {
        let name = format!("note {}", dice.below(60));
        let size = if dice.percent(12) { dice.below(20_000) } else { dice.below(300) };
        let change = match dice.below(20) {
            0 => Change::RemoveAll,
            1..=4 => Change::Remove(name),
            5..=8 => Change::Line(Line { number: number * 10 + dice.next() % 10, text: "l".repeat(size) }),
            _ => Change::Put(Arc::new(Note {
                name,
                color: dice.below(6) as u8,
                label: dice.percent(50).then(|| format!("label {}", dice.below(9))),
                body: char::from(b'a' + dice.below(26) as u8).to_string().repeat(size),
            })),
        };
        changes.push((dice.below(orgs().len()), change));
    }
    changes
}

/// Changes the model, and answers whether the feed hears of it.
pub(super) fn imagine(model: &mut Model, changes: &[(usize, Change)]) -> bool {
    let mut fed = false;
    for (org, change) in changes {
        let held = model.entry(orgs()[*org]).or_default();
        fed |= change.is_fed(held);
        change.imagine(held);
    }
    fed
}

pub(super) fn commit(store: &Store, changes: Vec<(usize, Change)>) -> Result<u64> {
    store.write_blocking(move |tx| {
        for (org, change) in &changes {
            change.make(&mut tx.org(orgs()[*org]))?;
        }
        count(tx)
    })
}

fn tell(seed: u64, bug: Bug) -> Story {
    let (mut dice, medium) = (Dice::new(seed), Medium::holding(empty_image()));
    if bug == Bug::SyncsAreForgotten {
        medium.forget_syncs();
    }
    let store = open_late(&medium, dice.below(6) as u32).expect("opens");
    let (mut model, mut feed) = (Model::new(), 0);
    let mut models = vec![(model.clone(), feed)];
    for number in 1..=COMMITS {
        let changes = some_changes(&mut dice, number);
        feed += u64::from(imagine(&mut model, &changes));
        models.push((model.clone(), feed));
        if bug == Bug::AcknowledgedBeforeCommit {
            medium.acknowledged(number);
        }
        commit(&store, changes).expect("commits");
        medium.acknowledged(number);
    }
    drop(store);
    Story { log: medium.log(), models }
}

/// Cuts the power at many places of one story.
fn live_through(seed: u64, bug: Bug, tally: &Tally) {
    let (story, mut dice) = (tell(seed, bug), Dice::new(seed ^ 0xc0ff_ee00));
    let mut places: Vec<usize> = (0..CUTS_PER_SEED).map(|_| dice.below(story.log.len())).collect();
    places.sort_unstable();
    let (mut platter, mut acknowledged, mut done) = (Platter::new(empty_image()), 0, 0);
    for place in places {
        for entry in &story.log[done..place] {
            platter.follow(entry);
            if let Entry::Acknowledged(number) = entry {
                acknowledged = acknowledged.max(*number);
            }
        }
        done = place;
        tally.cuts.fetch_add(1, Relaxed);
        let image = recover_with_cuts(platter.cut(&mut dice), &mut dice, tally);
        check(image, acknowledged, &story, &mut dice, tally);
    }
}

/// Opens the store, and in six of ten rounds cuts the power while it opens, up to three times.
fn recover_with_cuts(mut image: Vec<u8>, dice: &mut Dice, tally: &Tally) -> Vec<u8> {
    for _ in 0..3 {
        if !dice.percent(60) {
            break;
        }
        let medium = Medium::holding(image.clone());
        drop(open(&medium));
        let log = medium.log();
        let mut platter = Platter::new(image);
        for entry in &log[..dice.below(log.len() + 1)] {
            platter.follow(entry);
        }
        image = platter.cut(dice);
        tally.cuts.fetch_add(1, Relaxed);
    }
    image
}

fn check(image: Vec<u8>, acknowledged: u64, story: &Story, dice: &mut Dice, tally: &Tally) {
    let medium = Medium::holding(image);
    let store = match open(&medium) {
        Ok(store) => store,
        Err(error) => {
            eprintln!("unopenable: {error:?}");
            tally.unopenable.fetch_add(1, Relaxed);
            return;
        }
    };
    let Ok(found) = counted(&store) else {
        tally.differences.fetch_add(1, Relaxed);
        return;
    };
    if found < acknowledged {
        tally.lost.fetch_add(1, Relaxed);
    }
    let Some((model, feed)) = story.models.get(found as usize).filter(|_| found <= acknowledged + 1) else {
        tally.differences.fetch_add(1, Relaxed);
        return;
    };
    let mut agrees = agrees_with(&store, model, *feed);
    if agrees && dice.percent(20) {
        agrees = goes_on(store, &medium, model.clone(), *feed, dice);
    }
    if !agrees {
        tally.differences.fetch_add(1, Relaxed);
    }
}

pub(super) fn agrees_with(store: &Store, model: &Model, feed: u64) -> bool {
    let batches = store.changes_after(0, usize::MAX).ok().flatten();
    let numbers = batches.map(|it| it.iter().map(|it| it.number).collect::<Vec<_>>());
    numbers == Some((1..=feed).collect()) && matches!(compare(store, model), Ok(Ok(())))
}

/// A store that came back also takes new commits.
fn goes_on(store: Store, medium: &Medium, mut model: Model, mut feed: u64, dice: &mut Dice) -> bool {
    for number in 0..3 {
        let changes = some_changes(dice, 100 + number);
        feed += u64::from(imagine(&mut model, &changes));
        if commit(&store, changes).is_err() {
            return false;
        }
    }
    drop(store);
    open(medium).is_ok_and(|it| agrees_with(&it, &model, feed))
}

fn campaign(bug: Bug, cuts: u64) -> Tally {
    let (tally, next) = (Tally::default(), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while tally.cuts.load(Relaxed) < cuts {
                    live_through(next.fetch_add(1, Relaxed), bug, &tally);
                }
            });
        }
    });
    tally
}

#[test]
fn nothing_acknowledged_is_lost_in_a_power_cut() {
    let cuts = if super::full() { 100_000 } else { 10_000 };
    let [done, lost, unopenable, differences] = campaign(Bug::None, cuts).report("power cuts");
    assert!(done >= cuts);
    assert_eq!([lost, unopenable, differences], [0, 0, 0]);
}

#[test]
fn the_power_cuts_see_a_disk_that_forgets_syncs() {
    let [_, lost, ..] = campaign(Bug::SyncsAreForgotten, 300).report("planted: syncs forgotten");
    assert!(lost > 0);
}

#[test]
fn the_power_cuts_see_an_answer_before_the_commit() {
    let [_, lost, ..] = campaign(Bug::AcknowledgedBeforeCommit, 300).report("planted: early answer");
    assert!(lost > 0);
}
