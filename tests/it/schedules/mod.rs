//! Schedules through the front door: what can be said of them, and what becomes of their ticks.

mod chains;
mod clocks;
mod overlaps;
mod refusals;
mod ticks;
mod verbs;

use std::sync::Arc;
use std::time::{Duration, Instant};

use reeve::config::Config;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::agents::published;
use crate::support::Appliance;
use crate::support::clock::HeldClock;
use crate::support::http::Http;
use crate::support::peer::{Peer, Received, Step, json as json_answer};

/// Longer than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// An appliance at a time that the test holds (2027-01-15T08:00:00Z at first), a client whose key outlives any
/// clock, and a far end that answers at once unless it is gated.
struct Bench {
    appliance: Appliance,
    clock: Arc<HeldClock>,
    http: Http,
    peer: Peer,
    gate: Arc<Semaphore>,
    agent: String,
}

impl Bench {
    async fn new() -> Self {
        Self::with(|_| {}, false).await
    }

    /// The far end answers each request when the gate gives a permit.
    async fn gated() -> Self {
        Self::with(|_| {}, true).await
    }

    async fn with(change: impl FnOnce(&mut Config), gated: bool) -> Self {
        let gate = Arc::new(Semaphore::new(0));
        let held = gate.clone();
        let peer = Peer::start(move |_: &Received, _| {
            let wait = gated.then(|| Step::Wait(held.clone()));
            wait.into_iter().chain(json_answer(&json!({ "ok": true }))).collect()
        })
        .await;
        let allow = peer.address.to_string();
        let settings = |it: &mut Config| {
            it.egress.allow = vec![allow];
            it.auth.open_registration = true;
            change(it);
        };
        let (appliance, clock) = Appliance::start_held(settings, Vec::new()).await;
        let owner = appliance.owner().await;
        let config = json!({ "url": peer.url("/work") });
        let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } } });
        let agent = json!({
            "name": "Reporter", "agent_type": "webhook", "config": config, "input_schema": schema,
            "execution": { "timeout_ms": 3_600_000 },
        });
        let agent = published(&owner, agent).await.trim_start_matches("/api/agents/").to_owned();
        let scopes = [
            "agents:read",
            "agents:write",
            "agents:publish",
            "agents:share",
            "agents:execute",
            "executions:read",
            "executions:cancel",
            "workflows:read",
            "workflows:write",
            "workflows:execute",
            "schedules:read",
            "schedules:write",
            "schedules:run",
            "audit:read",
        ];
        let http = owner.key(&scopes).await;
        Self { appliance, clock, http, peer, gate, agent }
    }

    /// A schedule of the agent; answers its path.
    async fn schedule(&self, cron: &str, more: Value) -> String {
        let made = self.http.post("/api/schedules", self.body(cron, more)).await.expect(201);
        format!("/api/schedules/{}", made["id"].as_str().expect("an id"))
    }

    fn body(&self, cron: &str, more: Value) -> Value {
        let mut body = json!({ "name": "Report", "agent_id": self.agent, "cron": cron, "input": { "n": 1 } });
        json_patch::merge(&mut body, &more);
        body
    }

    /// Lets so many seconds pass at once.
    fn pass(&self, seconds: i64) {
        self.clock.shift_ms(seconds * 1_000);
        self.appliance.inner.services.timers.look();
    }

    /// The history, newest first, once `done` says that it is as expected.
    async fn history(&self, schedule: &str, done: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let page = self.http.get(&format!("{schedule}/history?limit=200")).await.expect(200);
            let items = page["items"].as_array().expect("items").clone();
            if done(&items) {
                return items;
            }
            assert!(Instant::now() < deadline, "{items:#?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The history as `minute outcome reason`, oldest first, once there are so many lines and nothing waits or runs.
    async fn told(&self, schedule: &str, count: usize) -> Vec<String> {
        let is_over = |it: &Value| it["outcome"] == "skipped" || !it["status"].is_null();
        let items = self.history(schedule, |it| it.len() >= count && it.iter().all(is_over)).await;
        items.iter().rev().map(line).collect()
    }

    /// Runs that there are.
    async fn runs(&self) -> usize {
        let page = self.http.get("/api/executions?limit=200").await.expect(200);
        page["items"].as_array().expect("items").len()
    }
}

/// `08:10 fired`, `08:20 skipped missed`.
fn line(tick: &Value) -> String {
    let text = |name: &str| tick[name].as_str().unwrap_or_default().to_owned();
    let line = format!("{} {} {}", &text("at")[11..16], text("outcome"), text("reason"));
    line.trim_end().to_owned()
}
