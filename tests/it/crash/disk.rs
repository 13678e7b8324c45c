//! A disk that is full, and one that takes no writes.

use std::time::Duration;

use serde_json::{Value, json};

use super::full;
use super::load::{Load, LookBack, far_end};
use super::server::{Mount, Site, can_trace, strace};
use crate::agents::made;
use crate::support::http::Http;

const MEGABYTE: usize = 1 << 20;

fn rounds() -> usize {
    if full() { 10 } else { 1 }
}

struct Scene {
    load: Load,
    http: Http,
    agent: String,
    server: super::server::Server,
    filler: std::path::PathBuf,
    _mount: Mount,
}

/// A server on a small disk that another file shares.
async fn scene(min_free_megabytes: usize) -> Option<Scene> {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = folder.path().join("disk");
    let mount = Mount::tmpfs(&disk, 64)?;
    let filler = disk.join("filler");
    std::fs::write(&filler, vec![7; 20 * MEGABYTE]).expect("writes");
    let peer = far_end().await;
    let site = Site::at(folder, disk.join("data"), &peer)
        .set("REEVE_DATA_MIN_FREE_BYTES", min_free_megabytes * MEGABYTE);
    assert!(site.set_up().wait().expect("ends").success(), "setup");
    let server = site.serve();
    let load = Load::new(&server, peer).await;
    let http = server.http().bearer(&load.key);
    let agent = slow_agent(&http, &load.peer.url("/work")).await;
    // The folder is kept: the mount in it goes first.
    std::mem::forget(site);
    Some(Scene { load, http, agent, server, filler, _mount: mount })
}

/// An agent that answers later, which here is never.
async fn slow_agent(http: &Http, url: &str) -> String {
    let config = json!({ "url": url, "reply": "callback", "callback_field": "to" });
    let agent = json!({ "name": "slow", "agent_type": "webhook", "config": config });
    let agent = made(http, agent).await;
    http.post(&format!("{agent}/versions/1.0.0/publish"), json!({})).await.expect(200);
    agent
}

impl Scene {
    async fn begin(&self, size: usize) -> crate::support::http::Answer {
        let body = json!({
            "input": { "text": "x".repeat(size) }, "wait_ms": 0, "timeout_ms": 600_000,
            "metadata": { "key": "slow", "delivery": "at_least_once" },
        });
        self.http.post(&format!("{}/execute", self.agent), body).await
    }
}

async fn a_full_disk_is_survived(name: &str, min_free_megabytes: usize) {
    let Some(mut scene) = scene(min_free_megabytes).await else { return };
    let mut runs: Vec<Value> = vec![scene.begin(10).await.expect(202)];
    let refused = loop {
        let answer = scene.begin(600_000).await;
        match answer.status {
            202 => runs.push(answer.json()),
            _ => break answer,
        }
        assert!(runs.len() < 500, "it never fills up");
    };
    refused.expect_error(503, "Unavailable");
    if min_free_megabytes > 0 {
        scene.http.get("/readyz").await.expect_error(503, "Unavailable");
    }
    assert_eq!(scene.http.get("/healthz").await.status, 200);
    let path = |run: &Value| format!("/api/executions/{}", run["id"].as_str().expect("an id"));
    for run in &runs {
        scene.http.get(&path(run)).await.expect(200);
    }
    scene.http.get("/api/executions").await.expect(200);
    let cancelled = scene.http.post(&format!("{}/cancel", path(&runs[0])), json!({})).await.expect(200);
    assert_eq!(cancelled["status"], "cancelled", "D15: a run can be ended on a full disk");
    std::fs::remove_file(&scene.filler).expect("deletes");
    let mut tries = 0;
    while scene.begin(10).await.status != 202 {
        tries += 1;
        assert!(tries < 500, "D15: it recovers without a restart");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(scene.http.get("/readyz").await.status, 200);
    for run in &runs[1..] {
        let ended = scene.http.post(&format!("{}/cancel", path(run)), json!({})).await.expect(200);
        assert_eq!(ended["status"], "cancelled");
    }
    assert!(scene.server.child.try_wait().expect("ours").is_none(), "it lives");
    eprintln!(
        "C8 {name}: accepted={} then 503; cancelled and read while full; recovered; covers D15",
        runs.len()
    );
    scene.server.kill();
    drop(scene.load);
}

#[tokio::test(flavor = "multi_thread")]
async fn below_the_floor_new_work_is_refused_and_the_rest_goes_on() {
    for _ in 0..rounds() {
        a_full_disk_is_survived("floor", 12).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_byte_is_survived_too() {
    for _ in 0..rounds() {
        a_full_disk_is_survived("last byte", 0).await;
    }
}

/// A mounted file system that is in use cannot be made read-only from outside, so the calls that write are refused
/// as such a file system refuses them, for a while.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_turns_read_only_is_survived() {
    if !can_trace() {
        return;
    }
    for round in 0..rounds() {
        a_read_only_disk_is_survived(150 + 13 * round).await;
    }
}

/// From the `first` write on, three hundred are refused.
async fn a_read_only_disk_is_survived(first: usize) {
    let peer = far_end().await;
    let site = Site::new(&peer);
    let server = site.serve();
    let load = Load::new(&server, peer).await;
    let agent = slow_agent(&server.http().bearer(&load.key), &load.peer.url("/work")).await;
    drop(server);
    let wrapper = strace("pwrite64", &format!("error=EROFS:when={first}..{}", first + 300));
    let mut server =
        site.serve_under(&wrapper.iter().map(String::as_str).collect::<Vec<_>>()).expect("is ready");
    let http = server.http().bearer(&load.key);
    let slow = json!({
        "input": {}, "wait_ms": 0, "timeout_ms": 600_000,
        "metadata": { "key": "slow", "delivery": "at_least_once" },
    });
    let run = http.post(&format!("{agent}/execute"), slow.clone()).await.expect(202);
    let run = format!("/api/executions/{}", run["id"].as_str().expect("an id"));

    let running = load.start(&server.base);
    while http.get("/readyz").await.status == 200 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    running.end().await;
    let (mut refused, mut told) = (0, 0);
    while http.get("/readyz").await.status == 503 {
        http.get("/api/executions").await.expect(200);
        assert_eq!(http.get(&run).await.expect(200)["status"], "running");
        assert_eq!(http.get("/healthz").await.status, 200);
        let answer = http.post(&format!("{agent}/execute"), slow.clone()).await;
        if answer.status == 202 {
            break;
        }
        let body = answer.expect_error(503, "Unavailable");
        told += usize::from(body["error"]["message"].as_str().is_some_and(|it| it.contains("read-only")));
        refused += 1;
    }
    assert!(refused > 0 && told > 0, "it was read-only: {refused} {told}");
    assert!(server.child.try_wait().expect("ours").is_none(), "it lives");
    let runs = http.get(&format!("{agent}/executions")).await.expect(200);
    for run in runs["items"].as_array().expect("items") {
        let id = run["id"].as_str().expect("an id");
        http.post(&format!("/api/executions/{id}/cancel"), json!({})).await.expect(200);
    }
    let found = load.settle(&server, LookBack::All).await;
    eprintln!("C8 read-only: refused={refused} {found} lost=0; read meanwhile; recovered; covers D1 D2 D15");
}
