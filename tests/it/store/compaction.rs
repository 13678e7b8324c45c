//! The database written anew while commits go on: the power fails at any moment of it, the disk fills up, readers
//! read on, and the room comes back.

use std::cell::RefCell;
use std::io::Result as IoResult;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use redb::StorageBackend;
use reeve::base::Env;
use reeve::infra::store::{
    Backend, Compaction, GoOn, Key, LoggedBackend, Medium as Opened, OpenOptions, OrgTx, Place, Rows,
    Snapshot, Store, StoreError, WriteSet,
};

use super::medium::{Entry, LOG_BYTES, Medium, Platter};
use super::model::{Line, Model, counted, orgs};
use super::power::{agrees_with, commit, imagine, some_changes};
use crate::support::dice::Dice;

/// Behind the two files of the log.
const FIRST: usize = 2;

/// What happened in a folder, file by file.
#[derive(Debug, Clone)]
enum Step {
    File(usize, Entry),
    Made,
    Renamed(usize),
    FolderSynced,
    Acknowledged(u64),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Bug {
    #[default]
    None,
    CopyIsNotSynced,
    FolderIsNotSynced,
}

/// A folder in memory: the log, the database, and every copy of it that was ever made.
#[derive(Debug, Clone, Default)]
struct Folder(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    files: Vec<Medium>,
    place: usize,
    beside: Option<usize>,
    story: Vec<Step>,
    bug: Bug,
    /// Blocks that a copy may fill.
    room: Option<usize>,
}

impl Folder {
    /// The log's two files, and the database.
    fn holding(images: [Vec<u8>; 3]) -> Self {
        let files = images.map(Medium::holding).into();
        Self(Arc::new(Mutex::new(State { files, place: FIRST, ..State::default() })))
    }

    fn file(&self, number: usize) -> Opened {
        let medium = self.0.lock().files[number].clone();
        Box::new(Told { medium, number, folder: self.clone() })
    }

    fn tell(&self, step: Step) {
        self.0.lock().story.push(step);
    }

    fn images(&self) -> [Vec<u8>; 3] {
        let state = self.0.lock();
        [0, 1, state.place].map(|it| state.files[it].image())
    }
}

impl Place for Folder {
    fn open(&self) -> IoResult<Opened> {
        let place = self.0.lock().place;
        Ok(self.file(place))
    }

    fn make_beside(&self) -> IoResult<Opened> {
        let mut state = self.0.lock();
        let (medium, number) = (Medium::default(), state.files.len());
        medium.leave_room(state.room);
        state.files.push(medium);
        state.beside = Some(number);
        state.story.push(Step::Made);
        drop(state);
        Ok(self.file(number))
    }

    fn open_beside(&self) -> IoResult<Opened> {
        let beside = self.0.lock().beside.expect("a copy");
        Ok(self.file(beside))
    }

    fn take_place(&self) -> IoResult<()> {
        let mut state = self.0.lock();
        let number = state.beside.take().expect("a copy");
        state.place = number;
        state.story.push(Step::Renamed(number));
        Ok(())
    }

    fn sync(&self) -> IoResult<()> {
        if self.0.lock().bug != Bug::FolderIsNotSynced {
            self.tell(Step::FolderSynced);
        }
        Ok(())
    }

    fn clear_beside(&self) {
        self.0.lock().beside = None;
    }
}

/// A file whose folder remembers what is done to it.
#[derive(Debug)]
struct Told {
    medium: Medium,
    number: usize,
    folder: Folder,
}

impl Told {
    fn tell(&self, entry: Entry) {
        self.folder.tell(Step::File(self.number, entry));
    }
}

impl StorageBackend for Told {
    fn len(&self) -> IoResult<u64> {
        self.medium.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> IoResult<()> {
        self.medium.read(offset, out)
    }

    fn set_len(&self, len: u64) -> IoResult<()> {
        self.medium.set_len(len)?;
        self.tell(Entry::Length(len as usize));
        Ok(())
    }

    fn sync_data(&self) -> IoResult<()> {
        self.medium.sync_data()?;
        if self.number <= FIRST || self.folder.0.lock().bug != Bug::CopyIsNotSynced {
            self.tell(Entry::Sync(0..usize::MAX));
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> IoResult<()> {
        self.medium.write(offset, data)?;
        self.tell(Entry::Write { at: offset as usize, data: data.into() });
        Ok(())
    }
}

/// The store has one handle on it, the test the other.
#[derive(Clone)]
struct Shared(Arc<LoggedBackend>);

impl Backend for Shared {
    fn snapshot(&self) -> Result<Arc<dyn Snapshot>, StoreError> {
        self.0.snapshot()
    }

    fn commit(&self, changes: &WriteSet) -> Result<(), StoreError> {
        self.0.commit(changes)
    }

    fn recover(&self) -> Result<(), StoreError> {
        self.0.recover()
    }

    fn compact(&self, go_on: GoOn<'_>) -> Result<Compaction, StoreError> {
        self.0.compact(go_on)
    }

    fn size_bytes(&self) -> u64 {
        self.0.size_bytes()
    }

    fn free_bytes(&self) -> Option<u64> {
        self.0.free_bytes()
    }
}

/// `late`: commits from a full half of the log to its checkpoint.
fn open(folder: &Folder, late: u32) -> reeve::base::Result<(Store, Shared)> {
    let log = [folder.file(0), folder.file(1)];
    let backend = Shared(Arc::new(LoggedBackend::on(folder.clone(), log, LOG_BYTES, 1 << 20, late)?));
    Ok((Store::on(backend.clone(), OpenOptions::default(), &Env::system())?, backend))
}

/// A store as it is right after it was made.
fn empty_images() -> [Vec<u8>; 3] {
    static IMAGES: OnceLock<[Vec<u8>; 3]> = OnceLock::new();
    let make = || {
        let folder = Folder::holding([const { Vec::new() }; 3]);
        drop(open(&folder, 0).expect("a new store opens"));
        folder.images()
    };
    IMAGES.get_or_init(make).clone()
}

/// What a seed did, and what the store held after each commit.
struct Story {
    steps: Vec<Step>,
    models: Vec<(Model, u64)>,
    copies: u64,
}

/// Commits, numbered, with what the store should hold after each.
struct Teller<'a> {
    store: &'a Store,
    folder: &'a Folder,
    dice: Dice,
    models: Vec<(Model, u64)>,
}

impl Teller<'_> {
    fn commit(&mut self) {
        let number = self.models.len() as u64;
        let changes = some_changes(&mut self.dice, number);
        let (mut model, mut feed) = self.models.last().expect("a first one").clone();
        feed += u64::from(imagine(&mut model, &changes));
        self.models.push((model, feed));
        commit(self.store, changes).expect("commits");
        self.folder.tell(Step::Acknowledged(number));
    }
}

fn tell(seed: u64, bug: Bug) -> Story {
    let folder = Folder::holding(empty_images());
    folder.0.lock().bug = bug;
    let (store, backend) = open(&folder, (seed % 4) as u32).expect("opens");
    let models = vec![(Model::new(), 0)];
    let teller = RefCell::new(Teller { store: &store, folder: &folder, dice: Dice::new(seed), models });
    let mut copies = 0;
    for _ in 0..4 {
        let before = 2 + teller.borrow_mut().dice.below(10);
        (0..before).for_each(|_| teller.borrow_mut().commit());
        let piece_bytes = 500 << teller.borrow_mut().dice.below(8);
        if teller.borrow_mut().dice.percent(50) {
            // There is nothing to gain, but the log is taken in.
            assert_eq!(backend.compact(&|_| true), Ok(Compaction::Needless));
        }
        let done = backend.0.rewrite(piece_bytes, &|_| {
            let mut teller = teller.borrow_mut();
            let between = teller.dice.below(3);
            (0..between).for_each(|_| teller.commit());
            true
        });
        copies += u64::from(matches!(done.expect("is written anew"), Compaction::Done { .. }));
    }
    (0..5).for_each(|_| teller.borrow_mut().commit());
    let models = teller.into_inner().models;
    drop((store, backend));
    let steps = std::mem::take(&mut folder.0.lock().story);
    Story { steps, models, copies }
}

/// What is on the disk for certain, and what may have reached it.
struct Disk {
    platters: Vec<Platter>,
    place: usize,
    renamed: Option<usize>,
}

impl Disk {
    fn new() -> Self {
        let platters = empty_images().map(Platter::new).into();
        Self { platters, place: FIRST, renamed: None }
    }

    fn follow(&mut self, step: &Step) {
        match step {
            Step::File(number, entry) => self.platters[*number].follow(entry),
            Step::Made => self.platters.push(Platter::new(Vec::new())),
            Step::Renamed(number) => self.renamed = Some(*number),
            Step::FolderSynced => self.place = self.renamed.take().unwrap_or(self.place),
            Step::Acknowledged(_) => {}
        }
    }

    fn cut(&self, dice: &mut Dice) -> Folder {
        let place = self.renamed.filter(|_| dice.percent(50)).unwrap_or(self.place);
        Folder::holding([0, 1, place].map(|it| self.platters[it].cut(dice)))
    }
}

#[derive(Default)]
struct Tally {
    cuts: AtomicU64,
    copies: AtomicU64,
    wrong: AtomicU64,
}

/// Cuts the power at many places of one story.
fn live_through(seed: u64, bug: Bug, tally: &Tally) {
    let (story, mut dice) = (tell(seed, bug), Dice::new(seed ^ 0xc0ff_ee00));
    tally.copies.fetch_add(story.copies, Relaxed);
    let mut places: Vec<usize> = (0..40).map(|_| dice.below(story.steps.len())).collect();
    // Where it matters most.
    let renames = story.steps.iter().enumerate().filter(|it| matches!(it.1, Step::Renamed(_)));
    places
        .extend(renames.flat_map(|(at, _)| at.saturating_sub(2)..story.steps.len().min(at + 60)).step_by(7));
    places.sort_unstable();
    let (mut disk, mut acknowledged, mut done) = (Disk::new(), 0, 0);
    for place in places {
        for step in &story.steps[done..place] {
            disk.follow(step);
            if let Step::Acknowledged(number) = step {
                acknowledged = acknowledged.max(*number);
            }
        }
        done = place;
        tally.cuts.fetch_add(1, Relaxed);
        if !holds(&disk.cut(&mut dice), acknowledged, &story) {
            tally.wrong.fetch_add(1, Relaxed);
        }
    }
}

/// All that was acknowledged, and at most one commit more; and it can be written anew.
fn holds(folder: &Folder, acknowledged: u64, story: &Story) -> bool {
    let Ok((store, backend)) = open(folder, 0) else { return false };
    let Ok(found) = counted(&store) else { return false };
    let model =
        story.models.get(found as usize).filter(|_| (acknowledged..=acknowledged + 1).contains(&found));
    let Some((model, feed)) = model else { return false };
    agrees_with(&store, model, *feed)
        && backend.0.rewrite(4_000, &|_| true).is_ok()
        && agrees_with(&store, model, *feed)
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
    let [cuts, copies, wrong] = [&tally.cuts, &tally.copies, &tally.wrong].map(|it| it.load(Relaxed));
    eprintln!("compaction, {bug:?}: cuts={cuts} copies={copies} wrong={wrong}");
    tally
}

#[test]
fn nothing_acknowledged_is_lost_in_a_power_cut_while_the_database_is_written_anew() {
    let tally = campaign(Bug::None, if super::full() { 30_000 } else { 2_000 });
    assert_eq!(tally.wrong.load(Relaxed), 0);
    assert!(tally.copies.load(Relaxed) > 0);
}

#[test]
fn the_power_cuts_see_a_copy_that_is_not_synced() {
    assert!(campaign(Bug::CopyIsNotSynced, 300).wrong.load(Relaxed) > 0);
}

#[test]
fn the_power_cuts_see_a_folder_that_is_not_synced() {
    assert!(campaign(Bug::FolderIsNotSynced, 300).wrong.load(Relaxed) > 0);
}

#[test]
fn a_disk_too_full_for_a_copy_leaves_everything_as_it_is() {
    let folder = Folder::holding(empty_images());
    let (store, backend) = open(&folder, 1).expect("opens");
    let mut teller =
        Teller { store: &store, folder: &folder, dice: Dice::new(7), models: vec![(Model::new(), 0)] };
    (0..20).for_each(|_| teller.commit());
    let mut refused = 0;
    for room in 0..60 {
        folder.0.lock().room = Some(room * 16);
        refused += usize::from(backend.0.rewrite(2_000, &|_| true).is_err());
        teller.commit();
        let (model, feed) = teller.models.last().expect("a model");
        assert!(agrees_with(&store, model, *feed));
    }
    assert!((1..60).contains(&refused), "{refused}");
}

#[test]
fn a_copy_that_is_ended_or_meets_another_one_changes_nothing() {
    let folder = Folder::holding(empty_images());
    let (store, backend) = open(&folder, 1).expect("opens");
    let mut teller =
        Teller { store: &store, folder: &folder, dice: Dice::new(8), models: vec![(Model::new(), 0)] };
    (0..20).for_each(|_| teller.commit());
    assert_eq!(backend.0.rewrite(500, &|_| false), Ok(Compaction::Stopped));
    let met = RefCell::new(Vec::new());
    let done = backend.0.rewrite(500, &|_| {
        met.borrow_mut().push(backend.0.rewrite(500, &|_| true).is_err());
        true
    });
    assert!(matches!(done, Ok(Compaction::Done { .. })), "{done:?}");
    assert!(met.borrow().iter().all(|it| *it) && !met.borrow().is_empty());
    let (model, feed) = teller.models.last().expect("a model");
    assert!(agrees_with(&store, model, *feed));
}

/// Rows of a megabyte together.
fn lines(from: u64) -> impl FnOnce(&mut OrgTx<'_, '_>) -> reeve::base::Result<()> + Send + 'static {
    move |tx| (from..from + 250).try_for_each(|number| tx.insert(&Line { number, text: "x".repeat(4_000) }))
}

#[test]
fn the_room_of_deleted_rows_comes_back_while_others_read_and_write() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(
        folder.path(),
        OpenOptions { min_free_bytes: 0, ..OpenOptions::default() },
        &Env::system(),
    );
    let (store, org) = (store.expect("opens"), orgs()[0]);
    let megabytes = 80;
    for megabyte in 0..megabytes {
        store.write_blocking(move |tx| lines(megabyte * 250)(&mut tx.org(org))).expect("writes");
    }
    let early = store.org(org).expect("readable");
    for megabyte in 0..megabytes {
        let delete = move |tx: &mut reeve::infra::store::WriteTx<'_>| {
            (megabyte * 250..(megabyte + 1) * 250)
                .filter(|it| it % 10 != 0)
                .try_for_each(|number| tx.org(org).delete::<Line>(Key::new().u64(number)).map(drop))
        };
        store.write_blocking(delete).expect("deletes");
    }
    let full = store.size_bytes();
    let written = RefCell::new(0);
    let done = store.compact(&|_| {
        let number = 1_000_000 + *written.borrow();
        let text = "while it is written anew".to_owned();
        store.write_blocking(move |tx| tx.org(org).insert(&Line { number, text })).expect("writes");
        *written.borrow_mut() += 1;
        true
    });
    let Ok(Compaction::Done { before_bytes, after_bytes }) = done else { panic!("{done:?}") };
    eprintln!(
        "before {} KiB, after {} KiB, writes beside it {}",
        before_bytes >> 10,
        after_bytes >> 10,
        written.borrow()
    );
    assert!(before_bytes >= 75 << 20 && before_bytes <= full + (8 << 20));
    assert!(after_bytes < 20 << 20, "{after_bytes}");
    assert!(store.size_bytes() < 20 << 20);
    let count = |rows: &reeve::infra::store::View<reeve::infra::store::PerOrg>| {
        rows.all::<Line>(Key::new(), reeve::infra::store::Order::Oldest).expect("readable").len() as u64
    };
    let now = megabytes * 25 + *written.borrow();
    assert_eq!(count(&early), megabytes * 250, "who began before reads what was there then");
    assert_eq!(count(&store.org(org).expect("readable")), now);
    drop(early);
    assert_eq!(store.compact(&|_| true).expect("looks"), Compaction::Needless);
    drop(store);
    let store = Store::open(folder.path(), OpenOptions::default(), &Env::system()).expect("opens again");
    assert_eq!(count(&store.org(org).expect("readable")), now);
    assert!(!folder.path().join("reeve.next").exists());
}
