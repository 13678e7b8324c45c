//! L10: a reader that keeps one snapshot while the store is written to. No endpoint holds one for long; this is the
//! store itself, in the benchmark's process.

use std::time::{Duration, Instant};

use reeve::base::{Env, Id, OrgId};
use reeve::infra::store::{Key, OpenOptions, PerOrg, Row, Store, Table};
use serde::{Deserialize, Serialize};

use super::lasting;
use crate::report::Report;

const ROWS: u64 = 2_000;
const TEXT_BYTES: usize = 4_000;
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Serialize, Deserialize)]
struct Line {
    number: u64,
    text: String,
}

impl Row for Line {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(9_000, "bench_lines");

    fn key(&self) -> Key {
        Key::new().u64(self.number)
    }
}

pub fn measure(report: &mut Report) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), OpenOptions::default(), &Env::system()).expect("opens");
    let org = OrgId::from_bytes([1; 16]);
    let rewrite = |round: u64| {
        let written = store.write_blocking(move |tx| {
            let mut tx = tx.org(org);
            (0..ROWS).try_for_each(|number| {
                let text = format!("{round:>width$}", width = TEXT_BYTES);
                tx.put(&Line { number, text })
            })
        });
        written.expect("writes");
    };
    rewrite(0);
    let before = store.size_bytes();
    let snapshot = store.org(org).expect("readable");
    let (end, mut rounds) = (Instant::now() + lasting(60), 0);
    while Instant::now() < end {
        rounds += 1;
        rewrite(rounds);
        std::thread::sleep(PAUSE);
    }
    let first = reeve::infra::store::Rows::get::<Line>(&snapshot, Key::new().u64(0)).expect("readable");
    assert!(first.is_some_and(|it| it.text.trim() == "0"), "the snapshot has not changed");
    let written = rounds * ROWS * TEXT_BYTES as u64;
    let growth = store.size_bytes().saturating_sub(before);
    report.row("growth for each byte written under a long reader", growth as f64 / written as f64, "", "2");
    drop(snapshot);
    store.compact(&|_| true).expect("gives the room back");
    report.row("  size afterwards, of what it was", store.size_bytes() as f64 / before as f64, "", "2");
}
