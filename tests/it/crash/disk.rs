//! A disk that is full.

use std::time::Duration;

use serde_json::{Value, json};

use super::load::{Load, far_end};
use super::server::{Mount, Site};
use crate::support::http::Http;

const MEGABYTE: usize = 1 << 20;

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
    let config = json!({ "url": load.peer.url("/work"), "reply": "callback", "callback_field": "to" });
    let agent = json!({ "name": "slow", "agent_type": "webhook", "config": config });
    let agent = http.post("/api/agents", agent).await.expect(201);
    let agent = format!("/api/agents/{}", agent["id"].as_str().expect("an id"));
    http.post(&format!("{agent}/versions/1.0.0/publish"), json!({})).await.expect(200);
    // The folder is kept: the mount in it goes first.
    std::mem::forget(site);
    Some(Scene { load, http, agent, server, filler, _mount: mount })
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
    a_full_disk_is_survived("floor", 12).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_byte_is_survived_too() {
    a_full_disk_is_survived("last byte", 0).await;
}
