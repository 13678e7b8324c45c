//! How runs end.

use reeve::access::Role;
use serde_json::{Value, json};

use super::{Bench, ok};
use crate::agents::published;
use crate::support::events::{Events, assert_whole};
use crate::support::peer::{Step, answer, json as json_answer};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_waited_for_and_kept() {
    let bench = Bench::new(|it, _| json_answer(&json!({ "echo": it.json() }))).await;
    let agent = bench.agent("A", json!({})).await;
    let body = json!({ "input": { "n": 1 }, "session_id": "s", "metadata": { "k": "v" } });
    let answer = bench.owner.post(&format!("{agent}/execute"), body).await;
    let run = answer.expect(200);
    assert_eq!((&run["status"], &run["output"]), (&json!("completed"), &json!({ "echo": { "n": 1 } })));
    assert_eq!((&run["attempts"], &run["agent_version"]), (&json!(1), &json!("1.0.0")));
    assert_eq!((&run["session_id"], &run["metadata"]), (&json!("s"), &json!({ "k": "v" })));
    assert_eq!((&run["error"], &run["usage"]["api_calls"]), (&Value::Null, &json!(1)));
    let path = format!("/api/executions/{}", run["id"].as_str().expect("an id"));
    assert_eq!(answer.header("location"), Some(path.as_str()));
    assert_eq!(bench.owner.get(&path).await.expect(200), run);
    assert_eq!(bench.peer.last().header("idempotency-key"), run["id"].as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_wait_gets_202_and_the_place() {
    let (bench, gate) = Bench::gated(|_| {}).await;
    let agent = bench.agent("A", json!({})).await;
    let answer = bench.owner.post(&format!("{agent}/execute"), json!({ "input": {}, "wait_ms": 0 })).await;
    let run = answer.expect(202);
    let path = answer.header("location").expect("a place").to_owned();
    assert_eq!(path, format!("/api/executions/{}", run["id"].as_str().expect("an id")));
    bench.peer.has_received(1).await;
    let running = bench.owner.get(&path).await.expect(200);
    assert_eq!((&running["status"], &running["attempts"]), (&json!("running"), &json!(1)));
    gate.add_permits(1);
    assert_eq!(bench.ended(&path).await["status"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_wait_gets_202_however_quickly_the_run_fails() {
    let bench = Bench::new(|_, _| answer(400, &[], "no")).await;
    let agent = bench.agent("A", json!({})).await;
    for _ in 0..40 {
        let run = bench.begin(&agent, json!({})).await;
        assert_eq!(bench.ended(&run).await["status"], "failed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_run_is_cancelled_and_the_far_end_sees_it() {
    let bench = Bench::new(|_, _| vec![Step::Hang]).await;
    let agent = bench.agent("A", json!({})).await;
    let run = bench.begin(&agent, json!({})).await;
    bench.peer.has_received(1).await;
    let ended = bench.owner.post(&format!("{run}/cancel"), json!({})).await.expect(200);
    assert_eq!(ended["status"], "cancelled");
    bench.peer.left_alone().await;
    let again = bench.owner.post(&format!("{run}/cancel"), json!({})).await.expect(200);
    assert_eq!(again, ended, "what has ended stays as it is");
    let events = Events::get(&bench.owner, &format!("{run}/events")).await.rest().await;
    assert_whole(&events, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_run_is_cancelled_before_it_begins() {
    let (bench, gate) = Bench::gated(|_| {}).await;
    let agent = bench.agent("A", json!({ "max_concurrency": 1 })).await;
    let first = bench.begin(&agent, json!({})).await;
    bench.peer.has_received(1).await;
    let second = bench.begin(&agent, json!({})).await;
    let ended = bench.owner.post(&format!("{second}/cancel"), json!({})).await.expect(200);
    assert_eq!((&ended["status"], &ended["started_at"]), (&json!("cancelled"), &Value::Null));
    gate.add_permits(2);
    assert_eq!(bench.ended(&first).await["status"], "completed");
    assert_eq!(bench.peer.received().len(), 1);
    assert_eq!(bench.appliance.inner.services.engine.stats().queued, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_at_any_moment_ends_every_run() {
    let bench = Bench::new(|_, n| if n % 2 == 0 { vec![Step::Hang] } else { ok() }).await;
    let agent = bench.agent("A", json!({ "max_concurrency": 3 })).await;
    let runs = (0..40).map(async |n: u64| {
        let run = bench.begin(&agent, json!({})).await;
        tokio::time::sleep(std::time::Duration::from_micros(n * 211)).await;
        bench.owner.post(&format!("{run}/cancel"), json!({})).await.expect(200)
    });
    for run in futures_util::future::join_all(runs).await {
        let status = run["status"].as_str().expect("a status");
        assert!(["cancelled", "completed"].contains(&status), "{run}");
    }
    let stats = bench.appliance.inner.services.engine.stats();
    assert_eq!((stats.queued, stats.paused), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_takes_too_long_times_out() {
    let bench = Bench::new(|_, _| vec![Step::Hang]).await;
    let agent = bench.agent("A", json!({ "timeout_ms": 150 })).await;
    let answer = bench.owner.post(&format!("{agent}/execute"), json!({ "input": {} })).await;
    let error = answer.expect_error(504, "ExecutionTimeout");
    let id = error["error"]["details"]["execution_id"].as_str().expect("an id").to_owned();
    let run = bench.owner.get(&format!("/api/executions/{id}")).await.expect(200);
    assert_eq!((&run["status"], &run["error"]["code"]), (&json!("timeout"), &json!("ExecutionTimeout")));
    bench.peer.left_alone().await;
    let usage = &run["usage"];
    assert_eq!((&usage["api_calls"], &usage["cost_micros"]), (&json!(1), &serde_json::Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn input_and_output_must_fit_their_schemas() {
    let bench = Bench::new(|_, _| json_answer(&json!({ "n": "no number" }))).await;
    let number = json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] });
    let agent = bench.agent_with("A", &json!({ "input_schema": number, "output_schema": number })).await;
    let execute = format!("{agent}/execute");
    let error = bench.owner.post(&execute, json!({ "input": { "n": 1.5 } })).await;
    let error = error.expect_error(422, "InvalidInput");
    assert_eq!(error["error"]["details"]["validation_errors"][0]["path"], "/input/n");
    assert!(bench.peer.received().is_empty());
    let error = bench.owner.post(&execute, json!({ "input": { "n": 1 } })).await;
    let error = error.expect_error(502, "InvalidOutput");
    assert_eq!(error["error"]["details"]["attempts"], 1, "it is not asked again: {error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_that_is_too_large_is_not_kept() {
    let script = |_: &_, _| json_answer(&json!("x".repeat(5_000)));
    let bench = Bench::with(|it| it.limits.output_bytes = 1_000, script).await;
    let agent = bench.agent("A", json!({})).await;
    let error = bench.owner.post(&format!("{agent}/execute"), json!({ "input": {} })).await;
    error.expect_error(502, "InvalidOutput");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_far_end_is_told_with_the_runs_id() {
    let bench = Bench::new(|_, _| answer(400, &[], "no")).await;
    let agent = bench.agent("A", json!({})).await;
    let error = bench.owner.post(&format!("{agent}/execute"), json!({ "input": {} })).await;
    let error = error.expect_error(502, "ExecutionFailed");
    let id = error["error"]["details"]["execution_id"].as_str().expect("an id");
    let run = bench.owner.get(&format!("/api/executions/{id}")).await.expect(200);
    assert_eq!((&run["status"], &run["attempts"]), (&json!("failed"), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_a_deprecated_agent_say_so() {
    let bench = Bench::new(|_, _| ok()).await;
    let agent = bench.agent("A", json!({})).await;
    let execute = format!("{agent}/execute");
    let answer = bench.owner.post(&execute, json!({ "input": {} })).await;
    assert_eq!(answer.header("deprecation"), None);
    bench.owner.post(&format!("{agent}/deprecate"), json!({})).await.expect(200);
    let answer = bench.owner.post(&execute, json!({ "input": {} })).await;
    answer.expect(200);
    assert_eq!(answer.header("deprecation"), Some("true"));
    let stream = Events::post(&bench.owner, &format!("{execute}/stream"), json!({ "input": {} })).await;
    assert_eq!(stream.headers["deprecation"], "true");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_see_a_run_learns_nothing_of_it() {
    let bench = Bench::new(|_, _| ok()).await;
    let agent = bench.agent("A", json!({})).await;
    let run = bench.begin(&agent, json!({})).await;
    bench.ended(&run).await;
    let missing = "/api/executions/exe_01m7ys3z8jf58r4gh0tnqmwcwc";
    let stranger = bench.appliance.stranger().await;
    let viewer = bench.appliance.caller(Role::Operator).await;
    for caller in [&stranger, &viewer] {
        for part in ["", "/events", "/logs"] {
            let theirs = caller.get(&format!("{run}{part}")).await.expect_error(404, "NotFound");
            let nothing = caller.get(&format!("{missing}{part}")).await.expect_error(404, "NotFound");
            let without_id = |it: &Value, path: &str| {
                let id = path.rsplit('/').next().expect("an id");
                it["error"]["message"].as_str().expect("text").replace(id, "")
            };
            assert_eq!(without_id(&theirs, &run), without_id(&nothing, missing));
            assert_eq!(theirs["error"]["details"], nothing["error"]["details"]);
        }
        for verb in ["cancel", "retry"] {
            caller.post(&format!("{run}/{verb}"), json!({})).await.expect_error(404, "NotFound");
        }
        assert_eq!(caller.get("/api/executions").await.expect(200)["items"], json!([]));
        caller
            .post(&format!("{agent}/execute"), json!({ "input": {} }))
            .await
            .expect_error(404, "AgentNotFound");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_says_whether_the_far_end_was_told() {
    let bench = Bench::new(|_, _| vec![Step::Hang]).await;
    let webhook = bench.agent("A", json!({ "max_concurrency": 1 })).await;
    let chat = json!({ "base_url": bench.peer.url("/v1"), "model": "m" });
    let chat = json!({ "name": "B", "agent_type": "openai", "config": chat });
    let chat = published(&bench.owner, chat).await;
    let first = bench.begin(&webhook, json!({})).await;
    let queued = bench.begin(&webhook, json!({})).await;
    let told = bench.begin(&chat, json!({})).await;
    bench.peer.has_received(2).await;
    for (run, upstream, words) in [
        (queued, "confirmed", "it had not begun, and nothing was sent to the agent"),
        (first, "unknown", "the agent could not be told, and may still be at work"),
        (told, "told", "the agent was told to stop, and has not said whether it did"),
    ] {
        let ended = bench.owner.post(&format!("{run}/cancel"), json!({})).await.expect(200);
        assert_eq!(ended["cancellation"], json!({ "upstream": upstream, "message": words }));
        let lines = bench.owner.get(&format!("{run}/logs")).await.expect(200);
        let lines: Vec<_> =
            lines["items"].as_array().expect("lines").iter().map(|it| it["message"].clone()).collect();
        assert_eq!(lines.contains(&json!(words)), upstream != "confirmed", "{lines:?}");
    }
}
