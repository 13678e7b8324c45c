//! One key, one run: repeated requests, races, callers who leave.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Bench, ok};
use crate::support::events::Events;
use crate::support::http::Http;
use crate::support::peer::Step;
use crate::support::until;

fn key(bench: &Bench, key: &str) -> Http {
    bench.owner.with("idempotency-key", key)
}

async fn runs(bench: &Bench) -> Vec<Value> {
    bench.owner.get("/api/executions").await.expect(200)["items"].as_array().expect("items").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_is_the_same_run() {
    let bench = Bench::new(|_, _| ok()).await;
    let execute = format!("{}/execute", bench.agent("A", json!({})).await);
    let body = json!({ "input": { "n": 1 } });
    let first = key(&bench, "k").post(&execute, body.clone()).await;
    let again = key(&bench, "k").post(&execute, body.clone()).await;
    assert_eq!(first.expect(200), again.expect(200));
    assert_eq!(again.header("idempotent-replay"), Some("true"));
    assert_eq!(again.header("location"), first.header("location"));
    let other = key(&bench, "k").post(&execute, json!({ "input": { "n": 2 } })).await;
    other.expect_error(409, "IdempotencyKeyReused");
    assert_ne!(key(&bench, "l").post(&execute, body).await.expect(200)["id"], first.json()["id"]);
    assert_eq!((runs(&bench).await.len(), bench.peer.received().len()), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_with_one_key_are_one_run() {
    let (bench, gate) = Bench::gated(|_| {}).await;
    let execute = format!("{}/execute", bench.agent("A", json!({})).await);
    let all = (0..24).map(|_| {
        let (client, execute) = (key(&bench, "k"), execute.clone());
        tokio::spawn(async move { client.post(&execute, json!({ "input": {} })).await })
    });
    let all: Vec<_> = all.collect();
    bench.peer.has_received(1).await;
    gate.add_permits(24);
    let mut ids = Vec::new();
    for answer in all {
        ids.push(answer.await.expect("answers").expect(200)["id"].clone());
    }
    ids.dedup();
    assert_eq!((ids.len(), runs(&bench).await.len(), bench.peer.received().len()), (1, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_leaves_loses_nothing() {
    let bench = Bench::new(|_, n| if n == 0 { vec![Step::Hang] } else { ok() }).await;
    let execute = format!("{}/execute", bench.agent("A", json!({})).await);
    let body = json!({ "input": {} });
    let leaving = {
        let (client, execute, body) = (key(&bench, "k"), execute.clone(), body.clone());
        tokio::spawn(async move { client.post(&execute, body).await })
    };
    bench.peer.has_received(1).await;
    leaving.abort();
    let stream =
        Events::post(&key(&bench, "s"), &format!("{execute}/stream"), body.clone()).await.rest().await;
    let mut impatient = body.clone();
    impatient["wait_ms"] = json!(30_000);
    key(&bench, "k").post(&execute, impatient).await.expect_error(409, "IdempotencyKeyReused");
    let (owner, second) = (key(&bench, "k"), execute.clone());
    let attached = tokio::spawn(async move { owner.post(&second, body).await });
    let first = runs(&bench).await.last().expect("a run").clone();
    let path = format!("/api/executions/{}", first["id"].as_str().expect("an id"));
    bench.owner.post(&format!("{path}/cancel"), json!({})).await.expect(200);
    let error = attached.await.expect("answers").expect_error(409, "ExecutionCancelled");
    assert_eq!(error["error"]["details"]["execution_id"], first["id"]);
    assert_eq!(stream.last().expect("an end").data["status"], "completed");
    assert_eq!(runs(&bench).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_who_leave_at_any_moment_leave_no_run_behind() {
    let bench = Bench::new(|_, _| ok()).await;
    let execute = format!("{}/execute", bench.agent("A", json!({})).await);
    for n in 0..60_u64 {
        // A client of its own, so that leaving closes the connection.
        let client = Http::new(bench.owner.base.clone()).bearer(&bench.owner.access_token);
        let body = Bytes::from(json!({ "input": {}, "wait_ms": 0 }).to_string());
        let request = client.open(http::Method::POST, &execute, Some("application/json"), body);
        let _ = tokio::time::timeout(std::time::Duration::from_micros(500 + n * 97), request).await;
    }
    let ended = async || runs(&bench).await.iter().all(|it| it["status"] == "completed");
    until("every run that was accepted ends", ended).await;
}
