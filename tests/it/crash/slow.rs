//! A disk that takes its time: each sync takes 20, 200 or 2,000 ms. Whoever reads does not wait for it, and what is
//! acknowledged is kept as ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use serde_json::json;

use super::full;
use super::load::{Load, LookBack, far_end};
use super::server::{Server, Site, can_trace, strace};

/// What a read may take at the 95th percentile, on a machine that has time for it.
const READ: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn readers_do_not_wait_for_a_disk_that_syncs_in_20_ms() {
    a_slow_disk(20, 60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_do_not_wait_for_a_disk_that_syncs_in_200_ms() {
    a_slow_disk(200, 15).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_do_not_wait_for_a_disk_that_syncs_in_2_s() {
    a_slow_disk(2_000, 3).await;
}

/// Until `syncs` more have been waited for; in full size for ten minutes.
async fn a_slow_disk(delay_ms: u64, syncs: u64) {
    if !can_trace() {
        return;
    }
    let peer = far_end().await;
    let site = Site::new(&peer);
    let server = site.serve();
    let load = Load::new(&server, peer).await;
    drop(server);
    load.died();
    // Other calls are not stopped at.
    let mut wrapper = strace("fdatasync", &format!("delay_enter={}", delay_ms * 1_000));
    wrapper.insert(1, "--seccomp-bpf".to_owned());
    let server = site.serve_under(&wrapper.iter().map(String::as_str).collect::<Vec<_>>()).expect("is ready");
    let (reads, enough) = (Reads::start(&server, &load.key), load.acks.load(SeqCst) + 20);
    let running = load.start(&server.base);
    let http = server.http().bearer(&load.key);
    // One that is written again and again: an organization has 10,000 of them at most.
    let agent = crate::agents::made(&http, crate::agents::native("written")).await;
    let (began, mut writes) = (Instant::now(), Vec::new());
    loop {
        // A write waits for at least one sync; how many reads are answered meanwhile?
        let (asked, before) = (Instant::now(), reads.count());
        http.patch(&agent, json!({ "description": format!("{}", writes.len()) })).await.expect(200);
        writes.push((asked.elapsed(), reads.count() - before));
        let long_enough = !full() || began.elapsed() > Duration::from_secs(600);
        if long_enough && writes.len() as u64 >= syncs && load.acks.load(SeqCst) >= enough {
            break;
        }
        assert!(
            full() || began.elapsed() < PATIENCE,
            "{} writes, {} acks",
            writes.len(),
            load.acks.load(SeqCst)
        );
    }
    running.end().await;
    let reads = reads.end().await;
    let waited = writes.iter().map(|it| it.0).min().expect("a write");
    assert!(waited >= Duration::from_millis(delay_ms), "a write was answered before its sync: {waited:?}");
    // Where a write waits long enough to tell, reads pass it by.
    let stood = writes.iter().filter(|it| it.0 >= Duration::from_millis(200) && it.1 == 0).count();
    assert_eq!(stood, 0, "D22: of {} writes {stood} were waited for by readers", writes.len());
    let p95 = reads[reads.len() * 95 / 100];
    assert!(!full() || p95 <= READ, "reads take {p95:?}");
    assert!(p95 < Duration::from_millis(delay_ms.max(400)), "D22: reads take {p95:?}, as long as a sync");
    drop(server);
    load.died();
    let found = load.settle(&site.serve(), LookBack::All).await;
    eprintln!(
        "C11 {delay_ms} ms: writes={} shortest={waited:?} reads={} p50={:?} p95={p95:?} max={:?} {found} lost=0; \
         covers D1 D2 D22 D16",
        writes.len(),
        reads.len(),
        reads[reads.len() / 2],
        reads[reads.len() - 1],
    );
}

/// Someone who reads all the time.
struct Reads {
    stop: Arc<AtomicBool>,
    count: Arc<AtomicU64>,
    reader: tokio::task::JoinHandle<Vec<Duration>>,
}

impl Reads {
    fn start(server: &Server, key: &str) -> Self {
        let http = server.http().bearer(key);
        let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, counted) = (stop.clone(), count.clone());
        let reader = tokio::spawn(async move {
            let mut took = Vec::new();
            for path in ["/api/executions?limit=20", "/api/agents", "/readyz"].iter().cycle() {
                if stopped.load(SeqCst) {
                    break;
                }
                let began = Instant::now();
                http.get(path).await.expect(200);
                took.push(began.elapsed());
                counted.fetch_add(1, SeqCst);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            took
        });
        Self { stop, count, reader }
    }

    fn count(&self) -> u64 {
        self.count.load(SeqCst)
    }

    /// What each took, the shortest first.
    async fn end(self) -> Vec<Duration> {
        self.stop.store(true, SeqCst);
        let mut took = self.reader.await.expect("a reader");
        took.sort();
        took
    }
}
