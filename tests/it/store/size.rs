//! How long a large store takes to come back.

use std::time::{Duration, Instant};

use reeve::base::Env;
use reeve::infra::store::{OpenOptions, Store};

use super::model::{Line, count, counted, orgs};

/// Two gigabytes, then an end without a clean close. Runs for minutes, so only where asked for.
#[test]
fn two_gigabytes_reopen_within_two_seconds_after_an_abort() {
    if !super::full() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), OpenOptions::default(), &Env::system()).expect("opens");
    let mut number = 0;
    while store.size_bytes() < 2 << 30 {
        store
            .write_blocking(move |tx| {
                for offset in 0..2_000 {
                    let text = "x".repeat(4_000);
                    tx.org(orgs()[0]).insert(&Line { number: number + offset, text })?;
                }
                count(tx)
            })
            .expect("commits");
        number += 2_000;
    }
    // As `abort` would: the files as they are while the store is open, without what closing it would write.
    let copy = tempfile::tempdir().expect("a folder");
    for name in ["reeve.redb", "reeve.log", "reeve.log2", "VERSION"] {
        std::fs::copy(folder.path().join(name), copy.path().join(name)).expect("copies");
    }
    let (bytes, commits) = (store.size_bytes(), counted(&store).expect("readable"));
    let began = Instant::now();
    let reopened = Store::open(copy.path(), OpenOptions::default(), &Env::system()).expect("opens");
    let found = counted(&reopened).expect("readable");
    let took = began.elapsed();
    eprintln!("reopened {} MiB after an abort in {took:?}", bytes >> 20);
    assert_eq!(found, commits);
    assert!(took < Duration::from_secs(2));
}
