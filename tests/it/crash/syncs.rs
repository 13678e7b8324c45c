//! Killed in the middle of a sync, a write or a rename, and syncs and writes that fail.

use std::time::{Duration, Instant};

use super::full;
use super::load::{Load, LookBack, far_end};
use super::server::{Site, can_trace, strace, was_killed};
use crate::support::http::Http;

/// From a failed sync to the exit.
const LAST_WORDS: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(60);

fn parts(wrapper: &[String]) -> Vec<&str> {
    wrapper.iter().map(String::as_str).collect()
}

async fn a_kill_at_each(calls: &str, counts: impl IntoIterator<Item = u32>) {
    if !can_trace() {
        return;
    }
    let peer = far_end().await;
    let site = Site::new(&peer);
    let server = site.serve();
    let load = Load::new(&server, peer).await;
    drop(server);
    let (mut kills, mut during_start) = (0, 0);
    for k in counts {
        match site.serve_under(&parts(&strace(calls, &format!("signal=KILL:when={k}")))) {
            Err(status) => {
                assert!(was_killed(status), "{calls} {k}: {status}");
                during_start += 1;
            }
            Ok(mut server) => {
                let running = load.start(&server.base);
                let status = server.ended(PATIENCE).await.expect("it is killed");
                assert!(was_killed(status), "{calls} {k}: {status}");
                running.end().await;
            }
        }
        load.died();
        kills += 1;
        load.settle(&site.serve(), LookBack::New).await;
        load.died();
    }
    let server = site.serve();
    let found = load.settle(&server, LookBack::All).await;
    let streams = load.check_events(&server, 300).await;
    eprintln!(
        "C4 {calls}: kills={kills} during_start={during_start} {found} streams={streams} lost=0 twins=0; \
         covers D1 D2 D3 D4 D6 D10 D12"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_sync_loses_nothing() {
    a_kill_at_each("fdatasync", 1..=if full() { 400 } else { 15 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_write_loses_nothing() {
    let most = if full() { 400 } else { 100 };
    a_kill_at_each("pwrite64", (1..=most).step_by(if full() { 1 } else { 14 })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setup_killed_at_any_change_of_the_folder_can_be_done_again() {
    if !can_trace() {
        return;
    }
    let peer = far_end().await;
    let mut kills = 0;
    for calls in ["/^rename", "/^unlink", "/^mkdir", "fsync", "fdatasync"] {
        for k in 1..=400 {
            let site = Site::bare(&peer);
            let wrapper = strace(calls, &format!("signal=KILL:when={k}"));
            let status = site.set_up_under(&parts(&wrapper)).wait().expect("ends");
            if status.success() {
                break;
            }
            assert!(was_killed(status), "{calls} {k}: {status}");
            kills += 1;
            // It may have been done before it was killed; then it says so.
            let _ = site.set_up().wait().expect("ends");
            site.serve().api_key().await;
        }
    }
    eprintln!("C4 setup: kills={kills}; covers D1 D18");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_after_a_sync_or_write_failed() {
    if !can_trace() {
        return;
    }
    let rounds: Vec<u32> = if full() { (1..=30).collect() } else { vec![2, 5, 13] };
    let peer = far_end().await;
    let site = Site::new(&peer);
    let server = site.serve();
    let load = Load::new(&server, peer).await;
    drop(server);
    let (mut faults, mut during_start, mut longest) = (0, 0, Duration::ZERO);
    for call in ["fdatasync", "pwrite64"] {
        // Once, so that whoever tries again succeeds; and from then on.
        for (k, again) in rounds.iter().flat_map(|k| [(k, ""), (k, "+")]) {
            faults += 1;
            match site.serve_under(&parts(&strace(call, &format!("error=EIO:when={k}{again}")))) {
                Err(status) => {
                    assert!(status.code().is_some_and(|it| it != 0), "D14: {status}");
                    during_start += 1;
                }
                Ok(mut server) => {
                    let running = load.start(&server.base);
                    let failed_at = said_unready(&server.http()).await;
                    let status = server.ended(LAST_WORDS).await.expect("D14: it exits within 5 s");
                    longest = longest.max(failed_at.elapsed());
                    assert!(status.code().is_some_and(|it| it != 0), "D14: {status}");
                    running.end().await;
                }
            }
            load.died();
            // What was acknowledged was on disk: nothing was acknowledged after the failure.
            load.settle(&site.serve(), LookBack::New).await;
            load.died();
        }
    }
    load.settle(&site.serve(), LookBack::All).await;
    assert!(longest <= LAST_WORDS, "D14: it lived for {longest:?}");
    eprintln!(
        "C7: faults={faults} during_start={during_start} longest_exit={longest:?} lost=0; covers D1 D14"
    );
}

/// Returns when the server has gone; answers when it first said, still alive, that it is not ready.
async fn said_unready(http: &Http) -> Instant {
    let (began, mut refused) = (Instant::now(), None);
    loop {
        match http.try_get("/readyz").await {
            None => return refused.expect("D14: it says that it is not ready before it goes"),
            Some(it) if it.status == 503 => {
                refused.get_or_insert_with(Instant::now);
            }
            Some(it) => {
                assert_eq!(it.status, 200, "{}", it.text());
                assert!(refused.is_none(), "D14: ready again");
            }
        }
        assert!(began.elapsed() < PATIENCE, "D14: it goes on");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
