//! The same for many runs: counted and priced first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::{Bench, ok};
use crate::support::peer::answer;

impl Bench {
    async fn bulk(&self, body: Value) -> Value {
        self.owner.post("/api/executions/bulk", body).await.expect(200)
    }

    async fn dead(&self) -> Vec<Value> {
        let page = self.owner.get("/api/executions?dead=true").await.expect(200);
        page["items"].as_array().expect("runs").clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_counted_priced_and_tried_again() {
    let is_well = Arc::new(AtomicBool::new(false));
    let well = is_well.clone();
    let script = move |_: &_, _| if well.load(Ordering::SeqCst) { ok() } else { answer(503, &[], "down") };
    let bench = Bench::new(script).await;
    let retry = json!({ "max_attempts": 2, "backoff_ms": 1, "max_backoff_ms": 1 });
    let agent = bench.agent("A", json!({ "retry": retry })).await;
    for _ in 0..3 {
        let answer = bench.owner.post(&format!("{agent}/execute"), json!({ "input": {} })).await;
        answer.expect_error(502, "ExecutionFailed");
    }
    assert_eq!(bench.dead().await.len(), 3);
    is_well.store(true, Ordering::SeqCst);
    bench.ended(&bench.begin(&agent, json!({})).await).await;

    let asked = json!({ "filter": { "dead": true }, "action": "retry" });
    let mut dry = asked.clone();
    dry["dry_run"] = json!(true);
    let counted = bench.bulk(dry).await;
    assert_eq!((&counted["matched"], &counted["counted_all"]), (&json!(3), &json!(true)));
    assert_eq!((&counted["estimated_cost_micros"], &counted["unpriced"]), (&Value::Null, &json!(3)));
    assert_eq!((&counted["done"], &counted["groups"][0]["runs"]), (&json!(0), &json!(3)));
    assert_eq!(bench.dead().await.len(), 3, "counting changes nothing");

    let done = bench.bulk(asked.clone()).await;
    assert_eq!((&done["matched"], &done["done"], &done["next_cursor"]), (&json!(3), &json!(3), &Value::Null));
    assert!(bench.dead().await.is_empty());
    let again = bench.bulk(json!({ "filter": { "status": "failed" }, "action": "retry" })).await;
    assert_eq!((&again["matched"], &again["done"]), (&json!(0), &json!(0)), "each is tried again once");
    let failed = bench.owner.get("/api/executions?status=failed").await.expect(200);
    for run in failed["items"].as_array().expect("runs") {
        let next = run["retried_by"].as_str().expect("the run that repeats it");
        let next = bench.ended(&format!("/api/executions/{next}")).await;
        assert_eq!((&next["status"], &next["trigger"]["retry_of"]), (&json!("completed"), &run["id"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_cancel_reaches_what_fits_and_nothing_else() {
    let (bench, gate) = Bench::gated(|_| {}).await;
    let one = bench.agent("One", json!({ "max_concurrency": 1 })).await;
    let other = bench.agent("Other", json!({})).await;
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(bench.begin(&one, json!({})).await);
    }
    let spared = bench.begin(&other, json!({})).await;
    bench.peer.has_received(2).await;
    bench.owner.post(&format!("{}/pause", runs[2]), json!({})).await.expect(200);
    let done = bench.bulk(json!({ "filter": { "agent_id": "one" }, "action": "cancel" })).await;
    assert_eq!((&done["matched"], &done["done"]), (&json!(3), &json!(3)));
    for run in &runs {
        assert_eq!(bench.owner.get(run).await.expect(200)["status"], "cancelled");
    }
    gate.add_permits(9);
    assert_eq!(bench.ended(&spared).await["status"], "completed");
    assert!(bench.dead().await.is_empty(), "what was cancelled is no dead letter");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_is_none_is_refused() {
    let bench = Bench::new(|_, _| ok()).await;
    for wrong in [
        json!({ "action": "cancel" }),
        json!({ "filter": { "state": "failed" }, "action": "cancel" }),
        json!({ "filter": {}, "action": "explode" }),
        json!({ "filter": {}, "action": "cancel", "cursor": "zzzz" }),
    ] {
        bench.owner.post("/api/executions/bulk", wrong).await.expect_error(422, "ValidationFailed");
    }
    let missing = json!({ "filter": { "agent_id": "nobody" }, "action": "cancel" });
    bench.owner.post("/api/executions/bulk", missing).await.expect_error(404, "AgentNotFound");
}
