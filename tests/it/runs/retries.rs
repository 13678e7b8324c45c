//! Attempts that follow attempts, and runs that repeat runs.

use serde_json::json;

use super::{Bench, ok};
use crate::support::events::{Events, assert_whole};
use crate::support::peer::{Step, answer, json as json_answer};

#[tokio::test(flavor = "multi_thread")]
async fn a_far_end_that_fails_twice_is_asked_three_times_with_one_key() {
    let bench = Bench::new(|_, n| if n < 2 { answer(503, &[], "later") } else { ok() }).await;
    let retry = json!({ "max_attempts": 3, "backoff_ms": 20, "max_backoff_ms": 40 });
    let agent = bench.agent("A", json!({ "retry": retry })).await;
    let run = bench.owner.post(&format!("{agent}/execute"), json!({ "input": {} })).await.expect(200);
    assert_eq!((&run["attempts"], &run["usage"]["api_calls"]), (&json!(3), &json!(3)));
    let calls = bench.peer.received();
    let keys: Vec<_> = calls.iter().map(|it| it.header("idempotency-key")).collect();
    assert_eq!(keys, vec![run["id"].as_str(); 3]);
    let path = format!("/api/executions/{}/events", run["id"].as_str().expect("an id"));
    let events = Events::get(&bench.owner, &path).await.rest().await;
    assert_whole(&events, 1);
    let started: Vec<_> = events
        .iter()
        .filter(|it| it.kind == "execution.started")
        .map(|it| it.data["attempt"].clone())
        .collect();
    assert_eq!(started, [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_far_end_that_names_a_time_is_heard() {
    let limited = |n| if n == 0 { answer(429, &[("Retry-After", "1")], "slow down") } else { ok() };
    let bench = Bench::new(move |_, n| limited(n)).await;
    let retry = json!({ "max_attempts": 2, "backoff_ms": 1, "max_backoff_ms": 1 });
    let agent = bench.agent("A", json!({ "retry": retry })).await;
    let run = bench.owner.post(&format!("{agent}/execute"), json!({ "input": {} })).await.expect(200);
    assert!(run["usage"]["duration_ms"].as_u64().expect("a number") >= 1_000, "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_come_to_an_end() {
    let bench = Bench::new(|_, _| answer(503, &[], "never")).await;
    let retry = json!({ "max_attempts": 2, "backoff_ms": 1, "max_backoff_ms": 1 });
    let agent = bench.agent("A", json!({ "retry": retry })).await;
    let error = bench.owner.post(&format!("{agent}/execute"), json!({ "input": {} })).await;
    let error = error.expect_error(502, "ExecutionFailed");
    assert_eq!(error["error"]["details"]["attempts"], 2);
    assert_eq!(bench.peer.received().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_run_once_is_asked_once() {
    let bench = Bench::new(|_, _| answer(503, &[], "later")).await;
    let agent = bench.agent("A", json!({ "delivery": "at_most_once" })).await;
    let error = bench.owner.post(&format!("{agent}/execute"), json!({ "input": {} })).await;
    error.expect_error(502, "ExecutionFailed");
    assert_eq!(bench.peer.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_survives_a_restart_and_attempts_are_counted_on() {
    let bench =
        Bench::new(|_, n| if n == 0 { answer(503, &[("Retry-After", "1")], "later") } else { ok() }).await;
    let agent = bench.agent("A", json!({})).await;
    let run = bench.begin(&agent, json!({})).await;
    let mut events = Events::get(&bench.owner, &format!("{run}/events")).await;
    while events.next().await.is_some_and(|it| !it.data["message"].as_str().unwrap_or("").contains("next in"))
    {
    }
    drop(events);
    let bench = bench.restart().await;
    let ended = bench.ended(&run).await;
    assert_eq!((&ended["status"], &ended["attempts"]), (&json!("completed"), &json!(2)));
    let events = Events::get(&bench.owner, &format!("{run}/events")).await.rest().await;
    assert_whole(&events, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pausing_run_is_cancelled_at_once() {
    let bench = Bench::new(|_, _| answer(503, &[("Retry-After", "20")], "later")).await;
    let agent = bench.agent("A", json!({})).await;
    let run = bench.begin(&agent, json!({})).await;
    while bench.appliance.inner.services.engine.stats().paused == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    assert_eq!(
        bench.owner.post(&format!("{run}/cancel"), json!({})).await.expect(200)["status"],
        "cancelled"
    );
    assert_eq!(bench.appliance.inner.services.engine.stats().paused, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_at_work_at_a_stop_is_attempted_again_or_told() {
    let bench = Bench::with(
        |it| it.server.drain_ms = 50,
        |it, n| if n < 2 { vec![Step::Hang] } else { json_answer(&it.json()) },
    )
    .await;
    let twice = bench.agent("A", json!({})).await;
    let once = bench.agent("B", json!({ "delivery": "at_most_once" })).await;
    let (twice, once) = (bench.begin(&twice, json!({})).await, bench.begin(&once, json!({})).await);
    bench.peer.has_received(2).await;
    let bench = bench.restart().await;
    assert_eq!(bench.ended(&twice).await["status"], "completed");
    let once = bench.ended(&once).await;
    assert_eq!((&once["status"], &once["error"]["code"]), (&json!("failed"), &json!("Interrupted")));
    let keys: Vec<_> =
        bench.peer.received().iter().map(|it| it.header("idempotency-key").map(str::to_owned)).collect();
    let calls = keys.iter().filter(|it| it.as_deref() == once["id"].as_str()).count();
    assert_eq!((calls, keys.len()), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_run_is_run_once_more_on_the_same_version_or_the_current_one() {
    let bench = Bench::new(|it, _| json_answer(&json!(it.line()))).await;
    let agent = bench.agent("A", json!({})).await;
    let run = bench.begin(&agent, json!({ "session_id": "s", "metadata": { "a": 1 } })).await;
    let first = bench.ended(&run).await;
    let change = json!({ "config": { "url": bench.peer.url("/new") } });
    bench.owner.post(&format!("{agent}/versions"), json!({})).await.expect(201);
    bench.owner.patch(&agent, change).await.expect(200);
    bench.owner.post(&format!("{agent}/versions/draft/publish"), json!({})).await.expect(200);
    let retry = async |body| bench.owner.post(&format!("{run}/retry"), body).await.expect(200);
    let same = retry(json!({ "version": "same" })).await;
    let current = retry(json!({ "version": "current" })).await;
    assert_eq!((&same["output"], &current["output"]), (&json!("POST /work"), &json!("POST /new")));
    assert_ne!(same["id"], first["id"]);
    assert_eq!((&same["trigger"]["kind"], &same["trigger"]["retry_of"]), (&json!("retry"), &first["id"]));
    for field in ["input", "session_id", "metadata", "agent_version"] {
        assert_eq!(same[field], first[field]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_under_way_cannot_be_repeated() {
    let (bench, gate) = Bench::gated(|_| {}).await;
    let agent = bench.agent("A", json!({})).await;
    let run = bench.begin(&agent, json!({})).await;
    bench.owner.post(&format!("{run}/retry"), json!({})).await.expect_error(409, "Conflict");
    gate.add_permits(1);
    bench.ended(&run).await;
}
