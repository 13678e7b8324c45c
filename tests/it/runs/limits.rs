//! What is refused, what waits, and for whom.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Bench, ok};
use crate::agents::published;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_and_says_when_to_come_back() {
    let (bench, gate) = Bench::gated(|it| it.engine.max_queued_per_org = 2).await;
    let agent = bench.agent("A", json!({ "max_concurrency": 1 })).await;
    let first = bench.begin(&agent, json!({})).await;
    bench.peer.has_received(1).await;
    let waiting = [bench.begin(&agent, json!({})).await, bench.begin(&agent, json!({})).await];
    let body = json!({ "input": {}, "wait_ms": 0 });
    let refused = bench.owner.post(&format!("{agent}/execute"), body.clone()).await;
    let error = refused.expect_error(429, "ResourceExhausted");
    assert!(refused.header("retry-after").is_some());
    let usage = json!({ "resource": "queued_runs", "used": 2, "limit": 2 });
    assert_eq!(error["error"]["details"]["resource_usage"], usage);
    gate.add_permits(10);
    for run in [&first, &waiting[0], &waiting[1]] {
        assert_eq!(bench.ended(run).await["status"], "completed");
    }
    bench.owner.post(&format!("{agent}/execute"), body).await.expect(202);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_runs_so_many_at_once() {
    let (bench, gate) = Bench::gated(|_| {}).await;
    let narrow = bench.agent("A", json!({ "max_concurrency": 2 })).await;
    let wide = bench.agent("B", json!({})).await;
    let mut runs = Vec::new();
    for _ in 0..5 {
        runs.push(bench.begin(&narrow, json!({})).await);
    }
    bench.peer.has_received(2).await;
    runs.push(bench.begin(&wide, json!({})).await);
    bench.peer.has_received(3).await;
    let stats = bench.appliance.inner.services.engine.stats();
    assert_eq!((stats.running, stats.queued), (3, 3), "the other agent is not held up");
    gate.add_permits(6);
    for run in &runs {
        assert_eq!(bench.ended(run).await["status"], "completed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_organization_does_not_hold_up_another() {
    let (bench, gate) = Bench::gated(|it| it.engine.max_running = 1).await;
    let agent = bench.agent("A", json!({})).await;
    let stranger = bench.appliance.stranger().await;
    let theirs = published(&stranger, bench.webhook("A", &json!({}))).await;
    for n in 0..6 {
        bench.begin(&agent, json!({ "input": { "text": n.to_string() } })).await;
    }
    bench.peer.has_received(1).await;
    let body = json!({ "input": { "text": "theirs" }, "wait_ms": 0 });
    stranger.post(&format!("{theirs}/execute"), body).await.expect(202);
    gate.add_permits(10);
    bench.peer.has_received(7).await;
    let order: Vec<Value> = bench.peer.received().iter().map(|it| it.json()["text"].clone()).collect();
    let place = order.iter().position(|it| it == "theirs").expect("it ran");
    assert!(place <= 2, "{order:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_urgent_goes_first() {
    let (bench, gate) = Bench::gated(|_| {}).await;
    let agent = bench.agent("A", json!({ "max_concurrency": 1 })).await;
    bench.begin(&agent, json!({ "input": { "text": 0 } })).await;
    bench.peer.has_received(1).await;
    for (n, priority) in [(1, 0), (2, 9), (3, -9), (4, 9)] {
        bench.begin(&agent, json!({ "input": { "text": n }, "priority": priority })).await;
    }
    gate.add_permits(5);
    bench.peer.has_received(5).await;
    let order: Vec<Value> = bench.peer.received().iter().map(|it| it.json()["text"].clone()).collect();
    assert_eq!(order, [0, 2, 4, 1, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_begins_so_many_runs_a_minute() {
    let bench = Bench::new(|_, _| ok()).await;
    let agent = bench.agent("A", json!({ "rate_limit_per_minute": 3 })).await;
    let other = bench.agent("B", json!({ "rate_limit_per_minute": 3 })).await;
    let execute = format!("{agent}/execute");
    for _ in 0..3 {
        bench.owner.post(&execute, json!({ "input": {} })).await.expect(200);
    }
    let refused = bench.owner.post(&execute, json!({ "input": {} })).await;
    refused.expect_error(429, "RateLimited");
    let seconds: u64 = refused.header("retry-after").and_then(|it| it.parse().ok()).expect("seconds");
    assert!((1..=20).contains(&seconds), "{seconds}");
    bench.owner.post(&format!("{other}/execute"), json!({ "input": {} })).await.expect(200);
    assert_eq!(bench.peer.received().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_takes_no_new_work_and_lets_runs_end() {
    let (bench, gate) = Bench::gated(|it| it.server.drain_ms = 20_000).await;
    let agent = bench.agent("A", json!({ "max_concurrency": 1 })).await;
    let execute = format!("{agent}/execute");
    let waiting = tokio::spawn({
        let (owner, execute) = (bench.owner.clone(), execute.clone());
        async move { owner.post(&execute, json!({ "input": {} })).await }
    });
    bench.peer.has_received(1).await;
    let queued = bench.begin(&agent, json!({})).await;
    let (owner, anonymous, peer) = (bench.owner.clone(), bench.appliance.anonymous(), bench.peer);
    let stopping = tokio::spawn(bench.appliance.restart());
    while anonymous.get("/readyz").await.status == 200 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let refused = owner.post(&execute, json!({ "input": {}, "wait_ms": 0 })).await;
    refused.expect_error(503, "Unavailable");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(anonymous.get("/healthz").await.status, 200);
    gate.add_permits(1);
    assert_eq!(waiting.await.expect("answers").expect(200)["status"], "completed");
    let again = stopping.await.expect("starts again");
    gate.add_permits(1);
    let bench = Bench { owner: again.owner().await, appliance: again, peer };
    assert_eq!(bench.ended(&queued).await["status"], "completed");
    assert_eq!(bench.peer.received().len(), 2, "what waited ran once, in the next process");
}
