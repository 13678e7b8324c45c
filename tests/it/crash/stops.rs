//! Orderly stops under load.

use std::time::Duration;

use super::load::{Load, LookBack, far_end};
use super::server::Site;
use super::{Dice, full};
use crate::support::peer::{Peer, Step};

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_under_load_is_clean_and_loses_nothing() {
    let rounds = if full() { 40 } else { 3 };
    let mut dice = Dice::new("C13");
    let peer = far_end().await;
    let site = Site::new(&peer);
    let mut server = site.serve();
    let load = Load::new(&server, peer).await;
    let mut longest = Duration::ZERO;
    for _ in 0..rounds {
        let running = load.start(&server.base);
        load.acked.notified().await;
        tokio::time::sleep(Duration::from_millis(dice.below(200))).await;
        let began = std::time::Instant::now();
        server.signal("-TERM");
        running.end().await;
        let status = server.ended(Duration::from_secs(30)).await.expect("D17: it exits within 30 s");
        longest = longest.max(began.elapsed());
        assert_eq!(status.code(), Some(0), "D17");
        load.died();
        server = site.serve();
        let found = load.settle(&server, LookBack::All).await;
        assert_eq!(found.interrupted, 0, "D17: runs end before the process does");
    }
    eprintln!("C13: stops={rounds} longest={longest:?} lost=0 interrupted=0; covers D1 D2 D4 D17");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_stops_at_once() {
    let peer = Peer::start(|_, _| vec![Step::Hang]).await;
    let site = Site::new(&peer);
    let mut server = site.serve();
    let load = Load::new(&server, peer).await;
    let running = load.start(&server.base);
    load.peer.has_received(4).await;
    server.signal("-TERM");
    let drains = async {
        while server.http().get("/readyz").await.status == 200 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    drains.await;
    server.signal("-TERM");
    let status = server.ended(Duration::from_secs(5)).await.expect("it exits");
    assert!(status.code().is_some_and(|it| it != 0), "{status:?}");
    running.end().await;
    eprintln!("C13: second signal: {status}; covers D17");
}
