//! Newer folders are left alone; older ones are copied aside and migrated, whatever interrupts it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use reeve::base::{Code, Env, Result};
use reeve::infra::store::{Key, Migration, OpenOptions, Order, Rows, Store, WriteTx};

use super::model::{Line, orgs};

fn open(folder: &Path, migrations: &[Migration]) -> Result<Store> {
    let options = OpenOptions { migrations: migrations.to_vec(), ..OpenOptions::default() };
    Store::open(folder, options, &Env::system())
}

const TO_4: Migration = Migration { to: 4, run: shout };
const TO_5: Migration = Migration { to: 5, run: add_one };

/// Not the same when it is done twice.
fn shout(tx: &mut WriteTx<'_>) -> Result<()> {
    let mut tx = tx.org(orgs()[0]);
    for mut line in tx.all::<Line>(Key::new(), Order::Oldest)? {
        line.text.push('!');
        tx.put(&line)?;
    }
    Ok(())
}

fn add_one(tx: &mut WriteTx<'_>) -> Result<()> {
    tx.org(orgs()[0]).put(&Line { number: 99, text: "new".into() })
}

fn lines(store: &Store) -> Vec<String> {
    let view = store.org(orgs()[0]).expect("readable");
    view.all::<Line>(Key::new(), Order::Oldest).expect("readable").into_iter().map(|it| it.text).collect()
}

/// A folder of this program's own version with one line.
fn old_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path(), &[]).expect("opens");
    store
        .write_blocking(|tx| tx.org(orgs()[0]).put(&Line { number: 1, text: "one".into() }))
        .expect("commits");
    drop(store);
    folder
}

fn stamp(folder: &Path) -> String {
    fs::read_to_string(folder.join("VERSION")).expect("stamped")
}

/// Everything in a folder, as it is.
fn contents(folder: &Path) -> BTreeMap<String, (Vec<u8>, i64, i64)> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let about = entry.metadata().expect("metadata");
        let bytes = if about.is_file() { fs::read(entry.path()).expect("readable") } else { Vec::new() };
        all.insert(
            entry.file_name().to_string_lossy().into_owned(),
            (bytes, about.mtime(), about.mtime_nsec()),
        );
    }
    all
}

#[test]
fn a_newer_folder_is_refused_untouched() {
    let folder = old_folder();
    drop(open(folder.path(), &[TO_4]).expect("migrates"));
    let before = contents(folder.path());
    let error = open(folder.path(), &[]).err().expect("refused");
    assert!(error.is(Code::Unavailable));
    assert!(error.message().contains("newer Reeve (data format 4, this program knows 3)"), "{error:?}");
    assert_eq!(contents(folder.path()), before);
}

#[test]
fn newer_rows_are_refused_where_the_stamp_is_lost() {
    let folder = old_folder();
    drop(open(folder.path(), &[TO_4]).expect("migrates"));
    fs::remove_file(folder.path().join("VERSION")).expect("removed");
    assert!(open(folder.path(), &[]).is_err());
    assert_eq!(lines(&open(folder.path(), &[TO_4]).expect("opens")), ["one!"]);
}

#[test]
fn an_older_folder_is_copied_aside_and_migrated() {
    let folder = old_folder();
    let store = open(folder.path(), &[TO_4, TO_5]).expect("migrates");
    assert_eq!(lines(&store), ["one!", "new"]);
    assert_eq!(stamp(folder.path()), "reeve data format 5\n");
    drop(store);
    assert_eq!(lines(&open(folder.path(), &[TO_4, TO_5]).expect("opens")), ["one!", "new"], "only once");

    let copy = folder.path().join("before-migration-from-3");
    assert_eq!(lines(&open(&copy, &[]).expect("the older program starts from the copy")), ["one"]);
    assert_eq!(fs::metadata(&copy).expect("metadata").mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(copy.join("reeve.redb")).expect("metadata").mode() & 0o777, 0o600);
}

#[test]
fn a_folder_of_the_first_version_gets_a_log() {
    let folder = old_folder();
    for log in ["reeve.log", "reeve.log2"] {
        fs::remove_file(folder.path().join(log)).expect("removed");
    }
    fs::write(folder.path().join("VERSION"), "reeve data format 1\n").expect("written");
    assert_eq!(lines(&open(folder.path(), &[]).expect("opens")), ["one"]);
    assert_eq!(stamp(folder.path()), "reeve data format 3\n");
    assert!(folder.path().join("reeve.log").exists());
    let copy = folder.path().join("before-migration-from-1");
    assert!(copy.join("reeve.redb").exists() && !copy.join("reeve.log").exists());
}

/// The second version had one log; what it had not taken in when it was killed is there.
#[test]
fn a_folder_of_the_second_version_gets_the_other_half_of_the_log() {
    let live = tempfile::tempdir().expect("a folder");
    let store = open(live.path(), &[]).expect("opens");
    let put = |tx: &mut WriteTx<'_>| tx.org(orgs()[0]).put(&Line { number: 1, text: "one".into() });
    store.write_blocking(put).expect("commits");
    let killed = tempfile::tempdir().expect("a folder");
    for name in ["reeve.redb", "reeve.log"] {
        fs::copy(live.path().join(name), killed.path().join(name)).expect("copies");
    }
    fs::write(killed.path().join("VERSION"), "reeve data format 2\n").expect("written");
    assert_eq!(lines(&open(killed.path(), &[]).expect("opens")), ["one"]);
    assert_eq!(stamp(killed.path()), "reeve data format 3\n");
    let copy = killed.path().join("before-migration-from-2");
    assert!(copy.join("reeve.log").exists() && !copy.join("reeve.log2").exists());
}

#[test]
fn a_migration_goes_on_wherever_it_was_killed() {
    let finish = |folder: &Path, where_: &str| {
        assert_eq!(lines(&open(folder, &[TO_4, TO_5]).expect(where_)), ["one!", "new"], "{where_}");
        let copy = folder.join("before-migration-from-3");
        assert_eq!(lines(&open(&copy, &[]).expect(where_)), ["one"], "{where_}");
        assert!(!folder.join("before-migration-from-3.partial").exists(), "{where_}");
    };
    let copy_whole = |folder: &Path| {
        let copy = folder.join("before-migration-from-3");
        fs::create_dir(&copy).expect("made");
        for name in ["reeve.redb", "VERSION"] {
            fs::copy(folder.join(name), copy.join(name)).expect("copied");
        }
    };

    let folder = old_folder();
    let partial = folder.path().join("before-migration-from-3.partial");
    fs::create_dir(&partial).expect("made");
    fs::write(partial.join("reeve.redb"), "half of it").expect("written");
    finish(folder.path(), "while copying");

    let folder = old_folder();
    copy_whole(folder.path());
    finish(folder.path(), "after copying");

    let folder = old_folder();
    copy_whole(folder.path());
    fs::write(folder.path().join("VERSION.next"), "reeve da").expect("written");
    finish(folder.path(), "while stamping");

    let folder = old_folder();
    copy_whole(folder.path());
    fs::write(folder.path().join("VERSION"), "reeve data format 5\n").expect("written");
    finish(folder.path(), "after stamping");

    let folder = old_folder();
    fs::remove_file(folder.path().join("VERSION")).expect("removed");
    finish(folder.path(), "without a stamp");
}

#[test]
fn a_step_that_fails_leaves_the_folder_to_the_older_program() {
    for fail in [(|_| Err(reeve::base::Error::conflict("no"))) as fn(&mut WriteTx<'_>) -> _, |_| panic!("no")]
    {
        let folder = old_folder();
        assert!(open(folder.path(), &[TO_4, Migration { to: 5, run: fail }]).is_err());
        assert_eq!(stamp(folder.path()), "reeve data format 3\n");
        assert_eq!(lines(&open(folder.path(), &[]).expect("opens")), ["one"]);
        assert_eq!(lines(&open(folder.path(), &[TO_4, TO_5]).expect("migrates")), ["one!", "new"]);
    }
}

#[test]
fn files_are_their_owners_alone_and_one_process_has_the_folder() {
    let parent = tempfile::tempdir().expect("a folder");
    let folder = parent.path().join("a").join("data");
    let store = open(&folder, &[]).expect("opens");
    assert_eq!(fs::metadata(&folder).expect("metadata").mode() & 0o777, 0o700);
    for entry in fs::read_dir(&folder).expect("a folder") {
        let entry = entry.expect("an entry");
        if entry.file_name() != "VERSION" {
            assert_eq!(entry.metadata().expect("metadata").mode() & 0o777, 0o600, "{entry:?}");
        }
    }
    let error = open(&folder, &[]).err().expect("refused");
    assert!(error.message().contains("another process"), "{error:?}");

    let held = store.org(orgs()[0]).expect("a view");
    let clone = store.clone();
    drop(store);
    assert!(open(&folder, &[]).is_err(), "a clone still has it");
    drop((clone, held));
    open(&folder, &[]).expect("free again");
}
