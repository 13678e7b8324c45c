//! Too few descriptors, too little memory, no more threads: what is at work goes on, what is refused is told so, and
//! when the pressure is over everything is as before, in the same process.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::full;
use super::load::{Load, LookBack, far_end};
use super::server::{EMAIL, Server, Site};
use crate::support::http::Http;
use crate::support::peer::{Peer, Received, Step, json as says};
use crate::support::{PASSWORD, until};

const CROWD: usize = 1_000;

/// Runs the program behind a line of shell.
fn behind(line: &str) -> [String; 3] {
    ["sh".to_owned(), "-c".to_owned(), format!("{line} && exec \"$0\" \"$@\"")]
}

fn serve_behind(site: &Site, line: &str) -> Server {
    let wrapper = behind(line);
    site.serve_under(&wrapper.each_ref().map(String::as_str)).expect("it is ready")
}

/// Processor time of the process so far.
fn busy(server: &Server) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", server.child.id())).expect("it lives");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<u64>().expect("a number");
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

async fn is_ready(http: &Http) -> bool {
    http.try_get("/readyz").await.is_some_and(|it| it.status == 200)
}

/// Connections that are held open; of those that say something, half a request.
#[expect(clippy::disallowed_methods, reason = "a client's sockets, to the server under test")]
async fn crowd(base: &str, first: &'static [u8]) -> Vec<TcpStream> {
    let address = base.trim_start_matches("http://").to_owned();
    let mut coming = tokio::task::JoinSet::new();
    for _ in 0..CROWD {
        let address = address.clone();
        coming.spawn(async move {
            let coming = tokio::time::timeout(Duration::from_secs(2), TcpStream::connect(address));
            let mut stream = coming.await.ok()?.ok()?;
            stream.write_all(first).await.ok()?;
            Some(stream)
        });
    }
    coming.join_all().await.into_iter().flatten().collect()
}

async fn few_descriptors(limit: u32, first: &'static [u8]) {
    let (peer, new) = (far_end().await, Peer::answering(says(&json!({ "ok": true }))).await);
    let site = Site::new(&peer).set("REEVE_EGRESS_ALLOW", format!("{},{}", peer.address, new.address));
    let mut server = serve_behind(&site, &format!("ulimit -n {limit}"));
    let load = Load::new(&server, peer).await;
    let early = server.http().bearer(&load.key);
    let other = agent(&early, &new).await;
    let running = load.start(&server.base);
    let acked = load.acks.clone();
    until("the load begins", async || acked.load(SeqCst) > 20).await;
    let held = crowd(&server.base, first).await;
    assert!(held.len() >= limit as usize, "only {} have come", held.len());
    // Whoever was there gets on, and so do the calls of their runs.
    let before = load.acks.load(SeqCst);
    until("what is at work goes on", async || acked.load(SeqCst) > before + 50).await;
    running.end().await;
    // It asks somebody whom nobody is connected to.
    let run = early.post(&format!("{other}/execute"), json!({ "input": {} })).await.expect(200);
    assert_eq!(run["status"], "completed", "{run}");
    let (began, idle) = (Instant::now(), busy(&server));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let spent = busy(&server) - idle;
    assert!(spent < began.elapsed() / 2, "it spins: {spent:?} in {:?}", began.elapsed());
    let files = fs::read_dir(format!("/proc/{}/fd", server.child.id())).expect("it lives").count();
    drop(held);
    let http = server.http();
    until("it takes others again", async || is_ready(&http).await).await;
    let again = load.start(&server.base);
    let before = load.acks.load(SeqCst);
    until("others are served again", async || acked.load(SeqCst) > before + 50).await;
    again.end().await;
    let found = load.settle(&server, LookBack::All).await;
    assert!(server.child.try_wait().expect("ours").is_none(), "it lives");
    eprintln!(
        "C9 descriptors: limit={limit} crowd={CROWD} half_said={} open={files} busy={spent:?}/2s {found} lost=0; \
         covers D1 D16",
        !first.is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_before_few_descriptors_shuts_nobody_out_for_good() {
    let limits: &[u32] = if full() { &[64, 128, 256] } else { &[64] };
    for limit in limits {
        few_descriptors(*limit, b"").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_says_half_of_what_it_wants_shuts_nobody_out_for_good() {
    let limits: &[u32] = if full() { &[64, 128, 256] } else { &[256] };
    for limit in limits {
        few_descriptors(*limit, b"GET /healthz HTTP/1.1\r\nHost: mill.test\r\n").await;
    }
}

/// A group of processes of this test's own, and its limit.
struct Group {
    folder: PathBuf,
    limit: &'static str,
}

impl Group {
    /// `None`, with the reason printed, where none can be made. `kind`: `memory` or `pids`.
    fn new(kind: &str) -> Option<Self> {
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let line = |wanted: &str| {
            own.lines().find_map(|it| {
                let mut parts = it.splitn(3, ':').skip(1);
                (parts.next() == Some(wanted))
                    .then(|| parts.next().unwrap_or("/").trim_matches('/').to_owned())
            })
        };
        let (root, place, limit) = match (line(kind), line("")) {
            (Some(place), _) => (
                Path::new("/sys/fs/cgroup").join(kind),
                place,
                if kind == "memory" { "memory.limit_in_bytes" } else { "pids.max" },
            ),
            (None, Some(place)) => (
                PathBuf::from("/sys/fs/cgroup"),
                place,
                if kind == "memory" { "memory.max" } else { "pids.max" },
            ),
            _ => return None,
        };
        let folder = root.join(place).join(format!("reeve-test-{}-{kind}", std::process::id()));
        let group = Self { folder, limit };
        match fs::create_dir(&group.folder) {
            Ok(()) if group.folder.join(limit).exists() => Some(group),
            other => {
                eprintln!("skipped: no group of processes for {kind} here: {other:?}");
                None
            }
        }
    }

    fn limit(&self, to: &str) {
        fs::write(self.folder.join(self.limit), to).expect("takes the limit");
    }

    fn read(&self, name: &str) -> u64 {
        let text = fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        text.trim().parse().unwrap_or(0)
    }

    fn entered(&self) -> String {
        format!("echo $$ > {}", self.folder.join("cgroup.procs").display())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for _ in 0..100 {
            if fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

async fn agent(http: &Http, peer: &Peer) -> String {
    let agent = json!({
        "name": "A", "agent_type": "webhook", "config": { "url": peer.url("/work") },
        "execution": { "retry": { "max_attempts": 1, "backoff_ms": 0, "max_backoff_ms": 0 } },
    });
    let agent = crate::agents::made(http, agent).await;
    http.post(&format!("{agent}/versions/1.0.0/publish"), json!({})).await.expect(200);
    agent
}

/// Many runs at once, whose far end answers nobody until all have come.
async fn flood(name: &str, line: &str, runs: usize, bytes: usize) {
    let gate = Arc::new(Semaphore::new(0));
    let held = gate.clone();
    let peer = Peer::start(move |_: &Received, _| {
        std::iter::once(Step::Wait(held.clone())).chain(says(&json!({ "ok": true }))).collect()
    })
    .await;
    let site = Site::new(&peer);
    let mut server = serve_behind(&site, line);
    let key = server.api_key().await;
    let http = server.http().bearer(&key);
    let agent = agent(&http, &peer).await;
    let (next, refused) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (http, path) = (http.clone(), format!("{agent}/execute"));
            let (next, refused) = (next.clone(), refused.clone());
            tokio::spawn(async move {
                let input = json!({ "text": "x".repeat(bytes) });
                let body = json!({ "input": input, "wait_ms": 0, "timeout_ms": 3_600_000 });
                let mut acked = Vec::new();
                while next.fetch_add(1, SeqCst) < runs {
                    let answer = http.post(&path, body.clone()).await;
                    match answer.status {
                        202 => acked.push(answer.json()["id"].as_str().expect("an id").to_owned()),
                        429 | 503 => {
                            assert!(answer.header("retry-after").is_some(), "{}", answer.text());
                            refused.fetch_add(1, SeqCst);
                        }
                        other => panic!("D16: {other}: {}", answer.text()),
                    }
                }
                acked
            })
        })
        .collect();
    let mut acked = Vec::new();
    for client in clients {
        acked.extend(client.await.expect("a client"));
    }
    assert!(is_ready(&http).await, "it takes work");
    let status = fs::read_to_string(format!("/proc/{}/status", server.child.id())).expect("it lives");
    let resident = status.lines().find(|it| it.starts_with("VmHWM")).unwrap_or_default().to_owned();
    gate.add_permits(runs * 4);
    for run in &acked {
        let path = format!("/api/executions/{run}");
        until(run, async || http.get(&path).await.expect(200)["status"] == "completed").await;
    }
    assert!(server.child.try_wait().expect("ours").is_none(), "it lives");
    eprintln!(
        "C9 {name}: runs={} refused={} of {bytes} bytes each; {resident}; lost=0; covers D1 D16",
        acked.len(),
        refused.load(SeqCst)
    );
}

fn flood_size() -> (usize, usize) {
    if full() { (20_000, 20_000) } else { (1_200, 20_000) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_runs_stays_within_256_mib_of_memory() {
    let Some(group) = Group::new("memory") else { return };
    group.limit("268435456");
    let (runs, bytes) = flood_size();
    flood("memory", &group.entered(), runs, bytes).await;
    if full() {
        flood("memory, large inputs", &group.entered(), 2_000, 500_000).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_runs_stays_within_a_small_address_space() {
    if !full() {
        return;
    }
    let (runs, bytes) = flood_size();
    flood("address space", "ulimit -v 3145728", runs, bytes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_another_thread_runs_go_on_and_nothing_is_lost() {
    let Some(group) = Group::new("pids") else { return };
    let (peer, other) = (far_end().await, Peer::answering(says(&json!({ "ok": true }))).await);
    let site = Site::new(&peer).set("REEVE_EGRESS_ALLOW", format!("{},{}", peer.address, other.address));
    let mut server = serve_behind(&site, &group.entered());
    let load = Load::new(&server, peer).await;
    let http = server.http().bearer(&load.key);
    let agent = agent(&http, &other).await;
    let running = load.start(&server.base);
    let acked = load.acks.clone();
    until("the load begins", async || acked.load(SeqCst) > 20).await;
    // From here on no thread can be begun; those that wait for work go by and by.
    let threads = group.read("pids.current");
    group.limit(&threads.min(4).to_string());
    let login = json!({ "email": EMAIL, "password": PASSWORD });
    let mut logins = 0;
    for _ in 0..5 {
        // It needs a thread for the password, and may get none.
        let answer = server.http().try_post("/api/auth/login", &login).await;
        logins += usize::from(answer.is_some_and(|it| it.status == 200));
    }
    // Enough for the database to take in what half of the log holds, which it does on a thread of its own.
    for _ in 0..12 {
        let large = json!({ "input": { "text": "x".repeat(500_000) }, "wait_ms": 0 });
        let answer = http.post(&format!("{agent}/execute"), large).await;
        assert!([200, 202].contains(&answer.status), "{}", answer.text());
    }
    let before = load.acks.load(SeqCst);
    until("runs go on", async || acked.load(SeqCst) > before + 100).await;
    running.end().await;
    group.limit("max");
    let patient = server.http();
    until("people log in again", async || {
        patient.try_post("/api/auth/login", &login).await.is_some_and(|it| it.status == 200)
    })
    .await;
    let found = load.settle(&server, LookBack::All).await;
    assert!(server.child.try_wait().expect("ours").is_none(), "it lives");
    eprintln!("C9 threads: {threads} of them, logins={logins} of 5 {found} lost=0; covers D1 D16");
    server.kill();
}
