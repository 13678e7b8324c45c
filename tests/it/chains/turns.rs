//! Steps keep to the limits of those whom they ask, and wait for their turn among all who ask.

use std::sync::Arc;
use std::time::Duration;

use reeve::config::Config;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{Bench, chain, names, said};
use crate::support::peer::{Received, Step};

/// A far end where whoever asks `/a` has to wait for a permit.
async fn gated(change: impl FnOnce(&mut Config)) -> (Bench, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let held = gate.clone();
    let script = move |it: &Received, _: usize| {
        let mut steps = if names(it, "a") { vec![Step::Wait(held.clone())] } else { Vec::new() };
        steps.extend(said(it));
        steps
    };
    (Bench::set(change, script).await, gate)
}

impl Bench {
    /// A chain whose one step asks the agent.
    async fn asking(&self, agent: &str) -> String {
        let name = format!("Asks {agent}");
        self.chain(chain(&name, json!([{ "id": "one", "agent_id": agent }]))).await
    }

    /// Returns when so many are at work and so many wait for their turn.
    async fn has(&self, running: usize, queued: usize) {
        let engine = &self.appliance.inner.services.engine;
        let stats = || (engine.stats().running, engine.stats().queued);
        while stats() != (running, queued) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn completes(&self, runs: &[&String]) {
        for run in runs {
            assert_eq!(self.ended(run).await.0["status"], "completed");
        }
    }
}

fn at_most(count: u32) -> Value {
    json!({ "execution": { "max_concurrency": count } })
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_steps_ask_an_agent_at_once_than_it_allows() {
    let (bench, gate) = gated(|_| {}).await;
    bench.agent_with("a", at_most(2)).await;
    let path = bench.asking("a").await;
    let mut runs = Vec::new();
    for _ in 0..5 {
        runs.push(bench.begin(&path, json!({})).await);
    }
    bench.has(2, 3).await;
    assert_eq!(bench.peer.received_count(), 2, "those that wait hold no worker");
    gate.add_permits(5);
    bench.completes(&runs.iter().collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_and_runs_of_an_agent_share_its_limit() {
    let (bench, gate) = gated(|_| {}).await;
    bench.agent_with("a", at_most(1)).await;
    let path = bench.asking("a").await;
    let direct = bench.begin("/api/agents/a", json!({ "from": "a run" })).await;
    bench.peer.has_received(1).await;
    let step = bench.begin(&path, json!({ "from": "a step" })).await;
    bench.has(1, 1).await;
    let later = bench.begin("/api/agents/a", json!({ "from": "a later run" })).await;
    bench.has(1, 2).await;
    gate.add_permits(1);
    bench.peer.has_received(2).await;
    bench.completes(&[&direct]).await;
    bench.has(1, 1).await;
    assert_eq!(bench.owner.get(&later).await.expect(200)["status"], "pending", "the step has the place");
    gate.add_permits(2);
    bench.completes(&[&step, &later]).await;
    let order: Vec<_> = bench.peer.received().iter().map(|it| it.json()["from"].clone()).collect();
    assert_eq!(order, ["a run", "a step", "a later run"], "first come, first served");
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_and_runs_of_all_agents_share_the_limit_of_a_credential() {
    let (bench, gate) = gated(|_| {}).await;
    let credential =
        json!({ "name": "C", "kind": "bearer", "value": { "token": "t-1" }, "max_concurrency": 1 });
    let credential = bench.owner.post("/api/credentials", credential).await.expect(201);
    let with = json!({ "credential_ids": [credential["id"]] });
    bench.agent_with("a", with.clone()).await;
    bench.agent_with("b", with).await;
    let steps = json!([{ "id": "one", "agent_id": "b" }, { "id": "two", "agent_id": "b" }]);
    let path = bench.chain(chain("Twice", steps)).await;
    let direct = bench.begin("/api/agents/a", json!({})).await;
    bench.peer.has_received(1).await;
    let run = bench.begin(&path, json!({})).await;
    bench.has(1, 1).await;
    assert_eq!(bench.peer.received_count(), 1);
    gate.add_permits(1);
    bench.completes(&[&direct, &run]).await;
    assert_eq!(bench.asked(), ["/a", "/b", "/b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_urgent_run_takes_its_step_before_others() {
    let (bench, gate) = gated(|_| {}).await;
    bench.agent_with("a", at_most(1)).await;
    let path = bench.asking("a").await;
    let begin = async |text: &str, priority: i8| {
        let body = json!({ "input": { "from": text }, "wait_ms": 0, "priority": priority });
        let answer = bench.owner.post(&format!("{path}/execute"), body).await;
        answer.header("location").expect("a place").to_owned()
    };
    let mut runs = vec![begin("first", 0).await];
    bench.peer.has_received(1).await;
    for (nth, (text, priority)) in [("idle", -5), ("usual", 0), ("urgent", 5)].into_iter().enumerate() {
        runs.push(begin(text, priority).await);
        bench.has(1, nth + 1).await;
    }
    gate.add_permits(4);
    bench.completes(&runs.iter().collect::<Vec<_>>()).await;
    let order: Vec<_> = bench.peer.received().iter().map(|it| it.json()["from"].clone()).collect();
    assert_eq!(order, ["first", "urgent", "usual", "idle"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_step_waits_can_be_cancelled_and_leaves_no_place_taken() {
    let (bench, gate) = gated(|_| {}).await;
    bench.agent_with("a", at_most(1)).await;
    let path = bench.asking("a").await;
    let first = bench.begin(&path, json!({})).await;
    bench.peer.has_received(1).await;
    let waiting = bench.begin(&path, json!({})).await;
    let last = bench.begin(&path, json!({})).await;
    bench.has(1, 2).await;
    let cancelled = bench.owner.post(&format!("{waiting}/cancel"), json!({})).await.expect(200);
    assert_eq!(cancelled["status"], "cancelled");
    gate.add_permits(2);
    bench.completes(&[&first, &last]).await;
    assert_eq!(bench.peer.received_count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_step_waits_ends_with_its_time() {
    let (bench, gate) = gated(|_| {}).await;
    bench.agent_with("a", at_most(1)).await;
    let direct = bench.begin("/api/agents/a", json!({})).await;
    bench.peer.has_received(1).await;
    let mut short = chain("Short", json!([{ "id": "one", "agent_id": "a" }]));
    short["timeout_ms"] = json!(200);
    let path = bench.chain(short).await;
    let run = bench.begin(&path, json!({})).await;
    let (ended, _) = bench.ended(&run).await;
    assert_eq!((&ended["status"], &ended["error"]["code"]), (&json!("timeout"), &json!("ExecutionTimeout")));
    gate.add_permits(1);
    bench.completes(&[&direct]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_waits_for_its_turn_waits_on_after_a_restart() {
    let (bench, gate) = gated(|_| {}).await;
    bench.agent_with("a", at_most(1)).await;
    bench.agent("b").await;
    let direct = bench.begin("/api/agents/a", json!({})).await;
    bench.peer.has_received(1).await;
    let steps = json!([{ "id": "one", "agent_id": "b" }, { "id": "two", "agent_id": "a" }]);
    let path = bench.chain(chain("Two", steps)).await;
    let run = bench.begin(&path, json!({})).await;
    bench.has(1, 1).await;
    let bench = bench.restart().await;
    bench.has(1, 1).await;
    gate.add_permits(9);
    bench.completes(&[&direct, &run]).await;
    let asked = bench.asked();
    assert_eq!(asked.iter().filter(|it| *it == "/b").count(), 1, "the first step is behind it: {asked:?}");
}
