//! Runs that wait until someone says go on.

use serde_json::{Value, json};

use super::Bench;
use crate::support::peer::answer;

impl Bench {
    async fn act(&self, run: &str, verb: &str) -> Value {
        self.owner.post(&format!("{run}/{verb}"), json!({})).await.expect(200)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_run_waits_across_restarts_until_it_is_resumed() {
    let (bench, gate) = Bench::gated(|it| it.server.drain_ms = 50).await;
    let agent = bench.agent("A", json!({ "max_concurrency": 1 })).await;
    let first = bench.begin(&agent, json!({})).await;
    bench.peer.has_received(1).await;
    let second = bench.begin(&agent, json!({})).await;
    let paused = bench.act(&second, "pause").await;
    assert_eq!((&paused["status"], &paused["waiting_for"]), (&json!("waiting"), &json!("resume")));
    assert_eq!(bench.act(&second, "pause").await["status"], "waiting", "once more changes nothing");
    let listed = bench.owner.get("/api/executions?status=waiting").await.expect(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    gate.add_permits(9);
    assert_eq!(bench.ended(&first).await["status"], "completed");

    let bench = bench.restart().await;
    let third = bench.begin(&agent, json!({})).await;
    assert_eq!(bench.ended(&third).await["status"], "completed", "others go past it");
    let still = bench.owner.get(&second).await.expect(200);
    assert_eq!((&still["status"], &still["waiting_for"]), (&json!("waiting"), &json!("resume")));
    assert_eq!(bench.peer.received().len(), 2);
    let resumed = bench.act(&second, "resume").await;
    assert_eq!(resumed["waiting_for"], Value::Null);
    let ended = bench.ended(&second).await;
    assert_eq!((&ended["status"], &ended["paused_at"]), (&json!("completed"), &Value::Null));
    assert_eq!(bench.peer.received().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_at_work_cannot_be_paused() {
    let (bench, gate) = Bench::gated(|_| {}).await;
    let agent = bench.agent("A", json!({})).await;
    let run = bench.begin(&agent, json!({})).await;
    bench.peer.has_received(1).await;
    let error = bench.owner.post(&format!("{run}/pause"), json!({})).await.expect_error(409, "Conflict");
    assert!(error["error"]["message"].as_str().expect("words").contains("cannot be paused"), "{error}");
    bench.owner.post(&format!("{run}/resume"), json!({})).await.expect_error(409, "Conflict");
    gate.add_permits(1);
    assert_eq!(bench.ended(&run).await["status"], "completed");
    bench.owner.post(&format!("{run}/pause"), json!({})).await.expect_error(409, "Conflict");
    bench.owner.post(&format!("{run}/resume"), json!({})).await.expect_error(409, "Conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_between_two_attempts_can_be_paused_and_cancelled() {
    let bench = Bench::new(|_, _| answer(503, &[], "later")).await;
    let retry = json!({ "max_attempts": 3, "backoff_ms": 600_000, "max_backoff_ms": 600_000 });
    let agent = bench.agent("A", json!({ "retry": retry, "timeout_ms": 86_400_000 })).await;
    let run = bench.begin(&agent, json!({})).await;
    while bench.appliance.inner.services.engine.stats().paused == 0 {
        tokio::task::yield_now().await;
    }
    let paused = bench.act(&run, "pause").await;
    assert_eq!((&paused["status"], &paused["waiting_for"]), (&json!("waiting"), &json!("resume")));
    let cancelled = bench.act(&run, "cancel").await;
    assert_eq!((&cancelled["status"], &cancelled["waiting_for"]), (&json!("cancelled"), &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_waits_before_its_next_step() {
    let (bench, gate) = Bench::gated(|_| {}).await;
    let agent = bench.agent("A", json!({})).await;
    let agent = agent.rsplit('/').next().expect("an id or slug");
    let steps = json!([{ "id": "one", "agent_id": agent }, { "id": "two", "agent_id": agent }]);
    let chain = json!({ "name": "Steps", "steps": steps });
    let chain = bench.owner.post("/api/chains", chain).await.expect(201);
    let chain = format!("/api/chains/{}", chain["id"].as_str().expect("an id"));
    let run = bench.begin(&chain, json!({})).await;
    bench.peer.has_received(1).await;
    let asked = bench.act(&run, "pause").await;
    assert_eq!(asked["waiting_for"], Value::Null, "its step goes on");
    assert_ne!(asked["paused_at"], Value::Null);
    gate.add_permits(9);
    let waiting = loop {
        let now = bench.owner.get(&run).await.expect(200);
        if now["status"] == "waiting" {
            break now;
        }
        assert!(now["completed_at"].is_null(), "{now}");
        tokio::task::yield_now().await;
    };
    assert_eq!(waiting["waiting_for"], "resume");
    assert_eq!(bench.peer.received().len(), 1, "one step was taken");
    bench.act(&run, "resume").await;
    let ended = bench.ended(&run).await;
    assert_eq!((&ended["status"], &ended["attempts"]), (&json!("completed"), &json!(1)));
    assert_eq!(bench.peer.received().len(), 2, "no step was taken twice");
}
