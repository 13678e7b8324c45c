//! What is refused, what waits, and for whom.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Bench, ok};
use crate::agents::published;
use crate::support::peer::Step;

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
async fn large_inputs_are_at_work_only_while_there_is_memory_for_them() {
    let (bench, gate) = Bench::gated(|it| it.engine.large_inputs_bytes = 4 << 20).await;
    let agent = bench.agent("A", json!({})).await;
    let mut runs = Vec::new();
    for _ in 0..3 {
        // Twice their size is what they take: one fits into the organization's half, two do not.
        runs.push(bench.begin(&agent, json!({ "input": { "text": "x".repeat(600_000) } })).await);
    }
    bench.peer.has_received(1).await;
    let stats = bench.appliance.inner.services.engine.stats();
    assert_eq!((stats.running, stats.queued), (1, 2), "the others wait as rows");
    gate.add_permits(3);
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

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_limits_the_runs_of_all_agents_that_use_it() {
    let (bench, gate) = Bench::gated(|_| {}).await;
    let credential =
        json!({ "name": "C", "kind": "bearer", "value": { "token": "t-1" }, "max_concurrency": 1 });
    let credential = bench.owner.post("/api/credentials", credential).await.expect(201);
    assert_eq!(credential["max_concurrency"], 1);
    let with = json!({ "credential_ids": [credential["id"]] });
    let (one, other) = (bench.agent_with("A", &with).await, bench.agent_with("B", &with).await);
    let free = bench.agent("C", json!({})).await;
    let first = bench.begin(&one, json!({})).await;
    bench.peer.has_received(1).await;
    let second = bench.begin(&other, json!({})).await;
    let third = bench.begin(&free, json!({})).await;
    bench.peer.has_received(2).await;
    let engine = &bench.appliance.inner.services.engine;
    assert_eq!(
        (engine.stats().running, engine.stats().queued),
        (2, 1),
        "the second waits for the credential"
    );
    assert_eq!(bench.owner.get(&second).await.expect(200)["status"], "pending");
    gate.add_permits(3);
    for run in [first, second, third] {
        assert_eq!(bench.ended(&run).await["status"], "completed");
    }
    let wrong = json!({ "name": "D", "kind": "bearer", "value": { "token": "t" }, "max_concurrency": 0 });
    bench.owner.post("/api/credentials", wrong).await.expect_error(422, "ValidationFailed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_takes_too_long_is_followed_by_another() {
    let bench = Bench::new(|_, nth| if nth == 0 { vec![Step::Hang] } else { ok() }).await;
    let retry = json!({ "max_attempts": 2, "backoff_ms": 1, "max_backoff_ms": 1 });
    let agent = bench.agent("A", json!({ "retry": retry, "attempt_timeout_ms": 100 })).await;
    let run = bench.begin(&agent, json!({})).await;
    let ended = bench.ended(&run).await;
    assert_eq!((&ended["status"], &ended["attempts"]), (&json!("completed"), &json!(2)));
    let lines = bench.owner.get(&format!("{run}/logs")).await.expect(200).to_string();
    assert!(lines.contains("the attempt did not end within 100 ms"), "{lines}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_too_long_for_its_turn_ends() {
    let (bench, gate) = Bench::gated(|_| {}).await;
    let agent = bench.agent("A", json!({ "max_concurrency": 1, "queue_timeout_ms": 100 })).await;
    let first = bench.begin(&agent, json!({})).await;
    bench.peer.has_received(1).await;
    let second = bench.begin(&agent, json!({})).await;
    let ended = bench.ended(&second).await;
    assert_eq!((&ended["status"], &ended["started_at"]), (&json!("timeout"), &json!(null)));
    let said = ended["error"]["message"].as_str().expect("a sentence");
    assert_eq!(said, "the run waited more than 100 ms for its turn, and did not begin");
    gate.add_permits(9);
    assert_eq!(bench.ended(&first).await["status"], "completed", "one that has begun is not concerned");
    let third = bench.begin(&agent, json!({})).await;
    assert_eq!(bench.ended(&third).await["status"], "completed", "the lane is free again");
}
