//! `kill -9` under load, at any instant.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use super::load::{Load, LookBack, far_end};
use super::server::Site;
use super::{Dice, full};

/// Kills between two looks at every run.
const LOOKS_BACK: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_and_nothing_happens_twice() {
    let kills = if full() { 2_000 } else { 16 };
    let mut dice = Dice::new("C3");
    let peer = far_end().await;
    let site = Site::new(&peer);
    let mut server = site.serve();
    let load = Load::new(&server, peer).await;
    let mut ready = Vec::new();
    for kill in 0..kills {
        let running = load.start(&server.base);
        let enough = load.acks.load(SeqCst) + if full() { 100 } else { 0 };
        while load.acks.load(SeqCst) < enough {
            load.acked.notified().await;
        }
        if kill % 2 == 0 {
            tokio::time::sleep(Duration::from_millis(5 + dice.below(250))).await;
        } else {
            for _ in 0..dice.below(40) {
                load.acked.notified().await;
            }
            tokio::time::sleep(Duration::from_micros(dice.below(5_000))).await;
        }
        server.kill();
        load.died();
        running.end().await;
        server = site.serve();
        ready.push(server.ready_after);
        // Every run there is, now and then: lists of hundreds of thousands take their time.
        let look_back = if (kill + 1) % LOOKS_BACK == 0 { LookBack::All } else { LookBack::New };
        let found = load.settle(&server, look_back).await;
        if look_back == LookBack::All {
            eprintln!("C3: kills={} {found}", kill + 1);
        }
    }
    let found = load.settle(&server, LookBack::All).await;
    let streams = load.check_events(&server, if full() { 2_000 } else { 300 }).await;
    ready.sort();
    let p95 = ready[(ready.len() * 95 / 100).min(ready.len() - 1)];
    eprintln!(
        "C3: kills={kills} acks={} {found} streams={streams} ready_p50={:?} ready_p95={p95:?} ready_max={:?} \
         lost=0 twins=0 undeclared_duplicates=0 zombies=0; covers D1 D2 D3 D4 D5 D6 D10 D12 D18",
        load.acks.load(SeqCst),
        ready[ready.len() / 2],
        ready[ready.len() - 1],
    );
    assert!(p95 <= Duration::from_secs(2), "D18: ready after {p95:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_and_a_setup_can_be_killed_at_any_instant() {
    let rounds = if full() { 200 } else { 12 };
    let mut dice = Dice::new("C3 start");
    let peer = far_end().await;
    let site = Site::bare(&peer);
    for _ in 0..rounds {
        let mut child = site.set_up();
        tokio::time::sleep(Duration::from_millis(dice.below(150))).await;
        let _ = child.kill();
        child.wait().expect("ends");
    }
    // It may have been done in one of the rounds; then it says so.
    let _ = site.set_up().wait().expect("ends");
    for _ in 0..rounds {
        let mut child = site.spawn(&[]);
        tokio::time::sleep(Duration::from_millis(dice.below(100))).await;
        let _ = child.kill();
        child.wait().expect("ends");
    }
    let server = site.serve();
    let load = Load::new(&server, peer).await;
    let running = load.start(&server.base);
    load.acked.notified().await;
    running.end().await;
    let found = load.settle(&server, LookBack::All).await;
    eprintln!("C3 start: setups_killed={rounds} starts_killed={rounds} {found}; covers D1 D18");
}
