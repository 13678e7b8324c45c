//! Failures at chosen instants: a panic, an abort, an error or a delay at each point that the source names with
//! `fault!`, one start of the program for each, under the load of two organizations.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use super::full;
use super::load::{Load, LookBack, far_end};
use super::others::{self, Others};
use super::server::{Server, Site};
use crate::architecture::sources;
use crate::support::http::Http;

/// From ready to the instant that was asked for, and from there to what follows it.
const PATIENCE: Duration = Duration::from_secs(30);
/// Failures between two looks at everything that was promised.
const LOOKS: usize = 24;
/// What each organization does after a failure that the process outlives.
const GOES_ON: u64 = 8;

/// Points by name, and whether an error can be told there.
fn points() -> BTreeMap<String, bool> {
    let mut found = BTreeMap::new();
    for path in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = fs::read_to_string(&path).expect("a file");
        for line in text.lines().filter(|it| !it.trim_start().starts_with("//")) {
            let Some((_, rest)) = line.split_once("fault!(\"") else { continue };
            let (name, rest) = rest.split_once('"').expect("a name");
            assert!(found.insert(name.to_owned(), rest.starts_with('?')).is_none(), "{name} is there twice");
        }
    }
    found
}

/// Those that a campaign of their own takes: they are not met under load.
const APART: [&str; 6] =
    ["store.migration.", "store.stamped", "store.compaction.", "retention.", "access.", "vault."];

fn is_apart(name: &str) -> bool {
    APART.iter().any(|it| name.starts_with(it))
}

/// Where a failure is one of the storage: nothing is acknowledged any more, and the process goes.
fn is_storage(name: &str) -> bool {
    name.starts_with("store.") && name != "store.closure" && !name.starts_with("store.compaction.")
}

/// What is met only when the log is full.
fn needs_much(name: &str) -> bool {
    ["store.checkpoint.", "store.database."].iter().any(|it| name.starts_with(it))
}

fn actions(may_fail: bool) -> Vec<&'static str> {
    match (full(), may_fail) {
        (false, _) => vec!["panic", "abort"],
        (true, true) => vec!["panic", "abort", "error", "delay"],
        (true, false) => vec!["panic", "abort", "delay"],
    }
}

/// One point and what is to happen there.
pub struct Shot {
    pub name: String,
    pub action: &'static str,
}

impl std::fmt::Display for Shot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.name, self.action)
    }
}

/// `FAULT_POINTS` narrows them: a part of their names.
pub fn shots(wanted: impl Fn(&str) -> bool) -> Vec<Shot> {
    let only = std::env::var("FAULT_POINTS").unwrap_or_default();
    let points = points().into_iter().filter(|it| wanted(&it.0) && it.0.contains(&only));
    points
        .flat_map(|(name, may_fail)| {
            actions(may_fail).into_iter().map(move |action| Shot { name: name.clone(), action })
        })
        .collect()
}

impl Site {
    /// What processes said before goes.
    pub fn arm(&mut self, shot: Option<&Shot>) {
        fs::write(self.log(), "").expect("writes");
        self.settings.retain(|it| it.0 != "FAULT_POINT");
        if let Some(Shot { name, action }) = shot {
            self.settings.push(("FAULT_POINT".to_owned(), format!("{name}:{action}")));
        }
    }

    /// Whether the point was reached since it was armed.
    pub fn was_hit(&self, Shot { name, action }: &Shot) -> bool {
        let log = fs::read_to_string(self.log()).unwrap_or_default().to_lowercase();
        log.contains(&format!("fault point {name}: {action}"))
    }
}

pub fn was_aborted(status: ExitStatus) -> bool {
    status.signal() == Some(6)
}

#[test]
fn there_are_points_at_every_boundary() {
    let points = points();
    assert!(points.len() >= 40, "{} points", points.len());
    for about in ["store.commit", "store.log", "store.checkpoint", "engine.start", "engine.end", "web.answer"]
    {
        assert!(points.keys().any(|it| it.starts_with(about)), "none at {about}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_at_any_point_loses_nothing_and_harms_nobody_else() {
    let (peer, far) = (far_end().await, others::far_end().await);
    let mut site = Site::new(&peer)
        .set("REEVE_EGRESS_ALLOW", format!("{},{}", peer.address, far.address))
        .set("REEVE_AUTH_OPEN_REGISTRATION", true)
        .set("REEVE_LIMITS_ANONYMOUS_REQUESTS_PER_MINUTE", 1_000_000);
    let server = site.serve();
    let load = Load::new(&server, peer).await;
    let others = Others::new(&server, far).await;
    drop(server);
    load.died();
    let shots = shots(|it| !is_apart(it));
    let (mut outlived, mut ended, mut during_start, mut figures) = (0, 0, 0, String::new());
    for (count, shot) in shots.iter().enumerate() {
        site.arm(Some(shot));
        match fire(&site, &load, &others, shot).await {
            After::NeverReady => during_start += 1,
            After::Ended => ended += 1,
            After::Outlived => outlived += 1,
        }
        if (count + 1) % LOOKS == 0 || count + 1 == shots.len() {
            site.arm(None);
            let server = site.serve();
            let look_back = if count + 1 == shots.len() { LookBack::All } else { LookBack::New };
            let found = load.settle(&server, look_back).await;
            figures = format!("{found}; beside: {}", others.settle(&server, look_back).await);
            drop(server);
            load.died();
        }
    }
    site.arm(None);
    let server = site.serve();
    let streams = load.check_events(&server, 300).await;
    eprintln!(
        "C5: shots={} outlived={outlived} ended={ended} during_start={during_start} {figures} streams={streams} \
         lost=0 twins=0 zombies=0; covers D1 D2 D3 D4 D5 D6 D8 D10 D11 D12 D14",
        shots.len()
    );
}

/// What a failure came to.
enum After {
    NeverReady,
    Ended,
    Outlived,
}

/// One start with one point armed, under load until what follows has been seen; then the process is gone.
async fn fire(site: &Site, load: &Load, others: &Others, shot: &Shot) -> After {
    let began = Instant::now();
    let mut server = match site.serve_under(&[]) {
        Ok(server) => server,
        Err(status) => {
            assert!(site.was_hit(shot), "{shot}: it did not start: {status}");
            assert!(!status.success(), "{shot}: {status}");
            load.died();
            return After::NeverReady;
        }
    };
    let stop = Arc::new(AtomicBool::new(false));
    let running = load.start_hurt(&server.base, &stop);
    let beside = others.start(&server.base, &stop);
    let filler = needs_much(&shot.name).then(|| others.fill(&server.base, &stop));
    let deadline = Instant::now() + PATIENCE;
    while !site.was_hit(shot) {
        assert!(Instant::now() < deadline, "{shot}: it is never reached");
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    let hit_after = began.elapsed() - server.ready_after;
    // What the failure has cut off may be begun once more.
    load.died();
    let after = match shot.action {
        "abort" => {
            let status = server.ended(PATIENCE).await.expect("it ends");
            assert!(was_aborted(status), "{shot}: {status}");
            After::Ended
        }
        "delay" => goes_on(&mut server, load, others, shot).await,
        _ if is_storage(&shot.name) => says_no(&mut server, shot).await,
        _ => goes_on(&mut server, load, others, shot).await,
    };
    server.kill();
    stop.store(true, SeqCst);
    running.end().await;
    for client in std::iter::once(beside).chain(filler) {
        client.await.expect("a client");
    }
    load.died();
    eprintln!("{shot}: ready={:?} hit={hit_after:?} all={:?}", server.ready_after, began.elapsed());
    after
}

/// Everybody gets on.
async fn goes_on(server: &mut Server, load: &Load, others: &Others, shot: &Shot) -> After {
    let (acks, rounds) = (load.acks.load(SeqCst) + GOES_ON, others.rounds.load(SeqCst) + 1);
    let deadline = Instant::now() + PATIENCE;
    while load.acks.load(SeqCst) < acks || others.rounds.load(SeqCst) < rounds {
        let ended = server.child.try_wait().expect("is ours");
        assert!(ended.is_none(), "{shot}: it has ended: {ended:?}");
        assert!(Instant::now() < deadline, "{shot}: others wait for it");
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    assert_eq!(server.http().get("/readyz").await.status, 200, "{shot}");
    After::Outlived
}

/// Nothing is acknowledged any more.
async fn says_no(server: &mut Server, shot: &Shot) -> After {
    let (http, deadline): (Http, _) = (server.http(), Instant::now() + PATIENCE);
    while http.try_get("/readyz").await.is_some_and(|it| it.status == 200) {
        assert!(Instant::now() < deadline, "{shot}: D14: it goes on");
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    if full() {
        let status = server.ended(PATIENCE).await.expect("D14: it ends");
        assert!(!status.success(), "{shot}: D14: {status}");
    }
    After::Ended
}
