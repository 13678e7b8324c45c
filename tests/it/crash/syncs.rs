//! Killed in the middle of a sync, and syncs that fail.

use std::time::Duration;

use super::full;
use super::load::{Load, far_end};
use super::server::{Site, can_trace, was_killed};

fn strace(inject: &str) -> Vec<String> {
    let arguments = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e"];
    let mut arguments: Vec<String> = arguments.map(str::to_owned).to_vec();
    arguments.push(format!("inject=fdatasync:{inject}"));
    arguments
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_sync_loses_nothing() {
    if !can_trace() {
        return;
    }
    let syncs = if full() { 400 } else { 15 };
    let peer = far_end().await;
    let site = Site::new(&peer);
    let server = site.serve();
    let load = Load::new(&server, peer).await;
    drop(server);
    let mut during_start = 0;
    for k in 1..=syncs {
        let wrapper = strace(&format!("signal=KILL:when={k}"));
        let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
        match site.serve_under(&wrapper) {
            None => during_start += 1,
            Some(mut server) => {
                let running = load.start(&server.base);
                let status = server.ended(Duration::from_secs(60)).await.expect("it is killed");
                assert!(was_killed(status), "k={k}: {status}");
                running.end().await;
            }
        }
        let server = site.serve();
        load.settle(&server).await;
    }
    let server = site.serve();
    let found = load.settle(&server).await;
    let streams = load.check_events(&server, 300).await;
    eprintln!(
        "C4: syncs=1..{syncs} during_start={during_start} {found} streams={streams} lost=0 twins=0; \
         covers D1 D2 D4 D6 D12"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_after_a_sync_failed() {
    if !can_trace() {
        return;
    }
    let rounds: Vec<u32> = if full() { (1..=60).collect() } else { vec![1, 2, 3, 5, 8, 13] };
    let peer = far_end().await;
    let site = Site::new(&peer);
    let server = site.serve();
    let load = Load::new(&server, peer).await;
    drop(server);
    let mut longest = Duration::ZERO;
    for k in &rounds {
        let wrapper = strace(&format!("error=EIO:when={k}+"));
        let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
        if let Some(mut server) = site.serve_under(&wrapper) {
            let running = load.start(&server.base);
            let http = server.http();
            let unready = async {
                // From the first failure on it never says that it is ready: it is unready, or gone.
                let mut failed = None;
                loop {
                    match http.try_post("/readyz", &serde_json::Value::Null).await {
                        None => return failed.unwrap_or_else(std::time::Instant::now),
                        Some(it) if it.status == 503 => {
                            failed.get_or_insert_with(std::time::Instant::now);
                        }
                        Some(_) => assert!(failed.is_none(), "D14: ready again"),
                    }
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            let failed_at = unready.await;
            let status = server.ended(Duration::from_secs(5)).await.expect("D14: it exits within 5 s");
            longest = longest.max(failed_at.elapsed());
            assert!(status.code().is_some_and(|it| it != 0), "D14: {status}");
            running.end().await;
        }
        // What was acknowledged was on disk: nothing was acknowledged after the failure.
        let server = site.serve();
        load.settle(&server).await;
    }
    eprintln!("C7: faults={} longest_exit={longest:?} lost=0; covers D1 D14", rounds.len());
}
