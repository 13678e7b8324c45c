//! `kill -9` around the ticks of schedules: each tick has its row, and no tick has two runs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::load::far_end;
use super::server::{Server, Site};
use super::{Dice, full};
use crate::support::http::Http;

const SCHEDULES: usize = 6;
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_that_is_killed_runs_once_and_is_told_of_once() {
    let kills = if full() { 200 } else { 10 };
    let mut dice = Dice::new("C3 ticks");
    let peer = far_end().await;
    let site = Site::new(&peer);
    let mut server = site.serve();
    let key = key(&server).await;
    let agent = agent(&server.http().bearer(&key), &peer.url("/work")).await;
    for number in 0..SCHEDULES {
        let overlap = ["allow", "skip", "queue"][number % 3];
        let schedule = json!({
            "name": format!("each second {number}"), "agent_id": agent, "cron": "* * * * * *",
            "missed_runs": "all", "catch_up_limit": 100, "overlap": overlap,
        });
        server.http().bearer(&key).post("/api/schedules", schedule).await.expect(201);
    }
    for _ in 0..kills {
        // Ticks come at whole seconds: most kills are within a few milliseconds of one.
        let into_second = u64::try_from(reeve::base::Env::system().now().millis() % 1_000).expect("fits");
        let until = 1_000 - into_second + dice.below(2) * dice.below(900) + dice.below(12);
        tokio::time::sleep(Duration::from_millis(until)).await;
        server.kill();
        server = site.serve();
    }
    let http = server.http().bearer(&key);
    let last = switch_off(&http).await;
    let runs = all_ended(&http).await;
    let mut by_tick: BTreeMap<(String, String), usize> = BTreeMap::new();
    for run in &runs {
        let text = |name: &str| run["metadata"][name].as_str().expect("text").to_owned();
        *by_tick.entry((text("schedule_id"), text("scheduled_at"))).or_default() += 1;
    }
    let twins: Vec<_> = by_tick.iter().filter(|it| *it.1 > 1).collect();
    assert!(twins.is_empty(), "D8: two runs of one tick: {twins:?}");
    let (mut ticks, mut fired) = (0, 0);
    for schedule in &last {
        let id = schedule["id"].as_str().expect("an id");
        let history = history(&http, id).await;
        let at: Vec<i64> = history.iter().map(|it| millis(&it["at"])).collect();
        let distinct: BTreeSet<i64> = at.iter().copied().collect();
        assert_eq!(distinct.len(), at.len(), "D8: a tick is told of twice");
        let (first, end) = (at.iter().min().expect("a tick"), at.iter().max().expect("a tick"));
        assert_eq!(at.len() as i64, (end - first) / 1_000 + 1, "D8: a tick was passed over in silence");
        for tick in history.iter().filter(|it| it["outcome"] == "fired") {
            let key = (id.to_owned(), tick["at"].as_str().expect("a time").to_owned());
            assert_eq!(by_tick.get(&key), Some(&1), "D8: {tick} has no run");
            assert_eq!(tick["status"], "completed", "{tick}");
            fired += 1;
        }
        ticks += at.len();
    }
    assert_eq!(fired, runs.len(), "D8: a run without its tick");
    eprintln!(
        "C3 ticks: kills={kills} ticks={ticks} fired={fired} runs={} twins=0 missed=0; covers D8",
        runs.len()
    );
}

async fn key(server: &Server) -> String {
    let login = json!({ "email": super::server::EMAIL, "password": crate::support::PASSWORD });
    let tokens = server.http().post("/api/auth/login", login).await.expect(200);
    let token = tokens["access_token"].as_str().expect("a token").to_owned();
    let scopes = [
        "agents:read",
        "agents:write",
        "agents:publish",
        "agents:execute",
        "executions:read",
        "schedules:read",
        "schedules:write",
    ];
    let body = json!({ "name": "ticks", "scopes": scopes });
    let made = server.http().bearer(&token).post("/api/api-keys", body).await.expect(201);
    made["secret"].as_str().expect("a secret").to_owned()
}

async fn agent(http: &Http, url: &str) -> String {
    let agent = json!({ "name": "far", "agent_type": "webhook", "config": { "url": url } });
    let made = http.post("/api/agents", agent).await.expect(201);
    let id = made["id"].as_str().expect("an id").to_owned();
    http.post(&format!("/api/agents/{id}/versions/1.0.0/publish"), json!({})).await.expect(200);
    id
}

/// Stops all schedules; what waits is let go.
async fn switch_off(http: &Http) -> Vec<Value> {
    let all = http.get("/api/schedules").await.expect(200)["items"].as_array().expect("items").clone();
    for schedule in &all {
        let path = format!("/api/schedules/{}/disable", schedule["id"].as_str().expect("an id"));
        http.post(&path, json!({})).await.expect(200);
    }
    all
}

async fn all_ended(http: &Http) -> Vec<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let runs = http.list("/api/executions?limit=200").await;
        let open = |it: &Value| ["pending", "running"].contains(&it["status"].as_str().expect("a status"));
        if !runs.iter().any(open) {
            return runs;
        }
        assert!(Instant::now() < deadline, "D6: zombies");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn history(http: &Http, id: &str) -> Vec<Value> {
    http.list(&format!("/api/schedules/{id}/history?limit=200")).await
}

fn millis(at: &Value) -> i64 {
    reeve::base::Timestamp::parse(at.as_str().expect("a time")).expect("a time").millis()
}
